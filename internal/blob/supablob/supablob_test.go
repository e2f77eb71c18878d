package supablob_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

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

// What is wrong with a configuration is said, without the key, whatever is asked
// for: no call takes it for a missing object.
func TestMisconfigured(t *testing.T) {
	for what, test := range map[string]struct {
		change func(*supablob.Options)
		want   blob.Fault
		says   string
	}{
		"the wrong key":    {func(o *supablob.Options) { o.ServiceKey = "wrong-key" }, blob.FaultCredentials, "service key"},
		"the wrong bucket": {func(o *supablob.Options) { o.Bucket = "other" }, blob.FaultBucket, `"other"`},
		"another port":     {func(o *supablob.Options) { o.URL = "http://127.0.0.1:1" }, blob.FaultUnreachable, "does not answer"},
		"no such host":     {func(o *supablob.Options) { o.URL = "http://project.invalid" }, blob.FaultUnreachable, "host is not known"},
	} {
		backend, _ := start(t, test.change)
		for call, err := range calls(t, backend) {
			wantFault(t, call+" with "+what, err, test.want, test.says)
		}
	}
}

// calls returns the error of all that a backend can be asked for, by its name.
func calls(t *testing.T, b *supablob.Backend) map[string]error {
	key := blobtest.KeyOf([]byte("content"))
	_, statErr := b.Stat(t.Context(), key)
	_, openErr := b.Open(t.Context(), key, 0, -1)
	_, nowErr := b.Now(t.Context())
	_, getErr := b.PresignGet(t.Context(), key, blob.Download{Lifetime: time.Minute})
	_, putErr := b.PresignPut(t.Context(), "name", blob.Upload{Lifetime: time.Minute})
	_, _, stagedErr := b.OpenStaged(t.Context(), "name")
	return map[string]error{
		"Put":          b.Put(t.Context(), key, strings.NewReader("content"), 7),
		"Stat":         statErr,
		"Open":         openErr,
		"List":         b.List(t.Context(), func(blob.Info) error { return nil }),
		"Delete":       b.Delete(t.Context(), key),
		"Now":          nowErr,
		"PresignGet":   getErr,
		"PresignPut":   putErr,
		"OpenStaged":   stagedErr,
		"ListStaged":   b.ListStaged(t.Context(), func(blob.Staged) error { return nil }),
		"DeleteStaged": b.DeleteStaged(t.Context(), "name"),
	}
}

func wantFault(t *testing.T, call string, err error, want blob.Fault, says string) {
	t.Helper()
	var e *sheaf.Error
	if !errors.As(err, &e) || e.Kind != sheaf.ErrBackendUnavailable || blob.FaultOf(err) != want || !strings.Contains(e.Message, says) || e.Hint == "" {
		t.Errorf("%s: %v (fault %q), want backend_unavailable for %q that says %q", call, err, blob.FaultOf(err), want, says)
	} else if strings.Contains(err.Error()+e.Hint, "-key") {
		t.Errorf("%s: the error tells the key: %v", call, err)
	}
}

// A server that answers an error says so whatever it sends with it, and what is
// no Supabase Storage has no say in what is missing.
func TestOtherAnswers(t *testing.T) {
	for what, test := range map[string]struct {
		status int
		body   string
		want   blob.Fault
		says   string
	}{
		"a gateway":            {http.StatusBadGateway, "<html>Bad Gateway</html>", blob.FaultUnreachable, ""},
		"too many requests":    {http.StatusTooManyRequests, "", blob.FaultUnreachable, ""},
		"an overloaded pool":   {http.StatusBadRequest, `{"statusCode":"544","error":"DatabaseTimeout","message":"too many connections"}`, blob.FaultUnreachable, ""},
		"a redirect elsewhere": {http.StatusFound, "", blob.FaultEndpoint, "no Supabase Storage"},
		"a page not found":     {http.StatusNotFound, "<html>Not Found</html>", blob.FaultEndpoint, "no Supabase Storage"},
		"a gateway's JSON":     {http.StatusNotFound, `{"message":"no Route matched with those values"}`, blob.FaultEndpoint, "no Supabase Storage"},
		"a key of no project":  {http.StatusUnauthorized, `{"message":"Invalid API key"}`, blob.FaultCredentials, "service key"},
		"a key that is old":    {http.StatusBadRequest, `{"statusCode":"403","error":"Unauthorized","message":"\"exp\" claim timestamp check failed"}`, blob.FaultCredentials, "expired"},
		"a public key":         {http.StatusBadRequest, `{"statusCode":"403","error":"Unauthorized","message":"new row violates row-level security policy"}`, blob.FaultPermission, "does not permit"},
		"an error of its own":  {http.StatusBadRequest, `{"statusCode":"400","code":"Whatever","message":"no"}`, blob.FaultRefused, "refuses"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://elsewhere.example/")
			w.WriteHeader(test.status)
			w.Write([]byte(test.body))
		}))
		backend, err := supablob.New(supablob.Options{URL: server.URL, ServiceKey: "some-key", Bucket: "b"})
		if err != nil {
			t.Fatal(err)
		}
		for call, err := range calls(t, backend) {
			wantFault(t, call+" with "+what, err, test.want, test.says)
		}
		server.Close()
	}
}

// With a key for the public every object would look missing, which is damage.
func TestPublicKeys(t *testing.T) {
	token := "eyJhbGciOiJIUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"supabase","role":"anon"}`)) + ".c2lnbmVk"
	for _, key := range []string{token, "sb_publishable_abc"} {
		if _, err := supablob.New(supablob.Options{URL: "https://a.example", ServiceKey: key, Bucket: "b"}); sheaf.KindOf(err) != sheaf.ErrInvalid || strings.Contains(err.Error(), key) {
			t.Errorf("the key %s: %v, want invalid", key, err)
		}
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
