package bundle

import (
	"context"
	"fmt"
	"io"
)

// windowBuffer is how many bytes are collected before they are written. Data
// that does not fit is left to the writer to copy: it can send a file without
// reading it, but at the price of a few system calls, for which small entries
// are better written together.
const windowBuffer = 64 << 10

// A window is a range of what is written through it: a number of bytes after
// those that are skipped.
type window struct {
	w      io.Writer
	buffer []byte // what is not written yet
	skip   int64  // bytes that come before the window
	left   int64  // bytes until it ends
}

// clip returns which part, [from, from+n), of the next size bytes is within the
// window, and passes them.
func (o *window) clip(size int64) (from, n int64) {
	from = min(o.skip, size)
	o.skip -= from
	n = min(size-from, o.left)
	o.left -= n
	return from, n
}

// write writes what is within the window of p.
func (o *window) write(p []byte) error {
	from, n := o.clip(int64(len(p)))
	p = p[from : from+n]
	if err := o.makeRoom(len(p)); err != nil {
		return err
	}
	if len(p) > cap(o.buffer) {
		_, err := o.w.Write(p)
		return err
	}
	o.buffer = append(o.buffer, p...)
	return nil
}

// writeData writes what is within the window of the data of an entry, which is
// opened only if there is any.
func (o *window) writeData(ctx context.Context, e *Entry, open Opener) error {
	if e.content != nil {
		return o.write(e.content)
	}
	from, n := o.clip(e.StoredSize)
	if n == 0 {
		return nil
	}
	stored, err := open(ctx, *e, from)
	if err != nil {
		return err
	}
	copied, err := o.copy(stored, n)
	if closeErr := stored.Close(); err == nil {
		err = closeErr
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = fmt.Errorf("the stored bytes of %q end after %d of %d: %w", e.Path, from+copied, e.StoredSize, io.ErrUnexpectedEOF)
	}
	return err
}

// copy writes n bytes of r, which are within the window.
func (o *window) copy(r io.Reader, n int64) (int64, error) {
	if n > int64(cap(o.buffer)) {
		if err := o.flush(); err != nil {
			return 0, err
		}
		if r, ok := r.(*fetchedReader); ok && int64(len(r.rest)) == n {
			return r.WriteTo(o.w) // in one piece
		}
		return io.CopyN(o.w, r, n)
	}
	if err := o.makeRoom(int(n)); err != nil {
		return 0, err
	}
	end := len(o.buffer)
	read, err := io.ReadFull(r, o.buffer[end:end+int(n)])
	o.buffer = o.buffer[:end+read]
	return int64(read), err
}

// makeRoom sees to it that n bytes fit into the buffer, if they ever do.
func (o *window) makeRoom(n int) error {
	if n <= cap(o.buffer)-len(o.buffer) {
		return nil
	}
	return o.flush()
}

// flush writes what is collected.
func (o *window) flush() error {
	if len(o.buffer) == 0 {
		return nil
	}
	_, err := o.w.Write(o.buffer)
	o.buffer = o.buffer[:0]
	return err
}
