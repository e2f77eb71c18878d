package cli

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/config"
)

// limitFlags are the flags for what a collection may hold.
type limitFlags struct {
	documents     int64
	size, content string
}

const (
	maxDocumentsFlag   = "max-documents"
	maxSizeFlag        = "max-size"
	maxContentSizeFlag = "max-content-size"
)

func (f *limitFlags) bind(flags *pflag.FlagSet) {
	flags.Int64Var(&f.documents, maxDocumentsFlag, 0, "documents that it may hold; 0 for any number")
	flags.StringVar(&f.size, maxSizeFlag, "", "size of their contents together, such as 500MB; 0 for any size")
	flags.StringVar(&f.content, maxContentSizeFlag, "", "size of one content, such as 10MB; 0 for any size")
}

// changed reports whether a limit is given.
func (f *limitFlags) changed(flags *pflag.FlagSet) bool {
	return flags.Changed(maxDocumentsFlag) || flags.Changed(maxSizeFlag) || flags.Changed(maxContentSizeFlag)
}

// set puts the limits that are given in the place of those there are.
func (f *limitFlags) set(flags *pflag.FlagSet, limits *sheaf.CollectionLimits) error {
	if flags.Changed(maxDocumentsFlag) {
		limits.Documents = f.documents
	}
	for _, size := range []struct {
		flag, text string
		into       *int64
	}{{maxSizeFlag, f.size, &limits.Bytes}, {maxContentSizeFlag, f.content, &limits.Content}} {
		if !flags.Changed(size.flag) {
			continue
		}
		bytes, err := config.ParseSize(size.text)
		if err != nil {
			return sheaf.Invalid("--"+size.flag, err.Error())
		}
		*size.into = bytes
	}
	return nil
}

// limitsText returns what a collection may hold for the line of that collection.
func limitsText(limits sheaf.CollectionLimits) (text string) {
	if limits.Documents > 0 {
		text += fmt.Sprintf(", at most %s", plural(int(limits.Documents), "document"))
	}
	if limits.Bytes > 0 {
		text += ", at most " + formatSize(limits.Bytes)
	}
	if limits.Content > 0 {
		text += ", contents of at most " + formatSize(limits.Content)
	}
	return text
}
