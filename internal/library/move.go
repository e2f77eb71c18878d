package library

import (
	"context"
	"fmt"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// MoveDocument moves a document to another collection on the same backend. It
// keeps its id, its versions and its history.
func (s *Session) MoveDocument(ctx context.Context, id sheaf.DocumentID, collection, message string) (change sheaf.Change, err error) {
	op := s.begin("document.move").on(id)
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return sheaf.Change{}, err
	}
	to, collectionErr := sheaf.ParseSlug("collection", collection)
	if err := sheaf.InvalidFields(collectionErr, s.library.limits.CheckMessage(message)); err != nil {
		return sheaf.Change{}, err
	}
	err = s.library.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) (err error) {
		change, err = moveNow(tx, op, id, to, message)
		return err
	})
	if err != nil {
		return sheaf.Change{}, err
	}
	s.library.changed()
	return change, nil
}

func moveNow(tx *catalog.Tx, op operation, id sheaf.DocumentID, to sheaf.Slug, message string) (sheaf.Change, error) {
	before, err := liveHead(&tx.View, id)
	if err != nil {
		return sheaf.Change{}, err
	}
	target, err := writableNow(tx, to)
	if err != nil {
		return sheaf.Change{}, err
	}
	if target.PK == before.CollectionPK {
		return unchanged(before), nil
	}
	source, err := writableNow(tx, before.Collection)
	if err != nil {
		return sheaf.Change{}, err
	}
	after := before
	if err := enter(&after, source, target); err != nil {
		return sheaf.Change{}, err
	}
	if err := checkAllThere(tx, &before, &after); err != nil {
		return sheaf.Change{}, err
	}
	if err := admitChange(tx, target, before, after); err != nil {
		return sheaf.Change{}, err
	}
	if err := tx.UpdateDocument(before, &after); err != nil {
		return sheaf.Change{}, err
	}
	var entries streamEntries
	entries.add(&before, &after, (*catalog.Head).LogState)
	made, _, err := entries.append(tx, op, withMessage(message))
	if err != nil {
		return sheaf.Change{}, err
	}
	arrival := made[len(made)-1]
	return sheaf.Change{
		Document: after.Document, Mode: sheaf.ModeMoved, Revision: arrival.Revision, AuditEntryID: arrival.AuditEntryID,
		PreviousRevision: before.Rev, PreviousVersion: before.Version, PreviousCollection: before.Collection,
	}, nil
}

// enter makes a head one of another collection. What a collection asks of the
// documents that come into it from another one is checked here.
func enter(h *catalog.Head, source, target *catalog.Collection) error {
	switch {
	case source.Kind != sheaf.KindDocuments || target.Kind != sheaf.KindDocuments:
		return sheaf.Errorf(sheaf.ErrUnsupported, "documents of books have a path and cannot be moved from %s to %s", source.Name, target.Name).
			WithHint("push the document to the other collection instead")
	case source.Backend != target.Backend:
		return sheaf.Errorf(sheaf.ErrUnsupported, "%s is stored on the backend %s and %s on %s; documents cannot be moved between backends",
			source.Name, source.Backend, target.Name, target.Backend).
			WithHint(fmt.Sprintf("move it to a collection on %s, or push it to %s as a new document", source.Backend, target.Name))
	}
	h.CollectionPK, h.Collection = target.PK, target.Name
	return nil
}
