package rest

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// bookRoutes are the operations on books as a whole.
func bookRoutes() []route {
	pageErrors := []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrUnavailable}
	structure := queryParam("structure", "With parts, chapters and lessons", &huma.Schema{Type: huma.TypeBoolean})
	return []route{
		{
			method: http.MethodGet, path: "/books", id: "listBooks", group: "Books",
			summary:     "List the books",
			description: "The registry, by id. What is counted, is counted of the paths.",
			access:      needs(sheaf.ScopeRead),
			parameters:  []*huma.Param{structure, statusParam(), limitParam("books"), cursorParam()},
			success:     map[string]*huma.Response{"200": {Description: "The books"}},
			errors:      []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrUnavailable},
			serve:       answering((*server).listBooks),
		},
		{
			method: http.MethodPost, path: "/books", id: "createBook", group: "Books",
			summary: "Create a book",
			access:  needs(sheaf.ScopeCreate),
			body:    jsonBody[bookCreation](true),
			success: map[string]*huma.Response{"200": {Description: "The book is there"}},
			errors:  collectionErrors(sheaf.ErrExists),
			serve:   answering((*server).createBook),
		},
		{
			method: http.MethodGet, path: "/books/{book}", id: "getBook", group: "Books",
			summary:    "Describe a book",
			access:     needs(sheaf.ScopeRead),
			parameters: []*huma.Param{bookParam(), structure},
			success:    map[string]*huma.Response{"200": {Description: "The book"}},
			errors:     pageErrors,
			serve:      answering((*server).getBook),
		},
		{
			method: http.MethodPatch, path: "/books/{book}", id: "changeBook", group: "Books",
			summary:     "Change a book",
			description: "What is absent or null stays. An archived book refuses every write until it is active again.",
			access:      needs(sheaf.ScopeCreate),
			parameters:  []*huma.Param{bookParam()},
			body:        jsonBody[bookChange](true),
			success:     map[string]*huma.Response{"200": {Description: "The book as it is now"}},
			errors:      collectionErrors(sheaf.ErrNotFound),
			serve:       answering((*server).changeBook),
		},
		{
			method: http.MethodGet, path: "/books/{book}/files", id: "listFiles", group: "Books",
			summary:    "List the files of a book",
			access:     needs(sheaf.ScopeRead),
			parameters: append(fileQueryParams(), limitParam("files")),
			success:    map[string]*huma.Response{"200": {Description: "The files, in the order of their paths"}},
			errors:     pageErrors,
			serve:      answering((*server).listFiles),
		},
		{
			method: http.MethodGet, path: "/books/{book}/content", id: "readBook", group: "Books",
			summary:     "Read many files at once",
			description: "The texts of a chapter, a part or the whole book, until the next would be more than the budget.",
			access:      needs(sheaf.ScopeRead),
			parameters: append(fileQueryParams(),
				queryParam("budget", "How many bytes of content the answer has at most", &huma.Schema{
					Type: huma.TypeInteger, Minimum: new(1.0), Maximum: new(float64(library.MaxBudget)), Default: library.DefaultBudget}),
				queryParam("limit", "How many files the answer has at most; above 1,000 is 1,000", &huma.Schema{Type: huma.TypeInteger, Minimum: new(1.0)})),
			success: map[string]*huma.Response{"200": {Description: "The files that fit"}},
			errors:  append(pageErrors, sheaf.ErrDamaged, sheaf.ErrBackendUnavailable),
			serve:   answering((*server).readBook),
		},
		{
			method: http.MethodPost, path: "/books/{book}/move", id: "moveFiles", group: "Books",
			summary:     "Move a file or a directory",
			description: "All in one change; what moves keeps its id and its history, and the copies that users have of it move along.",
			access:      needs(sheaf.ScopeWrite),
			parameters:  []*huma.Param{bookParam()},
			body:        jsonBody[pathMove](true),
			success:     map[string]*huma.Response{"200": {Description: "What moved"}},
			errors:      bodyErrors(sheaf.ErrExists, sheaf.ErrConflict),
			serve:       answering((*server).move),
		},
		{
			method: http.MethodGet, path: "/books/{book}/validate", id: "validateBook", group: "Books",
			summary:     "Compare a book with its layout",
			description: "No write is refused for the layout: it is checked here.",
			access:      needs(sheaf.ScopeRead),
			parameters:  []*huma.Param{bookParam(), limitParam("violations"), cursorParam()},
			success:     map[string]*huma.Response{"200": {Description: "Which paths are not as the layout wants them"}},
			errors:      pageErrors,
			serve:       answering((*server).validate),
		},
		{
			method: http.MethodGet, path: "/books/{book}/overlays", id: "listOverlays", group: "Books",
			summary:    "List what users have laid over a book",
			access:     needs(sheaf.ScopeRead),
			parameters: []*huma.Param{bookParam(), queryParam("stale", "Only copies whose base has another content now than they were made over", &huma.Schema{Type: huma.TypeBoolean}), limitParam("copies"), cursorParam()},
			success:    map[string]*huma.Response{"200": {Description: "The copies, by user and path"}},
			errors:     pageErrors,
			serve:      answering((*server).listOverlays),
		},
	}
}

// bookContentRoutes are the operations on what is at a path of a book.
func bookContentRoutes() []route {
	const path = "/books/{book}/content/{path}"
	return []route{
		{
			method: http.MethodGet, path: path, id: "readFile", group: "Books",
			summary:     "Download a file of a book, or read a part of it",
			description: "As of a document. The path is the rest of the URL, slashes and all.",
			access:      needs(sheaf.ScopeRead),
			parameters:  readFileParams(),
			success:     contentResponses(),
			errors:      downloadErrors(),
			serve:       streaming((*server).downloadFile),
		},
		{
			method: http.MethodHead, path: path, id: "describeFile", group: "Books",
			summary:     "Look at a file of a book without reading it",
			description: "The headers of a download, without its content.",
			access:      needs(sheaf.ScopeRead),
			parameters:  readFileParams(),
			success:     headResponses(),
			errors:      downloadErrors(),
			serve:       streaming((*server).downloadFile),
		},
		{
			method: http.MethodPut, path: path, id: "writeFile", group: "Books",
			summary: "Write a file of a book",
			description: "The body is the content, byte for byte. What is not there is made, and so is a book that is not there where the server is set up so. " +
				"Whoever says which content they had read, by file_hash or If-Match, overwrites nobody.",
			access: needs(sheaf.ScopeWrite),
			parameters: append(fileParams(),
				queryParam("file_hash", "The SHA-256 of the content that this one replaces", textSchema()),
				headerParam("If-Match", "The same as the ETag of a download, in its place; a conflict is then 412"),
				queryParam("on_conflict", "When there is another content by now: fail, or merge if that is clean", enumSchema("fail", "fail", "merge")),
				queryParam("message", "Why the change is made, for the history", textSchema())),
			body: contentBody,
			success: map[string]*huma.Response{"200": {
				Description: "The content is stored",
				Headers:     map[string]*huma.Param{"ETag": headerOf("Of the content: its SHA-256 in quotes")},
				Content:     jsonContent(changeRef),
			}},
			errors: append(writeErrors(), sheaf.ErrExists),
			serve:  streaming((*server).writeFile),
		},
		{
			method: http.MethodPatch, path: path, id: "editFile", group: "Books",
			summary:    "Edit a file of a book in place",
			access:     needs(sheaf.ScopeWrite),
			parameters: append(fileParams(), headerParam("If-Match", "The ETag of a download, in place of file_hash; a conflict is then 412")),
			body:       jsonBody[contentEdit](true),
			success: map[string]*huma.Response{"200": {
				Description: "What was changed, or would be",
				Headers:     map[string]*huma.Param{"ETag": headerOf("Of the content: its SHA-256 in quotes")},
				Content:     jsonContent(editedRef),
			}},
			errors: writeErrors(),
			serve:  streaming((*server).editFile),
		},
		{
			method: http.MethodDelete, path: path, id: "deleteFile", group: "Books",
			summary:     "Delete a file of a book",
			description: "The file goes to the trash; with user_id only that user's copy goes. Deleting what is not there succeeds.",
			access:      needs(sheaf.ScopeWrite),
			parameters: append(fileParams(),
				queryParam("file_hash", "The SHA-256 that the file has to have", textSchema()),
				headerParam("If-Match", "The same as an ETag; a conflict is then 412"),
				queryParam("message", "Why, for the history", textSchema())),
			success: map[string]*huma.Response{"200": {Description: "It is not there any more", Content: jsonContent(deletionRef)}},
			errors:  changeErrors(sheaf.ErrInvalid, sheaf.ErrConflict, sheaf.ErrPreconditionFailed),
			serve:   streaming((*server).deleteFile),
		},
	}
}

func bookParam() *huma.Param {
	return &huma.Param{Name: "book", In: "path", Required: true, Description: "The book's id", Schema: textSchema()}
}

func statusParam() *huma.Param {
	return queryParam("status", "Only books that are so; migrating ones are on their way to another backend",
		&huma.Schema{Type: huma.TypeString, Enum: []any{"active", "archived", "migrating", "deleting"}})
}

func userParam() *huma.Param {
	return queryParam("user_id", "Whose own copies are meant, laid over the book", textSchema())
}

func cursorParam() *huma.Param {
	return queryParam("cursor", "From the Link header of the page before, with the same filters", textSchema())
}

func fileParams() []*huma.Param {
	return []*huma.Param{
		bookParam(),
		{Name: "path", In: "path", Required: true, Description: "Relative to the book, slashes and all", Schema: textSchema()},
		userParam(),
	}
}

func fileQueryParams() []*huma.Param {
	return []*huma.Param{
		bookParam(), queryParam("prefix", "A directory whose files are wanted, or a file; all unless given", textSchema()), atParam(), userParam(), cursorParam(),
	}
}

// readFileParams are those of a download, of a file in the place of a document.
func readFileParams() []*huma.Param {
	params := fileParams()
	for _, p := range contentParams() {
		if p.In != "path" && p.Name != "version" {
			params = append(params, p)
		}
	}
	return params
}
