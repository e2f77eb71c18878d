package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// OpenStored opens the stored bytes of a blob from offset on, as they are: those
// of a deflated blob are not inflated. The caller closes the reader; ctx is for
// reading, too.
//
// The reader is the [*os.File] itself where a file holds the bytes, so that the
// kernel can send it. Bytes are verified before they are given out, those of a
// file once in a process; or, of a plain object that is no file and is read from
// its first byte, while they are read: the Read that would complete damaged
// bytes fails. Whatever else is no file is read twice for that. Damage, and an
// object that is missing, is ErrDamaged.
func (s *Store) OpenStored(ctx context.Context, ref Ref, offset int64) (io.ReadCloser, error) {
	if offset < 0 || offset > ref.StoredSize {
		return nil, fmt.Errorf("open blob %s at %d: it has %d stored bytes", ref.Digest, offset, ref.StoredSize)
	}
	c, err := s.Open(ctx, ref)
	if err != nil {
		return nil, err
	}
	stored, err := c.openStored(offset)
	if err != nil {
		c.Close()
		return nil, err
	}
	return stored, nil
}

// openStored returns verified stored bytes from offset on, and hands over what
// the Content holds to whoever closes them.
func (c *Content) openStored(offset int64) (io.ReadCloser, error) {
	switch {
	case c.ref.IsInline(): // checked by Open
		return struct {
			io.Reader
			io.Closer
		}{bytes.NewReader(c.ref.Inline[offset:]), c}, nil
	case c.file != nil:
		return c.takeFile(offset)
	case c.ref.Seal != nil: // it proves to be what was sealed, package by package
		stored, err := c.openAt(offset)
		if err != nil {
			return nil, err
		}
		return &judgedReader{stored, c}, nil
	case c.ref.Encoding == Identity && offset == 0:
		plain, err := c.Reader()
		if err != nil {
			return nil, err
		}
		return struct {
			io.Reader
			io.Closer
		}{plain, c}, nil
	}
	if err := c.store.Verify(c.ctx, c.ref); err != nil {
		return nil, err
	}
	return c.openAt(offset)
}

// ReadStored reads all stored bytes of a small blob into memory, verified as those
// of [Store.OpenStored] are. Of a deflated blob that is no file it takes one
// request where that takes two.
func (s *Store) ReadStored(ctx context.Context, ref Ref) ([]byte, error) {
	stored := make([]byte, ref.StoredSize)
	if err := s.loadStored(ctx, ref, stored); err != nil {
		return nil, err
	}
	if err := s.judge(ref, s.checkRead(ctx, ref, stored)); err != nil {
		return nil, err
	}
	return stored, nil
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

// loadStored reads the stored bytes of a blob, which have to be as many as it says,
// and are not looked at.
func (s *Store) loadStored(ctx context.Context, ref Ref, into []byte) error {
	stored, err := s.openStored(ctx, ref)
	if err != nil {
		return err
	}
	defer stored.Close()
	reading := &storedReader{ctx, stored}
	n, err := io.ReadFull(reading, into)
	if err == nil {
		var more [1]byte
		var extra int
		extra, err = io.ReadFull(reading, more[:])
		n += extra
	}
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return s.judge(ref, err)
	}
	if int64(n) != ref.StoredSize {
		return s.damaged(ref, fmt.Errorf("%d bytes are stored, or more, not %d", n, ref.StoredSize))
	}
	return nil
}

// takeFile returns the file, verified and at offset. It is the caller's then.
func (c *Content) takeFile(offset int64) (*os.File, error) {
	if _, err := c.store.verifyFile(c.ctx, c.ref, c.file, c.state); err != nil {
		return nil, err
	}
	if _, err := c.file.Seek(offset, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read blob %s: %w", c.ref.Digest, err)
	}
	file := c.file
	c.file = nil
	return file, nil
}

// A judgedReader reads the stored bytes of a sealed blob, and is closed together
// with its Content.
type judgedReader struct {
	io.ReadCloser
	content *Content
}

// Read tells of damage.
func (r *judgedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = r.content.store.judge(r.content.ref, err)
	}
	return n, err
}

func (r *judgedReader) Close() error { return errors.Join(r.ReadCloser.Close(), r.content.Close()) }
