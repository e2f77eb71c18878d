package library

import (
	"context"
	"fmt"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// DeleteTree moves a document and all documents below it, its children and
// theirs, to the trash, in whichever collections they are: all of them or none.
// The answer names each, since each is restored by itself.
func (s *Session) DeleteTree(ctx context.Context, id sheaf.DocumentID) (deletion sheaf.TreeDeletion, err error) {
	op := s.begin("document.delete").on(id)
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return deletion, err
	}
	err = s.library.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		heads, err := s.library.liveTree(tx, id)
		if err != nil {
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
	streams := []sheaf.Slug{} // in the order of their first document
	entries := make(map[sheaf.Slug]*sheaf.LogPayload)
	changes := make([]sheaf.Change, 0, len(heads))
	for _, before := range heads {
		after := before
		after.Deleted = true
		if err := tx.UpdateDocument(before, &after); err != nil {
			return nil, err
		}
		if entries[before.Collection] == nil {
			streams = append(streams, before.Collection)
			entries[before.Collection] = op.entry()
		}
		withDocument(before.ID, before.LogState(), after.LogState())(entries[before.Collection])
		changes = append(changes, sheaf.Change{
			Document: after.Document, Mode: sheaf.ModeDeleted, Revision: after.Rev,
			PreviousRevision: before.Rev, PreviousVersion: before.Version,
		})
	}
	operationID := ""
	if len(streams) > 1 {
		operationID = sheaf.NewOperationID()
	}
	written := make(map[sheaf.Slug]int64, len(streams))
	for _, stream := range streams {
		withOperationID(operationID)(entries[stream])
		entry, err := tx.Append(string(stream), entries[stream])
		if err != nil {
			return nil, fmt.Errorf("log the deletion in %s: %w", stream, err)
		}
		written[stream] = entry.ID
	}
	for i := range changes {
		changes[i].AuditEntryID = written[changes[i].Collection]
	}
	return changes, nil
}
