package library_test

import (
	"slices"
	"testing"

	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// Whatever is asked of the files of a book, it is asked of the same files.
func TestFormsOfListingsListTheSameFiles(t *testing.T) {
	s := open(t)
	for _, p := range []string{"a.md", "a/1.md", "a/2.md", "a/b/3.md", "ab/4.md", "assets/images/x.png"} {
		s.mustPut(p, p)
	}
	s.mustPut("a/1.md", "mine", by("mallory"))
	s.mustPut("a/own.md", "mine alone", by("mallory"))
	s.mustPut("gone.md", "soon purged")
	before := s.mustPut("a/2.md", "changed").Revision
	s.deleteAt("", "gone.md")
	gone := s.trashed("gone.md")
	if _, err := s.PurgeDocument(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	s.mustPut("a/b/3.md", "changed later")
	book, ok := s.catalog.Collection("book")
	if !ok {
		t.Fatal("there is no book")
	}
	for _, c := range []struct {
		filter catalog.FileFilter
		want   []string
	}{
		{catalog.FileFilter{}, []string{"a.md", "a/1.md", "a/2.md", "a/b/3.md", "ab/4.md", "assets/images/x.png"}},
		{catalog.FileFilter{Dir: "a", After: "a/1.md"}, []string{"a/2.md", "a/b/3.md"}},
		{catalog.FileFilter{Prefix: "a/"}, []string{"a/1.md", "a/2.md", "a/b/3.md"}},
		{catalog.FileFilter{Limit: 3, Layer: library.UserLayer("mallory"), Prefix: "a/"}, []string{"a/1.md", "a/2.md", "a/b/3.md"}},
		{catalog.FileFilter{Layer: library.UserLayer("mallory"), Dir: "a"}, []string{"a/1.md", "a/2.md", "a/b/3.md", "a/own.md"}},
		{catalog.FileFilter{Rev: before, Dir: "a", Layer: library.UserLayer("mallory")}, []string{"a/1.md", "a/2.md", "a/b/3.md", "a/own.md"}},
		{catalog.FileFilter{Rev: before, Prefix: "g"}, []string{}},
		{catalog.FileFilter{Rev: before, Prefix: "g", EvenPurged: true}, []string{"gone.md"}},
	} {
		if c.filter.Limit == 0 {
			c.filter.Limit = 100
		}
		err := s.catalog.Snapshot(t.Context(), func(v *catalog.View) error {
			files, err := v.Files(book, c.filter)
			if err != nil {
				return err
			}
			digests, err := v.FileDigests(book, c.filter)
			if err != nil {
				return err
			}
			stored, err := v.StoredFiles(book, c.filter)
			if err != nil {
				return err
			}
			var paths, ofDigests, ofStored []string
			for i, f := range files {
				paths = append(paths, f.Path)
				if i < len(digests) && digests[i].Digest != f.Digest || i < len(stored) && (stored[i].Blob.Digest != f.Digest || stored[i].Version != f.Version) {
					t.Errorf("%+v: the contents at %s differ", c.filter, f.Path)
				}
			}
			for _, f := range digests {
				ofDigests = append(ofDigests, f.Path)
			}
			for _, f := range stored {
				ofStored = append(ofStored, f.Path)
			}
			if !slices.Equal(paths, c.want) || !slices.Equal(ofDigests, c.want) || !slices.Equal(ofStored, c.want) {
				t.Errorf("%+v: files %q, digests %q, stored files %q; want %q", c.filter, paths, ofDigests, ofStored, c.want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
