package sheaf

// A ManifestFile is a file of a manifest.
type ManifestFile struct {
	Path   string `json:"path"`
	Digest Digest `json:"file_hash_sha256"`
	Size   int64  `json:"file_size"`
}

// ManifestSummary names which contents are at which paths of a book.
type ManifestSummary struct {
	Book     Slug   `json:"book_id"`
	Revision int64  `json:"revision"`      // of the book
	Hash     Digest `json:"manifest_hash"` // SHA-256 of the lines "path:sha256", sorted and joined by newlines
	Count    int    `json:"file_count"`
	Size     int64  `json:"size_bytes"` // of all files together
}

// A Manifest says which files a book has: all that everyone sees.
type Manifest struct {
	ManifestSummary
	Files []ManifestFile `json:"files"` // by path; never nil
}

// A BuildPlan says what has changed in a book since its manifest was another.
type BuildPlan struct {
	ManifestSummary
	BuildChanges
}

// BuildChanges are the files by which two manifests of a book differ.
type BuildChanges struct {
	Since      *Digest        `json:"since,omitempty"` // the hash of the older one; nil: of none
	SinceKnown bool           `json:"since_known"`     // it is known what that was; else every file counts as added
	Unchanged  bool           `json:"unchanged"`
	Counts     BuildCounts    `json:"counts"`
	Added      []ManifestFile `json:"added"`   // by path, as the others; never nil
	Changed    []ManifestFile `json:"changed"` // as they are now
	Removed    []ManifestFile `json:"removed"` // as they were
}

// BuildCounts are how many files differ, of which lists may show a part.
type BuildCounts struct {
	Added   int `json:"added"`
	Changed int `json:"changed"`
	Removed int `json:"removed"`
}
