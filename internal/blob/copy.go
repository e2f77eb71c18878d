package blob

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

// CopyRef returns what a copy of a blob on another backend is to be: the same
// content in the same encoding, and nothing of it inline.
func (s *Store) CopyRef(ref Ref, backend string) Ref {
	ref.Backend, ref.Inline = backend, nil
	return ref
}

// Copy makes the stored bytes of from durable as those of to, which [Store.CopyRef]
// has made of it. They are not looked at on the way: [Store.Verify] of the copy
// says whether it is good, and of from, if it is not, whose fault that is. When
// Copy fails, the copy may be there or not.
func (s *Store) Copy(ctx context.Context, from, to Ref) error {
	b, err := s.backend(to.Backend)
	if err != nil {
		return err
	}
	if from.IsInline() {
		if int64(len(from.Inline)) != from.StoredSize {
			return s.damaged(from, fmt.Errorf("%d bytes are inline, not %d", len(from.Inline), from.StoredSize))
		}
		return b.Put(ctx, to.Key(), bytes.NewReader(from.Inline), to.StoredSize)
	}
	return s.copyObject(ctx, from.Backend, b, to)
}

// CopySmall is Copy of several blobs, each of at most as many stored bytes as fit
// into the catalog, to one backend: it may do so at less than the cost of each.
func (s *Store) CopySmall(ctx context.Context, from, to []Ref) error {
	if len(to) == 0 {
		return nil
	}
	filled := make([]Ref, len(to))
	for i := range from {
		stored, err := s.openStored(ctx, from[i])
		if err != nil {
			return err
		}
		filled[i] = to[i]
		filled[i].Inline, err = io.ReadAll(io.LimitReader(stored, from[i].StoredSize+1))
		if closed := stored.Close(); err == nil {
			err = closed
		}
		switch {
		case err != nil:
			return fmt.Errorf("read blob %s: %w", from[i].Digest, err)
		case int64(len(filled[i].Inline)) != from[i].StoredSize:
			return s.damaged(from[i], fmt.Errorf("%d bytes are stored, not %d", len(filled[i].Inline), from[i].StoredSize))
		}
	}
	return s.PlaceBatch(ctx, to[0].Backend, filled)
}

// copyObject puts the object of a blob on one backend into another one.
func (s *Store) copyObject(ctx context.Context, backend string, into Backend, ref Ref) error {
	from := ref
	from.Backend = backend
	stored, err := s.openObject(ctx, from)
	if err != nil {
		return err
	}
	defer stored.Close()
	if err := into.Put(ctx, ref.Key(), stored, ref.StoredSize); err != nil {
		return fmt.Errorf("copy blob %s to %q: %w", ref.Digest, ref.Backend, err)
	}
	return nil
}

// openObject opens the object of a blob: as a file where it is one, because that
// can be read twice, and a backend may want to know the sum of what it is to send
// before it sends it.
func (s *Store) openObject(ctx context.Context, ref Ref) (io.ReadCloser, error) {
	b, err := s.backend(ref.Backend)
	if err != nil {
		return nil, err
	}
	files, ok := b.(FileOpener)
	if !ok {
		return s.openStored(ctx, ref)
	}
	file, err := files.OpenFile(ctx, ref.Key())
	if err != nil {
		return nil, s.unlessMissing(ref, err)
	}
	return file, nil
}
