package rest

import (
	"context"
	"net/http"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// callKey is where the context of a request has its call: the trace of it that
// becomes an access record.
type callKey struct{}

// callOf returns the call of a request, nil for one that did not pass the guard.
func callOf(ctx context.Context) *library.Call {
	call, _ := ctx.Value(callKey{}).(*library.Call)
	return call
}

// recorded begins the call of a request. The function ends it: nothing is
// recorded of what is no operation, of probes and documentation.
func (g *guard) recorded(r *http.Request) (traced *http.Request, record func()) {
	call := g.library.Begin(principal(r), "rest")
	call.ReachedAt(func(context.Context) (string, error) { return g.address(r) })
	traced = r.WithContext(context.WithValue(r.Context(), callKey{}, call))
	return traced, func() {
		// The mux has left in the request which of its patterns it was.
		if operation, ok := g.operations[traced.Pattern]; ok {
			if book := traced.PathValue("book"); book != "" {
				call.Named(book, fileNamed(traced))
			}
			call.End(operation)
		}
	}
}

// fileNamed returns the path of a file of a book that the URL of a request names;
// empty if it names none.
func fileNamed(r *http.Request) string {
	if assetType := r.PathValue("type"); assetType != "" {
		return "assets/" + assetType + "/" + r.PathValue("path")
	}
	return r.PathValue("path")
}

// recordedOperations returns the ids of the operations that are recorded, by the
// patterns under which the mux knows them.
func recordedOperations(table []route) map[string]string {
	operations := make(map[string]string, len(table))
	for _, r := range table {
		if !r.access.public {
			operations[pattern(r.method, r.path)] = r.id
		}
	}
	return operations
}

// errAborted is of an answer that could not be sent whole.
var errAborted = sheaf.Errorf(sheaf.ErrInternal, "the answer was cut off")
