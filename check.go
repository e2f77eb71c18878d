package sheaf

// A CheckReport is what a check of a whole store has found, and what a repair
// has done about it.
type CheckReport struct {
	Full       bool           `json:"full"`   // whether every stored byte was read
	Repair     bool           `json:"repair"` // whether what can be repaired was
	Documents  int64          `json:"documents"`
	Versions   int64          `json:"versions"`
	LogEntries int64          `json:"log_entries"`
	Blobs      int64          `json:"blobs"`
	BytesRead  int64          `json:"bytes_read"` // stored bytes
	Backends   []BackendCheck `json:"backends"`   // by name; never nil
	Problems   []Problem      `json:"problems"`   // never nil
}

// Unrepaired returns how many problems are left.
func (r CheckReport) Unrepaired() (n int) {
	for _, p := range r.Problems {
		if !p.Repaired {
			n++
		}
	}
	return n
}

// A BackendCheck is what a check has seen of one backend.
type BackendCheck struct {
	Name          string `json:"name"`
	Error         string `json:"error,omitempty"` // why not all of it could be looked at
	Blobs         int64  `json:"blobs"`           // that it has, or that wait for it
	Unchecked     int64  `json:"unchecked"`       // of these, those that could not be looked at
	Objects       int64  `json:"objects"`         // that it lists
	OrphanObjects int64  `json:"orphan_objects"`  // of which the catalog knows nothing; garbage collection removes them
	OrphanBytes   int64  `json:"orphan_bytes"`
	Leftovers     int64  `json:"leftovers"` // in its staging area, that nobody waits for any more
}

// A Problem is one thing that a check found wrong.
type Problem struct {
	Area      string            `json:"area"` // "catalog", "log", "blobs", "backends" or "views"
	Message   string            `json:"message"`
	Backend   string            `json:"storage_backend,omitempty"` // of a blob, or that is away
	Digest    *Digest           `json:"checksum_sha256,omitempty"` // of a content
	Documents []DocumentID      `json:"documents,omitempty"`       // those it hits
	Versions  []AffectedVersion `json:"versions,omitempty"`        // of these, that have the content; at most MostAffected
	Repair    string            `json:"repair,omitempty"`          // what was done about it
	Repaired  bool              `json:"repaired,omitempty"`        // it is none any more
}

// MostAffected is how many versions a problem names.
const MostAffected = 100

// An AffectedVersion is a version of a document whose content a problem is about.
type AffectedVersion struct {
	Document   DocumentID `json:"document_id"`
	Collection Slug       `json:"collection"`
	Path       string     `json:"path,omitempty"` // of a document in a book
	Name       string     `json:"name"`
	Version    int        `json:"version"`
}
