package blob

import (
	"context"
	"fmt"
	"io"

	"github.com/sheaf-dev/sheaf"
)

// Receive reads a content into the spool, once and to its end, of at most limit
// bytes; a limit below 0 is none. The caller closes what it returns.
//
// It fails with ErrTooLarge as soon as there is more, with ErrDiskFull, with
// the error of ctx between two reads, or with one that wraps the error of body.
// Then nothing is left behind.
func (s *Store) Receive(ctx context.Context, body io.Reader, limit int64) (*Spooled, error) {
	sp := &Spooled{store: s, bytes: spill{store: s}}
	received := false
	defer func() { // also when body panics
		if !received {
			sp.Close()
		}
	}()
	if err := sp.receive(ctx, body, limit); err != nil {
		return nil, err
	}
	if err := sp.encode(ctx); err != nil {
		return nil, err
	}
	received = true
	return sp, nil
}

// maxEmptyReads is how often a body may return nothing at all in a row.
const maxEmptyReads = 100

// receive spools the plain bytes and sets what the Ref says of them.
func (sp *Spooled) receive(ctx context.Context, body io.Reader, limit int64) error {
	s := sp.store
	sum := s.pools.checksum(noLimit)
	defer s.pools.releaseChecksum(sum)
	emptyReads := 0
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("receive a content: %w", err)
		}
		room, err := sp.bytes.room()
		if err != nil {
			return err
		}
		n, err := body.Read(room)
		sum.Write(sp.bytes.fill(n))
		if limit >= 0 && sp.bytes.size > limit {
			return sheaf.Errorf(sheaf.ErrTooLarge, "the content is larger than the limit of %d bytes", limit)
		}
		if n > 0 {
			emptyReads = 0
		} else if emptyReads++; emptyReads > maxEmptyReads && err == nil {
			err = io.ErrNoProgress
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("receive a content: %w", err)
		}
	}
	sp.ref = Ref{Digest: sum.digest(), Size: sum.size, CRC32: sum.crc}
	return nil
}

// encode chooses the stored form of the plain bytes, makes it and lets the
// other go.
func (sp *Spooled) encode(ctx context.Context) error {
	sp.ref.Encoding = Identity
	if sp.bytes.sealer != nil {
		if err := sp.bytes.complete(); err != nil {
			return err
		}
	}
	deflated, err := sp.deflate(ctx)
	if err != nil {
		return err
	}
	if deflated != nil {
		if err := sp.bytes.close(); err != nil {
			deflated.close()
			return fmt.Errorf("close a spool file: %w", err)
		}
		sp.bytes = *deflated
		sp.ref.Encoding = Deflate
	}
	if err := sp.bytes.settle(sp.store.inlineLimit); err != nil {
		return err
	}
	sp.ref.StoredSize = sp.bytes.size
	return nil
}

// deflate returns the deflated form of the plain bytes, or nil when it is not
// worth it.
func (sp *Spooled) deflate(ctx context.Context) (*spill, error) {
	s, plain := sp.store, &sp.bytes
	switch {
	case plain.size > s.deflateLimit:
		return nil, nil
	case plain.size <= chunkSize:
		deflated, err := s.deflate(ctx, plain)
		if err != nil || shrinks(plain.size, deflated.size) {
			return deflated, err
		}
		return nil, deflated.close()
	}
	if promising, err := s.promising(plain); err != nil || !promising {
		return nil, err
	}

	select {
	case s.deflating <- struct{}{}:
		defer func() { <-s.deflating }()
	case <-ctx.Done():
		return nil, fmt.Errorf("receive a content: %w", ctx.Err())
	}
	deflated, err := s.deflate(ctx, plain)
	if err != nil || deflated.size < plain.size {
		return deflated, err
	}
	return nil, deflated.close() // only its beginning kept the promise
}

// shrinks reports whether a tenth is saved.
func shrinks(plain, deflated int64) bool { return deflated*10 <= plain*9 }

// deflate deflates plain into a new spill.
func (s *Store) deflate(ctx context.Context, plain *spill) (_ *spill, err error) {
	deflated := &spill{store: s}
	defer func() {
		if err != nil {
			deflated.close()
		}
	}()
	d := s.pools.deflater(deflated)
	defer s.pools.releaseDeflater(d)
	if _, err := s.pools.copy(d, &storedReader{ctx, plain.reader()}); err != nil {
		return nil, fmt.Errorf("deflate a content: %w", err)
	}
	if err := d.Close(); err != nil {
		return nil, fmt.Errorf("deflate a content: %w", err)
	}
	return deflated, nil
}

// promising reports whether the first chunk of a content that has one shrinks.
func (s *Store) promising(plain *spill) (bool, error) {
	if plain.file == nil {
		return shrinks(chunkSize, s.deflatedSize(plain.buf[:chunkSize])), nil
	}
	sample := s.pools.buffer(chunkSize)[:chunkSize]
	defer s.pools.release(sample)
	if _, err := io.ReadFull(plain.reader(), sample); err != nil {
		return false, fmt.Errorf("read from the spool: %w", err)
	}
	return shrinks(chunkSize, s.deflatedSize(sample)), nil
}

// deflatedSize returns how many bytes the sample has when it is deflated.
func (s *Store) deflatedSize(sample []byte) int64 {
	var size byteCount
	d := s.pools.deflater(&size)
	defer s.pools.releaseDeflater(d)
	d.Write(sample) // counting cannot fail
	d.Close()
	return int64(size)
}

// A byteCount counts what is written to it.
type byteCount int64

func (c *byteCount) Write(p []byte) (int, error) {
	*c += byteCount(len(p))
	return len(p), nil
}
