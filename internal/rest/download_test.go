package rest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
)

func TestDownloadHeaders(t *testing.T) {
	s := newServer(t, Options{})
	doc := s.push("page.html", "<script>alert(1)</script>")
	answer := s.get("/documents/" + string(doc.ID))
	for name, want := range map[string]string{
		"Content-Type":            "text/html",
		"Content-Length":          "25",
		"Content-Disposition":     `attachment; filename="page.html"`,
		"Content-Security-Policy": "sandbox; default-src 'none'",
		"X-Content-Type-Options":  "nosniff",
		"X-Document-Id":           string(doc.ID),
		"X-Document-Name":         "page.html",
		"X-Document-Filename":     "page.html",
		"Etag":                    `"` + doc.Digest.String() + `"`,
		"Repr-Digest":             "sha-256=:" + doc.Digest.Base64() + ":",
		"Accept-Ranges":           "bytes",
		"Vary":                    "Accept-Encoding, User-Agent",
		"Cache-Control":           "private, no-cache",
		"Last-Modified":           doc.UpdatedAt.UTC().Format(http.TimeFormat),
	} {
		if got := answer.Header.Get(name); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if answer.Header.Get("X-Request-Id") == "" {
		t.Error("no X-Request-Id")
	}
	head := s.do(http.MethodHead, "/documents/"+string(doc.ID), nil)
	if head.StatusCode != 200 || head.ContentLength != 25 || len(head.body) != 0 || head.Header.Get("Etag") != answer.Header.Get("Etag") {
		t.Errorf("HEAD: %s, %v", head.Status, head.Header)
	}
}

func TestRanges(t *testing.T) {
	s := newServer(t, Options{})
	content := randomText(300_000)
	doc := s.push("random.bin", content)
	path, etag := "/documents/"+string(doc.ID), `"`+doc.Digest.String()+`"`
	for spec, want := range map[string]string{
		"bytes=0-9":                        content[:10],
		"bytes=299990-":                    content[299_990:],
		"bytes=-5":                         content[299_995:],
		"bytes=1000-200000":                content[1000:200_001],
		"bytes=299999-999999999":           content[299_999:],
		"bytes=100-100,   ":                content[100:101],
		"bytes=0-299999":                   content,
		"bytes=00000000000000000000005-10": content[5:11],
		"Bytes=0-9":                        content[:10],
		"bytes=1-99999999999999999999":     content[1:],
		"bytes=-99999999999999999999":      content,
	} {
		answer := s.get(path, "Range", spec, "Accept-Encoding", "gzip")
		if answer.StatusCode != http.StatusPartialContent || string(answer.body) != want {
			t.Errorf("%s: %s with %d bytes, want 206 with %d", spec, answer.Status, len(answer.body), len(want))
		}
	}
	if many := s.get(path, "Range", "bytes=0-1,5-6"); many.StatusCode != 206 || !strings.HasPrefix(many.Header.Get("Content-Type"), "multipart/byteranges") {
		t.Errorf("two ranges: %s, %v", many.Status, many.Header)
	}
	for _, spec := range []string{"bytes=300000-", "bytes=400000-500000", "bytes=9-3", "bytes=x", "bytes=99999999999999999999-"} {
		answer := s.get(path, "Range", spec)
		wantProblem(t, answer, sheaf.ErrRange)
		if answer.Header.Get("Etag") != "" || answer.Header.Get("Content-Disposition") != "" {
			t.Errorf("%s: the problem has headers of the content: %v", spec, answer.Header)
		}
	}
	for _, spec := range []string{"lines=1-2", "lines", "=0-9"} { // not ours to understand
		if answer := s.get(path, "Range", spec); answer.StatusCode != http.StatusOK || string(answer.body) != content {
			t.Errorf("%s: %s with %d bytes, want 200 with all", spec, answer.Status, len(answer.body))
		}
	}
	if answer := s.get(path, "Range", "bytes=300000-"); answer.Header.Get("Content-Range") != "bytes */300000" {
		t.Errorf("Content-Range of a range outside: %q", answer.Header.Get("Content-Range"))
	}
	if same := s.get(path, "Range", "bytes=0-9", "If-Range", etag); same.StatusCode != 206 {
		t.Errorf("If-Range with the ETag: %s", same.Status)
	}
	if other := s.get(path, "Range", "bytes=0-9", "If-Range", `"other"`); other.StatusCode != 200 || string(other.body) != content {
		t.Errorf("If-Range with another ETag: %s with %d bytes", other.Status, len(other.body))
	}
}

func TestConditionalDownloads(t *testing.T) {
	s := newServer(t, Options{})
	doc := s.push("text.txt", strings.Repeat("to be deflated ", 1000))
	path := "/documents/" + string(doc.ID)
	plain, packed := `"`+doc.Digest.String()+`"`, `"`+doc.Digest.String()+`-gzip"`
	later, earlier := doc.UpdatedAt.Add(time.Hour).UTC().Format(http.TimeFormat), doc.UpdatedAt.Add(-time.Hour).UTC().Format(http.TimeFormat)
	for _, test := range []struct {
		headers []string
		status  int
	}{
		{[]string{"If-None-Match", plain}, 304},
		{[]string{"If-None-Match", `"x", W/` + plain}, 304},
		{[]string{"If-None-Match", "*"}, 304},
		{[]string{"If-None-Match", `"x"`}, 200},
		{[]string{"If-None-Match", packed}, 200},
		{[]string{"If-None-Match", packed, "Accept-Encoding", "gzip"}, 304},
		{[]string{"If-None-Match", plain, "Accept-Encoding", "gzip"}, 200},
		{[]string{"If-None-Match", `"x"`, "If-Modified-Since", later}, 200},
		{[]string{"If-Modified-Since", later}, 304},
		{[]string{"If-Modified-Since", earlier}, 200},
		{[]string{"If-Modified-Since", later, "Accept-Encoding", "gzip"}, 304},
		{[]string{"If-Match", plain}, 200},
		{[]string{"If-Match", packed}, 200},
		{[]string{"If-Match", packed, "Accept-Encoding", "gzip"}, 200},
		{[]string{"If-Match", packed, "Range", "bytes=0-9"}, 206},
		{[]string{"If-Match", "*"}, 200},
		{[]string{"If-Match", "W/" + plain}, 412},
		{[]string{"If-Match", `"x"`}, 412},
		{[]string{"If-Match", "rubbish"}, 412},
		{[]string{"If-Unmodified-Since", earlier}, 412},
		{[]string{"If-Unmodified-Since", later}, 200},
		{[]string{"If-Match", plain, "If-Unmodified-Since", earlier}, 200},
	} {
		answer := s.get(path, test.headers...)
		if answer.StatusCode != test.status {
			t.Errorf("%v: %s, want %d", test.headers, answer.Status, test.status)
		}
		switch test.status {
		case 412:
			wantProblem(t, answer, sheaf.ErrPreconditionFailed)
		case 304:
			if len(answer.body) != 0 || answer.Header.Get("Etag") == "" {
				t.Errorf("%v: a 304 with %d bytes, headers %v", test.headers, len(answer.body), answer.Header)
			}
		}
	}
}

func TestGzipDownload(t *testing.T) {
	s := newServer(t, Options{})
	for _, size := range []int{10_000, 3_000_000} { // inline in the catalog, and in a file
		content := strings.Repeat("to be deflated ", size/15)
		doc := s.push("text.txt", content)
		path := "/documents/" + string(doc.ID)
		answer := s.get(path, "Accept-Encoding", "br, gzip")
		if answer.Header.Get("Content-Encoding") != "gzip" || answer.Header.Get("Etag") != `"`+doc.Digest.String()+`-gzip"` {
			t.Fatalf("gzip of %d bytes: %v", size, answer.Header)
		}
		if want := "sha-256=:" + sheaf.DigestOf(answer.body).Base64() + ":"; answer.Header.Get("Repr-Digest") != want {
			t.Errorf("Repr-Digest: %q, want that of the gzip form, %q", answer.Header.Get("Repr-Digest"), want)
		}
		if answer.ContentLength != int64(len(answer.body)) {
			t.Errorf("Content-Length: %d, want %d", answer.ContentLength, len(answer.body))
		}
		unpacked, err := gzip.NewReader(bytes.NewReader(answer.body))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := io.ReadAll(unpacked); err != nil || string(plain) != content {
			t.Errorf("unpacked: %d bytes, %v, want the %d pushed", len(plain), err, len(content))
		}
		head := s.do(http.MethodHead, path, nil, "Accept-Encoding", "gzip")
		if head.ContentLength != answer.ContentLength || head.Header.Get("Etag") != answer.Header.Get("Etag") {
			t.Errorf("HEAD: %v", head.Header)
		}
		// The seed's client shows Content-Length as the size.
		seed := s.get(path, "Accept-Encoding", "gzip, deflate", "User-Agent", "python-httpx/0.27.0")
		if seed.Header.Get("Content-Encoding") != "" || seed.ContentLength != int64(len(content)) {
			t.Errorf("httpx: %v, want the plain bytes", seed.Header)
		}
	}
	random := s.push("random.bin", randomText(10_000))
	path := "/documents/" + string(random.ID)
	if plain := s.get(path, "Accept-Encoding", "gzip"); plain.Header.Get("Content-Encoding") != "" || len(plain.body) != 10_000 {
		t.Errorf("gzip of what is stored plain: %v", plain.Header)
	}
	wantProblem(t, s.get(path, "Accept-Encoding", "gzip, identity;q=0"), sheaf.ErrNotAcceptable)
}

func TestVersionParameter(t *testing.T) {
	s := newServer(t, Options{})
	doc := s.push("a.txt", "one")
	path := "/documents/" + string(doc.ID)
	if first := s.get(path + "?version=1"); string(first.body) != "one" {
		t.Errorf("version 1: %s %s", first.Status, first.body)
	}
	for _, version := range []string{"0", "-1", "x", "", "1.0", "-99999999999999999999"} {
		if p := wantProblem(t, s.get(path+"?version="+version), sheaf.ErrInvalid); fieldsOf(p) != "[version]" {
			t.Errorf("version=%s: %s", version, fieldsOf(p))
		}
	}
	for _, version := range []string{"2", "99999999999999999999"} {
		wantProblem(t, s.get(path+"?version="+version), sheaf.ErrNotFound)
	}
}

func TestMalformedIDs(t *testing.T) {
	s := newServer(t, Options{})
	for _, id := range []string{"x", "doc_", "doc_0123456789AB", "doc_0123456789abc", "%2e%2e%2fpasswd", "%00", "doc_0123456789a%0a", "doc_000000000000"} {
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			p := wantProblem(t, s.do(method, "/documents/"+id, nil), sheaf.ErrNotFound)
			if p.Detail != "Document not found" || (id != "doc_000000000000" && !strings.Contains(p.Hint, "12 hex")) {
				t.Errorf("%s %s: %+v", method, id, p)
			}
		}
	}
}

// A large plain content has to leave through the connection's ReadFrom, which
// is what becomes sendfile, and no middleware may stand between.
func TestDownloadsReachReadFrom(t *testing.T) {
	for name, options := range map[string]Options{
		"":               {},
		"with debug log": {Log: slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelDebug}))},
	} {
		l, _, _ := newLibrary(t, sheaf.DefaultLimits())
		options.Library = l
		handler, err := New(options)
		if err != nil {
			t.Fatal(err)
		}
		counted := &countingListener{}
		server := httptest.NewUnstartedServer(handler)
		counted.Listener, server.Listener = server.Listener, counted
		server.Start()
		t.Cleanup(server.Close)
		s := &testServer{Server: server, t: t}

		plain := s.push("random.bin", randomText(300_000))
		text := s.push("text.txt", strings.Repeat("to be deflated", 1<<10)+randomText(200_000))
		for what, headers := range map[string][]string{
			"whole": {}, "a range": {"Range", "bytes=5-250000"}, "If-Match": {"If-Match", "*"},
		} {
			for _, path := range []string{"/documents/" + string(plain.ID), "/documents/" + string(plain.ID) + "/content",
				"/documents/batch/download?id=" + string(plain.ID), "/collections/default/archive.zip"} {
				before := counted.files.Load()
				s.get(path, headers...)
				if counted.files.Load() == before {
					t.Errorf("%s %s of %s: the file did not reach the connection's ReadFrom", what, name, path)
				}
			}
		}
		before := counted.files.Load()
		if packed := s.get("/documents/"+string(text.ID), "Accept-Encoding", "gzip"); packed.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("the text is not stored deflated: %v", packed.Header)
		}
		if counted.files.Load() == before {
			t.Errorf("gzip %s: the file did not reach the connection's ReadFrom", name)
		}
	}
}

type countingListener struct {
	net.Listener
	files atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &countingConn{conn.(*net.TCPConn), &l.files}, nil
}

type countingConn struct {
	*net.TCPConn
	files *atomic.Int64
}

func (c *countingConn) ReadFrom(r io.Reader) (int64, error) {
	if limited, ok := r.(*io.LimitedReader); ok {
		if _, ok := limited.R.(*os.File); ok {
			c.files.Add(1)
		}
	}
	return c.TCPConn.ReadFrom(r)
}

// Every route that downloads gets a writer that reads from files itself,
// whatever the guard wraps around it.
func TestWritersReadFrom(t *testing.T) {
	downloads := map[string]bool{"downloadDocument": true, "describeDocument": true, "readContent": true, "describeContent": true,
		"downloadCollectionArchive": true, "describeCollectionArchive": true, "downloadArchive": true, "describeArchive": true, "downloadBatch": true}
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo} {
		seen := 0
		table := routes()
		for i := range table {
			if !downloads[table[i].id] {
				continue
			}
			table[i].serve = streaming(func(_ *server, w http.ResponseWriter, r *http.Request) error {
				seen++
				if _, ok := w.(io.ReaderFrom); !ok {
					t.Errorf("%s %s at level %v: %T is no io.ReaderFrom", r.Method, r.URL.Path, level, w)
				}
				ranged := &rangeWriter{ResponseWriter: w}
				if err := http.NewResponseController(ranged).SetWriteDeadline(time.Time{}); err != nil {
					t.Errorf("%T does not unwrap: %v", ranged, err)
				}
				return nil
			})
		}
		l, _, _ := newLibrary(t, sheaf.DefaultLimits())
		handler, err := newHandler(Options{Library: l, Log: slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: level}))}, table)
		if err != nil {
			t.Fatal(err)
		}
		s := &testServer{Server: httptest.NewServer(handler), t: t}
		t.Cleanup(s.Close)
		for _, path := range []string{"/documents/x", "/documents/x/content", "/collections/x/archive.zip", "/documents/batch/download"} {
			s.get(path)
			s.do(http.MethodHead, path, nil)
		}
		s.do(http.MethodPost, "/documents/batch/download", nil)
		if seen != len(downloads) {
			t.Errorf("%d download routes were called, want %d", seen, len(downloads))
		}
	}
}

// Damage that shows while a content streams ends the connection: the client
// must not take what it got for the whole.
func TestDamagedDownloadIsNotCompleted(t *testing.T) {
	s := newServer(t, Options{})
	doc := s.push("text.txt", strings.Repeat("to be deflated ", 1<<16)+randomText(1<<20))
	var damaged int
	filepath.WalkDir(filepath.Join(s.dir, "blobs"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !strings.Contains(path, doc.Digest.String()) {
			return nil
		}
		os.Chmod(path, 0o600)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		content[len(content)/2] ^= 0xff
		damaged++
		return os.WriteFile(path, content, 0o600)
	})
	if damaged != 1 {
		t.Fatalf("%d files hold the content, want 1", damaged)
	}
	for _, encoding := range []string{"identity", "gzip"} {
		r, _ := http.NewRequest(http.MethodGet, s.URL+"/documents/"+string(doc.ID), nil)
		r.Header.Set("Accept-Encoding", encoding)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			continue
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK && err == nil {
			t.Errorf("%s: a damaged content was sent in full, %d bytes", encoding, len(body))
		}
	}
}

// A reader that has stalled is disconnected.
func TestStalledDownload(t *testing.T) {
	l, _, _ := newLibrary(t, sheaf.DefaultLimits())
	handler, err := New(Options{Library: l, DownloadGrace: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	handler.(*guard).server.rate = 1 << 40 // so that only the grace counts
	s := &testServer{Server: httptest.NewServer(handler), t: t}
	t.Cleanup(s.Close)
	const size = 32 << 20 // more than the buffers of both sides of the connection
	doc := s.push("random.bin", randomText(size))
	conn := dial(t, s)
	fmt.Fprintf(conn, "GET /documents/%s HTTP/1.1\r\nHost: x\r\n\r\n", doc.ID)
	time.Sleep(time.Second)
	if n, err := io.Copy(io.Discard, conn); err == nil && n >= size {
		t.Errorf("%d bytes arrived after a stall of a second, want the connection closed", n)
	}
}

func TestSendingTime(t *testing.T) {
	s := &server{grace: time.Minute, rate: downloadRate}
	for size, want := range map[int64]time.Duration{0: time.Minute, 64 << 10: 61 * time.Second, 1 << 30: time.Minute + (1<<14)*time.Second} {
		if got := s.sendingTime(size); got != want {
			t.Errorf("%d bytes may take %v, want %v", size, got, want)
		}
	}
}

// A sink is a ResponseWriter without a connection.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header                       { return s.header }
func (s *sink) WriteHeader(int)                           {}
func (s *sink) Write(p []byte) (int, error)               { return len(p), nil }
func (s *sink) ReadFrom(r io.Reader) (n int64, err error) { return io.Copy(io.Discard, r) }

// What a download of 10 KB costs beside the connection.
func BenchmarkDownload(b *testing.B) {
	s := newServer(b, Options{})
	doc := s.push("random.bin", randomText(10<<10))
	r := httptest.NewRequest(http.MethodGet, "/documents/"+string(doc.ID), nil)
	handler := s.Config.Handler
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(&sink{http.Header{}}, r)
	}
}

// The same without a store, to compare.
func BenchmarkServeContent(b *testing.B) {
	content := []byte(randomText(10 << 10))
	r := httptest.NewRequest(http.MethodGet, "/x", nil)
	b.ReportAllocs()
	for b.Loop() {
		w := &sink{http.Header{}}
		w.header.Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}
}
