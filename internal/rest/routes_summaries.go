package rest

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
)

// summaryRoutes are the operations on the summaries of a book.
func summaryRoutes() []route {
	const path = "/books/{book}/summaries/{path}"
	params := func(more ...*huma.Param) []*huma.Param {
		return append([]*huma.Param{bookParam(), {
			Name: "path", In: "path", Required: true, Schema: textSchema(),
			Description: "Of a lesson or a directory, slashes and all; empty for the whole book",
		}}, more...)
	}
	return []route{
		{
			method: http.MethodGet, path: "/books/{book}/summaries", id: "listSummaries", group: "Summaries",
			summary: "List the summaries of a book",
			description: "A summary is a file beside the lesson that it sums up (01-intro.summary.md), or in the directory whose lessons it sums up (.summary.md). " +
				"It remembers which contents it was made from, and is stale when one has changed, was added or removed since.",
			access: needs(sheaf.ScopeRead),
			parameters: []*huma.Param{
				bookParam(),
				queryParam("path", "A directory whose summaries are wanted and those below, or a lesson; all unless given", textSchema()),
				queryParam("only", "Only summaries that are stale; or missing ones, of lessons and of directories that have lessons in them",
					&huma.Schema{Type: huma.TypeString, Enum: []any{"stale", "missing"}}),
				limitParam("summaries"), cursorParam(),
			},
			success: map[string]*huma.Response{"200": {Description: "The summaries, in the order of their own paths"}},
			errors:  []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrUnavailable},
			serve:   answering((*server).listSummaries),
		},
		{
			method: http.MethodGet, path: path, id: "readSummary", group: "Summaries",
			summary:    "Read the summary of a lesson or a directory",
			access:     needs(sheaf.ScopeRead),
			parameters: params(),
			success: map[string]*huma.Response{"200": {
				Description: "The summary, and whether it is stale",
				Headers:     map[string]*huma.Param{"ETag": headerOf("Of the content: its SHA-256 in quotes")},
				Content:     jsonContent(summaryRef),
			}},
			errors: []sheaf.ErrorKind{
				sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrGone, sheaf.ErrUnsupported, sheaf.ErrDamaged, sheaf.ErrUnavailable, sheaf.ErrBackendUnavailable,
			},
			serve: streaming((*server).readSummary),
		},
		{
			method: http.MethodPut, path: path, id: "writeSummary", group: "Summaries",
			summary: "Write the summary of a lesson or a directory",
			description: "The body is the text. With If-None-Match: * there has to be none still. " +
				"The same text again makes it a summary of what there is now.",
			access: needs(sheaf.ScopeWrite),
			parameters: params(
				queryParam("file_hash", "The SHA-256 of the summary that this one replaces", textSchema()),
				headerParam("If-Match", "The same as an ETag; a conflict is then 412"),
				queryParam("on_conflict", "When there is another summary by now: fail, or merge if that is clean", enumSchema("fail", "fail", "merge")),
				queryParam("message", "Why the change is made, for the history", textSchema())),
			body: contentBody,
			success: map[string]*huma.Response{"200": {
				Description: "The summary is stored",
				Headers:     map[string]*huma.Param{"ETag": headerOf("Of the content: its SHA-256 in quotes")},
				Content:     jsonContent(changeRef),
			}},
			errors: append(writeErrors(), sheaf.ErrExists),
			serve:  streaming((*server).writeSummary),
		},
		{
			method: http.MethodDelete, path: path, id: "deleteSummary", group: "Summaries",
			summary:     "Delete the summary of a lesson or a directory",
			description: "It goes to the trash; what it sums up stays. Deleting what is not there succeeds.",
			access:      needs(sheaf.ScopeWrite),
			parameters: params(
				queryParam("file_hash", "The SHA-256 that the summary has to have", textSchema()),
				headerParam("If-Match", "The same as an ETag; a conflict is then 412"),
				queryParam("message", "Why, for the history", textSchema())),
			success: map[string]*huma.Response{"200": {Description: "It is not there any more", Content: jsonContent(deletionRef)}},
			errors:  changeErrors(sheaf.ErrInvalid, sheaf.ErrConflict, sheaf.ErrPreconditionFailed),
			serve:   streaming((*server).deleteSummary),
		},
	}
}
