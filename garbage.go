package sheaf

// A GarbagePlan counts what nothing refers to and what could be reclaimed.
type GarbagePlan struct {
	UnreferencedBlobs int64 `json:"unreferenced_blobs"` // known to the catalog, in no version
	UnreferencedBytes int64 `json:"unreferenced_bytes"`
	InGraceBlobs      int64 `json:"in_grace_blobs"` // of the unreferenced: condemned, not long enough ago
	OrphanObjects     int64 `json:"orphan_objects"` // in a backend, unknown to the catalog
	OrphanBytes       int64 `json:"orphan_bytes"`
	PendingBlobs      int64 `json:"pending_blobs"` // being stored right now, or left by a write that came to nothing
	DamagedBlobs      int64 `json:"damaged_blobs"` // kept for people to look at

	// Unavailable names the backends, separated by commas, that did not answer:
	// their orphan objects are not counted.
	Unavailable string `json:"unavailable,omitempty"`

	// What retention would do first; its bytes are not among those above.
	PurgeableDocuments int64 `json:"purgeable_documents"` // too long in the trash
	ExpirableVersions  int64 `json:"expirable_versions"`  // replaced too long ago
	ExpirableBytes     int64 `json:"expirable_bytes"`     // of their contents, some of which others may have too
}

// A GarbageReport counts what a garbage collection has done.
type GarbageReport struct {
	PurgedDocuments int64 `json:"purged_documents"` // too long in the trash
	ExpiredVersions int64 `json:"expired_versions"` // replaced too long ago
	CondemnedBlobs  int64 `json:"condemned_blobs"`  // found that nothing refers to them
	DeletedBlobs    int64 `json:"deleted_blobs"`    // condemned, or abandoned while pending, before the grace
	DeletedBytes    int64 `json:"deleted_bytes"`    // stored bytes of them and of the orphans
	OrphanObjects   int64 `json:"orphan_objects"`   // deleted, of which the catalog knew nothing
	InGraceBlobs    int64 `json:"in_grace_blobs"`   // condemned, to be deleted by a later collection
	PendingBlobs    int64 `json:"pending_blobs"`    // being stored, or abandoned not long enough ago
}
