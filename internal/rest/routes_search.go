package rest

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// searchRoutes are the operations that look for files of books, and for lines in
// them.
func searchRoutes() []route {
	pattern := func(description string) *huma.Param {
		param := queryParam("pattern", description, textSchema())
		param.Required = true
		return param
	}
	where := []*huma.Param{
		queryParam("book_id", "The book to look in; either this or all_books is given", textSchema()),
		queryParam("all_books", "Look in all books", &huma.Schema{Type: huma.TypeBoolean}),
		queryParam("at", "What there was at a moment: a revision of the book, such as 42, or a time, such as 2025-01-31T12:00:00Z, which is what all books can be asked for", textSchema()),
	}
	searchErrors := []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrUnavailable}
	number := func(least, most, fallback int) *huma.Schema {
		schema := &huma.Schema{Type: huma.TypeInteger, Minimum: new(float64(least)), Default: fallback}
		if most > 0 {
			schema.Maximum = new(float64(most))
		}
		return schema
	}
	return []route{
		{
			method: http.MethodGet, path: "/glob", id: "findFiles", group: "Books",
			summary: "Find files by their paths",
			description: "Of one book or of all, by book and path. A pattern without a slash is for names, at any depth; " +
				"one with a slash for whole paths, in which ** stands for any directories. What there was no time to look at is said in hint.",
			access: needs(sheaf.ScopeRead),
			parameters: append([]*huma.Param{pattern("Such as content/**/*.{md,mdx} or *.summary.md")},
				append(where, limitParam("files"), cursorParam())...),
			success: map[string]*huma.Response{"200": {Description: "The files, possibly none"}},
			errors:  searchErrors,
			serve:   answering((*server).glob),
		},
		{
			method: http.MethodGet, path: "/grep", id: "findLines", group: "Books",
			summary: "Find lines that match a regular expression",
			description: "In the texts of one book or of all: the first lines by book, path and number. " +
				"What is no text or too large is skipped. A search that has enough lines or no more time ends, and says so in truncated and hint.",
			access: needs(sheaf.ScopeRead),
			parameters: append([]*huma.Param{pattern("A regular expression in the syntax of RE2, matched against one line at a time")},
				append(where,
					queryParam("ignore_case", "Upper and lower case alike", &huma.Schema{Type: huma.TypeBoolean}),
					queryParam("path_glob", "Only files whose paths match, as for findFiles", textSchema()),
					queryParam("max_results", "Most lines; more than the limit of the server is that limit", number(1, 0, library.DefaultMatches)),
					queryParam("context_lines", "Lines shown before and behind each", number(0, sheaf.DefaultLimits().ContextLines, 0)))...),
			success: map[string]*huma.Response{"200": {Description: "The lines, possibly none"}},
			errors:  append(searchErrors, sheaf.ErrBackendUnavailable),
			serve:   answering((*server).grep),
		},
	}
}
