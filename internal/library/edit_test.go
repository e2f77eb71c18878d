package library_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

func edits(all ...sheaf.Edit) []sheaf.Edit { return all }

func replacing(old, new string) sheaf.Edit { return sheaf.Edit{OldString: &old, NewString: &new} }

func appending(text string) sheaf.Edit { return sheaf.Edit{Append: &text} }

// edit applies edits to a document.
func (s *store) edit(id sheaf.DocumentID, all []sheaf.Edit, changes ...func(*library.ContentEdit)) (library.Edited, error) {
	s.t.Helper()
	in := library.ContentEdit{Edits: all}
	for _, change := range changes {
		change(&in)
	}
	return s.EditContent(s.t.Context(), id, in)
}

func editing(content string) func(*library.ContentEdit) {
	digest := sheaf.DigestOf([]byte(content))
	return func(in *library.ContentEdit) { in.FileHash = &digest }
}

func mergingEdit(in *library.ContentEdit) { in.Merge = true }
func dryRun(in *library.ContentEdit)      { in.DryRun = true }

// wantDiff compares the lines of a diff that are not in both texts.
func wantDiff(t testing.TB, what string, diff sheaf.Comparison, want ...string) {
	t.Helper()
	var got []string
	for _, hunk := range diff.Hunks {
		for _, line := range hunk.Lines {
			if line.Op != sheaf.LineKept {
				got = append(got, string(line.Op)+line.Text)
			}
		}
	}
	if strings.Join(got, "") != strings.Join(want, "") {
		t.Errorf("the diff of %s is %q, want %q", what, got, want)
	}
}

func TestEditAllOrNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	doc := s.create(poem)
	edited, err := s.edit(doc.ID, edits(replacing("one", "ONE"), replacing("ONE\ntwo", "1\n2"), appending("six")))
	if err != nil || edited.Mode != sheaf.ModeUpdated || edited.Version != 2 || edited.PreviousVersion != 1 {
		t.Fatalf("three edits: %+v, %v, want version 2", edited.Change, err)
	}
	wantDiff(t, "three edits", edited.Diff, "-one\n", "-two\n", "+1\n", "+2\n", "+six\n")
	now := "1\n2\nthree\nfour\nfive\nsix\n"
	s.wantRead(doc.ID, now)

	_, err = s.edit(doc.ID, edits(replacing("three", "3"), replacing("seven", "7")))
	wantFields(t, "a second edit that does not fit", err, "edits[1].old_string")
	_, err = s.edit(doc.ID, edits(replacing("f", "F")))
	wantFields(t, "an edit that fits twice", err, "edits[0].old_string")
	_, err = s.edit(doc.ID, nil)
	wantKind(t, "no edits", err, sheaf.ErrInvalid)
	s.wantRead(doc.ID, now)

	edited, err = s.edit(doc.ID, edits(replacing("three", "three")))
	if err != nil || edited.Mode != sheaf.ModeUnchanged || len(edited.Diff.Hunks) != 0 {
		t.Errorf("an edit that changes nothing: %+v, %v, want unchanged", edited, err)
	}
	s.wantVersions(doc.ID, 2)
	s.wantWhole()
}

func TestEditDryRun(t *testing.T) {
	t.Parallel()
	s := open(t)
	doc := s.create(poem)
	s.drain()
	blobs, entries := s.blobCount(), len(s.log("default"))
	edited, err := s.edit(doc.ID, edits(replacing("one", "ONE")), dryRun)
	if err != nil || edited.Mode != sheaf.ModeUnchanged || edited.Version != 1 || edited.AuditEntryID != 0 {
		t.Errorf("a dry run: %+v, %v, want unchanged", edited.Change, err)
	}
	wantDiff(t, "a dry run", edited.Diff, "-one\n", "+ONE\n")
	_, err = s.edit(doc.ID, edits(replacing("seven", "7")), dryRun)
	wantFields(t, "a dry run of what does not fit", err, "edits[0].old_string")
	if s.blobCount() != blobs || len(s.log("default")) != entries {
		t.Error("a dry run stored something")
	}
	s.wantRead(doc.ID, poem)

	// It fails as the edit would, and says what a merge would change of what is
	// current.
	s.mustWrite(sheaf.ModeUpdated, doc.ID, poemHead)
	_, err = s.edit(doc.ID, edits(replacing("five", "FIVE")), dryRun, editing(poem))
	conflictOf(t, "a dry run over an old content", err, sheaf.ErrConflict)
	edited, err = s.edit(doc.ID, edits(replacing("five", "FIVE")), dryRun, editing(poem), mergingEdit)
	if err != nil {
		t.Fatalf("a dry run that merges: %v", err)
	}
	wantDiff(t, "a dry run that merges", edited.Diff, "-five\n", "+FIVE\n")
	_, err = s.edit(doc.ID, edits(replacing("one", "uno")), dryRun, editing(poem), mergingEdit)
	conflictOf(t, "a dry run that cannot merge", err, sheaf.ErrConflict)
	s.wantRead(doc.ID, poemHead)
}

// An edit is of the content that its author has read.
func TestEditOfAnOldContent(t *testing.T) {
	t.Parallel()
	s := open(t)
	doc := s.create(poem)
	s.mustWrite(sheaf.ModeUpdated, doc.ID, poemHead)

	_, err := s.edit(doc.ID, edits(replacing("five", "FIVE")), editing(poem))
	if c := conflictOf(t, "an edit of an old content", err, sheaf.ErrConflict); c.BaseVersion != 1 || !c.Merge.Clean || c.Merge.Text != poemBoth {
		t.Errorf("the conflict: %+v, want a clean merge", c)
	}
	// "one" is not in the current content any more, but in what was read.
	_, err = s.edit(doc.ID, edits(replacing("one", "uno")), editing(poem), mergingEdit)
	if c := conflictOf(t, "an edit that cannot be merged", err, sheaf.ErrConflict); len(c.Merge.Conflicts) != 1 {
		t.Errorf("the conflict: %+v, want one place", c)
	}
	_, err = s.edit(doc.ID, edits(replacing("five", "FIVE")), editing(nobodys), mergingEdit)
	wantKind(t, "an edit of what nobody wrote", err, sheaf.ErrConflict)
	s.wantRead(doc.ID, poemHead)

	edited, err := s.edit(doc.ID, edits(replacing("five", "FIVE")), editing(poem), mergingEdit)
	if err != nil || edited.Mode != sheaf.ModeMerged || edited.Version != 3 || edited.PreviousVersion != 2 {
		t.Fatalf("an edit that merges: %+v, %v", edited.Change, err)
	}
	wantDiff(t, "an edit that merges", edited.Diff, "-five\n", "+FIVE\n")
	s.wantRead(doc.ID, poemBoth)
	s.wantWhole()
}

// Without a hash an edit is of whatever is there, however many edit at once.
func TestConcurrentEdits(t *testing.T) {
	t.Parallel()
	s := open(t)
	doc := s.create("0\n")
	const writers = 24
	var running sync.WaitGroup
	for i := range writers {
		running.Go(func() {
			all := edits(appending("line " + string(rune('a'+i))))
			if _, err := s.EditContent(t.Context(), doc.ID, library.ContentEdit{Edits: all, Merge: i%2 == 0}); err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	running.Wait()
	got, err := s.read(doc.ID)
	if err != nil {
		t.Fatal(err)
	}
	for i := range writers {
		if strings.Count(got, "line "+string(rune('a'+i))+"\n") != 1 {
			t.Errorf("the text is %q, want the line of writer %d once", got, i)
		}
	}
	s.wantVersions(doc.ID, 1+writers)
	s.wantWhole()
}

// Outside of an edit every byte stays.
func TestEditKeepsBytes(t *testing.T) {
	t.Parallel()
	s := open(t)
	doc := s.create("\ufeffone\r\ntwo \xff\xfe\r\nthree")
	if _, err := s.edit(doc.ID, edits(replacing("one", "1\n1"))); err != nil {
		t.Fatal(err)
	}
	s.wantRead(doc.ID, "\ufeff1\r\n1\r\ntwo \xff\xfe\r\nthree")
}

func TestEditOfALargeContent(t *testing.T) {
	t.Parallel()
	s := open(t)
	doc := s.create(prose("large", 8<<20+1))
	_, err := s.edit(doc.ID, edits(appending("x")))
	wantKind(t, "editing more than 8 MiB", err, sheaf.ErrTooLarge)
	doc = s.create(prose("large", 8<<20))
	_, err = s.edit(doc.ID, edits(appending("x")))
	wantKind(t, "an edit that makes a text too large", err, sheaf.ErrTooLarge)
}
