package blob

import (
	"bytes"
	"context"
	"io"
)

// ReadStored reads all stored bytes of a small blob into memory, verified as those
// of [Store.OpenStored] are. Of a deflated blob that is no file it takes one
// request where that takes two.
func (s *Store) ReadStored(ctx context.Context, ref Ref) ([]byte, error) {
	c, err := s.Open(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if ref.IsInline() { // checked by Open, and unsealed into a buffer that is the Content's
		return bytes.Clone(c.ref.Inline), nil
	}
	stored, err := c.openAt(0)
	if err != nil {
		return nil, err
	}
	defer stored.Close()
	// One byte more than there should be, to see whether there is.
	read := make([]byte, ref.StoredSize+1)
	n, err := io.ReadFull(&storedReader{ctx, stored}, read)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, s.judge(ref, err)
	}
	read = read[:n]
	return read, s.judge(ref, s.check(ctx, ref, bytes.NewReader(read), nil))
}

// IsLocal reports whether the objects of a backend are files of this machine.
func (s *Store) IsLocal(backend string) bool {
	_, ok := s.backends[backend].(FileOpener)
	return ok
}
