package s3blob_test

import (
	"fmt"
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
