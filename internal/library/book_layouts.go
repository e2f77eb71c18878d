package library

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
)

// A bookLayout is the archive of a book as it was laid out. Any number of
// downloads share one; it does not change once it is made.
type bookLayout struct {
	documents int
	modified  time.Time
	errors    []sheaf.ArchiveError
	manifest  sheaf.Digest
	zip       *bundle.Archive

	key    layoutKey
	state  storeState // in which it was laid out
	memory archiveShare
	users  int           // guarded by the mutex of bookLayouts
	made   chan struct{} // closed when it is laid out, or could not be
	err    error         // why it could not be; read after made
}

// A layoutKey says of what a layout is. Nothing of it changes what it means,
// save that a book may be deleted and made again.
type layoutKey struct {
	book     int64 // its pk
	layer    string
	scope    sheaf.ArchiveScope
	revision int64
}

// A storeState is what a layout depends on beside what it is of: which contents
// are not to be had any more, or are stored another way.
type storeState struct{ rewritten, suspected uint64 }

// mostIdleLayouts is how many layouts are kept that nobody uses.
const mostIdleLayouts = 16

// bookLayouts keeps the layouts of archives of books that were used lately, so
// that one who downloads in pieces, or goes on after a break, need not wait for
// it again, and any number at once take the memory of one.
type bookLayouts struct {
	room  *archiveRoom
	state func() storeState // of now

	mu    sync.Mutex
	known map[layoutKey]*bookLayout
	idle  []*bookLayout // those of known without users, the longest idle first
}

func newBookLayouts(room *archiveRoom, state func() storeState) *bookLayouts {
	layouts := &bookLayouts{room: room, state: state, known: make(map[layoutKey]*bookLayout)}
	room.makeRoom = layouts.forgetOne
	return layouts
}

// get returns the layout of a key, which the caller gives back with release. What
// is not known is made, once for all who ask for it meanwhile.
func (b *bookLayouts) get(ctx context.Context, key layoutKey, lay func(*bookLayout) error) (*bookLayout, error) {
	for {
		layout, known := b.join(key)
		if !known {
			return b.make(layout, lay)
		}
		select {
		case <-layout.made:
		case <-ctx.Done():
			b.release(layout)
			return nil, ctx.Err()
		}
		if layout.err == nil {
			return layout, nil
		}
		b.release(layout)
		// Whoever was making it may have gone away; the others still want it.
		if !errors.Is(layout.err, context.Canceled) && !errors.Is(layout.err, context.DeadlineExceeded) {
			return nil, layout.err
		}
	}
}

// join makes the caller a user of the layout of a key: one that is known, or a
// new one, which the caller makes then.
func (b *bookLayouts) join(key layoutKey) (layout *bookLayout, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.state()
	if layout = b.known[key]; layout != nil && layout.state == now {
		b.busy(layout)
		layout.users++
		return layout, true
	}
	if layout != nil {
		b.forget(layout)
	}
	layout = &bookLayout{key: key, state: now, memory: archiveShare{room: b.room}, users: 1, made: make(chan struct{})}
	b.known[key] = layout
	return layout, false
}

// make lays out a layout that the caller is a user of.
func (b *bookLayouts) make(layout *bookLayout, lay func(*bookLayout) error) (*bookLayout, error) {
	layout.err = lay(layout)
	// What is missing may come back without anything being rewritten.
	if layout.err != nil || len(layout.errors) > 0 {
		b.mu.Lock()
		if b.known[layout.key] == layout {
			delete(b.known, layout.key)
		}
		b.mu.Unlock()
	}
	close(layout.made)
	if layout.err != nil {
		b.release(layout)
		return nil, layout.err
	}
	return layout, nil
}

// release gives back a layout. It is kept for a while if it is good still.
func (b *bookLayouts) release(layout *bookLayout) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if layout.users--; layout.users > 0 {
		return
	}
	if b.known[layout.key] != layout {
		layout.memory.free()
		return
	}
	b.idle = append(b.idle, layout)
	var held int64
	for _, l := range b.idle {
		held += l.memory.held
	}
	for len(b.idle) > mostIdleLayouts || len(b.idle) > 0 && held > b.room.total/2 && b.room.total > 0 {
		held -= b.idle[0].memory.held
		b.forget(b.idle[0])
	}
}

// forgetOne forgets the layout that nobody has used for the longest time, and
// reports whether there was one.
func (b *bookLayouts) forgetOne() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.idle) == 0 {
		return false
	}
	b.forget(b.idle[0])
	return true
}

// forget forgets a layout that is known. Its users keep it. The caller holds mu.
func (b *bookLayouts) forget(layout *bookLayout) {
	delete(b.known, layout.key)
	b.busy(layout)
	if layout.users == 0 {
		layout.memory.free()
	}
}

// busy takes a layout out of those that nobody uses. The caller holds mu.
func (b *bookLayouts) busy(layout *bookLayout) {
	for i, l := range b.idle {
		if l == layout {
			b.idle = append(b.idle[:i], b.idle[i+1:]...)
			return
		}
	}
}
