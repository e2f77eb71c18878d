package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/sheaf-dev/sheaf"
)

// A landing is where files are put that arrive: a directory that they cannot
// leave, not by a name and not by a symbolic link in it.
type landing struct {
	root      *os.Root
	dir       string // as the user wrote it
	overwrite bool
}

// openLanding opens the directory dir. The caller closes it.
func openLanding(dir string, overwrite bool) (*landing, error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, sheaf.Errorf(sheaf.ErrNotFound, "there is no directory %s", dir)
	}
	if err != nil {
		return nil, err
	}
	return &landing{root: root, dir: dir, overwrite: overwrite}, nil
}

// Close closes the directory.
func (l *landing) Close() error { return l.root.Close() }

// check reports what stands in the way of a file called name. It is worth asking
// before the content is fetched.
func (l *landing) check(name string) error {
	info, err := l.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.IsDir() || info.Mode()&(fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSocket) != 0:
		return sheaf.Errorf(sheaf.ErrExists, "%s is there and is not a file", l.shown(name)).
			WithHint("choose another name")
	case !l.overwrite:
		return l.taken(name)
	}
	return nil
}

func (l *landing) taken(name string) error {
	return sheaf.Errorf(sheaf.ErrExists, "the file %s exists", l.shown(name)).
		WithHint("replace it with --overwrite, or choose another name")
}

// shown returns the path of name as the user would write it.
func (l *landing) shown(name string) string { return filepath.Join(l.dir, name) }

// put writes a file called name, which may be a path, with what content holds,
// and returns its size.
// The file appears durably and whole or, on any error and when ctx ends, not at
// all: it is written under another name in the same directory first.
func (l *landing) put(ctx context.Context, name string, content io.Reader) (size int64, err error) {
	parent := filepath.Dir(name)
	if err := l.root.MkdirAll(parent, 0o777); err != nil {
		return 0, err
	}
	temporary := filepath.Join(parent, ".sheaf-"+rand.Text()+".tmp")
	file, err := l.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			l.root.Remove(temporary)
		}
	}()
	size, err = io.Copy(file, content)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close(), ctx.Err()); err != nil {
		return 0, err
	}
	if err := l.place(temporary, name); err != nil {
		return 0, err
	}
	return size, l.syncDirectory(parent)
}

// place gives the temporary file its name. Only a link refuses, in one step, to
// replace a file that has appeared meanwhile; where there are no links the name
// is taken first.
func (l *landing) place(temporary, name string) error {
	if l.overwrite {
		return l.root.Rename(temporary, name)
	}
	err := l.root.Link(temporary, name)
	switch {
	case err == nil:
		return l.root.Remove(temporary)
	case errors.Is(err, fs.ErrExist):
		return l.taken(name)
	}
	reserved, err := l.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return l.taken(name)
	}
	if err != nil {
		return err
	}
	reserved.Close()
	return l.root.Rename(temporary, name)
}

// syncDirectory makes the names in a directory durable. Windows does so by itself.
func (l *landing) syncDirectory(name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := l.root.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("sync directory %s: %w", l.shown(name), err)
	}
	return nil
}
