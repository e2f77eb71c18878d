package blob

import (
	"fmt"
	"io"
	"sync"
)

// A Spooled content has arrived, and is in no backend yet. It is for one
// goroutine, but for Sync.
type Spooled struct {
	store *Store
	bytes spill // the plain ones while they arrive, the stored ones once Receive returns
	ref   Ref

	adopted Ref // the blob whose backend has taken the file over; without one while it is in the spool

	seal      *Seal  // of the blob that is to be made of it; nil until RefOn of a backend that seals
	sealedFor string // that backend

	syncOnce sync.Once
	syncErr  error
}

// Ref describes the content as it has arrived: Backend is empty, and nothing is
// sealed. Inline is set when the stored bytes are at most [Options].InlineLimit,
// and belongs to sp: it may not be read after Close, or after RefOn.
func (sp *Spooled) Ref() Ref {
	ref := sp.ref
	ref.Inline = sp.inline()
	return ref
}

// RefOn returns what the catalog is to know of the content on a backend. Inline
// is set when the stored bytes are at most [Options].InlineLimit, and belongs to
// sp: it may not be read after Close, or after RefOn of another backend. On a
// backend that seals, Inline is sealed and Seal is set. It fails with
// ErrBackendUnavailable if there is no master key for that.
func (sp *Spooled) RefOn(backend string) (Ref, error) {
	ref := sp.ref
	ref.Backend = backend
	var err error
	if sp.store.Seals(backend) && ref.StoredSize > 0 {
		ref.Seal, err = sp.sealFor(backend)
	} else if sp.bytes.key != nil && !sp.bytes.isFiled() {
		sp.seal, err = nil, sp.bytes.unseal()
	}
	ref.Inline = sp.inline()
	return ref, err
}

// sealFor seals what is in memory, unless that was done before, and returns the
// seal of the blob on a backend.
func (sp *Spooled) sealFor(backend string) (*Seal, error) {
	if err := sp.store.Locked(backend); err != nil {
		return nil, err
	}
	if sp.seal != nil && sp.sealedFor == backend {
		return sp.seal, nil
	}
	if sp.bytes.key == nil {
		if err := sp.bytes.seal(newDataKey()); err != nil {
			return nil, err
		}
	}
	seal, err := sp.store.seal(sp.bytes.key, backend, sp.ref.Digest)
	if err != nil {
		return nil, err
	}
	sp.seal, sp.sealedFor = &seal, backend
	return sp.seal, nil
}

// inline returns the stored bytes, sealed or not, that are in memory.
func (sp *Spooled) inline() []byte {
	if sp.bytes.isFiled() {
		return nil
	}
	return sp.bytes.buf
}

// isSealedAs reports whether the stored bytes are, as they are, those of the
// object of a blob.
func (sp *Spooled) isSealedAs(ref Ref) bool {
	if ref.Seal == nil || sp.bytes.key == nil {
		return ref.Seal == nil && sp.bytes.key == nil
	}
	return sp.bytes.key.objectName(ref.Backend, ref.Digest) == ref.Seal.Object
}

// Sync makes the bytes of a spooled file durable, so that [Store.Place] has
// less left to do. It may run while the catalog reserves the blob's row, and
// does nothing for inline bytes, and nothing again when it is called again.
func (sp *Spooled) Sync() error {
	sp.syncOnce.Do(func() {
		if sp.bytes.file == nil {
			return
		}
		// Once only, failed or not: after a failed fsync the next one succeeds
		// although the bytes are lost. https://lwn.net/Articles/752063/
		if err := sp.bytes.file.Sync(); err != nil {
			sp.syncErr = fmt.Errorf("sync a spool file: %w", AsDiskFull(err))
		}
	})
	return sp.syncErr
}

// Held returns how many bytes of memory the content takes up.
func (sp *Spooled) Held() int { return cap(sp.bytes.buf) }

// Unload moves a content that is held in memory to a file of the spool, as if
// it were a large one: its Ref has nothing inline any more.
func (sp *Spooled) Unload() error {
	if sp.ref.StoredSize == 0 {
		return nil // nothing is always inline
	}
	return sp.bytes.settle(-1)
}

// IsOpen reports whether the content holds a file descriptor.
func (sp *Spooled) IsOpen() bool { return sp.bytes.file != nil }

// Park makes the bytes of a spooled file durable and closes it until it is
// placed, so that many contents can wait without a file descriptor for each. It
// does nothing for inline bytes.
//
// They are made durable first: an error that the disk reports while nobody has
// the file open can be lost.
func (sp *Spooled) Park() error {
	if err := sp.Sync(); err != nil || !sp.IsOpen() {
		return err
	}
	return sp.bytes.park()
}

// Close removes the content from the spool; one that was placed stays where it
// is. Closing again does nothing.
func (sp *Spooled) Close() error {
	return sp.bytes.close()
}

// Open returns the plain bytes, which have not been checked again since they
// arrived. The caller closes the reader, and sp only after that.
func (sp *Spooled) Open() (io.ReadCloser, error) {
	if err := sp.bytes.unpark(); err != nil {
		return nil, err
	}
	stored := sp.bytes.reader()
	if sp.ref.Encoding == Identity {
		return io.NopCloser(stored), nil
	}
	pools := &sp.store.pools
	i := pools.inflater(stored)
	return &spooledReader{i, pools}, nil
}

// A spooledReader gives its inflater back when it is closed.
type spooledReader struct {
	*inflater
	pools *pools
}

func (r *spooledReader) Close() error {
	r.pools.releaseInflater(r.inflater)
	return nil
}
