package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

// Servers in this package misbehave on purpose: they show the client what a
// working one never sends. How it gets on with a working one is tested where
// there is one, in internal/sheaftest and e2e.

// dial returns a client of handler over a real connection.
func dial(t *testing.T, handler http.HandlerFunc, options ...client.Option) *client.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return open(t, server.URL, options...)
}

func open(t *testing.T, url string, options ...client.Option) *client.Client {
	t.Helper()
	c, err := client.New(url, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// wantKind fails unless err is a sheaf.Error of the kind, and returns it.
func wantKind(t *testing.T, what string, err error, kind sheaf.ErrorKind) *sheaf.Error {
	t.Helper()
	var e *sheaf.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("%s: %v (%s), want kind %s", what, err, sheaf.KindOf(err), kind)
	}
	return e
}

// storing answers a push with the document that was sent.
func storing(t *testing.T, requests chan<- received) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		parts, err := r.MultipartReader()
		if err != nil {
			t.Errorf("the push is not multipart: %v", err)
			return
		}
		got := received{length: r.ContentLength, header: r.Header, fields: map[string]string{}}
		for {
			part, err := parts.NextPart()
			if err != nil {
				break
			}
			content, err := io.ReadAll(part)
			if err != nil {
				t.Errorf("part %s: %v", part.FormName(), err)
			}
			got.order = append(got.order, part.FormName())
			got.fields[part.FormName()] = string(content)
			if part.FormName() == "file" {
				got.filename = part.FileName()
			}
		}
		requests <- got
		json.NewEncoder(w).Encode(sheaf.Document{ID: "doc_0123456789ab", Digest: sheaf.DigestOf([]byte(got.fields["file"]))})
	}
}

type received struct {
	length   int64
	header   http.Header
	fields   map[string]string
	order    []string
	filename string
}

func TestPushSendsFieldsThenTheFile(t *testing.T) {
	requests := make(chan received, 1)
	c := dial(t, storing(t, requests), client.WithAgent("tester"))
	content := strings.Repeat("ünïcode\r\n--boundary\r\n", 100_000)
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, []byte("skipped"+content), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Seek(int64(len("skipped")), io.SeekStart); err != nil {
		t.Fatal(err)
	}
	doc, err := c.Push(t.Context(), client.PushInput{
		Filename: `naïve "notes".md`, Body: file, Name: "Notes", Tags: []string{"a", "b"}, Description: "two\nlines",
		Metadata: json.RawMessage(`{"k":1}`), IdempotencyKey: "once",
	})
	if err != nil {
		t.Fatal(err)
	}
	got := <-requests
	if !slices.Equal(got.order, []string{"name", "tags", "description", "metadata", "file"}) {
		t.Errorf("parts came as %v, want the fields that are set and then the file", got.order)
	}
	for field, want := range map[string]string{"name": "Notes", "tags": "a,b", "description": "two\nlines", "metadata": `{"k":1}`, "file": content} {
		if got.fields[field] != want {
			t.Errorf("%s arrived as %.40q, want %.40q", field, got.fields[field], want)
		}
	}
	if got.filename != `naïve "notes".md` {
		t.Errorf("filename arrived as %q", got.filename)
	}
	if got.length < int64(len(content)) {
		t.Errorf("Content-Length %d of a file of %d bytes: the server cannot refuse it early", got.length, len(content))
	}
	if got.header.Get("X-Agent-Id") != "tester" || got.header.Get("Idempotency-Key") != "once" {
		t.Errorf("headers %v lack the agent's label or the idempotency key", got.header)
	}
	if want := "/documents/doc_0123456789ab"; !strings.HasSuffix(doc.URL, want) || !strings.HasPrefix(doc.URL, "http://127.0.0.1") {
		t.Errorf("URL of the document is %q, want that of the server with %s", doc.URL, want)
	}
}

func TestPushStreamsWhatHasNoSize(t *testing.T) {
	const piece = 1 << 20
	arrived := make(chan struct{})
	c := dial(t, func(w http.ResponseWriter, r *http.Request) {
		io.CopyN(io.Discard, r.Body, piece)
		close(arrived)
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusTeapot)
	})
	source, sink := io.Pipe()
	go func() {
		sink.Write(make([]byte, 2*piece))
		<-arrived // although the source has not ended
		sink.Close()
	}()
	_, err := c.Push(t.Context(), client.PushInput{Filename: "x", Body: source})
	if err == nil || !strings.Contains(err.Error(), "418") {
		t.Errorf("Push answered by 418: %v", err)
	}
}

func TestPushNoticesOtherBytes(t *testing.T) {
	c := dial(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		json.NewEncoder(w).Encode(sheaf.Document{ID: "doc_0123456789ab", Digest: sheaf.DigestOf([]byte("other"))})
	})
	_, err := c.Push(t.Context(), client.PushInput{Filename: "x", Body: strings.NewReader("mine")})
	wantKind(t, "Push of what arrives changed", err, sheaf.ErrDamaged)
}

func TestPushNamesTheSourceThatFails(t *testing.T) {
	c := dial(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	bad := errors.New("the disk is on fire")
	_, err := c.Push(t.Context(), client.PushInput{Filename: "x", Body: io.MultiReader(strings.NewReader("some"), failing{bad})})
	if !errors.Is(err, bad) {
		t.Errorf("Push of a source that fails: %v, want its error", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestPushRefusesFilenamesThatNoHeaderCarries(t *testing.T) {
	c := open(t, client.DefaultURL)
	for _, name := range []string{"a\r\nb", "a\x00b", "\x1b[31m"} {
		_, err := c.Push(t.Context(), client.PushInput{Filename: name, Body: strings.NewReader("")})
		wantKind(t, fmt.Sprintf("Push of %q", name), err, sheaf.ErrInvalid)
	}
}

func TestPushOfWhatIsRefusedIsNotSent(t *testing.T) {
	c := dial(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		io.WriteString(w, `{"title":"Request Entity Too Large","status":413,"detail":"too large","code":"too_large","hint":"smaller"}`)
	})
	source := &counting{ReadSeeker: bytes.NewReader(make([]byte, 256<<20))}
	_, err := c.Push(t.Context(), client.PushInput{Filename: "x", Body: source})
	if e := wantKind(t, "Push over the limit", err, sheaf.ErrTooLarge); e.Hint != "smaller" {
		t.Errorf("hint %q, want the server's", e.Hint)
	}
	if source.read > 1<<20 {
		t.Errorf("%d bytes were read of a file that the server refused by its size", source.read)
	}
}

// counting counts what is read of a content.
type counting struct {
	io.ReadSeeker
	read int64
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.ReadSeeker.(io.ReaderAt).ReadAt(p, off)
	c.read += int64(n)
	return n, err
}

func TestErrorsAreThoseOfTheServer(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		body   string
		want   sheaf.Error
	}{
		{"problem", 422, `{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"two are wrong","code":"invalid","hint":"do better","errors":[{"field":"name","message":"too long"},{"field":"tags","message":"too many"}]}`,
			sheaf.Error{Kind: sheaf.ErrInvalid, Message: "two are wrong", Hint: "do better", Fields: []sheaf.FieldError{{Field: "name", Message: "too long"}, {Field: "tags", Message: "too many"}}}},
		{"code of a later version", 409, `{"detail":"busy","code":"entangled"}`, sheaf.Error{Kind: sheaf.ErrConflict, Message: "busy"}},
		{"status that several kinds share", 409, `{"detail":"archived","code":"archived"}`, sheaf.Error{Kind: sheaf.ErrArchived, Message: "archived"}},
		{"a proxy's page", 502, "<html>Bad Gateway", sheaf.Error{Kind: sheaf.ErrUnavailable, Message: "the server answered 502 Bad Gateway to DELETE /documents/doc_0123456789ab"}},
		{"nothing", 404, "", sheaf.Error{Kind: sheaf.ErrNotFound, Message: "the server answered 404 Not Found to DELETE /documents/doc_0123456789ab"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := dial(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				io.WriteString(w, test.body)
			})
			_, err := c.Delete(t.Context(), "doc_0123456789ab")
			e := wantKind(t, "Delete", err, test.want.Kind)
			if e.Message != test.want.Message || e.Hint != test.want.Hint || !slices.Equal(e.Fields, test.want.Fields) {
				t.Errorf("got %+v, want %+v", *e, test.want)
			}
		})
	}
}

func TestNoServer(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	_, err := open(t, server.URL).Health(t.Context())
	if e := wantKind(t, "Health of nobody", err, sheaf.ErrUnavailable); !strings.Contains(e.Hint, "sheaf serve") {
		t.Errorf("hint %q does not say how to start a server", e.Hint)
	}
	if !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("%q does not say why", err)
	}
}

func TestNewRefusesWhatIsNoServersURL(t *testing.T) {
	for _, url := range []string{"", "127.0.0.1:8766", "ftp://x", "http://", "http://a b", "/documents"} {
		_, err := client.New(url)
		wantKind(t, fmt.Sprintf("New(%q)", url), err, sheaf.ErrInvalid)
	}
}

// content answers with body under the headers given.
func content(body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header()[headers[i]] = []string{headers[i+1]}
		}
		io.WriteString(w, body)
	}
}

func TestPullChecksTheDigest(t *testing.T) {
	digest := sheaf.DigestOf([]byte("hello"))
	reprDigest := "sha-256=:" + digest.Base64() + ":"
	for _, test := range []struct {
		name    string
		body    string
		headers []string
		want    sheaf.ErrorKind
	}{
		{"ETag", "hello", []string{"Etag", `"` + digest.String() + `"`}, ""},
		{"Repr-Digest", "hello", []string{"Repr-Digest", "sha-512=:AA==:, " + reprDigest}, ""},
		{"other bytes", "hellO", []string{"Repr-Digest", reprDigest}, sheaf.ErrDamaged},
		{"fewer bytes", "hell", []string{"Etag", `"` + digest.String() + `"`}, sheaf.ErrDamaged},
		{"cut off", "hel", []string{"Etag", `"` + digest.String() + `"`, "Content-Length", "5"}, sheaf.ErrUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := dial(t, content(test.body, test.headers...))
			download, err := c.Pull(t.Context(), "doc_0123456789ab")
			if err != nil {
				t.Fatal(err)
			}
			defer download.Body.Close()
			got, err := io.ReadAll(download.Body)
			if sheaf.KindOf(err) != test.want {
				t.Errorf("reading: %v, want kind %q", err, test.want)
			}
			if err == nil && string(got) != "hello" {
				t.Errorf("read %q", got)
			}
		})
	}
	_, err := dial(t, content("hello")).Pull(t.Context(), "doc_0123456789ab")
	wantKind(t, "Pull without a digest", err, sheaf.ErrInternal)
}

func TestPullDecodesNames(t *testing.T) {
	etag := `"` + sheaf.DigestOf(nil).String() + `"`
	c := dial(t, content("", "Etag", etag,
		"X-Document-Name", "100%25 na%C3%AFve", "X-Document-Name*", "UTF-8''100%25%20na%C3%AFve",
		"X-Document-Filename", "100%.txt"))
	download, err := c.Pull(t.Context(), "doc_0123456789ab")
	if err != nil {
		t.Fatal(err)
	}
	download.Body.Close()
	if download.Name != "100% naïve" || download.Filename != "100%.txt" {
		t.Errorf("name %q, filename %q", download.Name, download.Filename)
	}
}

func TestQueryFollowsLinks(t *testing.T) {
	var asked []string
	c := dial(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		switch r.URL.Query().Get("cursor") {
		case "":
			w.Header().Set("Link", `<https://elsewhere.example/documents?limit=2>; rel="first", </documents?cursor=a%2C%3Eb&limit=2>; rel="next"`)
			io.WriteString(w, `[{"document_id":"doc_000000000001"},{"document_id":"doc_000000000002"}]`)
		case "a,>b":
			// A foreign address is not called: only its query is used.
			w.Header().Set("Link", `<https://elsewhere.example/documents?cursor=c>;rel=next`)
			io.WriteString(w, `[]`)
		default:
			io.WriteString(w, `[{"document_id":"doc_000000000003"}]`)
		}
	})
	var ids []string
	for doc, err := range c.Query(t.Context(), client.Filter{Name: "ä b", Tags: []string{"x", "y"}, PageSize: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, string(doc.ID))
	}
	if want := []string{"doc_000000000001", "doc_000000000002", "doc_000000000003"}; !slices.Equal(ids, want) {
		t.Errorf("got %v, want %v", ids, want)
	}
	if want := []string{"limit=2&name=%C3%A4+b&tags=x%2Cy", "cursor=a%2C%3Eb&limit=2", "cursor=c"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	asked = nil
	for range c.Query(t.Context(), client.Filter{}) {
		break
	}
	if len(asked) != 1 {
		t.Errorf("%d pages were fetched for the first document", len(asked))
	}
}

func TestQueryOfAServerThatRunsInCircles(t *testing.T) {
	c := dial(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", `</documents?cursor=a>; rel="next"`)
		io.WriteString(w, `[]`)
	})
	for _, err := range c.Query(t.Context(), client.Filter{}) {
		wantKind(t, "Query", err, sheaf.ErrInternal)
		return
	}
	t.Error("Query ended without an error")
}

// The timeout bounds silence, not the whole: what keeps moving may take longer.
func TestTimeoutIsOfSilence(t *testing.T) {
	const silence = 400 * time.Millisecond
	slowly := func(w io.Writer, flush func()) {
		for range 8 {
			io.WriteString(w, "hello")
			flush()
			time.Sleep(silence / 4)
		}
	}
	etag := `"` + sheaf.DigestOf([]byte(strings.Repeat("hello", 8))).String() + `"`

	t.Run("slow download", func(t *testing.T) {
		c := dial(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", etag)
			slowly(w, w.(http.Flusher).Flush)
		}, client.WithTimeout(silence))
		download, err := c.Pull(t.Context(), "doc_0123456789ab")
		if err != nil {
			t.Fatal(err)
		}
		defer download.Body.Close()
		if _, err := io.ReadAll(download.Body); err != nil {
			t.Errorf("reading what comes slowly: %v", err)
		}
	})
	t.Run("slow reader", func(t *testing.T) {
		c := dial(t, content("hello", "Etag", `"`+sheaf.DigestOf([]byte("hello")).String()+`"`), client.WithTimeout(silence))
		download, err := c.Pull(t.Context(), "doc_0123456789ab")
		if err != nil {
			t.Fatal(err)
		}
		defer download.Body.Close()
		time.Sleep(2 * silence)
		if _, err := io.ReadAll(download.Body); err != nil {
			t.Errorf("reading late: %v", err)
		}
	})
	t.Run("slow source", func(t *testing.T) {
		requests := make(chan received, 1)
		c := dial(t, storing(t, requests), client.WithTimeout(silence))
		source, sink := io.Pipe()
		go func() {
			time.Sleep(2 * silence)
			io.WriteString(sink, "late")
			sink.Close()
		}()
		if _, err := c.Push(t.Context(), client.PushInput{Filename: "x", Body: source}); err != nil {
			t.Errorf("pushing what comes late: %v", err)
		}
	})
	t.Run("no answer", func(t *testing.T) {
		c := dial(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, client.WithTimeout(silence))
		_, err := c.Health(t.Context())
		wantKind(t, "Health of a server that is silent", err, sheaf.ErrTimeout)
	})
	t.Run("work that takes long", func(t *testing.T) {
		c := dial(t, func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(2 * silence)
			io.WriteString(w, "{}")
		}, client.WithTimeout(silence))
		if _, err := c.Check(t.Context(), true); err != nil {
			t.Errorf("Check by a server that is silent meanwhile: %v", err)
		}
		if _, err := c.PlanGarbage(t.Context()); err != nil {
			t.Errorf("PlanGarbage by a server that is silent meanwhile: %v", err)
		}
	})
	t.Run("stalled download", func(t *testing.T) {
		c := dial(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", etag)
			io.WriteString(w, "hello")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, client.WithTimeout(silence))
		download, err := c.Pull(t.Context(), "doc_0123456789ab")
		if err != nil {
			t.Fatal(err)
		}
		defer download.Body.Close()
		_, err = io.ReadAll(download.Body)
		wantKind(t, "reading what stalls", err, sheaf.ErrTimeout)
	})
	t.Run("stalled upload", func(t *testing.T) {
		release := make(chan struct{})
		c := dial(t, func(http.ResponseWriter, *http.Request) { <-release }, client.WithTimeout(silence))
		t.Cleanup(func() { close(release) })
		source := struct{ io.Reader }{io.LimitReader(endless{}, 1<<30)}
		_, err := c.Push(t.Context(), client.PushInput{Filename: "x", Body: source})
		wantKind(t, "pushing to a server that reads nothing", err, sheaf.ErrTimeout)
	})
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestTheCallersContextEndsCalls(t *testing.T) {
	c := dial(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Health(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Health: %v, want the context's error", err)
	}
}
