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

// startFlapping starts a server behind a proxy that has bad days.
func startFlapping(t *testing.T) (*supablob.Backend, *supatest.Server, *faults.Proxy) {
	t.Helper()
	storage := supatest.New()
	server := httptest.NewServer(storage)
	t.Cleanup(server.Close)
	proxy := faults.Start(t, server.URL)
	proxy.Refusal = supatest.RefuseToken
	backend, err := supablob.New(supablob.Options{URL: proxy.URL(), ServiceKey: supatest.ServiceKey, Bucket: supatest.Bucket})
	if err != nil {
		t.Fatal(err)
	}
	return backend, storage, proxy
}

// The wrapper does not change what a backend of this kind promises.
func TestContractWhenWrapped(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Backend {
		backend, _ := start(t)
		return resilient.Wrap(backend, resilient.Options{Name: "supabase"})
	})
}

// Whatever a fault does to a request, what Put acknowledges is there and whole,
// and nothing is said to be missing that is not.
func TestFaults(t *testing.T) {
	for _, fault := range faults.All {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			inner, storage, proxy := startFlapping(t)
			backend := resilient.Wrap(inner, resilient.Options{Name: "supabase", Idle: 300 * time.Millisecond})
			there := blobtest.Random(40_000)
			if err := backend.Put(t.Context(), blobtest.KeyOf(there), bytes.NewReader(there), 40_000); err != nil {
				t.Fatal(err)
			}
			proxy.Do(fault)
			for _, size := range []int{1, 5000, 300_000} {
				content := blobtest.Random(size)
				err := backend.Put(t.Context(), blobtest.KeyOf(content), bytes.NewReader(content), int64(size))
				stored, found := storage.Object("blobs/" + string(blobtest.KeyOf(content)[:2]) + "/" + string(blobtest.KeyOf(content)))
				switch {
				case err == nil && (!found || !bytes.Equal(stored, content)):
					t.Errorf("Put of %d bytes succeeds and %d are there, which are others", size, len(stored))
				case err != nil && sheaf.KindOf(err) != sheaf.ErrBackendUnavailable:
					t.Errorf("Put of %d bytes: %v, want success or backend_unavailable", size, err)
				}
			}
			// Nobody but the store can tell bytes that are wrong; what is missing of them can be told.
			if info, err := backend.Stat(t.Context(), blobtest.KeyOf(there)); sheaf.KindOf(err) == sheaf.ErrNotFound || err == nil && info.Size != 40_000 {
				t.Errorf("Stat: %+v, %v", info, err)
			}
			body, err := backend.Open(t.Context(), blobtest.KeyOf(there), 0, -1)
			if err == nil {
				_, err = io.Copy(io.Discard, body)
				body.Close()
			}
			if kind := sheaf.KindOf(err); err != nil && kind != sheaf.ErrBackendUnavailable {
				t.Errorf("Open: %v, want success or backend_unavailable", err)
			}

			proxy.Do(faults.None)
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
				err := backend.Put(t.Context(), blobtest.KeyOf(there), bytes.NewReader(there), 40_000)
				if err == nil {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("a minute after the fault: %v", err)
				}
			}
			body, err = backend.Open(t.Context(), blobtest.KeyOf(there), 0, -1)
			if err != nil {
				t.Fatal(err)
			}
			defer body.Close()
			if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, there) {
				t.Errorf("after the fault: %d bytes, %v", len(got), err)
			}
		})
	}
}

// A clock that is wrong is what a refusal of signatures is about, and said so.
func TestClockSkew(t *testing.T) {
	backend, _, proxy := startFlapping(t)
	proxy.Do(faults.ClockSkew)
	err := backend.Delete(t.Context(), blobtest.KeyOf(nil))
	if sheaf.KindOf(err) != sheaf.ErrBackendUnavailable || !strings.Contains(hint(err), "clock") {
		t.Errorf("with a clock that is a day ahead: %v (%s), want to hear of it", err, hint(err))
	}
}

func hint(err error) string {
	if e, ok := err.(*sheaf.Error); ok {
		return e.Hint
	}
	return ""
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
