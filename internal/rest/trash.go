package rest

import (
	"context"
	"net/http"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

type deleteDocumentInput struct{ call }

type deleteDocumentOutput struct {
	Body deletion
}

type deletion struct {
	Message          string           `json:"message" example:"Document deleted successfully"`
	ID               sheaf.DocumentID `json:"document_id"`
	Revision         int64            `json:"revision" doc:"Of the collection, that the deletion made"`
	PreviousRevision int64            `json:"previous_revision" doc:"Of the document before; restoring it undoes the deletion"`
	AuditEntryID     int64            `json:"audit_entry_id" doc:"In the log"`
	Below            []deletedBelow   `json:"below,omitzero" doc:"With with_children: the documents below it that were deleted with it, each of which is restored by itself"`
}

// deleteDocument moves a document to the trash, with all below it if that is
// asked for: DELETE /documents/{id}.
func (s *server) deleteDocument(ctx context.Context, in *deleteDocumentInput) (*deleteDocumentOutput, error) {
	id, err := documentID(in.request)
	if err != nil {
		return nil, err
	}
	var change sheaf.Change
	var below []deletedBelow
	withChildren, flagErr := parseFlag("with_children", in.request.URL.Query())
	precondition, conditionErr := parsePrecondition(in.request.Header)
	if err := sheaf.InvalidFields(flagErr, conditionErr); err != nil {
		return nil, err
	}
	switch {
	case withChildren:
		var tree sheaf.TreeDeletion
		tree, err = s.session(in.request).DeleteTree(ctx, id, precondition)
		change, below = tree.Change, deletedBelowOf(tree)
	default:
		change, err = s.session(in.request).DeleteDocument(ctx, id, precondition)
	}
	if err != nil {
		return nil, err
	}
	return &deleteDocumentOutput{deletion{
		Message:          "Document deleted successfully",
		ID:               change.ID,
		Revision:         change.Revision,
		PreviousRevision: change.PreviousRevision,
		AuditEntryID:     change.AuditEntryID,
		Below:            below,
	}}, nil
}

// parsePrecondition reads what If-Match says of a document that is to be deleted:
// the ETag of its content or that of its metadata.
func parsePrecondition(header http.Header) (p library.Precondition, err error) {
	lines := header["If-Match"]
	if len(lines) == 0 {
		return p, nil
	}
	if p.Digest, err = parseContentTag(strings.Join(lines, ",")); err == nil {
		return p, nil
	}
	if p.Collection, p.Revision, err = parseRevisionTag(header); err == nil {
		return p, nil
	}
	return p, sheaf.Invalid("If-Match", `If-Match has to be one ETag, of the content or of the metadata, such as "r42"`).
		WithHint("take the ETag of GET /documents/{document_id} or of GET /documents/{document_id}/metadata")
}

// A deletedBelow is a document that was deleted with one above it.
type deletedBelow struct {
	ID               sheaf.DocumentID `json:"document_id"`
	Name             string           `json:"name"`
	Collection       sheaf.Slug       `json:"collection"`
	Revision         int64            `json:"revision" doc:"Of its collection, that the deletion made"`
	PreviousRevision int64            `json:"previous_revision" doc:"Of the document before; restoring it undoes the deletion"`
}

// deletedBelowOf returns what is answered of the documents below, never nil.
func deletedBelowOf(tree sheaf.TreeDeletion) []deletedBelow {
	below := make([]deletedBelow, 0, len(tree.Below))
	for _, change := range tree.Below {
		below = append(below, deletedBelow{
			ID: change.ID, Name: change.Name, Collection: change.Collection,
			Revision: change.Revision, PreviousRevision: change.PreviousRevision,
		})
	}
	return below
}

type purgeDocumentInput struct{ call }

// purgeDocument removes a document from the trash for good: POST
// /documents/{id}/purge.
func (s *server) purgeDocument(ctx context.Context, in *purgeDocumentInput) (*changeOutput, error) {
	id, err := documentID(in.request)
	if err != nil {
		return nil, err
	}
	change, err := s.session(in.request).PurgeDocument(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.changed(in.call, change), nil
}

type listTrashInput struct{ call }

// listTrash lists the trash of a collection: GET /trash.
func (s *server) listTrash(ctx context.Context, in *listTrashInput) (*listDocumentsOutput, error) {
	query := in.request.URL.Query()
	limit, limitErr := parseNumber(query, "limit", 1, library.DefaultPage)
	var after sheaf.DocumentID
	var afterErr error
	if query.Has("after") {
		if after, afterErr = sheaf.ParseDocumentID(query.Get("after")); afterErr != nil {
			afterErr = sheaf.Invalid("after", afterErr.Error())
		}
	}
	if err := sheaf.InvalidFields(limitErr, afterErr); err != nil {
		return nil, err
	}
	docs, err := s.session(in.request).Trash(ctx, query.Get("collection"), after, limit)
	if err != nil {
		return nil, err
	}
	base := s.base(in.request)
	for i := range docs {
		docs[i].URL = documentURL(base, docs[i].ID)
	}
	out := &listDocumentsOutput{Body: docs}
	if s.isFull(len(docs), limit) {
		out.Link = s.nextPage(in.request, query, "after", string(docs[len(docs)-1].ID))
	}
	return out, nil
}
