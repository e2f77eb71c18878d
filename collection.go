package sheaf

import "time"

// A CollectionKind says how the documents of a collection are addressed.
type CollectionKind string

const (
	KindDocuments CollectionKind = "documents" // free-standing documents, found by id
	KindBook      CollectionKind = "book"      // documents at paths
)

// A CollectionStatus says what may be done with a collection.
type CollectionStatus string

const (
	StatusActive    CollectionStatus = "active"
	StatusArchived  CollectionStatus = "archived"  // read-only
	StatusMigrating CollectionStatus = "migrating" // moving to another backend
	StatusDeleting  CollectionStatus = "deleting"  // read-only until all its documents are purged and it is gone
)

// A WritePolicy says what a write must know of what it replaces.
type WritePolicy string

const (
	PolicyUpsert      WritePolicy = "upsert"       // a write without a hash makes a new version
	PolicyRequireHash WritePolicy = "require_hash" // a write must name the hash it replaces
)

// A Collection is a named container of documents on one backend.
type Collection struct {
	Name        Slug             `json:"name"`
	Kind        CollectionKind   `json:"kind"`
	Title       string           `json:"title"`
	Description string           `json:"description"`
	Backend     string           `json:"storage_backend"`
	Status      CollectionStatus `json:"status"`
	Policy      WritePolicy      `json:"write_policy"`
	Limits      CollectionLimits `json:"limits"`
	Retention   Retention        `json:"retention"`
	CreatedAt   time.Time        `json:"created_at"`
}

// CollectionLimits bound what a collection holds, beside the limits of the
// store. 0 is no limit.
type CollectionLimits struct {
	Documents int64 `json:"max_documents,omitempty"`     // that are not deleted
	Bytes     int64 `json:"max_bytes,omitempty"`         // of their current contents together
	Content   int64 `json:"max_content_bytes,omitempty"` // of one content
}

// Retention says how long a collection keeps what is no longer current. The zero
// Retention keeps everything for ever.
type Retention struct {
	// TrashDays is after how many days in the trash a document is purged. 0: never.
	TrashDays int `json:"trash_days,omitempty" doc:"Days after which a document in the trash is purged; 0 never"`
	// HistoryDays is for how many days a version stays readable after it has been
	// replaced. 0: for ever.
	HistoryDays int `json:"history_days,omitempty" doc:"Days for which a version stays readable after it was replaced; 0 for ever"`
	// HistoryVersions is how many versions of a document stay readable in any
	// case, the newest, however old they are. It means nothing without HistoryDays.
	HistoryVersions int `json:"history_versions,omitempty" doc:"Versions of a document, the newest, that stay readable however old they are; only with history_days"`
}

// CollectionStats are counts and sizes of what a collection holds.
type CollectionStats struct {
	Collection
	Documents int64 `json:"documents"`  // that are not deleted
	SizeBytes int64 `json:"size_bytes"` // of their current contents
	Trashed   int64 `json:"trashed"`    // documents in the trash
	Revision  int64 `json:"revision"`   // of its latest change
}

// A CollectionDeletion is the answer to deleting a collection.
type CollectionDeletion struct {
	Name         Slug  `json:"name"`
	Purged       int64 `json:"purged"`         // documents that were in it, the trash included
	Revision     int64 `json:"revision"`       // of the collection, its last one until it is created again
	AuditEntryID int64 `json:"audit_entry_id"` // in the log
}
