package library

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/jobs"
)

// MoveOptions say how collections move to other backends.
type MoveOptions struct {
	Grace    time.Duration // for which the old backend keeps its copy
	Parallel int           // contents of one move that are copied at the same time; 0: 4
}

const (
	defaultMoveParallel = 4

	// moveLook is how many documents are looked at in one view.
	moveLook = 256
	// moveBatch and moveBatchBytes bound what is copied between two transactions,
	// and with that what is done again after a crash.
	moveBatch      = 256
	moveBatchBytes = 256 << 20
	// moveGroup is how many contents of at most moveSmall bytes are put together, and
	// moveGroupBytes how many bytes of theirs are in memory for that. Files are made
	// durable for what one costs; with groups of a quarter of that, a move took a
	// third longer.
	moveGroup      = 32
	moveGroupBytes = 32 << 20
	moveSmall      = 1 << 20

	// movePasses is how often a collection is gone through before the switch, even
	// if the last time found something again: what is written meanwhile follows.
	movePasses = 3

	// movePause is for who is just storing something that a move has to copy.
	movePause = 250 * time.Millisecond

	// moveInterval is how often a move that has nothing to do looks again.
	moveInterval = time.Minute
)

// moves are the moves of a library that are under way.
type moves struct {
	options MoveOptions
	wake    chan struct{} // when one begins, or is told something
	copies  *copyLocks
	scratch sync.Pool // of *[]byte, for small contents on their way

	mu      sync.Mutex
	walking map[int64]*moving // by the pk of the collection; guarded by mu
}

func newMoves(o MoveOptions) *moves {
	if o.Parallel <= 0 {
		o.Parallel = defaultMoveParallel
	}
	return &moves{
		options: o, wake: make(chan struct{}, 1), copies: newCopyLocks(), walking: make(map[int64]*moving),
		scratch: sync.Pool{New: func() any {
			bytes := make([]byte, 0, moveGroupBytes+moveSmall)
			return &bytes
		}},
	}
}

// of returns the move of a collection.
func (m *moves) of(l *Library, c *catalog.Collection) (move *moving) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if move = m.walking[c.PK]; move == nil {
		move = &moving{library: l, pk: c.PK, name: c.Name, wake: make(chan struct{}, 1)}
		m.walking[c.PK] = move
	}
	return move
}

// movingCollections returns the collections that move.
func (l *Library) movingCollections() []*catalog.Collection {
	return slices.DeleteFunc(l.catalog.AllCollections(), func(c *catalog.Collection) bool { return c.Moving == "" })
}

// runMoves goes on with all moves that are under way until the context ends. Each
// has a loop of its own: one whose backend is away must not hold up the others.
func (l *Library) runMoves(ctx context.Context) (more bool, err error) {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		for _, c := range l.movingCollections() {
			m := l.moves.of(l, c)
			if m.begin() {
				running.Go(func() { m.loop(ctx) })
			} else {
				wake(m.wake)
			}
		}
		select {
		case <-l.moves.wake:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// AdvanceMoves does one step of each move that is under way. It reports whether
// there is more to do at once.
func (l *Library) AdvanceMoves(ctx context.Context) (more bool, err error) {
	var errs []error
	for _, c := range l.movingCollections() {
		again, _, err := l.moves.of(l, c).step(ctx)
		more, errs = more || again, append(errs, err)
	}
	return more, errors.Join(errs...)
}

// A moving is the move of a collection as this process goes on with it. All that
// matters of it is in the catalog, so that it can end anywhere.
type moving struct {
	library *Library
	pk      int64
	name    sheaf.Slug
	wake    chan struct{}

	looping bool // guarded by mu of moves

	mu sync.Mutex // held during a step
	// Of the pass that goes through the documents of the collection:
	pass   string // of which move, in which phase
	after  int64  // the document it has got to
	found  bool   // something was missing
	held   bool   // something was left to whoever is just storing it
	passes int    // that have ended in this phase
	// What could not be read in this pass, where it is.
	unreadable []sheaf.Digest
}

// begin reports whether nobody runs the loop yet.
func (m *moving) begin() bool {
	m.library.moves.mu.Lock()
	defer m.library.moves.mu.Unlock()
	if m.looping {
		return false
	}
	m.looping = true
	return true
}

// loop takes steps until the move is over, or the context ends.
func (m *moving) loop(ctx context.Context) {
	l := m.library
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	jobs.Run(ctx, l.log, jobs.Job{
		Name: "move of " + string(m.name), Interval: min(moveInterval, max(l.moves.options.Grace, time.Second)), Wake: m.wake,
		Run: func(ctx context.Context) (more bool, err error) {
			more, over, err := m.step(ctx)
			if over {
				cancel()
			}
			return more, err
		},
	})
	l.moves.mu.Lock()
	m.looping = false
	l.moves.mu.Unlock()
	wake(l.moves.wake) // another one of the collection may have begun meanwhile
}

// step does a part of the work. More says that there is more to do at once, over
// that there is no such move any more. An error is noted for whoever asks how far
// it is.
func (m *moving) step(ctx context.Context) (more, over bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, move, err := m.now(ctx)
	switch {
	case errors.Is(err, errMoveOver):
		return true, false, nil
	case err != nil || c == nil:
		return false, err == nil, err
	}
	if pass := move.ID + string(c.Moving); pass != m.pass {
		m.restart()
		m.pass, m.passes = pass, 0
	}
	more, err = m.advance(ctx, c, move)
	if errors.Is(err, errMoveOver) {
		return true, false, nil // it has got into another phase meanwhile
	}
	if err != nil && ctx.Err() == nil {
		if noted := m.note(ctx, move, moveProblem(err)); noted != nil {
			err = errors.Join(err, noted)
		}
	}
	return more, false, err
}

// now returns the collection and its move as they are; nil if it does not move.
func (m *moving) now(ctx context.Context) (*catalog.Collection, catalog.BackendMove, error) {
	l := m.library
	c, ok := l.catalog.Collection(m.name)
	if !ok || c.Moving == "" || c.PK != m.pk {
		return nil, catalog.BackendMove{}, nil
	}
	var move catalog.BackendMove
	err := l.catalog.Read(ctx, func(v *catalog.View) (err error) {
		move, _, err = v.Move(c)
		return err
	})
	if err == nil && move.Phase != c.Moving {
		err = errMoveOver
	}
	return c, move, err
}

// errMoveOver says that a move is in another phase than the step is for.
var errMoveOver = errors.New("the move is in another phase by now")

func (m *moving) restart() { m.after, m.found, m.held, m.unreadable = 0, false, false, nil }

// moveProblem is what a move says of an error.
func moveProblem(err error) string {
	var unreadable *unreadableError
	if errors.As(err, &unreadable) {
		return unreadable.Error()
	}
	return publicText(err)
}

// note notes why a move does not go on, if that is not known.
func (m *moving) note(ctx context.Context, move catalog.BackendMove, problem string) error {
	if move.Problem == problem {
		return nil
	}
	return m.library.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		c, err := m.still(tx, move)
		if err != nil {
			return err
		}
		return tx.SetMoveProblem(c, problem)
	})
}

// still returns the collection in a transaction, if its move is what it was.
func (m *moving) still(tx *catalog.Tx, move catalog.BackendMove) (*catalog.Collection, error) {
	c, found, err := tx.CollectionNow(m.name)
	if err != nil {
		return nil, err
	}
	if !found || c.PK != m.pk || c.Moving != move.Phase {
		return nil, errMoveOver
	}
	now, _, err := tx.Move(&c)
	if err == nil && now.ID != move.ID {
		err = errMoveOver
	}
	return &c, err
}

// advance does a part of the work of a phase, and gets into the next one when
// there is no more.
func (m *moving) advance(ctx context.Context, c *catalog.Collection, move catalog.BackendMove) (more bool, err error) {
	if c.Status == sheaf.StatusDeleting {
		return false, nil // it would be copied for nothing
	}
	from, to := c.Second, c.Backend
	switch c.Moving {
	case sheaf.MoveCopying:
		from, to = to, from
	case sheaf.MoveKept:
		now, err := m.library.writerTime(ctx)
		if err != nil || now.Before(*move.KeepUntil) {
			return false, err
		}
	}
	if done, err := m.look(ctx, c, move, from, to); err != nil || !done {
		return err == nil, err
	}
	m.passes++
	missing, held := m.found, m.held
	m.restart()
	if held {
		if err := pause(ctx, movePause); err != nil {
			return false, err
		}
	}
	if c.Moving == sheaf.MoveCopying {
		if missing && m.passes < movePasses {
			return true, nil
		}
		if move.VerifiedTo < move.KnownTo {
			return true, m.verifyKnown(ctx, c, move, to)
		}
		return true, m.enter(ctx, move, sheaf.MoveSettling)
	}
	if missing {
		return true, nil
	}
	if c.Moving == sheaf.MoveSettling {
		return true, m.enter(ctx, move, sheaf.MoveKept)
	}
	// From here on the other backend's copies are garbage.
	if there, err := m.stillThere(ctx, c, to); err != nil || !there {
		return err == nil, err
	}
	if c.Moving == sheaf.MoveReturning {
		return false, m.enter(ctx, move, sheaf.MoveRolledBack)
	}
	return false, m.enter(ctx, move, sheaf.MoveDone)
}

// stillThere reports whether a backend still has the objects of all contents of a
// collection: somebody may have emptied it since they were read back. Those that
// it has not are missing from then on, and copied.
func (m *moving) stillThere(ctx context.Context, c *catalog.Collection, backend string) (bool, error) {
	l := m.library
	var lost atomic.Bool
	for after := int64(0); ; {
		var known []catalog.Blob
		err := l.catalog.Read(ctx, func(v *catalog.View) (err error) {
			known, err = v.KnownContents(c, backend, after, math.MaxInt64, moveBatch)
			return err
		})
		if err != nil || len(known) == 0 {
			return !lost.Load(), err
		}
		after = known[len(known)-1].PK
		var asking errgroup.Group
		asking.SetLimit(l.moves.options.Parallel)
		for _, b := range known {
			if b.IsInline() {
				continue
			}
			asking.Go(func() error {
				info, err := l.blobs.Stat(ctx, backend, b.Key())
				if err == nil && info.Size == b.ObjectSize() {
					return nil
				}
				if err != nil && sheaf.KindOf(err) != sheaf.ErrNotFound {
					return err
				}
				lost.Store(true)
				return m.verify(ctx, b)
			})
		}
		if err := asking.Wait(); err != nil {
			return false, err
		}
	}
}

// verify reads a content back. One that is damaged is missing then, and copied.
func (m *moving) verify(ctx context.Context, b catalog.Blob) error {
	err := m.library.blobs.Verify(ctx, b.Ref)
	if sheaf.KindOf(err) == sheaf.ErrDamaged {
		err = m.library.settle(ctx, blobName{b.Backend, b.Digest})
	}
	return err
}

// enter makes a move get into a phase.
func (m *moving) enter(ctx context.Context, move catalog.BackendMove, phase sheaf.MovePhase) error {
	l := m.library
	op := l.As(sheaf.Principal{ID: "system"}).begin("collection.move")
	err := l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		c, err := m.still(tx, move)
		if err != nil {
			return err
		}
		switch phase {
		case sheaf.MoveSettling:
			err = tx.SwitchMove(c)
		case sheaf.MoveKept:
			err = tx.SettleMove(c)
		default:
			err = tx.EndMove(c, phase)
		}
		if err != nil {
			return err
		}
		return appendMove(tx, op, c.Name, move, phase)
	})
	if err == nil {
		l.registryChanged()
		l.log.Info("a move to another backend goes on", "collection", m.name, "from", move.From, "to", move.To, "phase", phase)
	}
	return err
}

// look goes on with the pass through the documents, and copies what is missing.
// Done says that the pass is at its end. What cannot be read ends it with an
// error, but not before everything else was copied.
func (m *moving) look(ctx context.Context, c *catalog.Collection, move catalog.BackendMove, from, to string) (done bool, err error) {
	var missing []sheaf.Digest
	var last int64
	var sources []catalog.Blob
	err = m.library.catalog.Read(ctx, func(v *catalog.View) (err error) {
		if missing, last, err = v.MissingContents(c, to, m.after, moveLook); err != nil {
			return err
		}
		for _, digest := range missing {
			b, _, err := v.Blob(from, digest)
			if err != nil {
				return err
			}
			b.Digest = digest // also of one that is not there
			sources = append(sources, b)
		}
		return nil
	})
	switch {
	case err != nil:
		return false, err
	case last == 0 && len(m.unreadable) > 0:
		err := &unreadableError{backend: from, contents: m.unreadable}
		m.restart()
		return false, err
	case last == 0:
		return true, nil
	}
	for len(sources) > 0 {
		batch := moveBatchOf(sources)
		sources = sources[len(batch):]
		if err := m.copy(ctx, move, batch, to); err != nil {
			return false, err
		}
	}
	m.after, m.found = last, m.found || len(missing) > 0
	return false, nil
}

// moveBatchOf returns the first of some blobs, as many as are copied at once.
func moveBatchOf(blobs []catalog.Blob) []catalog.Blob {
	var bytes int64
	for i, b := range blobs {
		if bytes += b.StoredSize; i > 0 && (i == moveBatch || bytes > moveBatchBytes) {
			return blobs[:i]
		}
	}
	return blobs
}

// An unreadableError says which contents cannot be copied, because they cannot be
// read where they are.
type unreadableError struct {
	backend  string
	contents []sheaf.Digest
}

func (e *unreadableError) Error() string {
	return fmt.Sprintf("%d contents are damaged or missing on %s, one of them %s: push them again, or purge the documents; `sheaf admin fsck` names them",
		len(e.contents), e.backend, e.contents[0])
}

// copy copies blobs to a backend, reads the copies back, and makes them live.
func (m *moving) copy(ctx context.Context, move catalog.BackendMove, sources []catalog.Blob, to string) error {
	l := m.library
	batch := &copying{library: l, sources: make([]blob.Ref, 0, len(sources))}
	for _, b := range sources {
		if !b.State.Readable() {
			m.unreadable = append(m.unreadable, b.Digest)
			continue
		}
		// A writer looks for copies once it has pinned what it places, so that
		// one of both sees the other.
		name := blobName{to, b.Digest}
		end, ok := l.moves.copies.begin(name)
		if ok && l.pins.has(name) {
			end()
			ok = false
		}
		if !ok {
			m.held = true // the next pass finds it there, or missing still
			continue
		}
		defer end()
		defer l.pins.add(name)()
		copied, err := l.blobs.CopyRef(b.Ref, to)
		if err != nil {
			return err
		}
		batch.sources, batch.copies = append(batch.sources, b.Ref), append(batch.copies, copied)
	}
	if len(batch.sources) == 0 {
		return nil
	}
	err := l.pastRemovals(ctx, batch.copies, func() error {
		if err := batch.reserve(ctx); err != nil {
			return err
		}
		if err := batch.run(ctx); err != nil {
			return err
		}
		return l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
			c, err := m.still(tx, move)
			if err != nil {
				return err // what was copied is garbage, or will be found again
			}
			return batch.keep(tx, c)
		})
	})
	if err == nil {
		for i, outcome := range batch.outcomes {
			if outcome == copyUnreadable {
				m.unreadable = append(m.unreadable, batch.sources[i].Digest)
			}
		}
	}
	return err
}

// verifyKnown reads contents back that the target had before the move began:
// soon nobody may have another copy of them.
func (m *moving) verifyKnown(ctx context.Context, c *catalog.Collection, move catalog.BackendMove, to string) error {
	l := m.library
	var known []catalog.Blob
	err := l.catalog.Read(ctx, func(v *catalog.View) (err error) {
		known, err = v.KnownContents(c, to, move.VerifiedTo, move.KnownTo, moveBatch)
		return err
	})
	if err != nil {
		return err
	}
	var verifying errgroup.Group
	verifying.SetLimit(l.moves.options.Parallel)
	for _, b := range known {
		verifying.Go(func() error { return m.verify(ctx, b) })
	}
	if err := verifying.Wait(); err != nil {
		return err
	}
	done := catalog.MoveStep{Verified: int64(len(known)), VerifiedTo: move.KnownTo}
	if len(known) == moveBatch {
		done.VerifiedTo = known[len(known)-1].PK
	}
	m.passes = 0 // what turned out to be damaged is to be copied before the switch
	return l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		c, err := m.still(tx, move)
		if err != nil {
			return err
		}
		return tx.AddMoveStep(c, done)
	})
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
