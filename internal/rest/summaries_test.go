package rest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

func TestSummaries(t *testing.T) {
	s := newServer(t, Options{})
	s.send(http.MethodPut, "/books/book/content/a%20b/01-c.md", "one\n")
	const lesson, dir, book = "/books/book/summaries/a%20b/01-c.md", "/books/book/summaries/a%20b", "/books/book/summaries/"
	wantProblem(t, s.get(lesson), sheaf.ErrNotFound)
	for url, where := range map[string]string{lesson: "a b/01-c.summary.md", dir: "a b/.summary.md", book: ".summary.md"} {
		written := s.do(http.MethodPut, url, strings.NewReader("---\nby: ada\n---\nsum\n"), "If-None-Match", "*")
		change := read[sheaf.Change](t, written)
		if change.Path != where || change.Mode != sheaf.ModeCreated || written.Header.Get("ETag") != contentTag(change.Digest) {
			t.Errorf("PUT %s: %s", url, written.body)
		}
		wantProblem(t, s.do(http.MethodPut, url, strings.NewReader("x"), "If-None-Match", "*"), sheaf.ErrPreconditionFailed)
		wantProblem(t, s.do(http.MethodPut, url, strings.NewReader("x"), "If-Match", contentTag(sheaf.Digest{})), sheaf.ErrPreconditionFailed)
	}
	wantProblem(t, s.send(http.MethodPut, "/books/book/summaries/a%20c", "x"), sheaf.ErrNotFound)
	text := read[sheaf.SummaryText](t, s.get(dir))
	if text.Path != "a b" || text.Stale || text.Changes != nil || !strings.HasSuffix(text.Content, "sum\n") || string(text.Metadata) != `{"by":"ada"}` {
		t.Errorf("GET %s: %+v", dir, text)
	}
	s.send(http.MethodPut, "/books/book/content/a%20b/01-c.md", "two\n")
	text = read[sheaf.SummaryText](t, s.get(book))
	if text.Path != "/" || !text.Stale || len(text.Changes.Changed) != 1 {
		t.Errorf("GET %s: %+v", book, text)
	}

	first := s.get("/books/book/summaries?only=stale&limit=2")
	page := read[summaryList](t, first)
	rest := read[summaryList](t, s.get(s.nextOf(first)))
	if page.Total != 3 || len(page.Summaries) != 2 || len(rest.Summaries) != 1 {
		t.Errorf("stale summaries: %+v, %+v", page, rest)
	}
	if p := wantProblem(t, s.get("/books/book/summaries?only=old&path=../x"), sheaf.ErrInvalid); fieldsOf(p) != "[path only]" {
		t.Errorf("wrong filters: %s", fieldsOf(p))
	}
	if empty := s.get("/books/book/summaries?only=missing"); !strings.Contains(string(empty.body), `"summaries":[]`) {
		t.Errorf("no summaries: %s", empty.body)
	}
	for _, existed := range []bool{true, false} {
		if gone := read[fileDeletion](t, s.do(http.MethodDelete, dir, nil)); gone.Existed != existed {
			t.Errorf("DELETE %s: %+v, want existed %t", dir, gone, existed)
		}
	}
}

func TestManifest(t *testing.T) {
	s := newServer(t, Options{})
	s.send(http.MethodPut, "/books/book/content/a.md", "one\n")
	answer := s.get("/books/book/manifest")
	first := read[sheaf.Manifest](t, answer)
	tag := answer.Header.Get("ETag")
	if len(first.Files) != 1 || first.Files[0].Path != "a.md" || first.Count != 1 || tag != contentTag(first.Hash) {
		t.Errorf("the manifest: %s, ETag %s", answer.body, tag)
	}
	if again := s.get("/books/book/manifest", "If-None-Match", tag); again.StatusCode != http.StatusNotModified || len(again.body) != 0 {
		t.Errorf("If-None-Match: %s %s", again.Status, again.body)
	}
	since := "/books/book/manifest?since=" + first.Hash.String()
	if plan := read[manifestAnswer](t, s.get(since)); !plan.Changes.Unchanged || plan.Files != nil {
		t.Errorf("unchanged: %+v", plan)
	}
	s.send(http.MethodPut, "/books/book/content/b.md", "two\n")
	plan := s.get(since)
	if changes := read[manifestAnswer](t, plan).Changes; changes.Unchanged || !changes.SinceKnown || len(changes.Added) != 1 ||
		!strings.Contains(string(plan.body), `"removed":[]`) {
		t.Errorf("what has changed: %s", plan.body)
	}
	if old := read[sheaf.Manifest](t, s.get("/books/book/manifest?at=2")); old.Hash != first.Hash {
		t.Errorf("the manifest as it was: %+v", old)
	}
	wantProblem(t, s.get("/books/book/manifest", "If-Match", tag), sheaf.ErrPreconditionFailed)
	if p := wantProblem(t, s.get("/books/book/manifest?since=x&at=y"), sheaf.ErrInvalid); fieldsOf(p) != "[at since]" {
		t.Errorf("wrong parameters: %s", fieldsOf(p))
	}
	wantProblem(t, s.get("/books/bok/manifest"), sheaf.ErrNotFound)
}
