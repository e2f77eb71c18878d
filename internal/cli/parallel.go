package cli

import (
	"context"
	"iter"
)

// ahead is how many results may wait for one before them.
const ahead = 1024

// inOrder does work on the items, on at most jobs of them at once, and hands the
// results to done, one at a time and in the order of the items. It begins no
// further item once ctx has ended, and returns when all that began are done.
func inOrder[T, R any](ctx context.Context, jobs int, items iter.Seq[T], work func(T) R, done func(T, R)) {
	type slot struct {
		item   T
		result chan R
	}
	slots := make(chan slot, ahead)
	running := make(chan struct{}, jobs)
	go func() {
		defer close(slots)
		for item := range items {
			select {
			case <-ctx.Done():
				return
			case running <- struct{}{}:
			}
			s := slot{item, make(chan R, 1)}
			go func() {
				s.result <- work(item)
				<-running
			}()
			slots <- s
		}
	}()
	for s := range slots {
		done(s.item, <-s.result)
	}
}
