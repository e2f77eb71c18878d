package catalog

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// move moves a document to another collection.
func move(t *testing.T, c *Catalog, id sheaf.DocumentID, to *Collection) Head {
	t.Helper()
	after, err := change(t.Context(), c, id, func(h *Head) { h.CollectionPK, h.Collection = to.PK, to.Name })
	if err != nil {
		t.Fatal(err)
	}
	return after
}

// A document is indexed in the state that was read. If it moves meanwhile, to
// the very revision of the other collection that it had in its own, it has to be
// indexed once more: the index knew it in the old collection for ever.
func TestMoveDuringIndexing(t *testing.T) {
	c, collection := withCollection(t, Options{})
	notes := addCollection(t, c, "notes", sheaf.KindDocuments)
	doc, err := create(t.Context(), c, collection, "a.md", []string{"t"}, []byte("a"))
	if err != nil {
		t.Fatal(err)
	}
	var work indexingWork
	if err := c.Snapshot(t.Context(), func(v *View) error { return work.read(v, 10) }); err != nil {
		t.Fatal(err)
	}
	if moved := move(t, c, doc.ID, notes); moved.Rev != doc.Rev {
		t.Fatalf("the move made revision %d of notes, the test needs %d", moved.Rev, doc.Rev)
	}
	changes, err := work.changes()
	if err != nil {
		t.Fatal(err)
	}
	err = c.Mutate(t.Context(), 0, func(tx *Tx) error {
		for key, change := range changes {
			if err := tx.changePosting(key, change); err != nil {
				return err
			}
		}
		return work.finish(tx)
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, test := range []struct {
			in   *Collection
			want []sheaf.DocumentID
		}{{collection, nil}, {notes, []sheaf.DocumentID{doc.ID}}} {
			if got := list(t, c, DocumentFilter{Collections: []*Collection{test.in}, Tags: []string{"t"}}, 5); !slices.Equal(got, test.want) {
				t.Errorf("%s has %v, want %v", test.in.Name, got, test.want)
			}
		}
		checkClean(t, c)
		if _, err := c.IndexListing(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever is changed of the stays of a document behind the catalog's back, the
// check names it.
func TestCheckFindsBrokenStays(t *testing.T) {
	for _, test := range []struct {
		name, statement, want string
	}{
		{"left later", `update states set rev_to = rev_to + 1 where stay = 0 and rev_from = 3`, "at different times"},
		{"a stay removed", `delete from states where stay = 1`, "leave a gap"},
		{"never left", `update states set rev_to = 9223372036854775807 where stay = 0 and rev_from = 3`, "at different times"},
		{"a stay in two collections", `update states set collection = 2 where stay = 0 and rev_from = 2`, "leave a gap"},
		{"not counted", `update documents set stay = 1`, "current state is not what"},
		{"moved in no time", `update states set rev_to = rev_from where stay = 1`, "leave a gap"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "documents.db")
			now := time.Now()
			c, err := Open(t.Context(), Options{Path: path, Clock: func() time.Time { now = now.Add(time.Second); return now }})
			if err != nil {
				t.Fatal(err)
			}
			collection := addCollection(t, c, "default", sheaf.KindDocuments)
			notes := addCollection(t, c, "notes", sheaf.KindDocuments)
			doc, err := create(t.Context(), c, collection, "a.md", nil, []byte("a"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := change(t.Context(), c, doc.ID, func(h *Head) { h.Name = "b.md" }); err != nil {
				t.Fatal(err)
			}
			move(t, c, doc.ID, notes)
			move(t, c, doc.ID, collection)
			checkClean(t, c)
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			alter(t, path, test.statement)

			c = open(t, Options{Path: path})
			var problems []string
			_, err = c.Check(t.Context(), false, func(_, message string, _ ...sheaf.DocumentID) { problems = append(problems, message) })
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(problems, "\n"), test.want) {
				t.Errorf("the check found %q, want a problem with %q", problems, test.want)
			}
		})
	}
}
