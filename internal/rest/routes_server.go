package rest

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
)

// serverRoutes are the operations on the server itself.
func serverRoutes() []route {
	return []route{
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
			description: "Compares the catalog, the chain of the log, the blobs and the views of the registry. Nothing is changed unless repair is asked for: then contents are stored again of which there is a good copy, the others are put aside, and views are written again.",
			access:      needs(sheaf.ScopeAdmin),
			parameters: []*huma.Param{
				queryParam("full", "Read and hash every blob too, which takes as long as reading the whole store", &huma.Schema{Type: huma.TypeBoolean, Default: false}),
				queryParam("repair", "Repair what can be", &huma.Schema{Type: huma.TypeBoolean, Default: false}),
			},
			success: map[string]*huma.Response{"200": {Description: "What was checked, what is wrong and what was repaired"}},
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
		{
			method: http.MethodPost, path: "/admin/gc", id: "collectGarbage", group: "Administration",
			summary:     "Collect garbage",
			description: "Applies the retention of every collection, and then reclaims what nothing has referred to for the time of grace.",
			access:      needs(sheaf.ScopeAdmin),
			parameters: []*huma.Param{
				queryParam("now", "Reclaim without grace; not while a backup is taken", &huma.Schema{Type: huma.TypeBoolean, Default: false}),
			},
			success: map[string]*huma.Response{"200": {Description: "What was done"}},
			errors:  []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrBackendUnavailable, sheaf.ErrUnavailable},
			serve:   answering((*server).collectGarbage),
		},
		{method: http.MethodGet, path: "/openapi.json", id: "openapiJSON", access: public, hidden: true, serve: openAPIDocument("application/json")},
		{method: http.MethodGet, path: "/openapi.yaml", id: "openapiYAML", access: public, hidden: true, serve: openAPIDocument("application/yaml")},
		{method: http.MethodGet, path: "/docs", id: "docs", access: public, hidden: true, serve: docsPage},
	}
}
