package sheaftest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/s3blob"
	"github.com/sheaf-dev/sheaf/internal/blob/s3test"
	"github.com/sheaf-dev/sheaf/internal/config"
)

// s3Backend returns the configuration of a backend.
func s3Backend(o s3blob.Options) config.Backend {
	return config.Backend{Kind: config.BackendS3, Bucket: o.Bucket, S3: config.S3{
		Endpoint: o.Endpoint, Region: o.Region, Prefix: o.Prefix, VirtualHost: o.VirtualHost,
		AccessKey: o.AccessKey, SecretKey: config.Secret(o.SecretKey), SessionToken: config.Secret(o.SessionToken),
	}}
}

// onS3 stores everything on a backend of the name bucket.
func onS3(o s3blob.Options) func(*config.Config) {
	return func(c *config.Config) {
		c.Storage.Backends = map[string]config.Backend{"bucket": s3Backend(o)}
		c.Storage.DefaultBackend = "bucket"
	}
}

func TestScenarioOnS3(t *testing.T) {
	RunScenario(t, NewRESTSurface(t, Start(t, onS3(s3test.Start(t).Bucket(t, "scenario")))))
}

// The life of contents in a bucket: small ones, which are drained into it, large
// ones, and those that are stored deflated.
func TestContentsOnS3(t *testing.T) {
	bucket := s3test.Start(t)
	options := bucket.Bucket(t, "contents")
	options.Prefix = "below/here"
	s := Start(t, onS3(options))
	noise := make([]byte, 300_000)
	rand.NewChaCha8([32]byte{1}).Read(noise)
	contents := map[string][]byte{
		"small.txt": []byte("a small content"),
		"empty.txt": {},
		"text.md":   bytes.Repeat([]byte("a text that is stored deflated, because it shrinks\n"), 10_000),
		"noise.bin": noise,
	}
	ids := map[string]sheaf.DocumentID{}
	for name, content := range contents {
		doc, err := s.Client.Push(t.Context(), client.PushInput{Filename: name, Body: bytes.NewReader(content)})
		if err != nil {
			t.Fatalf("push of %s: %v", name, err)
		}
		ids[name] = doc.ID
	}
	awaitDrained(t, s)
	wantInBucket(t, bucket, "contents/below/here", 3) // nothing is stored for nothing

	for range 2 { // the second time, after a restart
		for name, content := range contents {
			wantDownload(t, s, ids[name], content)
		}
		s = s.Restart()
	}

	if _, err := s.Client.Delete(t.Context(), ids["noise.bin"]); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Client.Purge(t.Context(), ids["noise.bin"]); err != nil {
		t.Fatal(err)
	}
	if report, err := s.Client.CollectGarbage(t.Context(), true); err != nil {
		t.Errorf("garbage collection: %+v, %v", report, err)
	}
	wantInBucket(t, bucket, "contents/below/here", 2)
	for _, full := range []bool{false, true} {
		report, err := s.Client.Check(t.Context(), full)
		if err != nil || len(report.Problems) > 0 {
			t.Errorf("fsck, full %t: %+v, %v", full, report, err)
		}
	}

	// What somebody does to the bucket is found, and never served.
	text := bucketFiles(t, bucket, "contents/below/here")[0]
	damaged, err := os.ReadFile(text)
	if err != nil {
		t.Fatal(err)
	}
	damaged[len(damaged)/2] ^= 1
	if err := os.WriteFile(text, damaged, 0o644); err != nil {
		t.Fatal(err)
	}
	report, err := s.Client.Check(t.Context(), true)
	if err != nil || len(report.Problems) != 1 || len(report.Problems[0].Documents) != 1 {
		t.Errorf("fsck of a damaged object: %+v, %v; want one problem that names one document", report, err)
	}
}

// wantDownload reads a document in every way there is.
func wantDownload(t *testing.T, s *Server, id sheaf.DocumentID, content []byte) {
	t.Helper()
	get := func(header ...string) (*http.Response, []byte) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/documents/"+string(id), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "identity")
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Errorf("reading %s with %v: %v", id, header, err)
		}
		return answer, body
	}
	if answer, body := get(); answer.StatusCode != http.StatusOK || !bytes.Equal(body, content) {
		t.Errorf("GET of %d bytes: %s with %d", len(content), answer.Status, len(body))
	}
	if len(content) > 1000 {
		if answer, body := get("Range", "bytes=500-999"); answer.StatusCode != http.StatusPartialContent || !bytes.Equal(body, content[500:1000]) {
			t.Errorf("GET of a range of %d bytes: %s with %d", len(content), answer.Status, len(body))
		}
	}
	answer, body := get("Accept-Encoding", "gzip")
	if answer.Header.Get("Content-Encoding") == "gzip" {
		inflated, err := gzip.NewReader(bytes.NewReader(body))
		if err == nil {
			body, err = io.ReadAll(inflated)
		}
		if err != nil {
			t.Errorf("gzip of %d bytes: %v", len(content), err)
		}
	}
	if !bytes.Equal(body, content) {
		t.Errorf("GET of %d bytes with gzip: %s with %d", len(content), answer.Status, len(body))
	}
}

// awaitDrained waits until no content is in the catalog only.
func awaitDrained(t *testing.T, s *Server) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get(s.URL + "/health")
		if err != nil {
			t.Fatal(err)
		}
		var health struct {
			Undrained int64 `json:"undrained_blobs"`
		}
		err = json.NewDecoder(answer.Body).Decode(&health)
		answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if health.Undrained == 0 {
			return
		}
	}
	t.Fatal("small contents are not drained")
}

func bucketFiles(t *testing.T, bucket *s3test.Server, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(bucket.BucketDir(filepath.FromSlash(dir)), "blobs", "??", "*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return slices.DeleteFunc(files, func(file string) bool { return filepath.Base(file) == string(blob.MarkKey) })
}

func wantInBucket(t *testing.T, bucket *s3test.Server, dir string, want int) {
	t.Helper()
	if got := bucketFiles(t, bucket, dir); len(got) != want {
		t.Errorf("the bucket has %d objects, want %d: %v", len(got), want, got)
	}
}

// A content whose backend is away is refused in words, whatever part of it is
// asked for. What is known without it is answered.
func TestReadsWhileTheBucketIsAway(t *testing.T) {
	bucket := s3test.Start(t)
	s := Start(t, onS3(bucket.Bucket(t, "away")))
	doc, err := s.Client.Push(t.Context(), client.PushInput{Filename: "large.bin", Body: bytes.NewReader(blobtest.Random(500_000))})
	if err != nil {
		t.Fatal(err)
	}
	bucket.Stop()
	for _, test := range []struct {
		method, ranges string
		status         int
	}{
		{http.MethodHead, "", http.StatusOK},
		{http.MethodGet, "", http.StatusServiceUnavailable},
		{http.MethodGet, "bytes=100-199", http.StatusServiceUnavailable},
		{http.MethodGet, "bytes=100-199,300000-", http.StatusServiceUnavailable},
	} {
		r, err := http.NewRequestWithContext(t.Context(), test.method, s.URL+"/documents/"+string(doc.ID), nil)
		if err != nil {
			t.Fatal(err)
		}
		if test.ranges != "" {
			r.Header.Set("Range", test.ranges)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Errorf("%s %s: %v", test.method, test.ranges, err)
			continue
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != test.status {
			t.Errorf("%s %s: %d, %v, want %d", test.method, test.ranges, answer.StatusCode, err, test.status)
		}
		if test.status != http.StatusOK && (!strings.Contains(string(body), `"code":"backend_unavailable"`) || answer.Header.Get("Content-Range") != "") {
			t.Errorf("%s %s: %v %s, want a problem of the backend", test.method, test.ranges, answer.Header, body)
		}
	}
}

// A backend is chosen when a collection or book is made.
func TestBackendIsChosen(t *testing.T) {
	bucket := s3test.Start(t)
	options := bucket.Bucket(t, "chosen")
	s := Start(t, func(c *config.Config) { c.Storage.Backends["bucket"] = s3Backend(options) })
	collection, err := s.Client.CreateCollection(t.Context(), client.CollectionInput{Name: "far-away", Backend: "bucket"})
	if err != nil || collection.Backend != "bucket" {
		t.Errorf("a collection on the backend bucket: %q, %v", collection.Backend, err)
	}
	book, err := s.Client.CreateBook(t.Context(), client.BookInput{ID: "a-book", Backend: "bucket"})
	if err != nil || book.Backend != "bucket" {
		t.Errorf("a book on the backend bucket: %q, %v", book.Backend, err)
	}
	if near, err := s.Client.CreateCollection(t.Context(), client.CollectionInput{Name: "near-by"}); err != nil || near.Backend != "fs" {
		t.Errorf("a collection that names no backend: %q, %v, want fs", near.Backend, err)
	}
	for what, create := range map[string]func(backend string) error{
		"collection": func(backend string) error {
			_, err := s.Client.CreateCollection(t.Context(), client.CollectionInput{Name: "nowhere", Backend: backend})
			return err
		},
		"book": func(backend string) error {
			_, err := s.Client.CreateBook(t.Context(), client.BookInput{ID: "no-book", Backend: backend})
			return err
		},
	} {
		err := create("tape")
		if sheaf.KindOf(err) != sheaf.ErrInvalid || !strings.Contains(err.Error(), `no storage backend is named "tape"; there are bucket, fs`) {
			t.Errorf("a %s on a backend that is not there: %v, want an invalid that names those there are", what, err)
		}
	}
	if _, err := s.Client.Push(t.Context(), client.PushInput{Filename: "a.txt", Collection: "far-away", Body: strings.NewReader("far away")}); err != nil {
		t.Fatal(err)
	}
	awaitDrained(t, s)
	wantInBucket(t, bucket, "chosen", 1)

	backends, err := s.Client.Backends(t.Context())
	want := []sheaf.BackendInfo{
		{Name: "bucket", Kind: "s3", Presigns: true, Collections: 2},
		{Name: "fs", Kind: "fs", Default: true, Collections: 2},
	}
	if err != nil || !slices.Equal(backends, want) {
		t.Errorf("backends: %+v, %v; want %+v", backends, err, want)
	}
}

// The test of a backend says what is wrong with it.
func TestBackendTest(t *testing.T) {
	bucket := s3test.Start(t)
	good := bucket.Bucket(t, "tested")
	changed := func(change func(*s3blob.Options)) config.Backend {
		o := good
		change(&o)
		return s3Backend(o)
	}
	s := Start(t, func(c *config.Config) {
		c.Storage.Backends["good"] = s3Backend(good)
		c.Storage.Backends["other-key"] = changed(func(o *s3blob.Options) { o.AccessKey = "somebody" })
		c.Storage.Backends["other-secret"] = changed(func(o *s3blob.Options) { o.SecretKey = "wrong" })
		c.Storage.Backends["other-bucket"] = changed(func(o *s3blob.Options) { o.Bucket = "elsewhere" })
		c.Storage.Backends["other-region"] = changed(func(o *s3blob.Options) { o.Region = "eu-central-1" })
		c.Storage.Backends["host-style"] = changed(func(o *s3blob.Options) { o.Endpoint, o.VirtualHost = "http://host.invalid", true })
		c.Storage.Backends["nobody"] = changed(func(o *s3blob.Options) { o.Endpoint = "http://127.0.0.1:1" })
	})
	for backend, want := range map[string]string{
		"good":         "write ok, stat ok, read ok, range ok, list ok, clock ok, presign_get ok, presign_put ok, delete ok",
		"fs":           "write ok, stat ok, read ok, range ok, list ok, clock skipped, presign_get skipped, presign_put skipped, delete ok",
		"other-key":    failsBy("credentials"),
		"other-secret": failsBy("credentials"),
		"other-bucket": failsBy("bucket"),
		"other-region": failsBy("region"),
		"host-style":   failsBy("path_style"),
		"nobody":       failsBy("unreachable"),
	} {
		test, err := s.Client.TestBackend(t.Context(), backend)
		if err != nil {
			t.Errorf("test of %s: %v", backend, err)
			continue
		}
		var steps []string
		for _, step := range test.Steps {
			text := fmt.Sprintf("%s %s", step.Step, step.Status)
			if step.Fault != "" {
				text += " " + step.Fault
			}
			steps = append(steps, text)
			if step.Status == sheaf.StepFailed && (step.Message == "" || step.Hint == "") {
				t.Errorf("test of %s: %s says not what to do: %+v", backend, step.Step, step)
			}
			if text := fmt.Sprint(step); strings.Contains(text, good.SecretKey) || strings.Contains(text, "Signature=") {
				t.Errorf("test of %s: %s tells a secret: %+v", backend, step.Step, step)
			}
		}
		if got := strings.Join(steps, ", "); got != want || test.OK != (backend == "good" || backend == "fs") {
			t.Errorf("test of %s: ok %t, %s; want %s", backend, test.OK, got, want)
		}
	}
	wantInBucket(t, bucket, "tested", 0)
	if _, err := s.Client.TestBackend(t.Context(), "tape"); sheaf.KindOf(err) != sheaf.ErrNotFound {
		t.Errorf("test of a backend that is not there: %v, want not_found", err)
	}
}

// What stands before a bucket can spoil what only a look from outside shows.
func TestBackendTestBehindProxies(t *testing.T) {
	bucket := s3test.Start(t)
	options := bucket.Bucket(t, "proxied")
	target, err := url.Parse(bucket.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	signedURL := func(r *http.Request) bool { return r.URL.Query().Has("X-Amz-Signature") }
	for _, test := range []struct {
		name   string
		refuse func(*http.Request) bool
		answer func(*http.Response) error
		want   string
		fault  string
	}{
		{"refuses signed URLs", signedURL, nil, "presign_get, presign_put", "presign"},
		{"refuses uploads by signed URLs", func(r *http.Request) bool { return signedURL(r) && r.Method == http.MethodPut }, nil, "presign_put", "presign"},
		{"does not permit to delete", func(r *http.Request) bool { return r.Method == http.MethodDelete }, nil, "presign_put, delete", "permission"},
		{"does not permit to list", func(r *http.Request) bool { return r.URL.Query().Has("list-type") }, nil, "list, clock", "permission"},
		{"has another time", nil, func(r *http.Response) error {
			r.Header.Set("Date", time.Now().Add(-5*time.Minute).UTC().Format(http.TimeFormat))
			return nil
		}, "clock", "clock"},
	} {
		t.Run(test.name, func(t *testing.T) {
			forward := &httputil.ReverseProxy{
				Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host }, // which is signed
				ModifyResponse: test.answer,
			}
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if test.refuse != nil && test.refuse(r) {
					w.Header().Set("Content-Type", "application/xml")
					w.WriteHeader(http.StatusForbidden)
					io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>not here</Message></Error>")
					return
				}
				forward.ServeHTTP(w, r)
			}))
			defer proxy.Close()
			proxied := options
			proxied.Endpoint = proxy.URL
			s := Start(t, onS3(proxied))
			result, err := s.Client.TestBackend(t.Context(), "bucket")
			if err != nil {
				t.Fatal(err)
			}
			var failed []string
			for _, step := range result.Steps {
				if step.Status == sheaf.StepFailed {
					failed = append(failed, step.Step)
					if step.Fault != test.fault {
						t.Errorf("%s: fault %q, want %q: %+v", step.Step, step.Fault, test.fault, step)
					}
				}
			}
			if got := strings.Join(failed, ", "); got != test.want {
				t.Errorf("failed: %s, want %s: %+v", got, test.want, result.Steps)
			}
		})
	}
}

// failsBy returns the steps of a test that fails by one fault throughout.
func failsBy(fault string) string {
	return strings.ReplaceAll("write failed F, stat skipped, read skipped, range skipped, list failed F, clock failed F, presign_get skipped, presign_put skipped, delete failed F",
		"F", fault)
}
