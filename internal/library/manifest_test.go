package library_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

func (s *store) manifest(at library.Moment) sheaf.Manifest {
	s.t.Helper()
	m, err := s.Manifest(s.t.Context(), "book", at)
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

// plan returns what has changed since a manifest, as words, by pages of a size.
func (s *store) plan(since *sheaf.Digest, limit int) (string, library.BuildPage) {
	s.t.Helper()
	var got []string
	add := func(what string, files []sheaf.ManifestFile) {
		for _, f := range files {
			got = append(got, what+f.Path)
		}
	}
	q := library.BuildQuery{Book: "book", Since: since, Limit: limit}
	for {
		page, err := s.PlanBuild(s.t.Context(), q)
		if err != nil {
			s.t.Fatal(err)
		}
		add("+", page.Added)
		add("~", page.Changed)
		add("-", page.Removed)
		if page.Next == "" {
			slices.SortFunc(got, func(a, b string) int { return strings.Compare(a[1:], b[1:]) })
			return strings.Join(got, " "), page
		}
		q.Cursor = page.Next
	}
}

func TestBuildPlans(t *testing.T) {
	s := open(t)
	s.mustPut("a.md", "one")
	s.mustPut("b.md", "two")
	s.mustPut("assets/images/c.png", "three")
	first := s.manifest(library.Moment{})
	text := fmt.Sprintf("a.md:%s\nassets/images/c.png:%s\nb.md:%s", sheaf.DigestOf([]byte("one")), sheaf.DigestOf([]byte("three")), sheaf.DigestOf([]byte("two")))
	if first.Hash != sheaf.DigestOf([]byte(text)) || first.Count != 3 || first.Size != 11 || len(first.Files) != 3 {
		t.Errorf("the manifest is %+v", first)
	}
	if got, page := s.plan(nil, 0); got != "+a.md +assets/images/c.png +b.md" || page.Hash != first.Hash || page.Unchanged {
		t.Errorf("a first build is of %s, %+v", got, page)
	}
	if got, page := s.plan(&first.Hash, 0); got != "" || !page.Unchanged || !page.SinceKnown || page.Count != 3 || page.Size != 11 {
		t.Errorf("nothing has changed: %s, %+v", got, page)
	}
	s.mustPut("a.md", "ada's", by("ada"))
	if got, page := s.plan(&first.Hash, 0); got != "" || !page.Unchanged {
		t.Errorf("a user has changed their copy: %s, %+v", got, page)
	}

	s.mustPut("a.md", "one, changed")
	s.mustPut("d.md", "four")
	b := s.deleteAt("", "b.md")
	if _, err := s.PurgeDocument(t.Context(), b.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.MovePath(t.Context(), library.PathMove{Book: "book", From: "assets", To: "static"}); err != nil {
		t.Fatal(err)
	}
	const want = "~a.md -assets/images/c.png -b.md +d.md +static/images/c.png"
	for _, limit := range []int{0, 1, 2, 5} {
		if got, page := s.plan(&first.Hash, limit); got != want || page.Unchanged || !page.SinceKnown ||
			page.Counts != (sheaf.BuildCounts{Added: 2, Changed: 1, Removed: 2}) {
			t.Errorf("%d a page: %s, %+v; want %s", limit, got, page.Counts, want)
		}
	}
	// What was told stays true, also of what was purged since.
	if again := s.manifest(library.Moment{Revision: first.Revision}); again.Hash != first.Hash || again.Count != 3 {
		t.Errorf("the first manifest is %+v now", again.ManifestSummary)
	}
	other := sheaf.DigestOf([]byte("no manifest"))
	if got, page := s.plan(&other, 0); got != "+a.md +d.md +static/images/c.png" || page.SinceKnown || page.Unchanged {
		t.Errorf("since an unknown manifest: %s, %+v", got, page)
	}
	s = s.reopen()
	if got, _ := s.plan(&first.Hash, 0); got != want {
		t.Errorf("after a restart: %s, want %s", got, want)
	}
}

// The pages of a plan are of one state of the book.
func TestPlansStandStill(t *testing.T) {
	s := open(t)
	s.mustPut("a.md", "one")
	s.mustPut("b.md", "two")
	page, err := s.PlanBuild(t.Context(), library.BuildQuery{Book: "book", Limit: 1})
	if err != nil || len(page.Added) != 1 || page.Next == "" {
		t.Fatalf("the first page: %+v, %v", page, err)
	}
	s.mustPut("b.md", "changed meanwhile")
	next, err := s.PlanBuild(t.Context(), library.BuildQuery{Book: "book", Limit: 1, Cursor: page.Next})
	if err != nil || len(next.Added) != 1 || next.Added[0].Digest != sheaf.DigestOf([]byte("two")) || next.Hash != page.Hash {
		t.Errorf("the second page: %+v, %v", next, err)
	}
	for _, cursor := range []string{"x", next.Next + "x"} {
		if _, err := s.PlanBuild(t.Context(), library.BuildQuery{Book: "book", Cursor: cursor}); sheaf.KindOf(err) != sheaf.ErrInvalid {
			t.Errorf("the cursor %q: %v", cursor, err)
		}
	}
}

// A manifest of a large book is refused, not cut off.
func TestManifestLimit(t *testing.T) {
	s := open(t, func(set *setup) { set.limits.ArchiveDocuments = 2 })
	s.mustPut("a.md", "one")
	s.mustPut("b.md", "two")
	s.manifest(library.Moment{})
	s.mustPut("c.md", "three")
	if _, err := s.Manifest(t.Context(), "book", library.Moment{}); sheaf.KindOf(err) != sheaf.ErrTooLarge {
		t.Errorf("the manifest of three files, where two are the limit: %v", err)
	}
}
