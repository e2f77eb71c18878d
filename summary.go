package sheaf

import (
	"encoding/json"
	"time"
)

// A Summary sums up a lesson of a book, or all lessons of a directory. It is a
// document beside what it sums up, and remembers what it was made from.
type Summary struct {
	Path        string    `json:"path"`         // what it sums up: a lesson, a directory, or "/", the whole book
	SummaryPath string    `json:"summary_path"` // where it is, or would be
	Size        int64     `json:"file_size"`
	UpdatedAt   time.Time `json:"last_modified,omitzero"`
	Digest      *Digest   `json:"file_hash_sha256,omitempty"`
	Version     int       `json:"version,omitempty"`
	Stale       bool      `json:"stale"`             // what it was made from has changed since, or is not known
	Missing     bool      `json:"missing,omitempty"` // there is none
}

// SummaryChanges are lessons that are not as they were when their summary was
// made.
type SummaryChanges struct {
	Changed []string `json:"changed"` // never nil, nor are the others
	Added   []string `json:"added"`
	Removed []string `json:"removed"`
}

// SummaryText is a summary with its text.
type SummaryText struct {
	Summary
	Document      DocumentID      `json:"document_id"`
	Backend       string          `json:"storage_backend"`
	Content       string          `json:"content"`
	Truncated     bool            `json:"truncated"` // there is more text at its path
	Metadata      json.RawMessage `json:"metadata"`  // what the text says of itself at its top
	MetadataError string          `json:"metadata_error,omitempty"`

	// Changes are why a summary is stale, as far as history tells.
	Changes *SummaryChanges `json:"changes,omitempty"`
}
