package rest

import (
	"context"
	"fmt"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// A BulkSelection is a part of the body of everything that is done to many
// documents at once. It is exported because huma leaves out what is embedded and
// is not.
type BulkSelection struct {
	DocumentIDs []string    `json:"document_ids,omitempty" doc:"The documents; or else a filter"`
	Filter      *bulkFilter `json:"filter,omitempty" doc:"Finds the documents; or else document_ids"`
	DryRun      bool        `json:"dry_run,omitempty" doc:"Say what would be changed, and change nothing"`
	Selection   string      `json:"selection,omitempty" doc:"That of an earlier answer: answer 412 unless the same documents are selected, in the same states"`
	Message     string      `json:"message,omitempty" doc:"Why it is done, for the history"`
}

// A bulkFilter finds documents as the listing does.
type bulkFilter struct {
	Name       string   `json:"name,omitempty" doc:"Part of the name, in any case"`
	Tags       []string `json:"tags,omitempty" doc:"Tags, all of which a document has to have"`
	Collection string   `json:"collection,omitempty" doc:"Only documents of this collection; all collections of kind documents unless given"`
	Before     string   `json:"before,omitempty" format:"date-time" doc:"Only documents uploaded before this time"`
	After      string   `json:"after,omitempty" format:"date-time" doc:"Only documents uploaded after this time"`
	All        bool     `json:"all,omitempty" doc:"Has to be true when nothing else is given, which selects everything"`
}

// parse returns the selection and the options of the body.
func (b *BulkSelection) parse() (selection library.Selection, o library.BulkOptions, err error) {
	o = library.BulkOptions{DryRun: b.DryRun, Message: b.Message}
	var wrong []error
	selection.IDs, wrong = parseIDList(b.DocumentIDs, func(i int) string { return fmt.Sprintf("document_ids[%d]", i) })
	if b.Filter != nil {
		before, beforeErr := parseTime("filter.before", b.Filter.Before)
		after, afterErr := parseTime("filter.after", b.Filter.After)
		wrong = append(wrong, beforeErr, afterErr)
		selection.Filter = &library.SelectionFilter{
			Name: b.Filter.Name, Tags: b.Filter.Tags, Collection: b.Filter.Collection, Before: before, After: after, All: b.Filter.All,
		}
	}
	if b.Selection != "" {
		var err error
		if o.Selection, err = sheaf.ParseDigest(b.Selection); err != nil {
			wrong = append(wrong, sheaf.Invalid("selection", err.Error()))
		}
	}
	return selection, o, sheaf.InvalidFields(wrong...)
}

// mostBulkJSON bounds, in bytes, a body that names as many documents as it may.
func (s *server) mostBulkJSON() int64 {
	const each = 64 // an id in quotes, with room for white space
	return s.mostJSON() + each*int64(s.limits.Bulk)
}

type bulkInput struct{ call }

type bulkOutput struct{ Body sheaf.BulkChange }

// A bulkTagging is the body that changes tags.
type bulkTagging struct {
	Add    []string  `json:"add,omitempty" doc:"Tags to add"`
	Remove []string  `json:"remove,omitempty" doc:"Tags to remove"`
	Set    *[]string `json:"set,omitempty" doc:"All tags that the documents have from now on, instead of add and remove"`
	BulkSelection
}

// tagDocuments changes the tags of many documents: POST /documents/batch/tag.
func (s *server) tagDocuments(ctx context.Context, in *bulkInput) (*bulkOutput, error) {
	var body bulkTagging
	return s.bulk(in, &body, &body.BulkSelection, func(session *library.Session, selection library.Selection, o library.BulkOptions) (sheaf.BulkChange, error) {
		return session.TagDocuments(ctx, selection, library.TagChange{Add: body.Add, Remove: body.Remove, Set: body.Set}, o)
	})
}

// A bulkMove is the body that moves documents.
type bulkMove struct {
	Collection string `json:"collection" doc:"Where the documents go"`
	BulkSelection
}

// moveDocuments moves many documents: POST /documents/batch/move.
func (s *server) moveDocuments(ctx context.Context, in *bulkInput) (*bulkOutput, error) {
	var body bulkMove
	return s.bulk(in, &body, &body.BulkSelection, func(session *library.Session, selection library.Selection, o library.BulkOptions) (sheaf.BulkChange, error) {
		return session.MoveDocuments(ctx, selection, body.Collection, o)
	})
}

// deleteDocuments moves many documents to the trash: POST /documents/batch/delete.
func (s *server) deleteDocuments(ctx context.Context, in *bulkInput) (*bulkOutput, error) {
	var body BulkSelection
	return s.bulk(in, &body, &body, func(session *library.Session, selection library.Selection, o library.BulkOptions) (sheaf.BulkChange, error) {
		return session.DeleteDocuments(ctx, selection, o)
	})
}

// restoreDocuments brings many documents back: POST /documents/batch/restore.
func (s *server) restoreDocuments(ctx context.Context, in *bulkInput) (*bulkOutput, error) {
	var body BulkSelection
	return s.bulk(in, &body, &body, func(session *library.Session, selection library.Selection, o library.BulkOptions) (sheaf.BulkChange, error) {
		return session.RestoreDocuments(ctx, selection, o)
	})
}

// bulk reads a body, of which selection is a part, and makes the change.
func (s *server) bulk(in *bulkInput, body any, part *BulkSelection, change func(*library.Session, library.Selection, library.BulkOptions) (sheaf.BulkChange, error)) (*bulkOutput, error) {
	if err := s.readJSON(in.writer, in.request, s.mostBulkJSON(), body); err != nil {
		return nil, err
	}
	selection, o, err := part.parse()
	if err != nil {
		return nil, err
	}
	done, err := change(s.session(in.request), selection, o)
	if err != nil {
		return nil, err
	}
	return &bulkOutput{done}, nil
}

// A documentMove is the body that moves one document.
type documentMove struct {
	Collection string `json:"collection" doc:"Where it goes"`
	Message    string `json:"message,omitempty" doc:"Why it is moved, for the history"`
}

type moveDocumentInput struct{ call }

// moveDocument moves a document to another collection: POST /documents/{id}/move.
func (s *server) moveDocument(ctx context.Context, in *moveDocumentInput) (*changeOutput, error) {
	id, err := documentID(in.request)
	if err != nil {
		return nil, err
	}
	var body documentMove
	if err := s.readJSON(in.writer, in.request, s.mostJSON(), &body); err != nil {
		return nil, err
	}
	change, err := s.session(in.request).MoveDocument(ctx, id, body.Collection, body.Message)
	if err != nil {
		return nil, err
	}
	return s.changed(in.call, change), nil
}
