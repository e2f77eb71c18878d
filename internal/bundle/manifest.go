package bundle

import (
	"crypto/sha256"
	"io"
	"slices"
	"strings"

	"github.com/sheaf-dev/sheaf"
)

// A File says what is at a path.
type File struct {
	Path     string           `json:"path"` // segments separated by slashes
	Size     int64            `json:"size"` // bytes of the content
	Digest   sheaf.Digest     `json:"sha256"`
	Document sheaf.DocumentID `json:"document_id,omitempty"` // whose content it is; empty for a file that is made up
	Version  int              `json:"version,omitempty"`
}

// A Manifest says what files there are.
type Manifest struct {
	Hash  sheaf.Digest `json:"manifest_hash"` // see ManifestHash
	Count int          `json:"file_count"`
	Size  int64        `json:"size"`  // bytes of all contents
	Files []File       `json:"files"` // sorted by path; never nil
}

// NewManifest returns the manifest of files.
func NewManifest(files []File) Manifest {
	m := Manifest{Hash: ManifestHash(files), Count: len(files), Files: sortedFiles(files)}
	for _, f := range files {
		m.Size += f.Size
	}
	return m
}

// ManifestHash returns a digest of which content is at which path: the SHA-256
// of the lines "path:sha256", sorted as bytes and joined by newlines. Anyone can
// compute it of a directory.
func ManifestHash(files []File) sheaf.Digest {
	byLine := slices.Clone(files)
	slices.SortFunc(byLine, compareLines)
	hash := sha256.New()
	for i := range byLine {
		if i > 0 {
			_, _ = io.WriteString(hash, "\n")
		}
		_, _ = io.WriteString(hash, byLine[i].line())
	}
	return sheaf.Digest(hash.Sum(nil))
}

func (f File) line() string { return f.Path + ":" + f.Digest.String() }

// compareLines compares the lines of a manifest. Their order is not quite that
// of the paths: where one path is the beginning of the other, the colon counts.
func compareLines(a, b File) int {
	if n := min(len(a.Path), len(b.Path)); a.Path[:n] != b.Path[:n] {
		return strings.Compare(a.Path, b.Path)
	}
	return strings.Compare(a.line(), b.line())
}

// sortedFiles returns a copy of files, sorted by path.
func sortedFiles(files []File) []File {
	sorted := append(make([]File, 0, len(files)), files...)
	slices.SortFunc(sorted, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return sorted
}
