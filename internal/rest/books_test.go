package rest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

func TestBooks(t *testing.T) {
	s := newServer(t, Options{})
	answer := s.send(http.MethodPost, "/books", `{"book_id":"ai-native","title":"AI native","author":"Ada","version":"2.0","layout":"docusaurus"}`)
	made := read[sheaf.Book](t, answer)
	if made.Title != "AI native" || made.Author != "Ada" || made.Version != "2.0" || made.Layout != sheaf.LayoutDocusaurus ||
		answer.Header.Get("Location") != s.URL+"/books/ai-native" {
		t.Errorf("created: %s, Location %s", answer.body, answer.Header.Get("Location"))
	}
	wantProblem(t, s.send(http.MethodPost, "/books", `{"book_id":"ai-native"}`), sheaf.ErrExists)
	p := wantProblem(t, s.send(http.MethodPost, "/books", `{"book_id":"A","title":"a\nb","layout":"round"}`), sheaf.ErrInvalid)
	if fieldsOf(p) != "[book_id title layout]" {
		t.Errorf("wrong fields: %s", fieldsOf(p))
	}
	s.send(http.MethodPut, "/books/ai-native/content/content/01-A/01-B/01-c.md", "# c\n")
	s.send(http.MethodPut, "/books/second-book/content/a.md", "a\n")
	first := s.get("/books?limit=1&structure")
	if books := read[[]sheaf.Book](t, first); len(books) != 1 || books[0].Lessons != 1 || books[0].Structure.Parts[0].Chapters[0].Title != "B" {
		t.Errorf("the first page of books: %s", first.body)
	}
	if books := read[[]sheaf.Book](t, s.get(s.nextOf(first))); len(books) != 1 || books[0].ID != "second-book" {
		t.Errorf("the second page of books: %+v", books)
	}
	wantProblem(t, s.get("/books?cursor=x"), sheaf.ErrInvalid)
	archived := read[sheaf.Book](t, s.send(http.MethodPatch, "/books/second-book", `{"status":"archived","public_assets":true}`))
	if archived.Status != sheaf.StatusArchived || !archived.PublicAssets {
		t.Errorf("archived: %+v", archived)
	}
	wantProblem(t, s.send(http.MethodPut, "/books/second-book/content/b.md", "b"), sheaf.ErrArchived)
	wantProblem(t, s.send(http.MethodPatch, "/books/second-book", `{"patterns":["a"]}`), sheaf.ErrInvalid)
	if books := read[[]sheaf.Book](t, s.get("/books?status=archived")); len(books) != 1 || books[0].ID != "second-book" {
		t.Errorf("archived books: %+v", books)
	}
	if p := wantProblem(t, s.send(http.MethodPatch, "/books/ai-native", `{"status":"migrating"}`), sheaf.ErrInvalid); !strings.Contains(p.Hint, "backend") {
		t.Errorf("setting the status migrating: %+v", p)
	}
	if books := read[[]sheaf.Book](t, s.get("/books?status=migrating")); len(books) != 0 {
		t.Errorf("migrating books: %+v", books)
	}
	wantProblem(t, s.get("/books?status=lost"), sheaf.ErrInvalid)
	limited := read[sheaf.Book](t, s.send(http.MethodPatch, "/books/ai-native", `{"limits":{"max_documents":1},"retention":{"trash_days":7}}`))
	if limited.Limits.Documents != 1 || limited.Retention.TrashDays != 7 {
		t.Errorf("limits and retention: %+v", limited)
	}
	wantProblem(t, s.send(http.MethodPut, "/books/ai-native/content/b.md", "b"), sheaf.ErrQuota)
	wantProblem(t, s.send(http.MethodPost, "/books", `{"book_id":"third-book","limits":{"max_bytes":-1},"retention":{"history_versions":1}}`), sheaf.ErrInvalid)
	p = wantProblem(t, s.get("/books/second-bok"), sheaf.ErrNotFound)
	if !strings.Contains(p.Hint, "second-book") {
		t.Errorf("a book that is not there: %+v", p)
	}
	wantProblem(t, s.get("/books/default"), sheaf.ErrNotFound)
	if v := read[validation](t, s.get("/books/ai-native/validate")); !v.Valid || v.FilesChecked != 1 {
		t.Errorf("validated: %+v", v)
	}
}

func TestBookContent(t *testing.T) {
	s := newServer(t, Options{})
	const url = "/books/book/content/content/a%20b/c.md"
	written := s.send(http.MethodPut, url, "---\ntitle: x\n---\none\ntwo\n")
	change := read[sheaf.Change](t, written)
	if change.Mode != sheaf.ModeCreated || change.Path != "content/a b/c.md" || written.Header.Get("ETag") != `"`+change.Digest.String()+`"` {
		t.Errorf("written: %s", written.body)
	}
	tag := written.Header.Get("ETag")
	wantProblem(t, s.do(http.MethodPut, url, strings.NewReader("x"), "If-None-Match", "*"), sheaf.ErrPreconditionFailed)
	wantProblem(t, s.do(http.MethodDelete, url, nil, "If-None-Match", "*"), sheaf.ErrInvalid)
	if answer := s.get(url); string(answer.body) != "---\ntitle: x\n---\none\ntwo\n" || answer.Header.Get("Content-Type") != "text/markdown" && !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/markdown") {
		t.Errorf("downloaded: %q %v", answer.body, answer.Header)
	}
	if answer := s.get(url, "Range", "bytes=4-8"); answer.StatusCode != http.StatusPartialContent || string(answer.body) != "title" {
		t.Errorf("a range: %d %q", answer.StatusCode, answer.body)
	}
	if answer := s.get(url, "If-None-Match", tag); answer.StatusCode != http.StatusNotModified {
		t.Errorf("If-None-Match: %d", answer.StatusCode)
	}
	if answer := s.do(http.MethodHead, url, nil); answer.StatusCode != http.StatusOK || answer.Header.Get("ETag") != tag {
		t.Errorf("HEAD: %d %v", answer.StatusCode, answer.Header)
	}
	if part := read[excerpt](t, s.get(url+"?lines=4")); part.Text != "one\n" {
		t.Errorf("a line: %+v", part)
	}
	edited := s.send(http.MethodPatch, url, `{"edits":[{"old_string":"one","new_string":"1"}]}`, "If-Match", tag)
	if e := read[editedDocument](t, edited); e.Version != 2 || !strings.Contains(e.Unified, "+1") {
		t.Errorf("edited: %s", edited.body)
	}
	wantProblem(t, s.send(http.MethodPut, url, "x", "If-Match", tag), sheaf.ErrPreconditionFailed)
	wantProblem(t, s.send(http.MethodPut, url+"?file_hash="+change.Digest.String(), "x"), sheaf.ErrConflict)
	wantProblem(t, s.send(http.MethodPatch, url, `{"edits":[{"append":"x"}]}`, "If-Match", tag), sheaf.ErrPreconditionFailed)

	if own := read[sheaf.Change](t, s.send(http.MethodPut, url+"?user_id=ada", "own\n")); own.Layer != "user:ada" {
		t.Errorf("a user's copy: %+v", own)
	}
	if answer := s.get(url + "?user_id=ada"); string(answer.body) != "own\n" {
		t.Errorf("the user reads %q", answer.body)
	}
	if answer := s.get(url + "?user_id=ada&at=2"); string(answer.body) != "---\ntitle: x\n---\none\ntwo\n" {
		t.Errorf("the user reads %q of then", answer.body)
	}
	if overlays := read[[]sheaf.Overlay](t, s.get("/books/book/overlays")); len(overlays) != 1 || overlays[0].UserID != "ada" || overlays[0].Stale {
		t.Errorf("overlays: %+v", overlays)
	}

	s.send(http.MethodPut, "/books/book/content/content/z.md", "z\n")
	page := s.get("/books/book/files?limit=1&prefix=content")
	if files := read[[]sheaf.BookFile](t, page); len(files) != 1 || files[0].Path != "content/a b/c.md" || files[0].Version != 2 {
		t.Errorf("files: %s", page.body)
	}
	if files := read[[]sheaf.BookFile](t, s.get(s.nextOf(page))); len(files) != 1 || files[0].Path != "content/z.md" {
		t.Errorf("files on the second page: %+v", files)
	}
	if all := read[bookReading](t, s.get("/books/book/content?prefix=content&user_id=ada")); len(all.Files) != 2 || all.Files[0].Content != "own\n" || all.Cursor != "" {
		t.Errorf("read at once: %+v", all)
	}
	few := s.get("/books/book/content?budget=3")
	if r := read[bookReading](t, few); len(r.Files) != 2 || r.Files[0].Omitted != "too_large" || r.Bytes != 2 {
		t.Errorf("read within a budget: %s", few.body)
	}
	wantProblem(t, s.get("/books/book/content?budget=99999999999"), sheaf.ErrInvalid)

	moved := read[library.Moved](t, s.send(http.MethodPost, "/books/book/move", `{"path":"content","new_path":"docs"}`))
	if len(moved.Files) != 2 || moved.Overlays != 1 {
		t.Errorf("moved: %+v", moved)
	}
	wantProblem(t, s.send(http.MethodPost, "/books/book/move", `{"path":"docs/z.md","new_path":"docs/a b"}`), sheaf.ErrExists)
	wantProblem(t, s.send(http.MethodPost, "/books/book/move", `{"path":"docs/y.md","new_path":"y.md"}`), sheaf.ErrNotFound)
	p := wantProblem(t, s.get("/books/book/content/docs/zz.md"), sheaf.ErrNotFound)
	if !strings.Contains(p.Hint, "docs/z.md") {
		t.Errorf("a path that is not there: %+v", p)
	}
	wantProblem(t, s.get("/books/book/content/docs"), sheaf.ErrNotFound)
	wantProblem(t, s.do(http.MethodDelete, "/books/book/content/docs/z.md", nil, "If-Match", tag), sheaf.ErrPreconditionFailed)
	for _, existed := range []bool{true, false} {
		if d := read[fileDeletion](t, s.do(http.MethodDelete, "/books/book/content/docs/z.md", nil)); d.Existed != existed {
			t.Errorf("deleted: %+v, want existed %t", d, existed)
		}
	}
	for _, path := range []string{"%2e%2e/a.md", "a%2f..%2fb.md", "%2fa.md", "a%00.md", "con", "C:a.md", "a%5cb", strings.Repeat("x", 300)} {
		wantProblem(t, s.send(http.MethodPut, "/books/book/content/"+path, "x"), sheaf.ErrInvalid)
	}
}
