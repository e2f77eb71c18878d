package blob

import (
	"sync"

	"github.com/sheaf-dev/sheaf"
)

// A fileState is what changes when somebody writes to a file or puts another
// in its place. Times are Unix nanoseconds.
type fileState struct {
	device, inode     uint64
	size              int64
	modified, changed int64
}

// A fileName names a file among the blobs.
type fileName struct {
	backend string
	digest  sheaf.Digest
}

// A verification says that a file in that state holds the content of its
// digest.
type verification struct {
	state fileState
	gzip  sheaf.Digest // of its gzip form; zero unless the blob is deflated
	print uint64       // where it is the fingerprint of a content that is verified, which has no state
}

// verifiedFiles remembers which files were verified, those used lately longer
// than others, and lets only one goroutine at a time verify a file.
type verifiedFiles struct {
	mu         sync.Mutex
	generation int // entries that make a generation
	young, old map[fileName]verification
	running    map[fileName]*verifying
}

// verifying is a verification that one goroutine does and others wait for.
type verifying struct {
	done chan struct{} // closed when the rest is set
	err  error
}

// newVerifiedFiles returns an empty memory of at most about bound files.
func newVerifiedFiles(bound int) *verifiedFiles {
	return &verifiedFiles{
		generation: max(1, bound/2),
		young:      map[fileName]verification{},
		running:    map[fileName]*verifying{},
	}
}

// begin returns the verification of a file that is in the given state. Without
// one, it returns the verifying that is under way, and whether it is the caller
// who has to do it and then call end.
func (v *verifiedFiles) begin(name fileName, state fileState) (known verification, running *verifying, mine bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if known, ok := v.young[name]; ok && known.state == state {
		return known, nil, false
	}
	if known, ok := v.old[name]; ok && known.state == state {
		v.remember(name, known)
		return known, nil, false
	}
	if running, ok := v.running[name]; ok {
		return verification{}, running, false
	}
	running = &verifying{done: make(chan struct{})}
	v.running[name] = running
	return verification{}, running, true
}

// end tells the outcome to those that wait, and remembers a good one.
func (v *verifiedFiles) end(name fileName, running *verifying, result verification, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.running, name)
	if err == nil {
		v.remember(name, result)
	}
	running.err = err
	close(running.done)
}

// recall returns the verification of a file that is in the given state; ok is
// false if there is none.
func (v *verifiedFiles) recall(name fileName, state fileState) (known verification, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	known, ok = v.young[name]
	if !ok || known.state != state {
		if known, ok = v.old[name]; ok && known.state == state {
			v.remember(name, known)
		}
	}
	return known, ok && known.state == state
}

// note remembers a verification that was none's turn.
func (v *verifiedFiles) note(name fileName, known verification) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.remember(name, known)
}

// remember adds to the young generation. A full one becomes the old one, and
// what was old and not used since is forgotten. The caller holds v.mu.
func (v *verifiedFiles) remember(name fileName, known verification) {
	if len(v.young) >= v.generation {
		v.old, v.young = v.young, make(map[fileName]verification)
	}
	v.young[name] = known
}
