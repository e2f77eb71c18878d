// Package booktree finds books in directories, ZIP files and buckets, whoever has
// made these. A [Tree] is what there is, [Tree.Books] says which books that are.
//
// Nothing of a tree is trusted: not its names, which reach no file system, not
// what it says of its sizes, and not that what is a file when it is listed is one
// when it is opened.
package booktree

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// Limits bound what a tree may have.
type Limits struct {
	Files int   // at most
	Bytes int64 // of all files together, as they are or, of a ZIP file, as it says
}

// DefaultLimits are generous: they are there for what was made to do harm.
func DefaultLimits() Limits { return Limits{Files: 1_000_000, Bytes: 256 << 30} }

// A File is a file of a tree.
type File struct {
	Path string // with slashes, as the tree has it; of a file of a [Book], in that
	Size int64

	// Refused says why the file cannot be taken; empty: it can, as far as is known.
	Refused string

	open func(context.Context) (io.ReadCloser, error)
}

// Open opens a file. The caller closes it. More than Size bytes are an error, and
// so is to open one that is refused.
func (f *File) Open(ctx context.Context) (io.ReadCloser, error) {
	if f.Refused != "" {
		return nil, sheaf.Errorf(sheaf.ErrInvalid, "%s", f.Refused)
	}
	body, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	return &measured{body, f.Size}, nil
}

// A measured reader gives no more bytes than were announced.
type measured struct {
	io.ReadCloser
	left int64
}

func (m *measured) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	if m.left -= int64(n); m.left < 0 {
		return 0, errors.New("the file is larger than it was said to be")
	}
	return n, err
}

// A Tree is a tree of files. It may be used by several goroutines.
type Tree struct {
	Files  []File // in no order
	closer io.Closer
}

// Close closes what the tree is read from.
func (t *Tree) Close() error {
	if t.closer == nil {
		return nil
	}
	return t.closer.Close()
}

// A lister collects the files of a tree, within its limits.
type lister struct {
	limits Limits
	tree   *Tree
	bytes  int64
}

func (l *lister) add(f File) error {
	if f.Refused == "" {
		l.bytes += max(f.Size, 0)
	}
	switch {
	case len(l.tree.Files) == l.limits.Files:
		return sheaf.Errorf(sheaf.ErrTooLarge, "there are more than %d files", l.limits.Files).WithHint("import it in parts")
	case f.Size < 0 || l.bytes < 0 || l.bytes > l.limits.Bytes:
		return sheaf.Errorf(sheaf.ErrTooLarge, "the files have, or are said to have, more than %d bytes", l.limits.Bytes).
			WithHint("if it is what it should be, import it in parts, or with a larger --max-bytes")
	}
	l.tree.Files = append(l.tree.Files, f)
	return nil
}

// OpenDir returns the tree of a directory, which it does not leave: symbolic links
// are refused. The caller closes it.
func OpenDir(dir string, limits Limits) (*Tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	l := &lister{limits: limits, tree: &Tree{closer: root}}
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && name == ".":
			return err
		case err != nil:
			return l.add(File{Path: name, Refused: "it cannot be read: " + err.Error()})
		case entry.IsDir():
			return nil
		case !entry.Type().IsRegular():
			return l.add(File{Path: name, Refused: kindOf(entry.Type())})
		}
		info, err := entry.Info()
		if err != nil {
			return l.add(File{Path: name, Refused: "it cannot be read: " + err.Error()})
		}
		return l.add(File{Path: name, Size: info.Size(), open: func(context.Context) (io.ReadCloser, error) {
			file, err := root.Open(filepath.FromSlash(name))
			if err != nil {
				return nil, err
			}
			return regular(file)
		}})
	})
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return l.tree, nil
}

// regular returns a file that is one, and not what has taken its place: a pipe
// would be read for ever.
func regular(file *os.File) (io.ReadCloser, error) {
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New(kindOf(info.Mode()))
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "it is a symbolic link"
	case mode.IsDir():
		return "it is a directory"
	}
	return "it is not a regular file"
}

// OpenZip returns the tree of a ZIP file. What its directory says of the sizes has
// to keep within the limits before any file is opened, and a file that turns out
// to be larger than it says cannot be read to its end. The caller closes it.
func OpenZip(file string, limits Limits) (*Tree, error) {
	reader, err := zip.OpenReader(file)
	if errors.Is(err, zip.ErrInsecurePath) { // no name reaches a file system
		err = nil
	}
	if err != nil {
		return nil, sheaf.Errorf(sheaf.ErrInvalid, "%s cannot be read as a ZIP file: %w", file, err)
	}
	l := &lister{limits: limits, tree: &Tree{closer: reader}}
	for _, f := range reader.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		entry := File{Path: f.Name, Size: int64(f.UncompressedSize64), open: func(context.Context) (io.ReadCloser, error) { return f.Open() }}
		const encrypted = 1
		switch {
		case f.Flags&encrypted != 0:
			entry.Refused = "it is encrypted"
		case !f.Mode().IsRegular():
			entry.Refused = kindOf(f.Mode())
		}
		if err := l.add(entry); err != nil {
			return nil, errors.Join(err, reader.Close())
		}
	}
	return l.tree, nil
}

// OpenBucket returns the tree of the objects of a bucket.
func OpenBucket(ctx context.Context, bucket blob.Names, limits Limits) (*Tree, error) {
	l := &lister{limits: limits, tree: &Tree{}}
	err := bucket.ListNames(ctx, func(object blob.NamedObject) error {
		if strings.HasSuffix(object.Name, "/") { // as some programs mark directories
			return nil
		}
		return l.add(File{Path: object.Name, Size: object.Size, open: func(ctx context.Context) (io.ReadCloser, error) {
			return bucket.OpenName(ctx, object.Name)
		}})
	})
	if err != nil {
		return nil, err
	}
	return l.tree, nil
}

// check refuses paths that no book can have, whatever its store's limits.
func (f *File) check(limits sheaf.Limits) {
	if f.Refused != "" {
		return
	}
	if !utf8.ValidString(f.Path) {
		f.Refused = "its name is not UTF-8"
		return
	}
	if err := limits.CheckPath(f.Path); err != nil {
		f.Refused = err.Error()
	}
}

// within returns the path of a file below a directory, if it is there.
func within(dir, name string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(name, dir+"/")
	return rest, ok && rest != ""
}

// first returns the first segment of a path, and what follows.
func first(name string) (segment, rest string, ok bool) {
	segment, rest, ok = strings.Cut(name, "/")
	return segment, rest, ok && segment != "" && rest != ""
}

// base returns the last segment of a path.
func base(name string) string { return path.Base(name) }
