package sheaf

import (
	"fmt"
	"time"
)

// An ArchiveScope says which files of a book an archive has.
type ArchiveScope string

const (
	ArchiveAll     ArchiveScope = "all"
	ArchiveContent ArchiveScope = "content" // all but assets: lessons, summaries and whatever else there is
	ArchiveAssets  ArchiveScope = "assets"  // what is below assets or static
)

// ParseArchiveScope reads a scope as callers write it; nothing is everything.
func ParseArchiveScope(text string) (ArchiveScope, error) {
	switch scope := ArchiveScope(text); scope {
	case "":
		return ArchiveAll, nil
	case ArchiveAll, ArchiveContent, ArchiveAssets:
		return scope, nil
	}
	return "", Invalid("scope", fmt.Sprintf("scope is %s, %s or %s, not %q", ArchiveAll, ArchiveContent, ArchiveAssets, Clip(text)))
}

// ArchiveFormat is the format that archives have.
const ArchiveFormat = "zip"

// An ArchiveError says why the content of a document is not in an archive.
type ArchiveError struct {
	ID      DocumentID `json:"document_id"`
	Name    string     `json:"name"` // of a file of a book, its path
	Version int        `json:"version"`
	Message string     `json:"error"`
}

// An ArchiveLink is a URL from which anybody can download an archive of a book
// until it expires: of the revision that the book had when it was asked for,
// whatever is written since.
type ArchiveLink struct {
	DownloadURL string         `json:"download_url"`
	Format      string         `json:"format"` // ArchiveFormat
	ExpiresAt   time.Time      `json:"expires_at"`
	Size        int64          `json:"size_bytes"` // of the archive
	Megabytes   float64        `json:"estimated_size_mb"`
	Files       int            `json:"file_count"` // of the book, that are in it
	Manifest    Digest         `json:"manifest_hash"`
	Revision    int64          `json:"revision"` // of the book
	Seconds     float64        `json:"generation_time_seconds"`
	Errors      []ArchiveError `json:"errors"` // what is not in it, because it cannot be read; never nil
}
