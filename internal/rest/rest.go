// Package rest serves a library over HTTP: the routes that agents' programs,
// the commands and the seed's Python client speak.
//
// It decodes a request, calls one method of [library.Session] and encodes the
// answer; what a document may be is decided in package library alone. One table
// (routes.go) says which operations there are: the mux, the OpenAPI document,
// the page at /docs and the permission matrix are made from it. Every error,
// whoever raised it, leaves through problem.go.
//
// Contents are streamed in both directions: a multipart body goes part by part
// into the library's spool, and a stored file goes out by sendfile. That is why
// the writer an operation gets must always reach the connection's
// [io.ReaderFrom]; a test watches over it.
package rest

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// Options says what New serves and how.
type Options struct {
	Library *library.Library // required
	Log     *slog.Logger     // nil: nothing is logged

	// Version is the program's, for /health and the OpenAPI document.
	Version string

	// BaseURL begins the url field of documents, such as
	// https://sheaf.example/store. Empty: http or https and the request's Host.
	BaseURL string

	// Address says where the sender of a request reaches this server over TCP,
	// for URLs that have to work for whoever is given them. Nil: BaseURL, or
	// where the request was sent to.
	Address func(*http.Request) (string, error)

	// LoopbackOnly refuses requests whose Host is neither a loopback address
	// nor "localhost" nor in AllowedHosts, so that a web page cannot reach a
	// store without keys by rebinding its own name to 127.0.0.1. Requests over
	// a Unix socket and from within the process have no such way in.
	LoopbackOnly bool

	// AllowedHosts are further names of this server, without port. A page
	// from one of them may call the API too.
	AllowedHosts []string

	// UploadIdleTimeout ends an upload whose body brings no byte for so long.
	// 0: 60 s.
	UploadIdleTimeout time.Duration

	// DownloadGrace is the time that every download has; a larger one has a
	// second more per 64 KiB. A reader that is slower is disconnected. 0: 60 s.
	DownloadGrace time.Duration

	// MCP answers agents at /mcp, behind the same checks of Host and Origin as
	// everything else; nil: nobody does. The toolset of /mcp/x/{toolset} is a
	// path value of its requests, and both can end in /readonly.
	MCP http.Handler

	// MaxUploads bounds the uploads that are received at once; more are
	// answered with 429. 0: 256.
	MaxUploads int
}

const (
	defaultUploadIdleTimeout = 60 * time.Second
	defaultDownloadGrace     = 60 * time.Second
	defaultMaxUploads        = 256
)

// server is what the operations have in common. It is not changed after New,
// except for its counter.
type server struct {
	library    *library.Library
	log        *slog.Logger
	limits     sheaf.Limits
	version    string
	baseURL    string // without a final slash; empty: from the request
	address    func(*http.Request) (string, error)
	uploads    chan struct{}
	batchTexts *semaphore.Weighted // bytes of [textHold]
	idle       time.Duration
	grace      time.Duration
	rate       int64 // bytes a second
	requests   requestIDs
}

// New returns the handler of the whole API. It keeps no goroutines and needs
// no closing; the library stays the caller's.
func New(options Options) (http.Handler, error) {
	return newHandler(options, routes())
}

// NewMCP returns a handler of /mcp alone, for an address that agents are to
// reach and nobody else. It checks Host and Origin as New's does.
func NewMCP(options Options) (http.Handler, error) {
	if options.MCP == nil {
		return nil, errors.New("rest: Options.MCP is missing")
	}
	s, err := prepare(options)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	s.mountMCP(mux, options.MCP)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.writeProblem(w, r, sheaf.Errorf(sheaf.ErrNotFound, "there is nothing at %s", sheaf.Clip(r.URL.Path)).
			WithHint("agents are served at /mcp; everything else is at the server's own address"))
	})
	return s.guard(mux, nil, options), nil
}

func newHandler(options Options, table []route) (http.Handler, error) {
	s, err := prepare(options)
	if err != nil {
		return nil, err
	}
	mux := s.mount(table)
	if options.MCP != nil {
		s.mountMCP(mux, options.MCP)
	}
	return s.guard(mux, table, options), nil
}

// mountMCP puts agents' tools onto a mux.
func (s *server) mountMCP(mux *http.ServeMux, agents http.Handler) {
	for _, pattern := range []string{"/mcp", "/mcp/readonly", "/mcp/x/{toolset}", "/mcp/x/{toolset}/readonly"} {
		mux.Handle(pattern, s.patient(agents))
	}
}

func (s *server) guard(next http.Handler, table []route, options Options) http.Handler {
	return &guard{
		server:       s,
		next:         next,
		operations:   recordedOperations(table),
		loopbackOnly: options.LoopbackOnly,
		allowedHosts: hostSet(options.AllowedHosts),
	}
}

func prepare(options Options) (*server, error) {
	if options.Library == nil {
		return nil, errors.New("rest: Options.Library is missing")
	}
	if options.BaseURL != "" {
		base, err := url.Parse(options.BaseURL)
		if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" || base.RawQuery != "" || base.Fragment != "" {
			return nil, sheaf.Invalid("base_url", "the base URL has to be like https://sheaf.example/store")
		}
	}
	s := &server{
		rate:       downloadRate,
		library:    options.Library,
		log:        options.Log,
		limits:     options.Library.Limits(),
		version:    options.Version,
		baseURL:    strings.TrimRight(options.BaseURL, "/"),
		batchTexts: semaphore.NewWeighted(batchTexts),
		uploads:    make(chan struct{}, defaultTo(options.MaxUploads, defaultMaxUploads)),
		idle:       defaultTo(options.UploadIdleTimeout, defaultUploadIdleTimeout),
		grace:      defaultTo(options.DownloadGrace, defaultDownloadGrace),
		requests:   newRequestIDs(),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.address = options.Address; s.address == nil {
		s.address = func(r *http.Request) (string, error) { return s.base(r), nil }
	}
	return s, nil
}

// callTime bounds a call of an agent, from its first byte to the last of its answer.
const callTime = 10 * time.Minute

// patient gives a handler that knows nothing of deadlines the time that its
// calls may take.
func (s *server) patient(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(time.Now().Add(s.idle))
		_ = control.SetWriteDeadline(time.Now().Add(callTime))
		next.ServeHTTP(w, r)
	})
}

func defaultTo[T int | time.Duration](value, fallback T) T {
	if value <= 0 {
		return fallback
	}
	return value
}

// session returns the library as whoever sent the request may use it.
func (s *server) session(r *http.Request) *library.Session {
	return callOf(r.Context()).Session()
}

// principal returns who sent the request.
func principal(r *http.Request) sheaf.Principal {
	return sheaf.Local(sheaf.CleanLabel(r.Header.Get("X-Agent-Id")))
}

// base returns where the API is, as the sender of r sees it, without a final slash.
func (s *server) base(r *http.Request) string {
	switch {
	case s.baseURL != "":
		return s.baseURL
	case r.TLS != nil:
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
