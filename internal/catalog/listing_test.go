package catalog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf"
)

// change stores another state of a document the way the library does.
func change(ctx context.Context, c *Catalog, id sheaf.DocumentID, edit func(*Head)) (after Head, err error) {
	err = c.Mutate(ctx, 0, func(tx *Tx) error {
		before, found, err := tx.Head(id)
		if err != nil || !found {
			return fmt.Errorf("the head of %s: found %t, %w", id, found, err)
		}
		after = before
		edit(&after)
		if err := tx.UpdateDocument(before, &after); err != nil {
			return err
		}
		payload := sheaf.LogPayload{Principal: "test", Operation: "document.change", Status: "success",
			Documents: []sheaf.LogDocument{{ID: id, Before: before.LogState(), After: after.LogState()}}}
		if before.Collection != after.Collection {
			if _, err := tx.Append(string(before.Collection), &payload); err != nil {
				return err
			}
		}
		_, err = tx.Append(string(after.Collection), &payload)
		return err
	})
	return after, err
}

// list reads a whole listing in pages of the size given.
func list(t testing.TB, c *Catalog, filter DocumentFilter, pageSize int) (ids []sheaf.DocumentID) {
	t.Helper()
	var from *Position
	for {
		err := c.Snapshot(t.Context(), func(v *View) error {
			page, next, err := v.ListDocuments(t.Context(), filter, from, pageSize)
			if len(page) > pageSize {
				t.Errorf("a page has %d documents, the limit was %d", len(page), pageSize)
			}
			if next != nil && len(page) != pageSize {
				t.Errorf("a page that is not the last has %d documents of %d", len(page), pageSize)
			}
			for _, h := range page {
				ids = append(ids, h.ID)
			}
			from = next
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if from == nil {
			return ids
		}
	}
}

// TestListingAgreesWithModel makes, changes, deletes and indexes documents in
// any order and compares every kind of listing with a plain search of a list.
func TestListingAgreesWithModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		clock := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		c, first := withCollection(t, Options{Clock: func() time.Time { return clock }})
		second := addCollection(t, c, "second", sheaf.KindDocuments)
		collections := []*Collection{first, second}

		words := rapid.SampledFrom([]string{"a", "ab", "Abc", "bca", "ABCA", "a%b", "a_b", "naïve", "NAÏVE", "\u212Aelvin", "kelvin", "日本語", `q"t`, "c<d"})
		tags := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"even", "odd", "x", `say "x"`, "größe", "c&d"}), 0, 3, rapid.ID)
		var model []Head
		steps := rapid.IntRange(1, 40).Draw(r, "steps")
		for range steps {
			switch action := rapid.IntRange(0, 9).Draw(r, "action"); {
			case action <= 4 || len(model) == 0:
				if rapid.Bool().Draw(r, "tick") {
					clock = clock.Add(time.Millisecond)
				}
				collection := rapid.SampledFrom(collections).Draw(r, "collection")
				name := strings.Join(rapid.SliceOfN(words, 1, 3).Draw(r, "words"), " ")
				h, err := create(t.Context(), c, collection, name, tags.Draw(r, "tags"), []byte(name))
				if err != nil {
					r.Fatal(err)
				}
				model = append(model, h)
			case action <= 7:
				i := rapid.IntRange(0, len(model)-1).Draw(r, "which")
				name, newTags, deleted := words.Draw(r, "name"), tags.Draw(r, "tags"), rapid.IntRange(0, 3).Draw(r, "deleted") == 0
				h, err := change(t.Context(), c, model[i].ID, func(h *Head) { h.Name, h.Tags, h.Deleted = name, newTags, deleted })
				if err != nil {
					r.Fatal(err)
				}
				model[i] = h
			default:
				if _, err := c.IndexListing(t.Context(), rapid.IntRange(1, 8).Draw(r, "count")); err != nil {
					r.Fatal(err)
				}
			}
		}
		slices.SortFunc(model, func(a, b Head) int {
			return cmp.Or(b.UploadedAt.Compare(a.UploadedAt), cmp.Compare(b.ID, a.ID))
		})

		for range 10 {
			filter := DocumentFilter{Collections: collections}
			if rapid.Bool().Draw(r, "one collection") {
				filter.Collections = collections[1:]
			}
			if rapid.Bool().Draw(r, "by name") {
				filter.Name = rapid.SampledFrom([]string{"a", "B", "bc", "abca", "%", "_", "ï", "K", "\u212A", "本語", " ", `"`, "zzz", "c<d"}).Draw(r, "piece")
			}
			if rapid.Bool().Draw(r, "by tags") {
				filter.Tags = tags.Draw(r, "wanted")
			}
			if rapid.IntRange(0, 3).Draw(r, "bounded") == 0 {
				filter.Before = clock.Add(time.Duration(rapid.IntRange(-9, 1).Draw(r, "before")) * time.Millisecond)
				filter.After = filter.Before.Add(-5 * time.Millisecond)
			}
			want := []sheaf.DocumentID{}
			for _, h := range model {
				ok := !h.Deleted && slices.ContainsFunc(filter.Collections, func(c *Collection) bool { return c.PK == h.CollectionPK }) &&
					strings.Contains(foldName(h.Name), foldName(filter.Name)) &&
					(filter.Before.IsZero() || h.UploadedAt.Before(filter.Before) && h.UploadedAt.After(filter.After))
				for _, tag := range filter.Tags {
					ok = ok && slices.Contains(h.Tags, tag)
				}
				if ok {
					want = append(want, h.ID)
				}
			}
			got := list(t, c, filter, rapid.IntRange(1, 5).Draw(r, "page"))
			if !slices.Equal(got, want) {
				r.Fatalf("listing %q %q gave %v, want %v", filter.Name, filter.Tags, got, want)
			}
		}
		checkClean(t, c)
	})
}

// Documents that change while the index is being brought up to date must stay
// noted, or their old postings would hide them.
func TestChangeDuringIndexing(t *testing.T) {
	c, collection := withCollection(t, Options{})
	h, err := create(t.Context(), c, collection, "before", []string{"old"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var work indexingWork
	if err := c.Snapshot(t.Context(), func(v *View) error { return work.read(v, 10) }); err != nil {
		t.Fatal(err)
	}
	if _, err := change(t.Context(), c, h.ID, func(h *Head) { h.Name, h.Tags = "after", []string{"new"} }); err != nil {
		t.Fatal(err)
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
			filter DocumentFilter
			want   int
		}{
			{DocumentFilter{Tags: []string{"old"}}, 0},
			{DocumentFilter{Tags: []string{"new"}}, 1},
			{DocumentFilter{Name: "before"}, 0},
			{DocumentFilter{Name: "AFT"}, 1},
		} {
			test.filter.Collections = []*Collection{collection}
			if got := list(t, c, test.filter, 10); len(got) != test.want {
				t.Errorf("listing %q %q gave %d documents, want %d", test.filter.Name, test.filter.Tags, len(got), test.want)
			}
		}
		// And again with the index up to date.
		if _, err := c.IndexListing(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
	}
	err = c.Read(t.Context(), func(v *View) error {
		set, err := v.posting(chunkOf(h.PK), tagTerm("old"))
		if set != nil {
			t.Errorf("the index still has a document under a tag that none has")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBitsetRoundTrip(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var set bitset
		want := rapid.SliceOfDistinct(rapid.IntRange(0, chunkSize-1), rapid.ID).Draw(r, "bits")
		if rapid.Bool().Draw(r, "dense") {
			for bit := 0; bit < chunkSize; bit += 3 {
				want = append(want, bit)
			}
		}
		for _, bit := range want {
			set.set(bit)
		}
		slices.Sort(want)
		want = slices.Compact(want)
		slices.Reverse(want)
		var read bitset
		if err := read.decode(set.encode()); err != nil {
			r.Fatal(err)
		}
		if got := slices.Collect(read.descending()); !slices.Equal(got, want) || read.count() != len(want) {
			r.Fatalf("wrote %v, read %v", want, got)
		}
	})
}

func FuzzBitsetDecode(f *testing.F) {
	f.Add([]byte{1, 0, 2, 0})
	f.Add(make([]byte, chunkSize/8))
	f.Fuzz(func(t *testing.T, stored []byte) {
		var set bitset
		if err := set.decode(stored); err != nil {
			return
		}
		var again bitset
		if err := again.decode(set.encode()); err != nil || again != set {
			t.Fatalf("decoding %x and encoding it again gave another set (%v)", stored, err)
		}
	})
}

func FuzzFoldName(f *testing.F) {
	f.Add("Straße", "STRASSE")
	f.Add("\u212A", "k")
	f.Fuzz(func(t *testing.T, name, piece string) {
		folded := foldName(name)
		if foldName(folded) != folded {
			t.Fatalf("folding %q twice gives %q, once %q", name, foldName(folded), folded)
		}
		if foldName(strings.ToLower(name)) != folded && strings.EqualFold(strings.ToLower(name), name) {
			t.Fatalf("%q and its lower case fold differently", name)
		}
		// Whatever contains the piece must have all terms the piece is searched by.
		terms := make(map[string]bool)
		nameTerms(folded, func(term string) { terms[term] = true })
		if folded := foldName(piece); folded != "" && strings.Contains(foldName(name), folded) {
			for _, term := range searchTerms(folded) {
				if !terms[term] {
					t.Fatalf("%q contains %q and lacks its term %q", name, piece, term)
				}
			}
		}
	})
}

// A page of the newest must not cost a sort of everything.
func TestNewestIsNotSorted(t *testing.T) {
	c, _ := withCollection(t, Options{})
	wantUnsorted(t, c, newestStatement, "[1,2]", 1000)
}

// wantUnsorted checks that the engine finds the rows of a query in their order.
func wantUnsorted(t *testing.T, c *Catalog, query string, args ...any) {
	t.Helper()
	err := c.Read(t.Context(), func(v *View) error {
		return v.conn.rows(`explain query plan `+query, args, func(scan func(...any) error) error {
			var id, parent, unused int64
			var step string
			err := scan(&id, &parent, &unused, &step)
			if strings.Contains(step, "TEMP B-TREE") {
				t.Errorf("%s: %s", query, step)
			}
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A new content leaves a document's postings as they are: documents that are
// written again and again must not keep the index busy.
func TestContentsAreNotIndexed(t *testing.T) {
	c, collection := withCollection(t, Options{})
	h, err := create(t.Context(), c, collection, "notes", []string{"old"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.IndexListing(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what string
		edit func(*Head)
		want int
	}{
		{"a new content", func(h *Head) { h.Version, h.Size, h.Description = 2, 7, "new" }, 0},
		{"another name", func(h *Head) { h.Name = "other" }, 1},
		{"another tag", func(h *Head) { h.Tags = []string{"new"} }, 1},
		{"the trash", func(h *Head) { h.Deleted = true }, 1},
	} {
		if _, err := change(t.Context(), c, h.ID, test.edit); err != nil {
			t.Fatal(err)
		}
		var noted int
		err := c.Read(t.Context(), func(v *View) error {
			_, err := v.conn.row(`select count(*) from listing_changes`, nil, &noted)
			return err
		})
		if err != nil || noted != test.want {
			t.Errorf("after %s %d documents wait for the index, %v, want %d", test.what, noted, err, test.want)
		}
		if _, err := c.IndexListing(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
	}
}
