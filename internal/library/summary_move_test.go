package library_test

import (
	"slices"
	"testing"

	"github.com/sheaf-dev/sheaf/internal/library"
)

// A lesson that is moved alone used to leave its summary behind, as a stale one of
// nothing.
func TestSummaryMovesWithItsLesson(t *testing.T) {
	s := open(t)
	move := func(from, to string) library.Moved {
		t.Helper()
		moved, err := s.MovePath(t.Context(), library.PathMove{Book: "book", From: from, To: to})
		if err != nil {
			t.Fatalf("moving %s to %s: %v", from, to, err)
		}
		return moved
	}
	want := func(when string, moved library.Moved, left string, files ...string) {
		t.Helper()
		var got []string
		for _, f := range moved.Files {
			got = append(got, f.Path+" > "+f.NewPath)
		}
		if !slices.Equal(got, files) || moved.SummaryLeft != left {
			t.Errorf("%s: moved %q, left %q; want %q, left %q", when, got, moved.SummaryLeft, files, left)
		}
	}
	s.mustPut("a/01.md", "one")
	if _, err := s.addSummary("a/01.md", "of one"); err != nil {
		t.Fatal(err)
	}
	s.mustPut("a/01.summary.md", "of one, says mallory", by("mallory"))
	moved := move("a/01.md", "b/02.md")
	want("alone", moved, "", "a/01.md > b/02.md", "a/01.summary.md > b/02.summary.md")
	s.wantStale("moved with its lesson", "b/02.md", false)
	s.wantAt("mallory", "b/02.summary.md", "of one, says mallory")
	if entries := s.log("book"); entries[len(entries)-1].Rev != moved.Revision || moved.Overlays != 1 {
		t.Errorf("the move is not one entry of the log: %+v", moved)
	}

	s.mustPut("c/03.summary.md", "somebody else's")
	want("something is at the new path", move("b/02.md", "c/03.md"), "b/02.summary.md", "b/02.md > c/03.md")
	s.wantAt("", "c/03.summary.md", "somebody else's")

	s.mustPut("d/04.md", "four")
	s.mustPut("d/04.mdx", "four, too")
	s.mustPut("d/04.summary.md", "of both")
	want("the summary of two lessons", move("d/04.mdx", "d/05.mdx"), "", "d/04.mdx > d/05.mdx")
	want("the last of them", move("d/04.md", "d/06.MD"), "", "d/04.md > d/06.MD", "d/04.summary.md > d/06.summary.md")
	want("another extension", move("d/06.MD", "d/06.mdx"), "", "d/06.MD > d/06.mdx")
	want("no lesson any more", move("d/06.mdx", "d/06.txt"), "", "d/06.mdx > d/06.txt")
	s.wantWhole()
}
