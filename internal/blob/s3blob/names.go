package s3blob

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sheaf-dev/sheaf"
)

// Names are objects of a bucket by names that people have given them: files of
// others beside the blobs of the store, below a prefix of their own.
type Names struct {
	backend *Backend
	dir     string // with a slash at its end, unless it is empty
}

// Names returns the objects below a prefix of the backend's own, such as "books/".
// It fails with ErrInvalid when blobs may be there.
func (b *Backend) Names(prefix string) (*Names, error) {
	trimmed := strings.Trim(prefix, "/")
	if err := checkPrefix(trimmed); err != nil || trimmed == "" {
		return nil, sheaf.Invalid("prefix", "the prefix in the bucket is missing, or is none: letters, digits, dots, hyphens and underscores, with single slashes between")
	}
	for _, own := range []string{blobsDir, stagingDir, quarantineDir} {
		if strings.HasPrefix(trimmed+"/", own) {
			return nil, sheaf.Invalid("prefix", fmt.Sprintf("%s is where the store keeps its own", own))
		}
	}
	return &Names{backend: b, dir: trimmed + "/"}, nil
}

// ListNames calls each for all objects, by their names below the prefix, until it
// returns an error.
func (n *Names) ListNames(ctx context.Context, each func(name string, size int64) error) error {
	return n.backend.list(ctx, n.dir, func(name string, size int64, _ time.Time) error { return each(name, size) })
}

// OpenName opens an object. The caller closes it; ctx is for reading, too.
func (n *Names) OpenName(ctx context.Context, name string) (io.ReadCloser, error) {
	b, key := n.backend, n.backend.prefix+n.dir+name
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.options.Bucket, Key: &key})
	if err != nil {
		return nil, b.explain(ctx, "read "+sheaf.Clip(name), err)
	}
	return &reader{ctx: ctx, backend: b, body: out.Body, what: "read " + sheaf.Clip(name)}, nil
}

// PutName stores size bytes of body under a name, in place of what is there.
func (n *Names) PutName(ctx context.Context, name string, body io.Reader, size int64) error {
	b, key := n.backend, n.backend.prefix+n.dir+name
	p, err := b.prepare(ctx, body, size)
	if err != nil {
		return fmt.Errorf("write %s: %w", sheaf.Clip(name), err)
	}
	defer p.close()
	return b.explain(ctx, "write "+sheaf.Clip(name), b.send(ctx, key, p))
}
