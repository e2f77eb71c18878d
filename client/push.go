package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
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
	form, contentType, err := newPushForm(in)
	if err != nil {
		return doc, err
	}
	req, err := c.request(ctx, http.MethodPost, "documents", nil, nil)
	if err != nil {
		return doc, err
	}
	req.Header.Set("Content-Type", contentType)
	if in.IdempotencyKey != "" {
		req.Header.Set("Idempotency-Key", in.IdempotencyKey)
	}
	form.attach(req)
	if _, err := c.getJSON(req, &doc); err != nil {
		return doc, form.explain(err)
	}
	c.absolute(&doc)
	return doc, form.compare(doc)
}

// newPushForm returns the multipart form of a push and its content type. The
// fields come first, so that the server knows them when the content arrives.
func newPushForm(in PushInput) (form *upload, contentType string, err error) {
	if strings.ContainsFunc(in.Filename, unicode.IsControl) {
		// A multipart header cannot carry it: line breaks would arrive as %0A.
		return nil, "", sheaf.Invalid("file", fmt.Sprintf("the filename %q has control characters", in.Filename))
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
	form = newUpload(in.Body)
	form.head, form.tail = buf.Bytes()[:head], buf.Bytes()[head:]
	return form, w.FormDataContentType(), nil
}
