package sheaftest

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
	"github.com/sheaf-dev/sheaf/internal/markup"
)

// LibrarySurface is a store without anything in between.
type LibrarySurface struct {
	session *library.Session
	ctx     context.Context // of the test; a Surface has no argument for it
}

// NewLibrarySurface returns the library of a server.
func NewLibrarySurface(t testing.TB, s *Server) *LibrarySurface {
	return &LibrarySurface{session: s.App.Library().As(sheaf.Local("scenario")), ctx: t.Context()}
}

func (s *LibrarySurface) receive(content string, use func(*library.Upload) error) error {
	upload, err := s.session.Receive(s.ctx, strings.NewReader(content))
	if err != nil {
		return err
	}
	defer upload.Close()
	return use(upload)
}

// Push implements [Surface].
func (s *LibrarySurface) Push(name, content, collection string, tags ...string) (doc sheaf.Document, err error) {
	err = s.receive(content, func(upload *library.Upload) (err error) {
		doc, err = s.session.CreateDocument(s.ctx, library.NewDocument{Content: upload, Filename: name, Tags: tags, Collection: collection})
		return err
	})
	return doc, err
}

// Read implements [Surface].
func (s *LibrarySurface) Read(id sheaf.DocumentID, version int) (string, error) {
	content, err := s.session.OpenDocument(s.ctx, id, version)
	if err != nil {
		return "", err
	}
	defer content.Close()
	reader, err := content.Reader()
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(reader)
	return string(text), err
}

// Find implements [Surface].
func (s *LibrarySurface) Find(name string, tags ...string) ([]sheaf.Document, error) {
	page, err := s.session.Documents(s.ctx, library.DocumentQuery{Name: name, Tags: tags, Limit: library.DefaultPage})
	return page.Documents, err
}

// Write implements [Surface].
func (s *LibrarySurface) Write(id sheaf.DocumentID, content string, read sheaf.Digest, merge bool) (change sheaf.Change, err error) {
	err = s.receive(content, func(upload *library.Upload) (err error) {
		change, err = s.session.WriteContent(s.ctx, id, library.ContentWrite{Content: upload, FileHash: unlessZero(read), Merge: merge})
		return err
	})
	return change, err
}

func unlessZero(digest sheaf.Digest) *sheaf.Digest {
	if digest == (sheaf.Digest{}) {
		return nil
	}
	return &digest
}

// Replace implements [Surface].
func (s *LibrarySurface) Replace(id sheaf.DocumentID, old, with string) (sheaf.Change, error) {
	edited, err := s.session.EditContent(s.ctx, id, library.ContentEdit{Edits: replacing(old, with)})
	return edited.Change, err
}

func replacing(old, with string) []sheaf.Edit {
	return []sheaf.Edit{{OldString: &old, NewString: &with}}
}

// Tag implements [Surface].
func (s *LibrarySurface) Tag(id sheaf.DocumentID, tags ...string) (sheaf.Change, error) {
	return s.session.ChangeDocument(s.ctx, id, library.DocumentChange{Tags: &tags})
}

// Rename implements [Surface].
func (s *LibrarySurface) Rename(id sheaf.DocumentID, name string) (sheaf.Change, error) {
	return s.session.ChangeDocument(s.ctx, id, library.DocumentChange{Name: &name})
}

// Delete implements [Surface].
func (s *LibrarySurface) Delete(id sheaf.DocumentID) error {
	_, err := s.session.DeleteDocument(s.ctx, id)
	return err
}

// Trash implements [Surface].
func (s *LibrarySurface) Trash() ([]sheaf.Document, error) {
	return s.session.Trash(s.ctx, "", "", library.DefaultPage)
}

// Restore implements [Surface].
func (s *LibrarySurface) Restore(id sheaf.DocumentID, version int) (sheaf.Change, error) {
	return s.session.RestoreDocument(s.ctx, id, library.Restoration{Version: version})
}

// Purge implements [Surface].
func (s *LibrarySurface) Purge(id sheaf.DocumentID) error {
	_, err := s.session.PurgeDocument(s.ctx, id)
	return err
}

// Diff implements [Surface].
func (s *LibrarySurface) Diff(id sheaf.DocumentID, from, to int) (string, error) {
	comparison, err := s.session.Compare(s.ctx, id, from, to, 0)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	err = markup.WriteUnified(&text, comparison.Comparison, comparison.OldLabel, comparison.NewLabel)
	return text.String(), err
}

// Log implements [Surface].
func (s *LibrarySurface) Log(id sheaf.DocumentID) ([]string, error) {
	entries, err := s.session.DocumentLog(s.ctx, id, 0, library.DefaultPage)
	var operations []string
	for _, entry := range entries {
		operations = append(operations, entry.Operation)
	}
	return operations, err
}

// CreateCollection implements [Surface].
func (s *LibrarySurface) CreateCollection(name string, policy sheaf.WritePolicy, most int64) error {
	_, err := s.session.CreateCollection(s.ctx, library.NewCollection{
		Name: name, Policy: policy, Limits: sheaf.CollectionLimits{Documents: most},
	})
	return err
}

// Archive implements [Surface].
func (s *LibrarySurface) Archive(collection string) error {
	archived := sheaf.StatusArchived
	_, err := s.session.ChangeCollection(s.ctx, collection, library.CollectionChange{Status: &archived})
	return err
}

// DeleteCollection implements [Surface].
func (s *LibrarySurface) DeleteCollection(name string) error {
	_, err := s.session.DeleteCollection(s.ctx, name, library.CollectionDelete{WithDocuments: true, Confirm: name})
	return err
}

// PushAll implements [Surface].
func (s *LibrarySurface) PushAll(collection string, names ...string) ([]sheaf.Document, error) {
	batch, err := s.session.BeginBatch()
	if err != nil {
		return nil, err
	}
	defer batch.Close()
	in := library.NewDocuments{Collection: collection, Atomic: true}
	for _, name := range names {
		upload, refused, err := batch.Receive(s.ctx, strings.NewReader(name))
		if err != nil {
			return nil, err
		}
		in.Files = append(in.Files, library.NewFile{NewDocument: library.NewDocument{Filename: name, Content: upload}, Refused: refused})
	}
	created, err := s.session.CreateDocuments(s.ctx, in)
	var documents []sheaf.Document
	for _, file := range created {
		documents = append(documents, file.Document)
	}
	return documents, err
}

// TagAll implements [Surface].
func (s *LibrarySurface) TagAll(with, add string, dryRun bool) (sheaf.BulkChange, error) {
	selection := library.Selection{Filter: &library.SelectionFilter{Tags: []string{with}}}
	return s.session.TagDocuments(s.ctx, selection, library.TagChange{Add: []string{add}}, library.BulkOptions{DryRun: dryRun})
}

// MoveTo implements [Surface].
func (s *LibrarySurface) MoveTo(collection string, ids ...sheaf.DocumentID) (sheaf.BulkChange, error) {
	return s.session.MoveDocuments(s.ctx, library.Selection{IDs: ids}, collection, library.BulkOptions{})
}

// Download implements [Surface].
func (s *LibrarySurface) Download(collection string) ([]byte, error) {
	archive, err := s.session.Archive(s.ctx, library.ArchiveSelection{Query: library.DocumentQuery{Collection: collection}})
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	var file bytes.Buffer
	err = archive.WriteRange(s.ctx, &file, 0, archive.Size())
	return file.Bytes(), err
}

// Relate implements [Surface].
func (s *LibrarySurface) Relate(id sheaf.DocumentID, is sheaf.RelationType, other sheaf.DocumentID) error {
	_, err := s.session.Relate(s.ctx, id, library.NewRelation{Type: is, Other: other})
	return err
}

// Related implements [Surface].
func (s *LibrarySurface) Related(id sheaf.DocumentID) ([]sheaf.Relation, error) {
	return s.session.Relations(s.ctx, id)
}

// DeleteWithChildren implements [Surface].
func (s *LibrarySurface) DeleteWithChildren(id sheaf.DocumentID) error {
	_, err := s.session.DeleteTree(s.ctx, id)
	return err
}
