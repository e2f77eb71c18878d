package rest

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
)

// readErrors are those of reading something of a document.
func readErrors(more ...sheaf.ErrorKind) []sheaf.ErrorKind {
	return append([]sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrGone, sheaf.ErrUnavailable}, more...)
}

// changeErrors are those of changing a document.
func changeErrors(more ...sheaf.ErrorKind) []sheaf.ErrorKind {
	return append([]sheaf.ErrorKind{sheaf.ErrNotFound, sheaf.ErrGone, sheaf.ErrArchived, sheaf.ErrUnavailable}, more...)
}

// bodyErrors are those of a change that a JSON body describes.
func bodyErrors(more ...sheaf.ErrorKind) []sheaf.ErrorKind {
	return append(changeErrors(sheaf.ErrInvalid, sheaf.ErrTimeout, sheaf.ErrTooLarge, sheaf.ErrUnsupported), more...)
}

func withChildrenParam() *huma.Param {
	return queryParam("with_children", "Delete all documents below it too, over their parents", &huma.Schema{Type: huma.TypeBoolean})
}

// documentRoutes are the operations on documents.
func documentRoutes() []route {
	return []route{
		{
			method: http.MethodPost, path: "/documents", id: "createDocument", group: "Documents",
			summary: "Upload a document",
			description: "The fields of the form may come in any order. The content is streamed and durable when the answer arrives. " +
				"A JSON body instead makes a document without content: it has version 0 until a content is put.",
			access: needs(sheaf.ScopeWrite),
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
				sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrTimeout, sheaf.ErrArchived, sheaf.ErrTooLarge, sheaf.ErrUnsupported,
				sheaf.ErrRateLimited, sheaf.ErrUnavailable, sheaf.ErrQuota, sheaf.ErrDiskFull,
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
				limitParam("documents"),
				queryParam("collection", "Only documents of this collection; all collections of kind documents unless given", textSchema()),
				queryParam("at", "What there was at a moment: a time or, with collection, a revision", textSchema()),
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
			description: "The headers of a download, without its content.",
			access:      needs(sheaf.ScopeRead),
			parameters:  downloadParams(),
			success:     headResponses(),
			errors:      downloadErrors(),
			serve:       streaming((*server).download),
		},
		{
			method: http.MethodDelete, path: "/documents/{document_id}", id: "deleteDocument", group: "Documents",
			summary:     "Delete a document",
			description: "The document goes to the trash. Its children stay, unless with_children is asked for: then all documents below it go too, or none.",
			access:      needs(sheaf.ScopeWrite),
			parameters: []*huma.Param{documentIDParam(), withChildrenParam(),
				headerParam("If-Match", "Answer 412 unless the document has this ETag still, that of its content or that of its metadata")},
			success: map[string]*huma.Response{"200": {Description: "The document is deleted"}},
			errors:  changeErrors(sheaf.ErrInvalid, sheaf.ErrTooLarge, sheaf.ErrPreconditionFailed),
			serve:   answering((*server).deleteDocument),
		},
		{
			method: http.MethodPatch, path: "/documents/{document_id}", id: "changeDocument", group: "Documents",
			summary:     "Change what is said of a document",
			description: "What is absent or null stays. The content stays.",
			access:      needs(sheaf.ScopeWrite),
			parameters:  []*huma.Param{documentIDParam(), headerParam("If-Match", "Answer 412 unless the document is still as this revision made it, such as \"r42\" or \"r42@notes\", the ETag of its metadata")},
			body:        jsonBody[documentChange](true),
			success:     map[string]*huma.Response{"200": {Description: "The document as it is now, and what it was"}},
			errors:      bodyErrors(sheaf.ErrPreconditionFailed),
			serve:       answering((*server).changeDocument),
		},
		{
			method: http.MethodGet, path: "/documents/{document_id}/metadata", id: "getMetadata", group: "Documents",
			summary:    "Describe a document",
			access:     needs(sheaf.ScopeRead),
			parameters: []*huma.Param{documentIDParam(), atParam(), headerParam("If-None-Match", "Answer 304 when the document still has this ETag")},
			success: map[string]*huma.Response{
				"200": {Description: "The document and its revision"},
				"304": {
					Description: "The document still has the ETag of If-None-Match",
					Headers: map[string]*huma.Param{
						"ETag":          headerOf("The revision that made it so"),
						"Cache-Control": cachingHeader(),
					},
				},
			},
			errors: readErrors(),
			serve:  answering((*server).getMetadata),
		},
	}
}
