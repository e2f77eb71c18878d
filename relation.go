package sheaf

import (
	"fmt"
	"time"
)

// A RelationType says what another document is to the one that is spoken of.
type RelationType string

const (
	RelationParent      RelationType = "parent" // of which there is at most one
	RelationChild       RelationType = "child"
	RelationPredecessor RelationType = "predecessor"
	RelationSuccessor   RelationType = "successor"
	RelationRelated     RelationType = "related"
)

// relationInverses says what a document is to the one that is something to it.
var relationInverses = map[RelationType]RelationType{
	RelationParent:      RelationChild,
	RelationChild:       RelationParent,
	RelationPredecessor: RelationSuccessor,
	RelationSuccessor:   RelationPredecessor,
	RelationRelated:     RelationRelated,
}

// ParseRelationType reads a type of relation.
func ParseRelationType(s string) (RelationType, error) {
	if _, ok := relationInverses[RelationType(s)]; !ok {
		return "", Invalid("type", fmt.Sprintf("type is parent, child, predecessor, successor or related, not %q", Clip(s)))
	}
	return RelationType(s), nil
}

// Inverse returns what a document is to the one that is t to it: the child of its
// parent. It returns "" for what is no type.
func (t RelationType) Inverse() RelationType { return relationInverses[t] }

// A Relation is one of a document's relations, as that document sees it.
type Relation struct {
	Type       RelationType `json:"type"`        // what the other document is to it
	ID         DocumentID   `json:"document_id"` // of the other document, as Name and Collection are
	Name       string       `json:"name"`
	Collection Slug         `json:"collection"`
	Note       string       `json:"note,omitempty"`
	CreatedAt  time.Time    `json:"created_at"`
	CreatedBy  string       `json:"created_by"` // the principal's id
	Label      string       `json:"label,omitempty"`
	Deleted    bool         `json:"deleted"` // whether the other document is in the trash
}

// A RelationChange is the answer to whatever changes a relation: what it is now,
// or was, and what is needed to undo the change.
type RelationChange struct {
	Relation
	Mode         ChangeMode `json:"mode"`                     // created, updated, unchanged or deleted
	PreviousNote string     `json:"previous_note,omitempty"`  // before the change
	Revision     int64      `json:"revision,omitempty"`       // of the document's collection, that the change made; 0 when nothing was changed
	AuditEntryID int64      `json:"audit_entry_id,omitempty"` // in the log; 0 when nothing was changed
}

// A TreeDeletion is the answer to deleting a document with the documents below it.
type TreeDeletion struct {
	Change          // of the document
	Below  []Change // of its children and theirs, none before its parent; those that were in the trash already are not among them
}
