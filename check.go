package sheaf

// A CheckReport is what a check of a whole store has found.
type CheckReport struct {
	Full       bool      `json:"full"` // whether every stored byte was read
	Documents  int64     `json:"documents"`
	Versions   int64     `json:"versions"`
	LogEntries int64     `json:"log_entries"`
	Blobs      int64     `json:"blobs"`
	BytesRead  int64     `json:"bytes_read"` // stored bytes
	Problems   []Problem `json:"problems"`   // never nil
}

// A Problem is one thing that a check found wrong.
type Problem struct {
	Area      string       `json:"area"` // "catalog", "log" or "blobs"
	Message   string       `json:"message"`
	Documents []DocumentID `json:"documents,omitempty"` // those it hits
}

// A GarbagePlan counts what nothing refers to and what could be reclaimed.
type GarbagePlan struct {
	UnreferencedBlobs int64 `json:"unreferenced_blobs"` // known to the catalog, in no version
	UnreferencedBytes int64 `json:"unreferenced_bytes"`
	OrphanObjects     int64 `json:"orphan_objects"` // in a backend, unknown to the catalog
	OrphanBytes       int64 `json:"orphan_bytes"`
	PendingBlobs      int64 `json:"pending_blobs"` // being stored right now, or left by a crash
}
