package sheaftest

import (
	"context"
	"io"
	"iter"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

// RESTSurface is a store over HTTP, as the Go client reaches it.
type RESTSurface struct {
	client *client.Client
	ctx    context.Context // of the test; a Surface has no argument for it
}

// NewRESTSurface returns the API of a server.
func NewRESTSurface(t testing.TB, s *Server) *RESTSurface {
	return &RESTSurface{client: s.Client, ctx: t.Context()}
}

// collect returns everything that a listing has.
func collect[T any](listing iter.Seq2[T, error]) (all []T, err error) {
	for one, err := range listing {
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// Push implements [Surface].
func (s *RESTSurface) Push(name, content, collection string, tags ...string) (sheaf.Document, error) {
	return s.client.Push(s.ctx, client.PushInput{Filename: name, Body: strings.NewReader(content), Collection: collection, Tags: tags})
}

// Read implements [Surface].
func (s *RESTSurface) Read(id sheaf.DocumentID, version int) (string, error) {
	download, err := s.client.Pull(s.ctx, id, client.OfVersion(version))
	if err != nil {
		return "", err
	}
	defer download.Body.Close()
	text, err := io.ReadAll(download.Body)
	return string(text), err
}

// Find implements [Surface].
func (s *RESTSurface) Find(name string, tags ...string) ([]sheaf.Document, error) {
	return collect(s.client.Query(s.ctx, client.Filter{Name: name, Tags: tags}))
}

// Write implements [Surface].
func (s *RESTSurface) Write(id sheaf.DocumentID, content string, read sheaf.Digest, merge bool) (sheaf.Change, error) {
	in := client.ContentInput{Body: strings.NewReader(content), FileHash: unlessZero(read)}
	if merge {
		in.OnConflict = client.ConflictMerges
	}
	return s.client.PutContent(s.ctx, id, in)
}

// Replace implements [Surface].
func (s *RESTSurface) Replace(id sheaf.DocumentID, old, with string) (sheaf.Change, error) {
	edited, err := s.client.Edit(s.ctx, id, client.EditInput{Edits: replacing(old, with)})
	return edited.Change, err
}

// Tag implements [Surface].
func (s *RESTSurface) Tag(id sheaf.DocumentID, tags ...string) (sheaf.Change, error) {
	return s.client.Change(s.ctx, id, client.ChangeInput{Tags: &tags})
}

// Rename implements [Surface].
func (s *RESTSurface) Rename(id sheaf.DocumentID, name string) (sheaf.Change, error) {
	return s.client.Change(s.ctx, id, client.ChangeInput{Name: &name})
}

// Delete implements [Surface].
func (s *RESTSurface) Delete(id sheaf.DocumentID) error {
	_, err := s.client.Delete(s.ctx, id)
	return err
}

// Trash implements [Surface].
func (s *RESTSurface) Trash() ([]sheaf.Document, error) {
	return collect(s.client.Trash(s.ctx, "", 0))
}

// Restore implements [Surface].
func (s *RESTSurface) Restore(id sheaf.DocumentID, version int) (sheaf.Change, error) {
	return s.client.Restore(s.ctx, id, client.RestoreInput{Version: version})
}

// Purge implements [Surface].
func (s *RESTSurface) Purge(id sheaf.DocumentID) error {
	_, err := s.client.Purge(s.ctx, id)
	return err
}

// Diff implements [Surface].
func (s *RESTSurface) Diff(id sheaf.DocumentID, from, to int) (string, error) {
	var text strings.Builder
	err := s.client.UnifiedDiff(s.ctx, &text, id, client.DiffInput{From: from, To: to})
	return text.String(), err
}

// Log implements [Surface].
func (s *RESTSurface) Log(id sheaf.DocumentID) ([]string, error) {
	entries, err := collect(s.client.DocumentLog(s.ctx, id, 0))
	var operations []string
	for _, entry := range entries {
		operations = append(operations, entry.Operation)
	}
	return operations, err
}

// CreateCollection implements [Surface].
func (s *RESTSurface) CreateCollection(name string, policy sheaf.WritePolicy, most int64) error {
	_, err := s.client.CreateCollection(s.ctx, client.CollectionInput{
		Name: name, Policy: policy, Limits: sheaf.CollectionLimits{Documents: most},
	})
	return err
}

// Archive implements [Surface].
func (s *RESTSurface) Archive(collection string) error {
	archived := sheaf.StatusArchived
	_, err := s.client.ChangeCollection(s.ctx, collection, client.CollectionChange{Status: &archived})
	return err
}

// DeleteCollection implements [Surface].
func (s *RESTSurface) DeleteCollection(name string) error {
	_, err := s.client.PurgeCollection(s.ctx, name, name)
	return err
}

// PushAll implements [Surface].
func (s *RESTSurface) PushAll(collection string, names ...string) ([]sheaf.Document, error) {
	in := client.BatchInput{Collection: collection, Atomic: true}
	for _, name := range names {
		in.Files = append(in.Files, client.PushInput{Filename: name, Body: strings.NewReader(name)})
	}
	results, err := s.client.PushBatch(s.ctx, in)
	var documents []sheaf.Document
	for _, result := range results {
		documents = append(documents, result.Document)
	}
	return documents, err
}

// TagAll implements [Surface].
func (s *RESTSurface) TagAll(with, add string, dryRun bool) (sheaf.BulkChange, error) {
	in := client.BulkInput{Filter: &client.BulkFilter{Tags: []string{with}}, DryRun: dryRun}
	return s.client.TagDocuments(s.ctx, in, client.TagInput{Add: []string{add}})
}

// MoveTo implements [Surface].
func (s *RESTSurface) MoveTo(collection string, ids ...sheaf.DocumentID) (sheaf.BulkChange, error) {
	return s.client.MoveDocuments(s.ctx, client.BulkInput{IDs: ids}, collection)
}

// Download implements [Surface].
func (s *RESTSurface) Download(collection string) ([]byte, error) {
	archive, err := s.client.Archive(s.ctx, client.ArchiveSelection{Filter: client.Filter{Collection: collection}})
	if err != nil {
		return nil, err
	}
	defer archive.Body.Close()
	return io.ReadAll(archive.Body)
}

// Relate implements [Surface].
func (s *RESTSurface) Relate(id sheaf.DocumentID, is sheaf.RelationType, other sheaf.DocumentID) error {
	_, err := s.client.Relate(s.ctx, id, client.RelationInput{Type: is, Other: other})
	return err
}

// Related implements [Surface].
func (s *RESTSurface) Related(id sheaf.DocumentID) ([]sheaf.Relation, error) {
	return s.client.Relations(s.ctx, id)
}

// DeleteWithChildren implements [Surface].
func (s *RESTSurface) DeleteWithChildren(id sheaf.DocumentID) error {
	_, err := s.client.DeleteTree(s.ctx, id)
	return err
}
