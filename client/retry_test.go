package client_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/config"
	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

// A cuttingProxy stands between a client and a server and answers the first
// requests itself, by breaking the connection.
type cuttingProxy struct {
	server   http.Handler
	cuts     int32 // how many answers are lost
	requests atomic.Int32
	keys     []string // of all requests
}

// ServeHTTP passes a request on. While there are cuts left the server does what
// it is asked for, and its answer is lost.
func (p *cuttingProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := p.requests.Add(1)
	p.keys = append(p.keys, r.Header.Get("Idempotency-Key"))
	if n > p.cuts {
		p.server.ServeHTTP(w, r)
		return
	}
	p.server.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

func behindProxy(t *testing.T, cuts int32, options ...client.Option) (*cuttingProxy, *client.Client, *sheaftest.Server) {
	server := sheaftest.Start(t)
	proxy := &cuttingProxy{server: server.App.Handler(), cuts: cuts}
	return proxy, dial(t, proxy.ServeHTTP, options...), server
}

// One push makes one document, also when the first answers are lost.
func TestLostAnswersMakeOneDocument(t *testing.T) {
	proxy, c, server := behindProxy(t, 2)
	doc, err := c.Push(t.Context(), client.PushInput{Filename: "a.txt", Body: strings.NewReader("once")})
	if err != nil {
		t.Fatal(err)
	}
	if n := proxy.requests.Load(); n != 3 || proxy.keys[0] == "" || proxy.keys[0] != proxy.keys[2] {
		t.Errorf("%d requests with the keys %q, want 3 with the same", n, proxy.keys)
	}
	found := 0
	for other, err := range server.Client.Query(t.Context(), client.Filter{}) {
		if found++; err != nil || other.ID != doc.ID {
			t.Errorf("found %s, %v, want %s only", other.ID, err, doc.ID)
		}
	}
	if found != 1 {
		t.Errorf("%d documents, want one", found)
	}
}

// What cannot be read again, and what is not safe to repeat, is sent once.
func TestWhatIsNotRepeated(t *testing.T) {
	doc := func(t *testing.T, server *sheaftest.Server) sheaf.DocumentID {
		made, err := server.Client.Push(t.Context(), client.PushInput{Filename: "a.txt", Body: strings.NewReader("text")})
		if err != nil {
			t.Fatal(err)
		}
		return made.ID
	}
	for name, call := range map[string]func(context.Context, *client.Client, sheaf.DocumentID) error{
		"a push of a stream": func(ctx context.Context, c *client.Client, _ sheaf.DocumentID) error {
			_, err := c.Push(ctx, client.PushInput{Filename: "b.txt", Body: io.MultiReader(strings.NewReader("stream")), IdempotencyKey: "key"})
			return err
		},
		"a new content": func(ctx context.Context, c *client.Client, id sheaf.DocumentID) error {
			_, err := c.PutContent(ctx, id, client.ContentInput{Body: strings.NewReader("other")})
			return err
		},
		"a deletion": func(ctx context.Context, c *client.Client, id sheaf.DocumentID) error {
			_, err := c.Delete(ctx, id)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			proxy, c, server := behindProxy(t, 1)
			wantKind(t, name, call(t.Context(), c, doc(t, server)), sheaf.ErrUnavailable)
			if n := proxy.requests.Load(); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

// A server that is away for a moment is waited for, by those it has served before.
func TestServerRestarts(t *testing.T) {
	server := sheaftest.Start(t)
	// A busy machine may take its time to start the server again.
	waiting, err := client.New(server.URL, client.WithRetries(10))
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	if _, err := waiting.Health(t.Context()); err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	server.Stop()
	configured := server.Config
	configured.Server.Host, configured.Server.Port = address.Hostname(), port(t, address)
	time.AfterFunc(300*time.Millisecond, func() { sheaftest.StartConfig(t, configured) })
	c := open(t, server.URL)
	_, err = c.Health(t.Context())
	wantKind(t, "a client that has never met the server", err, sheaf.ErrUnavailable)
	if _, err := waiting.Push(t.Context(), client.PushInput{Filename: "a.txt", Body: strings.NewReader("a")}); err != nil {
		t.Errorf("Push while the server restarts: %v", err)
	}
}

func port(t *testing.T, address *url.URL) int {
	t.Helper()
	resolved, err := net.ResolveTCPAddr("tcp", address.Host)
	if err != nil {
		t.Fatal(err)
	}
	return resolved.Port
}

func TestServerAsksForTime(t *testing.T) {
	var requests atomic.Int32
	refuse := func(status int, after string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if requests.Add(1) == 1 {
				w.Header().Set("Retry-After", after)
				w.WriteHeader(status)
				return
			}
			io.WriteString(w, "{}")
		}
	}
	// Even what is not safe to repeat, as the server has said that it did nothing.
	c := dial(t, refuse(http.StatusTooManyRequests, "1"))
	begin := time.Now()
	if _, err := c.Delete(t.Context(), "doc_0123456789ab"); err != nil || time.Since(begin) < time.Second {
		t.Errorf("a deletion that was asked to wait for a second: %v after %v", err, time.Since(begin))
	}
	requests.Store(0)
	c = dial(t, refuse(http.StatusServiceUnavailable, "3600"))
	_, err := c.Health(t.Context())
	wantKind(t, "a server that is away for an hour", err, sheaf.ErrUnavailable)
	requests.Store(0)
	c = dial(t, refuse(http.StatusServiceUnavailable, "5"))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin = time.Now()
	if _, err := c.Health(ctx); err == nil || time.Since(begin) > 2*time.Second {
		t.Errorf("a call whose context ends while it waits: %v after %v", err, time.Since(begin))
	}
	requests.Store(0)
	c = dial(t, refuse(http.StatusServiceUnavailable, "0"), client.WithRetries(0))
	_, err = c.Health(t.Context())
	wantKind(t, "a client without retries", err, sheaf.ErrUnavailable)
}

func TestPushBatch(t *testing.T) {
	for name, c := range ways(t) {
		t.Run(name, func(t *testing.T) {
			large := strings.Repeat("large and of text ", 100_000)
			files := func(last string) []client.PushInput {
				return []client.PushInput{
					{Filename: "a.txt", Body: strings.NewReader("a"), Tags: []string{name}},
					{Filename: "b.txt", Body: io.MultiReader(strings.NewReader(large)), Name: "B", Tags: []string{name}},
					{Filename: "c.txt", Body: strings.NewReader("c"), Name: last, Tags: []string{name}},
				}
			}
			results, err := c.PushBatch(t.Context(), client.BatchInput{Files: files("two\nlines")})
			if err != nil || results[0].Err != nil || results[1].Err != nil {
				t.Fatalf("%+v, %v", results, err)
			}
			if e := wantKind(t, "the file with a bad name", results[2].Err, sheaf.ErrInvalid); len(e.Fields) != 1 || e.Fields[0].Field != "name" {
				t.Errorf("the file with a bad name: %+v", e)
			}
			if results[1].Document.Size != int64(len(large)) || results[1].Document.Name != "B" || !strings.HasPrefix(results[1].Document.URL, "http://") {
				t.Errorf("the second file became %+v", results[1].Document)
			}
			_, err = c.PushBatch(t.Context(), client.BatchInput{Files: files("two\nlines"), Atomic: true})
			if e := wantKind(t, "an atomic batch", err, sheaf.ErrInvalid); len(e.Fields) != 1 || e.Fields[0].Field != "files[2].name" {
				t.Errorf("an atomic batch with a bad name: %+v", e)
			}
			if results, err := c.PushBatch(t.Context(), client.BatchInput{Files: files("C"), Atomic: true}); err != nil || len(results) != 3 {
				t.Errorf("an atomic batch: %v", err)
			}
			found := 0
			for _, err := range c.Query(t.Context(), client.Filter{Tags: []string{name}}) {
				if found++; err != nil {
					t.Fatal(err)
				}
			}
			if found != 5 {
				t.Errorf("%d documents, want 5", found)
			}
			broken := files("C")
			broken[1].Body = io.MultiReader(strings.NewReader(large), failing{io.ErrClosedPipe})
			if _, err := c.PushBatch(t.Context(), client.BatchInput{Files: broken}); err == nil || !strings.Contains(err.Error(), "read what is sent") {
				t.Errorf("a batch whose source breaks: %v", err)
			}
		})
	}
}

// A batch that is larger than the server's memory for batches is stored as well,
// and leaves nothing in the spool.
func TestPushBatchBeyondMemory(t *testing.T) {
	server := sheaftest.Start(t, func(c *config.Config) { c.Storage.BatchMemory = 10_000 })
	var in client.BatchInput
	for i := range 50 {
		in.Files = append(in.Files, client.PushInput{Filename: "x.bin", Body: strings.NewReader(strings.Repeat(string(rune('a'+i)), 1000*i))})
	}
	results, err := server.Client.PushBatch(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for i, result := range results {
		if result.Err != nil {
			t.Errorf("file %d: %v", i, result.Err)
		}
	}
	report, err := server.Client.Check(t.Context(), true)
	if err != nil || len(report.Problems) > 0 || report.Documents != 50 {
		t.Errorf("the store: %+v, %v", report, err)
	}
	if left, err := filepath.Glob(filepath.Join(server.Config.Storage.Dir, "spool", "*")); err != nil || len(left) > 0 {
		t.Errorf("the spool has %v, %v", left, err)
	}
}
