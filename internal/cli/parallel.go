package cli

import (
	"context"
	"iter"
)

// ahead is how many results may wait for one before them.
const ahead = 1024

// inOrder does work on the items, on at most jobs of them at once, and hands the
// results to done, one at a time and in the order of the items. It begins no
// further item once ctx has ended, and returns when all that began are done. It
// reports whether that was all of them.
func inOrder[T, R any](ctx context.Context, jobs int, items iter.Seq[T], work func(T) R, done func(T, R)) (all bool) {
	type slot struct {
		item   T
		result chan R
	}
	slots := make(chan slot, ahead)
	running := make(chan struct{}, jobs)
	go func() {
		defer close(slots)
		for item := range items {
			running <- struct{}{} // which takes no longer than work
			if ctx.Err() != nil {
				return
			}
			s := slot{item, make(chan R, 1)}
			go func() {
				s.result <- work(item)
				<-running
			}()
			slots <- s
		}
		all = true
	}()
	for s := range slots {
		done(s.item, <-s.result)
	}
	return all
}
