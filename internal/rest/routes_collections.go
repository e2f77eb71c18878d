package rest

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
)

// collectionRoutes are the operations on collections.
func collectionRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/collections", id: "listCollections", group: "Collections",
			summary: "List the collections",
			access:  needs(sheaf.ScopeRead),
			success: map[string]*huma.Response{"200": {Description: "The collections by name, with counts and sizes"}},
			errors:  []sheaf.ErrorKind{sheaf.ErrUnavailable},
			serve:   answering((*server).listCollections),
		},
		{
			method: http.MethodPost, path: "/collections", id: "createCollection", group: "Collections",
			summary: "Create a collection",
			access:  needs(sheaf.ScopeCreate),
			body:    jsonBody[collectionCreation](true),
			success: map[string]*huma.Response{"200": {Description: "The collection is there"}},
			errors:  collectionErrors(sheaf.ErrExists),
			serve:   answering((*server).createCollection),
		},
		{
			method: http.MethodGet, path: "/collections/{name}", id: "getCollection", group: "Collections",
			summary:    "Describe a collection",
			access:     needs(sheaf.ScopeRead),
			parameters: []*huma.Param{collectionParam()},
			success:    map[string]*huma.Response{"200": {Description: "The collection, with counts and sizes"}},
			errors:     []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrUnavailable},
			serve:      answering((*server).getCollection),
		},
		{
			method: http.MethodPatch, path: "/collections/{name}", id: "changeCollection", group: "Collections",
			summary:     "Change a collection",
			description: "What is absent or null stays. An archived collection refuses every write until it is active again.",
			access:      needs(sheaf.ScopeCreate),
			parameters:  []*huma.Param{collectionParam()},
			body:        jsonBody[collectionChange](true),
			success:     map[string]*huma.Response{"200": {Description: "The collection as it is now"}},
			errors:      collectionErrors(sheaf.ErrNotFound, sheaf.ErrArchived),
			serve:       answering((*server).changeCollection),
		},
		{
			method: http.MethodDelete, path: "/collections/{name}", id: "deleteCollection", group: "Collections",
			summary: "Delete a collection",
			description: "A collection that holds documents, or has some in its trash, is only deleted with_documents, which also needs the scope admin: " +
				"they are purged, in batches, and nothing brings them back. From the first moment it refuses writes; " +
				"if that is interrupted, deleting it again goes on. A collection that is created under its name continues its log.",
			access: needs(sheaf.ScopeCreate),
			parameters: []*huma.Param{
				collectionParam(),
				queryParam("with_documents", "Purge what it holds", &huma.Schema{Type: huma.TypeBoolean}),
				queryParam("confirm", "Its name once more, which with_documents needs", textSchema()),
			},
			success: map[string]*huma.Response{"200": {Description: "The collection is gone"}},
			errors:  []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrExists, sheaf.ErrTimeout, sheaf.ErrUnavailable},
			serve:   answering((*server).deleteCollection),
		},
		{
			method: http.MethodGet, path: "/collections/{name}/log", id: "collectionLog", group: "Collections",
			summary:     "List what was done in a collection",
			description: "Newest first. The next page is in the Link header.",
			access:      needs(sheaf.ScopeRead),
			parameters:  []*huma.Param{collectionParam(), numberParam("before", "Only entries with lower revisions", 1), limitParam("entries")},
			success:     map[string]*huma.Response{"200": {Description: "The entries"}},
			errors:      []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrUnavailable},
			serve:       answering((*server).collectionLog),
		},
	}
}

func collectionErrors(more ...sheaf.ErrorKind) []sheaf.ErrorKind {
	return append([]sheaf.ErrorKind{
		sheaf.ErrInvalid, sheaf.ErrTimeout, sheaf.ErrTooLarge, sheaf.ErrUnsupported, sheaf.ErrUnavailable,
	}, more...)
}

func collectionParam() *huma.Param {
	return &huma.Param{Name: "name", In: "path", Required: true, Description: "The collection's name", Schema: textSchema()}
}
