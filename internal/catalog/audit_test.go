package catalog

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// A history is a catalog with entries of both kinds over several days.
type history struct {
	*Catalog
	now       time.Time
	documents []sheaf.DocumentID
}

var (
	auditAgents  = []string{"local", "agent:a", "agent:b"}
	auditPaths   = []string{"content/one.md", "content/two.md", "content/two/deep.md", "other.md"}
	auditReads   = []string{"content.read", "document.list"}
	auditDay     = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	auditStreams = []sheaf.Slug{"first-book", "second-book"}
)

// newHistory makes entries at random, over three days.
func newHistory(t testing.TB, entries int) *history {
	h := &history{now: auditDay}
	h.Catalog = open(t, Options{Path: filepath.Join(t.TempDir(), "documents.db"), Clock: func() time.Time { return h.now }})
	var books []*Collection
	for _, name := range auditStreams {
		books = append(books, addCollection(t, h.Catalog, name, sheaf.KindBook))
	}
	random := rand.New(rand.NewPCG(1, 2))
	heads := make(map[sheaf.DocumentID]Head)
	pick := func(values []string) string { return values[random.IntN(len(values))] }
	for i := range entries {
		h.now = auditDay.Add(time.Duration(i) * 72 * time.Hour / time.Duration(entries))
		err := h.Mutate(t.Context(), 0, func(tx *Tx) error {
			payload := &sheaf.LogPayload{Principal: pick(auditAgents), Label: pick([]string{"", "agent:b"}), Operation: "document.change", Status: "success"}
			switch kind := random.IntN(4); {
			case kind < 2:
				a := Access{At: h.now.Add(-time.Minute), Principal: pick(auditAgents), Label: pick([]string{"", "agent:a"}), Operation: pick(auditReads),
					Transport: "rest", Status: sheaf.CallStatuses[random.IntN(4)], Duration: time.Millisecond}
				if len(h.documents) > 0 && random.IntN(2) == 0 {
					a.Document = h.documents[random.IntN(len(h.documents))]
				}
				return tx.AddAccess(a)
			case kind == 2 && len(h.documents) > 0:
				before := heads[h.documents[random.IntN(len(h.documents))]]
				after := before
				after.Name = fmt.Sprint("name ", i)
				if random.IntN(3) == 0 {
					after.Deleted = !before.Deleted
				}
				if err := tx.UpdateDocument(before, &after); err != nil {
					return err
				}
				heads[after.ID] = after
				payload.Documents = []sheaf.LogDocument{{ID: after.ID, Before: before.LogState(), After: after.LogState()}}
				_, err := tx.Append(string(after.Collection), payload)
				return err
			case len(h.documents) < 2*len(auditPaths):
				book := books[len(h.documents)/len(auditPaths)]
				head := Head{CollectionPK: book.PK, Document: sheaf.Document{Collection: book.Name, Name: "a", Filename: "a",
					Path: auditPaths[len(h.documents)%len(auditPaths)], Metadata: []byte("{}"), Tags: []string{}}}
				if err := tx.CreateDocument(&head); err != nil {
					return err
				}
				payload.Operation = "document.create"
				payload.Documents = []sheaf.LogDocument{{ID: head.ID, After: head.LogState()}}
				_, err := tx.Append(string(book.Name), payload)
				h.documents, heads[head.ID] = append(h.documents, head.ID), head
				return err
			}
			payload.Operation = "collection.change"
			_, err := tx.Append(string(auditStreams[random.IntN(2)]), payload)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// all returns every row, the newest first.
func (h *history) all(t testing.TB) (rows []AuditRow) {
	t.Helper()
	err := h.Read(t.Context(), func(v *View) (err error) {
		rows, err = v.AuditAfter(0, 1<<20)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(rows)
	return rows
}

// pages returns the ids of all rows that pass a filter, page by page.
func (h *history) pages(t testing.TB, filter AuditFilter, limit int, most time.Duration) (ids []int64, pages int) {
	t.Helper()
	for below := int64(0); ; {
		var rows []AuditRow
		var next int64
		err := h.Read(t.Context(), func(v *View) (err error) {
			rows, next, err = v.Audit(filter, below, limit, most)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if next != 0 && below != 0 && next >= below {
			t.Fatalf("the page below %d is followed by the one below %d", below, next)
		}
		pages++
		for _, row := range rows {
			ids = append(ids, row.ID)
		}
		if below = next; below == 0 {
			return ids, pages
		}
	}
}

// Whatever is asked for, the pages together have what looking at every row finds,
// also when there is time for a few rows only.
func TestAuditFilters(t *testing.T) {
	h := newHistory(t, 1500)
	var rows []describedRow
	for _, row := range h.all(t) {
		rows = append(rows, describe(t, row))
	}
	random := rand.New(rand.NewPCG(3, 4))
	some := func(values ...string) (picked []string) {
		for _, v := range values {
			if random.IntN(len(values)+2) == 0 {
				picked = append(picked, v)
			}
		}
		return picked
	}
	for range 300 {
		filter := AuditFilter{
			Agents:     some(auditAgents...),
			Operations: some("document.create", "document.change", "content.read", "no.such"),
			Streams:    some("first-book", "second-book"),
			Paths:      some("content/one.md", "content/", "content/t*", "nowhere.md"),
			Statuses:   some(sheaf.CallStatuses...),
		}
		for _, id := range some(string(h.documents[0]), string(h.documents[5])) {
			filter.Documents = append(filter.Documents, sheaf.DocumentID(id))
		}
		if random.IntN(3) == 0 {
			filter.Periods = []Period{{auditDay.AddDate(0, 0, 2), auditDay.AddDate(0, 0, 3)}, {Until: auditDay.Add(5 * time.Hour)}}
		}
		if random.IntN(4) == 0 {
			filter.AccessOf = "local"
		}
		var want []int64
		for _, row := range rows {
			if expected(filter, row) {
				want = append(want, row.ID)
			}
		}
		for _, most := range []time.Duration{time.Minute, 0} {
			if got, _ := h.pages(t, filter, 1+random.IntN(40), most); !slices.Equal(got, want) {
				t.Fatalf("%+v finds %d rows %v within %v, want %d %v", filter, len(got), got, most, len(want), want)
			}
		}
	}
}

// A described row is what a filter looks at.
type describedRow struct {
	AuditRow
	who                []string
	op, stream, status string
	places             []describedPlace
}

type describedPlace struct {
	id   sheaf.DocumentID
	path string
}

func describe(t *testing.T, row AuditRow) describedRow {
	t.Helper()
	if a := row.Access; a != nil {
		return describedRow{row, []string{a.Principal, a.Label}, a.Operation, a.Stream, a.Status, []describedPlace{{a.Document, a.Path}}}
	}
	e := row.Entry
	payload, err := row.Payload()
	if err != nil {
		t.Fatal(err)
	}
	var places []describedPlace
	for _, d := range payload.Documents {
		for _, state := range []*sheaf.LogState{d.Before, d.After} {
			if state != nil {
				places = append(places, describedPlace{d.ID, state.Path})
			}
		}
	}
	return describedRow{row, []string{e.Principal, e.Label}, e.Operation, e.Stream, e.Status, places}
}

// expected says what a filter means, row by row.
func expected(f AuditFilter, row describedRow) bool {
	if a := row.Access; a != nil && f.AccessOf != "" && a.Principal != f.AccessOf {
		return false
	}
	one := func(values []string, of ...string) bool {
		return len(values) == 0 || slices.ContainsFunc(of, func(s string) bool { return slices.Contains(values, s) })
	}
	inTime := len(f.Periods) == 0 || slices.ContainsFunc(f.Periods, func(p Period) bool { return !row.At.Before(p.From) && row.At.Before(p.Until) })
	somewhere := len(f.Paths) == 0 && len(f.Documents) == 0 || slices.ContainsFunc(row.places, func(p describedPlace) bool {
		return (len(f.Documents) == 0 || slices.Contains(f.Documents, p.id)) && (len(f.Paths) == 0 || slices.ContainsFunc(f.Paths, func(path string) bool {
			prefix, all := strings.CutSuffix(path, "*")
			return path == p.path || (all || strings.HasSuffix(path, "/")) && p.path != "" && strings.HasPrefix(p.path, prefix)
		}))
	})
	return inTime && somewhere && one(f.Agents, row.who...) && one(f.Operations, row.op) && one(f.Streams, row.stream) && one(f.Statuses, row.status)
}

// Both kinds of entries have one sequence of ids, along which time never goes
// back, and none is given out again when records are forgotten.
func TestAuditIsOneSequence(t *testing.T) {
	h := newHistory(t, 300)
	rows := h.all(t)
	for i, row := range rows {
		if want := int64(len(rows) - i); row.ID != want {
			t.Fatalf("row %d has the id %d, want %d", i, row.ID, want)
		}
		if i > 0 && row.At.After(rows[i-1].At) {
			t.Fatalf("entry %d is of %v, entry %d of %v", row.ID, row.At, rows[i-1].ID, rows[i-1].At)
		}
	}
	newest := rows[0].ID
	err := h.Mutate(t.Context(), 0, func(tx *Tx) error {
		if err := tx.AddAccess(Access{Principal: "local", Operation: "content.read", Status: sheaf.CallSucceeded}); err != nil {
			return err
		}
		_, err := tx.ForgetAccess(1<<40, 1<<20)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range h.all(t) {
		if row.Access != nil {
			t.Fatalf("the record %d is still there", row.ID)
		}
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, h.options)
	err = again.Mutate(t.Context(), 0, func(tx *Tx) error {
		entry, err := tx.Append("first-book", &sheaf.LogPayload{Operation: "collection.change", Status: "success"})
		if entry.ID != newest+2 {
			t.Errorf("the entry after %d, which was forgotten, has the id %d", newest+1, entry.ID)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	checkClean(t, again)
}

// Calls of a day are counted, however many records of them are kept.
func TestAccessIsCounted(t *testing.T) {
	c := open(t, Options{})
	usage := CallKind{Day: "2026-03-01", Principal: "local", Operation: "content.read", Status: sheaf.CallSucceeded}
	for range 2 {
		if err := c.Mutate(t.Context(), 0, func(tx *Tx) error { return tx.CountAccess(usage, 21) }); err != nil {
			t.Fatal(err)
		}
	}
	var calls int64
	err := c.Read(t.Context(), func(v *View) error {
		_, err := v.conn.row(`select calls from access_days where day = $1 and principal = $2`, []any{usage.Day, usage.Principal}, &calls)
		return err
	})
	if err != nil || calls != 42 {
		t.Errorf("twice 21 calls are counted as %d, %v", calls, err)
	}
}
