package library_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

func (s *store) addSummary(subject, text string) (sheaf.Change, error) {
	s.t.Helper()
	return s.AddSummary(s.t.Context(), library.SummaryWrite{Book: "book", Path: subject, Content: s.receive(text)})
}

func (s *store) updateSummary(subject, text string) (sheaf.Change, error) {
	s.t.Helper()
	return s.UpdateSummary(s.t.Context(), library.SummaryWrite{Book: "book", Path: subject, Content: s.receive(text)})
}

// wantStale checks whether a summary is stale, and for which lessons, as the
// words "changed a.md", "added b.md", "removed c.md".
func (s *store) wantStale(when, subject string, stale bool, why ...string) {
	s.t.Helper()
	text, err := s.ReadSummary(s.t.Context(), "book", subject, library.Lines(1, 0))
	if err != nil {
		s.t.Fatalf("%s: %v", when, err)
	}
	var got []string
	if c := text.Changes; c != nil {
		for _, p := range c.Changed {
			got = append(got, "changed "+p)
		}
		for _, p := range c.Added {
			got = append(got, "added "+p)
		}
		for _, p := range c.Removed {
			got = append(got, "removed "+p)
		}
	}
	if text.Stale != stale || !slices.Equal(got, why) {
		s.t.Errorf("%s: stale is %t for %q, want %t for %q", when, text.Stale, got, stale, why)
	}
}

func hintOf(err error) string {
	var e *sheaf.Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}

func TestSummaries(t *testing.T) {
	s := open(t)
	s.mustPut("content/01-a/01-intro.md", "intro")
	s.mustPut("content/01-a/02-next.md", "next")
	s.mustPut("content/02-b/01-other.md", "other")

	for subject, where := range map[string]string{
		"content/01-a/01-intro.md": "content/01-a/01-intro.summary.md",
		"content/01-a/":            "content/01-a/.summary.md",
		"/":                        ".summary.md",
	} {
		if _, err := s.updateSummary(subject, "x"); sheaf.KindOf(err) != sheaf.ErrNotFound || !strings.Contains(hintOf(err), "add_summary") {
			t.Errorf("updating the summary of %s: %v, want not_found", subject, err)
		}
		change, err := s.addSummary(subject, "of "+subject)
		if err != nil || change.Path != where {
			t.Errorf("the summary of %s is at %q, %v; want %q", subject, change.Path, err, where)
		}
		if _, err := s.addSummary(subject, "again"); sheaf.KindOf(err) != sheaf.ErrExists {
			t.Errorf("adding the summary of %s again: %v, want exists", subject, err)
		}
		s.wantStale("new", subject, false)
	}
	for subject, hint := range map[string]string{"content/01-a/01-intr.md": "01-intro.md", "content/01-A": "list the files", "LICENSE": ""} {
		if _, err := s.addSummary(subject, "x"); sheaf.KindOf(err) != sheaf.ErrNotFound || !strings.Contains(hintOf(err), hint) {
			t.Errorf("a summary of %s: %v, want not_found", subject, err)
		}
	}

	s.mustPut("content/01-a/02-next.md", "next, changed")
	s.wantStale("a lesson has changed", "content/01-a", true, "changed content/01-a/02-next.md")
	s.wantStale("a lesson has changed", "/", true, "changed content/01-a/02-next.md")
	s.wantStale("another lesson has changed", "content/01-a/01-intro.md", false)
	s.mustPut("content/01-a/02-next.md", "next")
	s.wantStale("it has changed back", "content/01-a", false)

	s.mustPut("content/01-a/03-new.md", "new")
	s.deleteAt("", "content/01-a/01-intro.md")
	s.wantStale("lessons came and went", "content/01-a", true, "added content/01-a/03-new.md", "removed content/01-a/01-intro.md")
	s.wantStale("its lesson is gone", "content/01-a/01-intro.md", true, "removed content/01-a/01-intro.md")
	s.mustPut("content/01-a/notes.txt", "not a lesson")
	s.mustPut("content/01-a/03-new.summary.md", "a summary is none either")

	// The same text again is of what there is now.
	change, err := s.updateSummary("content/01-a", "of content/01-a/")
	if err != nil || change.Mode != sheaf.ModeUpdated || change.Version != 2 {
		t.Errorf("the same text again: %s, version %d, %v; want updated, version 2", change.Mode, change.Version, err)
	}
	s.wantStale("written again", "content/01-a", false)
	if change, err = s.updateSummary("content/01-a", "of content/01-a/"); err != nil || change.Mode != sheaf.ModeUnchanged {
		t.Errorf("the same text once more: %s, %v; want unchanged", change.Mode, err)
	}

	// Moving a directory moves its summaries, which stay what they are.
	if _, err := s.MovePath(t.Context(), library.PathMove{Book: "book", From: "content/01-a", To: "content/03-c"}); err != nil {
		t.Fatal(err)
	}
	s.wantStale("moved along", "content/03-c", false)
	s.wantStale("a chapter got another name", "/", true, "added content/03-c/03-new.md", "removed content/01-a/01-intro.md")
	s.mustPut("content/03-c/02-next.md", "next, changed")
	s.wantStale("changed behind a move", "content/03-c", true, "changed content/03-c/02-next.md")
	// Going back to a version goes back to what that was made from.
	doc, err := s.updateSummary("content/03-c", "a better one")
	if err != nil {
		t.Fatal(err)
	}
	s.wantStale("written anew", "content/03-c", false)
	if _, err := s.RestoreDocument(t.Context(), doc.ID, library.Restoration{Version: 2}); err != nil {
		t.Fatal(err)
	}
	s.wantStale("restored", "content/03-c", true, "changed content/03-c/02-next.md")
}

// A summary remembers what it was made from, however it was written.
func TestSummariesByOtherWays(t *testing.T) {
	s := open(t)
	s.mustPut("a/01.md", "one")
	s.mustPut("a/.summary.md", "by path")
	s.wantStale("written by path", "a", false)

	s.mustPut("a/.summary.md", "ada's", by("ada"))
	s.mustPut("a/01.md", "two")
	s.wantStale("changed", "a", true, "changed a/01.md")
	head, err := s.ReadSummary(t.Context(), "book", "a", library.Lines(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.WriteContent(t.Context(), head.Document, library.ContentWrite{Content: s.receive("by id")}); err != nil {
		t.Fatal(err)
	}
	s.wantStale("written by id", "a", false)

	s.create("summary of all", func(in *library.NewDocument) {
		in.Collection, in.Path, in.Filename = "book", ".summary.md", ".summary.md"
	})
	s.wantStale("pushed", "/", false)

	// A text that was moved here is no summary of anything that is known.
	s.mustPut("a/draft.txt", "a draft")
	s.deleteAt("", "a/.summary.md")
	if _, err := s.MovePath(t.Context(), library.PathMove{Book: "book", From: "a/draft.txt", To: "a/.summary.md"}); err != nil {
		t.Fatal(err)
	}
	s.wantStale("moved here", "a", true)
}

func TestListSummaries(t *testing.T) {
	s := open(t)
	for _, path := range []string{"README.md", "a/01.md", "a/02.mdx", "b/c/01.md", "assets/images/notes.md"} {
		s.mustPut(path, path)
	}
	for _, subject := range []string{"a", "a/02.mdx", "b"} {
		if _, err := s.addSummary(subject, "of "+subject); err != nil {
			t.Fatal(err)
		}
	}
	s.mustPut("a/02.mdx", "changed")
	for _, test := range []struct {
		path string
		only library.SummaryFilter
		want string
	}{
		{"", library.AllSummaries, "a: stale, a/02.mdx: stale, b: fresh"},
		{"/", library.StaleSummaries, "a: stale, a/02.mdx: stale"},
		{"b", library.AllSummaries, "b: fresh"},
		{"b", library.StaleSummaries, ""},
		{"", library.MissingSummaries, "/: missing, README.md: missing, a/01.md: missing, b/c: missing, b/c/01.md: missing"},
		{"a/01.md", library.MissingSummaries, "a/01.md: missing"},
		{"a/02.mdx", library.AllSummaries, "a/02.mdx: stale"},
	} {
		for _, limit := range []int{1, 2, 100} {
			var got []string
			total := 0
			for cursor := "begin"; cursor != ""; {
				page, err := s.Summaries(t.Context(), library.SummaryQuery{
					Book: "book", Path: test.path, Only: test.only, Limit: limit, Cursor: strings.TrimPrefix(cursor, "begin")})
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range page.Summaries {
					state := map[bool]string{true: "stale", false: "fresh"}[f.Stale]
					if f.Missing {
						state = "missing"
					}
					got = append(got, f.Path+": "+state)
				}
				cursor, total = page.Next, page.Total
			}
			if text := strings.Join(got, ", "); text != test.want || total != len(got) {
				t.Errorf("%q of %q, %d a page: %d, %s; want %s", test.only, test.path, limit, total, text, test.want)
			}
		}
	}
	for name, q := range map[string]library.SummaryQuery{"path": {Path: "../x", Limit: 1}, "only": {Only: "old", Limit: 1}, "limit": {}} {
		q.Book = "book"
		if _, err := s.Summaries(t.Context(), q); sheaf.KindOf(err) != sheaf.ErrInvalid || !strings.Contains(fmt.Sprint(err), name) {
			t.Errorf("a wrong %s: %v", name, err)
		}
	}
	if _, err := s.Summaries(t.Context(), library.SummaryQuery{Book: "book", Path: "aa", Limit: 1}); sheaf.KindOf(err) != sheaf.ErrNotFound {
		t.Errorf("summaries of what is not there: %v", err)
	}
}
