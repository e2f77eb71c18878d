package library_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// Documents of the same millisecond are listed by descending id, whatever the
// length of the pages.
func TestListingWithTies(t *testing.T) {
	t.Parallel()
	moment := time.UnixMilli(1_700_000_000_000)
	s := open(t, func(set *setup) { set.clock = func() time.Time { return moment } })
	var want []sheaf.DocumentID
	for i := range 23 {
		want = append(want, s.create("x", named(fmt.Sprint("tie ", i)), func(in *library.NewDocument) { in.Tags = []string{"t"} }).ID)
	}
	slices.Sort(want)
	slices.Reverse(want)
	for _, indexed := range []bool{false, true} {
		if indexed {
			if _, err := s.Index(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for _, limit := range []int{1, 2, 7, 22, 23, 24, 5000} {
			for _, q := range []library.DocumentQuery{{}, {Name: "TIE"}, {Tags: []string{"t"}}, {Name: "e", Tags: []string{"t"}, Collection: "default"}} {
				q.Limit = limit
				var got []sheaf.DocumentID
				for _, doc := range s.list(q) {
					got = append(got, doc.ID)
				}
				if !slices.Equal(got, want) {
					t.Errorf("pages of %d of %+v, indexed %t: %v, want %v", limit, q, indexed, got, want)
				}
			}
		}
	}
}

func TestCursors(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i := range 4 {
		s.create("x", named(fmt.Sprint("n", i)), func(in *library.NewDocument) { in.Tags = []string{"t"} })
	}
	query := library.DocumentQuery{Name: "n", Tags: []string{"t"}, Limit: 2}
	page, err := s.Documents(t.Context(), query)
	if err != nil || page.Next == "" {
		t.Fatalf("the first page: cursor %q, %v", page.Next, err)
	}
	ask := func(what, cursor string, change func(*library.DocumentQuery)) {
		t.Helper()
		q := query
		q.Cursor = cursor
		if change != nil {
			change(&q)
		}
		_, err := s.Documents(t.Context(), q)
		wantFields(t, what, err, "cursor")
	}
	ask("other text", "cursor", nil)
	ask("no base64", "!!!", nil)
	ask("a NUL", "\x00", nil)
	ask("other JSON", base64.RawURLEncoding.EncodeToString([]byte(`[1]`)), nil)
	ask("an empty object", base64.RawURLEncoding.EncodeToString([]byte(`{}`)), nil)
	ask("half of it", page.Next[:len(page.Next)/2], nil)
	ask("very long", strings.Repeat("A", 1<<20), nil)
	ask("another name", page.Next, func(q *library.DocumentQuery) { q.Name = "N" })
	ask("other tags", page.Next, func(q *library.DocumentQuery) { q.Tags = nil })
	ask("another collection", page.Next, func(q *library.DocumentQuery) { q.Collection = "default" })
	ask("another time", page.Next, func(q *library.DocumentQuery) { q.Before = time.Now() })

	// Another page's length is no other filter.
	query.Cursor, query.Limit = page.Next, 1
	if next, err := s.Documents(t.Context(), query); err != nil || len(next.Documents) != 1 {
		t.Errorf("a shorter page: %d documents, %v, want 1", len(next.Documents), err)
	}

	// One that was altered may lead anywhere among the documents that the
	// filters allow, and nowhere else.
	plain, _ := base64.RawURLEncoding.DecodeString(page.Next)
	for _, position := range []string{`"k":-1`, `"k":-99999999999`, `"k":0`, `"k":9223372036854775807`, `"t":-1`, `"t":9223372036854775807`, `"d":"zzz"`, `"d":"\u0000"`} {
		var cursor, altered map[string]json.RawMessage
		json.Unmarshal(plain, &cursor)
		json.Unmarshal([]byte("{"+position+"}"), &altered)
		for key, value := range altered {
			cursor[key] = value
		}
		text, _ := json.Marshal(cursor)
		query.Cursor, query.Limit = base64.RawURLEncoding.EncodeToString(text), 10
		found, err := s.Documents(t.Context(), query)
		if err != nil || len(found.Documents) > 4 {
			t.Errorf("a cursor with %s: %d documents, %v", position, len(found.Documents), err)
		}
		query.Name, query.Tags = "", nil // the other way to walk
		if _, err := s.Documents(t.Context(), query); err == nil {
			t.Errorf("a cursor with %s and other filters is accepted", position)
		}
		query.Name, query.Tags = "n", []string{"t"}
	}
}

func TestListingLimits(t *testing.T) {
	t.Parallel()
	s := open(t, func(set *setup) { set.limits.Page = 3 })
	for range 5 {
		s.create("x")
	}
	for limit, want := range map[int]int{1: 1, 3: 3, 4: 3, 1 << 40: 3} {
		if page, err := s.Documents(t.Context(), library.DocumentQuery{Limit: limit}); err != nil || len(page.Documents) != want {
			t.Errorf("limit %d: %d documents, %v, want %d", limit, len(page.Documents), err, want)
		}
	}
	for _, limit := range []int{0, -1, -1 << 60} {
		_, err := s.Documents(t.Context(), library.DocumentQuery{Limit: limit})
		wantFields(t, fmt.Sprint("limit ", limit), err, "limit")
	}
	_, err := s.Documents(t.Context(), library.DocumentQuery{Limit: 0, Tags: []string{"a\nb"}, Collection: "X", Cursor: "?"})
	wantFields(t, "everything wrong", err, "limit", "tags", "collection", "cursor")
}

// A filter that no document can pass is refused before it is looked for, piece by
// piece, in the index.
func TestFilterLongerThanAnyName(t *testing.T) {
	s := open(t)
	s.create("x", named(strings.Repeat("n", 255)))
	if found := s.list(library.DocumentQuery{Name: strings.Repeat("N", 255)}); len(found) != 1 {
		t.Errorf("a filter as long as a name can be: %d documents, want 1", len(found))
	}
	_, err := s.Documents(t.Context(), library.DocumentQuery{Limit: 1, Name: strings.Repeat("n", 256)})
	wantFields(t, "a filter longer than any name", err, "name")
}
