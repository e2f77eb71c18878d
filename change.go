package sheaf

import "time"

// A Change is the answer to whatever changes a document: what the document is
// now, and what it was, so that the change can be undone.
type Change struct {
	Document
	Mode             ChangeMode `json:"mode"`
	Revision         int64      `json:"revision"`                   // of the collection, that the change made; of the current state when nothing was changed
	PreviousRevision int64      `json:"previous_revision"`          // of the state before; 0 for a new document. Restoring it undoes the change
	PreviousVersion  int        `json:"previous_version,omitempty"` // the number of the content before

	// PreviousCollection is where the document was, if it was moved: moving it
	// back undoes that. PreviousRevision is of that collection.
	PreviousCollection Slug `json:"previous_collection,omitempty"`

	AuditEntryID int64 `json:"audit_entry_id,omitempty"` // in the log; 0 when nothing was changed
}

// A ChangeMode says what a change did.
type ChangeMode string

const (
	ModeCreated   ChangeMode = "created"
	ModeUpdated   ChangeMode = "updated"
	ModeUnchanged ChangeMode = "unchanged" // it was so already; nothing was stored
	ModeMerged    ChangeMode = "merged"    // with what somebody else had written meanwhile
	ModeDeleted   ChangeMode = "deleted"
	ModeRestored  ChangeMode = "restored"
	ModePurged    ChangeMode = "purged"
	ModeMoved     ChangeMode = "moved" // to another collection
)

// A WriteConflict says who was first when a write is refused because the
// document has another content than its author had read, and what merging gives.
type WriteConflict struct {
	CurrentHash    Digest    `json:"current_hash"`
	CurrentVersion int       `json:"current_version"`
	CurrentAuthor  string    `json:"current_author"`
	CurrentLabel   string    `json:"current_label,omitempty"`
	CurrentAt      time.Time `json:"current_at"`
	BaseVersion    int       `json:"base_version,omitempty"` // the version the author had read; 0 when no version has that hash
	Merge          *Merge    `json:"merge,omitempty"`        // of what the author has written into the current content; absent without a base
}
