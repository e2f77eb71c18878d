package rest

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

func TestBookArchives(t *testing.T) {
	s := newServer(t, Options{})
	large := randomText(200_000)
	s.send(http.MethodPut, "/books/guide/content/content/a.md", "one")
	s.send(http.MethodPut, "/books/guide/content/assets/images/b.png", large)
	s.send(http.MethodPut, "/books/guide/content/content/a.md?user_id=ada", "mine")
	const path = "/books/guide/archive.zip"
	for what, test := range map[string]struct {
		query, filename string
		want            map[string]string
	}{
		"all":      {"", "guide.zip", map[string]string{"content/a.md": "one", "assets/images/b.png": large}},
		"content":  {"?scope=content", "guide-content.zip", map[string]string{"content/a.md": "one"}},
		"assets":   {"?scope=assets", "guide-assets.zip", map[string]string{"assets/images/b.png": large}},
		"its past": {"?at=2", "guide.zip", map[string]string{"content/a.md": "one"}},
		"a user's": {"?user_id=ada&scope=content", "guide-content.zip", map[string]string{"content/a.md": "mine"}},
	} {
		answer := s.get(path + test.query)
		header := answer.Header
		if answer.StatusCode != http.StatusOK || answer.ContentLength != int64(len(answer.body)) ||
			header.Get("Content-Disposition") != `attachment; filename="`+test.filename+`"` || header.Get("X-Manifest-Hash") == "" ||
			header.Get("X-Archive-Documents") != fmt.Sprint(len(test.want)) || header.Get("X-Archive-Errors") != "0" || header.Get("Cache-Control") == "" {
			t.Errorf("%s: %s, %v", what, answer.Status, header)
			continue
		}
		got := unzip(t, answer.body)
		if !strings.HasPrefix(got["book.yaml"], "book_id: guide\n") {
			t.Errorf("%s: book.yaml is %q", what, got["book.yaml"])
		}
		delete(got, "book.yaml")
		if fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%s: %.200q, want %.200q", what, got, test.want)
		}
	}

	whole := s.get(path)
	head := s.do(http.MethodHead, path, nil)
	etag := whole.Header.Get("Etag")
	if head.StatusCode != http.StatusOK || head.Header.Get("Etag") != etag || head.ContentLength != whole.ContentLength || head.Header.Get("X-Revision") != "4" {
		t.Errorf("HEAD: %s, %v", head.Status, head.Header)
	}
	const cut = 100_000
	first := s.do(http.MethodGet, path, nil, "Range", fmt.Sprintf("bytes=0-%d", cut-1))
	rest := s.do(http.MethodGet, path, nil, "Range", fmt.Sprintf("bytes=%d-", cut), "If-Range", etag)
	if first.StatusCode != http.StatusPartialContent || rest.StatusCode != http.StatusPartialContent || !bytes.Equal(append(first.body, rest.body...), whole.body) {
		t.Errorf("two halves: %s and %s", first.Status, rest.Status)
	}
	if again := s.do(http.MethodGet, path, nil, "If-None-Match", etag); again.StatusCode != http.StatusNotModified {
		t.Errorf("the same again: %s", again.Status)
	}
	s.send(http.MethodPut, "/books/guide/content/content/a.md", "two")
	if changed := s.do(http.MethodGet, path, nil, "Range", "bytes=5-", "If-Range", etag); changed.StatusCode != http.StatusOK || changed.Header.Get("Etag") == etag {
		t.Errorf("the rest of what is another archive by now: %s", changed.Status)
	}
	for query, kind := range map[string]sheaf.ErrorKind{
		"?at=99": sheaf.ErrInvalid, "?at=noon": sheaf.ErrInvalid, "?scope=some": sheaf.ErrInvalid, "?user_id=a%20b": sheaf.ErrInvalid,
		"?signature=": sheaf.ErrForbidden, "?signature=x&expires=99999999999": sheaf.ErrForbidden,
	} {
		wantProblem(t, s.get(path+query), kind)
	}
	wantProblem(t, s.get("/books/giude/archive.zip"), sheaf.ErrNotFound)
}

func TestBookArchiveLinks(t *testing.T) {
	s := newServer(t, Options{})
	s.send(http.MethodPut, "/books/guide/content/a.md", "one")
	s.send(http.MethodPut, "/books/guide/content/a.md?user_id=ada", "mine")
	answer := s.send(http.MethodPost, "/books/guide/archive", `{"format":"zip","scope":"content","user_id":"ada"}`)
	link := read[sheaf.ArchiveLink](t, answer)
	if !strings.HasPrefix(link.DownloadURL, s.URL+"/books/guide/archive.zip?") || answer.Header.Get("Cache-Control") != "no-store" || !strings.Contains(string(answer.body), `"errors":[]`) {
		t.Fatalf("the link: %s", answer.body)
	}
	s.send(http.MethodPut, "/books/guide/content/a.md?user_id=ada", "mine, later")
	target := strings.TrimPrefix(link.DownloadURL, s.URL)
	download := s.get(target)
	if files := unzip(t, download.body); files["a.md"] != "mine" || download.ContentLength != link.Size || download.Header.Get("X-Manifest-Hash") != link.Manifest.String() {
		t.Errorf("downloaded %s: %q", download.Status, files)
	}
	if part := s.do(http.MethodGet, target, nil, "Range", "bytes=10-19"); !bytes.Equal(part.body, download.body[10:20]) {
		t.Errorf("a part: %s", part.Status)
	}
	altered := wantProblem(t, s.get(strings.Replace(target, "user_id=ada", "user_id=bob", 1)), sheaf.ErrForbidden)
	if !strings.Contains(altered.Hint, "ask for a new URL") {
		t.Errorf("an altered URL: %+v", altered)
	}
	wantProblem(t, s.get(target+"&at=2"), sheaf.ErrForbidden)

	p := wantProblem(t, s.send(http.MethodPost, "/books/guide/archive", `{"format":"tar","scope":"some","at":"noon"}`), sheaf.ErrInvalid)
	if fieldsOf(p) != "[format scope at]" {
		t.Errorf("wrong fields: %s", fieldsOf(p))
	}
	wantProblem(t, s.send(http.MethodPost, "/books/giude/archive", `{}`), sheaf.ErrNotFound)
}
