package library

import (
	"context"
	"fmt"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// DeleteDocument moves a document to the trash, if it meets all preconditions.
// Its versions stay.
func (s *Session) DeleteDocument(ctx context.Context, id sheaf.DocumentID, preconditions ...Precondition) (sheaf.Change, error) {
	op := s.begin("document.delete").on(id)
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return sheaf.Change{}, err
	}
	return s.commit(ctx, headChange{
		op:   op,
		find: func(v *catalog.View) (catalog.Head, error) { return liveHead(v, id) },
		edit: func(_ *catalog.Collection, before catalog.Head, after *catalog.Head) (sheaf.ChangeMode, error) {
			after.Deleted = true
			return sheaf.ModeDeleted, checkAll(preconditions, before)
		},
	})
}

// PurgeDocument removes the contents of a document in the trash for good, and
// the document from the trash. The log keeps saying that it was there.
func (s *Session) PurgeDocument(ctx context.Context, id sheaf.DocumentID) (sheaf.Change, error) {
	op := s.begin("document.purge").on(id)
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return sheaf.Change{}, err
	}
	return s.commit(ctx, headChange{
		op:   op,
		find: func(v *catalog.View) (catalog.Head, error) { return anyHead(v, id) },
		edit: func(_ *catalog.Collection, before catalog.Head, after *catalog.Head) (sheaf.ChangeMode, error) {
			if !before.Deleted {
				return "", sheaf.Errorf(sheaf.ErrExists, "the document is not in the trash").WithHint("delete it first")
			}
			after.Purged = true
			return sheaf.ModePurged, nil
		},
	})
}

// anyHead returns the head of a document that may be in the trash. A purged one
// is gone.
func anyHead(v *catalog.View, id sheaf.DocumentID) (catalog.Head, error) {
	head, found, err := v.Head(id)
	switch {
	case err != nil:
		return catalog.Head{}, err
	case !found:
		return catalog.Head{}, errNoDocument
	case head.Purged:
		return catalog.Head{}, errPurged
	}
	return head, nil
}

// A Restoration says to what a document goes back: a version's content, or all
// that it was at a revision of the collection it is in, which may be to have been
// in the trash. With neither, it comes out of the trash as it was.
type Restoration struct {
	Version  int
	Revision int64
	Message  string
}

// RestoreDocument makes a document what it was, as a new revision: what it is
// now stays in its history.
func (s *Session) RestoreDocument(ctx context.Context, id sheaf.DocumentID, in Restoration) (sheaf.Change, error) {
	op := s.begin("document.restore").on(id)
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return sheaf.Change{}, err
	}
	if in.Version < 0 || in.Revision < 0 || in.Version > 0 && in.Revision > 0 {
		return sheaf.Change{}, sheaf.Invalid("version", "say which version or which revision to go back to, not both")
	}
	if err := s.library.limits.CheckMessage(in.Message); err != nil {
		return sheaf.Change{}, err
	}
	target, err := s.library.restorationTarget(ctx, id, in)
	if err != nil {
		return sheaf.Change{}, err
	}
	return s.commit(ctx, headChange{
		op:      op,
		message: in.Message,
		find: func(v *catalog.View) (catalog.Head, error) {
			head, err := anyHead(v, id)
			if err != nil || target.Version == 0 {
				return head, err
			}
			_, err = readableVersion(v, head, target.Version) // it may have been purged since
			return head, err
		},
		edit: func(_ *catalog.Collection, before catalog.Head, after *catalog.Head) (sheaf.ChangeMode, error) {
			after.Deleted = false
			if in.Revision > 0 {
				if target.CollectionPK != before.CollectionPK { // it was moved just now
					return "", errElsewhere(before)
				}
				after.Name, after.Filename, after.Description = target.Name, target.Filename, target.Description
				after.Tags, after.Metadata, after.Path = target.Tags, target.Metadata, target.Path
				after.Deleted = target.Deleted
			}
			if in.Version > 0 || in.Revision > 0 {
				after.Version, after.Digest, after.Size, after.MIME = target.Version, target.Digest, target.Size, target.MIME
			}
			switch {
			case changeMode(before, *after) == sheaf.ModeUnchanged:
				return sheaf.ModeUnchanged, nil
			case after.Deleted:
				return sheaf.ModeDeleted, nil
			}
			return sheaf.ModeRestored, nil
		},
	})
}

// restorationTarget returns what a document was at the version or revision to
// restore; nothing when it only comes out of the trash.
func (l *Library) restorationTarget(ctx context.Context, id sheaf.DocumentID, in Restoration) (target catalog.Head, err error) {
	err = l.catalog.Snapshot(ctx, func(v *catalog.View) error {
		switch {
		case in.Revision > 0:
			if target, err = stateAt(v, id, Moment{Revision: in.Revision}); sheaf.KindOf(err) == sheaf.ErrInvalid {
				err = aboutField("revision", err)
			}
		case in.Version > 0:
			if target, err = anyHead(v, id); err == nil {
				err = pastVersion(v, &target, in.Version)
			}
		}
		return err
	})
	return target, err
}

// pastVersion makes a head describe another version of its document.
func pastVersion(v *catalog.View, head *catalog.Head, number int) error {
	version, err := readableVersion(v, *head, number)
	if err != nil {
		return err
	}
	head.Version, head.Digest, head.Size, head.MIME = version.Number, version.Digest, version.Size, version.MIME
	return nil
}

// readableVersion returns a version of a document, unless it is purged.
func readableVersion(v *catalog.View, head catalog.Head, number int) (sheaf.Version, error) {
	version, err := findVersion(v, head, number)
	if err == nil && version.Purged {
		err = sheaf.Errorf(sheaf.ErrGone, "version %d of the document was removed", number).
			WithHint("its collection does not keep every version for ever; list the versions to see which are there")
	}
	return version, err
}

// findVersion returns a version of a document, purged or not.
func findVersion(v *catalog.View, head catalog.Head, number int) (sheaf.Version, error) {
	version, found, err := v.Version(head.PK, number)
	if err != nil || found {
		return version, err
	}
	return sheaf.Version{}, noVersion(v, head, number)
}

// noVersion returns the error for a version that a document does not have.
func noVersion(v *catalog.View, head catalog.Head, number int) error {
	last, err := v.LastVersion(head.PK)
	if err != nil {
		return err
	}
	if last == 0 {
		return errNoContent
	}
	return sheaf.Errorf(sheaf.ErrNotFound, "Version not found: %d", number).
		WithHint(fmt.Sprintf("the document has the versions 1 to %d", last))
}

// Trash lists the documents of a collection that are in the trash, the newest
// first: those after the one with the id given, or from the start, and at most
// limit.
func (s *Session) Trash(ctx context.Context, collection string, after sheaf.DocumentID, limit int) ([]sheaf.Document, error) {
	s.begin("trash.list").in(collection)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return nil, err
	}
	c, err := s.library.collectionOrDefault(collection)
	if err != nil {
		return nil, err
	}
	if limit, err = s.library.pageSize(limit); err != nil {
		return nil, err
	}
	documents := []sheaf.Document{}
	err = s.library.catalog.Snapshot(ctx, func(v *catalog.View) error {
		var before int64
		if after != "" {
			head, found, err := v.Head(after)
			if err != nil {
				return err
			}
			if !found {
				return errNoDocument
			}
			before = head.PK
		}
		heads, err := v.Trash(c, before, limit)
		for _, h := range heads {
			documents = append(documents, h.Document)
		}
		return err
	})
	return documents, err
}
