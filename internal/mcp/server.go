package mcp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// Options says what New serves.
type Options struct {
	Library *library.Library // required
	Log     *slog.Logger     // nil: nothing is logged
	Version string           // the program's

	// ReadOnly leaves out every tool that changes something, whatever a client
	// asks for.
	ReadOnly bool

	// Toolsets are offered to whoever does not ask for others. Empty: books and
	// documents.
	Toolsets []Toolset
}

// maxBody is how many bytes a request may have.
const maxBody = 16 << 20

// instructions tell a model what the store is for. Clients show all of it to
// every model at every start, so that each sentence has to be worth it.
const instructions = `Sheaf stores documents for agents and people, with their whole history. Books hold texts at paths (list_books, read_content, write_content); other documents have ids.
Every write is checked: send file_hash, the SHA-256 you read (file_hash_sha256 or checksum_sha256), with each write or edit. If someone else wrote meanwhile you get a conflict with the current hash and, if the changes do not touch the same lines, a merge; send the write again with on_conflict "merge" to take it.
Nothing is lost: each write is a version, delete moves to the trash.
Prefer edit_content and edit_document to sending a whole text. Read long texts in parts with offset and limit (lines). Errors say what to do next in "hint".`

// A Server answers agents at /mcp and /mcp/x/{toolset}. It keeps no sessions.
type Server struct {
	library  *library.Library
	log      *slog.Logger
	version  string
	readOnly bool
	toolsets []Toolset
	tools    []tool

	plain     http.Handler // answers with JSON
	streaming http.Handler // answers with events, for callers that want to see progress

	mu    sync.Mutex
	views map[view]*sdk.Server
}

// A view is which tools a caller sees. There are few, so that the SDK's server
// for each is kept.
type view struct {
	toolsets string // sorted, separated by commas
	scopes   sheaf.ScopeSet
	readOnly bool
}

// New returns a handler of the protocol. The library stays the caller's.
func New(options Options) (*Server, error) {
	if options.Library == nil {
		return nil, errors.New("mcp: Options.Library is missing")
	}
	s := &Server{
		library: options.Library, log: options.Log, version: options.Version, readOnly: options.ReadOnly,
		toolsets: options.Toolsets, tools: tools(options.Library.Limits()), views: map[view]*sdk.Server{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if len(s.toolsets) == 0 {
		s.toolsets = []Toolset{ToolsetBooks, ToolsetDocuments}
	}
	for _, name := range s.toolsets {
		if !slices.Contains(knownToolsets, name) {
			return nil, errUnknownToolset(string(name))
		}
	}
	transport := sdk.StreamableHTTPOptions{
		Stateless: true, MaxRequestBodyBytes: maxBody, PropagateRequestCancellation: true,
		DisableLocalhostProtection: true, // whoever mounts this has checked Host and Origin
	}
	s.streaming = sdk.NewStreamableHTTPHandler(s.serverFor, &transport)
	transport.JSONResponse = true
	s.plain = sdk.NewStreamableHTTPHandler(s.serverFor, &transport)
	return s, nil
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, err := s.viewOf(r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.Method != http.MethodPost {
		s.plain.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			http.Error(w, fmt.Sprintf("a request has at most %d bytes; upload larger contents over REST", maxBody), http.StatusRequestEntityTooLarge)
			return
		}
		http.Error(w, "the request is cut off", http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	// An answer in JSON has no place for progress.
	if bytes.Contains(body, []byte(`"progressToken"`)) {
		s.streaming.ServeHTTP(w, r)
		return
	}
	s.plain.ServeHTTP(w, r)
}

var knownToolsets = []Toolset{ToolsetBooks, ToolsetDocuments, ToolsetHistory, ToolsetReview, ToolsetAdmin}

func errUnknownToolset(name string) error {
	return sheaf.Invalid("toolset", fmt.Sprintf("there is no toolset %q; there are %s", sheaf.Clip(name), joinToolsets(knownToolsets)))
}

func joinToolsets(toolsets []Toolset) string {
	var names []string
	for _, t := range toolsets {
		names = append(names, string(t))
	}
	return strings.Join(names, ",")
}

// viewOf returns which tools the sender of a request sees: those of the toolset
// in the URL, else of the header X-MCP-Toolsets, else the configured ones.
func (s *Server) viewOf(r *http.Request) (view, error) {
	wanted := s.toolsets
	asked := r.Header.Get("X-MCP-Toolsets")
	if name := r.PathValue("toolset"); name != "" {
		asked = name
	}
	if asked != "" {
		wanted = nil
		for name := range strings.SplitSeq(asked, ",") {
			toolset := Toolset(strings.TrimSpace(name))
			if !slices.Contains(knownToolsets, toolset) {
				return view{}, errUnknownToolset(string(toolset))
			}
			wanted = append(wanted, toolset)
		}
	}
	wanted = slices.Clone(wanted)
	slices.Sort(wanted)
	return view{
		toolsets: joinToolsets(slices.Compact(wanted)),
		scopes:   principal(r.Header, "").Scopes,
		readOnly: s.readOnly || r.Header.Get("X-MCP-Readonly") == "true",
	}, nil
}

// principal returns who is calling.
func principal(header http.Header, client string) sheaf.Principal {
	label := header.Get("X-Agent-Id")
	if label == "" {
		label = client
	}
	return sheaf.Local(sheaf.CleanLabel(label))
}

// serverFor returns the SDK's server for the sender of a request.
func (s *Server) serverFor(r *http.Request) *sdk.Server {
	v, err := s.viewOf(r)
	if err != nil {
		return nil // ServeHTTP has refused it
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.views[v]; known != nil {
		return known
	}
	made := s.newServer(v)
	s.views[v] = made
	return made
}

// newServer returns an SDK server with the tools of a view.
func (s *Server) newServer(v view) *sdk.Server {
	server := sdk.NewServer(
		&sdk.Implementation{Name: "sheaf", Title: "Sheaf", Version: s.version},
		&sdk.ServerOptions{
			Instructions: instructions,
			Capabilities: &sdk.ServerCapabilities{Tools: &sdk.ToolCapabilities{}},
			SetCacheable: func(_ context.Context, _ sdk.Request, c *sdk.Cacheable) { c.CacheScope = "private" },
		})
	for _, t := range s.tools {
		if !strings.Contains(","+v.toolsets+",", ","+string(t.toolset)+",") || !v.scopes.Has(t.scope) || v.readOnly && !t.readOnly {
			continue
		}
		server.AddTool(t.sdkTool(), s.handler(t))
	}
	return server
}

// sdkTool returns the tool as the SDK lists it.
func (t tool) sdkTool() *sdk.Tool {
	closedWorld := false
	return &sdk.Tool{
		Name: t.name, Title: t.title, Description: t.description,
		InputSchema: t.input, OutputSchema: t.output,
		Annotations: &sdk.ToolAnnotations{
			Title: t.title, ReadOnlyHint: t.readOnly, DestructiveHint: &t.destructive, IdempotentHint: t.idempotent,
			OpenWorldHint: &closedWorld,
		},
	}
}

// handler returns what answers a call of a tool.
func (s *Server) handler(t tool) sdk.ToolHandler {
	return func(ctx context.Context, request *sdk.CallToolRequest) (result *sdk.CallToolResult, err error) {
		var header http.Header
		if request.Extra != nil {
			header = request.Extra.Header
		}
		client := ""
		if params := request.Session.InitializeParams(); params != nil && params.ClientInfo != nil {
			client = params.ClientInfo.Name
		}
		call := s.library.Begin(principal(header, client), "mcp")
		defer call.End(t.name)
		defer func() {
			if caught := recover(); caught != nil {
				s.log.ErrorContext(ctx, "panic in a tool", "tool", t.name, "panic", fmt.Sprint(caught), "stack", string(debug.Stack()))
				panicked := errors.New("panic")
				call.Fail(panicked)
				f, _ := describeFailure(panicked)
				result, err = failed(f), nil
			}
		}()
		answer, err := t.call(ctx, call.Session(), request.Params.Arguments)
		if err != nil {
			call.Fail(err)
			f, internal := describeFailure(err)
			if internal && ctx.Err() == nil {
				s.log.ErrorContext(ctx, "a tool failed", "tool", t.name, "error", err)
			}
			return failed(f), nil
		}
		return &sdk.CallToolResult{
			StructuredContent: answer,
			Content:           []sdk.Content{&sdk.TextContent{Text: string(answer)}},
		}, nil
	}
}

func failed(f failure) *sdk.CallToolResult {
	return &sdk.CallToolResult{IsError: true, Content: []sdk.Content{&sdk.TextContent{Text: string(mustMarshal(f))}}}
}
