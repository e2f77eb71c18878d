package blob

import (
	"errors"
	"io"
)

// A reopened reader seeks in what can only be read from its first byte on, by
// opening it again: a body that a backend has to send twice.
type reopened struct {
	size int64
	open func() (io.Reader, error) // gives the same bytes each time

	at     int64     // where the next Read is
	stream io.Reader // nil until it is needed
	read   int64     // of stream
}

// Read implements [io.Reader].
func (r *reopened) Read(p []byte) (int, error) {
	if r.stream == nil || r.read > r.at {
		stream, err := r.open()
		if err != nil {
			return 0, err
		}
		r.stream, r.read = stream, 0
	}
	skipped, err := io.CopyN(io.Discard, r.stream, r.at-r.read)
	if r.read += skipped; err != nil {
		return 0, err
	}
	n, err := r.stream.Read(p)
	r.read += int64(n)
	r.at = r.read
	return n, err
}

// Seek implements [io.Seeker].
func (r *reopened) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	r.at = offset
	return offset, nil
}
