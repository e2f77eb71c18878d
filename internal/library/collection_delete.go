package library

import (
	"context"
	"fmt"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// purgeBatch is how many documents of a collection that is deleted are purged in
// one transaction, for which other writers wait.
const purgeBatch = 200

// A CollectionDelete says what may be lost with a collection.
type CollectionDelete struct {
	// WithDocuments purges what is in the collection and its trash, for good. It
	// needs the scope admin too, and the collection's name in Confirm.
	WithDocuments bool
	Confirm       string
}

// DeleteCollection deletes a collection that holds nothing, not even in its
// trash, or what is in it too. Its log and the ids of its documents stay: they
// are gone, and a collection created under its name continues its revisions.
//
// From the first moment the collection refuses every write. If the context ends
// before all of its documents are purged, or the process does, it stays listed so,
// and deleting it again goes on.
func (s *Session) DeleteCollection(ctx context.Context, name string, in CollectionDelete) (sheaf.CollectionDeletion, error) {
	s.begin("collection.delete").in(name)
	if err := s.allow(sheaf.ScopeCreate); err != nil {
		return sheaf.CollectionDeletion{}, err
	}
	if in.WithDocuments {
		if err := s.allow(sheaf.ScopeAdmin); err != nil {
			return sheaf.CollectionDeletion{}, err
		}
	}
	known, err := s.library.collection(name)
	if err != nil {
		return sheaf.CollectionDeletion{}, err
	}
	if known.Name == sheaf.DefaultCollection {
		return sheaf.CollectionDeletion{}, sheaf.Invalid("name", fmt.Sprintf("the collection %s always exists and cannot be deleted", known.Name))
	}
	if in.WithDocuments && in.Confirm != string(known.Name) {
		return sheaf.CollectionDeletion{}, sheaf.Invalid("confirm", fmt.Sprintf("confirm has to be the name of the collection, %s, for its documents to be deleted with it", known.Name)).
			WithHint("what is deleted so cannot be restored")
	}
	deletion := collectionDeletion{session: s, name: known.Name, withDocuments: in.WithDocuments, id: sheaf.NewOperationID()}
	for done := false; !done; {
		if err := ctx.Err(); err != nil {
			return sheaf.CollectionDeletion{}, err
		}
		if done, err = deletion.step(ctx); err != nil {
			return sheaf.CollectionDeletion{}, err
		}
	}
	s.library.changed()
	s.library.registryChanged()
	return deletion.answer, nil
}

// errDeleting says that a collection is on its way out.
func errDeleting(name sheaf.Slug) error {
	return sheaf.Errorf(sheaf.ErrArchived, "the collection %s is being deleted with its documents", name).
		WithHint("delete it again if nobody does any more")
}

// A collectionDeletion is on its way through several transactions.
type collectionDeletion struct {
	session       *Session
	name          sheaf.Slug
	withDocuments bool
	id            string // of the operation
	begun         bool   // the collection has been seen to refuse every write

	answer sheaf.CollectionDeletion
}

// step does what fits into one transaction. Done says that the collection is
// deleted.
func (d *collectionDeletion) step(ctx context.Context) (done bool, err error) {
	var purged int
	var begun bool
	err = d.session.library.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		done, purged, begun = false, 0, false
		collection, found, err := tx.CollectionNow(d.name)
		if err != nil {
			return err
		}
		// Another deletion may have come first, and somebody may have made a
		// collection of the name anew: that one nobody has asked to delete.
		if !found || d.begun && collection.Status != sheaf.StatusDeleting {
			return errNoCollection(d.name)
		}
		documents, err := tx.Unpurged(&collection, purgeBatch)
		switch {
		case err != nil:
			return err
		case len(documents) == 0:
			done = true
			return d.finish(tx, &collection)
		case !d.withDocuments:
			return errNotEmpty(&collection, documents[0])
		}
		begun = true
		if collection.Status != sheaf.StatusDeleting {
			return d.begin(tx, &collection)
		}
		purged = len(documents)
		return d.purge(tx, &collection, documents)
	})
	d.answer.Purged += int64(purged)
	d.begun = d.begun || begun && err == nil
	return done, err
}

func errNotEmpty(c *catalog.Collection, first catalog.Head) error {
	what := "it holds documents"
	switch {
	case first.LayerOnly:
		what = "users have files of their own in it"
	case first.Deleted:
		what = "there are documents in its trash"
	}
	return sheaf.Errorf(sheaf.ErrExists, "the collection %s is not empty: %s", c.Name, what).
		WithHint("move them or purge them first, or delete it with_documents and its name in confirm")
}

// begin makes the collection refuse every write from now on.
func (d *collectionDeletion) begin(tx *catalog.Tx, c *catalog.Collection) error {
	c.Status = sheaf.StatusDeleting
	if err := tx.UpdateCollection(c); err != nil {
		return err
	}
	_, err := tx.Append(string(c.Name), d.session.begin("collection.change").entry(withOperationID(d.id), withDetail(collectionDetail(c.Collection))))
	return err
}

// purge purges documents of the collection, in the trash or not.
func (d *collectionDeletion) purge(tx *catalog.Tx, c *catalog.Collection, documents []catalog.Head) error {
	entry := d.session.begin("document.purge").entry(withOperationID(d.id))
	var severed severedRelations
	for _, before := range documents {
		if err := severed.add(tx, before.ID, before.PK); err != nil {
			return err
		}
		withCopies, err := copies(&tx.View, c, before.PK)
		if err != nil {
			return err
		}
		after := before
		after.Deleted, after.Purged = true, true
		if err := tx.UpdateDocument(before, &after); err != nil {
			return err
		}
		withDocument(before.ID, before.LogState(), nil)(entry)
		withCopies(entry)
	}
	severed.detail(nil)(entry)
	appended, err := tx.Append(string(d.name), entry)
	if err != nil {
		return err
	}
	return severed.record(tx, appended.ID)
}

// finish deletes the collection, in which nothing is left. What is being uploaded
// to it ends with it: a book that gets the name later is another one.
func (d *collectionDeletion) finish(tx *catalog.Tx, c *catalog.Collection) error {
	if err := tx.DeleteCollection(c); err != nil {
		return err
	}
	if err := tx.EndUploads(c.Name, fmt.Sprintf("the book %s was deleted", c.Name)); err != nil {
		return err
	}
	id := ""
	if d.answer.Purged > 0 {
		id = d.id
	}
	entry, err := tx.Append(string(c.Name), d.session.begin("collection.delete").entry(withOperationID(id), withDetail(collectionDetail(c.Collection))))
	d.answer.Name, d.answer.Revision, d.answer.AuditEntryID = c.Name, entry.Rev, entry.ID
	return err
}
