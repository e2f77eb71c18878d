package s3blob

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// Bounds of the lifetime of a presigned request. The protocol has the upper one.
const (
	leastLifetime = time.Second
	mostLifetime  = 7 * 24 * time.Hour
)

// Terms implements [blob.Presigner]. The protocol signs all there is to sign.
func (b *Backend) Terms() blob.Terms { return blob.Terms{MIME: true, Bound: true, Timely: true} }

// PresignGet implements [blob.Presigner]. It makes no request.
func (b *Backend) PresignGet(ctx context.Context, key blob.Key, in blob.Download) (blob.Grant, error) {
	name, err := b.object(key)
	if err != nil {
		return blob.Grant{}, err
	}
	return b.presignGet(ctx, name, in)
}

// presignGet grants reading anything in the bucket.
func (b *Backend) presignGet(ctx context.Context, name string, in blob.Download) (blob.Grant, error) {
	request := &s3.GetObjectInput{Bucket: &b.options.Bucket, Key: &name, ResponseContentType: optional(in.MIME)}
	if in.Filename != "" {
		request.ResponseContentDisposition = aws.String(mime.FormatMediaType("attachment", map[string]string{"filename": in.Filename}))
	}
	return granted(in.Lifetime, func(lifetime func(*s3.PresignOptions)) (*v4.PresignedHTTPRequest, error) {
		return b.presign.PresignGetObject(ctx, request, lifetime)
	})
}

// PresignPut implements [blob.Presigner]. The size and, if it is known, the
// SHA-256 are headers that the signature covers.
func (b *Backend) PresignPut(ctx context.Context, name string, in blob.Upload) (blob.Grant, error) {
	staged, err := b.staged(name)
	if err != nil {
		return blob.Grant{}, err
	}
	if in.Size < 0 {
		return blob.Grant{}, fmt.Errorf("presign an upload of %d bytes", in.Size)
	}
	request := &s3.PutObjectInput{Bucket: &b.options.Bucket, Key: &staged, ContentLength: &in.Size, ContentType: optional(in.MIME)}
	if in.SHA256 != "" {
		sum, err := hex.DecodeString(in.SHA256)
		if err != nil {
			return blob.Grant{}, fmt.Errorf("presign an upload: the SHA-256: %w", err)
		}
		request.ChecksumSHA256 = aws.String(base64.StdEncoding.EncodeToString(sum))
	}
	return granted(in.Lifetime, func(lifetime func(*s3.PresignOptions)) (*v4.PresignedHTTPRequest, error) {
		return b.presign.PresignPutObject(ctx, request, lifetime)
	})
}

// granted presigns a request for a time within the bounds of the protocol.
func granted(lifetime time.Duration, presign func(func(*s3.PresignOptions)) (*v4.PresignedHTTPRequest, error)) (blob.Grant, error) {
	lifetime = min(max(lifetime, leastLifetime), mostLifetime).Truncate(time.Second)
	expires := time.Now().Truncate(time.Second).Add(lifetime) // the signature has whole seconds, too
	signed, err := presign(s3.WithPresignExpires(lifetime))
	if err != nil {
		return blob.Grant{}, fmt.Errorf("presign a request: %w", err)
	}
	header := signed.SignedHeader.Clone()
	header.Del("Host") // which the URL says
	if len(header) == 0 {
		header = nil
	}
	return blob.Grant{Method: signed.Method, URL: signed.URL, Header: header, Expires: expires}, nil
}

// OpenStaged implements [blob.Presigner].
func (b *Backend) OpenStaged(ctx context.Context, name string) (io.ReadCloser, blob.Staged, error) {
	staged, err := b.staged(name)
	if err != nil {
		return nil, blob.Staged{}, err
	}
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.options.Bucket, Key: &staged})
	switch {
	case isMissing(err):
		return nil, blob.Staged{}, sheaf.Errorf(sheaf.ErrNotFound, "nothing was uploaded as %s yet", name)
	case err != nil:
		return nil, blob.Staged{}, b.explain(ctx, "open upload "+name, err)
	}
	info := blob.Staged{Name: name, Size: aws.ToInt64(out.ContentLength), Modified: aws.ToTime(out.LastModified)}
	return &reader{ctx: ctx, backend: b, body: out.Body, what: "read upload " + name}, info, nil
}

// ListStaged implements [blob.Presigner].
func (b *Backend) ListStaged(ctx context.Context, yield func(blob.Staged) error) error {
	return b.list(ctx, stagingDir, func(name string, size int64, modified time.Time) error {
		if !blob.StagedName(name) {
			return nil
		}
		return yield(blob.Staged{Name: name, Size: size, Modified: modified})
	})
}

// DeleteStaged implements [blob.Presigner].
func (b *Backend) DeleteStaged(ctx context.Context, name string) error {
	staged, err := b.staged(name)
	if err != nil {
		return err
	}
	return b.remove(ctx, "delete upload "+name, staged)
}

// staged returns the name of an upload in the bucket.
func (b *Backend) staged(name string) (string, error) {
	if !blob.StagedName(name) {
		return "", fmt.Errorf("%q is not the name of an upload", name)
	}
	return b.prefix + stagingDir + name, nil
}
