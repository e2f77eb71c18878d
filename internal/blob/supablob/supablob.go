// Package supablob keeps blobs in a bucket of Supabase Storage, which it reaches
// over its REST API with the service key of a project. A project that offers the
// S3 protocol can be reached by that as well; what this package needs is the key
// that every project has.
//
// # Layout
//
//	blobs/ab/<key>        objects, by the first two digits of their keys
//	quarantine/<key>      damaged objects, put aside
//	staging/<name>        uploads that others were granted
//	.temp/<name>          what others download for a while
//
// Keys are partitioned because a listing is of one folder, by offset, and the
// server skips what is before the offset one by one.
//
// # Oddities
//
// Errors come with HTTP status 400 whatever they are, the real status and a code
// in the body; the answer to HEAD has no body, so that nothing says what is
// wrong. URLs for uploads are valid for two hours, whatever is asked for, and
// bind neither size nor digest.
package supablob

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// Folders of a bucket.
const (
	blobsFolder      = "blobs"
	quarantineFolder = "quarantine"
	stagingFolder    = "staging"
	tempFolder       = ".temp"
)

// basePath is where the storage of a hosted project is.
const basePath = "/storage/v1"

// Options say which bucket to use, and as whom.
type Options struct {
	// URL of the project, such as https://abc.supabase.co, or of the storage
	// itself if it is not at /storage/v1.
	URL        string
	ServiceKey string
	Bucket     string
}

// A Backend keeps objects in a bucket. It implements [blob.Backend],
// [blob.Presigner], [blob.Materializer], [blob.Unquarantiner], [blob.Clocked]
// and [blob.Named].
type Backend struct {
	base   string // of all URLs, without a trailing slash
	key    string // the service key; in no error and no log
	bucket string
	client *http.Client
}

var (
	_ blob.Backend       = (*Backend)(nil)
	_ blob.Presigner     = (*Backend)(nil)
	_ blob.Materializer  = (*Backend)(nil)
	_ blob.Unquarantiner = (*Backend)(nil)
	_ blob.Clocked       = (*Backend)(nil)
	_ blob.Named         = (*Backend)(nil)
)

// New returns the backend of a bucket. It makes no request.
func New(o Options) (*Backend, error) {
	u, err := url.Parse(strings.TrimRight(o.URL, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.User != nil {
		return nil, sheaf.Errorf(sheaf.ErrInvalid, "the URL of the Supabase project is not one such as https://abc.supabase.co")
	}
	if isPublicKey(o.ServiceKey) {
		return nil, sheaf.Errorf(sheaf.ErrInvalid, "the key of the Supabase project is the one for the public, to which every object looks missing").WithHint(keyHint)
	}
	if u.Path == "" {
		u.Path = basePath
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	transport.MaxIdleConnsPerHost = 64
	transport.DisableCompression = true // or stored bytes would not have the length that is announced
	return &Backend{
		base:   u.String(),
		key:    o.ServiceKey,
		bucket: o.Bucket,
		client: &http.Client{
			Transport: transport,
			// A redirect would take the service key elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// isPublicKey reports whether a key is the anon key of a project, a JSON Web Token
// of that role, or a publishable one.
func isPublicKey(key string) bool {
	claims, err := claimsOf(key)
	return err == nil && claims.Role == "anon" || strings.HasPrefix(key, "sb_publishable_")
}

// objectPath returns the path of the URL of what has a key in the bucket.
func (b *Backend) objectPath(name string) string {
	return "/object/" + b.bucket + "/" + (&url.URL{Path: name}).EscapedPath()
}

// objectName returns the key in the bucket of an object.
func objectName(key blob.Key) string { return blobsFolder + "/" + string(key[:2]) + "/" + string(key) }

// Put implements [blob.Backend]. Of a body that can be read again, it first
// tries to make a new object, which is what most are; any other may have to
// replace an object, and so looks before.
func (b *Backend) Put(ctx context.Context, key blob.Key, body io.Reader, size int64) error {
	again, rewindable := body.(io.Seeker)
	var start int64
	if rewindable {
		var err error
		if start, err = again.Seek(0, io.SeekCurrent); err != nil {
			return fmt.Errorf("put blob %s: %w", key, err)
		}
		if err := b.create(ctx, objectName(key), octets, body, size, false); !hasCode(err, codeExists) {
			return err
		}
	}
	rewind := func() error {
		if !rewindable {
			return nil
		}
		_, err := again.Seek(start, io.SeekStart)
		return err
	}
	info, err := b.Stat(ctx, key)
	switch {
	case err == nil && info.Size == size:
		// It may be what an attempt has left behind that was cut off before it
		// could make sure of what had arrived.
		if err := rewind(); err != nil {
			return fmt.Errorf("put blob %s: %w", key, err)
		}
		sum := md5.New()
		if _, err := io.Copy(sum, blob.Exactly(body, size)); err != nil {
			return fmt.Errorf("put blob %s: %w", key, err)
		}
		same, err := b.holds(ctx, objectName(key), size, sum.Sum(nil))
		if err != nil || same {
			return err
		}
		if !rewindable {
			return b.removeSpoilt(ctx, objectName(key))
		}
	case err != nil && sheaf.KindOf(err) != sheaf.ErrNotFound:
		return err
	}
	if err := rewind(); err != nil {
		return fmt.Errorf("put blob %s: %w", key, err)
	}
	return b.create(ctx, objectName(key), octets, body, size, true)
}

// create makes an object of a body, which has to have size bytes.
func (b *Backend) create(ctx context.Context, name, mimeType string, body io.Reader, size int64, upsert bool) error {
	sent := &sentBody{ctx: ctx, reader: blob.Exactly(body, size), sum: md5.New(), closed: make(chan struct{})}
	request := request{
		method: http.MethodPost, path: b.objectPath(name), size: size, body: sent,
		header: http.Header{"Content-Type": {mimeType}, "X-Upsert": {fmt.Sprint(upsert)}},
	}
	if size == 0 {
		// No request body is read of which none is announced.
		if _, err := sent.Read(make([]byte, 1)); err != io.EOF {
			return fmt.Errorf("put %s: %w", name, err)
		}
		request.body = nil
		sent.Close()
	}
	answer, err := b.do(ctx, request)
	<-sent.closed // an early answer does not end the reading at once
	switch {
	case sent.err != nil:
		return fmt.Errorf("put %s: %w", name, sent.err)
	case err != nil:
		return err
	}
	if err := answer.discard(); err != nil {
		return unavailable(err)
	}
	return b.confirm(ctx, name, size, sent.sum.Sum(nil))
}

// confirm makes sure that an object is what was sent: its bytes are about to be
// forgotten where they come from. What is wrong is removed.
func (b *Backend) confirm(ctx context.Context, name string, size int64, sum []byte) error {
	if same, err := b.holds(ctx, name, size, sum); err != nil || same {
		return err
	}
	return b.removeSpoilt(ctx, name)
}

// removeSpoilt removes an object that is not what it should be, and returns the
// error that says so.
func (b *Backend) removeSpoilt(ctx context.Context, name string) error {
	if err := b.remove(ctx, name); err != nil {
		return err
	}
	return unavailable(fmt.Errorf("what arrived of %s is not what was sent", name))
}

// holds reports whether an object has size bytes with an MD5. Its ETag is that,
// unless it was stored in parts or encrypted; it is read back then.
func (b *Backend) holds(ctx context.Context, name string, size int64, sum []byte) (bool, error) {
	answer, err := b.head(ctx, name)
	if err != nil || answer.ContentLength != size {
		return false, err
	}
	etag, err := hex.DecodeString(strings.Trim(strings.TrimPrefix(answer.Header.Get("ETag"), "W/"), `"`))
	if err == nil && bytes.Equal(etag, sum) {
		return true, nil
	}
	return b.reads(ctx, name, sum)
}

// reads reports whether an object reads as bytes with an MD5.
func (b *Backend) reads(ctx context.Context, name string, sum []byte) (bool, error) {
	body, err := b.openName(ctx, name, 0, -1)
	if err != nil {
		return false, err
	}
	defer body.Close()
	read := md5.New()
	if _, err := io.Copy(read, body); err != nil {
		return false, err
	}
	return bytes.Equal(read.Sum(nil), sum), nil
}

// sentBody remembers why it could not be read: what a request fails with then
// may be another error. It ends with its context, which the transport may notice
// only when all is sent.
type sentBody struct {
	ctx    context.Context
	reader io.Reader
	sum    hash.Hash // MD5, of what was read
	err    error     // settled once closed
	once   sync.Once
	closed chan struct{} // closed when nobody reads any more
}

// Close implements [io.Closer].
func (b *sentBody) Close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}

// Read implements [io.Reader].
func (b *sentBody) Read(p []byte) (int, error) {
	n, err := b.reader.Read(p)
	b.sum.Write(p[:n])
	if b.ctx.Err() != nil {
		n, err = 0, b.ctx.Err()
	}
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

// Open implements [blob.Backend].
func (b *Backend) Open(ctx context.Context, key blob.Key, offset, length int64) (io.ReadCloser, error) {
	if length == 0 { // HTTP has no range of nothing
		if _, err := b.Stat(ctx, key); err != nil {
			return nil, err
		}
		return http.NoBody, nil
	}
	return b.openName(ctx, objectName(key), offset, length)
}

// openName always asks for a range, also for one of all: its answer says how
// large the object is, so that one that is cut short on the way is not taken for
// an object that is.
func (b *Backend) openName(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	wanted := fmt.Sprintf("bytes=%d-", offset)
	if length > 0 {
		wanted += fmt.Sprint(offset + length - 1)
	}
	answer, err := b.do(ctx, request{
		method: http.MethodGet, path: b.objectPath(name), header: http.Header{"Range": {wanted}},
	})
	switch {
	case hasCode(err, codeRange):
		return http.NoBody, nil // nothing is there from offset on
	case err != nil:
		return nil, err
	case !answer.covers(offset, length):
		answer.Body.Close()
		return nil, unavailable(fmt.Errorf("GET of %s, %s, was answered with status %d, the range %q and %d bytes",
			name, wanted, answer.StatusCode, answer.Header.Get("Content-Range"), answer.ContentLength))
	}
	return &download{ctx: ctx, body: answer.Body}, nil
}

// Stat implements [blob.Backend].
func (b *Backend) Stat(ctx context.Context, key blob.Key) (blob.Info, error) {
	answer, err := b.head(ctx, objectName(key))
	if err != nil {
		return blob.Info{}, err
	}
	return blob.Info{Key: key, Size: answer.ContentLength, Modified: answer.modified()}, nil
}

// head asks for what is known of an object. When there is none, it asks again in
// a way that gets an answer with a body, which says so.
func (b *Backend) head(ctx context.Context, name string) (*answer, error) {
	path := b.objectPath(name)
	answer, err := b.do(ctx, request{method: http.MethodHead, path: path})
	if hasCode(err, codeUnsaid) {
		answer, err = b.do(ctx, request{method: http.MethodGet, path: path})
	}
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.ContentLength < 0 {
		return nil, unavailable(fmt.Errorf("the answer about %s has no Content-Length", name))
	}
	return answer, nil
}

// Delete implements [blob.Backend].
func (b *Backend) Delete(ctx context.Context, key blob.Key) error {
	return b.remove(ctx, objectName(key))
}

func (b *Backend) remove(ctx context.Context, name string) error {
	return b.call(ctx, http.MethodDelete, "/object/"+b.bucket, map[string]any{"prefixes": []string{name}}, nil)
}

// Now implements [blob.Clocked].
func (b *Backend) Now(ctx context.Context) (time.Time, error) {
	answer, err := b.do(ctx, request{method: http.MethodGet, path: "/bucket/" + b.bucket})
	if err != nil {
		return time.Time{}, err
	}
	if err := answer.discard(); err != nil {
		return time.Time{}, unavailable(err)
	}
	now, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return time.Time{}, blob.NewFault(blob.FaultEndpoint, "the answers of Supabase have no date", "a proxy before it may drop the header Date", err)
	}
	return now, nil
}

// Quarantine implements [blob.Quarantiner]. Of an object that is put aside again
// and again, the latest copy is kept.
func (b *Backend) Quarantine(ctx context.Context, key blob.Key) error {
	aside := quarantineFolder + "/" + string(key)
	err := b.move(ctx, objectName(key), aside)
	if hasCode(err, codeExists) { // a move replaces nothing
		if err := b.remove(ctx, aside); err != nil {
			return err
		}
		err = b.move(ctx, objectName(key), aside)
	}
	if sheaf.KindOf(err) == sheaf.ErrNotFound {
		return nil
	}
	return err
}

// Unquarantine implements [blob.Unquarantiner].
func (b *Backend) Unquarantine(ctx context.Context, key blob.Key) error {
	err := b.move(ctx, quarantineFolder+"/"+string(key), objectName(key))
	if hasCode(err, codeExists) {
		return nil
	}
	return err
}

func (b *Backend) move(ctx context.Context, from, to string) error {
	return b.call(ctx, http.MethodPost, "/object/move",
		map[string]string{"bucketId": b.bucket, "sourceKey": from, "destinationKey": to}, nil)
}
