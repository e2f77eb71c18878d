package catalog

import (
	"time"

	"github.com/sheaf-dev/sheaf"
)

// A collection that moves to another backend is on two of them, Backend and
// Second, from the first moment of the move to its last. Both are asked for a
// content, what is referred to is garbage on neither, and new contents go to
// Backend: first to the origin, from the switch on to the target, and after a
// rollback to the origin again.

// A BackendMove is a move as the catalog has it.
type BackendMove struct {
	sheaf.BackendMove
	Grace time.Duration

	// KnownTo is the largest pk of a blob when the move began. What the target
	// had then is verified, in the order of their pks, up to VerifiedTo by now.
	KnownTo, VerifiedTo int64
}

// shownStatus is the status of a collection that has another one stored: a move
// shows, until it is as good as done, but does not take the place of a status that
// refuses something.
func shownStatus(stored sheaf.CollectionStatus, moving sheaf.MovePhase) sheaf.CollectionStatus {
	if stored == sheaf.StatusActive && moving != "" && moving != sheaf.MoveKept {
		return sheaf.StatusMigrating
	}
	return stored
}

// storedStatus is the status to store for one that is shown.
func storedStatus(shown sheaf.CollectionStatus) sheaf.CollectionStatus {
	if shown == sheaf.StatusMigrating {
		return sheaf.StatusActive
	}
	return shown
}

// Move returns the latest move of a collection, if there was any.
func (v *View) Move(c *Collection) (m BackendMove, found bool, err error) {
	var grace, started, switched, settled, ended, problemAt int64
	var outcome, moving sheaf.MovePhase
	var status sheaf.CollectionStatus
	found, err = v.conn.row(`
		select m.id, c.name, c.status, c.moving, m.outcome, m.origin, m.target, m.grace, m.started_at, m.switched_at, m.settled_at, m.ended_at,
			m.total, m.total_bytes, m.copied, m.copied_bytes, m.verified, m.known_to, m.verified_to, m.problem, m.problem_at
		from backend_moves m join collections c on c.pk = m.collection
		where m.collection = $1`, []any{c.PK},
		&m.ID, &m.Collection, &status, &moving, &outcome, &m.From, &m.To, &grace, &started, &switched, &settled, &ended,
		&m.Contents, &m.Bytes, &m.Copied, &m.CopiedBytes, &m.Verified, &m.KnownTo, &m.VerifiedTo, &m.Problem, &problemAt)
	if err != nil || !found {
		return BackendMove{}, false, err
	}
	m.Status = shownStatus(status, moving)
	m.Phase = moving
	if outcome != "" {
		m.Phase = outcome
	}
	m.Grace = time.Duration(grace) * time.Millisecond
	m.GraceSeconds = int64(m.Grace.Seconds())
	m.StartedAt = fromMillis(started)
	m.SwitchedAt, m.EndedAt, m.ProblemSince = optionalTime(switched), optionalTime(ended), optionalTime(problemAt)
	if m.Phase == sheaf.MoveKept {
		until := fromMillis(settled).Add(m.Grace)
		m.KeepUntil = &until
	}
	return m, true, nil
}

// optionalTime is the time of a stored form of which 0 is none.
func optionalTime(ms int64) *time.Time {
	if ms == 0 {
		return nil
	}
	at := fromMillis(ms)
	return &at
}

// BeginMove makes a collection, which does not move, move to another backend.
func (tx *Tx) BeginMove(c *Collection, id, target string, grace time.Duration, plan sheaf.MovePlan) error {
	_, err := tx.exec(`
		insert into backend_moves (collection, id, origin, target, grace, started_at, total, total_bytes, known_to)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		on conflict (collection) do update set id = excluded.id, origin = excluded.origin, target = excluded.target,
			grace = excluded.grace, started_at = excluded.started_at, switched_at = 0, settled_at = 0, ended_at = 0, outcome = '',
			total = excluded.total, total_bytes = excluded.total_bytes, copied = 0, copied_bytes = 0, verified = 0,
			known_to = excluded.known_to, verified_to = 0, problem = '', problem_at = 0`,
		c.PK, id, c.Backend, target, grace.Milliseconds(), tx.now,
		plan.Contents-plan.PresentContent, plan.Bytes-plan.PresentBytes, tx.counters.blob)
	if err != nil {
		return err
	}
	return tx.setMoving(c, c.Backend, target, sheaf.MoveCopying)
}

// SwitchMove makes new contents of a collection go to the target of its move,
// which has no problem then.
func (tx *Tx) SwitchMove(c *Collection) error {
	if err := tx.noteMove(c, `switched_at = $2, problem = '', problem_at = 0`, tx.now); err != nil {
		return err
	}
	return tx.setMoving(c, c.Second, c.Backend, sheaf.MoveSettling)
}

// SettleMove notes that the target of a collection's move has all it needs, and that
// the move has no problem. The time for which the origin keeps its copy begins.
func (tx *Tx) SettleMove(c *Collection) error {
	if err := tx.noteMove(c, `settled_at = $2, problem = '', problem_at = 0`, tx.now); err != nil {
		return err
	}
	return tx.setMoving(c, c.Backend, c.Second, sheaf.MoveKept)
}

// ReturnMove makes new contents of a collection go to the origin of its move
// again, in whatever phase that is.
func (tx *Tx) ReturnMove(c *Collection, origin, target string) error {
	if err := tx.noteMove(c, `problem = '', problem_at = 0`); err != nil {
		return err
	}
	return tx.setMoving(c, origin, target, sheaf.MoveReturning)
}

// EndMoveGrace ends the time for which the origin of a collection's move keeps its
// copy.
func (tx *Tx) EndMoveGrace(c *Collection) error { return tx.noteMove(c, `grace = 0`) }

// EndMove ends the move of a collection, which is on one backend alone from now on.
func (tx *Tx) EndMove(c *Collection, outcome sheaf.MovePhase) error {
	if err := tx.noteMove(c, `outcome = $2, ended_at = $3, problem = '', problem_at = 0`, string(outcome), tx.now); err != nil {
		return err
	}
	return tx.setMoving(c, c.Backend, "", "")
}

func (tx *Tx) setMoving(c *Collection, backend, second string, phase sheaf.MovePhase) error {
	_, err := tx.exec(`update collections set backend = $2, second = $3, moving = $4 where pk = $1`, c.PK, backend, second, string(phase))
	tx.collectionsChanged()
	return err
}

// A MoveStep is what a step of a move has got done.
type MoveStep struct {
	Copied, CopiedBytes int64
	Verified            int64
	VerifiedTo          int64 // 0: it was about something else
}

// AddMoveStep adds what a step has got done to the move of a collection, which
// has no problem then.
func (tx *Tx) AddMoveStep(c *Collection, s MoveStep) error {
	return tx.noteMove(c, `copied = copied + $2, copied_bytes = copied_bytes + $3, verified = verified + $4,
		total = max(total, copied + $2), total_bytes = max(total_bytes, copied_bytes + $3),
		verified_to = max(verified_to, $5), problem = '', problem_at = 0`, s.Copied, s.CopiedBytes, s.Verified, s.VerifiedTo)
}

// SetMoveProblem notes why the move of a collection does not go on; empty: it does.
// Since when there is a problem stays until there is none.
func (tx *Tx) SetMoveProblem(c *Collection, problem string) error {
	if problem == "" {
		return tx.noteMove(c, `problem = '', problem_at = 0`)
	}
	return tx.noteMove(c, `problem = $2, problem_at = case problem_at when 0 then $3 else problem_at end`, problem, tx.now)
}

func (tx *Tx) noteMove(c *Collection, set string, args ...any) error {
	_, err := tx.exec(`update backend_moves set `+set+` where collection = $1`, append([]any{c.PK}, args...)...)
	return err
}

// unpurged are the documents d of the collection $1 that are not purged, with a pk
// above $2, each part along an index of its own.
const unpurged = `(
	select pk from documents where collection = $1 and deleted = 0 and pk > $2
	union all
	select pk from documents where collection = $1 and deleted = 1 and purged = 0 and pk > $2
	union all
	select pk from documents where collection = $1 and deleted = 2 and purged = 0 and pk > $2)`

// MissingContents looks at documents of a collection with a pk above after, in
// order, at most count. It returns which contents of theirs a backend has not, or
// not whole, and the last pk it looked at: 0 when there is no document any more.
func (v *View) MissingContents(c *Collection, backend string, after int64, count int) (missing []sheaf.Digest, last int64, err error) {
	_, err = v.conn.row(`select coalesce(max(pk), 0) from (select pk from `+unpurged+` order by pk limit $3)`,
		[]any{c.PK, after, count}, &last)
	if err != nil || last == 0 {
		return nil, 0, err
	}
	err = v.conn.rows(`
		select distinct v.digest from `+unpurged+` d
		join versions v on v.document = d.pk and v.purged = 0
		where d.pk <= $3 and not exists (
			select 1 from blobs b where b.digest = v.digest and b.backend = $4 and b.domain = $5 and b.state = 1)`,
		[]any{c.PK, after, last, backend, blobDomain}, func(scan func(...any) error) error {
			var stored []byte
			if err := scan(&stored); err != nil {
				return err
			}
			digest, err := digestFrom(stored)
			missing = append(missing, digest)
			return err
		})
	return missing, last, err
}

// KnownContents returns live blobs of a backend that versions of a collection
// need, with pks above after and up to last, in order, with their inline bytes; at
// most count.
func (v *View) KnownContents(c *Collection, backend string, after, last int64, count int) (known []Blob, err error) {
	err = v.conn.rows(`
		select `+blobColumns+`, i.bytes from blobs b left join inline_blobs i on i.blob = b.pk
		where b.pk > $1 and b.pk <= $2 and b.backend = $3 and b.domain = $4 and b.state = 1 and exists (
			select 1 from versions v join documents d on d.pk = v.document
			where v.digest = b.digest and v.purged = 0 and d.purged = 0 and d.collection = $5)
		order by b.pk limit $6`, []any{after, last, backend, blobDomain, c.PK, count},
		func(scan func(...any) error) error {
			var inline []byte
			b, err := scanBlob(scan, &inline)
			b.Inline = inline
			known = append(known, b)
			return err
		})
	return known, err
}

// PlanMove counts what a move of a collection to another backend would copy.
func (v *View) PlanMove(c *Collection, target string) (plan sheaf.MovePlan, err error) {
	plan.Collection, plan.From, plan.To = c.Name, c.Backend, target
	_, err = v.conn.row(`
		select count(distinct v.document), count(*) from `+unpurged+` d
		join versions v on v.document = d.pk and v.purged = 0`, []any{c.PK, 0}, &plan.Documents, &plan.Versions)
	if err != nil {
		return plan, err
	}
	_, err = v.conn.row(`
		with contents as (
			select v.digest, max(v.size) as size from `+unpurged+` d
			join versions v on v.document = d.pk and v.purged = 0 group by v.digest),
		found as (
			select size, exists (select 1 from blobs b
					where b.digest = k.digest and b.backend = $3 and b.domain = $5 and b.state = 1) as present,
				exists (select 1 from blobs b
					where b.digest = k.digest and b.backend = $4 and b.domain = $5 and b.state = 1) as whole
			from contents k)
		select count(*), coalesce(sum(size), 0), count(*) filter (where present), coalesce(sum(size) filter (where present), 0),
			count(*) filter (where not present and not whole)
		from found`, []any{c.PK, 0, target, c.Backend, blobDomain},
		&plan.Contents, &plan.Bytes, &plan.PresentContent, &plan.PresentBytes, &plan.Unreadable)
	return plan, err
}

// HasContents reports whether a backend has all contents of a document whole.
func (v *View) HasContents(document int64, backend string) (has bool, err error) {
	_, err = v.conn.row(`
		select not exists (select 1 from versions v where v.document = $1 and v.purged = 0 and not exists (
			select 1 from blobs b where b.digest = v.digest and b.backend = $2 and b.domain = $3 and b.state = 1))`,
		[]any{document, backend, blobDomain}, &has)
	return has, err
}
