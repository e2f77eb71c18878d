package library

import (
	"context"
	"fmt"
	"maps"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// A NewRelation is what [Session.Relate] makes a relation of.
type NewRelation struct {
	Type  sheaf.RelationType // what the other document is to this one
	Other sheaf.DocumentID
	Note  string
}

// Relations returns the relations of a document: its parent, its children, its
// predecessors, its successors, then what else is related. It also answers for
// documents in the trash, and those in the trash are among the answers. Relations
// are of now; what they were is told by the log.
func (s *Session) Relations(ctx context.Context, id sheaf.DocumentID) (relations []sheaf.Relation, err error) {
	s.begin("relation.list").on(id)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return nil, err
	}
	err = s.library.catalog.Snapshot(ctx, func(v *catalog.View) error {
		head, err := anyHead(v, id)
		if err != nil {
			return err
		}
		relations, err = v.Relations(head.PK)
		return err
	})
	if err == nil {
		s.library.used()
	}
	return relations, err
}

// Relate puts two documents into a relation, or changes the note of the one they
// are in. Neither may be in the trash.
//
// A second parent is refused with [sheaf.ErrExists], and so is what would make a
// document its own ancestor or predecessor.
func (s *Session) Relate(ctx context.Context, id sheaf.DocumentID, in NewRelation) (change sheaf.RelationChange, err error) {
	annotate, add := s.begin("relation.change").on(id), s.begin("relation.add").on(id)
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return change, err
	}
	if err := sheaf.InvalidFields(checkRelation(id, in.Type, in.Other), s.library.limits.CheckNote(in.Note)); err != nil {
		return change, err
	}
	err = s.library.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		pair, err := findPair(tx, id, in.Type, in.Other, liveHead)
		if err != nil {
			return err
		}
		before, found, err := tx.Relation(pair.document.PK, in.Type, pair.other.PK)
		switch {
		case err != nil:
			return err
		case found && before.Note == in.Note:
			change = sheaf.RelationChange{Relation: before, Mode: sheaf.ModeUnchanged, PreviousNote: before.Note}
			return nil
		case found:
			if err := tx.SetRelationNote(pair.key, in.Note); err != nil {
				return err
			}
			change, err = pair.record(tx, annotate, relationNotes{Before: &before.Note, After: &in.Note})
			change.Mode, change.PreviousNote = sheaf.ModeUpdated, before.Note
		default:
			if err := s.library.checkNewRelation(tx, pair); err != nil {
				return err
			}
			if err := tx.AddRelation(pair.key, in.Note, s.principal.ID, s.principal.Label); err != nil {
				return err
			}
			change, err = pair.record(tx, add, relationNotes{After: &in.Note})
			change.Mode = sheaf.ModeCreated
		}
		if err != nil {
			return err
		}
		change.Relation, _, err = tx.Relation(pair.document.PK, in.Type, pair.other.PK)
		return err
	})
	if err == nil {
		s.library.used()
	}
	return change, err
}

// Unrelate ends a relation of two documents, each of which may be in the trash.
// The answer has what the relation was.
func (s *Session) Unrelate(ctx context.Context, id sheaf.DocumentID, relation sheaf.RelationType, other sheaf.DocumentID) (change sheaf.RelationChange, err error) {
	op := s.begin("relation.remove").on(id)
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return change, err
	}
	if err := checkRelation(id, relation, other); err != nil {
		return change, err
	}
	err = s.library.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		pair, err := findPair(tx, id, relation, other, anyHead)
		if err != nil {
			return err
		}
		before, found, err := tx.Relation(pair.document.PK, relation, pair.other.PK)
		if err != nil {
			return err
		}
		if !found {
			return sheaf.Errorf(sheaf.ErrNotFound, "%s is no %s document of %s", other, relation, id).
				WithHint("list the relations of the document")
		}
		if err := tx.RemoveRelation(pair.key); err != nil {
			return err
		}
		change, err = pair.record(tx, op, relationNotes{Before: &before.Note})
		change.Relation, change.Mode, change.PreviousNote = before, sheaf.ModeDeleted, before.Note
		return err
	})
	if err == nil {
		s.library.used()
	}
	return change, err
}

func checkRelation(id sheaf.DocumentID, relation sheaf.RelationType, other sheaf.DocumentID) error {
	_, typeErr := sheaf.ParseRelationType(string(relation))
	_, otherErr := sheaf.ParseDocumentID(string(other))
	if otherErr == nil && other == id {
		otherErr = sheaf.Invalid("document_id", "a document is not related to itself")
	}
	return sheaf.InvalidFields(typeErr, otherErr)
}

// A pair is two documents and the relation that is spoken of, in a transaction.
type pair struct {
	relation        sheaf.RelationType // what the other is to the document
	document, other catalog.Head
	key             catalog.RelationKey
}

// findPair finds both documents, in collections that can be written to.
func findPair(tx *catalog.Tx, id sheaf.DocumentID, relation sheaf.RelationType, other sheaf.DocumentID,
	find func(*catalog.View, sheaf.DocumentID) (catalog.Head, error)) (p pair, err error) {
	p.relation = relation
	if p.document, err = find(&tx.View, id); err != nil {
		return p, err
	}
	if p.other, err = find(&tx.View, other); err != nil {
		if kind := sheaf.KindOf(err); kind == sheaf.ErrNotFound || kind == sheaf.ErrGone {
			err = sheaf.Errorf(kind, "the other document, %s, is not there", other).
				WithHint("list documents to find its id; what is in the trash has to be restored first")
		}
		return p, err
	}
	for _, head := range []catalog.Head{p.document, p.other} {
		if _, err := writableNow(tx, head.Collection); err != nil {
			return p, err
		}
	}
	p.key = catalog.KeyOf(p.document.PK, relation, p.other.PK)
	return p, nil
}

// checkNewRelation applies the rules that documents in relations keep.
func (l *Library) checkNewRelation(tx *catalog.Tx, p pair) error {
	for _, head := range []catalog.Head{p.document, p.other} {
		count, err := tx.RelationCount(head.PK)
		if err != nil {
			return err
		}
		if count >= l.limits.Relations {
			return sheaf.Errorf(sheaf.ErrTooLarge, "the document %s has %d relations, the limit is %d", head.ID, count, l.limits.Relations).
				WithHint("remove some, or let a document between them hold them together")
		}
	}
	if p.key.Type == sheaf.RelationRelated {
		return nil
	}
	if p.key.Type == sheaf.RelationParent {
		child := p.document
		if child.PK != p.key.Target {
			child = p.other
		}
		parent, found, err := tx.Parent(child.PK)
		if err != nil {
			return err
		}
		if found {
			return sheaf.Errorf(sheaf.ErrExists, "the document %s has a parent already, %s", child.ID, parent.ID).
				WithHint(fmt.Sprintf("remove that relation first, with DELETE /documents/%s/relations/parent/%s", child.ID, parent.ID))
		}
	}
	return l.checkAcyclic(tx, p.key)
}

// checkAcyclic fails if the target of a relation that is to be stored leads to
// its origin already. It walks from both, a document of each in turn, and is done
// when one of the walks has come to its end: the documents that are put into
// relations are most often the last of theirs.
func (l *Library) checkAcyclic(tx *catalog.Tx, key catalog.RelationKey) error {
	down := newWalk(key.Target, key.Type.Inverse()) // children, or successors
	up := newWalk(key.Origin, key.Type)
	for {
		for _, walk := range []*walk{down, up} {
			if err := walk.step(&tx.View); err != nil {
				return err
			}
		}
		switch {
		case down.seen[key.Origin] || up.seen[key.Target]:
			return sheaf.Errorf(sheaf.ErrExists, "that would make a document its own %s, over others", key.Type).
				WithHint("look at the relations of both documents: the other direction may be meant")
		case down.done() || up.done():
			return nil
		case len(down.seen) > l.limits.Tree || len(up.seen) > l.limits.Tree:
			return sheaf.Errorf(sheaf.ErrTooLarge, "more than %d documents would have to be looked at to exclude a cycle", l.limits.Tree).
				WithHint("relate the documents to fewer others, or raise limits.tree")
		}
	}
}

// A walk goes from a document over relations of one type, each document once,
// the near ones first.
type walk struct {
	relation sheaf.RelationType
	waiting  []int64 // pks that are seen and not yet gone on from
	seen     map[int64]bool
}

func newWalk(from int64, relation sheaf.RelationType) *walk {
	return &walk{relation: relation, waiting: []int64{from}, seen: map[int64]bool{from: true}}
}

func (w *walk) done() bool { return len(w.waiting) == 0 }

// step goes on from one document.
func (w *walk) step(v *catalog.View) error {
	next, err := v.Related(w.waiting[0], w.relation)
	if err != nil {
		return err
	}
	w.waiting = w.waiting[1:]
	for _, pk := range next {
		if !w.seen[pk] {
			w.seen[pk] = true
			w.waiting = append(w.waiting, pk)
		}
	}
	return nil
}

// relationNotes are the note of a relation before and after an operation; nil
// where there was no relation.
type relationNotes struct{ Before, After *string }

// relationDetail is what the log says of a relation: with the note before, it
// can be made again.
type relationDetail struct {
	Type     sheaf.RelationType `json:"type"`        // what the other document is to the one in the entry's collection
	Document sheaf.DocumentID   `json:"document_id"` // the one in the entry's collection
	Other    sheaf.DocumentID   `json:"other_id"`
	Before   *string            `json:"note_before,omitempty"` // absent when there was no such relation
	After    *string            `json:"note_after,omitempty"`  // absent when there is none any more
}

// record writes the log entries of an operation on the pair, one for each of
// their collections. The answer has the revision of the document's.
func (p pair) record(tx *catalog.Tx, op operation, notes relationNotes) (change sheaf.RelationChange, err error) {
	said := func(relation sheaf.RelationType, document, other sheaf.DocumentID) func(*sheaf.LogPayload) {
		return withDetail(relationDetail{Type: relation, Document: document, Other: other, Before: notes.Before, After: notes.After})
	}
	var entries streamEntries
	entries.addTo(p.document.Collection, said(p.relation, p.document.ID, p.other.ID))
	if p.document.CollectionPK != p.other.CollectionPK {
		entries.addTo(p.other.Collection, said(p.relation.Inverse(), p.other.ID, p.document.ID))
	}
	made, _, err := entries.append(tx, op)
	if err != nil {
		return change, err
	}
	change.Revision, change.AuditEntryID = made[0].Revision, made[0].AuditEntryID
	if err := tx.AddRelationEntry(p.document.ID, made[0].AuditEntryID); err != nil {
		return change, err
	}
	return change, tx.AddRelationEntry(p.other.ID, made[len(made)-1].AuditEntryID)
}

// severedRelations are relations that end because documents of theirs are purged:
// what the log says of that, which is less than would be needed to make them again.
type severedRelations []relationDetail

// add notes the relations of a document that is about to be purged.
func (s *severedRelations) add(tx *catalog.Tx, id sheaf.DocumentID, pk int64) error {
	relations, err := tx.Relations(pk)
	for _, r := range relations {
		*s = append(*s, relationDetail{Type: r.Type, Document: id, Other: r.ID})
	}
	return err
}

// detail says in an entry which relations have ended, beside what else there is
// to say.
func (s severedRelations) detail(others map[string]any) func(*sheaf.LogPayload) {
	detail := make(map[string]any)
	maps.Copy(detail, others)
	if len(s) > 0 {
		detail["relations"] = s
	}
	return func(p *sheaf.LogPayload) {
		if len(detail) > 0 {
			p.Detail = detail
		}
	}
}

// record puts the entry of the purge into the logs of the other documents, too.
func (s severedRelations) record(tx *catalog.Tx, entry int64) error {
	for _, r := range s {
		if err := tx.AddRelationEntry(r.Other, entry); err != nil {
			return err
		}
	}
	return nil
}
