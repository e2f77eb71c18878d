package fsblob

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// A staged file holds the bytes of an object that does not have its name yet.
type staged struct {
	*os.File
	moved bool
}

// stage creates an empty staged file. The caller discards it, named or not.
func (b *Backend) stage() (*staged, error) {
	f, err := os.OpenFile(filepath.Join(b.root, tmpDir, rand.Text()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &staged{File: f}, nil
}

// fill writes a body that has to have the given size.
func (s *staged) fill(ctx context.Context, body io.Reader, size int64) error {
	if file, ok := body.(*os.File); ok {
		return s.fillFrom(ctx, file, size)
	}
	const most = 256 << 10
	buf := make([]byte, min(size+1, most))
	// Only the Write method: ReadFrom of a file would make a buffer of its own.
	n, err := io.CopyBuffer(struct{ io.Writer }{s.File}, &contextReader{ctx, io.LimitReader(body, size+1)}, buf)
	if err == nil && n != size {
		err = fmt.Errorf("the body does not have the %d bytes that were announced", size)
	}
	return err
}

// fillFrom is fill with what follows in a file: the kernel can copy that by itself.
func (s *staged) fillFrom(ctx context.Context, file *os.File, size int64) error {
	const most = 8 << 20 // at once, or nobody could interrupt it
	for left := size; left > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.CopyN(s.File, file, min(left, most))
		if left -= n; err == io.EOF {
			return fmt.Errorf("the body does not have the %d bytes that were announced", size)
		}
		if err != nil {
			return err
		}
	}
	if n, err := file.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		if err == nil {
			err = fmt.Errorf("the body does not have the %d bytes that were announced", size)
		}
		return err
	}
	return nil
}

// discard closes the file and removes it, unless it has been moved to its name.
func (s *staged) discard() {
	s.Close()
	if !s.moved {
		os.Remove(s.Name())
	}
}

// moveTo gives the file a name, which may not be taken: then the error is
// [fs.ErrExist]. It closes the file first: Windows moves no open one.
func (s *staged) moveTo(path string) error {
	s.Close()
	err := move(s.Name(), path)
	s.moved = err == nil
	return err
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
