package library

import (
	"context"
	"fmt"
	"strings"

	"github.com/sheaf-dev/sheaf"
)

// A GlobQuery selects files of books by their paths.
type GlobQuery struct {
	BooksSearched
	Pattern string // such as content/**/*.md; without a slash it is for a name, at any depth
	Limit   int    // files of a page; above Limits.Page it is Limits.Page
	Cursor  string // GlobResult.Cursor of the page before, with the same conditions; empty: the first page
}

// Glob finds the files of a book, or of all books, whose paths match a pattern.
func (s *Session) Glob(ctx context.Context, q GlobQuery) (sheaf.GlobResult, error) {
	s.begin("book.glob").in(q.Book)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return sheaf.GlobResult{}, err
	}
	l := s.library
	limit, limitErr := l.pageSize(q.Limit)
	pattern, patternErr := parseGlob("pattern", q.Pattern)
	after, cursorErr := decodePlace(q.Cursor, q.conditions(), 2)
	books, err := l.booksSearched(q.BooksSearched, patternErr, limitErr, cursorErr)
	if err != nil {
		return sheaf.GlobResult{}, err
	}
	result := sheaf.GlobResult{Files: []sheaf.GlobFile{}}
	over, err := inTime(ctx, l.searchTime, func(ctx context.Context) error {
		for f, err := range l.filesOfBooks(ctx, books, q.BooksSearched, pattern) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			result.Total++
			behind := strings.Compare(string(f.book.Name), after[0]) > 0 || string(f.book.Name) == after[0] && f.Path > after[1]
			switch {
			case !behind:
			case len(result.Files) < limit:
				result.Files = append(result.Files, sheaf.GlobFile{Book: f.book.Name, Path: f.Path, Size: f.Size, UpdatedAt: f.UpdatedAt})
			default:
				result.Truncated = true
			}
		}
		return nil
	})
	if err != nil {
		return sheaf.GlobResult{}, err
	}
	l.used()
	if last := len(result.Files) - 1; result.Truncated || over && last >= 0 {
		result.Cursor = encodePlace(q.conditions(), string(result.Files[last].Book), result.Files[last].Path)
	}
	result.Truncated = result.Truncated || over
	result.Hint = globHint(q, result, over)
	return result, nil
}

// conditions returns a text that two queries share if they list the same.
func (q GlobQuery) conditions() string {
	return fmt.Sprintf("glob %q %+v", q.Pattern, q.BooksSearched)
}

// globHint says how to go on with an answer, or what to try instead.
func globHint(q GlobQuery, result sheaf.GlobResult, over bool) string {
	switch {
	case over && q.AllBooks:
		return "there was no time to look at all paths, so that total counts only some: name a book"
	case over:
		return "there was no time to look at all paths, so that total counts only some: begin the pattern with a directory"
	case result.Truncated:
		return "call again with the cursor for more files, or narrow the pattern"
	case result.Total == 0 && strings.Contains(q.Pattern, "/"):
		return "no path matches: a pattern with a slash is for the whole path in its book, one without for a name at any depth; ** stands for any directories"
	case result.Total == 0:
		return "no name matches; * stands for any characters of a name, and upper and lower case differ"
	}
	return ""
}
