package catalog

import (
	"encoding/json"
	"fmt"

	"github.com/sheaf-dev/sheaf"
)

// NextRev returns the revision that the next entry of a stream will have, for
// the rows that an operation writes before its entry.
func (tx *Tx) NextRev(stream string) (int64, error) {
	head, err := tx.streamHead(stream)
	return head.rev + 1, err
}

// Append writes the next entry of a stream: the record of the current mutation,
// in the transaction that makes its change. Payload.At is set here.
func (tx *Tx) Append(stream string, payload *sheaf.LogPayload) (sheaf.LogEntry, error) {
	head, err := tx.streamHead(stream)
	if err != nil {
		return sheaf.LogEntry{}, err
	}
	payload.At = tx.now
	text, err := json.Marshal(payload)
	if err != nil {
		return sheaf.LogEntry{}, fmt.Errorf("encode a log entry: %w", err)
	}
	entry := sheaf.LogEntry{
		Stream:    stream,
		Rev:       head.rev + 1,
		At:        tx.Now(),
		Principal: payload.Principal,
		Label:     payload.Label,
		Operation: payload.Operation,
		Status:    payload.Status,
		Payload:   text,
		Prev:      head.hash,
	}
	entry.Hash = sheaf.ChainHash(stream, entry.Rev, entry.Prev, text)
	entry.ID = tx.nextEntry(tx.now)
	_, err = tx.exec(`
		insert into log (id, stream, rev, at, principal, label, op, status, payload, prev, hash)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		entry.ID, stream, entry.Rev, tx.now, entry.Principal, entry.Label, entry.Operation, entry.Status,
		string(text), entry.Prev[:], entry.Hash[:])
	if err != nil {
		return sheaf.LogEntry{}, err
	}
	if err := tx.addLogPaths(entry.ID, payload.Documents); err != nil {
		return sheaf.LogEntry{}, err
	}
	tx.heads[stream] = streamHead{rev: entry.Rev, hash: entry.Hash}
	return entry, nil
}

// addLogPaths notes which paths an entry is about.
func (tx *Tx) addLogPaths(id int64, documents []sheaf.LogDocument) error {
	for _, d := range documents {
		for _, state := range []*sheaf.LogState{d.Before, d.After} {
			if state == nil || state.Path == "" {
				continue
			}
			if _, err := tx.exec(`insert into log_paths (path, id) values ($1, $2) on conflict do nothing`, state.Path, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// streamHead returns the newest entry of a stream: of this transaction, else as
// the writer remembers it, else as the table has it.
func (tx *Tx) streamHead(stream string) (streamHead, error) {
	if head, ok := tx.heads[stream]; ok {
		return head, nil
	}
	if head, ok := tx.writer.heads[stream]; ok {
		return head, nil
	}
	var head streamHead
	var hash []byte
	found, err := tx.conn.row(`select rev, hash from log where stream = $1 order by rev desc limit 1`,
		[]any{stream}, &head.rev, &hash)
	if err != nil || !found {
		return streamHead{}, err
	}
	head.hash, err = digestFrom(hash)
	return head, err
}

// LatestOf returns the newest entry of a stream, up to a revision, that is of one
// of some operations. It looks at all entries of these, of which there should be
// few.
func (v *View) LatestOf(stream string, rev int64, operations ...string) (entry sheaf.LogEntry, found bool, err error) {
	names, err := json.Marshal(operations)
	if err != nil {
		return entry, false, err
	}
	// Left alone, the engine would go back through all entries of the stream.
	entries, err := v.logEntries(`
		with made as materialized (select id, stream, rev from log where op in (select value from json_each($1)))
		select id, stream, rev, at, principal, label, op, status, payload, prev, hash
		from log where id = (select id from made where stream = $2 and rev <= $3 order by rev desc limit 1)`, string(names), stream, rev)
	if err != nil || len(entries) == 0 {
		return entry, false, err
	}
	return entries[0], true, nil
}

// Log calls each for the entries of all streams with an id above after, in the
// order of their commits, until it returns an error, which Log returns.
func (v *View) Log(after int64, each func(sheaf.LogEntry) error) error {
	return v.conn.rows(`
		select id, stream, rev, at, principal, label, op, status, payload, prev, hash
		from log where id > $1 order by id`, []any{after},
		func(scan func(...any) error) error {
			e, err := scanLogEntry(scan)
			if err != nil {
				return err
			}
			return each(e)
		})
}

func scanLogEntry(scan func(...any) error) (e sheaf.LogEntry, err error) {
	var at int64
	var prev, hash []byte
	err = scan(&e.ID, &e.Stream, &e.Rev, &at, &e.Principal, &e.Label, &e.Operation, &e.Status, (*[]byte)(&e.Payload), &prev, &hash)
	if err != nil {
		return e, err
	}
	e.At = fromMillis(at)
	if e.Prev, err = digestFrom(prev); err != nil {
		return e, err
	}
	e.Hash, err = digestFrom(hash)
	return e, err
}
