package library_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// put writes a content at a path of the book "book".
func (s *store) put(path, content string, changes ...func(*library.FileWrite)) (sheaf.Change, error) {
	s.t.Helper()
	in := library.FileWrite{Place: library.Place{Book: "book", Path: path}, Content: s.receive(content)}
	for _, change := range changes {
		change(&in)
	}
	return s.PutContent(s.t.Context(), in)
}

func (s *store) mustPut(path, content string, changes ...func(*library.FileWrite)) sheaf.Change {
	s.t.Helper()
	change, err := s.put(path, content, changes...)
	if err != nil {
		s.t.Fatalf("writing %s: %v", path, err)
	}
	return change
}

func by(user string) func(*library.FileWrite) {
	return func(in *library.FileWrite) { in.Layer = library.UserLayer(user) }
}

func readAs(content string) func(*library.FileWrite) {
	digest := sheaf.DigestOf([]byte(content))
	return func(in *library.FileWrite) { in.FileHash = &digest }
}

// wantAt checks what a user reads at a path of the book; nobody is "".
func (s *store) wantAt(user, path, want string, moment ...library.Moment) {
	s.t.Helper()
	var at library.Moment
	if len(moment) > 0 {
		at = moment[0]
	}
	read, err := s.ReadAtPath(s.t.Context(), library.Place{Book: "book", Path: path, Layer: library.UserLayer(user)}, at, library.Lines(1, 0))
	switch {
	case want == "" && sheaf.KindOf(err) == sheaf.ErrNotFound:
	case err != nil || read.Excerpt.Text != want:
		s.t.Errorf("%q reads %q at %s, %v; want %q", user, read.Excerpt.Text, path, err, want)
	}
}

// A reader who comes again finds what was written, moved or deleted since.
func TestReadingAPathAgain(t *testing.T) {
	s := open(t)
	s.mustPut("a.md", "one")
	for {
		if more, err := s.Drain(t.Context()); err != nil {
			t.Fatal(err)
		} else if !more {
			break
		}
	}
	for range 2 {
		s.wantAt("", "a.md", "one")
	}
	if _, err := s.MovePath(t.Context(), library.PathMove{Book: "book", From: "a.md", To: "b.md"}); err != nil {
		t.Fatal(err)
	}
	s.wantAt("", "a.md", "")
	s.wantAt("", "b.md", "one")
	s.mustPut("a.md", "two")
	s.wantAt("", "a.md", "two")
	if _, err := s.DeleteAtPath(t.Context(), library.Place{Book: "book", Path: "b.md"}, nil, ""); err != nil {
		t.Fatal(err)
	}
	s.wantAt("", "b.md", "")
}

// The table of what a write by path does.
func TestPutContent(t *testing.T) {
	s := open(t)
	_, err := s.put("a.md", "x", readAs("y"))
	wantKind(t, "a write over something in a book that is not there", err, sheaf.ErrNotFound)
	if books, err := s.Books(t.Context(), library.BookQuery{Limit: 1}); err != nil || books.Total != 0 {
		t.Errorf("that write made a book: %+v, %v", books, err)
	}
	created := s.mustPut("a.md", "one\ntwo\nthree\n")
	if created.Mode != sheaf.ModeCreated || created.Version != 1 || created.AuditEntryID == 0 || created.MIME != "text/markdown" {
		t.Errorf("the first write: %+v", created)
	}
	_, err = s.put("b.md", "x", readAs("y"))
	wantKind(t, "a write over something that is not there", err, sheaf.ErrNotFound)
	if same := s.mustPut("a.md", "one\ntwo\nthree\n"); same.Mode != sheaf.ModeUnchanged || same.Version != 1 {
		t.Errorf("the same again: %+v", same)
	}
	if updated := s.mustPut("a.md", "ONE\ntwo\nthree\n", readAs("one\ntwo\nthree\n")); updated.Mode != sheaf.ModeUpdated || updated.Version != 2 || updated.PreviousVersion != 1 {
		t.Errorf("a write over what is there: %+v", updated)
	}
	_, err = s.put("a.md", "one\ntwo\nTHREE\n", readAs("one\ntwo\nthree\n"))
	wantKind(t, "a write over another content", err, sheaf.ErrConflict)
	merged := s.mustPut("a.md", "one\ntwo\nTHREE\n", readAs("one\ntwo\nthree\n"), func(in *library.FileWrite) { in.Merge = true })
	if merged.Mode != sheaf.ModeMerged || merged.Version != 3 {
		t.Errorf("a merge: %+v", merged)
	}
	s.wantAt("", "a.md", "ONE\ntwo\nTHREE\n")
	if blind := s.mustPut("a.md", "new\n"); blind.Mode != sheaf.ModeUpdated || blind.Version != 4 {
		t.Errorf("a write that says nothing of what it replaces: %+v", blind)
	}
	policy := sheaf.PolicyRequireHash
	_, err = s.ChangeBook(t.Context(), "book", library.BookChange{CollectionChange: library.CollectionChange{Policy: &policy}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.put("a.md", "newer\n")
	wantKind(t, "a write without a hash where one is required", err, sheaf.ErrHashRequired)
	if created := s.mustPut("c.md", "x"); created.Mode != sheaf.ModeCreated {
		t.Errorf("a first write where a hash is required: %+v", created)
	}
	archived := sheaf.StatusArchived
	if _, err := s.ChangeBook(t.Context(), "book", library.BookChange{CollectionChange: library.CollectionChange{Status: &archived}}); err != nil {
		t.Fatal(err)
	}
	_, err = s.put("d.md", "x")
	wantKind(t, "a write to an archived book", err, sheaf.ErrArchived)
	_, err = s.MovePath(t.Context(), library.PathMove{Book: "book", From: "c.md", To: "e.md"})
	wantKind(t, "a move in an archived book", err, sheaf.ErrArchived)
	s.wantWhole()
}

func TestBooksAreMadeByWriting(t *testing.T) {
	s := open(t, func(set *setup) { set.keepBooks = true })
	_, err := s.put("a.md", "x")
	wantKind(t, "a write to a book that is not there, where none are made", err, sheaf.ErrNotFound)
	s = open(t)
	writer := s.As(sheaf.Principal{ID: "agent:writer", Scopes: sheaf.Scopes(sheaf.ScopeWrite)})
	in := library.FileWrite{Place: library.Place{Book: "book", Path: "a.md"}, Content: s.receive("x")}
	_, err = writer.PutContent(t.Context(), in)
	wantKind(t, "a write to a book that is not there, by one who may not create", err, sheaf.ErrNotFound)
	in.Book = "default"
	_, err = s.PutContent(t.Context(), in)
	wantKind(t, "a write to a path of a collection of documents", err, sheaf.ErrNotFound)
}

// Of several who write the first content of a path, one makes it and the others
// make versions of it.
func TestConcurrentCreatorsOfOnePath(t *testing.T) {
	s := open(t)
	const writers = 16
	modes := make(chan sheaf.ChangeMode, writers)
	var all sync.WaitGroup
	for i := range writers {
		content := s.receive(fmt.Sprint("content ", i))
		all.Go(func() {
			change, err := s.PutContent(t.Context(), library.FileWrite{Place: library.Place{Book: "book", Path: "a.md"}, Content: content})
			if err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
			modes <- change.Mode
		})
	}
	all.Wait()
	close(modes)
	count := map[sheaf.ChangeMode]int{}
	for mode := range modes {
		count[mode]++
	}
	if count[sheaf.ModeCreated] != 1 || count[sheaf.ModeUpdated] != writers-1 {
		t.Errorf("modes: %v", count)
	}
	s.wantWhole()
}

func TestPathsThatCannotBe(t *testing.T) {
	s := open(t)
	s.mustPut("Content/Readme.md", "x")
	s.mustPut("Content/caf\u00e9.md", "x")
	for path, kind := range map[string]sheaf.ErrorKind{
		"../a.md": sheaf.ErrInvalid, "/a.md": sheaf.ErrInvalid, "a//b.md": sheaf.ErrInvalid, "a/../b.md": sheaf.ErrInvalid,
		"a\\b.md": sheaf.ErrInvalid, "a\x00.md": sheaf.ErrInvalid, "a\nb.md": sheaf.ErrInvalid, "C:x.md": sheaf.ErrInvalid,
		"nul": sheaf.ErrInvalid, "a/COM1.txt": sheaf.ErrInvalid, "a/" + strings.Repeat("x", 256): sheaf.ErrInvalid, "": sheaf.ErrInvalid,
		"Content": sheaf.ErrExists, "Content/Readme.md/a.md": sheaf.ErrExists, "Content/README.md": sheaf.ErrExists,
		"content/readme.md": sheaf.ErrExists, "Content/cafe\u0301.md": sheaf.ErrExists,
	} {
		_, err := s.put(path, "y")
		wantKind(t, fmt.Sprintf("a write at %q", path), err, kind)
	}
	_, err := s.CreateDocument(t.Context(), library.NewDocument{Content: s.receive("x"), Filename: "a.md", Collection: "book", Path: "Content/readme.md"})
	wantKind(t, "a document at a path that is taken", err, sheaf.ErrExists)
	_, err = s.CreateDocument(t.Context(), library.NewDocument{Content: s.receive("x"), Filename: "a.md", Collection: "book"})
	wantKind(t, "a document of a book without a path", err, sheaf.ErrInvalid)
}

// Restoring a document whose path somebody else has taken meanwhile was a fault
// of the database.
func TestRestoringOntoTakenPath(t *testing.T) {
	s := open(t)
	old := s.mustPut("a.md", "old")
	if deleted, err := s.DeleteAtPath(t.Context(), library.Place{Book: "book", Path: "a.md"}, nil, ""); err != nil || !deleted.Existed {
		t.Fatalf("deleting: %+v, %v", deleted, err)
	}
	fresh := s.mustPut("a.md", "new")
	if fresh.ID == old.ID || fresh.Mode != sheaf.ModeCreated {
		t.Errorf("a write behind a deletion: %+v", fresh)
	}
	_, err := s.RestoreDocument(t.Context(), old.ID, library.Restoration{})
	wantKind(t, "restoring onto a path that is taken", err, sheaf.ErrExists)
	s.wantAt("", "a.md", "old", library.Moment{Revision: old.Revision})
	s.wantAt("", "a.md", "", library.Moment{Revision: old.Revision + 1})
	s.wantAt("", "a.md", "new", library.Moment{Revision: fresh.Revision})
}

func TestMovePath(t *testing.T) {
	s := open(t)
	first := s.mustPut("a/1.md", "one")
	s.mustPut("a/b/2.md", "two")
	s.mustPut("a0.md", "beside")
	s.mustPut("a/1.md", "one of ada", by("ada"))
	moved, err := s.MovePath(t.Context(), library.PathMove{Book: "book", From: "a", To: "c/d"})
	if err != nil || len(moved.Files) != 2 || moved.Overlays != 1 {
		t.Fatalf("moving a directory: %+v, %v", moved, err)
	}
	s.wantAt("", "c/d/1.md", "one")
	s.wantAt("", "c/d/b/2.md", "two")
	s.wantAt("ada", "c/d/1.md", "one of ada")
	s.wantAt("ada", "a/1.md", "")
	s.wantAt("", "a0.md", "beside")
	s.wantAt("", "a/1.md", "one", library.Moment{Revision: first.Revision})
	log, err := s.DocumentLog(t.Context(), first.ID, 0, 10)
	if err != nil || len(log) != 3 || log[0].Operation != "content.move" || log[0].Rev != moved.Revision {
		t.Errorf("the log of what moved: %+v, %v", log, err)
	}
	for to, kind := range map[string]sheaf.ErrorKind{
		"a0.md": sheaf.ErrExists, "c/d/e": sheaf.ErrInvalid, "../x": sheaf.ErrInvalid, "a0.md/x": sheaf.ErrExists, "c": sheaf.ErrExists,
	} {
		_, err := s.MovePath(t.Context(), library.PathMove{Book: "book", From: "c/d", To: to})
		wantKind(t, "moving c/d to "+to, err, kind)
	}
	_, err = s.MovePath(t.Context(), library.PathMove{Book: "book", From: "a0.md", To: "x.md", FileHash: new(sheaf.DigestOf([]byte("other")))})
	wantKind(t, "moving another content", err, sheaf.ErrConflict)
	_, err = s.MovePath(t.Context(), library.PathMove{Book: "book", From: "a", To: "x"})
	wantKind(t, "moving what is not there", err, sheaf.ErrNotFound)
	if _, err := s.MovePath(t.Context(), library.PathMove{Book: "book", From: "c/d", To: "C/D"}); err != nil {
		t.Errorf("a move that changes case only: %v", err)
	}
	s.wantWhole()
}

func TestLayers(t *testing.T) {
	s := open(t)
	s.mustPut("a.md", "base\n")
	_, err := s.put("a.md", "own\n", by("ada"), readAs("other\n"))
	wantKind(t, "a first write of a user over another content than the base's", err, sheaf.ErrConflict)
	own := s.mustPut("a.md", "own\n", by("ada"), readAs("base\n"))
	if own.Mode != sheaf.ModeUpdated || own.Layer != "user:ada" || own.Version != 2 {
		t.Errorf("a user's copy: %+v", own)
	}
	s.wantAt("ada", "a.md", "own\n")
	s.wantAt("", "a.md", "base\n")
	_, err = s.put("a.md", "own 2\n", by("ada"), readAs("base\n"))
	wantKind(t, "a write over the base where there is a copy", err, sheaf.ErrConflict)
	later := s.mustPut("a.md", "base 2\n", readAs("base\n"))
	if later.Version != 3 || later.ID != own.ID {
		t.Errorf("a write to the base beside a copy: %+v", later)
	}
	alone := s.mustPut("only/mine.md", "mine\n", by("ada"))
	if alone.Mode != sheaf.ModeCreated {
		t.Errorf("what is in a layer only: %+v", alone)
	}
	s.wantAt("", "only/mine.md", "")
	s.wantAt("bob", "only/mine.md", "")
	s.wantAt("ada", "only/mine.md", "mine\n")
	if _, err := s.Document(t.Context(), alone.ID); sheaf.KindOf(err) != sheaf.ErrNotFound {
		t.Errorf("what is in a layer only, by its id: %v", err)
	}
	_, err = s.put("only", "x", by("ada"))
	wantKind(t, "a file where the layer has a directory", err, sheaf.ErrExists)
	_, err = s.put("ONLY/mine.md", "x", by("ada"))
	wantKind(t, "a path that differs from one of the layer in case only", err, sheaf.ErrExists)

	edited, err := s.EditAtPath(t.Context(), library.Place{Book: "book", Path: "a.md", Layer: library.UserLayer("bob")},
		library.ContentEdit{Edits: []sheaf.Edit{{Append: new("bob\n")}}})
	if err != nil || edited.Layer != "user:bob" {
		t.Errorf("an edit of a user: %+v, %v", edited, err)
	}
	s.wantAt("bob", "a.md", "base 2\nbob\n")

	page, err := s.BookFiles(t.Context(), library.FileQuery{Place: library.Place{Book: "book", Layer: library.UserLayer("ada")}, Limit: 10})
	if err != nil || len(page.Files) != 2 || page.Files[0].Layer != "user:ada" || page.Files[0].Digest != own.Digest || page.Files[1].Path != "only/mine.md" {
		t.Errorf("the files that ada sees: %+v, %v", page, err)
	}
	if page, err := s.BookFiles(t.Context(), library.FileQuery{Place: library.Place{Book: "book"}, Limit: 10}); err != nil || len(page.Files) != 1 {
		t.Errorf("the files of the base: %+v, %v", page, err)
	}
	stale, err := s.Overlays(t.Context(), library.OverlayQuery{Book: "book", StaleOnly: true, Limit: 10})
	if err != nil || len(stale.Overlays) != 1 || stale.Overlays[0].UserID != "ada" || stale.Overlays[0].Path != "a.md" {
		t.Errorf("copies whose base has moved on: %+v, %v", stale, err)
	}
	if all, err := s.Overlays(t.Context(), library.OverlayQuery{Book: "book", Limit: 10}); err != nil || len(all.Overlays) != 3 {
		t.Errorf("all copies: %+v, %v", all, err)
	}

	place := library.Place{Book: "book", Path: "a.md", Layer: library.UserLayer("ada")}
	for _, existed := range []bool{true, false} {
		if deleted, err := s.DeleteAtPath(t.Context(), place, nil, ""); err != nil || deleted.Existed != existed {
			t.Errorf("deleting ada's copy: %+v, %v; want existed %t", deleted, err, existed)
		}
	}
	s.wantAt("ada", "a.md", "base 2\n")
	s.wantAt("ada", "a.md", "own\n", library.Moment{Revision: own.Revision})
	s.mustPut("a.md", "own 3\n", by("ada"))
	s.wantAt("ada", "a.md", "own 3\n")
	trash, err := s.Trash(t.Context(), "book", "", 10)
	if err != nil || len(trash) != 0 {
		t.Errorf("the trash of the book has %+v, %v", trash, err)
	}
	s.wantWhole()
}

func TestDeleteAtPath(t *testing.T) {
	s := open(t)
	s.mustPut("a.md", "x")
	place := library.Place{Book: "book", Path: "a.md"}
	_, err := s.DeleteAtPath(t.Context(), place, new(sheaf.DigestOf([]byte("y"))), "")
	wantKind(t, "deleting another content", err, sheaf.ErrConflict)
	place.Book = "boook"
	_, err = s.DeleteAtPath(t.Context(), place, nil, "")
	wantKind(t, "deleting from a book that is not there", err, sheaf.ErrNotFound)
}

func TestBookFilesAndReading(t *testing.T) {
	s := open(t)
	for i := range 5 {
		s.mustPut(fmt.Sprintf("content/01-A/%02d-x.md", i), strings.Repeat("x", 100))
	}
	s.mustPut("content/02-B/01-y.md", "y")
	s.mustPut("assets/images/a.png", "png")
	then, err := s.Book(t.Context(), "book", true)
	if err != nil || then.Lessons != 6 || then.Assets != 1 || then.Files != 7 || len(then.Structure.Parts) != 1 || len(then.Structure.Parts[0].Chapters) != 2 {
		t.Errorf("the book: %+v, %v", then, err)
	}
	s.mustPut("content/01-A/00-x.md", "changed")
	if _, err := s.DeleteAtPath(t.Context(), library.Place{Book: "book", Path: "content/02-B/01-y.md"}, nil, ""); err != nil {
		t.Fatal(err)
	}
	for moment, want := range map[library.Moment]int{{}: 6, {Revision: then.Revision}: 7, {Revision: 2}: 1} {
		found := 0
		q := library.FileQuery{Place: library.Place{Book: "book"}, At: moment, Limit: 2}
		for {
			page, err := s.BookFiles(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			found += len(page.Files)
			if q.Cursor = page.Next; page.Next == "" {
				break
			}
		}
		if found != want {
			t.Errorf("at %+v there are %d files, want %d", moment, found, want)
		}
	}
	q := library.FileQuery{Place: library.Place{Book: "book", Path: "content/01-A"}, Limit: 10, At: library.Moment{Revision: then.Revision}}
	var read []string
	for {
		reading, err := s.ReadBook(t.Context(), q, 250)
		if err != nil {
			t.Fatal(err)
		}
		if reading.Bytes > 250 {
			t.Errorf("a reading has %d bytes", reading.Bytes)
		}
		for _, text := range reading.Texts {
			read = append(read, text.Path[len(text.Path)-7:])
		}
		if q.Cursor = reading.Next; q.Cursor == "" {
			break
		}
	}
	if fmt.Sprint(read) != "[00-x.md 01-x.md 02-x.md 03-x.md 04-x.md]" && len(read) != 5 {
		t.Errorf("read %v", read)
	}
	one, err := s.ReadBook(t.Context(), library.FileQuery{Place: library.Place{Book: "book", Path: "assets"}, Limit: 10}, 0)
	if err != nil || len(one.Texts) != 1 || one.Texts[0].Omitted != "not_text" {
		t.Errorf("reading a picture: %+v, %v", one, err)
	}
}

func TestValidateBook(t *testing.T) {
	s := open(t)
	layout := sheaf.LayoutDocusaurus
	if _, err := s.CreateBook(t.Context(), library.NewBook{ID: "book", BookSettings: sheaf.BookSettings{Layout: layout}}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"README.md": "", "content/01-Start/01-First/01-hello.md": "number_twice", "content/01-Start/01-First/.summary.md": "",
		"content/01-Start/01-First/01-hello.summary.md": "", "assets/images/a.png": "", "static/img/logo.svg": "",
		"content/01-Start/01-First/hello.md": "lesson_name", "content/01-Start/02-x.md": "lesson_depth", "content/01-Start/1-Second/01-y.md": "directory_name",
		"content/01-Start/01-First/01-again.md": "", "assets/pdf/a.pdf": "asset_type", "src/a.md": "place",
		"content/01-Start/01-First/a.png": "content_type", "content/01-Start/01-first/03-z.md": "directory_case", "static/a?.txt": "portable",
	}
	for path := range want {
		s.mustPut(path, "x")
	}
	found := map[string]string{}
	q := library.ValidationQuery{Book: "book", Limit: 3}
	for {
		v, err := s.ValidateBook(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, violation := range v.Violations {
			found[violation.Path] += violation.Rule + " "
		}
		if q.Cursor = v.Next; q.Cursor == "" {
			break
		}
	}
	for path, rule := range want {
		if !strings.Contains(found[path], rule) || rule == "" && found[path] != "" {
			t.Errorf("%s breaks %q, want %q", path, found[path], rule)
		}
	}
	patterns := []string{"content/**/*.md"}
	layout = sheaf.LayoutPatterns
	if _, err := s.ChangeBook(t.Context(), "book", library.BookChange{Layout: &layout, Patterns: &patterns}); err != nil {
		t.Fatal(err)
	}
	if v, err := s.ValidateBook(t.Context(), library.ValidationQuery{Book: "book", Limit: 100}); err != nil || v.Total < 6 {
		t.Errorf("with a pattern: %+v, %v", v, err)
	}
	patterns = []string{"[a"}
	_, err := s.ChangeBook(t.Context(), "book", library.BookChange{Patterns: &patterns})
	wantKind(t, "a pattern that is none", err, sheaf.ErrInvalid)
}
