package rest

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
)

// relationRoutes are the operations on the relations of documents.
func relationRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/documents/{document_id}/relations", id: "listRelations", group: "Relations",
			summary: "List the relations of a document",
			description: "Its parent, its children, its predecessors, its successors, then what else is related. " +
				"Those of documents in the trash are among them.",
			access:     needs(sheaf.ScopeRead),
			parameters: []*huma.Param{documentIDParam()},
			success:    map[string]*huma.Response{"200": {Description: "The relations, possibly none"}},
			errors:     readErrors(),
			serve:      answering((*server).listRelations),
		},
		{
			method: http.MethodPost, path: "/documents/{document_id}/relations", id: "relate", group: "Relations",
			summary: "Put two documents into a relation",
			description: "If they are in it already, their note becomes the one given. A document has at most one parent, " +
				"and is never its own ancestor or predecessor. Both documents have to be out of the trash, in collections that can be written to.",
			access:     needs(sheaf.ScopeWrite),
			parameters: []*huma.Param{documentIDParam()},
			body:       jsonBody[relationCreation](true),
			success:    map[string]*huma.Response{"200": {Description: "The relation as it is now, and its note before"}},
			errors:     bodyErrors(sheaf.ErrExists),
			serve:      answering((*server).relate),
		},
		{
			method: http.MethodDelete, path: "/documents/{document_id}/relations/{type}/{other_id}", id: "unrelate", group: "Relations",
			summary: "End a relation",
			access:  needs(sheaf.ScopeWrite),
			parameters: []*huma.Param{
				documentIDParam(),
				{
					Name: "type", In: "path", Required: true, Description: "What the other document is to this one",
					Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"parent", "child", "predecessor", "successor", "related"}},
				},
				{
					Name: "other_id", In: "path", Required: true, Description: "The other document's id",
					Schema: &huma.Schema{Type: huma.TypeString, Pattern: documentIDPattern},
				},
			},
			success: map[string]*huma.Response{"200": {Description: "What the relation was"}},
			errors:  changeErrors(sheaf.ErrInvalid),
			serve:   answering((*server).unrelate),
		},
	}
}
