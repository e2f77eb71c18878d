package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
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

	// Address says where the sender of a request reaches the REST API of the
	// store, which URLs in answers lead to. Nil: where the library says.
	Address func(*http.Request) (string, error)

	// Toolsets are offered to whoever does not ask for others. Empty: books and
	// documents.
	Toolsets []Toolset
}

// maxBody is how many bytes a request may have.
const maxBody = 16 << 20

// instructions tell a model what the store is for. Clients show all of it to
// every model at every start, so that each sentence has to be worth it.
const instructions = `Sheaf stores documents for agents and people, with their whole history. Books hold texts at paths (list_books, read_content, write_content); other documents have ids. Look for what there is (search, query_documents) before you store something anew.
Every write is checked: send file_hash, the SHA-256 you read (file_hash_sha256 or checksum_sha256), with each write or edit. If someone else wrote meanwhile you get a conflict with the current hash and, if the changes do not touch the same lines, a merge; send the write again with on_conflict "merge" to take it.
Nothing is lost: each write is a version, delete moves to the trash.
Prefer edit_content and edit_document to sending a whole text. Read long texts in parts with offset and limit (lines). Errors say what to do next in "hint".`

// A Server answers agents at /mcp, /mcp/x/{toolset}, and both with /readonly
// behind them. It keeps no sessions.
type Server struct {
	library  *library.Library
	log      *slog.Logger
	version  string
	readOnly bool
	address  func(*http.Request) (string, error)
	toolsets []Toolset

	tools     []tool
	unlisted  map[string]string // the names of tools, by those that are not listed
	resources []resource

	plain     http.Handler // answers with JSON
	streaming http.Handler // answers with events, for callers that want to see progress

	mu     sync.Mutex
	offers map[view]*offer
}

// A view is which tools a caller sees.
type view struct {
	toolsets string // sorted, separated by commas
	scopes   sheaf.ScopeSet
	readOnly bool
}

// An offer is what there is in a view. There are few views, so that it is kept.
type offer struct {
	tools  map[string]tool
	server *sdk.Server
}

// New returns a handler of the protocol. The library stays the caller's.
func New(options Options) (*Server, error) {
	if options.Library == nil {
		return nil, errors.New("mcp: Options.Library is missing")
	}
	return newServer(options, tools(options.Library.Limits()), resources())
}

func newServer(options Options, tools []tool, resources []resource) (*Server, error) {
	s := &Server{
		library: options.Library, log: options.Log, version: options.Version, readOnly: options.ReadOnly, address: options.Address,
		toolsets: options.Toolsets, tools: tools, resources: resources, offers: map[view]*offer{}, unlisted: map[string]string{},
	}
	for _, t := range tools {
		for _, name := range t.unlisted {
			s.unlisted[name] = t.name
		}
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
	serverOf := func(r *http.Request) *sdk.Server { return r.Context().Value(offerKey{}).(*offer).server }
	s.streaming = sdk.NewStreamableHTTPHandler(serverOf, &transport)
	transport.JSONResponse = true
	s.plain = sdk.NewStreamableHTTPHandler(serverOf, &transport)
	return s, nil
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		// There are no sessions that could be listened to or ended.
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed, "agents call here with POST, in the Model Context Protocol; docs/mcp.md says how to connect one")
		return
	}
	view, err := s.viewOf(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("a request has at most %d bytes; upload larger contents over REST or with `sheaf push`", maxBody))
			return
		}
		refuse(w, http.StatusBadRequest, "the request is cut off")
		return
	}
	offer := s.offerOf(view)
	if call, ok := s.directCall(r.Header, offer, body); ok {
		s.answerDirectly(w, r, call)
		return
	}
	ctx := context.WithValue(r.Context(), callerKey{}, r)
	r = r.WithContext(context.WithValue(ctx, offerKey{}, offer))
	r.Body = io.NopCloser(bytes.NewReader(body))
	// An answer in JSON has no place for progress.
	if bytes.Contains(body, []byte(`"progressToken"`)) {
		s.streaming.ServeHTTP(w, r)
		return
	}
	s.plain.ServeHTTP(w, r)
}

// offerKey is where the context of a request has the offer for its sender.
type offerKey struct{}

// callerKey is where a context has the HTTP request that it comes from. The SDK
// hands on the values of that one's, but its end only in the newest version of
// the protocol: before, a stream could be resumed in a session, and here are none.
type callerKey struct{}

// callerOf returns the HTTP request that a context comes from, nil for none.
func callerOf(ctx context.Context) *http.Request {
	caller, _ := ctx.Value(callerKey{}).(*http.Request)
	return caller
}

// untilCallerLeaves returns a context that ends with the request it comes from.
func untilCallerLeaves(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	caller := callerOf(ctx)
	if caller == nil {
		return ctx, cancel
	}
	stop := context.AfterFunc(caller.Context(), cancel)
	return ctx, func() { stop(); cancel() }
}

// refuse answers a request that is no message: with an error of the protocol,
// which clients show.
func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(mustMarshal(map[string]any{
		"jsonrpc": "2.0", "id": nil, "error": map[string]any{"code": jsonrpc.CodeInvalidRequest, "message": message},
	}))
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
		readOnly: s.readOnly || r.Header.Get("X-MCP-Readonly") == "true" || path.Base(r.URL.Path) == "readonly",
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

// offerOf returns what there is in a view.
func (s *Server) offerOf(v view) *offer {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.offers[v]
	if known == nil {
		known = s.newOffer(v)
		s.offers[v] = known
	}
	return known
}

// offers reports whether what belongs to a toolset and needs a scope is in a view.
func (v view) offers(toolset Toolset, scope sheaf.Scope) bool {
	return v.hasToolset(toolset) && v.scopes.Has(scope)
}

func (v view) hasToolset(toolset Toolset) bool {
	return strings.Contains(","+v.toolsets+",", ","+string(toolset)+",")
}

// has reports whether a tool is in a view.
func (v view) has(t tool) bool { return v.offers(t.toolset, t.scope) && (t.readOnly || !v.readOnly) }

func (s *Server) newOffer(v view) *offer {
	server := sdk.NewServer(
		&sdk.Implementation{Name: "sheaf", Title: "Sheaf", Version: s.version},
		&sdk.ServerOptions{
			Instructions: instructions,
			Capabilities: &sdk.ServerCapabilities{
				Tools: &sdk.ToolCapabilities{}, Prompts: &sdk.PromptCapabilities{}, Resources: &sdk.ResourceCapabilities{},
			},
			CompletionHandler: s.completer(v),
			SetCacheable:      func(_ context.Context, _ sdk.Request, c *sdk.Cacheable) { c.CacheScope = "private" },
		})
	var offered []tool
	byName := map[string]tool{}
	for _, t := range s.tools {
		if v.has(t) {
			offered = append(offered, t)
			byName[t.name] = t
			server.AddTool(t.sdkTool(), s.handler(t))
		}
	}
	for _, r := range s.resources {
		if v.offers(r.toolset, r.scope) {
			server.AddResourceTemplate(r.sdkTemplate(), s.reader(r))
		}
	}
	server.AddPrompt(gettingStarted(offered))
	offer := &offer{byName, server}
	server.AddReceivingMiddleware(s.guard, s.lister(v), s.withoutAbsent(v, offer))
	return offer
}

// guard keeps a panic from ending more than one request, those of tools being
// caught before, and ends the work of requests whose senders are gone.
func (s *Server) guard(next sdk.MethodHandler) sdk.MethodHandler {
	return func(ctx context.Context, method string, request sdk.Request) (result sdk.Result, err error) {
		defer func() {
			if caught := recover(); caught != nil {
				s.log.ErrorContext(ctx, "panic in a request of an agent", "method", method, "panic", fmt.Sprint(caught), "stack", string(debug.Stack()))
				result, err = nil, protocolError(errors.New("panic"))
			}
		}()
		if call, ok := request.(*sdk.CallToolRequest); ok {
			if listed, ok := s.unlisted[call.Params.Name]; ok {
				call.Params.Name = listed
			}
		}
		ctx, cancel := untilCallerLeaves(ctx)
		defer cancel()
		return next(ctx, method, request)
	}
}

// withoutAbsent answers calls of tools that are not in a view.
func (s *Server) withoutAbsent(v view, offer *offer) sdk.Middleware {
	return func(next sdk.MethodHandler) sdk.MethodHandler {
		return func(ctx context.Context, method string, request sdk.Request) (sdk.Result, error) {
			if call, ok := request.(*sdk.CallToolRequest); ok {
				if _, there := offer.tools[call.Params.Name]; !there {
					return s.handler(s.absentTool(v, call.Params.Name))(ctx, call)
				}
			}
			return next(ctx, method, request)
		}
	}
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

// handler returns what answers a call of a tool that comes through the SDK.
func (s *Server) handler(t tool) sdk.ToolHandler {
	return func(ctx context.Context, request *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		answer, failed := s.callTool(ctx, t, s.begin(ctx, request), request.Params.Arguments, progressOf(ctx, request))
		result := &sdk.CallToolResult{IsError: failed, Content: []sdk.Content{&sdk.TextContent{Text: string(answer)}}}
		if !failed {
			result.StructuredContent = answer
		}
		return result, nil
	}
}

// callTool calls a tool, ends the call, and returns the tool's answer or, if it has
// failed, what the agent is told of that.
func (s *Server) callTool(ctx context.Context, t tool, call *library.Call, arguments json.RawMessage, report progress) (answer json.RawMessage, failed bool) {
	defer call.End(t.name)
	defer func() {
		if caught := recover(); caught != nil {
			s.log.ErrorContext(ctx, "panic in a tool", "tool", t.name, "panic", fmt.Sprint(caught), "stack", string(debug.Stack()))
			panicked := errors.New("panic")
			call.Fail(panicked)
			f, _ := describeFailure(panicked)
			answer, failed = mustMarshal(f), true
		}
	}()
	answer, err := t.call(ctx, call.Session(), arguments, report)
	if err != nil {
		call.Fail(err)
		call.Named(placeIn(arguments, t.fields))
		f, internal := describeFailure(err)
		if internal && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "a tool failed", "tool", t.name, "error", err)
		}
		return mustMarshal(f), true
	}
	return answer, false
}

// begin begins a call that comes through the SDK.
func (s *Server) begin(ctx context.Context, request sdk.Request) *library.Call {
	var header http.Header
	if extra := request.GetExtra(); extra != nil {
		header = extra.Header
	}
	client := ""
	if session, ok := request.GetSession().(*sdk.ServerSession); ok {
		if params := session.InitializeParams(); params != nil && params.ClientInfo != nil {
			client = params.ClientInfo.Name
		}
	}
	return s.beginFor(principal(header, client), callerOf(ctx))
}

// beginFor begins a call of a principal who has sent the request; nil for none.
func (s *Server) beginFor(p sheaf.Principal, caller *http.Request) *library.Call {
	call := s.library.Begin(p, "mcp")
	if caller != nil && s.address != nil {
		call.ReachedAt(func(context.Context) (string, error) { return s.address(caller) })
	}
	return call
}
