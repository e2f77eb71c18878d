package blob

import (
	"context"
	"fmt"
	"io"

	"github.com/sheaf-dev/sheaf"
)

// Salvage reads an object of a backend that the catalog knows nothing of, and
// that bears the name of a content, whichever form it is stored in. The caller
// closes what it returns. It fails with ErrNotFound when there is no such object,
// and with ErrDamaged when the object is not that content.
func (s *Store) Salvage(ctx context.Context, backend string, digest sheaf.Digest) (*Spooled, error) {
	b, err := s.backend(backend)
	if err != nil {
		return nil, err
	}
	for _, encoding := range []Encoding{Identity, Deflate} {
		spooled, err := s.salvage(ctx, b, digest, encoding)
		if spooled != nil || err != nil {
			return spooled, err
		}
	}
	return nil, sheaf.Errorf(sheaf.ErrDamaged, "the object %s in backend %q is not the content of that name", digest, backend)
}

// salvage reads an object as if it were stored in some form; nil if that does not
// make it the content.
func (s *Store) salvage(ctx context.Context, b Backend, digest sheaf.Digest, encoding Encoding) (*Spooled, error) {
	stored, err := b.Open(ctx, Key(digest.String()), 0, -1)
	if err != nil {
		return nil, fmt.Errorf("salvage %s: %w", digest, err)
	}
	defer stored.Close()
	reading := &errorKeeper{r: stored}
	var plain io.Reader = reading
	limit := int64(-1)
	if encoding == Deflate {
		limit = max(s.deflateLimit, DefaultDeflateLimit) // larger contents are not stored so
		inflater := s.pools.inflater(reading)
		defer s.pools.releaseInflater(inflater)
		plain = inflater
	}
	spooled, err := s.Receive(ctx, plain, limit)
	switch {
	case err == nil && spooled.Ref().Digest == digest:
		return spooled, nil
	case err == nil:
		return nil, spooled.Close()
	case encoding == Deflate && reading.err == nil && ctx.Err() == nil:
		return nil, nil // what there is, is no deflated content
	}
	return nil, err
}

// An errorKeeper remembers the error that reading ended with.
type errorKeeper struct {
	r   io.Reader
	err error
}

func (k *errorKeeper) Read(p []byte) (int, error) {
	n, err := k.r.Read(p)
	if err != nil && err != io.EOF {
		k.err = err
	}
	return n, err
}
