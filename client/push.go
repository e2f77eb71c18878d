package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"unicode"

	"github.com/sheaf-dev/sheaf"
)

// PushInput is a document to be stored. The server checks the fields; those
// left empty get its defaults.
type PushInput struct {
	Filename    string    // required; the MIME type follows from it
	Body        io.Reader // required; see Push
	Name        string    // the filename when empty
	Tags        []string
	Description string
	Collection  string
	Path        string          // in a book
	Metadata    json.RawMessage // a JSON object
	Message     string          // says why, in the history

	// IdempotencyKey makes a repeated push safe: the server answers a second one
	// with the same key by the document that the first has made, for 24 hours.
	IdempotencyKey string
}

// Push stores a document and returns it.
//
// Body is streamed from where it stands to its end, and not closed. If it is
// also an [io.ReaderAt] and an [io.Seeker], as files are, its size is announced,
// so that the server can refuse it before it is sent.
//
// The digest of what was sent is compared with what the server has stored: when
// they differ, Push returns the document with an error of the kind damaged.
func (c *Client) Push(ctx context.Context, in PushInput) (sheaf.Document, error) {
	var doc sheaf.Document
	form, err := newPushForm(in)
	if err != nil {
		return doc, err
	}
	req, err := c.request(ctx, http.MethodPost, "documents", nil, nil)
	if err != nil {
		return doc, err
	}
	req.Header.Set("Content-Type", form.contentType)
	if in.IdempotencyKey != "" {
		req.Header.Set("Idempotency-Key", in.IdempotencyKey)
	}
	form.attach(req)
	if _, err := c.getJSON(req, &doc); err != nil {
		if sourceError := form.sourceError(); sourceError != nil {
			return doc, fmt.Errorf("read what is pushed: %w", sourceError)
		}
		return doc, err
	}
	c.absolute(&doc)
	if sent, ok := form.sent(); ok && sent != doc.Digest {
		return doc, &sheaf.Error{
			Kind:    sheaf.ErrDamaged,
			Message: fmt.Sprintf("%s was stored with SHA-256 %s, but %s was sent", doc.ID, doc.Digest, sent),
			Hint:    "delete the document and push it again; something between here and the server changes bytes",
		}
	}
	return doc, nil
}

// askFirst is the size from which a push waits for the server's consent before
// it sends the content.
const askFirst = 1 << 20

// pushForm is the multipart form of a push. The fields come first, so that the
// server knows them when the content arrives.
type pushForm struct {
	contentType string
	head, tail  []byte
	body        io.Reader
	size        int64 // of the content, -1 when unknown
	reopen      func() io.Reader

	mu     sync.Mutex
	latest *pushContent // of the latest attempt; guarded by mu
}

func newPushForm(in PushInput) (*pushForm, error) {
	if strings.ContainsFunc(in.Filename, unicode.IsControl) {
		// A multipart header cannot carry it: line breaks would arrive as %0A.
		return nil, sheaf.Invalid("file", fmt.Sprintf("the filename %q has control characters", in.Filename))
	}
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for _, field := range []struct{ name, value string }{
		{"name", in.Name},
		{"tags", strings.Join(in.Tags, ",")},
		{"description", in.Description},
		{"collection", in.Collection},
		{"path", in.Path},
		{"metadata", string(in.Metadata)},
		{"message", in.Message},
	} {
		if field.value != "" {
			w.WriteField(field.name, field.value) // a bytes.Buffer takes everything
		}
	}
	w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {multipart.FileContentDisposition("file", in.Filename)},
		"Content-Type":        {"application/octet-stream"},
	})
	head := buf.Len()
	w.Close()
	form := &pushForm{
		contentType: w.FormDataContentType(),
		head:        buf.Bytes()[:head],
		tail:        buf.Bytes()[head:],
		body:        in.Body,
		size:        -1,
	}
	if body, ok := in.Body.(interface {
		io.ReaderAt
		io.Seeker
	}); ok {
		// A pipe is an *os.File too, and cannot seek: its size stays unknown.
		if start, err := body.Seek(0, io.SeekCurrent); err == nil {
			if end, err := body.Seek(0, io.SeekEnd); err == nil {
				form.size = max(end-start, 0)
				form.reopen = func() io.Reader { return io.NewSectionReader(body, start, form.size) }
			}
		}
	}
	return form, nil
}

// attach makes the form the body of req.
func (f *pushForm) attach(req *http.Request) {
	if f.reopen == nil {
		req.Body, req.ContentLength = f.attempt(f.body), -1
		return
	}
	req.Body = f.attempt(f.reopen())
	req.ContentLength = int64(len(f.head)) + f.size + int64(len(f.tail))
	req.GetBody = func() (io.ReadCloser, error) { return f.attempt(f.reopen()), nil }
	if f.size >= askFirst {
		req.Header.Set("Expect", "100-continue")
	}
}

func (f *pushForm) attempt(content io.Reader) io.ReadCloser {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latest = &pushContent{source: content, hash: sha256.New()}
	return io.NopCloser(io.MultiReader(bytes.NewReader(f.head), f.latest, bytes.NewReader(f.tail)))
}

// sent returns the digest of the content, if it was sent to its end.
func (f *pushForm) sent() (sheaf.Digest, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latest.mu.Lock()
	defer f.latest.mu.Unlock()
	return sheaf.Digest(f.latest.hash.Sum(nil)), f.latest.err == io.EOF
}

// sourceError returns the error that the content could not be read with.
func (f *pushForm) sourceError() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latest.mu.Lock()
	defer f.latest.mu.Unlock()
	if f.latest.err == io.EOF {
		return nil
	}
	return f.latest.err
}

// pushContent hashes a content while it is sent. The transport reads it in a
// goroutine of its own, which may outlast the call.
type pushContent struct {
	source io.Reader

	mu   sync.Mutex
	hash hash.Hash // guarded by mu
	err  error     // what the source ended with; guarded by mu
}

func (p *pushContent) Read(b []byte) (int, error) {
	n, err := p.source.Read(b)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hash.Write(b[:n])
	if err != nil {
		p.err = err
	}
	return n, err
}
