package rest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// unzip returns the documents in a ZIP file, by path.
func unzip(t testing.TB, packed []byte) map[string]string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatalf("reading the archive: %v", err)
	}
	files := map[string]string{}
	for _, f := range r.File {
		content, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(content)
		if err != nil {
			t.Fatalf("unpacking %s: %v", f.Name, err)
		}
		if !strings.HasPrefix(f.Name, ".sheaf/") {
			files[f.Name] = string(plain)
		}
	}
	return files
}

func TestArchives(t *testing.T) {
	s := newServer(t, Options{})
	read[sheaf.CollectionStats](t, s.send(http.MethodPost, "/collections", `{"name":"field-notes"}`))
	large := randomText(200_000)
	a := s.push("a.txt", "first", part{"collection", "", "field-notes"}, part{"tags", "", "x,y"})
	b := s.push("b.bin", large, part{"collection", "", "field-notes"}, part{"tags", "", "x"})
	c := s.push("a.txt", "elsewhere")
	ids := fmt.Sprintf("id=%s&id=%s", a.ID, c.ID)
	both := fmt.Sprintf(`{"document_ids":[%q,%q,%q]}`, a.ID, c.ID, a.ID)
	for what, test := range map[string]struct {
		answer   response
		filename string
		want     map[string]string
	}{
		"collection":  {s.get("/collections/field-notes/archive.zip"), "field-notes.zip", map[string]string{"a.txt": "first", "b.bin": large}},
		"its filters": {s.get("/collections/field-notes/archive.zip?tags=y&limit=0&cursor=x"), "field-notes.zip", map[string]string{"a.txt": "first"}},
		"its past":    {s.get("/collections/field-notes/archive.zip?at=2"), "field-notes.zip", map[string]string{"a.txt": "first"}},
		"ids":         {s.get("/documents/batch/download?" + ids), "documents.zip", map[string]string{"a.txt": "first", "a (2).txt": "elsewhere"}},
		"filters":     {s.get("/documents/batch/download?name=B.BI"), "documents.zip", map[string]string{"b.bin": large}},
		"everything":  {s.get("/documents/batch/download"), "documents.zip", map[string]string{"a.txt": "first", "b.bin": large, "a (2).txt": "elsewhere"}},
		"nothing":     {s.get("/documents/batch/download?name=nothing"), "documents.zip", map[string]string{}},
		"batch":       {s.send(http.MethodPost, "/documents/batch/download", both), "documents.zip", map[string]string{"a.txt": "first", "a (2).txt": "elsewhere"}},
		"batch of a time": {s.send(http.MethodPost, "/documents/batch/download", fmt.Sprintf(`{"document_ids":[%q],"at":%q}`, b.ID, time.Now().Add(time.Hour).Format(time.RFC3339))),
			"documents.zip", map[string]string{"b.bin": large}},
	} {
		header := test.answer.Header
		if test.answer.StatusCode != http.StatusOK || header.Get("Content-Type") != "application/zip" ||
			test.answer.ContentLength != int64(len(test.answer.body)) || header.Get("Content-Disposition") != `attachment; filename="`+test.filename+`"` ||
			header.Get("X-Archive-Errors") != "0" || header.Get("X-Archive-Documents") != fmt.Sprint(len(test.want)) || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %s, %v", what, test.answer.Status, header)
			continue
		}
		if got := unzip(t, test.answer.body); fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%s: %.200q, want %.200q", what, got, test.want)
		}
	}
	// However the same documents are selected, the archive is the same.
	if get, post := s.get("/documents/batch/download?"+ids), s.send(http.MethodPost, "/documents/batch/download", both); !bytes.Equal(get.body, post.body) || get.Header.Get("Etag") != post.Header.Get("Etag") {
		t.Error("GET and POST give two archives of the same documents")
	}
	for path, kind := range map[string]sheaf.ErrorKind{
		"/collections/nowhere/archive.zip":                             sheaf.ErrNotFound,
		"/collections/field-notes/archive.zip?at=99":                   sheaf.ErrInvalid,
		"/documents/batch/download?id=x&at=y":                          sheaf.ErrInvalid,
		"/documents/batch/download?tags=x&id=" + string(a.ID):          sheaf.ErrInvalid,
		"/documents/batch/download?id=doc_000000000000&" + ids:         sheaf.ErrNotFound,
		"/documents/batch/download?" + strings.Repeat(ids+"&", 501):    sheaf.ErrTooLarge,
		"/documents/batch/download?collection=field-notes&before=noon": sheaf.ErrInvalid,
	} {
		wantProblem(t, s.get(path), kind)
	}
	for body, fields := range map[string]string{
		`{}`: "[document_ids]", `{"document_ids":[]}`: "[document_ids]", `{"document_ids":["x","y"],"at":"noon"}`: "[document_ids document_ids at]",
	} {
		if p := wantProblem(t, s.send(http.MethodPost, "/documents/batch/download", body), sheaf.ErrInvalid); fieldsOf(p) != fields {
			t.Errorf("%s: the fields %s are wrong, want %s", body, fieldsOf(p), fields)
		}
	}
	missing := wantProblem(t, s.send(http.MethodPost, "/documents/batch/download", `{"document_ids":["doc_000000000000","doc_000000000001"]}`), sheaf.ErrNotFound)
	if len(missing.Errors) != 2 {
		t.Errorf("two documents are missing: %+v", missing)
	}
}

func TestArchiveRangesAndConditions(t *testing.T) {
	s := newServer(t, Options{})
	for i := range 4 {
		s.push(fmt.Sprintf("%d.bin", i), randomText(100_000+i))
		s.push(fmt.Sprintf("%d.txt", i), strings.Repeat(fmt.Sprintf("text %d ", i), 20_000))
	}
	const path = "/collections/default/archive.zip"
	whole := s.get(path)
	etag, size := whole.Header.Get("Etag"), len(whole.body)
	head := s.do(http.MethodHead, path, nil, "Range", "bytes=0-9")
	for _, name := range []string{"Content-Length", "Content-Type", "Content-Disposition", "Etag", "Last-Modified", "Accept-Ranges", "X-Archive-Documents"} {
		if head.StatusCode != http.StatusOK || whole.Header.Get(name) == "" || head.Header.Get(name) != whole.Header.Get(name) {
			t.Errorf("HEAD: %s, %s is %q, of GET %q", head.Status, name, head.Header.Get(name), whole.Header.Get(name))
		}
	}
	var stitched []byte
	for at := 0; at < size; at += 54_321 {
		part := s.get(path, "Range", fmt.Sprintf("bytes=%d-%d", at, at+54_320), "If-Range", etag)
		if part.StatusCode != http.StatusPartialContent || part.Header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/%d", at, min(at+54_321, size)-1, size) {
			t.Fatalf("from %d: %s, %v", at, part.Status, part.Header)
		}
		stitched = append(stitched, part.body...)
	}
	if !bytes.Equal(stitched, whole.body) {
		t.Error("the ranges do not make the whole")
	}
	date := whole.Header.Get("Last-Modified")
	for _, test := range []struct {
		headers []string
		status  int
		want    []byte
	}{
		{[]string{"Range", "bytes=-22"}, 206, whole.body[size-22:]},
		{[]string{"Range", fmt.Sprintf("bytes=%d-", size-1)}, 206, whole.body[size-1:]},
		{[]string{"Range", "bytes=-99999999999999999999"}, 206, whole.body},
		{[]string{"Range", "bytes=5-5, "}, 206, whole.body[5:6]},
		{[]string{"Range", "bytes=0-1,5-6"}, 200, whole.body}, // the whole has them all
		{[]string{"Range", "lines=1-2"}, 200, whole.body},
		{[]string{"Range", "bytes=0-9", "If-Range", `"other"`}, 200, whole.body},
		{[]string{"Range", "bytes=0-9", "If-Range", date}, 200, whole.body},
		{[]string{"If-None-Match", etag}, 304, nil},
		{[]string{"If-None-Match", `"other"`}, 200, whole.body},
		{[]string{"If-Modified-Since", date}, 304, nil},
		{[]string{"If-Match", etag}, 200, whole.body},
	} {
		answer := s.get(path, test.headers...)
		if answer.StatusCode != test.status || !bytes.Equal(answer.body, test.want) {
			t.Errorf("%v: %s with %d bytes, want %d with %d", test.headers, answer.Status, len(answer.body), test.status, len(test.want))
		}
	}
	wantProblem(t, s.get(path, "If-Match", `"other"`), sheaf.ErrPreconditionFailed)
	for _, spec := range []string{fmt.Sprintf("bytes=%d-", size), "bytes=9-3", "bytes=x", "bytes=-0", "bytes=-", "bytes=5"} {
		answer := s.get(path, "Range", spec)
		wantProblem(t, answer, sheaf.ErrRange)
		if answer.Header.Get("Content-Range") != fmt.Sprintf("bytes */%d", size) || answer.Header.Get("Etag") != "" {
			t.Errorf("%s: %v", spec, answer.Header)
		}
	}
	s.push("another.txt", "x")
	if changed := s.get(path, "Range", "bytes=0-9", "If-Range", etag); changed.StatusCode != http.StatusOK || len(changed.body) <= size {
		t.Errorf("a range of an archive that has changed: %s with %d bytes", changed.Status, len(changed.body))
	}
}

// A content that turns out damaged ends the connection, or, where nothing was
// sent yet, is told; the next archive says what is missing. Writing never goes on.
func TestArchiveWithDamage(t *testing.T) {
	for what, sizes := range map[string][]int{"the first content": {300_000, 10}, "the last content": {300_001, 300_000}} {
		s := newServer(t, Options{})
		var docs []sheaf.Document
		for i, size := range sizes {
			docs = append(docs, s.push(fmt.Sprintf("%d.bin", i), randomText(size)))
		}
		bad := docs[0]
		if what == "the last content" {
			bad = docs[1]
		}
		name := bad.Digest.String()
		file := filepath.Join(s.dir, "blobs", name[:2], name)
		stored, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		stored[1000] ^= 1
		if err := os.WriteFile(file, stored, 0o600); err != nil {
			t.Fatal(err)
		}
		if what == "the first content" {
			// Its entry's header waits to be sent with it.
			answer := s.get("/documents/batch/download")
			wantProblem(t, answer, sheaf.ErrDamaged)
			if answer.Header.Get("Etag") != "" || answer.Header.Get("Content-Disposition") != "" {
				t.Errorf("the problem has headers of the archive: %v", answer.Header)
			}
			wantProblem(t, s.get("/documents/batch/download", "Range", "bytes=20-"), sheaf.ErrDamaged)
			continue
		}
		answer, err := http.Get(s.URL + "/documents/batch/download")
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err == nil || len(got) < sizes[0] || int64(len(got)) >= answer.ContentLength {
			t.Errorf("an archive with damage in it: %d of %d bytes, %v", len(got), answer.ContentLength, err)
		}
	}
}

// Other people's programs read the archive, too.
func TestUnzipReadsArchives(t *testing.T) {
	program, err := exec.LookPath("unzip")
	if err != nil {
		t.Skip("unzip is not here")
	}
	s := newServer(t, Options{})
	s.push("ünï.md", strings.Repeat("text ", 1000))
	s.push("b.bin", randomText(100_000))
	file := filepath.Join(t.TempDir(), "a.zip")
	if err := os.WriteFile(file, s.get("/documents/batch/download").body, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "-t", "-q", file).CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "No errors detected") {
		t.Errorf("unzip -t: %v, %s", err, out)
	}
}
