package rest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// A guard stands before every operation: it names the request, turns away hosts
// and origins that must not call, and keeps a panic from ending more than one
// request. It hands the ResponseWriter on as it is, unless the log is at debug
// level, and then in a wrapper that keeps sendfile working.
type guard struct {
	*server
	next         http.Handler
	operations   map[string]string // the ids of those that are recorded, by their patterns
	loopbackOnly bool
	allowedHosts map[string]bool // lower case, without port
}

// ServeHTTP implements [http.Handler].
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header["X-Request-Id"] = []string{g.requests.next()}
	header["X-Content-Type-Options"] = nosniff
	if g.log.Enabled(r.Context(), slog.LevelDebug) {
		logged := &statusWriter{ResponseWriter: w}
		defer g.logAccess(logged, r, time.Now())
		w = logged
	}
	r, record := g.recorded(r)
	defer record()
	defer g.recover(w, r)
	if r.ContentLength != 0 {
		// What an operation does not read of a body, net/http reads before it
		// sends the answer, for as long as the connection lets it.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(min(g.idle, unreadBodyTime)))
	}
	if err := g.check(r); err != nil {
		g.writeProblem(w, r, err)
		return
	}
	g.next.ServeHTTP(w, r)
}

// unreadBodyTime is how long the rest of a body that nobody wants may take to arrive.
const unreadBodyTime = 5 * time.Second

// nosniff is shared by all answers; nobody appends to it.
var nosniff = []string{"nosniff"}

// recover answers a panic with a problem, or, if the answer has begun, by
// ending the connection: a client must never take half an answer for a whole one.
func (g *guard) recover(w http.ResponseWriter, r *http.Request) {
	caught := recover()
	if caught == nil {
		return
	}
	if caught == http.ErrAbortHandler {
		callOf(r.Context()).Fail(errAborted)
		panic(caught)
	}
	g.log.LogAttrs(r.Context(), slog.LevelError, "panic in a request",
		slog.String("request_id", requestID(w)), slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.String("panic", fmt.Sprint(caught)), slog.String("stack", string(debug.Stack())))
	// Whether an answer has begun cannot be asked of an http.ResponseWriter. No
	// operation writes without a Content-Type, so that without one it has not.
	if w.Header().Get("Content-Type") == "" {
		g.writeProblem(w, r, sheaf.Errorf(sheaf.ErrInternal, "internal error").WithHint(internalHint(requestID(w))))
		return
	}
	callOf(r.Context()).Fail(errAborted)
	panic(http.ErrAbortHandler)
}

// check refuses what a web page of someone else might have sent.
func (g *guard) check(r *http.Request) error {
	if g.loopbackOnly && !g.knownHost(r) {
		return sheaf.Errorf(sheaf.ErrForbidden, "the host %q is not a name of this server", sheaf.Clip(r.Host)).
			WithHint("use localhost or 127.0.0.1, or add the name to the allowed hosts in the server's configuration")
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if !g.knownOrigin(origin, r.Host) {
			return sheaf.Errorf(sheaf.ErrForbidden, "pages from %q may not call this server", sheaf.Clip(origin)).
				WithHint("add the page's host to the allowed hosts in the server's configuration")
		}
		return nil
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return nil
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return sheaf.Errorf(sheaf.ErrForbidden, "pages of other sites may not change anything here").
			WithHint("call from a page of this server, or add the page's host to the allowed hosts in the server's configuration")
	}
	return nil
}

// knownHost reports whether the request's Host is a name of a server that
// listens on loopback only.
func (g *guard) knownHost(r *http.Request) bool {
	// http.Server says where it accepted the connection; a call from within
	// the process was not accepted at all. No browser gets to either.
	accepted, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if accepted == nil || accepted.Network() == "unix" {
		return true
	}
	name := hostname(r.Host)
	if name == "localhost" || g.allowedHosts[name] {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.Unmap().IsLoopback()
}

// knownOrigin reports whether a page from origin is one of this server's own,
// which it is when host and port are those of the request, or of an allowed host.
func (g *guard) knownOrigin(origin, host string) bool {
	page, err := url.Parse(origin)
	if err != nil || page.Host == "" {
		return false // "null": a sandboxed page, a file
	}
	return strings.EqualFold(page.Host, host) || g.allowedHosts[hostname(page.Host)]
}

// hostname returns a host in lower case without port and brackets.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	return strings.ToLower(host)
}

func hostSet(hosts []string) map[string]bool {
	set := make(map[string]bool, len(hosts))
	for _, host := range hosts {
		set[hostname(strings.TrimSpace(host))] = true
	}
	delete(set, "")
	return set
}

// requestIDs makes the names under which the log knows requests: the same
// prefix for all of a process, then a running number.
type requestIDs struct {
	prefix string
	last   *atomic.Uint64
}

func newRequestIDs() requestIDs {
	var process [4]byte
	rand.Read(process[:]) // never fails, see crypto/rand.Read
	return requestIDs{prefix: hex.EncodeToString(process[:]) + "-", last: new(atomic.Uint64)}
}

func (ids requestIDs) next() string {
	var buf [32]byte
	return string(strconv.AppendUint(append(buf[:0], ids.prefix...), ids.last.Add(1), 10))
}

// requestID returns the name the guard gave to the request that w answers.
func requestID(w http.ResponseWriter) string { return w.Header().Get("X-Request-Id") }

func (g *guard) logAccess(w *statusWriter, r *http.Request, start time.Time) {
	g.log.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelDebug, "request",
		slog.String("request_id", requestID(w)), slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", w.status), slog.Duration("duration", time.Since(start)), slog.String("remote", r.RemoteAddr))
}

// A statusWriter remembers the status of an answer, for the access log.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// ReadFrom implements [io.ReaderFrom], without which no file goes out by sendfile.
func (w *statusWriter) ReadFrom(r io.Reader) (int64, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return io.Copy(w.ResponseWriter, r)
}

// Unwrap serves [http.ResponseController].
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
