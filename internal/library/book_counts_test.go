package library_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// wantCounted checks that the counts that are kept of a book are those of its files.
func (s *store) wantCounted(when string) sheaf.BookCounts {
	s.t.Helper()
	book, ok := s.catalog.Collection("book")
	if !ok {
		return sheaf.BookCounts{}
	}
	var kept, counted sheaf.BookCounts
	err := s.catalog.Snapshot(s.t.Context(), func(v *catalog.View) (err error) {
		if kept, err = v.BookCounts(book); err == nil {
			counted, err = v.CountBook(book)
		}
		return err
	})
	if err != nil || kept != counted {
		s.t.Fatalf("%s: the counts are %+v, %v; counted are %+v", when, kept, err, counted)
	}
	return kept
}

// Whatever is done to the files of a book, also what fails and is taken back, its
// counts are what one would count.
func TestCountsOfBooksAreExact(t *testing.T) {
	paths := []string{"a.md", "a.summary.md", "content/b.mdx", "content/c.txt", "assets/images/d.png", "assets/e.md", "static/f.svg", "dir/.summary.md"}
	rapid.Check(t, func(rt *rapid.T) {
		s := open(t)
		var all []sheaf.DocumentID
		path := rapid.SampledFrom(paths)
		user := rapid.SampledFrom([]string{"", "", "", "mallory"})
		content := rapid.StringN(0, 20, 40)
		for i := range rapid.IntRange(1, 30).Draw(rt, "steps") {
			p := library.Place{Book: "book", Path: path.Draw(rt, "path")}
			if u := user.Draw(rt, "user"); u != "" {
				p.Layer = library.UserLayer(u)
			}
			var id sheaf.DocumentID
			if len(all) > 0 {
				id = rapid.SampledFrom(all).Draw(rt, "document")
			}
			what := rapid.SampledFrom([]string{"write", "write", "batch", "delete", "restore", "purge", "move", "by id"}).Draw(rt, "what")
			// That some of it is refused is part of the test.
			switch what {
			case "write":
				if change, err := s.PutContent(t.Context(), library.FileWrite{Place: p, Content: s.receive(content.Draw(rt, "content"))}); err == nil && !slices.Contains(all, change.ID) {
					all = append(all, change.ID)
				}
			case "batch": // all or nothing, after some of it has been written
				batch := library.NewDocuments{Collection: "book", Atomic: true}
				for _, p := range rapid.SliceOfN(path, 1, 3).Draw(rt, "batch") {
					batch.Files = append(batch.Files, library.NewFile{NewDocument: library.NewDocument{
						Content: s.receive(content.Draw(rt, "content")), Filename: "x", Path: p,
					}})
				}
				_, _ = s.CreateDocuments(t.Context(), batch)
			case "delete":
				_, _ = s.DeleteAtPath(t.Context(), p, nil, "")
			case "restore":
				_, _ = s.RestoreDocument(t.Context(), id, library.Restoration{})
			case "purge":
				_, _ = s.PurgeDocument(t.Context(), id)
			case "move":
				to := path.Draw(rt, "to")
				if rapid.Bool().Draw(rt, "elsewhere") {
					to = fmt.Sprint("moved/", i, "/", strings.ReplaceAll(to, "/", "-"))
				}
				_, _ = s.MovePath(t.Context(), library.PathMove{Book: "book", From: p.Path, To: to})
			case "by id":
				_, _ = s.WriteContent(t.Context(), id, library.ContentWrite{Content: s.receive(content.Draw(rt, "content"))})
			}
			s.wantCounted(what)
		}
		s.wantCounted("reopened")
		s.reopen().wantCounted("reopened")
	})
}

// Counts that are lost or wrong are found by a check, and by a start if nobody has
// counted yet.
func TestWrongCountsOfBooks(t *testing.T) {
	s := open(t)
	s.mustPut("a.md", "a")
	s.mustPut("assets/images/d.png", "abc")
	want := sheaf.BookCounts{Lessons: 1, Assets: 1, Files: 2, Size: 4}
	s.wantWhole()

	s.tamper(`delete from book_counts`)
	s = s.reopen()
	s.mustPut("b.md", "b")
	want.Lessons, want.Files, want.Size = 2, 3, 5
	if got := s.wantCounted("counted at the start"); got != want {
		t.Errorf("counted at the start: %+v, want %+v", got, want)
	}

	s.tamper(`update book_counts set lessons = 7, size = 1`)
	if problems := s.check(false); len(problems) != 1 || !strings.Contains(problems[0], "2 lessons") {
		t.Errorf("a check of wrong counts finds %q", problems)
	}
	report, err := s.Repair(t.Context(), false)
	if err != nil || len(report.Problems) != 1 || !report.Problems[0].Repaired {
		t.Errorf("repairing wrong counts: %+v, %v", report.Problems, err)
	}
	s.wantCounted("repaired")
	s.wantWhole()
}
