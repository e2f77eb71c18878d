package client_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

func TestBulkChanges(t *testing.T) {
	for name, c := range ways(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			to := "bulk-" + name
			if _, err := c.CreateCollection(ctx, client.CollectionInput{Name: to}); err != nil {
				t.Fatal(err)
			}
			started := time.Now().Add(-time.Hour)
			var ids []sheaf.DocumentID
			for range 2 {
				doc, err := c.Push(ctx, client.PushInput{Filename: "a.txt", Body: strings.NewReader("a"), Tags: []string{to}})
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, doc.ID)
			}
			selected := func(in client.BulkInput) client.BulkInput {
				in.Filter = &client.BulkFilter{Tags: []string{to}, After: started}
				return in
			}
			preview, err := c.TagDocuments(ctx, selected(client.BulkInput{DryRun: true}), client.TagInput{Add: []string{"new"}})
			if err != nil || !preview.DryRun || preview.Changed != 2 || !slices.Equal(preview.Documents[0].After.Tags, []string{to, "new"}) {
				t.Fatalf("TagDocuments, dry: %+v, %v", preview, err)
			}
			once := selected(client.BulkInput{Selection: &preview.Selection, Message: "why"})
			if done, err := c.TagDocuments(ctx, once, client.TagInput{Add: []string{"new"}}); err != nil || done.Changed != 2 || len(done.Collections) != 1 {
				t.Errorf("TagDocuments: %+v, %v", done, err)
			}
			_, err = c.TagDocuments(ctx, once, client.TagInput{Add: []string{"new"}})
			wantKind(t, "TagDocuments for what was before", err, sheaf.ErrPreconditionFailed)

			state, err := c.Metadata(ctx, ids[0], client.Moment{})
			if err != nil {
				t.Fatal(err)
			}
			moved, err := c.Move(ctx, ids[0], to, "why")
			if err != nil || moved.Mode != sheaf.ModeMoved || string(moved.Collection) != to || moved.PreviousCollection != sheaf.DefaultCollection {
				t.Errorf("Move: %+v, %v", moved, err)
			}
			_, err = c.Change(ctx, ids[0], client.ChangeInput{Name: pointer("x"), Revision: state.Revision, Collection: state.Collection})
			wantKind(t, "Change of what has been moved", err, sheaf.ErrPreconditionFailed)
			if _, err := c.Change(ctx, ids[0], client.ChangeInput{Name: pointer("x"), Revision: moved.Revision, Collection: moved.Collection}); err != nil {
				t.Errorf("Change of what was moved: %v", err)
			}
			named := client.BulkInput{IDs: ids}
			if done, err := c.MoveDocuments(ctx, named, to); err != nil || done.Changed != 1 || done.Unchanged != 1 || done.OperationID == "" {
				t.Errorf("MoveDocuments: %+v, %v", done, err)
			}
			if done, err := c.DeleteDocuments(ctx, named); err != nil || done.Changed != 2 {
				t.Errorf("DeleteDocuments: %+v, %v", done, err)
			}
			if done, err := c.RestoreDocuments(ctx, client.BulkInput{Filter: &client.BulkFilter{Collection: to}}); err != nil || done.Changed != 2 {
				t.Errorf("RestoreDocuments: %+v, %v", done, err)
			}
			_, err = c.DeleteDocuments(ctx, client.BulkInput{IDs: []sheaf.DocumentID{ids[0], "doc_000000000000"}})
			if e := wantKind(t, "DeleteDocuments of what is not there", err, sheaf.ErrNotFound); len(e.Fields) != 1 || e.Fields[0].Field != "doc_000000000000" {
				t.Errorf("the error names %+v, want the document that is missing", e.Fields)
			}
			entries := all(t, c.DocumentLog(ctx, ids[1], 1))
			if entries[2].Operation != "documents.move" || entries[2].OperationID == "" || len(entries[2].Documents) != 1 {
				t.Errorf("DocumentLog: %+v", entries)
			}
		})
	}
}
