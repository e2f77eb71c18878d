package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// What is said of a document has an ETag of its own, because it changes without
// the content: the revision of its collection that made it what it is, such as
// "r42", or "r42@notes" for one that is not the default collection. Without the
// collection, the tags of a document that was moved could be equal.

// revisionTag returns the ETag of what is said of a document.
func revisionTag(collection sheaf.Slug, revision int64) string {
	tag := `"r` + strconv.FormatInt(revision, 10)
	if collection != sheaf.DefaultCollection {
		tag += "@" + string(collection)
	}
	return tag + `"`
}

// parseRevisionTag reads the revision that If-Match asks for, and the collection
// if it says one; 0 is any.
func parseRevisionTag(header http.Header) (collection sheaf.Slug, revision int64, err error) {
	lines := header["If-Match"]
	if len(lines) == 0 {
		return "", 0, nil
	}
	tag := strings.TrimSpace(strings.Join(lines, ","))
	if tag == "*" {
		return "", 0, nil
	}
	text, isRevision := strings.CutPrefix(tag, `"r`)
	text, isClosed := strings.CutSuffix(text, `"`)
	digits, name, hasCollection := strings.Cut(text, "@")
	if hasCollection {
		collection, err = sheaf.ParseSlug("If-Match", name)
	}
	if err == nil {
		revision, err = strconv.ParseInt(digits, 10, 64)
	}
	if !isRevision || !isClosed || err != nil || revision < 1 {
		return "", 0, sheaf.Invalid("If-Match", `If-Match has to be one revision, such as "r42" or "r42@notes"`).
			WithHint("take the ETag of GET /documents/{document_id}/metadata")
	}
	return collection, revision, nil
}

type getMetadataInput struct{ call }

type getMetadataOutput struct {
	Status       int
	ETag         string `header:"ETag" doc:"The revision that made it so, such as \"r42\""`
	CacheControl string `header:"Cache-Control"`
	Body         documentMetadata
}

type documentMetadata struct {
	sheaf.Document
	Revision int64 `json:"revision" doc:"Of the collection, that made the document what it is"`
}

// getMetadata describes a document: GET /documents/{id}/metadata.
func (s *server) getMetadata(ctx context.Context, in *getMetadataInput) (*getMetadataOutput, error) {
	id, err := documentID(in.request)
	if err != nil {
		return nil, err
	}
	at, err := parseMoment(in.request.URL.Query())
	if err != nil {
		return nil, err
	}
	doc, revision, err := s.session(in.request).DocumentAt(ctx, id, at)
	if err != nil {
		return nil, err
	}
	doc.URL = documentURL(s.base(in.request), id)
	out := &getMetadataOutput{
		Status: http.StatusOK, ETag: revisionTag(doc.Collection, revision), CacheControl: privateCache[0],
		Body: documentMetadata{doc, revision},
	}
	if matchesAny(in.request.Header["If-None-Match"], []string{out.ETag}, true) {
		out.Status = http.StatusNotModified
	}
	return out, nil
}

// documentChange is the body that changes what is said of a document.
type documentChange struct {
	Name        *string         `json:"name,omitempty" doc:"What people call it"`
	Description *string         `json:"description,omitempty" doc:"What it is about"`
	Tags        *[]string       `json:"tags,omitempty" doc:"All tags it has from now on"`
	Metadata    json.RawMessage `json:"metadata,omitempty" doc:"The JSON object it has from now on"`
	Message     string          `json:"message,omitempty" doc:"Why the change is made, for the history"`
}

type changeDocumentInput struct{ call }

type changeOutput struct {
	ETag string `header:"ETag" doc:"The revision that was made, such as \"r42\""`
	Body sheaf.Change
}

// changeDocument changes what is said of a document: PATCH /documents/{id}.
func (s *server) changeDocument(ctx context.Context, in *changeDocumentInput) (*changeOutput, error) {
	id, err := documentID(in.request)
	if err != nil {
		return nil, err
	}
	collection, revision, tagErr := parseRevisionTag(in.request.Header)
	var body documentChange
	if err := sheaf.InvalidFields(s.readJSON(in.writer, in.request, s.mostJSON(), &body), tagErr); err != nil {
		return nil, err
	}
	change, err := s.session(in.request).ChangeDocument(ctx, id, library.DocumentChange{
		Name:        body.Name,
		Description: body.Description,
		Tags:        body.Tags,
		Metadata:    body.Metadata,
		Revision:    revision,
		Collection:  collection,
		Message:     body.Message,
	})
	if err != nil {
		return nil, err
	}
	return s.changed(in.call, change), nil
}

// changed answers with a change of what is said of a document.
func (s *server) changed(c call, change sheaf.Change) *changeOutput {
	change.URL = documentURL(s.base(c.request), change.ID)
	return &changeOutput{ETag: revisionTag(change.Collection, change.Revision), Body: change}
}
