package s3blob_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/s3test"
)

// A recorder keeps the headers of the requests that it makes.
type recorder struct {
	mu       sync.Mutex
	requests []*http.Request // guarded by mu
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.requests = append(r.requests, req.Clone(req.Context()))
	r.mu.Unlock()
	return http.DefaultTransport.RoundTrip(req)
}

// The S3 endpoint of Supabase ignores If-None-Match, wants the source of a copy as
// it is, and takes the JWT of a user for a session token. So the first is not relied
// on, nothing has a name that is another one when it is escaped, and all requests
// have the token and sign it.
func TestAsSupabaseWantsIt(t *testing.T) {
	const token = "header.payload.signature"
	options := s3test.Start(t).Bucket(t, "as-supabase.wants-it")
	requests := &recorder{}
	options.Prefix, options.SessionToken, options.Transport = "all_of/2026.11-22", token, requests
	b := open(t, options)
	content := blobtest.Random(5000)
	key := blobtest.KeyOf(content)
	ctx := t.Context()
	steps := []func() error{
		func() error { return b.Put(ctx, key, bytes.NewReader(content), 5000) },
		func() error { return b.Put(ctx, key, bytes.NewReader(content), 5000) },
		func() error { return b.Quarantine(ctx, key) },
		func() error { return b.Unquarantine(ctx, key) },
		func() error { _, err := b.Stat(ctx, key); return err },
		func() error { return b.List(ctx, func(blob.Info) error { return nil }) },
		func() error { return b.Delete(ctx, key) },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			t.Errorf("step %d: %v", i, err)
		}
	}
	copies := 0
	for _, r := range requests.requests {
		what := r.Method + " " + r.URL.Path
		if r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Match") != "" {
			t.Errorf("%s depends on a condition", what)
		}
		if r.Header.Get("X-Amz-Security-Token") != token || !strings.Contains(r.Header.Get("Authorization"), "x-amz-security-token") {
			t.Errorf("%s has the token %q and signs %q", what, r.Header.Get("X-Amz-Security-Token"), r.Header.Get("Authorization"))
		}
		if source := r.Header.Get("X-Amz-Copy-Source"); source != "" {
			copies++
			if escaped := (&url.URL{Path: source}).EscapedPath(); escaped != source || url.QueryEscape(source) != strings.ReplaceAll(source, "/", "%2F") {
				t.Errorf("%s copies from %q, which is %q when it is escaped", what, source, escaped)
			}
		}
	}
	if copies != 2 {
		t.Errorf("%d requests copy, want 2", copies)
	}
	grant, err := b.PresignGet(ctx, key, blob.Download{Lifetime: time.Minute})
	if err != nil || !strings.Contains(grant.URL, "X-Amz-Security-Token="+url.QueryEscape(token)) {
		t.Errorf("a presigned URL is %s, %v, want it with the token", grant.URL, err)
	}
}
