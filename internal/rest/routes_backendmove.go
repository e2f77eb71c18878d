package rest

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
)

// backendMoveRoutes are the operations on moves of collections to other backends.
func backendMoveRoutes() []route {
	const path = "/collections/{name}/backend"
	return []route{
		{
			method: http.MethodPost, path: path, id: "moveCollection", group: "Collections",
			summary: "Move a collection or a book to another backend",
			description: "Begins a move and answers at once. All contents are copied and read back from the new backend while everybody reads and writes on, " +
				"then new contents go there, and the old backend keeps its copy for a while, in which the move can be rolled back. " +
				"If that move is under way already, the answer says how far it is.",
			access:     needs(sheaf.ScopeAdmin),
			parameters: []*huma.Param{collectionParam()},
			body:       jsonBody[moveCreation](true),
			success:    map[string]*huma.Response{"200": {Description: "The move has begun"}},
			errors:     collectionErrors(sheaf.ErrNotFound, sheaf.ErrExists, sheaf.ErrArchived, sheaf.ErrBackendUnavailable),
			serve:      answering((*server).moveCollection),
		},
		{
			method: http.MethodGet, path: path, id: "collectionMove", group: "Collections",
			summary:    "Show how far the move of a collection to another backend is",
			access:     needs(sheaf.ScopeRead),
			parameters: []*huma.Param{collectionParam()},
			success:    map[string]*huma.Response{"200": {Description: "The move that is under way, or the latest one"}},
			errors:     []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrUnavailable},
			serve:      answering((*server).collectionMove),
		},
		{
			method: http.MethodDelete, path: path, id: "rollBackMove", group: "Collections",
			summary: "Roll back the move of a collection to another backend",
			description: "From the answer on new contents go to the old backend again, and nothing that was written since is lost: " +
				"what only the new backend has is read from there until it is copied back.",
			access:     needs(sheaf.ScopeAdmin),
			parameters: []*huma.Param{collectionParam()},
			success:    map[string]*huma.Response{"200": {Description: "The move is being rolled back"}},
			errors:     []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrUnavailable},
			serve:      answering((*server).rollBackMove),
		},
		{
			method: http.MethodPost, path: path + "/finish", id: "finishMove", group: "Collections",
			summary:     "Give up the copy on the backend that a collection has moved from",
			description: "Ends the time for which it is kept. The move cannot be rolled back any more.",
			access:      needs(sheaf.ScopeAdmin),
			parameters:  []*huma.Param{collectionParam()},
			success:     map[string]*huma.Response{"200": {Description: "The old copy is given up"}},
			errors:      []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrPreconditionFailed, sheaf.ErrUnavailable},
			serve:       answering((*server).finishMove),
		},
		{
			method: http.MethodGet, path: path + "/plan", id: "planMove", group: "Collections",
			summary: "Count what a move to another backend would copy",
			access:  needs(sheaf.ScopeAdmin),
			parameters: []*huma.Param{
				collectionParam(), {Name: "storage_backend", In: "query", Required: true, Description: "Where it would move to", Schema: textSchema()},
			},
			success: map[string]*huma.Response{"200": {Description: "What would be copied"}},
			errors:  []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrExists, sheaf.ErrUnavailable, sheaf.ErrBackendUnavailable},
			serve:   answering((*server).planMove),
		},
	}
}
