package sheaf

// A BulkAction is what is done to many documents at once.
type BulkAction string

const (
	BulkTag     BulkAction = "tag"
	BulkMove    BulkAction = "move"
	BulkDelete  BulkAction = "delete"
	BulkRestore BulkAction = "restore" // from the trash
)

// A BulkChange is the answer to what is done to many documents at once: what was
// changed, or would be, and what is needed to undo it.
type BulkChange struct {
	Action    BulkAction `json:"action"`
	DryRun    bool       `json:"dry_run"`   // nothing was changed; this is what would be
	Matched   int        `json:"matched"`   // documents selected, which are Changed and Unchanged
	Changed   int        `json:"changed"`   //
	Unchanged int        `json:"unchanged"` // documents that were so already

	// Selection names the documents that were matched, each in the state it was
	// in. Sent with the next call it makes sure that they are the same still.
	Selection Digest `json:"selection"`

	Documents   []BulkDocument `json:"documents"`              // all that were matched; never nil
	Collections []BulkRevision `json:"collections"`            // one for each that was changed; never nil
	OperationID string         `json:"operation_id,omitempty"` // what the log entries have in common, if there are several
}

// A BulkDocument is a document of a [BulkChange].
type BulkDocument struct {
	ID               DocumentID `json:"document_id"`
	Name             string     `json:"name"`
	Collection       Slug       `json:"collection"` // that it was in before
	Mode             ChangeMode `json:"mode"`
	Before           BulkState  `json:"before"`
	After            BulkState  `json:"after"`
	Revision         int64      `json:"revision,omitempty"` // that the change made; 0 when nothing was changed
	PreviousRevision int64      `json:"previous_revision"`  // of the state before, in Collection
}

// A BulkState is what a bulk change is about of a document: the tags, the
// collection or whether it is in the trash. The others are nil or empty.
type BulkState struct {
	Tags       []string `json:"tags,omitzero"`
	Collection Slug     `json:"collection,omitempty"`
	Deleted    *bool    `json:"deleted,omitempty"`
}

// A BulkRevision is the revision of a collection that a bulk change has made.
type BulkRevision struct {
	Collection   Slug  `json:"collection"`
	Revision     int64 `json:"revision"`
	AuditEntryID int64 `json:"audit_entry_id"` // in the log
}
