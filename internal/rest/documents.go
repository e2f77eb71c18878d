package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// envelope bounds what a multipart body has beside its file: its fields, their
// headers and boundaries.
const envelope = 1 << 20

// createDocument stores an uploaded file, or makes a document whose content
// comes later: POST /documents.
func (s *server) createDocument(w http.ResponseWriter, r *http.Request) error {
	if isJSON(r.Header.Get("Content-Type")) {
		return s.createPlaceholder(w, r)
	}
	boundary, err := parseBoundary(r.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	fields := uploadFields(s.limits)
	most := s.limits.Content + envelope
	for _, field := range fields {
		most += 2 * field.limit
	}
	if err := tooLong(w, r, most, fmt.Sprintf("a content is %d", s.limits.Content)); err != nil {
		return err
	}
	session := s.session(r)
	var f form
	err = s.receive(w, r, func(body io.Reader) (err error) {
		f, err = readForm(body, boundary, fields, 1, func(content io.Reader) (upload *library.Upload, refused, err error) {
			upload, err = session.Receive(r.Context(), content)
			return upload, nil, err
		})
		return err
	})
	defer f.close()
	if err != nil {
		return err
	}
	return s.answerCreated(w, r, library.NewDocument{
		Content:     f.files[0].upload,
		Filename:    f.files[0].filename,
		Name:        f.values["name"],
		Tags:        sheaf.SplitTags(f.values["tags"]),
		Description: f.values["description"],
		Metadata:    json.RawMessage(f.values["metadata"]),
		Collection:  f.values["collection"],
		Path:        f.values["path"],
		Message:     f.values["message"],
	})
}

// documentCreation is the body that makes a document without content.
type documentCreation struct {
	Name        string          `json:"name" doc:"What people call the document"`
	Filename    string          `json:"filename,omitempty" doc:"The filename, from which the MIME type comes; the name unless given"`
	Tags        []string        `json:"tags,omitempty" doc:"Each is kept once"`
	Description string          `json:"description,omitempty" doc:"What the document is about"`
	Metadata    json.RawMessage `json:"metadata,omitempty" doc:"A JSON object of your own"`
	Collection  string          `json:"collection,omitempty" doc:"The collection to put it in; default unless given"`
	Path        string          `json:"path,omitempty" doc:"Where in a book it belongs"`
	Message     string          `json:"message,omitempty" doc:"Why the change is made, for the history"`
}

// createPlaceholder makes a document whose content comes later.
func (s *server) createPlaceholder(w http.ResponseWriter, r *http.Request) error {
	var in documentCreation
	if err := s.readJSON(w, r, s.mostJSON(), &in); err != nil {
		return err
	}
	return s.answerCreated(w, r, library.NewDocument{
		Filename:    in.Filename,
		Name:        in.Name,
		Tags:        in.Tags,
		Description: in.Description,
		Metadata:    in.Metadata,
		Collection:  in.Collection,
		Path:        in.Path,
		Message:     in.Message,
	})
}

// answerCreated makes a document and answers with it.
func (s *server) answerCreated(w http.ResponseWriter, r *http.Request, in library.NewDocument) error {
	in.IdempotencyKey = r.Header.Get("Idempotency-Key")
	doc, err := s.session(r).CreateDocument(r.Context(), in)
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
		query.Limit = min(query.Limit, 1) // the library is asked all the same, for what else is wrong
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
	at, err := parseMoment(values)
	invalid = append(invalid, err)
	return library.DocumentQuery{
		Name:       values.Get("name"),
		Tags:       sheaf.SplitTags(strings.Join(values["tags"], ",")),
		Collection: values.Get("collection"),
		Before:     before,
		After:      after,
		Limit:      limit,
		Cursor:     values.Get("cursor"),
		At:         at,
	}, sheaf.InvalidFields(invalid...)
}
