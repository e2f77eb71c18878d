package catalog

import (
	"context"
	"fmt"

	"github.com/sheaf-dev/sheaf"
)

// A RelationKey names a relation as it is stored, once for both documents: the
// origin is the parent, the predecessor or, of two that are related, the older one.
type RelationKey struct {
	Origin, Target int64              // pks of documents
	Type           sheaf.RelationType // parent, predecessor or related
}

// KeyOf returns the key of the relation that a document has with another one.
func KeyOf(document int64, relation sheaf.RelationType, other int64) RelationKey {
	switch relation {
	case sheaf.RelationChild, sheaf.RelationSuccessor:
		return RelationKey{Origin: document, Type: relation.Inverse(), Target: other}
	case sheaf.RelationRelated:
		return RelationKey{Origin: min(document, other), Type: relation, Target: max(document, other)}
	}
	return RelationKey{Origin: other, Type: relation, Target: document}
}

// AddRelation stores a relation that is not there yet, made at the transaction's
// time.
func (tx *Tx) AddRelation(key RelationKey, note, author, label string) error {
	_, err := tx.exec(`
		insert into relations (origin, type, target, note, author, label, created_at) values ($1, $2, $3, $4, $5, $6, $7)`,
		key.Origin, string(key.Type), key.Target, note, author, label, tx.now)
	return err
}

// SetRelationNote changes the note of a relation.
func (tx *Tx) SetRelationNote(key RelationKey, note string) error {
	_, err := tx.exec(`update relations set note = $4 where origin = $1 and type = $2 and target = $3`,
		key.Origin, string(key.Type), key.Target, note)
	return err
}

// RemoveRelation removes a relation.
func (tx *Tx) RemoveRelation(key RelationKey) error {
	_, err := tx.exec(`delete from relations where origin = $1 and type = $2 and target = $3`,
		key.Origin, string(key.Type), key.Target)
	return err
}

// AddRelationEntry says that a log entry is about a relation of a document, in
// whose log it then is.
func (tx *Tx) AddRelationEntry(id sheaf.DocumentID, entry int64) error {
	_, err := tx.exec(`
		insert into relation_entries (document, entry) select pk, $2 from documents where id = $1
		on conflict do nothing`, string(id), entry)
	return err
}

// removeRelations removes all relations of a document.
func (tx *Tx) removeRelations(document int64) error {
	if _, err := tx.exec(`delete from relations where origin = $1`, document); err != nil {
		return err
	}
	_, err := tx.exec(`delete from relations where target = $1`, document)
	return err
}

// relationsOf are all relations of the document $1 as it sees them: what the
// other one is to it.
const relationsOf = `(
	select target as other, case type when 'parent' then 'child' when 'predecessor' then 'successor' else type end as type,
		note, author, label, created_at
	from relations where origin = $1
	union all
	select origin, type, note, author, label, created_at from relations where target = $1)`

// Relations returns the relations of a document: its parent, its children, its
// predecessors, its successors, then what else is related, each the oldest first.
func (v *View) Relations(document int64) ([]sheaf.Relation, error) {
	return v.relations(`
		order by case r.type when 'parent' then 0 when 'child' then 1 when 'predecessor' then 2 when 'successor' then 3 else 4 end,
			r.created_at, r.other`, document)
}

// Relation returns one relation of a document.
func (v *View) Relation(document int64, relation sheaf.RelationType, other int64) (r sheaf.Relation, found bool, err error) {
	all, err := v.relations(`where r.type = $2 and r.other = $3`, document, string(relation), other)
	if err != nil || len(all) == 0 {
		return sheaf.Relation{}, false, err
	}
	return all[0], true, nil
}

// Parent returns the relation of a document with its parent.
func (v *View) Parent(document int64) (r sheaf.Relation, found bool, err error) {
	all, err := v.relations(`where r.type = 'parent'`, document)
	if err != nil || len(all) == 0 {
		return sheaf.Relation{}, false, err
	}
	return all[0], true, nil
}

func (v *View) relations(which string, args ...any) ([]sheaf.Relation, error) {
	relations := []sheaf.Relation{}
	err := v.conn.rows(`
		select r.type, d.id, d.name, c.name, r.note, r.created_at, r.author, r.label, d.deleted
		from `+relationsOf+` r
		join documents d on d.pk = r.other
		join collections c on c.pk = d.collection `+which, args,
		func(scan func(...any) error) error {
			var r sheaf.Relation
			var created int64
			err := scan(&r.Type, &r.ID, &r.Name, &r.Collection, &r.Note, &created, &r.CreatedBy, &r.Label, &r.Deleted)
			r.CreatedAt = fromMillis(created)
			relations = append(relations, r)
			return err
		})
	return relations, err
}

// RelationCount returns how many relations a document has.
func (v *View) RelationCount(document int64) (n int, err error) {
	_, err = v.conn.row(`select count(*) from `+relationsOf, []any{document}, &n)
	return n, err
}

// Related returns the pks of the documents that are in a relation of a type with
// a document, such as its children.
func (v *View) Related(document int64, relation sheaf.RelationType) (pks []int64, err error) {
	err = v.conn.rows(`select other from `+relationsOf+` where type = $2 order by other`, []any{document, string(relation)},
		func(scan func(...any) error) error {
			var pk int64
			err := scan(&pk)
			pks = append(pks, pk)
			return err
		})
	return pks, err
}

// HeadOf returns a document by its pk, deleted ones included.
func (v *View) HeadOf(pk int64) (h Head, found bool, err error) {
	heads, err := v.heads(`select `+headColumns+` from documents d where d.pk = $1`, pk)
	if err != nil || len(heads) == 0 {
		return Head{}, false, err
	}
	return heads[0], true, nil
}

// checkRelationCycles looks for documents that are their own ancestors or
// predecessors: those that are left when all that nothing leads to are taken away,
// again and again.
func (v *View) checkRelationCycles(ctx context.Context, problem func(area, message string, documents ...sheaf.DocumentID)) error {
	for _, relation := range []sheaf.RelationType{sheaf.RelationParent, sheaf.RelationPredecessor} {
		targets, leading := make(map[int64][]int64), make(map[int64]int)
		err := v.conn.rows(`select origin, target from relations where type = $1`, []any{string(relation)},
			func(scan func(...any) error) error {
				var origin, target int64
				err := scan(&origin, &target)
				targets[origin] = append(targets[origin], target)
				leading[target]++
				return err
			})
		if err != nil {
			return err
		}
		var free []int64
		for origin := range targets {
			if leading[origin] == 0 {
				free = append(free, origin)
			}
		}
		for len(free) > 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			origin := free[len(free)-1]
			free = free[:len(free)-1]
			for _, target := range targets[origin] {
				if leading[target]--; leading[target] == 0 {
					free = append(free, target)
				}
			}
			delete(targets, origin)
		}
		for origin := range targets {
			if leading[origin] == 0 {
				continue
			}
			head, found, err := v.HeadOf(origin)
			if err != nil {
				return err
			}
			if found {
				problem("catalog", fmt.Sprintf("the document %s: it is its own %s, or those before it are", head.ID, relation), head.ID)
			}
		}
	}
	return nil
}
