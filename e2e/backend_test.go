package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/supablob/supatest"
	"github.com/sheaf-dev/sheaf/internal/config"
	"github.com/sheaf-dev/sheaf/internal/sheaftest/faults"
)

// startFlapping starts a Supabase behind a proxy that has bad days.
func startFlapping(t *testing.T) (*supatest.Server, *faults.Proxy) {
	t.Helper()
	storage := supatest.New()
	server := httptest.NewServer(storage)
	t.Cleanup(server.Close)
	proxy := faults.Start(t, server.URL)
	proxy.Refusal = supatest.RefuseToken
	return storage, proxy
}

// onlySupabase makes a bucket behind a proxy the one backend of a server.
func onlySupabase(proxy *faults.Proxy) func(*config.Config) {
	return func(c *config.Config) {
		c.Storage.Backends = map[string]config.Backend{"supabase": {
			Kind:     config.BackendSupabase,
			Bucket:   supatest.Bucket,
			Supabase: config.Supabase{URL: proxy.URL(), ServiceKey: supatest.ServiceKey},
		}}
		c.Storage.DefaultBackend = "supabase"
		c.Storage.BackendIdleTimeout, c.Storage.BackendRetryPause = 300*time.Millisecond, 5*time.Millisecond
	}
}

// a storedContent is a document that was acknowledged, and its content.
type storedContent struct {
	doc     sheaf.Document
	content []byte
}

// pulls returns an error unless a document reads as what it is.
func (s storedContent) pulls(ctx context.Context, c *client.Client) error {
	download, err := c.Pull(ctx, s.doc.ID)
	if err != nil {
		return err
	}
	defer download.Body.Close()
	got, err := io.ReadAll(download.Body)
	if err == nil && !bytes.Equal(got, s.content) {
		return errServedWrong
	}
	return err
}

var errServedWrong = errors.New("another content is served")

// While a backend has a bad day of any kind, small documents are written and read,
// whatever else fails says so, and nothing that was acknowledged is lost or served
// wrong, neither then nor later.
func TestBackendFaults(t *testing.T) {
	for _, fault := range faults.All {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			_, proxy := startFlapping(t)
			s := startApp(t, onlySupabase(proxy))
			c, err := client.New(s.URL, client.WithRetries(0))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			var stored []storedContent
			push := func(name string, content []byte) error {
				doc, err := c.Push(t.Context(), client.PushInput{Filename: name, Body: bytes.NewReader(content)})
				if err == nil {
					stored = append(stored, storedContent{doc, content})
				}
				return err
			}
			for i := range 4 { // small and large
				if err := push(fmt.Sprint("before ", i), blobtest.Random(1000+i*100_000)); err != nil {
					t.Fatal(err)
				}
			}
			wantDrained(t, c)
			before := len(stored)

			proxy.Do(fault)
			for i := range 5 {
				content := blobtest.Random(2000 + i)
				if err := push(fmt.Sprint("small ", i), content); err != nil {
					t.Errorf("a small document during the fault: %v", err)
				}
			}
			if err := push("large", blobtest.Random(500_000)); err != nil && sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
				t.Errorf("a large document during the fault: %v, want success or backend_unavailable", err)
			}
			var pulling sync.WaitGroup
			for _, s := range stored[:before] {
				pulling.Go(func() {
					// The client goes on with a download that breaks off, for longer than is of interest.
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					defer cancel()
					if err := s.pulls(ctx, c); errors.Is(err, errServedWrong) {
						t.Errorf("%s during the fault: %v", s.doc.Filename, err)
					}
				})
			}
			pulling.Wait()

			proxy.Do(faults.None)
			wantDrained(t, c)
			for _, s := range stored {
				if err := s.pulls(t.Context(), c); err != nil {
					t.Errorf("%s after the fault: %v", s.doc.Filename, err)
				}
			}
			all, _ := proxy.Requests()
			if all > 600 {
				t.Errorf("%d requests were made of the backend for 10 documents", all)
			}
		})
	}
}

// wantDrained waits until the server has moved all small contents and its backends
// answer.
func wantDrained(t *testing.T, c *client.Client) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		health, err := c.Health(t.Context())
		if err == nil && health.UndrainedBlobs == 0 && health.Status == "ok" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("two minutes after the fault: %+v, %v", health, err)
		}
	}
}

// A server whose backend flaps is killed again and again while documents are
// pushed. Whatever it has acknowledged is there when both are back, in full.
func TestKilledWhileBackendFlaps(t *testing.T) {
	t.Parallel()
	storage, proxy := startFlapping(t)
	dir := t.TempDir()
	start := func() *serverProcess {
		cmd := serveCommand(dir, "--storage-default-backend", "supabase", "--storage-backend-idle-timeout", "300ms")
		cmd.Env = environment("SUPABASE_URL="+proxy.URL(), "SUPABASE_SERVICE_KEY="+supatest.ServiceKey, "SUPABASE_BUCKET="+supatest.Bucket)
		s := launch(t, cmd)
		s.wantServing(t)
		return s
	}
	seed := number(t, seedVariable, uint64(time.Now().UnixNano()))
	t.Logf("%s=%d", seedVariable, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var mu sync.Mutex
	var stored []storedContent // guarded by mu
	for round := range 5 {
		s := start()
		var working sync.WaitGroup
		for worker := range 4 {
			random := rand.New(rand.NewPCG(seed, uint64(round*10+worker+1)))
			working.Go(func() {
				c, err := client.New(s.url, client.WithRetries(0))
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				for i := 0; !s.killed.Load(); i++ {
					content := newContent(random, 20).bytes()
					doc, err := c.Push(t.Context(), client.PushInput{Filename: fmt.Sprintf("%d-%d-%d.bin", round, worker, i), Body: bytes.NewReader(content)})
					switch {
					case err == nil:
						mu.Lock()
						stored = append(stored, storedContent{doc, content})
						mu.Unlock()
					case s.killed.Load():
					case len(content) <= smallContent && sheaf.KindOf(err) == sheaf.ErrBackendUnavailable:
						t.Errorf("a small document while the backend flaps: %v", err)
					}
				}
			})
		}
		for range 4 {
			time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond)
			proxy.Do(faults.All[random.IntN(len(faults.All))])
			time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond)
			if random.IntN(2) == 0 {
				proxy.Do(faults.None)
			}
		}
		s.kill()
		working.Wait()
	}

	proxy.Do(faults.None)
	s := start()
	wantDrained(t, s.client)
	for _, stored := range stored {
		if err := stored.pulls(t.Context(), s.client); err != nil {
			t.Errorf("%s, %d bytes, was acknowledged: %v", stored.doc.Filename, len(stored.content), err)
		}
	}
	report, err := s.client.Check(t.Context(), true)
	if err != nil {
		t.Errorf("the full check: %v", err)
	}
	for _, problem := range report.Problems {
		t.Errorf("the full check: %s: %s", problem.Area, problem.Message)
	}
	t.Logf("%d documents in %d objects", len(stored), len(storage.Objects()))
	s.stop(t)
}
