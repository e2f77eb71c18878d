package library

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// A Call is one call of a transport, from its arrival to its answer. If it leaves
// no log entry, it leaves an access record: that is why a transport makes a Call
// in its one adapter, and takes the session of every operation from it.
//
// Its methods may be called concurrently, and on nil, where they do nothing.
type Call struct {
	library   *Library
	principal sheaf.Principal
	started   time.Time
	address   Address // where the caller reaches the store; nil: by none

	mu     sync.Mutex
	record catalog.Access
	logged bool // a log entry says what the call did
	err    error
}

// Begin begins a call that came by a transport, such as "rest".
func (l *Library) Begin(principal sheaf.Principal, transport string) *Call {
	return &Call{
		library: l, principal: principal, started: time.Now(),
		record: catalog.Access{Principal: principal.ID, Label: principal.Label, Transport: transport},
	}
}

// Session returns the library as whoever calls may use it.
func (c *Call) Session() *Session {
	return &Session{library: c.library, principal: c.principal, call: c}
}

// Fail notes that the call fails; the first error counts.
func (c *Call) Fail(err error) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

// Named notes which book and path a request named that was refused before it
// reached an operation of the library, so that it is found among what was done
// there. Of others, the operation has said it.
func (c *Call) Named(book, path string) {
	c.about(func(r *catalog.Access) {
		if r.Operation == "" {
			r.Stream, r.Path = sheaf.Clip(book), sheaf.Clip(path)
		}
	})
}

// End ends the call. Operation is what the transport calls it, which is recorded
// if the call was refused before it reached an operation of the library.
func (c *Call) End(operation string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil && c.logged {
		return
	}
	r := c.record
	if r.Operation == "" {
		r.Operation = operation
	}
	r.At = time.Now()
	r.Duration = r.At.Sub(c.started)
	r.Status, r.Code, r.Message = outcome(c.err)
	c.library.access.add(r)
}

// about changes what will be recorded.
func (c *Call) about(change func(*catalog.Access)) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.record)
}

// logs notes that a log entry says what the call did.
func (c *Call) logs() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.logged = true
}

// maxErrorMessage is how many bytes of an error's message are recorded.
const maxErrorMessage = 1000

// outcome returns what is recorded of an error. The text of one that is not ours
// to show is in the server's log only.
func outcome(err error) (status string, code sheaf.ErrorKind, message string) {
	var e *sheaf.Error
	switch {
	case err == nil:
		return sheaf.CallSucceeded, "", ""
	case errors.As(err, &e):
		code, message = e.Kind, e.Message
		for i, f := range e.Fields {
			if i > 0 || f.Message != e.Message {
				message += "; " + f.Message
			}
		}
	case errors.Is(err, context.Canceled):
		code, message = sheaf.ErrUnavailable, "the caller went away"
	case errors.Is(err, context.DeadlineExceeded):
		code, message = sheaf.ErrTimeout, "it took too long"
	default:
		code, message = sheaf.ErrInternal, "internal error"
	}
	if len(message) > maxErrorMessage {
		message = message[:maxErrorMessage]
	}
	return sheaf.CallStatus(code), code, strings.ToValidUTF8(message, "")
}
