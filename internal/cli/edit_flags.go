package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

// editFlags are the edits of a command line, in the order in which they stand
// there. Their texts are not read before the whole line is known to make sense.
type editFlags struct {
	edits []flaggedEdit
}

// A flaggedEdit is an edit and the flag that began it. The flags that follow
// complete it.
type flaggedEdit struct {
	flag string
	edit sheaf.Edit
}

// editWith is the flag with the new text.
const editWith = "with"

// bind adds the flags. Each is called in the order of the command line, so that
// one that completes an edit finds it last in the list.
func (e *editFlags) bind(flags *pflag.FlagSet) {
	begin := func(name, usage string, read func(edit *sheaf.Edit, value string) error) {
		flags.Func(name, usage, func(value string) error {
			next := flaggedEdit{flag: name}
			err := read(&next.edit, value)
			e.edits = append(e.edits, next)
			return err
		})
	}
	text := func(field func(*sheaf.Edit) **string) func(*sheaf.Edit, string) error {
		return func(edit *sheaf.Edit, value string) error {
			*field(edit) = &value
			return nil
		}
	}
	begin("replace", "replace the exact `text`, which has to occur once", text(func(e *sheaf.Edit) **string { return &e.OldString }))
	begin("lines", "replace the `lines`, such as 10-20 or 7", readEditLines)
	begin("insert-after", "insert lines behind the `line`; 0 is the top", func(edit *sheaf.Edit, value string) error {
		line, err := strconv.Atoi(value)
		edit.InsertLine = &line
		return err
	})
	begin("section", "replace what stands under the Markdown `heading`", text(func(e *sheaf.Edit) **string { return &e.Section }))
	begin("append", "add `text` as lines at the end", text(func(e *sheaf.Edit) **string { return &e.Append }))
	begin("prepend", "add `text` as lines at the top", text(func(e *sheaf.Edit) **string { return &e.Prepend }))
	flags.Func(editWith, "the new `text` of the edit before", func(value string) error {
		last := e.last()
		if last == nil || last.edit.NewString != nil || last.edit.Append != nil || last.edit.Prepend != nil {
			return sheaf.Errorf(sheaf.ErrInvalid, "it follows --replace, --lines, --insert-after or --section")
		}
		last.edit.NewString = &value
		return nil
	})
	flags.BoolFunc("all", "let the --replace before replace every occurrence", func(string) error {
		last := e.last()
		if last == nil || last.edit.OldString == nil {
			return sheaf.Errorf(sheaf.ErrInvalid, "it follows --replace")
		}
		last.edit.ReplaceAll = true
		return nil
	})
}

func readEditLines(edit *sheaf.Edit, value string) error {
	first, last, isRange := strings.Cut(value, "-")
	start, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	edit.StartLine = &start
	if !isRange {
		return nil
	}
	end, err := strconv.Atoi(last)
	edit.EndLine = &end
	return err
}

func (e *editFlags) last() *flaggedEdit {
	if len(e.edits) == 0 {
		return nil
	}
	return &e.edits[len(e.edits)-1]
}

func (e *editFlags) given() bool { return len(e.edits) > 0 }

// read returns the edits with the texts that they name.
func (e *editFlags) read(cmd *cobra.Command) ([]sheaf.Edit, error) {
	edits := make([]sheaf.Edit, 0, len(e.edits))
	stdins := 0
	for _, flagged := range e.edits {
		edit := flagged.edit
		if edit.NewString == nil && edit.Append == nil && edit.Prepend == nil {
			return nil, usageError(cmd, "--%s needs --%s and the new text; an empty one deletes", flagged.flag, editWith)
		}
		for _, text := range []**string{&edit.OldString, &edit.NewString, &edit.Append, &edit.Prepend} {
			if *text == nil {
				continue
			}
			if **text == "@"+stdinArgument {
				stdins++
			}
			if stdins > 1 {
				return nil, usageError(cmd, "standard input can be only one of the texts")
			}
			read, err := readText(**text, cmd.InOrStdin())
			if err != nil {
				return nil, err
			}
			*text = &read
		}
		edits = append(edits, edit)
	}
	return edits, nil
}

// maxEditText is how many bytes of a file are taken as a text; no document that
// is edited has more.
const maxEditText = 8 << 20

// readText returns a text of the command line: what @FILE contains, else itself.
func readText(text string, stdin io.Reader) (string, error) {
	name, isFile := strings.CutPrefix(text, "@")
	switch {
	case !isFile:
		return text, nil
	case strings.HasPrefix(name, "@"):
		return name, nil
	}
	from := stdin
	if name != stdinArgument {
		file, err := os.Open(name)
		if err != nil {
			return "", about(name, missing(err))
		}
		defer file.Close()
		from = file
	}
	content, err := io.ReadAll(io.LimitReader(from, maxEditText+1))
	if err == nil && len(content) > maxEditText {
		err = sheaf.Errorf(sheaf.ErrTooLarge, "%s is larger than %s, the limit of a text", name, formatSize(maxEditText))
	}
	return string(content), err
}

// applyEdits applies the edits of the command line to the document, or shows what
// they would change.
func (o *editOptions) applyEdits(cmd *cobra.Command, id sheaf.DocumentID) error {
	read, err := o.readHash()
	if err != nil {
		return err
	}
	if o.merge && o.noMerge {
		return usageError(cmd, "--merge and --no-merge cannot both be")
	}
	if o.merge && read == nil {
		return usageError(cmd, "--merge needs --file-hash, to know what the edits were made for")
	}
	edits, err := o.edits.read(cmd)
	if err != nil {
		return err
	}
	in := client.EditInput{Edits: edits, FileHash: read, DryRun: o.dryRun, Message: o.message}
	if o.merge {
		in.OnConflict = client.ConflictMerges
	}
	if o.dryRun {
		return o.showEdits(cmd, id, in)
	}
	return o.changeOne(cmd, func(ctx context.Context, store *connection) (changed, error) {
		edited, err := store.Edit(ctx, id, in)
		if err == nil && edited.Mode == sheaf.ModeMerged {
			o.note(cmd, "somebody else wrote meanwhile; version %d has both changes", edited.Version)
		}
		return changed{Change: edited.Change, answer: edited}, hintFlags(err)
	})
}

// hintFlags returns an error of an edit whose hint speaks of flags.
func hintFlags(err error) error {
	var e *sheaf.Error
	if !errors.As(err, &e) {
		return err
	}
	return e.WithHint(strings.ReplaceAll(e.Hint, "set replace_all", "add --all"))
}

// showEdits prints the diff that edits would make.
func (o *editOptions) showEdits(cmd *cobra.Command, id sheaf.DocumentID, in client.EditInput) (err error) {
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	edited, err := store.Edit(cmd.Context(), id, in)
	if err != nil {
		return hintFlags(err)
	}
	if o.json {
		return printJSONLine(cmd.OutOrStdout(), edited)
	}
	if edited.Unified == "" {
		o.note(cmd, "nothing would be changed")
	}
	_, err = io.WriteString(cmd.OutOrStdout(), edited.Unified)
	return err
}
