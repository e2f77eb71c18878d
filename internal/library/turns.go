package library

import (
	"context"
	"hash/fnv"

	"github.com/sheaf-dev/sheaf"
)

// turns let those who merge into a document, or edit it, do so one after the
// other once they have been in each other's way. Without, each would begin again
// whenever another was quicker, and some would never come to an end. A few
// documents share a turn.
type turns [64]chan struct{}

func newTurns() *turns {
	var t turns
	for i := range t {
		t[i] = make(chan struct{}, 1)
	}
	return &t
}

// take waits for a turn on a document. The caller calls done when it is over.
func (t *turns) take(ctx context.Context, id sheaf.DocumentID) (done func(), err error) {
	hash := fnv.New32a()
	hash.Write([]byte(id))
	turn := t[hash.Sum32()%uint32(len(t))]
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
