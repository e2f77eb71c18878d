package rest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

func TestGlobAndGrep(t *testing.T) {
	s := newServer(t, Options{})
	for path, content := range map[string]string{"a.md": "one\ntwo\nthree\n", "dir/b.md": "two\r\n", "dir/c.txt": "TWO"} {
		if answer := s.do(http.MethodPut, "/books/book/content/"+path, strings.NewReader(content)); answer.StatusCode != http.StatusOK {
			t.Fatalf("writing %s: %s", path, answer.Status)
		}
	}
	found := read[sheaf.GrepResult](t, s.get("/grep?book_id=book&pattern=^two$&ignore_case&context_lines=1&path_glob="+url.QueryEscape("*.{md,txt}")))
	var places []string
	for _, m := range found.Matches {
		places = append(places, m.Path)
	}
	if !slices.Equal(places, []string{"a.md", "dir/b.md", "dir/c.txt"}) || found.TotalMatches != 3 || found.FilesSearched != 3 || found.Truncated {
		t.Errorf("grep: %+v", found)
	} else if m := found.Matches[0]; m.Line != 2 || m.Content != "two" || !slices.Equal(m.Before, []string{"one"}) || !slices.Equal(m.After, []string{"three"}) {
		t.Errorf("the first match: %+v", m)
	}
	if found := read[sheaf.GrepResult](t, s.get("/grep?all_books=true&pattern=two&max_results=1&at=2001-01-01T00:00:00Z")); found.Matches == nil || found.FilesSearched != 0 {
		t.Errorf("before anything was there: %+v", found)
	}

	first := s.get("/glob?book_id=book&pattern=dir/*&limit=1")
	page := read[sheaf.GlobResult](t, first)
	if len(page.Files) != 1 || page.Total != 2 || !page.Truncated || page.Files[0].Path != "dir/b.md" || page.Files[0].Size != 5 {
		t.Errorf("glob: %+v", page)
	}
	_, next, _ := strings.Cut(strings.TrimSuffix(first.Header.Get("Link"), `>; rel="next"`), s.URL)
	if page := read[sheaf.GlobResult](t, s.get(next)); len(page.Files) != 1 || page.Truncated || page.Cursor != "" {
		t.Errorf("its next page: %+v", page)
	}

	for query, fields := range map[string][]string{
		"/grep?pattern=(&max_results=0":                               {"max_results"},
		"/grep?pattern=(":                                             {"book_id", "pattern"},
		"/grep?book_id=book&pattern=x&all_books=maybe&at=then":        {"all_books", "at"},
		"/glob?book_id=book&all_books=1&pattern=[&cursor=x":           {"all_books", "cursor", "pattern"},
		"/glob?pattern=*&limit=0&all_books=1&at=3":                    {"at", "limit"},
		"/grep?pattern=x&book_id=book&context_lines=1000&path_glob=[": {"context_lines", "path_glob"},
	} {
		answer := wantProblem(t, s.get(query), sheaf.ErrInvalid)
		for _, field := range fields {
			if !strings.Contains(fieldsOf(answer), field) {
				t.Errorf("%s: wrong are %q, want %s among them", query, fieldsOf(answer), field)
			}
		}
	}
	if problem := wantProblem(t, s.get("/glob?book_id=boook&pattern=*"), sheaf.ErrNotFound); !strings.Contains(problem.Hint, "did you mean book") {
		t.Errorf("a book that is not there: %+v", problem)
	}
}
