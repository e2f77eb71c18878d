package library

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/sheaf-dev/sheaf/internal/blob"
)

// SearchOptions bound what all searches together take from others.
type SearchOptions struct {
	Deadline time.Duration // after which a search answers with what it has; 0: 10 s

	// Workers is how many contents are read and searched at once that are on this
	// machine; 0: one fewer than there are processors, so that writes always find
	// one, but at least one.
	Workers int
	// Remote is how many contents are read at once from elsewhere; 0: 16.
	Remote int
}

func (o SearchOptions) withDefaults() SearchOptions {
	if o.Deadline <= 0 {
		o.Deadline = 10 * time.Second
	}
	if o.Workers <= 0 {
		o.Workers = max(1, runtime.GOMAXPROCS(0)-1)
	}
	if o.Remote <= 0 {
		o.Remote = 16
	}
	return o
}

// A scanRoom bounds how many contents are looked through at once, by all searches
// together.
type scanRoom struct {
	local, remote *semaphore.Weighted
	ahead         int // contents that one search looks through at once, at most
}

func newScanRoom(o SearchOptions) *scanRoom {
	return &scanRoom{
		local:  semaphore.NewWeighted(int64(o.Workers)),
		remote: semaphore.NewWeighted(int64(o.Remote)),
		ahead:  max(2*o.Workers, o.Remote),
	}
}

// enterScan waits until a content may be looked through; the caller calls leave
// when that is done.
func (l *Library) enterScan(ctx context.Context, ref blob.Ref) (leave func(), err error) {
	room := l.scans.local
	if kind := l.backends[ref.Backend]; kind != "fs" && kind != "mem" && !ref.IsInline() {
		room = l.scans.remote
	}
	if err := room.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	return func() { room.Release(1) }, nil
}

// scanInOrder looks at items at the same time, at most so many, and takes what it
// finds in their order, until take wants no more or something fails. It returns
// when nobody looks any more. Begin is called for one item after the other, waits
// until there is room to look at it, so that no later item takes that, and returns
// what looks.
func scanInOrder[I, O any](ctx context.Context, atOnce int, items iter.Seq2[I, error], begin func(context.Context, I) (look func() (O, error), err error), take func(O) (more bool)) error {
	ctx, cancel := context.WithCancel(ctx)
	type outcome struct {
		found O
		err   error
	}
	pending := make(chan chan outcome, atOnce) // in the order of the items
	var looking sync.WaitGroup
	defer looking.Wait()
	defer cancel()
	looking.Go(func() {
		defer close(pending)
		for item, err := range items {
			place := make(chan outcome, 1)
			select {
			case pending <- place:
			case <-ctx.Done():
				return
			}
			var look func() (O, error)
			if err == nil {
				look, err = begin(ctx, item)
			}
			if err != nil {
				place <- outcome{err: err}
				return
			}
			looking.Go(func() {
				found, err := look()
				place <- outcome{found, err}
			})
		}
	})
	for place := range pending {
		select {
		case o := <-place:
			if o.err != nil {
				return o.err
			}
			if !take(o.found) {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ctx.Err()
}

var errSearchTime = errors.New("the time of the search is over")

// inTime does something for a time at most. That time is over is no error; that
// the caller's context ends is.
func inTime(ctx context.Context, most time.Duration, do func(context.Context) error) (over bool, err error) {
	limited, cancel := context.WithTimeoutCause(ctx, most, errSearchTime)
	defer cancel()
	err = do(limited)
	if err != nil && context.Cause(limited) == errSearchTime {
		return true, nil
	}
	return false, err
}
