package s3blob

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// names are the objects of a directory of the bucket. It implements [blob.Names].
type names struct {
	backend *Backend
	dir     string // with a slash at its end
}

// Names implements [blob.Named].
func (b *Backend) Names(prefix string) (blob.Names, error) {
	dir, err := blob.NamesDir(prefix, blobsDir, stagingDir, tempDir, quarantineDir)
	if err != nil {
		return nil, err
	}
	return &names{backend: b, dir: dir}, nil
}

// ListNames implements [blob.Names].
func (n *names) ListNames(ctx context.Context, each func(blob.NamedObject) error) error {
	return n.backend.list(ctx, n.dir, func(name string, size int64, _ time.Time) error {
		return each(blob.NamedObject{Name: name, Size: size})
	})
}

// OpenName implements [blob.Names].
func (n *names) OpenName(ctx context.Context, name string) (io.ReadCloser, error) {
	b, key := n.backend, n.backend.prefix+n.dir+name
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.options.Bucket, Key: &key})
	switch {
	case isMissing(err):
		return nil, sheaf.Errorf(sheaf.ErrNotFound, "there is no object %s in the bucket", sheaf.Clip(name))
	case err != nil:
		return nil, b.explain(ctx, "read "+sheaf.Clip(name), err)
	}
	return &reader{ctx: ctx, backend: b, body: out.Body, what: "read " + sheaf.Clip(name)}, nil
}

// PutName implements [blob.Names]. The protocol takes any name.
func (n *names) PutName(ctx context.Context, name string, body io.Reader, size int64) error {
	b, key := n.backend, n.backend.prefix+n.dir+name
	p, err := b.prepare(ctx, body, size)
	if err != nil {
		return fmt.Errorf("write %s: %w", sheaf.Clip(name), err)
	}
	defer p.close()
	return b.explain(ctx, "write "+sheaf.Clip(name), b.send(ctx, key, p))
}
