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

	adopted string // the backend that has taken the file over: it is no longer in the spool

	syncOnce sync.Once
	syncErr  error
}

// Ref describes the content. Backend is empty. Inline is set when the stored
// bytes are at most [Options].InlineLimit, and belongs to sp: it may not be
// read after Close.
func (sp *Spooled) Ref() Ref { return sp.ref }

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
	sp.ref.Inline = nil
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
	sp.ref.Inline = nil
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
