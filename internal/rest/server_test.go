package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/fsblob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// newLibrary returns a real library on a directory of the test's, with the backend
// fs and others of files.
func newLibrary(t testing.TB, limits sheaf.Limits, others ...string) (*library.Library, *blob.Store, string) {
	t.Helper()
	dir := t.TempDir()
	backends, kinds := make(map[string]blob.Backend), make(map[string]string)
	for _, name := range append([]string{"fs"}, others...) {
		files, err := fsblob.New(filepath.Join(dir, map[bool]string{true: "blobs", false: name}[name == "fs"]))
		if err != nil {
			t.Fatal(err)
		}
		backends[name], kinds[name] = files, "fs"
	}
	blobs, err := blob.NewStore(blob.Options{SpoolDir: filepath.Join(dir, "spool"), Backends: backends})
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Open(t.Context(), catalog.Options{Path: filepath.Join(dir, "documents.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	l, err := library.Open(t.Context(), library.Options{
		Catalog: c, Blobs: blobs, Backends: kinds, DefaultBackend: "fs",
		AutoCreateBooks: true, Limits: limits, Audit: library.AuditOptions{Sampling: 1}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return l, blobs, dir
}

// A testServer is the API of a real library, listening on loopback.
type testServer struct {
	*httptest.Server
	t         testing.TB
	dir       string
	library   *library.Library
	described *description // nil for a server with a table of its own
}

// newServer starts a server. The options given win over the test's.
func newServer(t testing.TB, options Options, limits ...sheaf.Limits) *testServer {
	t.Helper()
	limit := sheaf.DefaultLimits()
	if len(limits) > 0 {
		limit = limits[0]
	}
	l, _, dir := newLibrary(t, limit)
	return serve(t, options, l, dir)
}

// serve starts a server of a library on a directory.
func serve(t testing.TB, options Options, l *library.Library, dir string) *testServer {
	t.Helper()
	options.Library = l
	if options.Version == "" {
		options.Version = "test"
	}
	handler, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	s := &testServer{Server: httptest.NewServer(handler), t: t, dir: dir, library: l}
	s.described = s.readDescription()
	t.Cleanup(s.Close)
	return s
}

// A response is an answer that was read to its end.
type response struct {
	*http.Response
	body []byte
}

func (s *testServer) do(method, path string, body io.Reader, headers ...string) response {
	s.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, s.URL+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	// The transport would ask for gzip and unpack it unseen.
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	answer, err := client.Do(r)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatalf("%s %s: read the body: %v", method, path, err)
	}
	got := response{answer, read}
	if s.described != nil {
		s.described.check(s.t, got)
	}
	return got
}

func (s *testServer) get(path string, headers ...string) response {
	s.t.Helper()
	return s.do(http.MethodGet, path, nil, headers...)
}

// send sends a JSON text.
func (s *testServer) send(method, path, text string, headers ...string) response {
	s.t.Helper()
	return s.do(method, path, strings.NewReader(text), append([]string{"Content-Type", "application/json"}, headers...)...)
}

// put writes a content.
func (s *testServer) put(id sheaf.DocumentID, query, content string, headers ...string) response {
	s.t.Helper()
	return s.do(http.MethodPut, "/documents/"+string(id)+"/content"+query, strings.NewReader(content), headers...)
}

// pull returns the content of a document.
func (s *testServer) pull(id sheaf.DocumentID, query string) string {
	s.t.Helper()
	answer := s.get("/documents/" + string(id) + query)
	if answer.StatusCode != http.StatusOK {
		s.t.Fatalf("pull %s%s: %s: %s", id, query, answer.Status, answer.body)
	}
	return string(answer.body)
}

// read decodes an answer, which has to be 200.
func read[T any](t testing.TB, answer response) (value T) {
	t.Helper()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s: %s", answer.Request.Method, answer.Request.URL, answer.Status, answer.body)
	}
	if err := json.Unmarshal(answer.body, &value); err != nil {
		t.Fatalf("%s %s: %v in %s", answer.Request.Method, answer.Request.URL, err, answer.body)
	}
	return value
}

// nextOf returns the path and query in the Link header of an answer, "" without one.
func (s *testServer) nextOf(answer response) string {
	s.t.Helper()
	link := answer.Header.Get("Link")
	if link == "" {
		return ""
	}
	path, found := strings.CutPrefix(link, "<"+s.URL)
	path, ok := strings.CutSuffix(path, `>; rel="next"`)
	if !found || !ok {
		s.t.Fatalf("Link: %q", link)
	}
	return path
}

// A part is one part of a form: a file when it has a filename.
type part struct{ name, filename, value string }

func formOf(parts ...part) (io.Reader, string) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, p := range parts {
		if p.filename == "" {
			w.WriteField(p.name, p.value)
			continue
		}
		file, _ := w.CreateFormFile(p.name, p.filename)
		io.WriteString(file, p.value)
	}
	w.Close()
	return &body, w.FormDataContentType()
}

func (s *testServer) post(parts ...part) response {
	s.t.Helper()
	body, contentType := formOf(parts...)
	return s.do(http.MethodPost, "/documents", body, "Content-Type", contentType)
}

// push stores a document and fails the test if that fails.
func (s *testServer) push(filename, content string, more ...part) sheaf.Document {
	s.t.Helper()
	answer := s.post(append(more, part{"file", filename, content})...)
	if answer.StatusCode != http.StatusOK {
		s.t.Fatalf("push %q: %s: %s", filename, answer.Status, answer.body)
	}
	var doc sheaf.Document
	if err := json.Unmarshal(answer.body, &doc); err != nil {
		s.t.Fatalf("push %q: %v in %s", filename, err, answer.body)
	}
	return doc
}

// wantProblem checks that an answer is the problem of a kind, and returns it.
func wantProblem(t testing.TB, answer response, kind sheaf.ErrorKind) problemDetails {
	t.Helper()
	var p problemDetails
	if got := answer.Header.Get("Content-Type"); got != problemType {
		t.Errorf("Content-Type of an error: %q, want %q; the body is %s", got, problemType, answer.body)
	}
	if err := json.Unmarshal(answer.body, &p); err != nil {
		t.Fatalf("problem: %v in %q", err, answer.body)
	}
	if p.Code != kind || p.Status != answer.StatusCode || answer.StatusCode != kind.HTTPStatus() {
		t.Errorf("problem: %d, code %q, status %d, want %d %q: %s", answer.StatusCode, p.Code, p.Status, kind.HTTPStatus(), kind, answer.body)
	}
	if p.Type == "" || p.Title == "" || p.Detail == "" {
		t.Errorf("problem without type, title or detail: %s", answer.body)
	}
	return p
}

func fieldsOf(p problemDetails) string {
	var names []string
	for _, field := range p.Errors {
		names = append(names, field.Field)
	}
	return fmt.Sprint(names)
}
