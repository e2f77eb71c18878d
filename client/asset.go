package client

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sheaf-dev/sheaf"
)

// twoSteps is the size in bytes from which an asset is uploaded in two steps.
// Servers may be set up otherwise; then they say so.
const twoSteps = 10 << 20

// AssetInput is a file that is to be an asset of a book.
type AssetInput struct {
	Book     string
	Type     sheaf.AssetType
	Filename string
	Body     io.Reader // required; streamed as that of a [PushInput]

	// FileHash is the digest of the content that this one replaces; nil: any.
	FileHash *sheaf.Digest
	Message  string

	// Progress is called while the file is sent with how many bytes were sent and
	// how many there are, -1 when that is not known. A file that is sent again
	// begins at 0 again. It may be nil.
	Progress func(sent, size int64)
}

// An AssetChange is the answer to a new content of an asset.
type AssetChange struct {
	sheaf.Asset
	Mode            sheaf.ChangeMode `json:"mode"`
	PreviousVersion int              `json:"previous_version"`
	Revision        int64            `json:"revision"`
	AuditEntryID    int64            `json:"audit_entry_id"`
}

// UploadAsset stores an asset, and makes a book that is not there. A large file
// that can be read again is uploaded in two steps, so that its bytes need not
// pass through the server where the book's backend takes them itself; any other
// is sent at once. Its digest is announced, or compared with what was stored.
func (c *Client) UploadAsset(ctx context.Context, in AssetInput) (AssetChange, error) {
	content := newUpload(in.Body)
	file := &content.contents[0]
	if file.reopen == nil {
		file.body = reporting(file.body, file.size, in.Progress)
		return c.putAsset(ctx, in, content, nil)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, file.reopen()); err != nil {
		return AssetChange{}, err
	}
	digest := sheaf.Digest(sum.Sum(nil))
	open := file.reopen
	file.reopen = func() io.Reader { return reporting(open(), file.size, in.Progress) }
	if file.size < twoSteps {
		return c.putAsset(ctx, in, content, &digest)
	}
	upload, err := c.BeginUpload(ctx, UploadInput{
		Book: in.Book, Type: in.Type, Filename: in.Filename, Size: file.size, SHA256: &digest, FileHash: in.FileHash, Message: in.Message,
	})
	if isAboutSize(err) {
		return c.putAsset(ctx, in, content, &digest)
	}
	if err != nil {
		return AssetChange{}, err
	}
	if err := c.sendUpload(ctx, upload, content); err != nil {
		// Best effort: the server forgets it by itself too.
		_, _ = c.CancelUpload(context.WithoutCancel(ctx), upload.ID)
		return AssetChange{}, content.explain(err)
	}
	return c.CompleteUpload(ctx, upload.ID, nil)
}

// isAboutSize reports whether a server takes a file of that size at once only.
func isAboutSize(err error) bool {
	var e *sheaf.Error
	return errors.As(err, &e) && e.Kind == sheaf.ErrInvalid && len(e.Fields) > 0 &&
		!slices.ContainsFunc(e.Fields, func(f sheaf.FieldError) bool { return f.Field != "file_size" })
}

// assetPath returns the path of an asset's URL.
func assetPath(book, below string, of sheaf.AssetType, filename string) (string, error) {
	path := bookPath(book) + "/" + below + "/" + url.PathEscape(string(of))
	for segment := range strings.SplitSeq(filename, "/") {
		// These would lead elsewhere before any server could refuse them.
		if segment == "" || segment == "." || segment == ".." {
			return "", sheaf.Invalid("filename", "no segment of a filename is empty, . or ..")
		}
		path += "/" + url.PathEscape(segment)
	}
	return path, nil
}

func (c *Client) putAsset(ctx context.Context, in AssetInput, content *upload, digest *sheaf.Digest) (AssetChange, error) {
	var change AssetChange
	path, err := assetPath(in.Book, "assets", in.Type, in.Filename)
	if err != nil {
		return change, err
	}
	query := url.Values{}
	if digest != nil {
		setText(query, "sha256", digest.String())
	}
	if in.FileHash != nil {
		setText(query, "file_hash", in.FileHash.String())
	}
	setText(query, "message", in.Message)
	req, err := c.request(ctx, http.MethodPut, path, query, nil)
	if err != nil {
		return change, err
	}
	content.attach(req)
	if _, err := c.getJSON(req, &change); err != nil {
		return AssetChange{}, content.explain(err)
	}
	return change, content.compare(0, sheaf.Document{ID: change.DocumentID, Digest: change.Digest})
}

// UploadInput is an asset that is to be uploaded in two steps.
type UploadInput struct {
	Book     string          `json:"book_id"`
	Type     sheaf.AssetType `json:"asset_type"`
	Filename string          `json:"filename"`
	Size     int64           `json:"file_size"`
	MIME     string          `json:"mime_type,omitempty"` // by the filename when empty
	SHA256   *sheaf.Digest   `json:"sha256,omitempty"`    // that the bytes have to have; nil: any
	FileHash *sheaf.Digest   `json:"file_hash,omitempty"` // of the content that they replace; nil: any
	Message  string          `json:"message,omitempty"`
}

// BeginUpload begins an upload in two steps. Whoever has its URL may send the
// bytes there; then it is to be completed.
func (c *Client) BeginUpload(ctx context.Context, in UploadInput) (sheaf.AssetUpload, error) {
	req, err := c.requestJSON(ctx, http.MethodPost, "uploads", in)
	return c.getUpload(req, err)
}

// Upload says how far an upload is.
func (c *Client) Upload(ctx context.Context, id string) (sheaf.AssetUpload, error) {
	req, err := c.request(ctx, http.MethodGet, "uploads/"+url.PathEscape(id), nil, nil)
	return c.getUpload(req, err)
}

// CancelUpload ends an upload, of which nothing becomes.
func (c *Client) CancelUpload(ctx context.Context, id string) (sheaf.AssetUpload, error) {
	req, err := c.request(ctx, http.MethodDelete, "uploads/"+url.PathEscape(id), nil, nil)
	return c.getUpload(req, err)
}

func (c *Client) getUpload(req *http.Request, err error) (upload sheaf.AssetUpload, _ error) {
	if err != nil {
		return upload, err
	}
	_, err = c.getJSON(req, &upload)
	return upload, err
}

// CompleteUpload makes an asset of an upload whose bytes have arrived. FileHash
// takes the place of the one that the upload was begun with, unless it is nil.
func (c *Client) CompleteUpload(ctx context.Context, id string, fileHash *sheaf.Digest) (AssetChange, error) {
	var change AssetChange
	req, err := c.requestJSON(ctx, http.MethodPost, "uploads/"+url.PathEscape(id)+"/complete", struct {
		FileHash *sheaf.Digest `json:"file_hash,omitempty"`
	}{fileHash})
	if err != nil {
		return change, err
	}
	_, err = c.getJSON(req, &change)
	return change, err
}

// sendUpload sends the bytes of an upload to its URL, which may lead to somebody
// who is to learn nothing else about the caller.
func (c *Client) sendUpload(ctx context.Context, to sheaf.AssetUpload, content *upload) error {
	place, err := url.Parse(to.URL)
	if err != nil {
		return err
	}
	sender := &Client{base: place, http: &http.Client{Transport: networkTransport()}, timeout: c.timeout, retries: c.retries, reached: c.reached}
	defer sender.Close()
	req, err := http.NewRequestWithContext(ctx, to.Method, to.URL, nil)
	if err != nil {
		return err
	}
	for name, value := range to.Header {
		req.Header.Set(name, value)
	}
	content.attach(req)
	res, err := sender.do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// Asset describes an asset, with a URL to download it.
func (c *Client) Asset(ctx context.Context, book string, of sheaf.AssetType, filename string) (sheaf.Asset, error) {
	var asset sheaf.Asset
	path, err := assetPath(book, "asset-metadata", of, filename)
	if err != nil {
		return asset, err
	}
	req, err := c.request(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return asset, err
	}
	_, err = c.getJSON(req, &asset)
	return asset, err
}

// Assets yields the assets of a book, of a type or, if that is empty, of all. An
// error is the last thing it yields.
func (c *Client) Assets(ctx context.Context, book string, of sheaf.AssetType) iter.Seq2[sheaf.Asset, error] {
	query := url.Values{}
	setText(query, "asset_type", string(of))
	return pages[sheaf.Asset](ctx, c, bookPath(book)+"/assets", query)
}

// reporting returns body, which reports how far it was read; body itself where
// nobody wants to know.
func reporting(body io.Reader, size int64, report func(sent, size int64)) io.Reader {
	if report == nil {
		return body
	}
	return &reportingReader{body: body, size: size, report: report}
}

type reportingReader struct {
	body       io.Reader
	sent, size int64
	report     func(sent, size int64)
}

// Read implements [io.Reader].
func (r *reportingReader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	if n > 0 {
		r.sent += int64(n)
		r.report(r.sent, r.size)
	}
	return n, err
}
