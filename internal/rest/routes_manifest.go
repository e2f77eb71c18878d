package rest

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
)

// manifestRoutes say what is in a book, for those who build something of it.
func manifestRoutes() []route {
	return []route{{
		method: http.MethodGet, path: "/books/{book}/manifest", id: "getManifest", group: "Books",
		summary: "Say which contents are in a book, or what has changed",
		description: "All files that everyone sees: lessons, summaries, assets and whatever else. The hash is the SHA-256 of the lines path:sha256, " +
			"sorted as bytes and joined by newlines. With since, the hash of an earlier answer, only what has changed is listed.",
		access: needs(sheaf.ScopeRead),
		parameters: []*huma.Param{
			bookParam(), atParam(),
			queryParam("since", "The hash of the manifest that was built last. One that is not known makes every file an added one", textSchema()),
			headerParam("If-None-Match", "Answer 304 when the book still has the manifest with this hash, in quotes"),
			headerParam("If-Match", "Answer 412 unless the book still has the manifest with this hash, in quotes"),
		},
		success: map[string]*huma.Response{
			"200": {
				Description: "The manifest",
				Headers:     map[string]*huma.Param{"ETag": headerOf("The hash, in quotes; absent with since")},
				Content:     jsonContent(manifestRef),
			},
			"304": {Description: "The book has this manifest still", Headers: map[string]*huma.Param{"ETag": headerOf("The hash, in quotes")}},
		},
		errors: []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrTooLarge, sheaf.ErrPreconditionFailed, sheaf.ErrUnavailable},
		serve:  streaming((*server).getManifest),
	}}
}
