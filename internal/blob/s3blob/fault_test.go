package s3blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/s3blob"
	"github.com/sheaf-dev/sheaf/internal/blob/s3test"
)

// calls are all that a backend can be asked for, of an object that is not there.
func calls(b *s3blob.Backend) map[string]func(context.Context) error {
	content := blobtest.Random(5000)
	key := blobtest.KeyOf(content)
	return map[string]func(context.Context) error{
		"Put":          func(ctx context.Context) error { return b.Put(ctx, key, bytes.NewReader(content), 5000) },
		"PutBatch":     func(ctx context.Context) error { return b.PutBatch(ctx, []blob.Small{{Key: key, Bytes: content}}) },
		"Open":         func(ctx context.Context) error { _, err := b.Open(ctx, key, 0, -1); return err },
		"Open a range": func(ctx context.Context) error { _, err := b.Open(ctx, key, 10, 20); return err },
		"Stat":         func(ctx context.Context) error { _, err := b.Stat(ctx, key); return err },
		"List":         func(ctx context.Context) error { return b.List(ctx, func(blob.Info) error { return nil }) },
		"Delete":       func(ctx context.Context) error { return b.Delete(ctx, key) },
		"Quarantine":   func(ctx context.Context) error { return b.Quarantine(ctx, key) },
		"Unquarantine": func(ctx context.Context) error { return b.Unquarantine(ctx, key) },
		"OpenStaged":   func(ctx context.Context) error { _, _, err := b.OpenStaged(ctx, "name"); return err },
		"ListStaged":   func(ctx context.Context) error { return b.ListStaged(ctx, func(blob.Staged) error { return nil }) },
		"DeleteStaged": func(ctx context.Context) error { return b.DeleteStaged(ctx, "name") },
	}
}

// Whatever is wrong with a backend, no call takes it for a missing object: that
// would be taken for damage.
func TestMisconfigured(t *testing.T) {
	server := s3test.Start(t)
	good := server.Bucket(t, "misconfigured")
	changed := func(change func(*s3blob.Options)) s3blob.Options {
		o := good
		change(&o)
		return o
	}
	for _, test := range []struct {
		name    string
		options s3blob.Options
		want    blob.Fault
		message string
	}{
		{"access key", changed(func(o *s3blob.Options) { o.AccessKey = "somebody" }), blob.FaultCredentials, "does not know its access key"},
		{"secret key", changed(func(o *s3blob.Options) { o.SecretKey = "wrong" }), blob.FaultCredentials, "the secret key is not that of the access key"},
		{"bucket", changed(func(o *s3blob.Options) { o.Bucket = "elsewhere" }), blob.FaultBucket, "the bucket of the storage backend does not exist"},
		{"region", changed(func(o *s3blob.Options) { o.Region = "eu-central-1" }), blob.FaultRegion, "expects another region"},
		{"port", changed(func(o *s3blob.Options) { o.Endpoint = "http://127.0.0.1:1" }), blob.FaultUnreachable, "does not answer"},
		{"host", changed(func(o *s3blob.Options) { o.Endpoint = "http://host.invalid" }), blob.FaultUnreachable, "host is not known"},
		{"path style", changed(func(o *s3blob.Options) { o.Endpoint, o.VirtualHost = "http://host.invalid", true }), blob.FaultPathStyle, "no host of the bucket's name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for call, do := range calls(open(t, test.options)) {
				wantFault(t, call, do(t.Context()), test.want, test.message)
			}
		})
	}
}

func wantFault(t *testing.T, call string, err error, want blob.Fault, message string) {
	t.Helper()
	var e *sheaf.Error
	if !errors.As(err, &e) || e.Kind != sheaf.ErrBackendUnavailable || blob.FaultOf(err) != want || !strings.Contains(e.Message, message) || e.Hint == "" {
		t.Errorf("%s: %q (%s, fault %q); want backend_unavailable for %q with %q", call, err, sheaf.KindOf(err), blob.FaultOf(err), want, message)
		return
	}
	for _, secret := range []string{s3test.SecretKey, s3test.AccessKey} {
		if strings.Contains(err.Error()+e.Hint, secret) {
			t.Errorf("%s: the error tells a secret: %q", call, err)
		}
	}
}

func TestNotPermitted(t *testing.T) {
	server := s3test.Start(t)
	options := server.Bucket(t, "not-permitted")
	server = server.Restart(t, "--readonly")
	options.Endpoint = server.Endpoint
	all := calls(open(t, options))
	for _, call := range []string{"Put", "PutBatch", "Delete", "DeleteStaged"} {
		wantFault(t, call, all[call](t.Context()), blob.FaultPermission, "does not permit this")
	}
	for _, call := range []string{"Stat", "Open"} {
		if err := all[call](t.Context()); sheaf.KindOf(err) != sheaf.ErrNotFound {
			t.Errorf("%s: %v, want not_found", call, err)
		}
	}
}

// What versitygw does not say or do, others do.
func TestOtherAnswers(t *testing.T) {
	problem := func(status int, code string, message ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(status)
			if r.Method != http.MethodHead {
				fmt.Fprintf(w, "<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>%s</Message></Error>", code, strings.Join(message, " "))
			}
		}
	}
	for _, test := range []struct {
		name    string
		serve   http.HandlerFunc
		want    blob.Fault
		message string
	}{
		{"a clock that is behind", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(-2*time.Hour).UTC().Format(http.TimeFormat))
			problem(http.StatusForbidden, "RequestTimeTooSkewed")(w, r)
		}, blob.FaultClock, "this machine is 2h0m"},
		{"a clock that is ahead", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(2*time.Hour).UTC().Format(http.TimeFormat))
			problem(http.StatusForbidden, "RequestTimeTooSkewed")(w, r)
		}, blob.FaultClock, "behind"},
		{"another region", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://elsewhere.invalid/")
			problem(http.StatusMovedPermanently, "PermanentRedirect")(w, r)
		}, blob.FaultRegion, "in another region"},
		{"no permission, without a word", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, blob.FaultPermission, "does not permit"},
		{"an old token", problem(http.StatusBadRequest, "ExpiredToken"), blob.FaultCredentials, "session token"},
		{"host names only", problem(http.StatusForbidden, "SecondLevelDomainForbidden"), blob.FaultPathStyle, "bucket in the host name"},
		{"a key of another length", problem(http.StatusBadRequest, "InvalidArgument", "Credential access key has length 20, should be 32"), blob.FaultCredentials, "does not know its access key"},
		{"too much", problem(http.StatusServiceUnavailable, "SlowDown"), blob.FaultUnreachable, "cannot answer just now"},
		{"in each other's way", problem(http.StatusConflict, "OperationAborted"), blob.FaultUnreachable, "something else under way"},
		{"broken", problem(http.StatusInternalServerError, "InternalError"), blob.FaultUnreachable, "cannot answer just now"},
		{"a web site", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, "<html><body>Nothing here")
		}, blob.FaultEndpoint, "does not speak the S3 protocol"},
		{"hanging up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, blob.FaultUnreachable, "does not answer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(test.serve)
			defer server.Close()
			b := open(t, s3blob.Options{Endpoint: server.URL, Region: "auto", Bucket: "bucket", AccessKey: "a", SecretKey: "s"})
			for call, do := range calls(b) {
				wantFault(t, call, do(t.Context()), test.want, test.message)
			}
		})
	}
}

// An answer that is cut short is an error of the Read that finds out, and the
// range that was asked for is the range that is read.
func TestAnswersThatLie(t *testing.T) {
	content := blobtest.Random(5000)
	serve := func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" { // a proxy that dropped it
			w.Write(content)
			return
		}
		w.Header().Set("Content-Length", "5000")
		w.Write(content[:3000])
	}
	server := httptest.NewServer(http.HandlerFunc(serve))
	defer server.Close()
	b := open(t, s3blob.Options{Endpoint: server.URL, Region: "auto", Bucket: "bucket", AccessKey: "a", SecretKey: "s"})
	r, err := b.Open(t.Context(), blobtest.KeyOf(content), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if len(got) != 3000 {
		t.Errorf("%d bytes are read, want the 3000 that came", len(got))
	}
	wantFault(t, "Read of what is cut short", err, blob.FaultUnreachable, "does not answer")
	_, err = b.Open(t.Context(), blobtest.KeyOf(content), 100, 200)
	wantFault(t, "Open of a range", err, blob.FaultEndpoint, "does not answer with the range")
}

func TestOptionsThatCannotBe(t *testing.T) {
	good := s3blob.Options{Region: "auto", Bucket: "bucket"}
	for what, change := range map[string]func(*s3blob.Options){
		"no bucket":                func(o *s3blob.Options) { o.Bucket = "" },
		"a bucket that is a path":  func(o *s3blob.Options) { o.Bucket = "a/b" },
		"a bucket of two dots":     func(o *s3blob.Options) { o.Bucket = ".." },
		"no region":                func(o *s3blob.Options) { o.Region = "" },
		"a prefix with a slash":    func(o *s3blob.Options) { o.Prefix = "a/" },
		"a prefix that goes up":    func(o *s3blob.Options) { o.Prefix = "a/../b" },
		"a prefix that is escaped": func(o *s3blob.Options) { o.Prefix = "a b" },
		"a prefix that is long":    func(o *s3blob.Options) { o.Prefix = strings.Repeat("a", 513) },
	} {
		o := good
		change(&o)
		if _, err := s3blob.New(o); err == nil {
			t.Errorf("New with %s: no error", what)
		}
	}
}
