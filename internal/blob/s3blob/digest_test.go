package s3blob_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/s3blob"
)

type answering func(*http.Request) (*http.Response, error)

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

// What is put is signed with its digest over TLS too, so that the service
// compares it.
func TestDigestIsSignedOverTLS(t *testing.T) {
	content := blobtest.Random(5000)
	var said string
	b := open(t, s3blob.Options{
		Endpoint: "https://s3.example", Region: "auto", Bucket: "bucket", AccessKey: "key", SecretKey: "secret", SpoolDir: t.TempDir(),
		Transport: answering(func(r *http.Request) (*http.Response, error) {
			said = r.Header.Get("X-Amz-Content-Sha256")
			_, err := io.Copy(io.Discard, r.Body)
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("")), Request: r}, err
		}),
	})
	key := blobtest.KeyOf(content)
	if err := b.Put(t.Context(), key, bytes.NewReader(content), int64(len(content))); err != nil {
		t.Fatal(err)
	}
	if said != string(key) {
		t.Errorf("the signature is of a content %q, not of %q", said, key)
	}
}
