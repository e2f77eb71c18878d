package supablob

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/sheaf-dev/sheaf/internal/blob"
)

// PutTemp implements [blob.Materializer].
func (b *Backend) PutTemp(ctx context.Context, name string, body io.Reader, size int64, mimeType string) error {
	temp, err := tempName(name)
	if err != nil {
		return err
	}
	return b.create(ctx, temp, cmp.Or(mimeType, octets), body, size, true)
}

// StatTemp implements [blob.Materializer].
func (b *Backend) StatTemp(ctx context.Context, name string) (blob.Staged, error) {
	temp, err := tempName(name)
	if err != nil {
		return blob.Staged{}, err
	}
	answer, err := b.head(ctx, temp)
	if err != nil {
		return blob.Staged{}, err
	}
	return blob.Staged{Name: name, Size: answer.ContentLength, Modified: answer.modified()}, nil
}

// PresignTemp implements [blob.Materializer].
func (b *Backend) PresignTemp(ctx context.Context, name string, in blob.Download) (blob.Grant, error) {
	temp, err := tempName(name)
	if err != nil {
		return blob.Grant{}, err
	}
	return b.presignGet(ctx, temp, in)
}

// ListTemp implements [blob.Materializer].
func (b *Backend) ListTemp(ctx context.Context, yield func(blob.Staged) error) error {
	return b.listFolder(ctx, tempFolder, yield)
}

// DeleteTemp implements [blob.Materializer].
func (b *Backend) DeleteTemp(ctx context.Context, name string) error {
	temp, err := tempName(name)
	if err != nil {
		return err
	}
	return b.remove(ctx, temp)
}

// tempName returns the key in the bucket of a temporary object.
func tempName(name string) (string, error) {
	if !blob.StagedName(name) {
		return "", fmt.Errorf("%q is not the name of a temporary object", name)
	}
	return tempFolder + "/" + name, nil
}
