package library

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// NewDocument is what [Session.CreateDocument] makes a document of. Texts are as
// the caller gave them.
type NewDocument struct {
	Content        *Upload // still the caller's to close
	Filename       string  // as on the sender's machine; required
	Name           string  // the filename if empty
	Tags           []string
	Description    string
	Metadata       json.RawMessage // a JSON object; nothing is the empty one
	Collection     string          // the default collection if empty
	Path           string          // only in books
	Message        string          // why, for the history
	IdempotencyKey string          // a second request with the same key gets the first one's answer; empty: none
}

// errNoDocument is the seed's message for whatever is not there.
var errNoDocument = sheaf.Errorf(sheaf.ErrNotFound, "Document not found").
	WithHint("list documents to find its id; deleted documents are in the trash")

// CreateDocument stores a new document. When it returns, the document is on
// disk. All invalid fields are reported at once.
func (s *Session) CreateDocument(ctx context.Context, in NewDocument) (sheaf.Document, error) {
	op := s.begin("document.create")
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return sheaf.Document{}, err
	}
	head, collection, err := s.library.checkNewDocument(in)
	if err != nil {
		return sheaf.Document{}, err
	}
	once, err := s.rememberBy(in.IdempotencyKey, op.name, head.Document, in.Message)
	if err != nil {
		return sheaf.Document{}, err
	}
	if done, err := s.library.answered(ctx, once, in.Content, &head.Document); done || err != nil {
		return head.Document, err
	}
	ref, err := s.library.place(ctx, in.Content, collection.Backend)
	if err != nil {
		return sheaf.Document{}, err
	}

	var created catalog.Head
	err = s.library.catalog.Mutate(ctx, int64(len(ref.Inline)), func(tx *catalog.Tx) error {
		created = head
		if done, err := once.recall(tx, &created.Document); done || err != nil {
			return err
		}
		if err := tx.KeepBlob(ref); err != nil {
			return err
		}
		if err := tx.CreateDocument(&created); err != nil {
			return err
		}
		if err := tx.AddVersion(created.PK, s.version(&created, in.Message)); err != nil {
			return err
		}
		_, err := tx.Append(string(created.Collection),
			op.entry(withDocument(created.ID, nil, created.LogState()), withMessage(in.Message)))
		if err != nil {
			return err
		}
		return once.remember(tx, created.Document)
	})
	if err != nil {
		return sheaf.Document{}, err
	}
	s.library.changed(ref)
	return created.Document, nil
}

// version returns the version row of a head's content.
func (s *Session) version(h *catalog.Head, message string) *sheaf.Version {
	return &sheaf.Version{
		Number: h.Version, Digest: h.Digest, Size: h.Size, MIME: h.MIME,
		Author: s.principal.ID, Label: s.principal.Label, Message: message,
	}
}

// changed wakes the background work that a committed change has made.
func (l *Library) changed(ref blob.Ref) {
	l.used()
	if ref.Inline != nil {
		wake(l.drainable)
	}
	wake(l.indexable)
}

// checkNewDocument applies every rule about a new document's fields.
func (l *Library) checkNewDocument(in NewDocument) (catalog.Head, *catalog.Collection, error) {
	filename, filenameErr := l.limits.CleanFilename(in.Filename)
	name := in.Name
	if name == "" {
		name = filename
	}
	var nameErr error
	if filenameErr == nil || in.Name != "" {
		nameErr = l.limits.CheckName("name", name)
	}
	tags, tagsErr := l.limits.CleanTags(in.Tags)
	metadata, metadataErr := l.limits.CleanMetadata(in.Metadata)
	collection, collectionErr := l.writableCollection(in.Collection)
	var pathErr error
	if in.Path != "" && collectionErr == nil && collection.Kind != sheaf.KindBook {
		pathErr = sheaf.Invalid("path", fmt.Sprintf("documents of the collection %s have no path; only books have", collection.Name))
	}
	err := sheaf.InvalidFields(filenameErr, nameErr, tagsErr, metadataErr, collectionErr, pathErr,
		l.limits.CheckDescription(in.Description), l.limits.CheckMessage(in.Message))
	if err != nil {
		return catalog.Head{}, nil, err
	}
	return catalog.Head{
		CollectionPK: collection.PK,
		Document: sheaf.Document{
			Collection:  collection.Name,
			Path:        in.Path,
			Name:        name,
			Filename:    filename,
			Tags:        tags,
			Description: in.Description,
			Metadata:    metadata,
			Version:     1,
			Digest:      in.Content.Digest(),
			Size:        in.Content.Size(),
			MIME:        mimeType(filename),
		},
	}, collection, nil
}

// collection returns the collection of a name as a request gives it.
func (l *Library) collection(name string) (*catalog.Collection, error) {
	slug, err := sheaf.ParseSlug("collection", name)
	if err != nil {
		return nil, err
	}
	collection, ok := l.catalog.Collection(slug)
	if !ok {
		return nil, sheaf.Errorf(sheaf.ErrNotFound, "Collection not found: %s", slug)
	}
	return collection, nil
}

// writableCollection returns the collection for a write, the default one if
// name is empty.
func (l *Library) writableCollection(name string) (*catalog.Collection, error) {
	if name == "" {
		name = string(sheaf.DefaultCollection)
	}
	collection, err := l.collection(name)
	if err != nil {
		return nil, err
	}
	if collection.Status == sheaf.StatusArchived {
		return nil, sheaf.Errorf(sheaf.ErrArchived, "the collection %s is archived and cannot be changed", collection.Name).
			WithHint("make it active again first")
	}
	return collection, nil
}

// Document returns a document that is not deleted.
func (s *Session) Document(ctx context.Context, id sheaf.DocumentID) (sheaf.Document, error) {
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return sheaf.Document{}, err
	}
	var head catalog.Head
	err := s.library.catalog.Read(ctx, func(v *catalog.View) (err error) {
		head, err = liveHead(v, id)
		return err
	})
	if err == nil {
		s.library.used()
	}
	return head.Document, err
}

// liveHead returns the head of a document that is not deleted.
func liveHead(v *catalog.View, id sheaf.DocumentID) (catalog.Head, error) {
	head, found, err := v.Head(id)
	if err == nil && (!found || head.Deleted) {
		err = errNoDocument
	}
	return head, err
}

// DeleteDocument moves a document to the trash. Its versions stay.
func (s *Session) DeleteDocument(ctx context.Context, id sheaf.DocumentID) error {
	op := s.begin("document.delete")
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return err
	}
	err := s.library.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		before, err := liveHead(&tx.View, id)
		if err != nil {
			return err
		}
		if _, err := s.library.writableCollection(string(before.Collection)); err != nil {
			return err
		}
		after := before
		after.Deleted = true
		if err := tx.UpdateDocument(before, &after); err != nil {
			return err
		}
		_, err = tx.Append(string(after.Collection), op.entry(withDocument(id, before.LogState(), after.LogState())))
		return err
	})
	if err == nil {
		s.library.changed(blob.Ref{})
	}
	return err
}
