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

// resetDelay is how long a client has to read the answer to a body that it is
// still sending; net/http takes the same.
const resetDelay = 500 * time.Millisecond

// refuseRest answers a request with err whose body was read in part. A connection
// that is closed while bytes of a body arrive is reset, and the client finds that
// before the answer. net/http waits for that reason, but not after 100 Continue.
func (s *server) refuseRest(w http.ResponseWriter, r *http.Request, err error) {
	s.writeProblem(w, r, err)
	connected := r.Context().Value(http.LocalAddrContextKey) != nil
	if connected && r.Header.Get("Expect") != "" && http.NewResponseController(w).Flush() == nil {
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
