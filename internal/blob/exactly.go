package blob

import (
	"errors"
	"fmt"
	"io"
)

// Exactly returns the body of an upload that has to have size bytes. It gives
// out the last of them only when nothing follows, so that who sends a body of
// any other size to a server never completes the request. The body is not read
// beyond that.
func Exactly(body io.Reader, size int64) io.Reader {
	return &exactReader{body: body, left: size}
}

type exactReader struct {
	body io.Reader
	left int64
	done bool // the end was where it should be
	err  error
}

// errSize is wrapped by the error of a body of another size than was announced.
var errSize = errors.New("the body does not have the size that was announced")

// Read implements [io.Reader].
func (r *exactReader) Read(p []byte) (int, error) {
	switch {
	case r.err != nil:
		return 0, r.err
	case len(p) == 0:
		return 0, nil
	}
	n, err := r.read(p[:min(int64(len(p)), max(r.left, 1))])
	r.err = err
	return n, err
}

func (r *exactReader) read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, r.end()
	}
	n, err := r.body.Read(p)
	r.left -= int64(n)
	switch {
	case r.left == 0 && (err == nil || err == io.EOF):
		if end := r.end(); end != io.EOF {
			return 0, end
		}
		return n, io.EOF
	case err == io.EOF:
		return n, fmt.Errorf("%w: it ends %d bytes early", errSize, r.left)
	}
	return n, err
}

// end returns [io.EOF] if the body ends here.
func (r *exactReader) end() error {
	if r.done {
		return io.EOF
	}
	var probe [1]byte
	switch n, err := io.ReadFull(r.body, probe[:]); {
	case n > 0:
		return fmt.Errorf("%w: it goes on", errSize)
	case err != io.EOF:
		return err
	}
	r.done = true
	return io.EOF
}
