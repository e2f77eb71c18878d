package resilient

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// errStalled is the cause of a context that ended because nothing moved.
var errStalled = errors.New("nothing moved")

// A watch ends the context of an attempt when nothing has moved for a while.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	leave  func() bool // ends waiting for the end of the process

	mu     sync.Mutex
	idle   time.Duration // guarded by mu
	timer  *time.Timer
	paused bool // guarded by mu
}

// watching returns a context with a watch on it, which the caller ends. From the
// end of ending on it has less patience, unless it has so little already.
func watching(parent context.Context, idle time.Duration, ending context.Context, idleThen time.Duration) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(parent)
	w := &watch{ctx: ctx, cancel: cancel, idle: idle}
	w.timer = time.AfterFunc(idle, func() { cancel(errStalled) })
	w.leave = context.AfterFunc(ending, func() { w.hurry(idleThen) })
	return ctx, w
}

// hurry shortens the time, which begins anew.
func (w *watch) hurry(idle time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if idle >= w.idle {
		return
	}
	w.idle = idle
	if !w.paused && w.ctx.Err() == nil {
		w.timer.Reset(w.idle)
	}
}

// resume begins the time anew: something has moved, or is waited for again.
func (w *watch) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paused = false
	w.timer.Reset(w.idle)
}

// pause stops the time while it is not the backend that is waited for.
func (w *watch) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paused = true
	w.timer.Stop()
}

// patience returns for how long nothing may move.
func (w *watch) patience() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.idle
}

func (w *watch) stalled() bool { return context.Cause(w.ctx) == errStalled }

func (w *watch) end() {
	w.leave()
	w.pause()
	w.cancel(nil)
}

// watchedBody is a body on its way to the backend. The backend takes the next
// bytes when it is done with the last.
type watchedBody struct {
	body  io.Reader
	watch *watch
	err   error // why body could not be read, which is not the backend's fault
}

// Read implements [io.Reader].
func (b *watchedBody) Read(p []byte) (int, error) {
	b.watch.pause()
	n, err := b.body.Read(p)
	b.watch.resume()
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

// rewindableBody is one that can be read again.
type rewindableBody struct {
	*watchedBody
	io.Seeker
}
