package library

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// A headChange is one change of one document, on its way into a transaction.
type headChange struct {
	op      operation
	message string
	content *Upload // a new content, which becomes the next version; nil: the content stays
	backend string  // where the content goes

	// layer is where the change is made; empty: in the base.
	layer string
	// find returns the document as the change needs it. One that the change is
	// to make has no PK yet.
	find func(*catalog.View) (catalog.Head, error)
	// places are where the document is, if that is known before.
	places []sourcesPlace
	// edit makes of before what the document becomes, in its collection as it is
	// then. It returns unchanged when there is nothing to store.
	edit func(collection *catalog.Collection, before catalog.Head, after *catalog.Head) (sheaf.ChangeMode, error)
	// also is done in the same transaction once all else is, also when there is
	// nothing to store; it may be nil.
	also func(*catalog.Tx, sheaf.Change) error
}

// commit makes the change durable: the document's next state, its version if the
// content is new, and the log entry.
func (s *Session) commit(ctx context.Context, c headChange) (change sheaf.Change, err error) {
	commit := func(ref blob.Ref) (known bool, err error) {
		err = s.library.withSources(ctx, c.places, func(sources knownSources) error {
			return s.library.catalog.Mutate(ctx, int64(len(ref.Inline)), func(tx *catalog.Tx) (err error) {
				change, known, err = s.apply(tx, c, ref, sources)
				return err
			})
		})
		return known, err
	}
	if c.content == nil {
		_, err = commit(blob.Ref{})
	} else {
		err = s.library.keep(ctx, c.content, c.backend, commit)
	}
	if err != nil {
		return sheaf.Change{}, err
	}
	s.library.changed()
	return change, nil
}

// apply applies a change within a transaction, and what is also to be done.
func (s *Session) apply(tx *catalog.Tx, c headChange, ref blob.Ref, sources knownSources) (change sheaf.Change, known bool, err error) {
	change, known, err = s.applyChange(tx, c, ref, sources)
	if err == nil && c.also != nil {
		err = c.also(tx, change)
	}
	return change, known, err
}

// applyChange applies a change within a transaction. Known says that the new
// content, if there is one, was in the store. Of a summary it needs the sources.
func (s *Session) applyChange(tx *catalog.Tx, c headChange, ref blob.Ref, sources knownSources) (change sheaf.Change, known bool, err error) {
	before, err := c.find(&tx.View)
	if err != nil {
		return sheaf.Change{}, false, err
	}
	collection, err := writableNow(tx, before.Collection)
	if err != nil {
		return sheaf.Change{}, false, err
	}
	if err := checkHome(collection, c.content != nil, ref); err != nil {
		return sheaf.Change{}, false, err
	}
	after := before
	after.Layer = c.layer
	mode, err := c.edit(collection, before, &after)
	if err != nil {
		return sheaf.Change{}, false, err
	}
	if mode == sheaf.ModeUnchanged && c.content != nil {
		// The same summary again is a new one of what it sums up now.
		if stale, err := isStaleSummary(tx, collection, after, sources); err != nil {
			return sheaf.Change{}, false, err
		} else if stale {
			mode = sheaf.ModeUpdated
		}
	}
	if mode == sheaf.ModeUnchanged {
		if c.content != nil { // what the store has of it may have been found damaged
			known, err = tx.KeepBlob(ref)
		}
		return unchanged(before), known, err
	}
	if takesPath(before, after) {
		if err := checkPathFree(&tx.View, collection, after, ""); err != nil {
			return sheaf.Change{}, false, err
		}
	}
	if err := admitChange(tx, collection, before, withContent(after, c.content, ref)); err != nil {
		return sheaf.Change{}, false, err
	}
	if before.PK == 0 {
		after.Version, after.Digest, after.Size = 1, ref.Digest, ref.Size
		if err := tx.CreateDocument(&after); err != nil {
			return sheaf.Change{}, false, err
		}
	}
	if c.content != nil {
		if known, err = s.addVersion(tx, &after, ref, c.message); err != nil {
			return sheaf.Change{}, false, err
		}
		if err := recordSources(tx, collection, after, sources); err != nil {
			return sheaf.Change{}, false, err
		}
	}
	var severed severedRelations
	withCopies := func(*sheaf.LogPayload) {}
	if after.Purged {
		if err := severed.add(tx, before.ID, before.PK); err != nil {
			return sheaf.Change{}, false, err
		}
		if withCopies, err = copies(&tx.View, collection, before.PK); err != nil {
			return sheaf.Change{}, false, err
		}
	}
	switch {
	case before.PK == 0:
	case after.Layer != "":
		err = tx.UpdateLayer(before, &after)
	default:
		err = tx.UpdateDocument(before, &after)
	}
	if err != nil {
		return sheaf.Change{}, false, err
	}
	var was, is *sheaf.LogState
	if before.PK != 0 && before.Layer == after.Layer { // else the layer had nothing of it
		was = before.LogState()
	}
	if !after.Purged {
		is = after.LogState()
	}
	entry, err := tx.Append(string(after.Collection),
		c.op.entry(withDocument(after.ID, was, is), inLayer(after.Layer), withCopies, withMessage(c.message), severed.detail(nil)))
	if err == nil {
		err = severed.record(tx, entry.ID)
	}
	return sheaf.Change{
		Document: after.Document, Mode: mode, Revision: entry.Rev, AuditEntryID: entry.ID,
		PreviousRevision: before.Rev, PreviousVersion: before.Version,
	}, known, err
}

// unchanged is the answer to a change that finds all as it should become.
func unchanged(h catalog.Head) sheaf.Change {
	return sheaf.Change{Document: h.Document, Mode: sheaf.ModeUnchanged, Revision: h.Rev,
		PreviousRevision: h.Rev, PreviousVersion: h.Version}
}

// addVersion makes a content the next version of a document.
func (s *Session) addVersion(tx *catalog.Tx, h *catalog.Head, ref blob.Ref, message string) (known bool, err error) {
	if known, err = tx.KeepBlob(ref); err != nil {
		return false, err
	}
	last, err := tx.LastVersion(h.PK)
	if err != nil {
		return false, err
	}
	h.Version, h.Digest, h.Size = last+1, ref.Digest, ref.Size
	return known, tx.AddVersion(h.PK, s.version(h, message))
}

// A DocumentChange changes what is said of a document. What is nil stays.
type DocumentChange struct {
	Name        *string
	Description *string
	Tags        *[]string
	Metadata    json.RawMessage
	Message     string

	// Revision is the one that the document has to have still, 0: any. It is of
	// Collection; when that is empty, of the default collection, or of the only
	// one that the document has been in.
	Revision   int64
	Collection sheaf.Slug
}

// holds reports whether a document is in the state that the change is for. A
// revision alone would not tell: those of two collections may be equal.
func (in *DocumentChange) holds(h catalog.Head) bool {
	switch {
	case in.Revision == 0:
		return true
	case in.Revision != h.Rev:
		return false
	case in.Collection == "":
		return h.Stay == 0 || h.Collection == sheaf.DefaultCollection
	}
	return in.Collection == h.Collection
}

// ChangeDocument changes a document's name, description, tags or metadata. It
// fails with [sheaf.ErrPreconditionFailed] if its state is no longer that of the
// revision given.
func (s *Session) ChangeDocument(ctx context.Context, id sheaf.DocumentID, in DocumentChange) (sheaf.Change, error) {
	op := s.begin("document.change").on(id)
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return sheaf.Change{}, err
	}
	if err := s.library.checkChange(&in); err != nil {
		return sheaf.Change{}, err
	}
	return s.commit(ctx, headChange{
		op:      op,
		message: in.Message,
		find:    func(v *catalog.View) (catalog.Head, error) { return liveHead(v, id) },
		edit: func(_ *catalog.Collection, before catalog.Head, after *catalog.Head) (sheaf.ChangeMode, error) {
			if !in.holds(before) {
				return "", sheaf.Errorf(sheaf.ErrPreconditionFailed, "the document has changed since revision %d", in.Revision).
					WithHint(fmt.Sprintf("it is at revision %d of %s now; read it again", before.Rev, before.Collection))
			}
			if in.Name != nil {
				after.Name = *in.Name
			}
			if in.Description != nil {
				after.Description = *in.Description
			}
			if in.Tags != nil {
				after.Tags = *in.Tags
			}
			if in.Metadata != nil {
				after.Metadata = in.Metadata
			}
			return changeMode(before, *after), nil
		},
	})
}

// changeMode returns unchanged if two heads say the same.
func changeMode(before, after catalog.Head) sheaf.ChangeMode {
	same := before.Name == after.Name && before.Filename == after.Filename && before.Path == after.Path &&
		before.Description == after.Description && slices.Equal(before.Tags, after.Tags) &&
		bytes.Equal(before.Metadata, after.Metadata) && before.Version == after.Version && before.Deleted == after.Deleted
	if same {
		return sheaf.ModeUnchanged
	}
	return sheaf.ModeUpdated
}

// checkChange applies the rules about fields and cleans them.
func (l *Library) checkChange(in *DocumentChange) error {
	var nameErr, descriptionErr, tagsErr, metadataErr error
	if in.Name != nil {
		nameErr = l.limits.CheckName("name", *in.Name)
	}
	if in.Description != nil {
		descriptionErr = l.limits.CheckDescription(*in.Description)
	}
	if in.Tags != nil {
		var tags []string
		tags, tagsErr = l.limits.CleanTags(*in.Tags)
		in.Tags = &tags
	}
	if in.Metadata != nil {
		in.Metadata, metadataErr = l.limits.CleanMetadata(in.Metadata)
	}
	return sheaf.InvalidFields(nameErr, descriptionErr, tagsErr, metadataErr, l.limits.CheckMessage(in.Message))
}
