package mcp_test

import (
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

// An agent finds files and lines, now and as they were, and is told how to go on.
func TestSearchingBooks(t *testing.T) {
	session := connect(t, sheaftest.Start(t).URL+"/mcp")
	write := func(book, path, content string) {
		call[map[string]any](t, session, "write_content", arguments{"book_id": book, "path": path, "content": content})
	}
	write("first-book", "content/a.md", "alpha\nbeta\n")
	write("first-book", "content/b.md", "beta\n")
	write("second-book", "c.md", "Beta\n")
	write("first-book", "content/b.md", "gamma\n")

	files := call[sheaf.GlobResult](t, session, "glob_search", arguments{"pattern": "*.md", "all_books": true})
	if files.Total != 3 || files.Truncated || files.Files[2].Book != "second-book" || files.Files[2].Path != "c.md" {
		t.Errorf("glob_search: %+v", files)
	}
	if none := call[sheaf.GlobResult](t, session, "glob_search", arguments{"pattern": "*.txt", "book_id": "first-book"}); none.Files == nil || none.Hint == "" {
		t.Errorf("glob_search for nothing: %+v", none)
	}
	lines := call[sheaf.GrepResult](t, session, "grep_search", arguments{"params": arguments{"pattern": "beta", "all_books": true, "ignore_case": true, "context_lines": 1}})
	if lines.TotalMatches != 2 || lines.FilesSearched != 3 || lines.Matches[0].Line != 2 || lines.Matches[0].Before[0] != "alpha" || lines.Matches[0].After == nil {
		t.Errorf("grep_search: %+v", lines)
	}
	lines = call[sheaf.GrepResult](t, session, "grep_search", arguments{"pattern": "beta", "book_id": "first-book", "at": "3", "max_results": 1})
	if len(lines.Matches) != 1 || !lines.Truncated || !strings.Contains(lines.Hint, "max_results") {
		t.Errorf("grep_search in the past: %+v", lines)
	}
	for _, test := range []struct {
		arguments arguments
		field     string
		hint      string
	}{
		{arguments{"pattern": "beta"}, "book_id", ""},
		{arguments{"pattern": "beta", "book_id": "first-book", "all_books": true}, "all_books", ""},
		{arguments{"pattern": "beta", "all_books": true, "at": "3"}, "at", ""},
		{arguments{"pattern": "beta(?=x)", "all_books": true}, "pattern", "RE2"},
		{arguments{"pattern": "beta", "all_books": true, "max_results": 1001}, "max_results", ""},
	} {
		told := refuse(t, session, "grep_search", test.arguments)
		if told.Code != sheaf.ErrInvalid || len(told.Fields) != 1 || told.Fields[0].Field != test.field || !strings.Contains(told.Hint, test.hint) {
			t.Errorf("grep_search %v: %+v", test.arguments, told)
		}
	}
}
