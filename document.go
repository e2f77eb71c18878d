package sheaf

import (
	"encoding/json"
	"time"
)

// A Document is the one kind of thing that is stored: what a document is now,
// or was at some revision, with the content it had then.
type Document struct {
	ID          DocumentID      `json:"document_id"`
	Name        string          `json:"name"`              // what people call it; the filename unless given
	Filename    string          `json:"original_filename"` // as it was uploaded, without directories
	Tags        []string        `json:"tags"`              // in the order given, each once; never nil
	Description string          `json:"description"`
	Size        int64           `json:"size_bytes"` // of the content, not of what is stored
	MIME        string          `json:"mime_type"`
	Digest      Digest          `json:"checksum_sha256"`
	UploadedAt  time.Time       `json:"uploaded_at"` // creation, in UTC to the millisecond; never changes
	UpdatedAt   time.Time       `json:"updated_at"`  // the latest change of content or description
	Collection  Slug            `json:"collection"`
	Path        string          `json:"path,omitempty"`  // unique in a book, empty elsewhere
	Layer       string          `json:"layer,omitempty"` // whose copy it is, such as user:ada; empty for what everyone sees
	Version     int             `json:"version"`         // the number of the current content, from 1
	Metadata    json.RawMessage `json:"metadata"`        // a JSON object; {} when nothing was given
	URL         string          `json:"url,omitempty"`   // where a transport serves it; filled by the transport
}

// A Version is one content of a document. It never changes, but may be purged.
type Version struct {
	Number  int       `json:"version"`
	Digest  Digest    `json:"checksum_sha256"`
	Size    int64     `json:"size_bytes"`
	MIME    string    `json:"mime_type"`
	Author  string    `json:"author"` // the principal's id
	Label   string    `json:"label,omitempty"`
	Message string    `json:"message,omitempty"`
	At      time.Time `json:"at"`
	Purged  bool      `json:"purged,omitempty"` // its content is gone for good
}

// A State is what a document was during the revisions [From, To) of its
// collection in a layer, the base being the layer "". The history of a document
// is the sequence of its states: renames, tags and deletions as well as contents.
type State struct {
	Document    DocumentID
	Layer       string
	From, To    int64
	Version     int
	Path        string
	Name        string
	Filename    string
	Description string
	Tags        []string
	Metadata    json.RawMessage
	Deleted     bool
}
