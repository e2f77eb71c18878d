package rest

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
)

// bulkRoutes are the operations that move a document, and on many documents at
// once.
func bulkRoutes() []route {
	const allOrNone = " All documents are changed or none, with one entry in the log of each collection. " +
		"With dry_run the answer says what would be changed; its selection, sent with the next call, makes sure that the same is changed then."
	bulkErrors := bodyErrors(sheaf.ErrPreconditionFailed)
	done := map[string]*huma.Response{"200": {Description: "What was changed, or would be, with what is needed to undo it"}}
	return []route{
		{
			method: http.MethodPost, path: "/documents/{document_id}/move", id: "moveDocument", group: "Documents",
			summary: "Move a document to another collection",
			description: "It keeps its id, its versions and its history. Revisions are of a collection: at= with a time finds what the document was before, " +
				"a revision is of the collection that it is in now.",
			access:     needs(sheaf.ScopeWrite),
			parameters: []*huma.Param{documentIDParam()},
			body:       jsonBody[documentMove](true),
			success:    map[string]*huma.Response{"200": {Description: "The document as it is now, and where it was"}},
			errors:     bodyErrors(),
			serve:      answering((*server).moveDocument),
		},
		{
			method: http.MethodPost, path: "/documents/batch/tag", id: "tagDocuments", group: "Many at once",
			summary:     "Change the tags of many documents",
			description: "Adds and removes tags, or sets all." + allOrNone,
			access:      needs(sheaf.ScopeWrite),
			body:        jsonBody[bulkTagging](true),
			success:     done,
			errors:      bulkErrors,
			serve:       answering((*server).tagDocuments),
		},
		{
			method: http.MethodPost, path: "/documents/batch/move", id: "moveDocuments", group: "Many at once",
			summary:     "Move many documents to another collection",
			description: "Documents that are there already stay." + allOrNone,
			access:      needs(sheaf.ScopeWrite),
			body:        jsonBody[bulkMove](true),
			success:     done,
			errors:      bulkErrors,
			serve:       answering((*server).moveDocuments),
		},
		{
			method: http.MethodPost, path: "/documents/batch/delete", id: "deleteDocuments", group: "Many at once",
			summary:     "Delete many documents",
			description: "The documents go to the trash; those that are there already stay." + allOrNone,
			access:      needs(sheaf.ScopeWrite),
			body:        jsonBody[BulkSelection](true),
			success:     done,
			errors:      bulkErrors,
			serve:       answering((*server).deleteDocuments),
		},
		{
			method: http.MethodPost, path: "/documents/batch/restore", id: "restoreDocuments", group: "Many at once",
			summary:     "Bring many documents back from the trash",
			description: "A filter looks in the trash. Documents that are named and not in there stay." + allOrNone,
			access:      needs(sheaf.ScopeWrite),
			body:        jsonBody[BulkSelection](true),
			success:     done,
			errors:      bulkErrors,
			serve:       answering((*server).restoreDocuments),
		},
	}
}
