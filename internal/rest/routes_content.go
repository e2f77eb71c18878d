package rest

import (
	"maps"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
)

// contentRoutes are the operations on the contents of documents.
func contentRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/documents/{document_id}/content", id: "readContent", group: "Contents",
			summary: "Read a content, or a part of it",
			description: "Without lines and chars this is a download, as of the document. With one of them the answer is JSON " +
				"and has at most 1 MiB of the text.",
			access:     needs(sheaf.ScopeRead),
			parameters: contentParams(),
			success:    contentResponses(),
			errors:     downloadErrors(),
			serve:      streaming((*server).readContent),
		},
		{
			method: http.MethodHead, path: "/documents/{document_id}/content", id: "describeContent", group: "Contents",
			summary:     "Look at a content without reading it",
			description: "The headers of a download, without its content.",
			access:      needs(sheaf.ScopeRead),
			parameters:  contentParams(),
			success:     headResponses(),
			errors:      downloadErrors(),
			serve:       streaming((*server).readContent),
		},
		{
			method: http.MethodPut, path: "/documents/{document_id}/content", id: "writeContent", group: "Contents",
			summary: "Write a content",
			description: "The body is the content, byte for byte, and becomes the document's next version. It is streamed and durable when the answer arrives. " +
				"Whoever says which content they had read, by file_hash or If-Match, overwrites nobody: " +
				"when the document has another one by now, the problem's conflict says whose, and what merging gives.",
			access: needs(sheaf.ScopeWrite),
			parameters: []*huma.Param{
				documentIDParam(),
				queryParam("file_hash", "The SHA-256 of the content that this one replaces", textSchema()),
				headerParam("If-Match", "The same as the ETag of a download, in its place, or * for any content; a conflict is then 412"),
				headerParam("If-None-Match", "Only *: answer 412 unless the document is still without content"),
				queryParam("on_conflict", "When the document has another content by now: fail, or merge if that is clean", enumSchema("fail", "fail", "merge")),
				queryParam("filename", "A new filename, from which the MIME type comes", textSchema()),
				queryParam("message", "Why the change is made, for the history", textSchema()),
			},
			body: contentBody,
			success: map[string]*huma.Response{"200": {
				Description: "The content is stored",
				Headers:     map[string]*huma.Param{"ETag": headerOf("Of the content: its SHA-256 in quotes")},
				Content:     jsonContent(changeRef),
			}},
			errors: writeErrors(),
			serve:  streaming((*server).writeContent),
		},
		{
			method: http.MethodPatch, path: "/documents/{document_id}/content", id: "editContent", group: "Contents",
			summary: "Edit a text in place",
			description: "Replaces exact strings or lines, inserts, appends, prepends, or replaces what stands under a Markdown heading. " +
				"What no edit touches stays byte for byte.",
			access: needs(sheaf.ScopeWrite),
			parameters: []*huma.Param{
				documentIDParam(),
				headerParam("If-Match", "The ETag of a download, in place of file_hash; a conflict is then 412"),
			},
			body:    jsonBody[contentEdit](true),
			success: map[string]*huma.Response{"200": {Description: "What was changed, or would be"}},
			errors:  writeErrors(),
			serve:   answering((*server).editContent),
		},
	}
}

func contentParams() []*huma.Param {
	return append(downloadParams(),
		queryParam("lines", "Only these lines, counted from 1, as JSON: 10-20, 10- or 10", textSchema()),
		queryParam("chars", "Only these characters, counted from 0, as JSON: 100+50 is 50 of them from number 100 on, 100- all from there", textSchema()),
	)
}

func contentResponses() map[string]*huma.Response {
	responses := downloadResponses()
	responses["200"].Description = "The content or, with lines or chars, a part of it"
	whole := maps.Clone(responses["200"].Content) // which 206 has too
	whole["application/json"] = &huma.MediaType{Schema: &huma.Schema{Ref: excerptRef}}
	responses["200"].Content = whole
	return responses
}

func writeErrors() []sheaf.ErrorKind {
	return slices.Concat(bodyErrors(), []sheaf.ErrorKind{
		sheaf.ErrConflict, sheaf.ErrPreconditionFailed, sheaf.ErrHashRequired, sheaf.ErrRateLimited, sheaf.ErrQuota, sheaf.ErrDiskFull,
		sheaf.ErrDamaged, sheaf.ErrBackendUnavailable,
	})
}

func enumSchema(fallback string, values ...any) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Enum: values, Default: fallback}
}
