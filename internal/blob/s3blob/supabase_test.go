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

// The S3 endpoint of Supabase ignores If-None-Match, and wants the source of a copy
// as it is. So nothing depends on a condition, and no name is another one when it is
// escaped.
func TestAsSupabaseWantsIt(t *testing.T) {
	options := s3test.Start(t).Bucket(t, "as-supabase.wants-it")
	requests := &recorder{}
	options.Prefix, options.Transport = "all_of/2026.11-22", requests
	b := open(t, options)
	content := blobtest.Random(5000)
	key := blobtest.KeyOf(content)
	for i, step := range []func() error{
		func() error { return b.Put(t.Context(), key, bytes.NewReader(content), 5000) },
		func() error { return b.Put(t.Context(), key, bytes.NewReader(content), 5000) },
		func() error { return b.Quarantine(t.Context(), key) },
		func() error { return b.Unquarantine(t.Context(), key) },
	} {
		if err := step(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	copies := 0
	for _, r := range requests.requests {
		if r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Match") != "" {
			t.Errorf("%s %s depends on a condition", r.Method, r.URL.Path)
		}
		source := r.Header.Get("X-Amz-Copy-Source")
		if source == "" {
			continue
		}
		copies++
		if strings.ReplaceAll(url.QueryEscape(source), "%2F", "/") != source || !strings.HasPrefix(source, "as-supabase.wants-it/all_of/2026.11-22/") {
			t.Errorf("a copy is from %q, want a name that is the same when it is escaped", source)
		}
	}
	if copies != 2 {
		t.Errorf("%d requests copy, want 2", copies)
	}
}

// Users of Supabase, and of temporary credentials, have a session token. All
// requests have and sign it, those that are presigned too. The server of the tests
// has no such users, and says so.
func TestSessionToken(t *testing.T) {
	const token = "header.payload.signature"
	options := s3test.Start(t).Bucket(t, "tokens")
	requests := &recorder{}
	options.SessionToken, options.Transport = token, requests
	b := open(t, options)
	for call, do := range calls(b) {
		wantFault(t, call, do(t.Context()), blob.FaultCredentials, "refuses the session token")
	}
	if len(requests.requests) < len(calls(b)) {
		t.Errorf("%d requests, want one of each call", len(requests.requests))
	}
	for _, r := range requests.requests {
		if r.Header.Get("X-Amz-Security-Token") != token || !strings.Contains(r.Header.Get("Authorization"), "x-amz-security-token") {
			t.Errorf("%s %s has the token %q and signs %q", r.Method, r.URL.Path, r.Header.Get("X-Amz-Security-Token"), r.Header.Get("Authorization"))
		}
	}
	grant, err := b.PresignGet(t.Context(), blobtest.KeyOf(nil), blob.Download{Lifetime: time.Minute})
	if err != nil || !strings.Contains(grant.URL, "X-Amz-Security-Token="+url.QueryEscape(token)) {
		t.Errorf("a presigned URL is %s, %v, want it with the token", grant.URL, err)
	}
}
