package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"

	"github.com/sheaf-dev/sheaf"
)

// A Content is an open blob. It is for one goroutine, and gives one Reader or
// one Gzip at a time: they share its file.
type Content struct {
	store *Store
	ctx   context.Context // of Open; Read has no argument for it
	ref   Ref

	file   *os.File  // of a backend that has files, else nil; its bytes are the stored ones
	state  fileState // of file when it was opened
	sealed *os.File  // of a backend that has files and whose blob is sealed, else nil

	unsealed []byte // inline bytes that were sealed; of the store's pools
	buffer   []byte // a small inline content, inflated; of the store's pools
	reader   *plainReader
	whole    bool // the stored bytes were checked in full since Open
}

// Open opens a blob for reading. The caller closes the Content; ctx is for
// reading from it, too. Inline bytes are checked here; an object that is missing
// is ErrDamaged.
func (s *Store) Open(ctx context.Context, ref Ref) (*Content, error) {
	c := &Content{store: s, ctx: ctx, ref: ref}
	var err error
	if ref.IsInline() {
		if err = c.unsealInline(); err == nil {
			err = s.judge(ref, c.checkInline())
		}
	} else {
		err = c.openFile()
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Reader returns the plain bytes, from the first. It is the [*os.File] itself
// where a file holds them, verified. Of any other, the Read that would complete
// damaged bytes fails with ErrDamaged instead. It is valid until Close, or
// until Reader or Gzip is called again.
//
// The first Reader of a file in a process reads it in full: where the bytes are
// not wanted, as for HEAD, do not ask for one.
func (c *Content) Reader() (io.ReadSeeker, error) {
	switch {
	case c.ref.IsInline() && c.ref.Encoding == Identity:
		return bytes.NewReader(c.ref.Inline), nil
	case c.buffer != nil:
		return bytes.NewReader(c.buffer), nil
	case c.file != nil && c.ref.Encoding == Identity:
		if _, err := c.store.verifyFile(c.ctx, c.ref, c.file, c.state); err != nil {
			return nil, err
		}
		if _, err := c.file.Seek(0, io.SeekStart); err != nil {
			return nil, fmt.Errorf("read blob %s: %w", c.ref.Digest, err)
		}
		return c.file, nil
	}
	if c.reader != nil {
		c.reader.stop()
	}
	c.reader = &plainReader{content: c}
	return c.reader, nil
}

// Gzip returns the gzip form of a blob that is stored deflated, verified; nil
// of any other. It is valid until Close, or until Reader or Gzip is called again.
func (c *Content) Gzip() (*Gzip, error) {
	if c.ref.Encoding != Deflate {
		return nil, nil
	}
	digest, err := c.gzipDigest()
	if err != nil {
		return nil, err
	}
	return &Gzip{Size: gzipSize(c.ref), Digest: digest, content: c}, nil
}

// Close gives back what the Content holds. Closing again does nothing.
func (c *Content) Close() error {
	if c.reader != nil {
		c.reader.stop()
		c.reader = nil
	}
	c.store.pools.release(c.buffer)
	c.store.pools.release(c.unsealed)
	c.buffer, c.unsealed = nil, nil
	var err error
	for _, file := range []*os.File{c.file, c.sealed} {
		if file != nil {
			err = file.Close()
		}
	}
	c.file, c.sealed = nil, nil
	return err
}

// unsealInline makes sealed inline bytes what they were before.
func (c *Content) unsealInline() error {
	s, ref := c.store, c.ref
	if ref.Seal == nil {
		return nil
	}
	if int64(len(ref.Inline)) != ref.ObjectSize() || ref.StoredSize > largeBuffer {
		return s.damaged(ref, fmt.Errorf("%d bytes are stored, not %d", len(ref.Inline), ref.ObjectSize()))
	}
	stored, err := s.openStored(c.ctx, ref)
	if err != nil {
		return err
	}
	defer stored.Close()
	c.unsealed = s.pools.buffer(int(ref.StoredSize))[:ref.StoredSize]
	if _, err := io.ReadFull(stored, c.unsealed); err != nil {
		return s.judge(ref, err)
	}
	c.ref.Inline, c.ref.Seal = c.unsealed, nil
	return nil
}

// checkInline checks inline bytes, and keeps their content if it had to be
// inflated and is small. Its error is for judge.
func (c *Content) checkInline() error {
	s, ref := c.store, c.ref
	c.whole = true
	plain := ref.Inline
	if ref.Encoding == Deflate {
		if ref.Size > largeBuffer {
			return s.check(c.ctx, ref, bytes.NewReader(ref.Inline), nil)
		}
		c.buffer = s.pools.buffer(int(ref.Size))[:ref.Size]
		plain = c.buffer
		if err := s.inflateSmall(plain, ref.Inline); err != nil {
			return err
		}
	}
	if int64(len(ref.Inline)) != ref.StoredSize {
		return fmt.Errorf("%d bytes are stored, not %d", len(ref.Inline), ref.StoredSize)
	}
	sum := s.pools.checksum(ref.Size)
	defer s.pools.releaseChecksum(sum)
	if _, err := sum.Write(plain); err != nil {
		return err
	}
	return sum.matches(ref)
}

// inflateSmall inflates stored bytes to exactly the size of plain.
func (s *Store) inflateSmall(plain, stored []byte) error {
	i := s.pools.inflater(bytes.NewReader(stored))
	defer s.pools.releaseInflater(i)
	if _, err := io.ReadFull(i, plain); err != nil {
		return err
	}
	return i.atEnd()
}

// openFile opens the file of the blob if its backend has files.
func (c *Content) openFile() error {
	s, ref := c.store, c.ref
	b, err := s.backend(ref.Backend)
	if err != nil {
		return err
	}
	opener, ok := b.(FileOpener)
	if !ok {
		return nil
	}
	file, err := opener.OpenFile(c.ctx, ref.Key())
	if err != nil {
		return s.unlessMissing(ref, err)
	}
	if ref.Seal == nil {
		c.file = file
	} else {
		c.sealed = file
	}
	if c.state, err = stateOf(file); err != nil {
		return fmt.Errorf("open blob %s: %w", ref.Digest, err)
	}
	if c.state.size != ref.ObjectSize() {
		return s.damaged(ref, fmt.Errorf("%d bytes are stored, not %d", c.state.size, ref.ObjectSize()))
	}
	return nil
}

// checkWhole checks the stored bytes of a deflated blob in full, unless they
// are known to be whole.
func (c *Content) checkWhole() error {
	if c.whole {
		return nil
	}
	_, err := c.gzipDigest() // no dearer than to check without it, and remembered
	return err
}

// isVerifiedSeal reports whether the blob is sealed and was verified in full by this
// process.
func (c *Content) isVerifiedSeal() bool {
	if c.ref.Seal == nil {
		return false
	}
	_, ok := c.store.verified.recall(fileName{c.ref.Backend, c.ref.Digest}, sealedState(c.ref))
	return ok
}

// gzipDigest returns the digest of the gzip form of a deflated blob, whose
// stored bytes it checks in full unless that was done before.
func (c *Content) gzipDigest() (digest sheaf.Digest, err error) {
	s, ref := c.store, c.ref
	switch {
	case ref.IsInline():
		sum := sha256.New()
		trailer := gzipTrailer(ref)
		sum.Write(gzipHeader[:])
		sum.Write(ref.Inline)
		sum.Write(trailer[:])
		sum.Sum(digest[:0])
	case c.file != nil:
		known, err := s.verifyFile(c.ctx, ref, c.file, c.state)
		if err != nil {
			return digest, err
		}
		digest = known.gzip
	case ref.Seal != nil:
		known, err := s.verifySealed(c.ctx, ref, c.openAt)
		if err != nil {
			return digest, err
		}
		digest = known.gzip
	default:
		stored, err := c.openAt(0)
		if err != nil {
			return digest, err
		}
		defer stored.Close()
		if digest, err = s.checkGzip(c.ctx, ref, stored); err != nil {
			return digest, err
		}
	}
	c.whole = true
	return digest, nil
}

// openAt opens the stored bytes from offset on. The caller closes the reader.
func (c *Content) openAt(offset int64) (io.ReadCloser, error) {
	switch {
	case c.ref.IsInline():
		return c.ref.inlineAt(offset)
	case c.sealed != nil:
		return c.store.openObject(c.ctx, c.ref, offset, func(offset int64) (io.ReadCloser, error) {
			return io.NopCloser(io.NewSectionReader(c.sealed, offset, c.ref.ObjectSize()-offset)), nil
		})
	case c.file != nil:
		return io.NopCloser(io.NewSectionReader(c.file, offset, c.ref.StoredSize-offset)), nil
	}
	return c.store.openBackend(c.ctx, c.ref, offset)
}
