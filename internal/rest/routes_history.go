package rest

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
)

// historyRoutes are the operations on what documents were.
func historyRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/documents/{document_id}/versions", id: "listVersions", group: "History",
			summary:     "List the contents a document has had",
			description: "Newest first, also of a document in the trash. The next page is in the Link header.",
			access:      needs(sheaf.ScopeRead),
			parameters:  []*huma.Param{documentIDParam(), numberParam("before", "Only versions with lower numbers", 1), limitParam("versions")},
			success:     map[string]*huma.Response{"200": {Description: "The versions; none before there is a content"}},
			errors:      readErrors(),
			serve:       answering((*server).listVersions),
		},
		{
			method: http.MethodGet, path: "/documents/{document_id}/versions/{version}", id: "getVersion", group: "History",
			summary:     "Describe a version",
			description: "Its content is that of the document with ?version=.",
			access:      needs(sheaf.ScopeRead),
			parameters:  []*huma.Param{documentIDParam(), versionParam()},
			success:     map[string]*huma.Response{"200": {Description: "The version"}},
			errors:      readErrors(),
			serve:       answering((*server).getVersion),
		},
		{
			method: http.MethodGet, path: "/documents/{document_id}/diff", id: "compareVersions", group: "History",
			summary:     "Compare two versions of a document",
			description: "Says in which lines they differ, as JSON or, with format=unified or an Accept of text/x-diff or text/plain, as a unified diff.",
			access:      needs(sheaf.ScopeRead),
			parameters: []*huma.Param{
				documentIDParam(),
				numberParam("from", "The older version; the one before the other unless given", 1),
				numberParam("to", "The newer version; the current one unless given", 1),
				numberParam("context", "How many lines around a change are shown; 3 unless given", 0),
				queryParam("format", "json, or unified; what Accept prefers unless given", &huma.Schema{Type: huma.TypeString, Enum: []any{"json", "unified"}}),
			},
			success: map[string]*huma.Response{"200": {
				Description: "The differences, possibly none",
				Headers: map[string]*huma.Param{
					"Vary":                    varyHeader(),
					"Content-Security-Policy": sandboxHeader(),
				},
				Content: map[string]*huma.MediaType{
					"application/json": {Schema: &huma.Schema{Ref: comparisonRef}},
					"text/x-diff":      {Schema: textSchema()},
				},
			}},
			errors: readErrors(sheaf.ErrTooLarge, sheaf.ErrDamaged, sheaf.ErrBackendUnavailable),
			serve:  streaming((*server).compareVersions),
		},
		{
			method: http.MethodPost, path: "/documents/{document_id}/restore", id: "restoreDocument", group: "History",
			summary: "Make a document what it was",
			description: "To a version, its content; to a revision, all of it, its name and tags too; " +
				"with neither it comes out of the trash. That is a new revision: what the document is now stays in its history.",
			access:     needs(sheaf.ScopeWrite),
			parameters: []*huma.Param{documentIDParam()},
			body:       jsonBody[restoration](false),
			success:    map[string]*huma.Response{"200": {Description: "The document as it is now, and what it was"}},
			errors:     bodyErrors(sheaf.ErrQuota),
			serve:      answering((*server).restoreDocument),
		},
		{
			method: http.MethodGet, path: "/documents/{document_id}/log", id: "documentLog", group: "History",
			summary:     "List what was done with a document",
			description: "Newest first, also of a document that was deleted or purged, and in whichever collection it was; also what was done with its relations, which detail has. The next page is in the Link header.",
			access:      needs(sheaf.ScopeRead),
			parameters:  []*huma.Param{documentIDParam(), numberParam("before", "Only entries with lower ids", 1), limitParam("entries")},
			success:     map[string]*huma.Response{"200": {Description: "The entries"}},
			errors:      []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrUnavailable},
			serve:       answering((*server).documentLog),
		},
	}
}

// trashRoutes are the operations on the trash.
func trashRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/trash", id: "listTrash", group: "Trash",
			summary:     "List deleted documents",
			description: "Those created last come first. The next page is in the Link header.",
			access:      needs(sheaf.ScopeRead),
			parameters: []*huma.Param{
				queryParam("collection", "Whose trash; that of default unless given", textSchema()),
				queryParam("after", "Only documents that come after the one with this id", textSchema()),
				limitParam("documents"),
			},
			success: map[string]*huma.Response{"200": {Description: "The documents, possibly none"}},
			errors:  []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrUnavailable},
			serve:   answering((*server).listTrash),
		},
		{
			method: http.MethodPost, path: "/documents/{document_id}/purge", id: "purgeDocument", group: "Trash",
			summary:     "Remove a document from the trash for good",
			description: "Its contents cannot be read again. The log keeps saying that it was there.",
			access:      needs(sheaf.ScopeWrite),
			parameters:  []*huma.Param{documentIDParam()},
			success:     map[string]*huma.Response{"200": {Description: "What the document was"}},
			errors:      changeErrors(sheaf.ErrExists),
			serve:       answering((*server).purgeDocument),
		},
	}
}

func versionParam() *huma.Param {
	one := 1.0
	return &huma.Param{
		Name: "version", In: "path", Required: true, Description: "The version's number",
		Schema: &huma.Schema{Type: huma.TypeInteger, Minimum: &one},
	}
}
