package library_test

import (
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// The manifest of a past state says what there was, also of what was purged since,
// so that a build since then is told what has gone. The archive of that state is of
// what can still be had, and so is the hash that it answers with.
func TestPastStateOfWhatWasPurgedSince(t *testing.T) {
	s := open(t)
	s.mustPut("a.md", "one")
	then := s.mustPut("b.md", "two").Revision
	before := s.manifest(library.Moment{})
	if a := s.bookArchive(atRevision(then)); a.Manifest != before.Hash {
		t.Errorf("the archive is of the manifest %s, want %s", a.Manifest, before.Hash)
	}
	s.mustPut("a.md", "one, changed")
	s.deleteAt("", "b.md")
	if _, err := s.PurgeDocument(t.Context(), s.trashed("b.md")); err != nil {
		t.Fatal(err)
	}

	if again := s.manifest(library.Moment{Revision: then}); again.Hash != before.Hash || again.Count != 2 {
		t.Errorf("the manifest is %+v now, was %+v", again.ManifestSummary, before.ManifestSummary)
	}
	left := bundle.ManifestHash([]bundle.File{{Path: "a.md", Digest: sheaf.DigestOf([]byte("one"))}})
	archive := s.bookArchive(atRevision(then))
	if archive.Manifest != left || len(archive.Errors) != 0 {
		t.Errorf("the archive is of the manifest %s and lacks %+v, want %s", archive.Manifest, archive.Errors, left)
	}
	s.wantBookArchive("of what can still be had", archive, map[string]string{"a.md": "one"})
	if got, page := s.plan(&before.Hash, 0); got != "~a.md -b.md" || !page.SinceKnown {
		t.Errorf("a build since then is of %s, %+v", got, page)
	}
}
