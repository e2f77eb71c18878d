// Package faults is a proxy for tests that stands before a real server and has
// bad days on demand: it refuses, resets, stalls, cuts off, lies about lengths
// and flips bits, until it is told otherwise.
package faults

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A Fault is what the proxy does to requests.
type Fault string

const (
	None          Fault = "none"
	Unavailable   Fault = "unavailable"    // 503 with the page of a gateway
	Reset         Fault = "reset"          // the connection is reset before the answer
	ResetAfter    Fault = "reset after"    // the server does it, and the connection is reset instead of the answer
	Stall         Fault = "stall"          // the request is taken and nothing is ever answered
	StallBody     Fault = "stall body"     // half of the answer comes, and then nothing
	Truncate      Fault = "truncate"       // half of the answer comes, and then the end
	WrongLength   Fault = "wrong length"   // a shorter answer, with a header that agrees
	Corrupt       Fault = "corrupt"        // a bit of the answer is flipped
	CorruptUpload Fault = "corrupt upload" // a bit of what is stored is flipped on the way there
	ClockSkew     Fault = "clock skew"     // the server's clock is a day ahead, so that it accepts no signature
)

// All are all faults but None.
var All = []Fault{Unavailable, Reset, ResetAfter, Stall, StallBody, Truncate, WrongLength, Corrupt, CorruptUpload, ClockSkew}

// mostBuffered is the largest body that the proxy passes on: it has all of it in
// memory.
const mostBuffered = 64 << 20

// A Proxy stands before a server. Its methods may be called concurrently.
type Proxy struct {
	// Refusal answers as the server does when a signature is not valid yet, for
	// ClockSkew; 403 without a body unless set before the first request.
	Refusal http.HandlerFunc

	// Spare says of requests that no fault is done to, unless it is nil.
	Spare func(*http.Request) bool

	target *url.URL
	server *httptest.Server
	client *http.Transport

	mu      sync.Mutex
	fault   Fault         // guarded by mu
	changed chan struct{} // guarded by mu; closed when fault changes

	requests atomic.Int64
	faulty   atomic.Int64
}

// Start starts a proxy before the server with a URL. It ends with the test.
func Start(t testing.TB, target string) *Proxy {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{
		Refusal: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		target:  u, client: &http.Transport{DisableCompression: true}, fault: None, changed: make(chan struct{}),
	}
	p.server = httptest.NewServer(p)
	t.Cleanup(func() {
		p.Do(None) // or requests that are stalled would be waited for
		p.server.CloseClientConnections()
		p.server.Close()
		p.client.CloseIdleConnections()
	})
	return p
}

// URL returns where clients reach the server through the proxy.
func (p *Proxy) URL() string { return p.server.URL }

// Do changes what the proxy does. Requests that stall end.
func (p *Proxy) Do(fault Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = fault
	close(p.changed)
	p.changed = make(chan struct{})
}

// Requests returns how many requests have come, and to how many something was done.
func (p *Proxy) Requests() (all, faulty int64) { return p.requests.Load(), p.faulty.Load() }

// ServeHTTP implements [http.Handler].
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.requests.Add(1)
	p.mu.Lock()
	fault, changed := p.fault, p.changed
	p.mu.Unlock()
	if p.Spare != nil && p.Spare(r) {
		fault = None
	}
	if fault != None {
		p.faulty.Add(1)
	}
	switch fault {
	case Unavailable:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, "<html>503 Service Temporarily Unavailable</html>")
	case Reset:
		reset(w)
	case Stall:
		await(r.Context(), changed)
		reset(w)
	case ClockSkew:
		w.Header().Set("Date", time.Now().Add(24*time.Hour).UTC().Format(http.TimeFormat))
		p.Refusal(w, r)
	default:
		p.pass(w, r, fault, changed)
	}
}

// pass asks the server, and passes its answer on as the fault has it.
func (p *Proxy) pass(w http.ResponseWriter, r *http.Request, fault Fault, changed <-chan struct{}) {
	body, err := io.ReadAll(io.LimitReader(r.Body, mostBuffered))
	if err != nil {
		reset(w) // the client has broken off: the server gets nothing
		return
	}
	if fault == CorruptUpload && r.Header.Get("Content-Type") != "application/json" {
		flip(body)
	}
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host, out.RequestURI = p.target.Scheme, p.target.Host, "" // but the Host that may be signed
	out.Body, out.ContentLength, out.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	res, err := p.client.RoundTrip(out)
	if err != nil {
		reset(w)
		return
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, mostBuffered))
	if err != nil || fault == ResetAfter {
		reset(w)
		return
	}
	header := w.Header()
	for name, values := range res.Header {
		header[name] = values
	}
	if r.Method == http.MethodHead {
		w.WriteHeader(res.StatusCode)
		return
	}
	announced, sent := len(answer), len(answer)
	switch fault {
	case Corrupt:
		flip(answer)
	case WrongLength:
		announced, sent = len(answer)/2, len(answer)/2
	case StallBody, Truncate:
		sent = len(answer) / 2
	}
	header.Set("Content-Length", strconv.Itoa(announced))
	w.WriteHeader(res.StatusCode)
	w.Write(answer[:sent])
	if sent == announced {
		return
	}
	http.NewResponseController(w).Flush()
	if fault == StallBody {
		await(r.Context(), changed)
	}
	panic(http.ErrAbortHandler)
}

func await(ctx context.Context, changed <-chan struct{}) {
	select {
	case <-changed:
	case <-ctx.Done():
	}
}

// reset ends a connection without an answer.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

// flip flips a bit in the middle of bytes.
func flip(b []byte) {
	if len(b) > 0 {
		b[len(b)/2] ^= 1
	}
}
