package resilient

import (
	"context"
	"errors"
	"io"
	"time"
)

// errStalled is the cause of a context that ended because nothing moved.
var errStalled = errors.New("nothing moved")

// A watch ends the context of an attempt when nothing has moved for a while.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	idle   time.Duration
	timer  *time.Timer
}

// watching returns a context with a watch on it, which the caller ends.
func watching(parent context.Context, idle time.Duration) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(parent)
	w := &watch{ctx: ctx, cancel: cancel, idle: idle}
	w.timer = time.AfterFunc(idle, func() { cancel(errStalled) })
	return ctx, w
}

// resume begins the time anew: something has moved, or is waited for again.
func (w *watch) resume() { w.timer.Reset(w.idle) }

// pause stops the time while it is not the backend that is waited for.
func (w *watch) pause() { w.timer.Stop() }

func (w *watch) stalled() bool { return context.Cause(w.ctx) == errStalled }

func (w *watch) end() {
	w.timer.Stop()
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
