package rest

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// An idleReader reads a request's body and fails with ErrTimeout when no byte
// comes for too long. A deadline for the whole body would end large uploads
// that are doing fine.
type idleReader struct {
	body       io.Reader
	connection *http.ResponseController
	idle       time.Duration
	until      time.Time // the deadline that is set
	err        error     // of a stall, else nil
}

// Read implements [io.Reader].
func (b *idleReader) Read(p []byte) (int, error) {
	// Moving the deadline costs more than reading the clock, so it moves in
	// steps: a stall lasts idle at least and a quarter more at most.
	if now := time.Now(); b.until.Sub(now) < b.idle {
		b.until = now.Add(b.idle + b.idle/4)
		// Where the connection has no deadlines (a handler called within the
		// process) there is no peer to stall either.
		_ = b.connection.SetReadDeadline(b.until)
	}
	n, err := b.body.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = sheaf.Errorf(sheaf.ErrTimeout, "no byte of the body arrived for %v", b.idle).
			WithHint("send the body without pauses, or raise the server's idle timeout of uploads")
		b.err = err
	}
	return n, err
}

// done takes the deadline away when a body was read to its end: net/http
// watches the connection while the operation commits, and would take the
// deadline for the client's leaving. After an error the deadline stays, because
// net/http reads some of the rest of the body before it answers.
func (b *idleReader) done() {
	_ = b.connection.SetReadDeadline(time.Time{})
}

// receive hands the body of an upload to read, which reads as far as the upload
// goes; nothing may follow it. The error says that the body was not read to its
// end.
func (s *server) receive(w http.ResponseWriter, r *http.Request, read func(io.Reader) error) error {
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	body := &idleReader{body: r.Body, connection: http.NewResponseController(w), idle: s.idle}
	buffered := bodyBuffers.Get().(*bufio.Reader)
	buffered.Reset(body)
	err = read(buffered)
	if err == nil {
		err = readEpilogue(buffered)
	}
	buffered.Reset(nil)
	bodyBuffers.Put(buffered)
	if body.err != nil {
		// Half a line looks malformed, and net/http cancels a request whose body
		// does not come, which may be noticed first.
		err = body.err
	}
	if err != nil {
		return unreadBody{err}
	}
	body.done()
	return nil
}

// enter takes one of the places for uploads; leave gives it back.
func (s *server) enter() (leave func(), err error) {
	select {
	case s.uploads <- struct{}{}:
		return func() { <-s.uploads }, nil
	default:
		return nil, sheaf.Errorf(sheaf.ErrRateLimited, "the server is receiving %d uploads already", cap(s.uploads)).
			WithHint("send it again in a moment")
	}
}

// tooLong refuses a body by the length it announces.
func tooLong(w http.ResponseWriter, r *http.Request, most int64, limit string) error {
	if r.ContentLength <= most {
		return nil
	}
	// Closing keeps net/http from reading on for the next request.
	w.Header().Set("Connection", "close")
	return sheaf.Errorf(sheaf.ErrTooLarge, "the body has %d bytes, the limit of %s", r.ContentLength, limit)
}

// An unreadBody is an error that keeps a body from being read to its end.
type unreadBody struct{ error }

// Unwrap serves [errors.As].
func (u unreadBody) Unwrap() error { return u.error }

// resetDelay is how long a client has to read the answer to a body that it is
// still sending; net/http takes the same.
const resetDelay = 500 * time.Millisecond

// refuse answers a request with err. A connection that is closed while bytes of
// a body arrive is reset, and the client finds that before the answer. net/http
// waits for that reason, but not after 100 Continue.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	s.writeProblem(w, r, err)
	var unread unreadBody
	connected := r.Context().Value(http.LocalAddrContextKey) != nil
	if errors.As(err, &unread) && connected && r.Header.Get("Expect") != "" && http.NewResponseController(w).Flush() == nil {
		time.Sleep(resetDelay)
	}
}

// bodyBuffers hold what is read from connections. mime/multipart reads 4 KiB at
// a time, which would be a system call each.
var bodyBuffers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 64<<10) }}

// A budgetReader fails with errOverBudget when more is read than the budget.
// It bounds what mime/multipart reads on its own account: what stands before
// the first part, between parts and in their headers.
type budgetReader struct {
	from   io.Reader
	budget int64 // bytes that may still be read
}

var errOverBudget = errors.New("too many bytes between the contents of the parts")

// Read implements [io.Reader].
func (b *budgetReader) Read(p []byte) (int, error) {
	if b.budget <= 0 {
		return 0, errOverBudget
	}
	if int64(len(p)) > b.budget {
		p = p[:b.budget]
	}
	n, err := b.from.Read(p)
	b.budget -= int64(n)
	return n, err
}
