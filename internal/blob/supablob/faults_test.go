package supablob_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/resilient"
	"github.com/sheaf-dev/sheaf/internal/blob/supablob"
	"github.com/sheaf-dev/sheaf/internal/blob/supablob/supatest"
	"github.com/sheaf-dev/sheaf/internal/sheaftest/faults"
)

// The wrapper does not change what a backend of this kind promises.
func TestContractWhenWrapped(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Backend {
		backend, _ := start(t)
		return resilient.Wrap(backend, resilient.Options{Name: "supabase"})
	})
}

// startFlapping starts a server behind a proxy that has bad days.
func startFlapping(t *testing.T) faults.RemoteBackend {
	t.Helper()
	var direct string
	backend, _ := start(t, func(o *supablob.Options) { direct = o.URL })
	proxy := faults.Start(t, direct)
	proxy.Refusal = supatest.RefuseToken
	flapping, err := supablob.New(supablob.Options{URL: proxy.URL(), ServiceKey: supatest.ServiceKey, Bucket: supatest.Bucket})
	if err != nil {
		t.Fatal(err)
	}
	return faults.RemoteBackend{Backend: flapping, Direct: backend, Proxy: proxy}
}

func TestFaults(t *testing.T) { faults.RunBackend(t, startFlapping) }

// A clock that is wrong is what a refusal of a token's time is about, and said so.
func TestClockSkew(t *testing.T) {
	remote := startFlapping(t)
	remote.Proxy.Do(faults.ClockSkew)
	err := remote.Backend.Delete(t.Context(), blobtest.KeyOf(nil))
	if blob.FaultOf(err) != blob.FaultClock || blob.Passes(err) || !strings.Contains(err.Error(), "behind") {
		t.Errorf("with a clock that is a day ahead: %v, fault %q, want to hear of it", err, blob.FaultOf(err))
	}
}

// An attempt that was cut off before it could make sure of what had arrived may
// have left other bytes of the same size: they are not taken for the content.
func TestLeftoverOfTheSameSize(t *testing.T) {
	backend, storage := start(t)
	content := blobtest.Random(1000)
	key := blobtest.KeyOf(content)
	for what, body := range map[string]io.Reader{"that can be rewound": bytes.NewReader(content), "that cannot": io.MultiReader(bytes.NewReader(content))} {
		storage.Store("blobs/"+string(key[:2])+"/"+string(key), bytes.Repeat([]byte("x"), 1000))
		err := backend.Put(t.Context(), key, body, 1000)
		if _, rewindable := body.(io.Seeker); !rewindable {
			if !blob.Passes(err) {
				t.Errorf("putting a body %s over other bytes: %v, want an error that passes", what, err)
			}
			err = backend.Put(t.Context(), key, io.MultiReader(bytes.NewReader(content)), 1000)
		}
		if err != nil {
			t.Errorf("putting a body %s: %v", what, err)
			continue
		}
		stored, err := backend.Open(t.Context(), key, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(stored); err != nil || !bytes.Equal(got, content) {
			t.Errorf("after putting a body %s: %d bytes, %v, which are others", what, len(got), err)
		}
		stored.Close()
	}
}

// ETags that look like an MD5 and are another are not taken for one: some
// encrypted buckets have such.
func TestETagsOfEncryptedBuckets(t *testing.T) {
	storage := supatest.New()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		storage.ServeHTTP(otherETag{w}, r)
	}))
	t.Cleanup(server.Close)
	backend, err := supablob.New(supablob.Options{URL: server.URL, ServiceKey: supatest.ServiceKey, Bucket: supatest.Bucket})
	if err != nil {
		t.Fatal(err)
	}
	content := blobtest.Random(1000)
	if err := backend.Put(t.Context(), blobtest.KeyOf(content), bytes.NewReader(content), 1000); err != nil {
		t.Errorf("Put: %v", err)
	}
}

type otherETag struct{ http.ResponseWriter }

func (w otherETag) WriteHeader(status int) {
	w.change()
	w.ResponseWriter.WriteHeader(status)
}

func (w otherETag) Write(p []byte) (int, error) {
	w.change()
	return w.ResponseWriter.Write(p)
}

func (w otherETag) change() {
	if w.Header().Get("ETag") != "" {
		w.Header().Set("ETag", `"0123456789abcdef0123456789abcdef"`)
	}
}

// Files by their names are tried again as blobs are.
func TestNamesAreTriedAgain(t *testing.T) {
	storage := supatest.New()
	refused := make(map[string]bool) // requests that were made one by one
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if what := r.Method + r.URL.Path; !refused[what] {
			refused[what] = true
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		storage.ServeHTTP(w, r)
	}))
	defer server.Close()
	backend, err := supablob.New(supablob.Options{URL: server.URL, ServiceKey: supatest.ServiceKey, Bucket: supatest.Bucket})
	if err != nil {
		t.Fatal(err)
	}
	names, err := backend.Names("books/")
	if err != nil {
		t.Fatal(err)
	}
	names = resilient.WrapNames(backend, names, resilient.Options{Name: "supabase", RetryPause: time.Millisecond})
	if err := names.PutName(t.Context(), "guide/a.md", strings.NewReader("a file"), 6); err != nil {
		t.Errorf("PutName: %v", err)
	}
	var listed []string
	err = names.ListNames(t.Context(), func(o blob.NamedObject) error {
		listed = append(listed, o.Name)
		return nil
	})
	if err != nil || len(listed) != 1 || listed[0] != "guide/a.md" {
		t.Errorf("ListNames: %q, %v", listed, err)
	}
	clear(refused)
	body, err := names.OpenName(t.Context(), "guide/a.md")
	if err != nil {
		t.Fatalf("OpenName: %v", err)
	}
	defer body.Close()
	if read, err := io.ReadAll(body); err != nil || string(read) != "a file" {
		t.Errorf("read %q, %v", read, err)
	}
	err = names.PutName(t.Context(), "über.md", strings.NewReader(""), 0)
	if sheaf.KindOf(err) != sheaf.ErrInvalid {
		t.Errorf("PutName of a name that Supabase does not take: %v, want invalid", err)
	}
}
