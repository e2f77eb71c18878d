package library

import (
	"context"
	"sync"
)

// copyLocks are the blobs that moves of this process are just copying. Nobody else
// stores these contents on the same backend meanwhile: the same content may come
// in another encoding, and then what is in the backend might be one, and what the
// catalog says the other.
type copyLocks struct {
	mu   sync.Mutex
	done map[blobName]chan struct{} // closed when a copy is there, or given up; guarded by mu
}

func newCopyLocks() *copyLocks { return &copyLocks{done: make(map[blobName]chan struct{})} }

// begin says that a blob is being copied until end is called. It reports false
// when another move is at it.
func (c *copyLocks) begin(name blobName) (end func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, busy := c.done[name]; busy {
		return nil, false
	}
	done := make(chan struct{})
	c.done[name] = done
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.done, name)
		close(done)
	}, true
}

func (c *copyLocks) has(name blobName) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, busy := c.done[name]
	return busy
}

// wait returns once nobody copies a blob.
func (c *copyLocks) wait(ctx context.Context, name blobName) error {
	for {
		c.mu.Lock()
		done, busy := c.done[name]
		c.mu.Unlock()
		if !busy {
			return nil
		}
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
