package rest

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sheaf-dev/sheaf"
)

// A route is one operation: what the mux serves, the OpenAPI document and the
// docs page describe, and the permission matrix lists.
type route struct {
	method, path string
	id           string // operationId
	group        string // heading on the docs page
	summary      string // one line
	description  string
	access       access
	hidden       bool // not in the OpenAPI document

	parameters []*huma.Param
	body       func(sheaf.Limits) *huma.RequestBody // nil: none
	success    map[string]*huma.Response            // what is not derived from the answer's type
	errors     []sheaf.ErrorKind                    // beside those that every operation has

	serve mounter
}

// An access says who may call an operation. The library enforces it; here it
// is documented.
type access struct {
	public bool // probes and documentation: no key is asked for
	scope  sheaf.Scope
}

func (a access) String() string {
	if a.public {
		return "public"
	}
	return a.scope.String()
}

var public = access{public: true}

func needs(scope sheaf.Scope) access { return access{scope: scope} }

// routes returns the table of all operations.
func routes() []route {
	return []route{
		{
			method: http.MethodPost, path: "/documents", id: "createDocument", group: "Documents",
			summary:     "Upload a document",
			description: "The fields of the form may come in any order. The content is streamed and durable when the answer arrives.",
			access:      needs(sheaf.ScopeWrite),
			parameters: []*huma.Param{
				headerParam("Idempotency-Key", "A request repeated with the same key within 24 hours gets the first one's answer and stores nothing"),
			},
			body: uploadBody,
			success: map[string]*huma.Response{"200": {
				Description: "The document is stored",
				Headers:     map[string]*huma.Param{"Location": headerOf("Where it is served")},
				Content:     jsonContent(documentRef),
			}},
			errors: []sheaf.ErrorKind{
				sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrTimeout, sheaf.ErrConflict, sheaf.ErrTooLarge, sheaf.ErrUnsupported,
				sheaf.ErrRateLimited, sheaf.ErrUnavailable, sheaf.ErrDiskFull,
			},
			serve: streaming((*server).createDocument),
		},
		{
			method: http.MethodGet, path: "/documents", id: "listDocuments", group: "Documents",
			summary:     "Find documents",
			description: "Newest first. All filters have to match. The next page is in the Link header.",
			access:      needs(sheaf.ScopeRead),
			parameters: []*huma.Param{
				queryParam("name", "Part of the name, in any case", textSchema()),
				queryParam("tags", "Tags separated by commas; a document has to have all of them", textSchema()),
				queryParam("limit", "How many documents a page has; above 1,000 is 1,000", limitSchema()),
				queryParam("collection", "Only documents of this collection; all collections of kind documents unless given", textSchema()),
				queryParam("before", "Only documents uploaded before this time", timeSchema()),
				queryParam("after", "Only documents uploaded after this time", timeSchema()),
				queryParam("cursor", "From the Link header of the page before, with the same filters", textSchema()),
			},
			success: map[string]*huma.Response{"200": {Description: "The documents found, possibly none"}},
			errors:  []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrUnavailable},
			serve:   answering((*server).listDocuments),
		},
		{
			method: http.MethodGet, path: "/documents/{document_id}", id: "downloadDocument", group: "Documents",
			summary: "Download a document",
			description: "Streams the content, always as an attachment. Ranges, conditional requests and gzip are served; " +
				"X-Document-Name and X-Document-Filename are percent-encoded UTF-8 where they are not printable ASCII, " +
				"and then have twins whose names end in * in the form of RFC 8187.",
			access:     needs(sheaf.ScopeRead),
			parameters: downloadParams(),
			success:    downloadResponses(),
			errors:     downloadErrors(),
			serve:      streaming((*server).download),
		},
		{
			method: http.MethodHead, path: "/documents/{document_id}", id: "describeDocument", group: "Documents",
			summary:     "Look at a document without its content",
			description: "The headers of a download.",
			access:      needs(sheaf.ScopeRead),
			parameters:  downloadParams(),
			success:     map[string]*huma.Response{"200": {Description: "The document is there", Headers: downloadHeaders()}},
			errors:      downloadErrors(),
			serve:       streaming((*server).download),
		},
		{
			method: http.MethodDelete, path: "/documents/{document_id}", id: "deleteDocument", group: "Documents",
			summary:     "Delete a document",
			description: "The document goes to the trash.",
			access:      needs(sheaf.ScopeWrite),
			parameters:  []*huma.Param{documentIDParam()},
			success:     map[string]*huma.Response{"200": {Description: "The document is deleted"}},
			errors:      []sheaf.ErrorKind{sheaf.ErrNotFound, sheaf.ErrUnavailable},
			serve:       answering((*server).deleteDocument),
		},
		{
			method: http.MethodGet, path: "/health", id: "health", group: "Server",
			summary:     "Describe the server's state",
			description: "200 even when something is degraded; status says so.",
			access:      public,
			success:     map[string]*huma.Response{"200": {Description: "The state"}},
			serve:       answering((*server).health),
		},
		{
			method: http.MethodGet, path: "/livez", id: "live", group: "Server",
			summary: "Say that the process is there",
			access:  public,
			success: map[string]*huma.Response{"200": okText()},
			serve:   streaming((*server).live),
		},
		{
			method: http.MethodGet, path: "/readyz", id: "ready", group: "Server",
			summary: "Say whether the server can do all its work",
			access:  public,
			success: map[string]*huma.Response{"200": okText()},
			errors:  []sheaf.ErrorKind{sheaf.ErrUnavailable},
			serve:   streaming((*server).ready),
		},
		{
			method: http.MethodPost, path: "/admin/fsck", id: "checkStore", group: "Administration",
			summary:     "Check the store for damage",
			description: "Compares the catalog, the chain of the log and the blobs. Nothing is changed.",
			access:      needs(sheaf.ScopeAdmin),
			parameters: []*huma.Param{
				queryParam("full", "Read and hash every blob too, which takes as long as reading the whole store", &huma.Schema{Type: huma.TypeBoolean, Default: false}),
			},
			success: map[string]*huma.Response{"200": {Description: "What was checked and what is wrong"}},
			errors:  []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrUnavailable},
			serve:   answering((*server).checkStore),
		},
		{
			method: http.MethodGet, path: "/admin/gc", id: "planGarbage", group: "Administration",
			summary:     "Say what garbage collection would reclaim",
			description: "A dry run: nothing is deleted.",
			access:      needs(sheaf.ScopeAdmin),
			success:     map[string]*huma.Response{"200": {Description: "The plan"}},
			errors:      []sheaf.ErrorKind{sheaf.ErrUnavailable},
			serve:       answering((*server).planGarbage),
		},
		{method: http.MethodGet, path: "/openapi.json", id: "openapiJSON", access: public, hidden: true, serve: openAPIDocument("application/json")},
		{method: http.MethodGet, path: "/openapi.yaml", id: "openapiYAML", access: public, hidden: true, serve: openAPIDocument("application/yaml")},
		{method: http.MethodGet, path: "/docs", id: "docs", access: public, hidden: true, serve: docsPage},
	}
}

// A Permission says what a caller needs to be allowed for an operation.
type Permission struct {
	Method, Path string
	Operation    string // the operationId
	Public       bool   // anyone; Scope says nothing then
	Scope        sheaf.Scope
}

// Permissions returns the permission matrix, in the order of the documentation.
func Permissions() []Permission {
	var permissions []Permission
	for _, r := range routes() {
		permissions = append(permissions, Permission{r.method, r.path, r.id, r.access.public, r.access.scope})
	}
	return permissions
}

// A mounter puts an operation onto the mux and into the API's description.
type mounter func(*mounting, *huma.Operation)

// A mounting is what a mounter works with.
type mounting struct {
	*server
	mux   *http.ServeMux
	api   huma.API
	table []route
	built *documentation
}

// streaming mounts an operation that reads or writes a stream, or that is hot:
// it does not pass through huma, which would cost it time and buffer its body.
// Serve fails before the first byte of its answer or not at all.
func streaming(serve func(*server, http.ResponseWriter, *http.Request) error) mounter {
	return func(m *mounting, operation *huma.Operation) {
		m.api.OpenAPI().AddOperation(operation)
		m.handle(operation, serve)
	}
}

func (m *mounting) handle(operation *huma.Operation, serve func(*server, http.ResponseWriter, *http.Request) error) {
	s := m.server
	m.mux.HandleFunc(operation.Method+" "+operation.Path, func(w http.ResponseWriter, r *http.Request) {
		if err := serve(s, w, r); err != nil {
			s.writeProblem(w, r, err)
		}
	})
}

// answering mounts an operation that answers in JSON: huma derives its schema
// from the type of the answer.
func answering[I, O any](serve func(*server, context.Context, *I) (*O, error)) mounter {
	return func(m *mounting, operation *huma.Operation) {
		s := m.server
		huma.Register(m.api, *operation, func(ctx context.Context, in *I) (*O, error) {
			out, err := serve(s, ctx, in)
			if err != nil {
				return nil, failure{err}
			}
			return out, nil
		})
	}
}

// A call is embedded in the input of every operation that huma serves: the
// request, for what an operation reads itself.
type call struct{ request *http.Request }

// Resolve implements [huma.Resolver].
func (c *call) Resolve(ctx huma.Context) []error {
	c.request, _ = humago.Unwrap(ctx)
	return nil
}

// mount makes the mux of all routes.
func (s *server) mount(table []route) (*http.ServeMux, error) {
	mux := http.NewServeMux()
	m := &mounting{server: s, mux: mux, api: s.newAPI(mux), table: table, built: new(documentation)}
	for _, r := range table {
		r.serve(m, r.operation(s.limits))
	}
	if err := m.document(); err != nil {
		return nil, err
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.writeProblem(w, r, noRoute(mux, w, r)) })
	return mux, nil
}

// noRoute returns the error of a request that no route serves. It asks the mux
// for the methods that the path has: patterns without a method, one per path,
// would conflict with each other as soon as /a/{x} and /a/b differ in methods.
func noRoute(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) error {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		probe := *r
		probe.Method = method
		if _, pattern := mux.Handler(&probe); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		return sheaf.Errorf(sheaf.ErrNotFound, "there is nothing at %s", clip(r.URL.Path)).
			WithHint("see /docs for people, /openapi.json for programs")
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return sheaf.Errorf(sheaf.ErrMethodNotAllowed, "%s is not possible here", clip(r.Method)).
		WithHint("use " + strings.Join(allowed, " or "))
}
