// Package s3blob keeps blobs in a bucket of a service that speaks the protocol of
// Amazon S3: AWS itself, Cloudflare R2, MinIO, the S3 endpoint of Supabase.
//
//	<prefix>blobs/ab/<key>                  an object; ab is how its key begins
//	<prefix>staging/<name>                  what others uploaded, see [blob.Presigner]
//	<prefix>.temp/<name>                    what others download, see [blob.Materializer]
//	<prefix>quarantine/<key>.<unix ns>      an object that was damaged
//
// Of the protocol only what all of these services do is used: no conditional
// writes, no multipart uploads, no listing but version 2, and names of letters
// that mean the same escaped or not. What makes that enough is that keys are
// names of contents: to store one twice changes nothing.
//
// Every call is one attempt. Who wants more wraps the backend.
package s3blob

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// Options say which bucket, and as whom.
type Options struct {
	Endpoint string // URL of the service; empty: that of AWS in the region
	Region   string // "auto" for Cloudflare R2
	Bucket   string
	Prefix   string // of all names in the bucket, without a slash at its end; may be empty

	AccessKey    string
	SecretKey    string
	SessionToken string // of temporary credentials, and of users of Supabase; else empty

	// VirtualHost puts the bucket into the host name instead of the path.
	VirtualHost bool

	// SpoolDir is where bodies that can be read only once wait until all of
	// them is there. Empty is the system's directory for temporary files.
	SpoolDir string

	// Transport makes the requests. Nil is one of the backend's own.
	Transport http.RoundTripper
}

// A Backend keeps objects in a bucket. It implements [blob.Backend],
// [blob.BatchPutter], [blob.Unquarantiner], [blob.Presigner], [blob.Materializer],
// [blob.Clocked] and [blob.Named].
type Backend struct {
	options Options
	client  *s3.Client
	presign *s3.PresignClient
	prefix  string // with a slash at its end, or empty
}

var (
	_ blob.Backend       = (*Backend)(nil)
	_ blob.BatchPutter   = (*Backend)(nil)
	_ blob.Unquarantiner = (*Backend)(nil)
	_ blob.Presigner     = (*Backend)(nil)
	_ blob.Materializer  = (*Backend)(nil)
	_ blob.Clocked       = (*Backend)(nil)
	_ blob.Named         = (*Backend)(nil)
)

var bucketName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$`)

func checkBucket(name string) error {
	if !bucketName.MatchString(name) {
		return fmt.Errorf("%q is not the name of a bucket: 2 to 63 letters, digits, dots, hyphens and underscores", name)
	}
	return nil
}

// New returns a backend in a bucket. It makes no request: whether the bucket is
// there shows when it is used.
func New(o Options) (*Backend, error) {
	err := checkBucket(o.Bucket)
	if o.Prefix != "" {
		err = errors.Join(err, blob.CheckPrefix(o.Prefix))
	}
	if err != nil {
		return nil, err
	}
	if o.Region == "" {
		return nil, errors.New("the region is missing")
	}
	if o.Transport == nil {
		o.Transport = newTransport()
	}
	b := &Backend{options: o}
	if o.Prefix != "" {
		b.prefix = o.Prefix + "/"
	}
	b.client = s3.New(s3.Options{
		Region:       o.Region,
		BaseEndpoint: optional(o.Endpoint),
		UsePathStyle: !o.VirtualHost,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: o.AccessKey, SecretAccessKey: o.SecretKey, SessionToken: o.SessionToken}, nil
		}),
		HTTPClient: &http.Client{
			Transport: o.Transport,
			// An answer that points elsewhere says that the region is wrong.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		// Blobs are verified by their digests. The checksums that the SDK would
		// add by itself are unknown to other services.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		Retryer:                    aws.NopRetryer{},
		AppID:                      "sheaf",
	})
	b.presign = s3.NewPresignClient(b.client)
	return b, nil
}

// newTransport returns a transport for many requests to one host.
func newTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = 0 // no bound but the next
	t.MaxIdleConnsPerHost = 64
	t.ResponseHeaderTimeout = time.Minute
	t.DisableCompression = true // what is stored is wanted as it is
	// All requests would share one connection, and wait for what it has lost.
	t.ForceAttemptHTTP2 = false
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	return t
}

// optional returns nil for "".
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Put implements [blob.Backend]. An object that is there is written again, with
// the same bytes: to ask first would cost most calls a request more. The service
// checks the digest of what arrives before anybody sees it.
func (b *Backend) Put(ctx context.Context, key blob.Key, body io.Reader, size int64) error {
	name, err := b.object(key)
	if err != nil {
		return err
	}
	p, err := b.prepare(ctx, body, size)
	if err != nil {
		return fmt.Errorf("put blob %s: %w", key, err)
	}
	defer p.close()
	return b.explain(ctx, "put blob "+string(key), b.send(ctx, name, p))
}

// binaryType is what objects are stored as: the catalog knows their real types.
const binaryType = "application/octet-stream"

// Open implements [blob.Backend].
func (b *Backend) Open(ctx context.Context, key blob.Key, offset, length int64) (io.ReadCloser, error) {
	name, err := b.object(key)
	if err != nil {
		return nil, err
	}
	if length == 0 { // which no range can say
		_, err := b.Stat(ctx, key)
		return http.NoBody, err
	}
	in := &s3.GetObjectInput{Bucket: &b.options.Bucket, Key: &name}
	ranged := offset > 0 || length > 0
	if ranged {
		in.Range = aws.String(byteRange(offset, length))
	}
	out, err := b.client.GetObject(ctx, in)
	switch {
	case codeOf(err) == "InvalidRange":
		return http.NoBody, nil // there is nothing from offset on
	case err != nil:
		return nil, b.missingOr(ctx, key, err)
	case ranged && !covers(out, offset, length):
		out.Body.Close()
		return nil, blob.NewFault(blob.FaultEndpoint, "the storage backend does not answer with the range that it is asked for",
			"a proxy before it may drop the header Range", nil)
	}
	return &reader{ctx: ctx, backend: b, body: out.Body, what: "read blob " + string(key)}, nil
}

// byteRange returns the value of a header Range.
func byteRange(offset, length int64) string {
	if length < 0 {
		return fmt.Sprintf("bytes=%d-", offset)
	}
	return fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)
}

// covers reports whether an answer has the part of an object that was asked for,
// as far as the object has it: an answer that was cut short on the way may have a
// length that agrees with it.
func covers(out *s3.GetObjectOutput, offset, length int64) bool {
	var begin, last, size int64
	n, err := fmt.Sscanf(aws.ToString(out.ContentRange), "bytes %d-%d/%d", &begin, &last, &size)
	if err != nil || n != 3 {
		return false
	}
	end := size
	if length > 0 {
		end = min(offset+length, size)
	}
	return begin == offset && last == end-1 && aws.ToInt64(out.ContentLength) == end-offset
}

// A reader reads from the bucket, and says what happened when it breaks off.
type reader struct {
	ctx     context.Context // of Open; Read has no argument for it
	backend *Backend
	body    io.ReadCloser
	what    string // is read
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	if err != nil && err != io.EOF {
		err = r.backend.explain(r.ctx, r.what, err)
	}
	return n, err
}

func (r *reader) Close() error { return r.body.Close() }

// Stat implements [blob.Backend].
func (b *Backend) Stat(ctx context.Context, key blob.Key) (blob.Info, error) {
	name, err := b.object(key)
	if err != nil {
		return blob.Info{}, err
	}
	size, modified, err := b.stat(ctx, name)
	if err != nil {
		return blob.Info{}, b.missingOr(ctx, key, err)
	}
	return blob.Info{Key: key, Size: size, Modified: modified}, nil
}

// List implements [blob.Backend]. It takes no notice of anything in the bucket
// that is not an object.
func (b *Backend) List(ctx context.Context, yield func(blob.Info) error) error {
	return b.list(ctx, blobsDir, func(name string, size int64, modified time.Time) error {
		partition, key, _ := strings.Cut(name, "/")
		if k := blob.Key(key); k.Valid() && key[:2] == partition {
			return yield(blob.Info{Key: k, Size: size, Modified: modified})
		}
		return nil
	})
}

// list calls each for everything below a directory, by its name within it.
func (b *Backend) list(ctx context.Context, dir string, each func(name string, size int64, modified time.Time) error) error {
	prefix := b.prefix + dir
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.options.Bucket, Prefix: &prefix},
		func(o *s3.ListObjectsV2PaginatorOptions) { o.StopOnDuplicateToken = true })
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return b.explain(ctx, "list blobs", err)
		}
		for _, o := range page.Contents {
			if err := each(strings.TrimPrefix(aws.ToString(o.Key), prefix), aws.ToInt64(o.Size), aws.ToTime(o.LastModified)); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// Delete implements [blob.Backend].
func (b *Backend) Delete(ctx context.Context, key blob.Key) error {
	name, err := b.object(key)
	if err != nil {
		return err
	}
	return b.remove(ctx, "delete blob "+string(key), name)
}

// remove removes what has a name in the bucket, if it is there.
func (b *Backend) remove(ctx context.Context, what, name string) error {
	_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.options.Bucket, Key: &name})
	if isMissing(err) { // the protocol wants success, and not everyone obeys
		return nil
	}
	return b.explain(ctx, what, err)
}

// Now implements [blob.Clocked].
func (b *Backend) Now(ctx context.Context) (time.Time, error) {
	page, err := b.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b.options.Bucket, MaxKeys: aws.Int32(1)})
	if err != nil {
		return time.Time{}, b.explain(ctx, "ask for the time", err)
	}
	now, ok := middleware.GetServerTime(page.ResultMetadata)
	if !ok {
		return time.Time{}, errors.New("the answer has no date")
	}
	return now, nil
}

// Directories of the bucket, below the prefix.
const (
	blobsDir      = "blobs/"
	stagingDir    = "staging/"
	tempDir       = ".temp/"
	quarantineDir = "quarantine/"
)

// object returns the name of an object in the bucket.
func (b *Backend) object(key blob.Key) (string, error) {
	if !key.Valid() {
		return "", fmt.Errorf("%q is not the key of a blob", string(key))
	}
	return b.prefix + blobsDir + string(key[:2]) + "/" + string(key), nil
}

// missingOr returns the error for an object that is not there, or explains
// another one.
func (b *Backend) missingOr(ctx context.Context, key blob.Key, err error) error {
	if isMissing(err) {
		return sheaf.Errorf(sheaf.ErrNotFound, "there is no blob %s", string(key))
	}
	return b.explain(ctx, "open blob "+string(key), err)
}
