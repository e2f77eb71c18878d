package s3blob_test

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/s3blob"
	"github.com/sheaf-dev/sheaf/internal/blob/s3test"
)

func open(t *testing.T, o s3blob.Options) *s3blob.Backend {
	t.Helper()
	b, err := s3blob.New(o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return b
}

func TestContract(t *testing.T) {
	server := s3test.Start(t)
	for _, test := range []struct{ name, prefix string }{
		{"the whole bucket", ""},
		{"below a prefix", "books/of_2026"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var buckets atomic.Int32
			blobtest.Run(t, func(t *testing.T) blob.Backend {
				options := server.Bucket(t, fmt.Sprintf("contract-%d-%d", len(test.prefix), buckets.Add(1)))
				options.Prefix = test.prefix
				return open(t, options)
			})
		})
	}
}

// A body is read to find its digest, and then to send it: the SDK once read it a
// third time to find the digest that it had been told.
func TestBodyIsReadTwice(t *testing.T) {
	b := open(t, s3test.Start(t).Bucket(t, "read-twice"))
	content := blobtest.Random(1 << 20)
	body := &countedBody{Reader: bytes.NewReader(content)}
	if err := b.Put(t.Context(), blobtest.KeyOf(content), body, int64(len(content))); err != nil {
		t.Fatal(err)
	}
	if body.read > 2*len(content) {
		t.Errorf("%d bytes were read of a body of %d", body.read, len(content))
	}
}

type countedBody struct {
	*bytes.Reader
	read int
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.read += n
	return n, err
}

// WriteTo hides that of the Reader, which nobody would count.
func (b *countedBody) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{b})
}
