package client

import (
	"bytes"
	"context"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"strconv"

	"github.com/sheaf-dev/sheaf"
)

// BatchInput is files to be stored by one request.
type BatchInput struct {
	Files  []PushInput // whose Collection, Message and IdempotencyKey are those below
	Atomic bool        // all of them or none

	Collection string // of all; the default one when empty
	Message    string // says why, in the history

	// IdempotencyKey is as that of a [PushInput], for all files.
	IdempotencyKey string
}

// A BatchResult is what became of one file of a batch.
type BatchResult struct {
	Document sheaf.Document
	Err      error // why the file is no document; then Document is zero
}

// PushBatch stores many files by one request and says, in their order, what
// became of each. How many they may be, and how large together, is the server's
// to say: by default 1,000 files and 1 GiB.
//
// Unless the batch is atomic, files succeed or fail on their own, and an error
// means that the batch as a whole was refused, or that the answer did not come.
// Of an atomic batch an error means that nothing was stored, and its fields name
// the files that are wrong, such as files[3].name.
//
// Bodies are streamed one after the other, each read as by [Client.Push], and
// what was stored is compared with what was sent.
func (c *Client) PushBatch(ctx context.Context, in BatchInput) ([]BatchResult, error) {
	form, contentType, err := newBatchForm(in)
	if err != nil {
		return nil, err
	}
	req, err := c.request(ctx, http.MethodPost, "documents/batch", nil, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType)
	form.attach(req)
	c.createOnce(req, in.IdempotencyKey)
	var answer struct {
		Results []struct {
			Document *sheaf.Document `json:"document"`
			Error    json.RawMessage `json:"error"`
		} `json:"results"`
	}
	if _, err := c.getJSON(req, &answer); err != nil {
		return nil, form.explain(err)
	}
	if len(answer.Results) != len(in.Files) {
		return nil, sheaf.Errorf(sheaf.ErrInternal, "the server answered for %d files, and %d were sent", len(answer.Results), len(in.Files))
	}
	results := make([]BatchResult, len(answer.Results))
	for i, result := range answer.Results {
		if result.Document == nil {
			results[i].Err = rebuildProblem(result.Error, req.URL.Path)
			continue
		}
		c.absolute(result.Document)
		results[i] = BatchResult{Document: *result.Document, Err: form.compare(i, *result.Document)}
	}
	return results, nil
}

// rebuildProblem returns the error that the server reports of a file.
func rebuildProblem(body []byte, path string) error {
	if e, ok := parseProblem(body); ok {
		return e
	}
	return sheaf.Errorf(sheaf.ErrInternal, "the answer to %s does not say what became of a file", path)
}

// batchDocument is what is said of one file of a batch.
type batchDocument struct {
	Name        string          `json:"name,omitempty"`
	Tags        []string        `json:"tags,omitempty"`
	Description string          `json:"description,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
	Path        string          `json:"path,omitempty"`
}

// newBatchForm returns the multipart form of a batch and its content type.
func newBatchForm(in BatchInput) (form *upload, contentType string, err error) {
	documents := make([]batchDocument, len(in.Files))
	for i, file := range in.Files {
		if file.Collection != "" || file.Message != "" || file.IdempotencyKey != "" {
			return nil, "", sheaf.Errorf(sheaf.ErrInvalid, "file %d of the batch has a collection, a message or an idempotency key of its own", i).
				WithHint("they are of the whole batch")
		}
		if err := checkFilename(file.Filename); err != nil {
			return nil, "", err
		}
		documents[i] = batchDocument{file.Name, file.Tags, file.Description, file.Metadata, file.Path}
	}
	described, err := json.Marshal(documents)
	if err != nil {
		return nil, "", sheaf.Errorf(sheaf.ErrInvalid, "the batch has no JSON form: %w", err)
	}
	atomic := ""
	if in.Atomic {
		atomic = strconv.FormatBool(in.Atomic)
	}
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	writeFields(w, [][2]string{
		{"documents", string(described)}, {"atomic", atomic}, {"collection", in.Collection}, {"message", in.Message},
	})
	form = &upload{}
	for _, file := range in.Files {
		createFilePart(w, file.Filename)
		form.add(bytes.Clone(buf.Bytes()), file.Body)
		buf.Reset()
	}
	w.Close()
	form.tail = buf.Bytes()
	return form, w.FormDataContentType(), nil
}
