package supablob_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/supablob"
	"github.com/sheaf-dev/sheaf/internal/blob/supablob/supatest"
)

func TestContract(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Backend {
		backend, _ := start(t)
		return backend
	})
}

// start starts a server and returns a backend of its bucket.
func start(t *testing.T, changes ...func(*supablob.Options)) (*supablob.Backend, *supatest.Server) {
	t.Helper()
	storage := supatest.New()
	server := httptest.NewServer(storage)
	t.Cleanup(server.Close)
	options := supablob.Options{URL: server.URL, ServiceKey: supatest.ServiceKey, Bucket: supatest.Bucket}
	for _, change := range changes {
		change(&options)
	}
	backend, err := supablob.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return backend, storage
}

// What is wrong with a configuration is said, without the key, and not retried.
func TestRefusals(t *testing.T) {
	for what, test := range map[string]struct {
		change func(*supablob.Options)
		says   string
	}{
		"the wrong key":    {func(o *supablob.Options) { o.ServiceKey = "wrong-key" }, "service key"},
		"the wrong bucket": {func(o *supablob.Options) { o.Bucket = "other" }, `"other"`},
	} {
		backend, _ := start(t, test.change)
		key := blobtest.KeyOf([]byte("content"))
		_, statErr := backend.Stat(t.Context(), key)
		_, openErr := backend.Open(t.Context(), key, 0, -1)
		for call, err := range map[string]error{
			"Put":  backend.Put(t.Context(), key, strings.NewReader("content"), 7),
			"Stat": statErr,
			"Open": openErr,
			"List": backend.List(t.Context(), func(blob.Info) error { return nil }),
		} {
			if sheaf.KindOf(err) != sheaf.ErrBackendUnavailable || blob.Passes(err) {
				t.Errorf("%s with %s: %v, want backend_unavailable and not worth a retry", call, what, err)
			} else if !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "wrong-key") {
				t.Errorf("%s with %s: %v, want to hear of %s and nothing of the key", call, what, err, test.says)
			}
		}
	}
}

// A server that answers an error says so whatever it sends with it.
func TestServerErrors(t *testing.T) {
	for what, test := range map[string]struct {
		status  int
		body    string
		refused bool
	}{
		"a gateway":            {http.StatusBadGateway, "<html>Bad Gateway</html>", false},
		"too many requests":    {http.StatusTooManyRequests, "", false},
		"an overloaded pool":   {http.StatusBadRequest, `{"statusCode":"544","error":"DatabaseTimeout","message":"too many connections"}`, false},
		"a redirect elsewhere": {http.StatusFound, "", true},
		"a page not found":     {http.StatusNotFound, "<html>Not Found</html>", true}, // which says nothing of the object
		"an error of its own":  {http.StatusBadRequest, `{"statusCode":"400","code":"Whatever","message":"no"}`, true},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://elsewhere.example/")
			w.WriteHeader(test.status)
			w.Write([]byte(test.body))
		}))
		backend, err := supablob.New(supablob.Options{URL: server.URL, ServiceKey: "key", Bucket: "b"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = backend.Stat(t.Context(), blobtest.KeyOf(nil))
		if sheaf.KindOf(err) != sheaf.ErrBackendUnavailable || blob.Passes(err) == test.refused {
			t.Errorf("%s: %v, want backend_unavailable, refused %t", what, err, test.refused)
		}
		server.Close()
	}
}

func TestURLs(t *testing.T) {
	for _, url := range []string{"", "abc.supabase.co", "ftp://a.example", "https://user:secret@a.example", "https://a.example?x=y"} {
		if _, err := supablob.New(supablob.Options{URL: url}); sheaf.KindOf(err) != sheaf.ErrInvalid {
			t.Errorf("the URL %q: %v, want invalid", url, err)
		}
	}
	withPath, storage := start(t, func(o *supablob.Options) { o.URL += supatest.BasePath + "/" })
	content := []byte("content")
	if err := withPath.Put(t.Context(), blobtest.KeyOf(content), bytes.NewReader(content), 7); err != nil || len(storage.Objects()) != 1 {
		t.Errorf("Put by the URL of the storage itself: %v, objects %q", err, storage.Objects())
	}
}

// Deleting what is listed, while it is listed, passes nothing over: that is what
// a sweep of garbage does.
func TestListWhileDeleting(t *testing.T) {
	backend, storage := start(t)
	const objects = 2500 // of one partition: three pages
	for i := range objects {
		key := blob.Key("ab" + string(blobtest.KeyOf([]byte{byte(i), byte(i >> 8)}))[2:])
		storage.Store("blobs/ab/"+string(key), []byte("x"))
	}
	storage.Store("blobs/ab/stray", []byte("of somebody else"))
	storage.Store("blobs/stray", []byte("of somebody else"))
	listed := 0
	err := backend.List(t.Context(), func(info blob.Info) error {
		listed++
		return backend.Delete(t.Context(), info.Key)
	})
	if err != nil || listed != objects {
		t.Errorf("List: %d objects, %v, want %d", listed, err, objects)
	}
	if left := storage.Objects(); len(left) != 2 {
		t.Errorf("%d objects are left, want the two of somebody else", len(left))
	}
}
