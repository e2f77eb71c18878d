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
	return read, s.judge(ref, s.checkRead(ctx, ref, read))
}

// checkRead compares stored bytes, all that were read, with what ref says. Those of
// a content that is stored as it is are recognised if it was verified before. Its
// error is for judge.
func (s *Store) checkRead(ctx context.Context, ref Ref, read []byte) error {
	if ref.Encoding != Identity {
		return s.check(ctx, ref, bytes.NewReader(read), nil)
	}
	sum := s.checksumOf(ref)
	defer s.pools.releaseChecksum(sum)
	if _, err := sum.Write(read); err != nil {
		return err
	}
	if err := sum.matches(ref); err != nil {
		return err
	}
	s.recognise(ref, sum)
	return nil
}

// IsLocal reports whether the objects of a backend are files of this machine.
func (s *Store) IsLocal(backend string) bool {
	_, ok := s.backends[backend].(FileOpener)
	return ok
}
