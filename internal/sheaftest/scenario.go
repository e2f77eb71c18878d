package sheaftest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

// A Surface is one of the ways to a store, with the operations that the scenario
// needs. An error has to be of the kind that the store gave it, or of one with
// the same exit code.
type Surface interface {
	Push(name, content, collection string, tags ...string) (sheaf.Document, error)
	Read(id sheaf.DocumentID, version int) (string, error) // version 0: the current content
	Find(name string, tags ...string) ([]sheaf.Document, error)

	// Write replaces the content that was read: the zero digest stands for none.
	Write(id sheaf.DocumentID, content string, read sheaf.Digest, merge bool) (sheaf.Change, error)
	Replace(id sheaf.DocumentID, old, with string) (sheaf.Change, error)
	Tag(id sheaf.DocumentID, tags ...string) (sheaf.Change, error)
	Rename(id sheaf.DocumentID, name string) (sheaf.Change, error)

	Delete(id sheaf.DocumentID) error
	Trash() ([]sheaf.Document, error)
	Restore(id sheaf.DocumentID, version int) (sheaf.Change, error) // version 0: out of the trash
	Purge(id sheaf.DocumentID) error
	Diff(id sheaf.DocumentID, from, to int) (string, error)
	Log(id sheaf.DocumentID) (operations []string, err error) // the newest first

	// CreateCollection makes a collection for at most so many documents, 0 being
	// any number.
	CreateCollection(name string, policy sheaf.WritePolicy, most int64) error
	Archive(collection string) error
	DeleteCollection(name string) error // with all that is in it

	// PushAll stores all files or none, with their names as contents.
	PushAll(collection string, names ...string) ([]sheaf.Document, error)
	// TagAll adds a tag to all documents that have another, or says what it would do.
	TagAll(with, add string, dryRun bool) (sheaf.BulkChange, error)
	MoveTo(collection string, ids ...sheaf.DocumentID) (sheaf.BulkChange, error)
	// Download returns a ZIP of a collection.
	Download(collection string) ([]byte, error)

	Relate(id sheaf.DocumentID, is sheaf.RelationType, other sheaf.DocumentID) error
	Related(id sheaf.DocumentID) ([]sheaf.Relation, error)
	DeleteWithChildren(id sheaf.DocumentID) error
}

// RunScenario does on a surface what people and agents do with documents, and
// fails the test where something else comes out than from the other surfaces.
// The store has to be empty.
func RunScenario(t *testing.T, surface Surface) {
	t.Helper()
	s := &scenario{T: t, surface: surface}
	id := s.writeAndMerge()
	s.look(id)
	s.throwAwayAndBack(id)
	s.collect()
	s.handleMany()
}

type scenario struct {
	*testing.T
	surface Surface
}

// need ends the test when a step that all others build on has failed.
func (s *scenario) need(step string, err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("%s: %v", step, err)
	}
}

// refused checks that a step failed with an error of a kind.
func (s *scenario) refused(step string, err error, kind sheaf.ErrorKind) {
	s.Helper()
	if got := sheaf.KindOf(err); err == nil || got.ExitCode() != kind.ExitCode() {
		s.Errorf("%s: %v (%s), want %s", step, err, got, kind)
	}
}

func (s *scenario) content(step string, id sheaf.DocumentID, version int, want string) {
	s.Helper()
	got, err := s.surface.Read(id, version)
	s.need(step, err)
	if got != want {
		s.Errorf("%s: version %d reads %q, want %q", step, version, got, want)
	}
}

// changed checks what a change has done.
func (s *scenario) changed(step string, change sheaf.Change, err error, mode sheaf.ChangeMode, version int) {
	s.Helper()
	s.need(step, err)
	if change.Mode != mode || change.Version != version {
		s.Errorf("%s: %s, version %d; want %s, version %d", step, change.Mode, change.Version, mode, version)
	}
}

// writeAndMerge has two writers at one document: the second one's change is
// refused, then merged.
func (s *scenario) writeAndMerge() sheaf.DocumentID {
	s.Helper()
	doc, err := s.surface.Push("notes.md", "one\ntwo\nthree\n", "", "draft", "notes")
	s.need("push", err)
	read := doc.Digest
	if doc.Name != "notes.md" || doc.Version != 1 || read != sheaf.DigestOf([]byte("one\ntwo\nthree\n")) {
		s.Errorf("push: %+v", doc)
	}

	change, err := s.surface.Write(doc.ID, "one\ntwo\nthree\nfour\n", read, false)
	s.changed("the first writer", change, err, sheaf.ModeUpdated, 2)
	_, err = s.surface.Write(doc.ID, "ONE\ntwo\nthree\n", read, false)
	s.refused("the second writer", err, sheaf.ErrConflict)
	change, err = s.surface.Write(doc.ID, "ONE\ntwo\nthree\n", read, true)
	s.changed("the second writer, merging", change, err, sheaf.ModeMerged, 3)
	s.content("after the merge", doc.ID, 0, "ONE\ntwo\nthree\nfour\n")
	_, err = s.surface.Write(doc.ID, "uno\ntwo\nthree\n", read, true)
	s.refused("a third writer at the same line", err, sheaf.ErrConflict)

	change, err = s.surface.Replace(doc.ID, "two", "2")
	s.changed("an edit", change, err, sheaf.ModeUpdated, 4)
	_, err = s.surface.Replace(doc.ID, "two", "2")
	s.refused("an edit of what is not there", err, sheaf.ErrInvalid)
	change, err = s.surface.Tag(doc.ID, "notes", "final")
	s.changed("tags", change, err, sheaf.ModeUpdated, 4)
	change, err = s.surface.Rename(doc.ID, "Notes, final")
	s.changed("a name", change, err, sheaf.ModeUpdated, 4)
	return doc.ID
}

// look reads what there is and was.
func (s *scenario) look(id sheaf.DocumentID) {
	s.Helper()
	for _, search := range []struct {
		name string
		tags []string
		want int
	}{
		{"FINAL", nil, 1}, {"notes.md", nil, 0}, {"", []string{"final", "notes"}, 1}, {"", []string{"draft"}, 0},
	} {
		found, err := s.surface.Find(search.name, search.tags...)
		s.need("find", err)
		if len(found) != search.want || search.want > 0 && found[0].ID != id {
			s.Errorf("find %q %q: %d documents, want %d", search.name, search.tags, len(found), search.want)
		}
	}
	s.content("an old version", id, 2, "one\ntwo\nthree\nfour\n")
	_, err := s.surface.Read(id, 5)
	s.refused("a version that is not there", err, sheaf.ErrNotFound)
	diff, err := s.surface.Diff(id, 3, 4)
	s.need("diff", err)
	if !strings.Contains(diff, "\n-two\n+2\n") {
		s.Errorf("diff of versions 3 and 4:\n%s", diff)
	}
}

// throwAwayAndBack deletes, restores and purges.
func (s *scenario) throwAwayAndBack(id sheaf.DocumentID) {
	s.Helper()
	s.refused("purge of what is in use", s.surface.Purge(id), sheaf.ErrExists)
	s.need("delete", s.surface.Delete(id))
	_, err := s.surface.Read(id, 0)
	s.refused("reading what is deleted", err, sheaf.ErrNotFound)
	trash, err := s.surface.Trash()
	s.need("trash", err)
	if len(trash) != 1 || trash[0].ID != id {
		s.Errorf("trash: %+v", trash)
	}
	change, err := s.surface.Restore(id, 0)
	s.changed("out of the trash", change, err, sheaf.ModeRestored, 4)
	change, err = s.surface.Restore(id, 1)
	s.changed("back to version 1", change, err, sheaf.ModeRestored, 1)
	s.content("after going back", id, 0, "one\ntwo\nthree\n")

	operations, err := s.surface.Log(id)
	s.need("log", err)
	slices.Reverse(operations)
	want := "document.create content.write content.write content.edit document.change document.change " +
		"document.delete document.restore document.restore"
	if got := strings.Join(operations, " "); got != want {
		s.Errorf("the log of the document is\n%s, want\n%s", got, want)
	}

	s.need("delete again", s.surface.Delete(id))
	s.need("purge", s.surface.Purge(id))
	_, err = s.surface.Read(id, 0)
	s.refused("reading what is purged", err, sheaf.ErrGone)
}

// collect has a collection that wants hashes, and is archived.
func (s *scenario) collect() {
	s.Helper()
	s.need("create a collection", s.surface.CreateCollection("field-notes", sheaf.PolicyRequireHash, 0))
	s.refused("create it again", s.surface.CreateCollection("field-notes", sheaf.PolicyUpsert, 0), sheaf.ErrExists)
	var ids []sheaf.DocumentID
	for n := range 3 {
		doc, err := s.surface.Push(fmt.Sprintf("day %d.txt", n), fmt.Sprintf("rain on day %d\n", n), "field-notes", "weather")
		s.need("push into a collection", err)
		ids = append(ids, doc.ID)
	}
	_, err := s.surface.Write(ids[0], "sun\n", sheaf.Digest{}, false)
	s.refused("a write without a hash", err, sheaf.ErrHashRequired)
	change, err := s.surface.Write(ids[0], "sun\n", sheaf.DigestOf([]byte("rain on day 0\n")), false)
	s.changed("a write with its hash", change, err, sheaf.ModeUpdated, 2)

	s.need("archive", s.surface.Archive("field-notes"))
	_, err = s.surface.Tag(ids[1], "late")
	s.refused("a change in an archived collection", err, sheaf.ErrArchived)
	s.content("reading from an archived collection", ids[1], 0, "rain on day 1\n")
}

// handleMany stores, tags, moves, relates, downloads and deletes several
// documents at once.
func (s *scenario) handleMany() {
	s.Helper()
	s.need("create a small collection", s.surface.CreateCollection("shelf", sheaf.PolicyUpsert, 3))
	_, err := s.surface.PushAll("shelf", "a.txt", "b.txt", "c.txt", "d.txt")
	s.refused("four files for a place of three", err, sheaf.ErrQuota)
	made, err := s.surface.PushAll("shelf", "root.txt", "leaf.txt", "twig.txt")
	s.need("three files for a place of three", err)
	root, leaf, twig := made[0].ID, made[1].ID, made[2].ID
	s.content("a file of a batch", leaf, 0, "leaf.txt")

	s.need("relate", s.surface.Relate(leaf, sheaf.RelationParent, root))
	s.need("relate", s.surface.Relate(leaf, sheaf.RelationChild, twig))
	s.refused("a circle", s.surface.Relate(root, sheaf.RelationParent, twig), sheaf.ErrExists)
	related, err := s.surface.Related(leaf)
	s.need("relations", err)
	if len(related) != 2 || related[0].Type != sheaf.RelationParent || related[0].ID != root || related[1].ID != twig {
		s.Errorf("relations: %+v", related)
	}

	for _, dryRun := range []bool{true, false} {
		_, err = s.surface.Tag(twig, "old")
		s.need("tag", err)
		tagged, err := s.surface.TagAll("old", "dry", dryRun)
		s.need("tag all", err)
		if tagged.Matched != 1 || tagged.Changed != 1 || tagged.DryRun != dryRun {
			s.Errorf("tag all: %+v", tagged)
		}
		found, err := s.surface.Find("", "dry")
		s.need("find", err)
		if (len(found) == 0) != dryRun {
			s.Errorf("after tagging all with dry_run %v there are %d of them", dryRun, len(found))
		}
	}

	archive, err := s.surface.Download("shelf")
	s.need("download", err)
	s.files("the archive of the collection", archive, ".sheaf/manifest.json", "leaf.txt", "root.txt", "twig.txt")

	moved, err := s.surface.MoveTo("default", twig, root)
	s.need("move", err)
	if moved.Changed != 2 || len(moved.Collections) != 2 {
		s.Errorf("move: %+v", moved)
	}
	operations, err := s.surface.Log(twig)
	s.need("log", err)
	if len(operations) == 0 || operations[0] != "documents.move" {
		s.Errorf("the log of what was moved: %v", operations)
	}

	s.need("delete with children", s.surface.DeleteWithChildren(root))
	for _, id := range []sheaf.DocumentID{root, leaf, twig} {
		_, err := s.surface.Read(id, 0)
		s.refused("reading what was deleted with its parent", err, sheaf.ErrNotFound)
	}
	s.need("delete the collection", s.surface.DeleteCollection("shelf"))
	_, err = s.surface.Restore(leaf, 0)
	s.refused("restoring what was in it", err, sheaf.ErrGone)
}

// files checks which files a ZIP has.
func (s *scenario) files(step string, archive []byte, want ...string) {
	s.Helper()
	reader, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	s.need(step, err)
	var names []string
	for _, file := range reader.File {
		names = append(names, file.Name)
	}
	if !slices.Equal(names, want) {
		s.Errorf("%s has the files %q, want %q", step, names, want)
	}
}
