package rest

import (
	"context"
	"net/url"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

type globInput struct{ call }

type globOutput struct {
	Link string `header:"Link" doc:"The next page, with rel=\"next\"; absent on the last"`
	Body sheaf.GlobResult
}

// glob finds files of books by their paths: GET /glob.
func (s *server) glob(ctx context.Context, in *globInput) (*globOutput, error) {
	query := in.request.URL.Query()
	books, booksErr := parseBooksSearched(query)
	limit, limitErr := parseLimit(query.Get("limit"))
	if err := sheaf.InvalidFields(booksErr, limitErr); err != nil {
		return nil, err
	}
	result, err := s.session(in.request).Glob(ctx, library.GlobQuery{
		BooksSearched: books, Pattern: query.Get("pattern"), Limit: limit, Cursor: query.Get("cursor"),
	})
	if err != nil {
		return nil, err
	}
	return &globOutput{Link: s.pageBehind(in.request, query, result.Cursor), Body: result}, nil
}

type grepInput struct{ call }

type grepOutput struct{ Body sheaf.GrepResult }

// grep finds lines in the texts of books: GET /grep.
func (s *server) grep(ctx context.Context, in *grepInput) (*grepOutput, error) {
	query := in.request.URL.Query()
	books, booksErr := parseBooksSearched(query)
	results, resultsErr := parseNumber(query, "max_results", 1, library.DefaultMatches)
	around, aroundErr := parseNumber(query, "context_lines", 0, 0)
	ignoreCase, caseErr := parseFlag("ignore_case", query)
	if err := sheaf.InvalidFields(booksErr, resultsErr, aroundErr, caseErr); err != nil {
		return nil, err
	}
	result, err := s.session(in.request).Grep(ctx, library.GrepQuery{
		BooksSearched: books, Pattern: query.Get("pattern"), IgnoreCase: ignoreCase, PathGlob: query.Get("path_glob"),
		MaxResults: results, ContextLines: around,
	})
	if err != nil {
		return nil, err
	}
	return &grepOutput{result}, nil
}

// parseBooksSearched reads in which books something is looked for.
func parseBooksSearched(query url.Values) (library.BooksSearched, error) {
	all, allErr := parseFlag("all_books", query)
	at, atErr := parseMoment(query)
	return library.BooksSearched{Book: query.Get("book_id"), AllBooks: all, At: at}, sheaf.InvalidFields(allErr, atErr)
}
