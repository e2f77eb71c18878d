package client_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

// all collects what an iterator yields and fails on an error.
func all[T any](t *testing.T, rows iter.Seq2[T, error]) []T {
	t.Helper()
	var collected []T
	for row, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		collected = append(collected, row)
	}
	return collected
}

// contentOf returns a document's content.
func contentOf(t *testing.T, c *client.Client, id sheaf.DocumentID, options ...client.PullOption) string {
	t.Helper()
	download, err := c.Pull(t.Context(), id, options...)
	if err != nil {
		t.Fatal(err)
	}
	defer download.Body.Close()
	content, err := io.ReadAll(download.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func pointer[T any](v T) *T { return &v }

func TestDocumentThatChanges(t *testing.T) {
	for name, c := range ways(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			must := func(change sheaf.Change, err error) sheaf.Change {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
				return change
			}
			put := func(id sheaf.DocumentID, content string, read *sheaf.Digest, how client.OnConflict) (sheaf.Change, error) {
				return c.PutContent(ctx, id, client.ContentInput{Body: strings.NewReader(content), FileHash: read, OnConflict: how, Message: "because"})
			}

			doc, err := c.Create(ctx, client.CreateInput{Name: "Plan", Filename: "plan.md", Tags: []string{"draft"}, Metadata: json.RawMessage(`{"k":1}`)})
			if err != nil || doc.Version != 0 || doc.MIME != "text/markdown" || doc.URL == "" {
				t.Fatalf("Create: %+v, %v", doc, err)
			}
			id := doc.ID
			_, err = c.Pull(ctx, id)
			wantKind(t, "Pull of what has no content", err, sheaf.ErrNotFound)

			text := "one\ntwo\nthree\nfour\nfive\n"
			first := must(put(id, text, nil, ""))
			if first.Version != 1 || first.Mode != sheaf.ModeUpdated || first.PreviousVersion != 0 || first.AuditEntryID == 0 {
				t.Errorf("PutContent: %+v", first)
			}
			_, err = c.PutContent(ctx, id, client.ContentInput{Body: strings.NewReader("too late"), First: true})
			wantKind(t, "PutContent of a first content that is not", err, sheaf.ErrPreconditionFailed)
			must(put(id, strings.Replace(text, "one", "ONE", 1), &first.Digest, client.ConflictFails))
			_, err = put(id, strings.Replace(text, "five", "FIVE", 1), &first.Digest, client.ConflictFails)
			e := wantKind(t, "PutContent over another's", err, sheaf.ErrConflict)
			if e.Conflict == nil || e.Conflict.CurrentVersion != 2 || e.Conflict.BaseVersion != 1 || e.Conflict.Merge == nil || !e.Conflict.Merge.Clean {
				t.Errorf("the conflict is %+v", e.Conflict)
			}
			if merged := must(put(id, strings.Replace(text, "five", "FIVE", 1), &first.Digest, client.ConflictMerges)); merged.Mode != sheaf.ModeMerged {
				t.Errorf("PutContent that merges: mode %s", merged.Mode)
			}
			if got := contentOf(t, c, id); got != "ONE\ntwo\nthree\nfour\nFIVE\n" {
				t.Errorf("the merged content is %q", got)
			}
			if got := contentOf(t, c, id, client.OfVersion(1)); got != text {
				t.Errorf("version 1 is %q", got)
			}
			if got := contentOf(t, c, id, client.AsOf(client.Moment{Revision: first.Revision})); got != text {
				t.Errorf("the content at revision %d is %q", first.Revision, got)
			}
			large := bytes.Repeat([]byte("0123456789abcdef"), 1<<17)
			if change, err := c.PutContent(ctx, id, client.ContentInput{Body: bytes.NewReader(large)}); err != nil || change.Digest != sheaf.DigestOf(large) {
				t.Errorf("PutContent of 2 MiB: %+v, %v", change, err)
			}
			must(c.Restore(ctx, id, client.RestoreInput{Version: 3, Message: "too large"}))

			edit := client.EditInput{Edits: []sheaf.Edit{{OldString: pointer("two"), NewString: pointer("TWO")}}, DryRun: true}
			preview, err := c.Edit(ctx, id, edit)
			if err != nil || preview.Diff.Added != 1 || !strings.Contains(preview.Unified, "\n+TWO\n") {
				t.Errorf("Edit, dry: %+v, %v", preview, err)
			}
			edit.DryRun = false
			edited, err := c.Edit(ctx, id, edit)
			if err != nil || edited.Mode != sheaf.ModeUpdated || edited.URL == "" {
				t.Errorf("Edit: %+v, %v", edited, err)
			}
			_, err = c.Edit(ctx, id, edit)
			wantKind(t, "Edit of what is not there", err, sheaf.ErrInvalid)

			excerpt, err := c.Excerpt(ctx, id, client.ExcerptInput{FirstLine: 2, LastLine: 3})
			if err != nil || excerpt.Text != "TWO\nthree\n" || !excerpt.More || excerpt.Digest != edited.Digest {
				t.Errorf("Excerpt of lines: %+v, %v", excerpt, err)
			}
			excerpt, err = c.Excerpt(ctx, id, client.ExcerptInput{Chars: &client.CharRange{Start: 4, Count: 3}, Version: 1})
			if err != nil || excerpt.Text != "two" || excerpt.Version != 1 {
				t.Errorf("Excerpt of characters: %+v, %v", excerpt, err)
			}

			versions := all(t, c.Versions(ctx, id))
			if len(versions) != edited.Version || versions[0].Number != edited.Version || versions[len(versions)-1].Message != "because" {
				t.Errorf("Versions: %+v", versions)
			}
			if version, err := c.Version(ctx, id, 1); err != nil || version.Digest != first.Digest {
				t.Errorf("Version 1: %+v, %v", version, err)
			}
			if diff, err := c.Diff(ctx, id, client.DiffInput{From: 1, Context: pointer(0)}); err != nil || diff.Added != 3 || len(diff.Hunks) != 2 {
				t.Errorf("Diff: %+v, %v", diff, err)
			}
			var unified strings.Builder
			if err := c.UnifiedDiff(ctx, &unified, id, client.DiffInput{From: 1}); err != nil || !strings.Contains(unified.String(), "\n+ONE\n") {
				t.Errorf("UnifiedDiff: %s, %v", &unified, err)
			}

			state, err := c.Metadata(ctx, id, client.Moment{})
			if err != nil || state.Revision != edited.Revision {
				t.Errorf("Metadata: %+v, %v", state, err)
			}
			changed := must(c.Change(ctx, id, client.ChangeInput{Name: pointer("The Plan"), Tags: &[]string{}, Revision: state.Revision, Message: "a name"}))
			if changed.Name != "The Plan" || len(changed.Tags) != 0 || string(changed.Metadata) != `{"k":1}` {
				t.Errorf("Change: %+v", changed)
			}
			_, err = c.Change(ctx, id, client.ChangeInput{Name: pointer("Mine"), Revision: state.Revision})
			wantKind(t, "Change of what has moved", err, sheaf.ErrPreconditionFailed)
			if past, err := c.Metadata(ctx, id, client.Moment{Revision: state.Revision}); err != nil || past.Name != "Plan" || !slices.Equal(past.Tags, []string{"draft"}) {
				t.Errorf("Metadata at revision %d: %+v, %v", state.Revision, past, err)
			}

			entries := all(t, c.DocumentLog(ctx, id, 2))
			if entries[0].Operation != "document.change" || entries[0].Message != "a name" || entries[0].Revision != changed.Revision ||
				entries[0].Documents[0].Before.Name != "Plan" || entries[len(entries)-1].Operation != "document.create" {
				t.Errorf("DocumentLog: %+v", entries)
			}

			deletion, err := c.Delete(ctx, id)
			if err != nil || deletion.ID != id || deletion.PreviousRevision != changed.Revision {
				t.Errorf("Delete: %+v, %v", deletion, err)
			}
			if !slices.ContainsFunc(all(t, c.Trash(ctx, "", 1)), func(d sheaf.Document) bool { return d.ID == id }) {
				t.Error("Trash lacks what was deleted")
			}
			must(c.Restore(ctx, id, client.RestoreInput{}))
			_, err = c.Purge(ctx, id)
			if kind := sheaf.KindOf(err); kind.HTTPStatus() != 409 {
				t.Errorf("Purge of what is not in the trash: %v", err)
			}
			if _, err := c.Delete(ctx, id); err != nil {
				t.Fatal(err)
			}
			if purged := must(c.Purge(ctx, id)); purged.Mode != sheaf.ModePurged {
				t.Errorf("Purge: mode %s", purged.Mode)
			}
			_, err = c.Metadata(ctx, id, client.Moment{})
			wantKind(t, "Metadata of what was purged", err, sheaf.ErrGone)
		})
	}
}

func TestCollections(t *testing.T) {
	for name, c := range ways(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			made, err := c.CreateCollection(ctx, client.CollectionInput{Name: "of-" + name, Policy: sheaf.PolicyRequireHash})
			if err != nil || string(made.Name) != "of-"+name || made.Policy != sheaf.PolicyRequireHash {
				t.Fatalf("CreateCollection: %+v, %v", made, err)
			}
			_, err = c.CreateCollection(ctx, client.CollectionInput{Name: "of-" + name})
			wantKind(t, "CreateCollection again", err, sheaf.ErrExists)
			doc, err := c.Push(ctx, client.PushInput{Filename: "a.txt", Body: strings.NewReader("a"), Collection: "of-" + name})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.PutContent(ctx, doc.ID, client.ContentInput{Body: strings.NewReader("b")})
			if e := wantKind(t, "PutContent without a hash", err, sheaf.ErrHashRequired); e.Conflict == nil || e.Conflict.CurrentHash != doc.Digest {
				t.Errorf("the conflict is %+v, want the current hash %s", e.Conflict, doc.Digest)
			}
			if stats, err := c.Collection(ctx, "of-"+name); err != nil || stats.Documents != 1 || stats.SizeBytes != 1 {
				t.Errorf("Collection: %+v, %v", stats, err)
			}
			archived, err := c.ChangeCollection(ctx, "of-"+name, client.CollectionChange{Title: pointer("Kept"), Status: pointer(sheaf.StatusArchived)})
			if err != nil || archived.Title != "Kept" || archived.Status != sheaf.StatusArchived {
				t.Errorf("ChangeCollection: %+v, %v", archived, err)
			}
			_, err = c.Delete(ctx, doc.ID)
			wantKind(t, "Delete in an archived collection", err, sheaf.ErrArchived)
			collections, err := c.Collections(ctx)
			if err != nil || !slices.ContainsFunc(collections, func(c sheaf.CollectionStats) bool { return c.Name == archived.Name }) {
				t.Errorf("Collections: %+v, %v", collections, err)
			}
			entries := all(t, c.CollectionLog(ctx, "of-"+name, 1))
			if len(entries) != 3 || entries[0].Operation != "collection.change" || entries[0].Prev != entries[1].Hash {
				t.Errorf("CollectionLog: %+v", entries)
			}
			at := client.Moment{Revision: entries[2].Revision}
			if then := all(t, c.Query(ctx, client.Filter{Collection: "of-" + name, At: at})); len(then) != 0 {
				t.Errorf("Query of the beginning: %+v", then)
			}
		})
	}
}

func TestCollectionLimitsAndDeletion(t *testing.T) {
	for way, c := range ways(t) {
		t.Run(way, func(t *testing.T) {
			ctx, name := t.Context(), "small-"+way
			made, err := c.CreateCollection(ctx, client.CollectionInput{Name: name, Limits: sheaf.CollectionLimits{Documents: 1}})
			if err != nil || made.Limits.Documents != 1 {
				t.Fatalf("CreateCollection with a limit: %+v, %v", made, err)
			}
			doc, err := c.Create(ctx, client.CreateInput{Name: "a", Collection: name})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Create(ctx, client.CreateInput{Name: "b", Collection: name})
			wantKind(t, "Create over the limit", err, sheaf.ErrQuota)
			changed, err := c.ChangeCollection(ctx, name, client.CollectionChange{Limits: &sheaf.CollectionLimits{Bytes: 7}})
			if err != nil || changed.Limits != (sheaf.CollectionLimits{Bytes: 7}) {
				t.Errorf("ChangeCollection: %+v, %v, want the other limit", changed.Limits, err)
			}

			_, err = c.DeleteCollection(ctx, name)
			wantKind(t, "DeleteCollection with a document", err, sheaf.ErrExists)
			_, err = c.PurgeCollection(ctx, name, "")
			wantKind(t, "PurgeCollection that nobody confirmed", err, sheaf.ErrInvalid)
			if deleted, err := c.PurgeCollection(ctx, name, name); err != nil || deleted.Purged != 1 || string(deleted.Name) != name {
				t.Errorf("PurgeCollection: %+v, %v", deleted, err)
			}
			_, err = c.Metadata(ctx, doc.ID, client.Moment{})
			wantKind(t, "Metadata of a document of a deleted collection", err, sheaf.ErrGone)
			_, err = c.Collection(ctx, name)
			wantKind(t, "Collection of a deleted one", err, sheaf.ErrNotFound)
		})
	}
}

func TestRelations(t *testing.T) {
	for way, c := range ways(t) {
		t.Run(way, func(t *testing.T) {
			ctx := t.Context()
			var ids []sheaf.DocumentID
			for _, name := range []string{"parent", "child"} {
				doc, err := c.Create(ctx, client.CreateInput{Name: name})
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, doc.ID)
			}
			parent, child := ids[0], ids[1]
			made, err := c.Relate(ctx, child, client.RelationInput{Type: sheaf.RelationParent, Other: parent, Note: "n"})
			if err != nil || made.Mode != sheaf.ModeCreated || made.ID != parent || made.Note != "n" {
				t.Errorf("Relate: %+v, %v", made, err)
			}
			relations, err := c.Relations(ctx, parent)
			if err != nil || len(relations) != 1 || relations[0].Type != sheaf.RelationChild || relations[0].ID != child {
				t.Errorf("Relations: %+v, %v", relations, err)
			}
			deleted, err := c.DeleteTree(ctx, parent)
			if err != nil || deleted.ID != parent || len(deleted.Below) != 1 || deleted.Below[0].ID != child {
				t.Errorf("DeleteTree: %+v, %v", deleted, err)
			}
			if removed, err := c.Unrelate(ctx, parent, sheaf.RelationChild, child); err != nil || removed.Mode != sheaf.ModeDeleted || removed.PreviousNote != "n" {
				t.Errorf("Unrelate: %+v, %v", removed, err)
			}
			if relations, err := c.Relations(ctx, parent); err != nil || len(relations) != 0 {
				t.Errorf("Relations after Unrelate: %+v, %v", relations, err)
			}
		})
	}
}

// A source that breaks leaves the document as it was.
func TestBrokenSourceChangesNothing(t *testing.T) {
	for name, c := range ways(t) {
		t.Run(name, func(t *testing.T) {
			doc, err := c.Push(t.Context(), client.PushInput{Filename: "a.txt", Body: strings.NewReader("a")})
			if err != nil {
				t.Fatal(err)
			}
			broken := errors.New("broken")
			_, err = c.PutContent(t.Context(), doc.ID, client.ContentInput{Body: io.MultiReader(io.LimitReader(endless{}, 1<<20), failing{broken})})
			if !errors.Is(err, broken) {
				t.Errorf("PutContent: %v, want the error of the source", err)
			}
			if got := contentOf(t, c, doc.ID); got != "a" {
				t.Errorf("the content is %q, want what it was", got)
			}
		})
	}
}
