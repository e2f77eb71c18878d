package blob

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/sheaf-dev/sheaf"
)

// MarkKey names the object that says whose a backend is: the SHA-256 of "sheaf:
// whose objects these are", so that it is no content's by accident.
var MarkKey = Key(sheaf.DigestOf([]byte("sheaf: whose objects these are")).String())

// markSize is the size of a mark in bytes. One size for all, because a backend
// may leave an object alone that has the size of what is put.
const markSize = 64

// Claim makes sure that the objects of a backend are this store's, and no other's:
// the first store that asks puts its mark there. Two that share a place, by
// whatever names, would each take what the other has stored for garbage. It asks
// the backend each time: a bucket may have been emptied, and made another's,
// since. [Store.Claimed] asks once.
//
// Two stores that ask for the first time within the same moment may both be
// told yes; who asks next tells. A copy of a store, with its catalog, is the same
// store.
func (s *Store) Claim(ctx context.Context, backend string) error {
	b, err := s.backend(backend)
	if err != nil {
		return err
	}
	owned := s.owned[backend]
	if s.owner == nil {
		return nil
	}
	mark, err := s.owner(ctx, backend)
	if err != nil {
		return fmt.Errorf("claim the backend %s: %w", backend, err)
	}
	there, err := readMark(ctx, b)
	if sheaf.KindOf(err) == sheaf.ErrNotFound {
		if err = b.Put(ctx, MarkKey, bytes.NewReader(mark), int64(len(mark))); err == nil {
			there, err = readMark(ctx, b)
		}
	}
	switch {
	case err != nil:
		return fmt.Errorf("claim the backend %s: %w", backend, err)
	case !bytes.Equal(there, mark):
		owned.Store(false)
		return sheaf.Errorf(sheaf.ErrBackendUnavailable, "the storage backend %q is where another store, or another backend of this one, has its contents", backend).
			WithHint("give it a directory, bucket or prefix of its own; if the other is gone for good, delete the object " + string(MarkKey) + " there")
	}
	owned.Store(true)
	return nil
}

// Claimed is Claim, but asks once in a process, if the answer is yes. It is for
// writing, where Claim is for deleting what seems to belong to nothing.
func (s *Store) Claimed(ctx context.Context, backend string) error {
	if owned := s.owned[backend]; owned != nil && owned.Load() { // nil: there is no such backend
		return nil
	}
	return s.Claim(ctx, backend)
}

// writable returns a backend whose objects are this store's.
func (s *Store) writable(ctx context.Context, backend string) (Backend, error) {
	if err := s.Claimed(ctx, backend); err != nil {
		return nil, err
	}
	return s.backend(backend)
}

func readMark(ctx context.Context, b Backend) ([]byte, error) {
	object, err := b.Open(ctx, MarkKey, 0, markSize+1)
	if err != nil {
		return nil, err
	}
	defer object.Close()
	return io.ReadAll(object)
}
