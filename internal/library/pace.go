package library

import (
	"context"
	"time"
)

const (
	// paceTarget is for how long one transaction may keep other writers waiting.
	paceTarget = 4 * time.Millisecond

	minPace, firstPace, maxPace = 16, 128, 256
)

// A pace keeps work that is in no hurry out of the way of who writes: it says how
// much to do in one transaction, by how long the last ones have kept the writer.
// What that takes differs by a factor of ten between a machine that is idle and
// one that is busy.
type pace struct{ size int }

func newPace() pace { return pace{size: firstPace} }

// begin begins a transaction that does count things; done ends it and sets the
// pace by how long they took. Of a few, what matters is the rest of it.
func (p *pace) begin(count int) (done func()) {
	started := time.Now()
	return func() {
		if count >= minPace {
			p.took(time.Since(started) / time.Duration(count))
		}
	}
}

// took goes half the way to the size that would fit, so that one hiccup of the
// machine does not count for much.
func (p *pace) took(each time.Duration) {
	fits := maxPace
	if each > 0 {
		fits = int(min(paceTarget/each, maxPace))
	}
	p.size = max(minPace, (p.size+fits)/2)
}

// rest waits for as long as it is since started.
func rest(ctx context.Context, started time.Time) error {
	select {
	case <-time.After(time.Since(started)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
