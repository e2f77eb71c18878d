package bundle

import (
	"context"
	"io"
	"sync"

	"golang.org/x/sync/semaphore"
)

// A ReadAhead fetches small entries while those before them are written: what
// costs to read them from far away is to wait for each.
type ReadAhead struct {
	// Fetch reads all stored bytes of an entry. They, or its error, have to be as
	// those of an [Opener].
	Fetch func(ctx context.Context, e Entry) ([]byte, error)

	Entries int   // that are fetched at once
	Memory  int64 // bytes of entries that are fetched and not written yet; a larger entry is opened in its turn
}

// WriteRangeAhead does what [Archive.WriteRange] does, and fetches entries ahead.
// When it returns, nothing is being fetched any more.
func (a *Archive) WriteRangeAhead(ctx context.Context, w io.Writer, offset, length int64, open Opener, ahead ReadAhead) error {
	f := &fetcher{
		ReadAhead: ahead, open: open, memory: semaphore.NewWeighted(ahead.Memory),
		order: make(chan *fetched, ahead.Entries),
	}
	fetching, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { f.run(fetching, &running, a.within(offset, length)) })
	return a.WriteRange(ctx, w, offset, length, f.openNext)
}

// within returns the entries of which some data may be within a range, in the
// order in which they are written.
func (a *Archive) within(offset, length int64) []Entry {
	first, last := len(a.entries), 0
	for i := range a.entries {
		if a.starts[i] < offset+length && a.starts[i+1] > offset {
			first, last = min(first, i), i+1
		}
	}
	if first > last {
		return nil
	}
	return a.entries[first:last]
}

// A fetcher is the read-ahead of one range.
type fetcher struct {
	ReadAhead
	open   Opener
	memory *semaphore.Weighted
	order  chan *fetched // of the entries as they are written; closed after the last
}

// A fetched entry is one that was fetched, or is being, or is not to be.
type fetched struct {
	Entry
	held  int64         // of the memory
	done  chan struct{} // closed when the rest is set; nil of one that is not to be fetched
	bytes []byte
	err   error
}

// run fetches entries, in their order, until the context ends. A goroutine fetches
// many, not one: its stack has to grow for a request to a backend, which costs
// nearly half as much as the request.
func (f *fetcher) run(ctx context.Context, running *sync.WaitGroup, entries []Entry) {
	defer close(f.order)
	fetching := make(chan *fetched)
	defer close(fetching)
	for range min(f.Entries, len(entries)) {
		running.Go(func() {
			for next := range fetching {
				next.bytes, next.err = f.Fetch(ctx, next.Entry)
				close(next.done)
			}
		})
	}
	for _, e := range entries {
		if e.content != nil || e.StoredSize == 0 {
			continue // nobody opens it
		}
		next := &fetched{Entry: e}
		if e.StoredSize <= f.Memory {
			if f.memory.Acquire(ctx, e.StoredSize) != nil {
				return
			}
			next.held, next.done = e.StoredSize, make(chan struct{})
			select {
			case fetching <- next:
			case <-ctx.Done():
				return
			}
		}
		select {
		case f.order <- next:
		case <-ctx.Done():
			return
		}
	}
}

// openNext is the [Opener] of what was fetched.
func (f *fetcher) openNext(ctx context.Context, e Entry, offset int64) (io.ReadCloser, error) {
	for next := range f.order {
		if next.Path != e.Path { // of an entry whose data was not within the range after all
			f.memory.Release(next.held)
			continue
		}
		if next.done == nil {
			return f.open(ctx, e, offset)
		}
		<-next.done
		if next.err != nil {
			f.memory.Release(next.held)
			return nil, next.err
		}
		return &fetchedReader{next.bytes[min(offset, int64(len(next.bytes))):], f, next.held}, nil
	}
	return f.open(ctx, e, offset) // which says why there is nothing more
}

// A fetchedReader gives its memory back when it is closed.
type fetchedReader struct {
	rest    []byte
	fetcher *fetcher
	held    int64
}

// Read implements [io.Reader].
func (r *fetchedReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// WriteTo implements [io.WriterTo], for [window.copy].
func (r *fetchedReader) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(r.rest)
	r.rest = r.rest[n:]
	return int64(n), err
}

// Close implements [io.Closer].
func (r *fetchedReader) Close() error {
	r.fetcher.memory.Release(r.held)
	return nil
}
