package s3blob

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"github.com/sheaf-dev/sheaf/internal/blob"
)

// smallBody is how many bytes of a body that can be read only once wait in
// memory; more of them wait in a file.
const smallBody = 256 << 10

// A prepared body is complete and of the announced size, so that a request that
// has begun cannot fail for want of bytes.
type prepared struct {
	body   io.ReadSeeker // at its beginning
	size   int64
	digest string   // SHA-256, in hexadecimal
	spool  *os.File // that holds it; nil if it is elsewhere
}

// close removes what the body waited in.
func (p *prepared) close() {
	if p.spool != nil {
		p.spool.Close()
		os.Remove(p.spool.Name())
	}
}

// prepare reads a body to its end, and keeps it unless it can be read again from
// where it is. The caller closes what it gets.
func (b *Backend) prepare(ctx context.Context, body io.Reader, size int64) (*prepared, error) {
	sum := sha256.New()
	read := func(to io.Writer) error {
		n, err := io.Copy(io.MultiWriter(sum, to), contextReader{ctx, io.LimitReader(body, size+1)})
		if err == nil && n != size {
			err = fmt.Errorf("the body does not have the %d bytes that were announced", size)
		}
		return err
	}
	p := &prepared{size: size}
	if seeker, ok := body.(io.ReadSeeker); ok {
		start, err := seeker.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		if err := read(io.Discard); err != nil {
			return nil, err
		}
		if _, err := seeker.Seek(start, io.SeekStart); err != nil {
			return nil, err
		}
		p.body = &section{seeker, start}
	} else if size <= smallBody {
		var kept bytes.Buffer
		if err := read(&kept); err != nil {
			return nil, err
		}
		p.body = bytes.NewReader(kept.Bytes())
	} else {
		file, err := blob.SpoolFile(cmp.Or(b.options.SpoolDir, os.TempDir()))
		if err != nil {
			return nil, blob.AsDiskFull(err)
		}
		p.spool, p.body = file, file
		err = read(file)
		if err == nil {
			_, err = file.Seek(0, io.SeekStart)
		}
		if err != nil {
			p.close()
			return nil, blob.AsDiskFull(err)
		}
	}
	p.digest = hex.EncodeToString(sum.Sum(nil))
	return p, nil
}

// send puts a body into the bucket, under its digest: the service refuses what
// arrives as anything else.
func (b *Backend) send(ctx context.Context, name string, p *prepared) error {
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.options.Bucket, Key: &name, Body: p.body, ContentLength: &p.size, ContentType: aws.String(binaryType),
	}, s3.WithAPIOptions(func(stack *middleware.Stack) error {
		// The context of the call would not do: the SDK takes the digest off it,
		// and reads all of the body once more to find out.
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("KnownDigest",
			func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				return next.HandleInitialize(v4.SetPayloadHash(ctx, p.digest), in)
			}), middleware.Before)
	}))
	return err
}

// A section is what follows start in a body, so that what rewinds it to its
// beginning finds that of the content.
type section struct {
	io.ReadSeeker
	start int64
}

func (s *section) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		if offset < 0 {
			return 0, errors.New("seek before the beginning")
		}
		offset += s.start
	}
	at, err := s.ReadSeeker.Seek(offset, whence)
	return at - s.start, err
}

// A contextReader reads until its context is done.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
