package supablob

import (
	"cmp"
	"context"
	"io"

	"github.com/sheaf-dev/sheaf/internal/blob"
)

// PutTemp implements [blob.Materializer].
func (b *Backend) PutTemp(ctx context.Context, name string, body io.Reader, size int64, mimeType string) error {
	return b.create(ctx, tempFolder+"/"+name, cmp.Or(mimeType, octets), body, size, true)
}

// StatTemp implements [blob.Materializer].
func (b *Backend) StatTemp(ctx context.Context, name string) (blob.Staged, error) {
	answer, err := b.head(ctx, tempFolder+"/"+name)
	if err != nil {
		return blob.Staged{}, err
	}
	return blob.Staged{Name: name, Size: answer.ContentLength, Modified: answer.modified()}, nil
}

// PresignTemp implements [blob.Materializer].
func (b *Backend) PresignTemp(ctx context.Context, name string, in blob.Download) (blob.Grant, error) {
	return b.presignGet(ctx, tempFolder+"/"+name, in)
}

// ListTemp implements [blob.Materializer].
func (b *Backend) ListTemp(ctx context.Context, yield func(blob.Staged) error) error {
	return b.listFolder(ctx, tempFolder, yield)
}

// DeleteTemp implements [blob.Materializer].
func (b *Backend) DeleteTemp(ctx context.Context, name string) error {
	return b.remove(ctx, tempFolder+"/"+name)
}
