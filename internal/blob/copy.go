package blob

import (
	"context"
	"fmt"
	"io"
)

// CopyRef returns what a copy of a blob on another backend is to be: the same
// content in the same encoding, sealed by a data key of its own if that backend
// seals, and nothing of it inline. It fails with ErrBackendUnavailable if there is
// no master key for that.
func (s *Store) CopyRef(ref Ref, backend string) (Ref, error) {
	ref.Backend, ref.Inline, ref.Seal = backend, nil, nil
	if !s.Seals(backend) || ref.StoredSize == 0 {
		return ref, nil
	}
	if err := s.Locked(backend); err != nil {
		return Ref{}, err
	}
	seal, err := s.seal(newDataKey(), backend, ref.Digest)
	if err != nil {
		return Ref{}, err
	}
	ref.Seal = &seal
	return ref, nil
}

// Copy makes the stored bytes of from durable as those of to, which [Store.CopyRef]
// has made of it, but with the seal that the catalog has for it. They are not
// looked at on the way: [Store.Verify] of the copy says whether it is good, and of
// from, if it is not, whose fault that is. When Copy fails, the copy may be there
// or not.
func (s *Store) Copy(ctx context.Context, from, to Ref) error {
	b, err := s.writable(ctx, to.Backend)
	if err != nil {
		return err
	}
	stored, err := s.openStored(ctx, from)
	if err != nil {
		return err
	}
	defer stored.Close()
	var body io.Reader = stored
	if to.Seal != nil {
		if body, err = s.sealCopy(to, stored); err != nil {
			return err
		}
	}
	if err := b.Put(ctx, to.Key(), body, to.ObjectSize()); err != nil {
		return fmt.Errorf("copy blob %s to %q: %w", to.Digest, to.Backend, err)
	}
	return nil
}

// sealCopy returns a reader of the object of a blob, of which plain reads the
// stored bytes. It can be read twice if those can, which a backend may want: to
// know the sum of what it is to send before it sends it.
func (s *Store) sealCopy(to Ref, plain io.Reader) (io.Reader, error) {
	key, err := s.dataKey(to)
	if err != nil {
		return nil, fmt.Errorf("copy blob %s to %q: %w", to.Digest, to.Backend, err)
	}
	if again, ok := plain.(io.ReaderAt); ok {
		return key.sealing(to.StoredSize, func() io.Reader { return io.NewSectionReader(again, 0, to.StoredSize) }), nil
	}
	once := key.sealing(to.StoredSize, func() io.Reader { return plain })
	return struct{ io.Reader }{once}, nil // it does not seek
}

// CopySmall is Copy of several blobs to one backend, which may do that at less than
// the cost of each. The stored bytes of all of them are in memory meanwhile: in
// scratch, if they fit into its capacity.
func (s *Store) CopySmall(ctx context.Context, from, to []Ref, scratch []byte) error {
	if len(to) == 0 {
		return nil
	}
	filled := make([]Ref, len(to))
	for i := range from {
		size := int(from[i].StoredSize)
		if len(scratch)+size > cap(scratch) {
			scratch = make([]byte, 0, size)
		}
		stored := scratch[len(scratch) : len(scratch)+size : len(scratch)+size]
		scratch = scratch[:len(scratch)+size]
		if err := s.loadStored(ctx, from[i], stored); err != nil {
			return err
		}
		filled[i] = to[i]
		filled[i].Inline = stored
		if to[i].Seal == nil {
			continue
		}
		key, err := s.dataKey(to[i])
		if err == nil {
			filled[i].Inline, err = key.sealed(stored, make([]byte, 0, to[i].ObjectSize()))
		}
		if err != nil {
			return fmt.Errorf("copy blob %s to %q: %w", to[i].Digest, to[i].Backend, err)
		}
	}
	return s.PlaceBatch(ctx, to[0].Backend, filled)
}
