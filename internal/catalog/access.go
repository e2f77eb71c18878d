package catalog

import (
	"strconv"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// An Access is the record of a call that left no log entry.
type Access struct {
	ID        int64
	At        time.Time
	Principal string
	Label     string
	Operation string
	Transport string           // such as "rest"
	Stream    string           // the collection; empty where there is none
	Path      string           // in a book
	Document  sheaf.DocumentID // as it was asked for, whether or not it is there
	Status    string           // one of the sheaf.Status constants of calls
	Duration  time.Duration
	Code      sheaf.ErrorKind // of the error; empty for a success
	Message   string
}

// AddAccess records a call, after all entries that there are. The time of a
// record is that of its call unless an entry since then has a later one: along
// the ids, time never goes back. A record that names a document and no collection
// gets those of the document.
func (tx *Tx) AddAccess(a Access) error {
	if a.Document != "" && a.Stream == "" {
		_, err := tx.conn.row(`
			select c.name, d.path from documents d join collections c on c.pk = d.collection where d.id = $1`,
			[]any{string(a.Document)}, &a.Stream, &a.Path)
		if err != nil {
			return err
		}
	}
	at := max(tx.entryAt, min(millis(a.At), tx.now))
	_, err := tx.exec(`
		insert into access (id, at, principal, label, op, transport, stream, path, document, status, duration_us, code, message)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		tx.nextEntry(at), at, a.Principal, a.Label, a.Operation, a.Transport, a.Stream, a.Path, string(a.Document),
		a.Status, a.Duration.Microseconds(), string(a.Code), a.Message)
	return err
}

// A CallKind is what calls are counted by.
type CallKind struct {
	Day       string // YYYY-MM-DD, UTC
	Principal string
	Operation string
	Status    string
}

// CountAccess adds calls to the counter of a day.
func (tx *Tx) CountAccess(u CallKind, calls int64) error {
	_, err := tx.exec(`
		insert into access_days (day, principal, op, status, calls) values ($1, $2, $3, $4, $5)
		on conflict (day, principal, op, status) do update set calls = calls + excluded.calls`,
		u.Day, u.Principal, u.Operation, u.Status, calls)
	return err
}

// lastEntryKey is where the meta table has the newest id that was in use when
// records were removed, so that none is given out twice.
const lastEntryKey = "audit.last_id"

// ForgetAccess removes the oldest access records with ids below a bound, at most
// limit. It reports whether there may be more.
func (tx *Tx) ForgetAccess(below int64, limit int) (more bool, err error) {
	_, err = tx.exec(`insert into meta (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value`,
		lastEntryKey, strconv.FormatInt(tx.entry, 10))
	if err != nil {
		return false, err
	}
	result, err := tx.exec(`delete from access where id in (select id from access where id < $1 order by id limit $2)`, below, limit)
	if err != nil {
		return false, err
	}
	removed, err := result.RowsAffected()
	return removed == int64(limit), err
}

const accessColumns = `id, at, principal, label, op, transport, stream, path, document, status, duration_us, code, message`

func scanAccess(scan func(...any) error) (a Access, err error) {
	var at, duration int64
	err = scan(&a.ID, &at, &a.Principal, &a.Label, &a.Operation, &a.Transport, &a.Stream, &a.Path, &a.Document,
		&a.Status, &duration, &a.Code, &a.Message)
	a.At, a.Duration = fromMillis(at), time.Duration(duration)*time.Microsecond
	return a, err
}
