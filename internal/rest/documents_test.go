package rest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
)

func TestPushListPullDelete(t *testing.T) {
	s := newServer(t, Options{})
	doc := s.push("notes.md", "# Notes\n", part{name: "name", value: "My notes"}, part{name: "tags", value: "design, v2,design"},
		part{name: "description", value: "two\nlines"}, part{name: "metadata", value: `{"status": "draft"}`})
	if doc.Name != "My notes" || doc.Filename != "notes.md" || fmt.Sprint(doc.Tags) != "[design v2]" || doc.Size != 8 ||
		doc.Digest != sheaf.DigestOf([]byte("# Notes\n")) || string(doc.Metadata) != `{"status":"draft"}` || doc.Version != 1 {
		t.Errorf("pushed: %+v", doc)
	}
	if want := s.URL + "/documents/" + string(doc.ID); doc.URL != want {
		t.Errorf("url: %q, want %q", doc.URL, want)
	}

	listed := s.get("/documents?tags=design,v2&name=NOTES")
	var docs []sheaf.Document
	if err := json.Unmarshal(listed.body, &docs); err != nil || len(docs) != 1 || docs[0].ID != doc.ID || docs[0].URL != doc.URL {
		t.Errorf("list: %s, %v", listed.body, err)
	}

	pulled := s.get("/documents/" + string(doc.ID))
	if string(pulled.body) != "# Notes\n" || pulled.Header.Get("X-Document-Name") != "My notes" ||
		pulled.Header.Get("X-Document-Filename") != "notes.md" || pulled.Header.Get("Content-Length") != "8" {
		t.Errorf("pull: %q, %v", pulled.body, pulled.Header)
	}

	deleted := s.do(http.MethodDelete, "/documents/"+string(doc.ID), nil)
	if deleted.StatusCode != 200 || !bytes.HasPrefix(deleted.body, []byte(`{"message":"Document deleted successfully",`)) {
		t.Errorf("delete: %d %s", deleted.StatusCode, deleted.body)
	}
	for _, again := range []response{s.do(http.MethodDelete, "/documents/"+string(doc.ID), nil), s.get("/documents/" + string(doc.ID))} {
		if p := wantProblem(t, again, sheaf.ErrNotFound); p.Detail != "Document not found" {
			t.Errorf("detail of a deleted document: %q", p.Detail)
		}
	}
	if empty := s.get("/documents"); strings.TrimSpace(string(empty.body)) != "[]" {
		t.Errorf("an empty list: %s", empty.body)
	}
}

// The seed's client reads exactly these fields, and these are promised beyond.
func TestDocumentFields(t *testing.T) {
	s := newServer(t, Options{BaseURL: "https://sheaf.example/store/"})
	answer := s.post(part{"file", "a.txt", "a"}, part{name: "name", value: "a"}, part{name: "tags", value: ""}, part{name: "description", value: ""})
	var fields map[string]any
	if err := json.Unmarshal(answer.body, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"document_id", "name", "original_filename", "tags", "description", "size_bytes", "mime_type", "checksum_sha256", "uploaded_at",
		"updated_at", "collection", "version", "metadata", "url",
	} {
		if _, ok := fields[name]; !ok {
			t.Errorf("the document has no %s: %s", name, answer.body)
		}
	}
	if _, ok := fields["$schema"]; ok {
		t.Error("the document has a $schema")
	}
	if tags, ok := fields["tags"].([]any); !ok || len(tags) != 0 {
		t.Errorf("tags of a document without: %v, want []", fields["tags"])
	}
	want := "https://sheaf.example/store/documents/" + fields["document_id"].(string)
	if fields["url"] != want || answer.Header.Get("Location") != want {
		t.Errorf("url %q, Location %q, want %q", fields["url"], answer.Header.Get("Location"), want)
	}
}

func TestUploadFieldOrder(t *testing.T) {
	s := newServer(t, Options{})
	name, tags, file := part{name: "name", value: "n"}, part{name: "tags", value: "t"}, part{"file", "f.bin", "bytes"}
	for _, order := range [][]part{{name, tags, file}, {file, name, tags}, {name, file, tags}} {
		answer := s.post(order...)
		var doc sheaf.Document
		json.Unmarshal(answer.body, &doc)
		if answer.StatusCode != 200 || doc.Name != "n" || fmt.Sprint(doc.Tags) != "[t]" || doc.Filename != "f.bin" {
			t.Errorf("fields in the order %v: %d %s", order, answer.StatusCode, answer.body)
		}
	}
}

func TestRefusedUploads(t *testing.T) {
	s := newServer(t, Options{})
	file := part{"file", "f.txt", "content"}
	for name, test := range map[string]struct {
		parts  []part
		fields string
	}{
		"no file":             {[]part{{name: "name", value: "n"}}, "[file]"},
		"no filename":         {[]part{{name: "file", value: "content"}}, "[file]"},
		"two files":           {[]part{file, file}, "[file]"},
		"an unknown field":    {[]part{file, {name: "tag", value: "x"}}, "[tag]"},
		"a field twice":       {[]part{{name: "name", value: "a"}, {name: "name", value: "b"}, file}, "[name]"},
		"several at once":     {[]part{{name: "tag", value: "x"}, {name: "file", value: "x"}}, "[tag file]"},
		"metadata, no object": {[]part{file, {name: "metadata", value: "[1]"}}, "[metadata]"},
		"a huge field":        {[]part{file, {name: "name", value: strings.Repeat("n", 1<<20)}}, "[name]"},
		"a long description":  {[]part{file, {name: "description", value: strings.Repeat("é", 10_001)}}, "[description]"},
		"a name with a NUL":   {[]part{file, {name: "name", value: "a\x00b"}}, "[name]"},
		"a path of dots":      {[]part{{"file", "..", "content"}}, "[file]"},
		"many wrong values":   {[]part{file, {name: "name", value: "a\nb"}, {name: "metadata", value: "x"}, {name: "tags", value: strings.Repeat("t", 65)}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := wantProblem(t, s.post(test.parts...), sheaf.ErrInvalid)
			if test.fields != "" && fieldsOf(p) != test.fields {
				t.Errorf("wrong fields: %s, want %s", fieldsOf(p), test.fields)
			}
			if test.fields == "" && len(p.Errors) != 3 {
				t.Errorf("wrong fields: %s, want all three at once", fieldsOf(p))
			}
		})
	}
	if list := s.get("/documents"); strings.TrimSpace(string(list.body)) != "[]" {
		t.Errorf("refused uploads are stored: %s", list.body)
	}
	wantNothingSpooled(t, s)
}

func wantNothingSpooled(t *testing.T, s *testServer) {
	t.Helper()
	left, err := os.ReadDir(filepath.Join(s.dir, "spool"))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("%d files are left in the spool, such as %s", len(left), left[0].Name())
	}
}

func TestMalformedBodies(t *testing.T) {
	s := newServer(t, Options{})
	const head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n"
	for name, test := range map[string]struct {
		contentType, body string
		kind              sheaf.ErrorKind
	}{
		"no content type":    {"", "x", sheaf.ErrUnsupported},
		"JSON, no fields":    {"application/json", "{}", sheaf.ErrInvalid},
		"a form of a page":   {"application/x-www-form-urlencoded", "name=a", sheaf.ErrUnsupported},
		"multipart/mixed":    {"multipart/mixed; boundary=b", head + "x\r\n--b--\r\n", sheaf.ErrUnsupported},
		"no boundary":        {"multipart/form-data", head + "x\r\n--b--\r\n", sheaf.ErrInvalid},
		"an empty body":      {"multipart/form-data; boundary=b", "", sheaf.ErrInvalid},
		"another boundary":   {"multipart/form-data; boundary=c", head + "x\r\n--b--\r\n", sheaf.ErrInvalid},
		"no last boundary":   {"multipart/form-data; boundary=b", head + "content", sheaf.ErrInvalid},
		"a bad disposition":  {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--b--\r\n", sheaf.ErrInvalid},
		"no disposition":     {"multipart/form-data; boundary=b", "--b\r\n\r\nx\r\n--b--\r\n", sheaf.ErrInvalid},
		"a header that ends": {"multipart/form-data; boundary=b", "--b\r\nContent-Disp", sheaf.ErrInvalid},
		"a huge header":      {"multipart/form-data; boundary=b", "--b\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\nx\r\n--b--\r\n", sheaf.ErrInvalid},
		"a huge preamble":    {"multipart/form-data; boundary=b", strings.Repeat("x\r\n", 1<<18) + head + "x\r\n--b--\r\n", sheaf.ErrInvalid},
		"many parts":         {"multipart/form-data; boundary=b", strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n", 10_000) + "--b--\r\n", sheaf.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			wantProblem(t, s.do(http.MethodPost, "/documents", strings.NewReader(test.body), "Content-Type", test.contentType), test.kind)
		})
	}
	wantNothingSpooled(t, s)
}

// What senders write as filenames reaches the library as it was sent.
func TestHostileFilenames(t *testing.T) {
	s := newServer(t, Options{})
	for disposition, want := range map[string]string{
		`filename="plain.txt"`:                        "plain.txt",
		`filename="../../etc/passwd"`:                 "passwd",
		`filename="C:\dir\report.pdf"`:                "report.pdf",
		`filename="Übersicht für 2025.md"`:            "Übersicht für 2025.md",
		`filename="日本語 ☕.txt"`:                        "日本語 ☕.txt",
		`filename="say \"hi\".txt"`:                   `say "hi".txt`,
		`filename="x"; filename*=UTF-8''%E2%82%AC.md`: "",
		`filename*=UTF-8''%E2%82%AC.md`:               "€.md",
		`filename="100%25.txt"`:                       "100%25.txt",
		"filename=\"a\x00b\"":                         "",
		"filename=\"a\tb\"":                           "",
		"filename=\"\xff\xfe\"":                       "",
		`filename=".."`:                               "",
		`filename=""`:                                 "",
	} {
		body := "--b\r\nContent-Disposition: form-data; name=\"file\"; " + disposition + "\r\n\r\ncontent\r\n--b--\r\n"
		answer := s.do(http.MethodPost, "/documents", strings.NewReader(body), "Content-Type", "multipart/form-data; boundary=b")
		if want == "" {
			if answer.StatusCode != http.StatusOK {
				wantProblem(t, answer, sheaf.ErrInvalid)
			} else if !strings.Contains(disposition, "filename*") {
				t.Errorf("%q was accepted: %s", disposition, answer.body)
			}
			continue
		}
		var doc sheaf.Document
		json.Unmarshal(answer.body, &doc)
		if doc.Filename != want || doc.Name != want {
			t.Errorf("%q: filename %q, name %q, want %q: %s", disposition, doc.Filename, doc.Name, want, answer.body)
		}
		pulled := s.get("/documents/" + string(doc.ID))
		if got := decodeName(pulled.Header, "X-Document-Filename"); got != want {
			t.Errorf("%q comes back as %q in %v", want, got, pulled.Header)
		}
	}
}

func TestIdempotencyKey(t *testing.T) {
	s := newServer(t, Options{})
	send := func(content string) response {
		body, contentType := formOf(part{"file", "f.txt", content})
		return s.do(http.MethodPost, "/documents", body, "Content-Type", contentType, "Idempotency-Key", "key-1")
	}
	first, second := send("content"), send("content")
	if first.StatusCode != 200 || !bytes.Equal(first.body, second.body) {
		t.Errorf("the same key twice:\n%s%s", first.body, second.body)
	}
	wantProblem(t, send("other content"), sheaf.ErrInvalid)
	var docs []sheaf.Document
	json.Unmarshal(s.get("/documents").body, &docs)
	if len(docs) != 1 {
		t.Errorf("%d documents, want the one", len(docs))
	}
}

func TestBodyOverTheLimit(t *testing.T) {
	limits := sheaf.DefaultLimits()
	limits.Content = 1 << 20
	s := newServer(t, Options{}, limits)

	t.Run("announced", func(t *testing.T) {
		// Nothing of the body is sent: the answer has to come without it.
		conn := dial(t, s)
		fmt.Fprintf(conn, "POST /documents HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 9999999\r\n\r\n")
		answer := readAnswer(t, conn)
		wantProblem(t, answer, sheaf.ErrTooLarge)
		if !answer.Close {
			t.Error("the connection is not closed")
		}
	})
	t.Run("chunked", func(t *testing.T) {
		// An endless body: the answer has to come as soon as the limit is passed.
		conn := dial(t, s)
		go func() {
			fmt.Fprintf(conn, "POST /documents HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n")
			head := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n"
			fmt.Fprintf(conn, "%x\r\n%s\r\n", len(head), head)
			chunk := strings.Repeat("x", 1<<14)
			for {
				if _, err := fmt.Fprintf(conn, "%x\r\n%s\r\n", len(chunk), chunk); err != nil {
					return
				}
			}
		}()
		p := wantProblem(t, readAnswer(t, conn), sheaf.ErrTooLarge)
		if !strings.Contains(p.Detail, "1048576") {
			t.Errorf("the limit is not named: %q", p.Detail)
		}
	})
	t.Run("at the limit", func(t *testing.T) {
		if doc := s.push("f.bin", strings.Repeat("x", 1<<20), part{name: "description", value: strings.Repeat("é", 10_000)}); doc.Size != 1<<20 {
			t.Errorf("size %d", doc.Size)
		}
	})
	wantNothingSpooled(t, s)
}

func TestStalledUpload(t *testing.T) {
	s := newServer(t, Options{UploadIdleTimeout: 200 * time.Millisecond})
	conn := dial(t, s)
	fmt.Fprintf(conn, "POST /documents HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000\r\n\r\n"+
		"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nabc")
	for range 5 { // nobody waits for the one that stalls
		s.push("other.txt", "content")
	}
	wantProblem(t, readAnswer(t, conn), sheaf.ErrTimeout)
	wantNothingSpooled(t, s)
}

// A slow body that keeps coming may take longer than the idle timeout.
func TestSlowUpload(t *testing.T) {
	s := newServer(t, Options{UploadIdleTimeout: 200 * time.Millisecond})
	conn := dial(t, s)
	body := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n0123456789\r\n--b--\r\n"
	fmt.Fprintf(conn, "POST /documents HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n", len(body))
	for len(body) > 0 {
		n := min(len(body), 10)
		io.WriteString(conn, body[:n])
		body = body[n:]
		time.Sleep(50 * time.Millisecond)
	}
	if answer := readAnswer(t, conn); answer.StatusCode != http.StatusOK {
		t.Errorf("a slow upload: %s: %s", answer.Status, answer.body)
	}
}

func TestUploadCutOff(t *testing.T) {
	s := newServer(t, Options{})
	conn := dial(t, s)
	fmt.Fprintf(conn, "POST /documents HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n"+
		"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n%s", strings.Repeat("x", 200_000))
	conn.(*net.TCPConn).CloseWrite()
	wantProblem(t, readAnswer(t, conn), sheaf.ErrInvalid)
	if list := s.get("/documents"); strings.TrimSpace(string(list.body)) != "[]" {
		t.Errorf("a cut off upload is stored: %s", list.body)
	}
	wantNothingSpooled(t, s)
}

func TestTooManyUploads(t *testing.T) {
	s := newServer(t, Options{MaxUploads: 1})
	body := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nabc\r\n--b--\r\n"
	begin := func() net.Conn {
		conn := dial(t, s)
		fmt.Fprintf(conn, "POST /documents HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:70])
		return conn
	}
	conn := begin()
	eventually(t, "the second upload is refused", func() bool {
		answer := s.post(part{"file", "f", "x"})
		if answer.StatusCode == http.StatusOK {
			conn.Close() // the other came before the first, which may be the one that was refused
			conn = begin()
			return false
		}
		wantProblem(t, answer, sheaf.ErrRateLimited)
		if answer.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		return true
	})
	if list := s.get("/documents"); list.StatusCode != http.StatusOK {
		t.Errorf("listing meanwhile: %s", list.Status)
	}
	io.WriteString(conn, body[70:])
	if answer := readAnswer(t, conn); answer.StatusCode != http.StatusOK {
		t.Errorf("the first upload: %s: %s", answer.Status, answer.body)
	}
	s.push("next.txt", "x")
}

func TestPagination(t *testing.T) {
	s := newServer(t, Options{})
	for i := range 5 {
		s.push(fmt.Sprintf("file %d.txt", i), "x", part{name: "tags", value: "a&b,c d"})
	}
	s.push("other.txt", "x")
	seen := map[string]int{}
	pages := 0
	for next := "/documents?limit=2&tags=" + url.QueryEscape("a&b,c d") + "&name=file"; next != ""; pages++ {
		answer := s.get(next)
		var docs []sheaf.Document
		if err := json.Unmarshal(answer.body, &docs); err != nil {
			t.Fatalf("page %d: %v in %s", pages, err, answer.body)
		}
		for _, doc := range docs {
			seen[doc.Name]++
		}
		next = ""
		if link := answer.Header.Get("Link"); link != "" {
			target, rel, _ := strings.Cut(link, ">")
			if rel != `; rel="next"` {
				t.Fatalf("Link: %q", link)
			}
			next = strings.TrimPrefix(target, "<"+s.URL)
		}
	}
	if pages != 3 || len(seen) != 5 {
		t.Errorf("%d pages with %v, want 3 with the 5 files", pages, seen)
	}
}

func TestListParameters(t *testing.T) {
	s := newServer(t, Options{})
	s.push("a.txt", "x")
	for query, fields := range map[string]string{
		"limit=0":                        "[limit]",
		"limit=-1":                       "[limit]",
		"limit=x":                        "[limit]",
		"limit=1.5":                      "[limit]",
		"limit=-99999999999999999999":    "[limit]",
		"before=yesterday":               "[before]",
		"after=2025-01-01":               "[after]",
		"limit=x&before=y&after=z":       "[limit before after]",
		"limit=0&before=x":               "[before limit]",
		"limit=x&collection=No+such+One": "[limit collection]",
		"cursor=rubbish":                 "[cursor]",
	} {
		if p := wantProblem(t, s.get("/documents?"+query), sheaf.ErrInvalid); fieldsOf(p) != fields {
			t.Errorf("%s: wrong are %s, want %s", query, fieldsOf(p), fields)
		}
	}
	for query, want := range map[string]int{
		"":                                1,
		"limit=1":                         1,
		"limit=100000":                    1,
		"limit=99999999999999999999":      1,
		"limit=":                          1,
		"unknown=x":                       1,
		"name=%25":                        0,
		"name=_":                          0,
		"name=A.T":                        1,
		"tags=none":                       0,
		"tags=,":                          1,
		"after=2000-01-01T00:00:00Z":      1,
		"before=2000-01-01T00:00:00Z":     0,
		"before=2100-01-01T00:00:00.123Z": 1,
		"collection=default":              1,
	} {
		answer := s.get("/documents?" + query)
		var docs []sheaf.Document
		if err := json.Unmarshal(answer.body, &docs); err != nil || len(docs) != want {
			t.Errorf("%s: %d documents, want %d: %s", query, len(docs), want, answer.body)
		}
	}
}

// dial returns a connection for what net/http's client would not send.
func dial(t *testing.T, s *testServer) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

func readAnswer(t *testing.T, conn net.Conn) response {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	return response{answer, body}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in 10 s never: %s", what)
		}
	}
}

// randomText returns n bytes that nothing compresses.
func randomText(n int) string {
	source := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	source.Read(b)
	return string(b)
}

func FuzzDocumentQuery(f *testing.F) {
	for _, query := range []string{"limit=10&name=a&tags=b,c", "limit=x", "before=2025-01-01T00:00:00Z", "tags=a&tags=b", "%zz&;", "limit=99999999999999999999"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, _ := url.ParseQuery(query)
		parsed, err := parseDocumentQuery(values)
		if err != nil {
			if sheaf.KindOf(err) != sheaf.ErrInvalid {
				t.Errorf("%q: %v, want invalid", query, err)
			}
			return
		}
		if !values.Has("limit") && parsed.Limit < 1 {
			t.Errorf("%q: the limit is %d", query, parsed.Limit)
		}
	})
}

// A reader of a long list that has stalled is disconnected, and the list let go.
func TestStalledListing(t *testing.T) {
	limits := sheaf.DefaultLimits()
	limits.Description = 1 << 20
	l, _, _ := newLibrary(t, limits)
	handler, err := New(Options{Library: l, DownloadGrace: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	handler.(*guard).server.rate = 1 << 40 // so that only the grace counts
	s := &testServer{Server: httptest.NewServer(handler), t: t}
	t.Cleanup(s.Close)
	const documents = 8 // more than the buffers of the connection, of which one side is small
	for i := range documents {
		s.push(fmt.Sprint(i), "x", part{name: "description", value: strings.Repeat("d", 1<<20)})
	}
	conn := dial(t, s)
	if err := conn.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET /documents HTTP/1.1\r\nHost: x\r\n\r\n")
	time.Sleep(time.Second)
	if n, err := io.Copy(io.Discard, conn); err == nil && n >= documents<<20 {
		t.Errorf("%d bytes arrived after a stall of a second, want the connection closed", n)
	}
}
