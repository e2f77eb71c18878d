package rest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// envelope bounds what a multipart body has beside its file: its fields, their
// headers and boundaries.
const envelope = 1 << 20

// createDocument stores an uploaded file: POST /documents.
func (s *server) createDocument(w http.ResponseWriter, r *http.Request) error {
	boundary, err := parseBoundary(r.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	fields := uploadFields(s.limits)
	most := s.limits.Content + envelope
	for _, field := range fields {
		most += 2 * field.limit
	}
	if r.ContentLength > most {
		// Closing keeps net/http from reading on for the next request.
		w.Header().Set("Connection", "close")
		return sheaf.Errorf(sheaf.ErrTooLarge, "the body has %d bytes, the limit of a content is %d", r.ContentLength, s.limits.Content)
	}
	select {
	case s.uploads <- struct{}{}:
		defer func() { <-s.uploads }()
	default:
		return sheaf.Errorf(sheaf.ErrRateLimited, "the server is receiving %d uploads already", cap(s.uploads)).
			WithHint("send it again in a moment")
	}

	session := s.session(r)
	body := &idleReader{body: r.Body, connection: http.NewResponseController(w), idle: s.idle}
	buffered := bodyBuffers.Get().(*bufio.Reader)
	buffered.Reset(body)
	f, err := readForm(buffered, boundary, fields, func(content io.Reader) (*library.Upload, error) {
		return session.Receive(r.Context(), content)
	})
	if err == nil {
		err = readEpilogue(buffered)
	}
	buffered.Reset(nil)
	bodyBuffers.Put(buffered)
	if body.err != nil {
		// Half a line looks malformed, and net/http cancels a request whose body
		// does not come, which may be noticed first.
		err = body.err
	}
	if f.upload != nil {
		defer f.upload.Close()
	}
	if err != nil {
		s.refuseRest(w, r, err)
		return nil
	}
	body.done()

	doc, err := session.CreateDocument(r.Context(), library.NewDocument{
		Content:        f.upload,
		Filename:       f.filename,
		Name:           f.values["name"],
		Tags:           sheaf.SplitTags(f.values["tags"]),
		Description:    f.values["description"],
		Metadata:       json.RawMessage(f.values["metadata"]),
		Collection:     f.values["collection"],
		Path:           f.values["path"],
		Message:        f.values["message"],
		IdempotencyKey: r.Header.Get("Idempotency-Key"),
	})
	if err != nil {
		return err
	}
	doc.URL = documentURL(s.base(r), doc.ID)
	w.Header()["Location"] = []string{doc.URL}
	return s.writeJSON(w, http.StatusOK, doc) // not 201: the seed's server answers 200
}

func documentURL(base string, id sheaf.DocumentID) string {
	return base + "/documents/" + string(id)
}

type listDocumentsInput struct{ call }

type listDocumentsOutput struct {
	Link string `header:"Link" doc:"The next page, with rel=\"next\"; absent on the last"`
	Body []sheaf.Document
}

// listDocuments finds documents: GET /documents.
func (s *server) listDocuments(ctx context.Context, in *listDocumentsInput) (*listDocumentsOutput, error) {
	values := in.request.URL.Query()
	query, invalid := parseDocumentQuery(values)
	if invalid != nil {
		query.Limit = 1 // the library is asked all the same, for what else is wrong
	}
	page, err := s.session(in.request).Documents(ctx, query)
	if err := sheaf.InvalidFields(invalid, err); err != nil {
		return nil, err
	}
	base := s.base(in.request)
	for i := range page.Documents {
		page.Documents[i].URL = documentURL(base, page.Documents[i].ID)
	}
	out := &listDocumentsOutput{Body: page.Documents}
	if page.Next != "" {
		values.Set("cursor", page.Next)
		out.Link = fmt.Sprintf(`<%s/documents?%s>; rel="next"`, base, values.Encode())
	}
	return out, nil
}

// parseDocumentQuery reads the parameters of a listing. Parameters it does not
// know are ignored, as the seed's server does. The error has every parameter
// that cannot be read; what the values may be, the library knows.
func parseDocumentQuery(values url.Values) (library.DocumentQuery, error) {
	var invalid []error
	limit, err := parseLimit(values.Get("limit"))
	invalid = append(invalid, err)
	before, err := parseTime("before", values.Get("before"))
	invalid = append(invalid, err)
	after, err := parseTime("after", values.Get("after"))
	invalid = append(invalid, err)
	return library.DocumentQuery{
		Name:       values.Get("name"),
		Tags:       sheaf.SplitTags(strings.Join(values["tags"], ",")),
		Collection: values.Get("collection"),
		Before:     before,
		After:      after,
		Limit:      limit,
		Cursor:     values.Get("cursor"),
	}, sheaf.InvalidFields(invalid...)
}

// parseLimit reads a page's length. A number too large for an int is a large
// one, which the library cuts down to the longest page.
func parseLimit(s string) (int, error) {
	if s == "" {
		return library.DefaultPage, nil
	}
	limit, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, sheaf.Invalid("limit", fmt.Sprintf("limit has to be a number from 1, %q is not", clip(s)))
	}
	return limit, nil
}

func parseTime(field, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, sheaf.Invalid(field, fmt.Sprintf("%s has to be a time like 2025-01-31T12:00:00Z, %q is not", field, clip(s))).
			WithHint("in a query a + is written %2B")
	}
	return t, nil
}

type deleteDocumentInput struct{ call }

type deleteDocumentOutput struct {
	Body deletion
}

type deletion struct {
	Message string `json:"message" example:"Document deleted successfully"`
}

// deleteDocument moves a document to the trash: DELETE /documents/{id}.
func (s *server) deleteDocument(ctx context.Context, in *deleteDocumentInput) (*deleteDocumentOutput, error) {
	id, err := documentID(in.request)
	if err != nil {
		return nil, err
	}
	if err := s.session(in.request).DeleteDocument(ctx, id); err != nil {
		return nil, err
	}
	return &deleteDocumentOutput{deletion{"Document deleted successfully"}}, nil
}

var jsonBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// writeJSON answers with a value. It fails before the first byte or not at all.
func (s *server) writeJSON(w http.ResponseWriter, status int, value any) error {
	buf := jsonBuffers.Get().(*bytes.Buffer)
	defer jsonBuffers.Put(buf)
	buf.Reset()
	encoder := json.NewEncoder(buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	header := w.Header()
	header["Content-Type"] = jsonType
	header["Content-Length"] = []string{strconv.Itoa(buf.Len())}
	s.limitSending(w, int64(buf.Len()))
	w.WriteHeader(status)
	w.Write(buf.Bytes())
	return nil
}

// jsonType is shared by all answers; nobody appends to it.
var jsonType = []string{"application/json"}
