package library

import "sync"

// pins are the contents that uploads of this process have placed in a backend, or
// found there, and may be about to name in a commit. The catalog does not say
// whose a blob is; garbage collection leaves those that are pinned alone.
//
// One process owns the catalog, so that it knows all of them: what is pending and
// not pinned was abandoned.
type pins struct {
	mu    sync.Mutex
	count map[blobName]int // guarded by mu
}

func newPins() *pins { return &pins{count: make(map[blobName]int)} }

// add pins a content until release is called, once.
func (p *pins) add(name blobName) (release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count[name]++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.count[name]--; p.count[name] == 0 {
			delete(p.count, name)
		}
	}
}

func (p *pins) has(name blobName) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count[name] > 0
}
