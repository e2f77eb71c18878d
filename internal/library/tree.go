package library

import (
	"context"
	"slices"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// DeleteTree moves a document and all documents below it, its children and
// theirs, to the trash, in whichever collections they are: all of them or none.
// The preconditions are of the document itself. The answer names each, since each is restored by itself.
func (s *Session) DeleteTree(ctx context.Context, id sheaf.DocumentID, preconditions ...Precondition) (deletion sheaf.TreeDeletion, err error) {
	op := s.begin("document.delete").on(id)
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return deletion, err
	}
	err = s.library.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		heads, err := s.library.liveTree(tx, id)
		if err != nil {
			return err
		}
		if err := checkAll(preconditions, heads[0]); err != nil {
			return err
		}
		changes, err := deleteHeads(tx, op, heads)
		if err != nil {
			return err
		}
		deletion = sheaf.TreeDeletion{Change: changes[0], Below: changes[1:]}
		return nil
	})
	if err != nil {
		return sheaf.TreeDeletion{}, err
	}
	s.library.changed()
	return deletion, nil
}

// liveTree returns a document and those below it that are not deleted, none
// before its parent. What is in the trash is not among them, but what is below
// it is.
func (l *Library) liveTree(tx *catalog.Tx, id sheaf.DocumentID) ([]catalog.Head, error) {
	root, err := liveHead(&tx.View, id)
	if err != nil {
		return nil, err
	}
	heads := []catalog.Head{}
	for walk := newWalk(root.PK, sheaf.RelationChild); !walk.done(); {
		head, found, err := tx.HeadOf(walk.waiting[0])
		if err != nil {
			return nil, err
		}
		if found && !head.Deleted {
			if _, err := writableNow(tx, head.Collection); err != nil {
				return nil, err
			}
			heads = append(heads, head)
		}
		if err := walk.step(&tx.View); err != nil {
			return nil, err
		}
		if len(walk.seen) > l.limits.Tree {
			return nil, sheaf.Errorf(sheaf.ErrTooLarge, "more than %d documents are below %s, which is the limit of one deletion", l.limits.Tree-1, id).
				WithHint("delete some of its children with theirs first, or raise limits.tree")
		}
	}
	return heads, nil
}

// deleteHeads moves documents to the trash, with one log entry for each of their
// collections.
func deleteHeads(tx *catalog.Tx, op operation, heads []catalog.Head) ([]sheaf.Change, error) {
	var entries streamEntries
	changes := make([]sheaf.Change, 0, len(heads))
	for _, before := range heads {
		after := before
		after.Deleted = true
		if err := tx.UpdateDocument(before, &after); err != nil {
			return nil, err
		}
		entries.add(&before, &after, (*catalog.Head).LogState)
		changes = append(changes, sheaf.Change{
			Document: after.Document, Mode: sheaf.ModeDeleted, Revision: after.Rev,
			PreviousRevision: before.Rev, PreviousVersion: before.Version,
		})
	}
	made, _, err := entries.append(tx, op)
	if err != nil {
		return nil, err
	}
	for i := range changes {
		of := slices.IndexFunc(made, func(r sheaf.BulkRevision) bool { return r.Collection == changes[i].Collection })
		changes[i].AuditEntryID = made[of].AuditEntryID
	}
	return changes, nil
}
