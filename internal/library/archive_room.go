package library

import (
	"context"
	"runtime"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// An archiveRoom bounds what all archives take up together: processors while they
// are laid out, and memory until they are closed, which may be minutes for a slow
// download.
type archiveRoom struct {
	layouts *semaphore.Weighted
	memory  *semaphore.Weighted
	total   int64 // bytes of memory; 0: no bound

	// makeRoom gives back memory that is held only because it may be useful, and
	// reports whether there was any.
	makeRoom func() bool
}

func newArchiveRoom(memory int64) *archiveRoom {
	return &archiveRoom{
		layouts: semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))),
		memory:  semaphore.NewWeighted(memory),
		total:   memory,
	}
}

// layoutPatience is how long an archive waits for its turn to be laid out. Most
// take milliseconds; whoever waits longer is behind several of the largest.
const layoutPatience = 2 * time.Second

// beginLayout waits for a turn to lay out an archive; the caller calls end when
// that is done. It has to be called before a view of the catalog is opened:
// those are few, and others read through them.
func (r *archiveRoom) beginLayout(ctx context.Context) (end func(), err error) {
	patient, cancel := context.WithTimeout(ctx, layoutPatience)
	defer cancel()
	if err := r.layouts.Acquire(patient, 1); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, sheaf.Errorf(sheaf.ErrRateLimited, "too many archives are being made already").
			WithHint("ask for it again in a moment, or select fewer documents")
	}
	return func() { r.layouts.Release(1) }, nil
}

// An archiveShare is the memory of one archive. The zero bytes it begins with
// grow while documents are found and shrink to what the finished archive keeps.
type archiveShare struct {
	room *archiveRoom
	held int64
}

// Bytes that a document takes up beside its texts: in an archive being laid out,
// and in one that is finished.
const (
	layoutMemory   = 2 << 10
	archivedMemory = 400
)

// take takes memory, if need be from what is only kept because it may be useful.
func (r *archiveRoom) take(bytes int64) bool {
	for !r.memory.TryAcquire(bytes) {
		if !r.makeRoom() {
			return false
		}
	}
	return true
}

// add takes the memory in which a few more documents are laid out. It does not
// wait: whoever holds it may be downloading for minutes.
func (s *archiveShare) add(heads []catalog.Head) error {
	var more int64
	for i := range heads {
		h := &heads[i]
		text := len(h.Name) + len(h.Filename) + len(h.Path) + len(h.Description) + len(h.Metadata)
		for _, tag := range h.Tags {
			text += len(tag)
		}
		more += layoutMemory + 3*int64(text) // itself, and in a manifest that grows
	}
	return s.grow(more)
}

// grow takes so many bytes more, and does not wait for them either.
func (s *archiveShare) grow(more int64) error {
	// One that is larger than all there is may have that, when nobody else does.
	more = min(more, s.room.total-s.held)
	if !s.room.take(more) {
		return sheaf.Errorf(sheaf.ErrRateLimited, "the archives that are being downloaded take up all the memory there is for them (storage.archive_memory)").
			WithHint("ask for it again when another download has ended, or select fewer documents")
	}
	s.held += more
	return nil
}

// keep gives back what is held beyond so many bytes.
func (s *archiveShare) keep(bytes int64) {
	if s.held > bytes {
		s.room.memory.Release(s.held - bytes)
		s.held = bytes
	}
}

// free gives back all that is held.
func (s *archiveShare) free() { s.keep(0) }
