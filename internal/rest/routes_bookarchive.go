package rest

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
)

// bookArchiveRoutes are the downloads of books as a whole.
func bookArchiveRoutes() []route {
	const path = "/books/{book}/archive.zip"
	const about = "Every file has the path that it has in the book, and book.yaml says what is said of the book; where the book has such a file itself, that one is in .sheaf. " +
		"The archive is computed while it is sent, and the same revision always makes the same bytes: it can be resumed with Range and If-Range. " +
		"What cannot be read is left out and listed in ERRORS.txt. " +
		"With the parameters of a signed URL, as POST /books/{book}/archive gives it, nothing else is asked of the caller; they cannot be changed."
	parameters := append([]*huma.Param{
		bookParam(),
		queryParam("scope", "Everything, the assets (what is below assets or static), or all but those", enumSchema("all", "all", "content", "assets")),
		atParam(), userParam(),
		queryParam("expires", "Of a signed URL", textSchema()),
		queryParam("manifest", "Of a signed URL", textSchema()),
		queryParam("by", "Of a signed URL: who asked for it", textSchema()),
		queryParam(signatureParam, "Of a signed URL: the permission to download", textSchema()),
	}, archiveConditions()...)
	get := route{
		method: http.MethodGet, path: path, id: "downloadBook", group: "Archives",
		summary:     "Download a book as a ZIP file",
		description: about,
		access:      needs(sheaf.ScopeRead),
		parameters:  parameters,
		success:     bookArchiveResponses("200", "206", "304"),
		errors:      archiveErrors(sheaf.ErrForbidden, sheaf.ErrGone, sheaf.ErrPreconditionFailed, sheaf.ErrRange),
		serve:       streaming((*server).downloadBook),
	}
	head := get
	head.method, head.id = http.MethodHead, "describeBookArchive"
	head.summary, head.description = "Look at the archive of a book without its content", "The headers of the download."
	head.success = withoutContent(bookArchiveResponses("200", "304"))
	head.errors = archiveErrors(sheaf.ErrForbidden, sheaf.ErrGone, sheaf.ErrPreconditionFailed)
	return []route{get, head, {
		method: http.MethodPost, path: "/books/{book}/archive", id: "linkBookArchive", group: "Archives",
		summary: "Get a URL to download a book from",
		description: "Whoever has the URL can download the archive until it expires, and needs no key. " +
			"It is of the revision that the book has now, or had at the moment given: what is written later does not change it.",
		access:     needs(sheaf.ScopeRead),
		parameters: []*huma.Param{bookParam()},
		body:       jsonBody[bookArchiveRequest](true),
		success:    map[string]*huma.Response{"200": {Description: "The URL, and what is to be had there"}},
		errors:     bodyErrors(sheaf.ErrNotFound, sheaf.ErrTooLarge, sheaf.ErrRateLimited),
		serve:      answering((*server).linkBook),
	}}
}

// bookArchiveResponses are those of archives in general, and what is said of books.
func bookArchiveResponses(statuses ...string) map[string]*huma.Response {
	responses := archiveResponses(statuses...)
	for _, response := range responses {
		response.Headers["X-Revision"] = headerOf("Of the book, that the archive has")
		response.Headers["X-Manifest-Hash"] = headerOf("The SHA-256 of the lines path:sha256 of the files of the book that should be in it, sorted and joined by newlines")
	}
	return responses
}
