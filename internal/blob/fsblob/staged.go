package fsblob

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A staged file holds the bytes of an object that has no name yet.
type staged struct {
	*os.File
	name string // in the tmp directory; empty of a file without a name
}

// stage creates an empty staged file. The caller discards it, linked or not.
func (b *Backend) stage() (*staged, error) {
	if b.unnamed {
		// In the root, not in the partition: files that are written one after
		// another then lie close to each other.
		f, err := openUnnamed(b.root)
		if err != nil {
			return nil, err
		}
		return &staged{File: f}, nil
	}
	name := filepath.Join(b.root, tmpDir, rand.Text())
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &staged{File: f, name: name}, nil
}

// fill writes a body that has to have the given size.
func (s *staged) fill(ctx context.Context, body io.Reader, size int64) error {
	const most = 256 << 10
	buf := make([]byte, min(size+1, most))
	// Only the Write method: ReadFrom of a file would make a buffer of its own.
	n, err := io.CopyBuffer(struct{ io.Writer }{s.File}, &contextReader{ctx, io.LimitReader(body, size+1)}, buf)
	if err == nil && n != size {
		err = fmt.Errorf("the body does not have the %d bytes that were announced", size)
	}
	return err
}

// link gives the file a name, which may not be taken: then the error is
// [fs.ErrExist].
func (s *staged) link(path string) error {
	if s.name == "" {
		return linkUnnamed(s.File, path)
	}
	err := os.Link(s.name, path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	// There are file systems without hard links. That two may rename to the
	// same name does no harm: their bytes are the same.
	if _, err := os.Lstat(path); err == nil {
		return fs.ErrExist
	}
	s.Close() // Windows renames no open file
	return os.Rename(s.name, path)
}

// discard closes the file and removes its name in the tmp directory. The name
// that link gave stays.
func (s *staged) discard() {
	s.Close()
	if s.name != "" {
		os.Remove(s.name)
	}
}

// A contextReader reads until its context is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
