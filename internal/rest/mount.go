package rest

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sheaf-dev/sheaf"
)

// A mounter puts an operation onto the mux and into the API's description.
type mounter func(*mounting, *huma.Operation)

// A mounting is what a mounter works with.
type mounting struct {
	*server
	mux   *http.ServeMux
	api   huma.API
	table []route
	built *documentation

	requests map[string]bool // the schemas of what requests have in their bodies
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
	m.mux.HandleFunc(pattern(operation.Method, operation.Path), func(w http.ResponseWriter, r *http.Request) {
		var err error
		if operation.RequestBody == nil {
			err = refuseBody(w, r, operation)
		}
		if err == nil {
			err = serve(s, w, r)
		}
		if err != nil {
			s.refuse(w, r, err)
		}
	})
}

// pattern returns the mux's pattern of an operation. A parameter called path is
// the rest of the URL's path, slashes and all, for which OpenAPI has no sign.
func pattern(method, path string) string {
	return method + " " + strings.Replace(path, "{path}", "{path...}", 1)
}

// answering mounts an operation that answers in JSON: huma derives its schema
// from the type of the answer.
func answering[I, O any](serve func(*server, context.Context, *I) (*O, error)) mounter {
	return func(m *mounting, operation *huma.Operation) {
		s := m.server
		// huma would read a body that it knows of, all of it and within its own
		// time, before it asks anybody whether it may.
		body := operation.RequestBody
		operation.RequestBody = nil
		if body == nil {
			operation.Middlewares = append(operation.Middlewares, func(ctx huma.Context, next func(huma.Context)) {
				r, w := humago.Unwrap(ctx)
				if err := refuseBody(w, r, operation); err != nil {
					s.refuse(w, r, err)
					return
				}
				next(ctx)
			})
		}
		huma.Register(m.api, *operation, func(ctx context.Context, in *I) (*O, error) {
			out, err := serve(s, ctx, in)
			if err != nil {
				return nil, failure{err}
			}
			return out, nil
		})
		operationAt(m.api.OpenAPI().Paths[operation.Path], operation.Method).RequestBody = body
	}
}

// A call is embedded in the input of every operation that huma serves: the
// request and its writer, for what an operation reads itself.
type call struct {
	request *http.Request
	writer  http.ResponseWriter
}

// Resolve implements [huma.Resolver].
func (c *call) Resolve(ctx huma.Context) []error {
	c.request, c.writer = humago.Unwrap(ctx)
	return nil
}

// mount makes the mux of all routes.
func (s *server) mount(table []route) *http.ServeMux {
	mux := http.NewServeMux()
	m := &mounting{server: s, mux: mux, api: s.newAPI(mux), table: table, built: new(documentation), requests: map[string]bool{}}
	for _, r := range table {
		r.serve(m, r.operation(m))
	}
	m.document()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.writeProblem(w, r, noRoute(mux, w, r)) })
	return mux
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
		return sheaf.Errorf(sheaf.ErrNotFound, "there is nothing at %s", sheaf.Clip(r.URL.Path)).
			WithHint("see /docs for people, /openapi.json for programs")
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return sheaf.Errorf(sheaf.ErrMethodNotAllowed, "%s is not possible here", sheaf.Clip(r.Method)).
		WithHint("use " + strings.Join(allowed, " or "))
}
