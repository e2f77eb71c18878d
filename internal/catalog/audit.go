package catalog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// An AuditRow is a log entry or an access record.
type AuditRow struct {
	ID     int64
	At     time.Time
	Entry  *sheaf.LogEntry // nil for an access record
	Access *Access         // nil for a log entry

	payload *sheaf.LogPayload // of the entry, once somebody has asked for it
}

// Payload returns what an entry says of its operation.
func (r *AuditRow) Payload() (*sheaf.LogPayload, error) {
	if r.payload == nil {
		r.payload = new(sheaf.LogPayload)
		if err := json.Unmarshal(r.Entry.Payload, r.payload); err != nil {
			return nil, fmt.Errorf("read entry %d of the log: %w", r.ID, err)
		}
	}
	return r.payload, nil
}

// A Period is the time from From to Until, without Until.
type Period struct{ From, Until time.Time }

// An AuditFilter selects rows of the audit. Its conditions all have to hold; of
// the values of one condition, one has to. An empty condition always holds.
type AuditFilter struct {
	Periods    []Period // in which the row is; disjoint, the latest first
	Agents     []string // principals or labels
	Operations []string
	Streams    []string
	Paths      []string // one that ends with / or * means all that begin with what is before the *
	Documents  []sheaf.DocumentID
	Statuses   []string

	// AccessOf leaves out the access records of other principals, unless it is
	// empty.
	AccessOf string
}

// Audit returns rows of the audit, the newest first: those with ids below a
// bound, or all when it is 0, and at most limit. Next is the bound of the page
// that follows, 0 after the last.
//
// A page takes no longer than about the time given, however rare what is looked
// for: one that has found less by then is short, and next says where to go on.
func (v *View) Audit(filter AuditFilter, below int64, limit int, most time.Duration) (rows []AuditRow, next int64, err error) {
	walk := auditWalk{view: v, filter: filter, limit: limit, deadline: time.Now().Add(most), conditions: filter.conditions()}
	periods := filter.Periods
	if len(periods) == 0 {
		periods = []Period{{}}
	}
	newest, err := v.newestEntry()
	if err != nil {
		return nil, 0, err
	}
	if below == 0 || below > newest {
		below = newest + 1
	}
	for _, period := range periods {
		walk.below, walk.from = below, 1
		if !period.Until.IsZero() {
			until, err := v.firstEntryAt(period.Until, newest)
			if err != nil {
				return nil, 0, err
			}
			walk.below = min(below, until)
		}
		if !period.From.IsZero() {
			if walk.from, err = v.firstEntryAt(period.From, newest); err != nil {
				return nil, 0, err
			}
		}
		full, err := walk.run()
		if err != nil {
			return nil, 0, err
		}
		if full {
			return walk.found, walk.below, nil
		}
	}
	return walk.found, 0, nil
}

// newestEntry returns the largest id of the audit, 0 when it is empty.
func (v *View) newestEntry() (id int64, err error) {
	_, err = v.conn.row(`select max((select coalesce(max(id), 0) from log), (select coalesce(max(id), 0) from access))`, nil, &id)
	return id, err
}

// firstEntryAt returns the smallest id of a row that is not before a time,
// newest+1 when there is none. It relies on time not going back along the ids.
func (v *View) firstEntryAt(at time.Time, newest int64) (int64, error) {
	low, high := int64(1), newest+1 // the answer is in [low, high]
	for low < high {
		middle := low + (high-low)/2
		id, then, err := v.entryFrom(middle)
		if err != nil {
			return 0, err
		}
		switch {
		case id == 0 || then >= millis(at):
			high = middle
		default:
			low = id + 1
		}
	}
	return low, nil
}

// FirstEntryAt returns the smallest id of the audit that is not before a time,
// one more than all when there is none.
func (v *View) FirstEntryAt(at time.Time) (int64, error) {
	newest, err := v.newestEntry()
	if err != nil {
		return 0, err
	}
	return v.firstEntryAt(at, newest)
}

// entryFrom returns the first row with at least an id, 0 when there is none.
func (v *View) entryFrom(from int64) (id, at int64, err error) {
	for _, query := range []string{
		`select id, at from log where id >= $1 order by id limit 1`,
		`select id, at from access where id >= $1 order by id limit 1`,
	} {
		var here, then int64
		found, err := v.conn.row(query, []any{from}, &here, &then)
		if err != nil {
			return 0, 0, err
		}
		if found && (id == 0 || here < id) {
			id, at = here, then
		}
	}
	return id, at, nil
}

// An auditWalk collects one page, from the newest row down.
type auditWalk struct {
	view     *View
	filter   AuditFilter
	limit    int
	deadline time.Time

	conditions  []condition // that an index knows, as far as they have proved useful
	from, below int64       // what is still to be looked at: ids in [from, below)
	found       []AuditRow
}

// A condition returns its newest candidates, about as many as wanted, unless there
// are so many that it is no use.
type condition func(w *auditWalk, count int) (c candidates, usable bool, err error)

// run looks at the rows in [from, below) and moves below. It reports whether the
// page ended before all of them had been looked at.
func (w *auditWalk) run() (full bool, err error) {
	for count := 2 * w.limit; w.below > w.from; count = min(4*count, mostCandidates) {
		best, err := w.candidates(count)
		if err != nil {
			return false, err
		}
		if full, err := w.examine(best); full || err != nil {
			return full, err
		}
		w.below = best.floor
	}
	return false, nil
}

// mostCandidates is how many ids an index is asked for at once.
const mostCandidates = 4096

// examine adds the candidates that pass the filter.
func (w *auditWalk) examine(c candidates) (full bool, err error) {
	for ids := c.ids; len(ids) > 0; {
		chunk := ids[:min(len(ids), pkListSize)]
		ids = ids[len(chunk):]
		rows, err := w.view.auditRows(chunk)
		if err != nil {
			return false, err
		}
		for _, row := range rows {
			if ok, err := w.filter.matches(&row); err != nil {
				return false, err
			} else if !ok {
				continue
			}
			if len(w.found) == w.limit {
				return true, nil
			}
			w.found = append(w.found, row)
			w.below = row.ID
		}
		w.below = chunk[len(chunk)-1]
		if time.Now().After(w.deadline) {
			return w.below > w.from && (len(ids) > 0 || c.floor > w.from), nil
		}
	}
	return false, nil
}

// Candidates are the rows in [floor, below) that hold one of the conditions.
type candidates struct {
	ids   []int64 // the largest first
	floor int64
}

// candidates returns those of the condition that covers most ids with about the
// same number of candidates.
func (w *auditWalk) candidates(count int) (best candidates, err error) {
	if best, err = w.ofIndex(count, allRows); err != nil {
		return best, err
	}
	useful := w.conditions[:0]
	for _, condition := range w.conditions {
		c, usable, err := condition(w, count)
		if err != nil {
			return best, err
		}
		if !usable {
			continue
		}
		useful = append(useful, condition)
		if c.floor < best.floor || c.floor == best.floor && len(c.ids) < len(best.ids) {
			best = c
		}
	}
	w.conditions = useful
	return best, nil
}

// A lookup is a query for the ids of one table that hold a condition, the largest
// first. Its parameters are below, from, the number of ids wanted, and args.
type lookup struct {
	query string
	args  []any
	most  int // of a lookup that is not ordered and does not limit: how many ids are worth sorting
}

const idsBelow = ` id < $1 and id >= $2 order by id desc limit $3`

// allRows are all that there are.
var allRows = []lookup{{query: `select id from log where` + idsBelow}, {query: `select id from access where` + idsBelow}}

func equal(table, column string, value any) lookup {
	condition := column + ` = $4 and`
	if column == "label" || table == "access" && (column == "stream" || column == "path" || column == "document") {
		condition += ` ` + column + ` <> '' and` // as the index has it
	}
	if column == "status" {
		condition += ` status <> 'success' and`
	}
	return lookup{query: `select id from ` + table + ` where ` + condition + idsBelow, args: []any{value}}
}

// ofIndex returns the newest ids of several lookups. Where one of them has more,
// the floor is the last that all have.
func (w *auditWalk) ofIndex(count int, lookups []lookup) (c candidates, err error) {
	c.floor = w.from
	for _, l := range lookups {
		got, last := 0, int64(0)
		err := w.view.conn.rows(l.query, append([]any{w.below, w.from, count}, l.args...), func(scan func(...any) error) error {
			got++
			err := scan(&last)
			c.ids = append(c.ids, last)
			return err
		})
		if err != nil {
			return c, err
		}
		if got == count {
			c.floor = max(c.floor, last)
		}
	}
	c.tidy(w.below)
	return c, nil
}

// ofBoth returns the newest ids of several lookups, of which some give them in no
// order. Those have to be sorted, and are not usable when there are too many.
func (w *auditWalk) ofBoth(count int, ordered, unordered []lookup) (c candidates, usable bool, err error) {
	for _, l := range unordered {
		got := 0
		_, err := w.view.conn.row(`select count(*) from (`+l.query+` limit $3)`, append([]any{w.below, w.from, l.most}, l.args...), &got)
		if err != nil || got == l.most {
			return c, false, err
		}
		ordered = append(ordered, lookup{query: l.query + ` order by 1 desc limit $3`, args: l.args})
	}
	c, err = w.ofIndex(count, ordered)
	return c, true, err
}

// tidy sorts the ids and drops those that are double or outside of the range.
func (c *candidates) tidy(below int64) {
	slices.Sort(c.ids)
	slices.Reverse(c.ids)
	c.ids = slices.Compact(c.ids)
	first := sort.Search(len(c.ids), func(i int) bool { return c.ids[i] < below })
	end := sort.Search(len(c.ids), func(i int) bool { return c.ids[i] < c.floor })
	c.ids = c.ids[first:end]
}

// conditions returns the conditions that an index knows.
func (f *AuditFilter) conditions() []condition {
	var all []condition
	ordered := func(lookups []lookup) {
		if len(lookups) == 0 {
			return
		}
		all = append(all, func(w *auditWalk, count int) (candidates, bool, error) {
			c, err := w.ofIndex(count, lookups)
			return c, true, err
		})
	}
	var agents, operations, streams, failures []lookup
	for _, agent := range f.Agents {
		agents = append(agents, equal("log", "principal", agent), equal("log", "label", agent),
			equal("access", "principal", agent), equal("access", "label", agent))
	}
	for _, op := range f.Operations {
		operations = append(operations, equal("log", "op", op), equal("access", "op", op))
	}
	for _, stream := range f.Streams {
		streams = append(streams, equal("log", "stream", stream), equal("access", "stream", stream))
	}
	if !slices.Contains(f.Statuses, sheaf.CallSucceeded) {
		for _, status := range f.Statuses { // the log has none of these
			failures = append(failures, equal("access", "status", status))
		}
	}
	ordered(agents)
	ordered(operations)
	ordered(streams)
	ordered(failures)
	all = append(all, f.ofDocuments, f.ofPaths)
	return all
}

// documentEntries are the log entries that made the states of a document.
const documentEntries = `
	select l.id from states s
	join collections c on c.pk = s.collection
	join log l on l.stream = c.name and l.rev = s.rev_from
	where s.document = (select pk from documents where id = $4) and l.id < $1 and l.id >= $2`

// ofDocuments returns the candidates of the condition about documents.
func (f *AuditFilter) ofDocuments(w *auditWalk, count int) (c candidates, usable bool, err error) {
	var records, entries []lookup
	for _, id := range f.Documents {
		records = append(records, equal("access", "document", string(id)))
		entries = append(entries, lookup{query: documentEntries, args: []any{string(id)}, most: 4000})
	}
	if len(entries) == 0 {
		return c, false, nil
	}
	return w.ofBoth(count, records, entries)
}

// mostInRange is how many ids of a range of paths are worth sorting: more take
// longer than a page may.
const mostInRange = 10_000

// ofPaths returns the candidates of the condition about paths.
func (f *AuditFilter) ofPaths(w *auditWalk, count int) (c candidates, usable bool, err error) {
	var single, ranges []lookup
	for _, path := range f.Paths {
		prefix, ok := pathPrefix(path)
		if !ok {
			single = append(single, equal("log_paths", "path", path), equal("access", "path", path))
			continue
		}
		const within = ` path >= $4 and path < $5 and id < $1 and id >= $2`
		args := []any{prefix, prefix + "\U0010ffff"}
		ranges = append(ranges,
			lookup{query: `select id from log_paths where` + within, args: args, most: mostInRange},
			lookup{query: `select id from access where path <> '' and` + within, args: args, most: mostInRange})
	}
	if len(f.Paths) == 0 {
		return c, false, nil
	}
	return w.ofBoth(count, single, ranges)
}

// pathPrefix returns what the paths meant begin with, if it is not one path.
func pathPrefix(path string) (prefix string, ok bool) {
	if prefix, ok := strings.CutSuffix(path, "*"); ok {
		return prefix, true
	}
	return path, strings.HasSuffix(path, "/")
}

// matches reports whether a row passes all conditions but the period.
func (f *AuditFilter) matches(row *AuditRow) (bool, error) {
	principal, label, operation, stream, status := "", "", "", "", ""
	if e := row.Entry; e != nil {
		principal, label, operation, stream, status = e.Principal, e.Label, e.Operation, e.Stream, e.Status
	} else {
		a := row.Access
		principal, label, operation, stream, status = a.Principal, a.Label, a.Operation, a.Stream, a.Status
		if f.AccessOf != "" && a.Principal != f.AccessOf {
			return false, nil
		}
	}
	in := func(values []string, given ...string) bool {
		return len(values) == 0 || slices.ContainsFunc(given, func(s string) bool { return s != "" && slices.Contains(values, s) })
	}
	if !in(f.Agents, principal, label) || !in(f.Operations, operation) || !in(f.Streams, stream) || !in(f.Statuses, status) {
		return false, nil
	}
	if len(f.Paths) == 0 && len(f.Documents) == 0 {
		return true, nil
	}
	if row.Access != nil {
		return f.matchesPlace(row.Access.Document, row.Access.Path), nil
	}
	payload, err := row.Payload()
	return err == nil && slices.ContainsFunc(payload.Documents, f.MatchesDocument), err
}

// MatchesDocument reports whether the filter asks for a document, where it was or
// where it is.
func (f *AuditFilter) MatchesDocument(d sheaf.LogDocument) bool {
	return d.Before != nil && f.matchesPlace(d.ID, d.Before.Path) || d.After != nil && f.matchesPlace(d.ID, d.After.Path)
}

func (f *AuditFilter) matchesPlace(id sheaf.DocumentID, path string) bool {
	if len(f.Documents) > 0 && !slices.Contains(f.Documents, id) {
		return false
	}
	return len(f.Paths) == 0 || slices.ContainsFunc(f.Paths, func(wanted string) bool {
		if prefix, ok := pathPrefix(wanted); ok {
			return path != "" && strings.HasPrefix(path, prefix)
		}
		return path == wanted
	})
}

// The rows of ids, the newest first. The list of parameters is always as long.
var (
	entriesStatement  = `select id, stream, rev, at, principal, label, op, status, payload, prev, hash from log where id in ` + pkList
	accessesStatement = `select ` + accessColumns + ` from access where id in ` + pkList
)

// auditRows returns the rows with ids, at most pkListSize, the newest first.
func (v *View) auditRows(ids []int64) ([]AuditRow, error) {
	args := make([]any, 0, pkListSize)
	for _, id := range ids {
		args = append(args, id)
	}
	args = padPKs(args)
	rows := make([]AuditRow, 0, len(ids))
	err := v.conn.rows(entriesStatement, args, func(scan func(...any) error) error {
		row, err := scanEntryRow(scan)
		rows = append(rows, row)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = v.conn.rows(accessesStatement, args, func(scan func(...any) error) error {
		row, err := scanAccessRow(scan)
		rows = append(rows, row)
		return err
	})
	slices.SortFunc(rows, func(a, b AuditRow) int { return cmp.Compare(b.ID, a.ID) })
	return rows, err
}

func scanEntryRow(scan func(...any) error) (AuditRow, error) {
	e, err := scanLogEntry(scan)
	if err != nil {
		return AuditRow{}, err
	}
	return AuditRow{ID: e.ID, At: e.At, Entry: &e}, nil
}

func scanAccessRow(scan func(...any) error) (AuditRow, error) {
	a, err := scanAccess(scan)
	return AuditRow{ID: a.ID, At: a.At, Access: &a}, err
}

// AuditAfter returns the rows with ids above a bound, the oldest first, at most
// limit.
func (v *View) AuditAfter(after int64, limit int) ([]AuditRow, error) {
	var rows []AuditRow
	add := func(scanRow func(func(...any) error) (AuditRow, error)) func(func(...any) error) error {
		return func(scan func(...any) error) error {
			row, err := scanRow(scan)
			rows = append(rows, row)
			return err
		}
	}
	err := v.conn.rows(`
		select id, stream, rev, at, principal, label, op, status, payload, prev, hash
		from log where id > $1 order by id limit $2`, []any{after, limit}, add(scanEntryRow))
	if err != nil {
		return nil, err
	}
	err = v.conn.rows(`select `+accessColumns+` from access where id > $1 order by id limit $2`, []any{after, limit}, add(scanAccessRow))
	slices.SortFunc(rows, func(a, b AuditRow) int { return cmp.Compare(a.ID, b.ID) })
	return rows[:min(len(rows), limit)], err
}
