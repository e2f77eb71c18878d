package blob

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/sheaf-dev/sheaf"
)

// Names are objects of a bucket by names that people have given them: files of
// others beside the blobs of the store, in a directory of their own. Names are
// below that, with slashes.
type Names interface {
	// ListNames calls each for all objects, in any order, until it returns an
	// error, which ListNames returns.
	ListNames(ctx context.Context, each func(NamedObject) error) error

	// OpenName opens an object, or fails with ErrNotFound. The caller closes it; ctx
	// is for reading, too.
	OpenName(ctx context.Context, name string) (io.ReadCloser, error)

	// PutName stores size bytes of body under a name, in place of what is there.
	// It fails with ErrInvalid when the service has no such names. Body is read
	// as that of [Backend] is.
	PutName(ctx context.Context, name string, body io.Reader, size int64) error
}

// A Named is a backend whose bucket has a place for objects by names.
type Named interface {
	Backend

	// Names returns the objects below a prefix of the backend's own, such as
	// "books/". It fails with ErrInvalid when blobs may be there.
	Names(prefix string) (Names, error)
}

// A NamedObject is an object by its name.
type NamedObject struct {
	Name string
	Size int64
}

// Prefixes of names that need no escaping anywhere: Supabase wants the source of a
// copy as it is, other services escaped.
var prefixForm = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$`)

const mostPrefix = 512 // bytes; names have at most 1,024

// CheckPrefix fails unless a prefix, without a slash at its end, is one that all
// services take as it is.
func CheckPrefix(prefix string) error {
	if len(prefix) > mostPrefix || !prefixForm.MatchString(prefix) {
		return fmt.Errorf("%q is not a prefix: letters, digits, dots, hyphens and underscores, with single slashes between and at most %d bytes", prefix, mostPrefix)
	}
	return nil
}

// NamesDir returns the directory of a bucket that a prefix such as "books/" means,
// with a slash at its end. It fails with ErrInvalid when that is no place for what
// is not the store's: own are the directories, with slashes, that are.
func NamesDir(prefix string, own ...string) (string, error) {
	trimmed := strings.Trim(prefix, "/")
	if err := CheckPrefix(trimmed); err != nil {
		return "", sheaf.Invalid("prefix", "the prefix in the bucket is missing, or is none: letters, digits, dots, hyphens and underscores, with single slashes between")
	}
	dir := trimmed + "/"
	for _, its := range own {
		if strings.HasPrefix(dir, its) {
			return "", sheaf.Invalid("prefix", fmt.Sprintf("%s is where the store keeps its own", its))
		}
	}
	return dir, nil
}
