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
	// Empty: one of its own where Body can be read again; see WithRetries.
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
	form.attach(req)
	c.createOnce(req, in.IdempotencyKey)
	if _, err := c.getJSON(req, &doc); err != nil {
		return doc, form.explain(err)
	}
	c.absolute(&doc)
	return doc, form.compare(0, doc)
}

// newPushForm returns the multipart form of a push and its content type. The
// fields come first, so that the server knows them when the content arrives.
func newPushForm(in PushInput) (form *upload, contentType string, err error) {
	if err := checkFilename(in.Filename); err != nil {
		return nil, "", err
	}
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	writeFields(w, [][2]string{
		{"name", in.Name},
		{"tags", strings.Join(in.Tags, ",")},
		{"description", in.Description},
		{"collection", in.Collection},
		{"path", in.Path},
		{"metadata", string(in.Metadata)},
		{"message", in.Message},
	})
	createFilePart(w, in.Filename)
	head := buf.Len()
	w.Close()
	form = &upload{tail: buf.Bytes()[head:]}
	form.add(buf.Bytes()[:head], in.Body)
	return form, w.FormDataContentType(), nil
}

// checkFilename refuses what a multipart header cannot carry: line breaks would
// arrive as %0A.
func checkFilename(filename string) error {
	if strings.ContainsFunc(filename, unicode.IsControl) {
		return sheaf.Invalid("file", fmt.Sprintf("the filename %q has control characters", filename))
	}
	return nil
}

// writeFields writes the fields of a form that have a value.
func writeFields(w *multipart.Writer, fields [][2]string) {
	for _, field := range fields {
		if name, value := field[0], field[1]; value != "" {
			w.WriteField(name, value) // a bytes.Buffer takes everything
		}
	}
}

// createFilePart begins the part of a form that has a file.
func createFilePart(w *multipart.Writer, filename string) {
	w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {multipart.FileContentDisposition(fileField, filename)},
		"Content-Type":        {"application/octet-stream"},
	})
}

const fileField = "file"
