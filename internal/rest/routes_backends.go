package rest

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
)

// backendRoutes are the operations on storage backends.
func backendRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/admin/backends", id: "listBackends", group: "Administration",
			summary: "List the storage backends",
			access:  needs(sheaf.ScopeAdmin),
			success: map[string]*huma.Response{"200": {Description: "The backends by name"}},
			serve:   answering((*server).listBackends),
		},
		{
			method: http.MethodPost, path: "/admin/backends/{name}/test", id: "testBackend", group: "Administration",
			summary: "Test a storage backend",
			description: "Writes an object, looks for it, reads it and a part of it, lists, compares the clocks, uploads and downloads by presigned URLs, and deletes it. " +
				"200 also when a step fails; ok says so, and the step says what is wrong.",
			access: needs(sheaf.ScopeAdmin),
			parameters: []*huma.Param{
				{Name: "name", In: "path", Required: true, Description: "The backend's name", Schema: textSchema()},
			},
			success: map[string]*huma.Response{"200": {Description: "What came of every step"}},
			errors:  []sheaf.ErrorKind{sheaf.ErrNotFound, sheaf.ErrUnavailable},
			serve:   answering((*server).testBackend),
		},
	}
}
