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
		bytes := scratch[len(scratch) : len(scratch)+size : len(scratch)+size]
		scratch = scratch[:len(scratch)+size]
		if err := s.readStored(ctx, from[i], bytes); err != nil {
			return err
		}
		filled[i] = to[i]
		filled[i].Inline = bytes
	}
	return s.PlaceBatch(ctx, to[0].Backend, filled)
}

// copyObject puts the object of a blob on one backend into another one. What a
// backend of files opens is a file, which can be read twice: a backend may want to
// know the sum of what it is to send before it sends it.
func (s *Store) copyObject(ctx context.Context, backend string, into Backend, ref Ref) error {
	from := ref
	from.Backend = backend
	stored, err := s.openStored(ctx, from)
	if err != nil {
		return err
	}
	defer stored.Close()
	if err := into.Put(ctx, ref.Key(), stored, ref.StoredSize); err != nil {
		return fmt.Errorf("copy blob %s to %q: %w", ref.Digest, ref.Backend, err)
	}
	return nil
}

// readStored reads the stored bytes of a blob, which have to be as many as it says.
func (s *Store) readStored(ctx context.Context, ref Ref, into []byte) error {
	stored, err := s.openStored(ctx, ref)
	if err != nil {
		return err
	}
	defer stored.Close()
	n, err := io.ReadFull(stored, into)
	if err == nil {
		var more [1]byte
		var extra int
		extra, err = io.ReadFull(stored, more[:])
		n += extra
	}
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return fmt.Errorf("read blob %s: %w", ref.Digest, err)
	}
	if int64(n) != ref.StoredSize {
		return s.damaged(ref, fmt.Errorf("%d bytes are stored, or more, not %d", n, ref.StoredSize))
	}
	return nil
}
