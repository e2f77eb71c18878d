package s3blob

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// mostTemp is how large an object can be that is put at once.
const mostTemp = 5 << 30

// PutTemp implements [blob.Materializer]. The body is sent while it is read, and
// so without its digest in the signature. Of one that breaks off versitygw keeps
// what has arrived, although it is shorter than the Content-Length.
func (b *Backend) PutTemp(ctx context.Context, name string, body io.Reader, size int64, mimeType string) error {
	temp, err := b.temp(name)
	if err != nil {
		return err
	}
	if size > mostTemp {
		return sheaf.Errorf(sheaf.ErrTooLarge, "an object of %d bytes cannot be put at once, the limit is %d", size, int64(mostTemp))
	}
	sent := &sentBody{Reader: io.LimitReader(contextReader{ctx, body}, size)}
	_, err = b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.options.Bucket, Key: &temp, Body: sent, ContentLength: &size, ContentType: optional(mimeType),
	}, s3.WithAPIOptions(v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware))
	if sent.err != nil { // the SDK reads no more
		return fmt.Errorf("put the temporary object %s: %w", name, sent.err)
	}
	return b.explain(ctx, "put the temporary object "+name, err)
}

// A sentBody remembers why it could not be read: a request fails with something
// else then.
type sentBody struct {
	io.Reader
	err error
}

func (s *sentBody) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// StatTemp implements [blob.Materializer].
func (b *Backend) StatTemp(ctx context.Context, name string) (blob.Staged, error) {
	temp, err := b.temp(name)
	if err != nil {
		return blob.Staged{}, err
	}
	size, modified, err := b.stat(ctx, temp)
	switch {
	case isMissing(err):
		return blob.Staged{}, sheaf.Errorf(sheaf.ErrNotFound, "there is no temporary object %s", name)
	case err != nil:
		return blob.Staged{}, b.explain(ctx, "look at the temporary object "+name, err)
	}
	return blob.Staged{Name: name, Size: size, Modified: modified}, nil
}

// PresignTemp implements [blob.Materializer].
func (b *Backend) PresignTemp(ctx context.Context, name string, in blob.Download) (blob.Grant, error) {
	temp, err := b.temp(name)
	if err != nil {
		return blob.Grant{}, err
	}
	return b.presignGet(ctx, temp, in)
}

// ListTemp implements [blob.Materializer].
func (b *Backend) ListTemp(ctx context.Context, yield func(blob.Staged) error) error {
	return b.list(ctx, tempDir, func(name string, size int64, modified time.Time) error {
		if !blob.StagedName(name) {
			return nil
		}
		return yield(blob.Staged{Name: name, Size: size, Modified: modified})
	})
}

// DeleteTemp implements [blob.Materializer].
func (b *Backend) DeleteTemp(ctx context.Context, name string) error {
	temp, err := b.temp(name)
	if err != nil {
		return err
	}
	return b.remove(ctx, "delete the temporary object "+name, temp)
}

// temp returns the name of a temporary object in the bucket.
func (b *Backend) temp(name string) (string, error) {
	if !blob.StagedName(name) {
		return "", fmt.Errorf("%q is not the name of a temporary object", name)
	}
	return b.prefix + tempDir + name, nil
}

// stat says what is known of anything in the bucket. Its error is the SDK's.
func (b *Backend) stat(ctx context.Context, name string) (size int64, modified time.Time, err error) {
	head, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.options.Bucket, Key: &name})
	if err == nil {
		return aws.ToInt64(head.ContentLength), aws.ToTime(head.LastModified), nil
	}
	if statusOf(err) == 0 {
		return 0, time.Time{}, err
	}
	// The answer to HEAD has no body, and so does not tell a missing object
	// from a missing bucket, or a wrong key from a missing permission.
	get, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.options.Bucket, Key: &name})
	if err != nil {
		return 0, time.Time{}, err
	}
	get.Body.Close()
	return aws.ToInt64(get.ContentLength), aws.ToTime(get.LastModified), nil
}
