package library_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

func TestChangeDocument(t *testing.T) {
	t.Parallel()
	s := open(t)
	doc := s.create("x", func(in *library.NewDocument) { in.Tags = []string{"a b", "c"} })
	_, revision, err := s.DocumentAt(t.Context(), doc.ID, library.Moment{})
	if err != nil {
		t.Fatal(err)
	}
	name, description, tags := "New name", "two\nlines", []string{" a ", "b", "a"}
	change := must(t, "a change", sheaf.ModeUpdated)(s.ChangeDocument(t.Context(), doc.ID, library.DocumentChange{
		Name: &name, Description: &description, Tags: &tags, Metadata: json.RawMessage(`{ "k": 1 }`), Revision: revision, Message: "why"}))
	if change.Name != name || change.Description != description || !slices.Equal(change.Tags, []string{"a", "b"}) || string(change.Metadata) != `{"k":1}` ||
		change.Revision != revision+1 || change.PreviousRevision != revision || change.Version != 1 || change.PreviousVersion != 1 || change.Filename != doc.Filename {
		t.Errorf("the change: %+v", change)
	}
	_, err = s.ChangeDocument(t.Context(), doc.ID, library.DocumentChange{Name: &name, Revision: revision})
	wantKind(t, "a change of an old revision", err, sheaf.ErrPreconditionFailed)
	same := must(t, "no change", sheaf.ModeUnchanged)(s.ChangeDocument(t.Context(), doc.ID, library.DocumentChange{Name: &name}))
	if same.Revision != change.Revision || same.AuditEntryID != 0 {
		t.Errorf("no change: %+v, want revision %d still", same, change.Revision)
	}
	// Tags that look alike when they are printed one after the other are others.
	other := []string{"a b"}
	must(t, "tags that look alike", sheaf.ModeUpdated)(s.ChangeDocument(t.Context(), doc.ID, library.DocumentChange{Tags: &other}))
	if listed := s.list(library.DocumentQuery{Tags: other}); len(listed) != 1 {
		t.Errorf("%d documents have the new tag, want 1", len(listed))
	}
	bad, long := "a\nb", strings.Repeat("x", 10_001)
	_, err = s.ChangeDocument(t.Context(), doc.ID, library.DocumentChange{Name: &bad, Description: &long, Tags: &[]string{"a,b"}, Metadata: json.RawMessage(`[]`), Message: long})
	wantFields(t, "all wrong", err, "name", "description", "tags", "metadata", "message")
	s.wantVersions(doc.ID, 1)
	s.wantWhole()
}

func TestLogsAreReadInPages(t *testing.T) {
	t.Parallel()
	s := open(t)
	doc := s.create("1")
	other := s.create("other")
	for i := range 3 {
		s.mustWrite(sheaf.ModeUpdated, doc.ID, fmt.Sprint("version ", i), func(in *library.ContentWrite) { in.Message = fmt.Sprint("message ", i) })
		s.mustWrite(sheaf.ModeUpdated, other.ID, fmt.Sprint("other ", i))
	}
	must(t, "deleting", sheaf.ModeDeleted)(s.DeleteDocument(t.Context(), doc.ID))
	for name, read := range map[string]struct {
		page func(before int64, limit int) ([]sheaf.LogEntry, error)
		want []string
	}{
		"document": {func(before int64, limit int) ([]sheaf.LogEntry, error) {
			return s.DocumentLog(t.Context(), doc.ID, before, limit)
		}, []string{"10 document.delete", "8 content.write", "6 content.write", "4 content.write", "2 document.create"}},
		"collection": {func(before int64, limit int) ([]sheaf.LogEntry, error) {
			return s.CollectionLog(t.Context(), "default", before, limit)
		}, []string{"10 document.delete", "9 content.write", "8 content.write", "7 content.write", "6 content.write", "5 content.write",
			"4 content.write", "3 document.create", "2 document.create", "1 collection.create"}},
	} {
		for _, limit := range []int{1, 2, 4, 100} {
			var got []string
			for before := int64(0); ; {
				page, err := read.page(before, limit)
				if err != nil {
					t.Fatalf("the log of the %s: %v", name, err)
				}
				for _, e := range page {
					got = append(got, fmt.Sprint(e.Rev, " ", e.Operation))
					before = e.Rev
				}
				if len(page) < limit {
					break
				}
			}
			if !slices.Equal(got, read.want) {
				t.Errorf("the log of the %s in pages of %d: %q, want %q", name, limit, got, read.want)
			}
		}
		if _, err := read.page(0, 0); sheaf.KindOf(err) != sheaf.ErrInvalid {
			t.Errorf("a page of no entries: %v, want invalid", err)
		}
	}
	_, err := s.DocumentLog(t.Context(), "doc_000000000000", 0, 1)
	wantKind(t, "the log of no document", err, sheaf.ErrNotFound)
	_, err = s.CollectionLog(t.Context(), "unknown", 0, 1)
	wantKind(t, "the log of no collection", err, sheaf.ErrNotFound)
}

func TestVersionsAndTheirDifferences(t *testing.T) {
	t.Parallel()
	s := open(t)
	doc := s.create(poem, named("Poem"))
	agent := s.As(sheaf.Principal{ID: "agent:editor", Label: "Editor", Scopes: sheaf.Scopes(sheaf.ScopeRead, sheaf.ScopeWrite)})
	if _, err := agent.WriteContent(t.Context(), doc.ID, library.ContentWrite{Content: s.receive(poemHead), Message: "louder"}); err != nil {
		t.Fatal(err)
	}
	s.mustWrite(sheaf.ModeUpdated, doc.ID, poemBoth)
	v, err := s.Version(t.Context(), doc.ID, 2)
	if err != nil || v.Number != 2 || v.Author != "agent:editor" || v.Label != "Editor" || v.Message != "louder" || v.Digest != sheaf.DigestOf([]byte(poemHead)) || v.Size != int64(len(poemHead)) {
		t.Errorf("version 2: %+v, %v", v, err)
	}
	if page, err := s.Versions(t.Context(), doc.ID, 3, 1); err != nil || len(page) != 1 || !reflect.DeepEqual(page[0], v) {
		t.Errorf("the version before 3: %+v, %v, want %+v", page, err, v)
	}
	for _, test := range []struct {
		from, to         int
		wantFrom, wantTo int
		want             []string
	}{
		{0, 0, 2, 3, []string{"-five\n", "+FIVE\n"}},
		{0, 2, 1, 2, []string{"-one\n", "+ONE\n"}},
		{1, 0, 1, 3, []string{"-one\n", "+ONE\n", "-five\n", "+FIVE\n"}},
		{3, 2, 3, 2, []string{"-FIVE\n", "+five\n"}},
		{2, 2, 2, 2, nil},
	} {
		c, err := s.Compare(t.Context(), doc.ID, test.from, test.to, 0)
		if err != nil || c.From != test.wantFrom || c.To != test.wantTo || c.NewLabel != fmt.Sprintf("Poem (version %d)", test.wantTo) {
			t.Errorf("comparing %d with %d: %+v, %v", test.from, test.to, c, err)
		}
		wantDiff(t, fmt.Sprint(test.from, " and ", test.to), c.Comparison, test.want...)
	}
	_, err = s.Compare(t.Context(), doc.ID, 1, 4, 3)
	wantKind(t, "comparing with version 4", err, sheaf.ErrNotFound)
	_, err = s.Compare(t.Context(), doc.ID, -1, 1, 3)
	wantKind(t, "comparing with version -1", err, sheaf.ErrInvalid)
	_, err = s.Version(t.Context(), doc.ID, 4)
	wantKind(t, "version 4", err, sheaf.ErrNotFound)
}

// A moment is a revision that there was, of a collection that is named, or any
// time.
func TestMoments(t *testing.T) {
	t.Parallel()
	clock := time.UnixMilli(1_700_000_000_000)
	s := open(t, func(set *setup) { set.clock = func() time.Time { return clock } })
	created := clock
	doc := s.create("first")
	clock = clock.Add(time.Hour)
	s.mustWrite(sheaf.ModeUpdated, doc.ID, "second")

	for what, test := range map[string]struct {
		at   library.Moment
		want string // the content; empty: not found
	}{
		"before anything":    {library.Moment{Time: created.Add(-time.Second)}, ""},
		"when it was made":   {library.Moment{Time: created}, "first"},
		"right before write": {library.Moment{Time: clock.Add(-time.Millisecond)}, "first"},
		"at the write":       {library.Moment{Time: clock}, "second"},
		"tomorrow":           {library.Moment{Time: clock.Add(24 * time.Hour)}, "second"},
		"revision 1":         {library.Moment{Revision: 1}, ""},
		"revision 2":         {library.Moment{Revision: 2}, "first"},
		"revision 3":         {library.Moment{Revision: 3}, "second"},
	} {
		got, _, err := s.DocumentAt(t.Context(), doc.ID, test.at)
		listed := s.list(library.DocumentQuery{Collection: "default", At: test.at})
		if test.want == "" {
			wantKind(t, what, err, sheaf.ErrNotFound)
			if len(listed) != 0 {
				t.Errorf("listing %s: %+v, want none", what, listed)
			}
			continue
		}
		if err != nil || got.Digest != sheaf.DigestOf([]byte(test.want)) {
			t.Errorf("%s: %+v, %v, want the %s content", what, got, err, test.want)
		}
		if len(listed) != 1 || !reflect.DeepEqual(listed[0], got) {
			t.Errorf("listing %s: %+v, want %+v", what, listed, got)
		}
	}
	for _, revision := range []int64{-1, 4, 1 << 60} {
		at := library.Moment{Revision: revision}
		_, _, err := s.DocumentAt(t.Context(), doc.ID, at)
		wantFields(t, fmt.Sprint("revision ", revision), err, "at")
		_, err = s.Documents(t.Context(), library.DocumentQuery{Collection: "default", At: at, Limit: 1})
		wantFields(t, fmt.Sprint("listing revision ", revision), err, "at")
	}
	_, err := s.Documents(t.Context(), library.DocumentQuery{At: library.Moment{Revision: 2}, Limit: 1})
	wantFields(t, "a revision of no collection", err, "at")
	s.create("third")
	page, err := s.Documents(t.Context(), library.DocumentQuery{Collection: "default", At: library.Moment{Revision: 4}, Limit: 1})
	if err != nil || page.Next == "" {
		t.Fatalf("a page of the past: %+v, %v", page, err)
	}
	_, err = s.Documents(t.Context(), library.DocumentQuery{Collection: "default", At: library.Moment{Revision: 3}, Limit: 1, Cursor: page.Next})
	wantFields(t, "the cursor of another revision", err, "cursor")
}
