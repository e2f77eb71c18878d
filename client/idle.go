package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// idleWatch ends a request when the server is silent for too long. Its timer
// runs only while this side waits for the server: not while the caller supplies
// the next bytes of an upload or makes use of those of a download, however slow
// they are. A deadline on the connection could not tell the two apart.
type idleWatch struct {
	timeout time.Duration
	timer   *time.Timer
	cancel  context.CancelCauseFunc

	mu    sync.Mutex
	state idleState // guarded by mu
}

type idleState int

const (
	sending   idleState = iota // the request is under way
	receiving                  // the headers of the answer are here: the upload no longer matters
	stopped
)

// watchIdle returns the context for a request and its watch, which is not
// waiting yet. Whoever gets the watch calls stop. A timeout of zero or less
// never passes.
func watchIdle(parent context.Context, timeout time.Duration) (context.Context, *idleWatch) {
	ctx, cancel := context.WithCancelCause(parent)
	w := &idleWatch{timeout: timeout, cancel: cancel}
	if timeout > 0 {
		w.timer = time.AfterFunc(timeout, func() {
			cancel(&sheaf.Error{
				Kind:    sheaf.ErrTimeout,
				Message: fmt.Sprintf("the server was silent for %s", timeout),
				Hint:    "try again, or allow a longer silence (--timeout, DOCUMENT_SERVER_TIMEOUT)",
			})
		})
		w.timer.Stop()
	}
	return ctx, w
}

// wait starts the timer anew, on behalf of the side that is in state.
func (w *idleWatch) wait(state idleState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil && w.state == state {
		w.timer.Reset(w.timeout)
	}
}

// pause stops the timer, on behalf of the side that is in state.
func (w *idleWatch) pause(state idleState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil && w.state == state {
		w.timer.Stop()
	}
}

// enter stops the timer and moves on to state.
func (w *idleWatch) enter(state idleState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = state
	if w.timer != nil {
		w.timer.Stop()
	}
}

// stop ends the request's context.
func (w *idleWatch) stop() {
	w.enter(stopped)
	w.cancel(nil)
}

// watchRequest pauses the watch while req's body is being read.
func (w *idleWatch) watchRequest(req *http.Request) {
	if req.Body == nil || req.Body == http.NoBody {
		return
	}
	req.Body = &watchedUpload{req.Body, w}
	if again := req.GetBody; again != nil {
		req.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			if err != nil {
				return nil, err
			}
			return &watchedUpload{body, w}, nil
		}
	}
}

// watchedUpload is a request's body. The transport may go on reading it after
// the server has answered, which must not start the timer again.
type watchedUpload struct {
	io.ReadCloser
	idle *idleWatch
}

func (u *watchedUpload) Read(p []byte) (int, error) {
	u.idle.pause(sending)
	n, err := u.ReadCloser.Read(p)
	u.idle.wait(sending)
	return n, err
}

// watchedBody is a response's body, which is waited for only while it is read.
type watchedBody struct {
	body      io.ReadCloser
	idle      *idleWatch
	translate func(error) error
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.idle.wait(receiving)
	n, err := b.body.Read(p)
	b.idle.pause(receiving)
	if err != nil && err != io.EOF {
		err = b.translate(err)
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.idle.stop()
	return b.body.Close()
}
