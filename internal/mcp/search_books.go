package mcp

import (
	"context"
	"fmt"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// bookSearchTools are the tools that look for files of books, and for lines in
// them.
func bookSearchTools(limits sheaf.Limits) []tool {
	where := []field{
		identifier("book_id", "Where to look; or all_books").between(3, 50),
		boolean("all_books", ""),
	}
	at := identifier("at", "As it was: a revision of the book, or a time")
	return []tool{
		newTool(definition{
			name: "glob_search", title: "Find files of books", toolset: ToolsetBooks, scope: sheaf.ScopeRead, readOnly: true, idempotent: true,
			description: "Finds files of a book, or of all, by their paths. A pattern without a slash is for names at any depth.",
		}, append([]field{
			text("pattern", "Such as content/**/*.md or *.summary.md").must().between(1, 512),
		}, append(where, at, cursorField())...), globSearch),
		newLongTool(definition{
			name: "grep_search", title: "Search the texts of books", toolset: ToolsetBooks, scope: sheaf.ScopeRead, readOnly: true, idempotent: true,
			description: "Finds lines of a book, or of all, that match a regular expression (RE2: no lookaround, no backreferences).",
		}, append([]field{
			text("pattern", "Matched line by line").must().between(1, limits.Pattern),
		}, append(where,
			number("max_results", fmt.Sprintf("Lines; %d unless given", library.DefaultMatches), 1, limits.Matches),
			number("context_lines", "Shown around each", 0, limits.ContextLines),
			boolean("ignore_case", ""),
			identifier("path_glob", "Only these files, such as *.md").between(1, 512),
			at,
		)...), grepSearch),
	}
}

// whereInput is in which books a tool looks.
type whereInput struct {
	BookID   string `json:"book_id"`
	AllBooks bool   `json:"all_books"`
	At       string `json:"at"`
}

func (in whereInput) books() (library.BooksSearched, error) {
	at, err := moment(in.At)
	return library.BooksSearched{Book: in.BookID, AllBooks: in.AllBooks, At: at}, err
}

type globSearchInput struct {
	whereInput
	Pattern string `json:"pattern"`
	Cursor  string `json:"cursor"`
}

// mostGlobbed is how many files an answer has, so that a model can take it in.
const mostGlobbed = 500

func globSearch(ctx context.Context, session *library.Session, in globSearchInput) (sheaf.GlobResult, error) {
	books, err := in.books()
	if err != nil {
		return sheaf.GlobResult{}, err
	}
	return session.Glob(ctx, library.GlobQuery{BooksSearched: books, Pattern: in.Pattern, Limit: mostGlobbed, Cursor: in.Cursor})
}

type grepSearchInput struct {
	whereInput
	Pattern      string `json:"pattern"`
	MaxResults   int    `json:"max_results"`
	ContextLines int    `json:"context_lines"`
	IgnoreCase   bool   `json:"ignore_case"`
	PathGlob     string `json:"path_glob"`
}

func grepSearch(ctx context.Context, session *library.Session, in grepSearchInput, report progress) (sheaf.GrepResult, error) {
	books, err := in.books()
	if err != nil {
		return sheaf.GrepResult{}, err
	}
	return session.Grep(ctx, library.GrepQuery{
		BooksSearched: books, Pattern: in.Pattern, IgnoreCase: in.IgnoreCase, PathGlob: in.PathGlob,
		MaxResults: in.MaxResults, ContextLines: in.ContextLines,
		Progress: func(files int) { report(files, 0, "files searched") },
	})
}
