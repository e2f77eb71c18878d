package catalog

import (
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// A mutation waits for its turn in the writer's queue.
type mutation struct {
	apply func(*Tx) error
	bytes int64
	state atomic.Int32 // mutationWaiting, then one of the others, once
	done  chan error   // receives the outcome, buffered
}

const (
	mutationWaiting int32 = iota
	mutationTaken
	mutationWithdrawn
)

// Mutate runs apply in a transaction and returns once that is durable, or with
// the error of apply, in which case nothing of it has happened.
//
// Other mutations may share the transaction, and apply may run more than once,
// so it must do nothing but call tx and set its own results, afresh each time.
// Bytes is roughly how much it stores beyond a few rows; it bounds the batch.
//
// When ctx ends before its turn the mutation is withdrawn. After that its outcome
// is waited for, so that an error always means that nothing was stored. The one
// exception is [sheaf.ErrUnavailable] for a transaction that could not be committed.
func (c *Catalog) Mutate(ctx context.Context, bytes int64, apply func(*Tx) error) error {
	return c.writer.submit(ctx, &mutation{apply: apply, bytes: bytes, done: make(chan error, 1)})
}

// WriteError returns why the latest transaction could not be committed, nil when
// it could.
func (c *Catalog) WriteError() error {
	if failure := c.writer.failure.Load(); failure != nil {
		return *failure
	}
	return nil
}

// A writer owns the writing connection.
type writer struct {
	conn    *conn
	catalog *Catalog
	options Options

	mu      sync.RWMutex // held for reading while a mutation enters the queue
	stopped bool         // guarded by mu
	queue   chan *mutation
	ended   chan struct{}
	failure atomic.Pointer[error] // of the latest transaction; nil when it was committed

	// Of the goroutine in run only.
	committed  counters
	heads      map[string]streamHead // of the streams that have been written
	usages     map[int64]Usage       // by pk, of the collections whose usage somebody has asked for
	batch      []*mutation
	batchBytes int64
}

// counters are what the writer knows of the database without asking. A batch
// works on a copy that replaces the original when the batch is committed.
type counters struct {
	now      int64 // of the latest transaction, in milliseconds; never decreases
	sameTime int   // transactions that had that time already
	document int64 // the largest pk in use
	blob     int64
	entry    int64 // the newest id of the log and the access records, which share one sequence
	entryAt  int64 // its time
}

// nextEntry returns the id of the next log entry or access record, which has a time.
func (c *counters) nextEntry(at int64) int64 {
	c.entry, c.entryAt = c.entry+1, at
	return c.entry
}

type streamHead struct {
	rev  int64
	hash sheaf.Digest
}

// tick moves the time to that of the clock. While the clock is behind, because
// somebody has set it back, time stands still but for a millisecond now and then:
// listings take all documents of a millisecond together.
func (c *counters) tick(clock int64) {
	const most = 100
	switch {
	case clock > c.now:
		c.now, c.sameTime = clock, 0
	case c.sameTime >= most:
		c.now, c.sameTime = c.now+1, 0
	default:
		c.sameTime++
	}
}

func newWriter(connection *conn, catalog *Catalog, options Options) (*writer, error) {
	w := &writer{
		conn:    connection,
		catalog: catalog,
		options: options,
		queue:   make(chan *mutation, options.QueueLength),
		ended:   make(chan struct{}),
		heads:   make(map[string]streamHead),
		usages:  make(map[int64]Usage),
	}
	_, err := connection.row(`select
			(select coalesce(max(pk), 0) from documents),
			(select coalesce(max(pk), 0) from blobs),
			max((select coalesce(max(id), 0) from log), (select coalesce(max(id), 0) from access),
				coalesce((select cast(value as integer) from meta where key = $1), 0)),
			max((select coalesce(max(at), 0) from log where id = (select max(id) from log)),
				(select coalesce(max(at), 0) from access where id = (select max(id) from access)))`,
		[]any{lastEntryKey}, &w.committed.document, &w.committed.blob, &w.committed.entry, &w.committed.entryAt)
	w.committed.now = w.committed.entryAt
	return w, err
}

func (w *writer) submit(ctx context.Context, m *mutation) error {
	w.mu.RLock()
	if w.stopped {
		w.mu.RUnlock()
		return sheaf.Errorf(sheaf.ErrUnavailable, "the store is closing").WithHint("try again once it has restarted")
	}
	select {
	case w.queue <- m:
		w.mu.RUnlock()
	case <-ctx.Done():
		w.mu.RUnlock()
		return ctx.Err()
	}
	select {
	case err := <-m.done:
		return err
	case <-ctx.Done():
		if m.state.CompareAndSwap(mutationWaiting, mutationWithdrawn) {
			return ctx.Err()
		}
		return <-m.done
	}
}

// stop lets the mutations in the queue finish and ends run.
func (w *writer) stop() {
	w.mu.Lock()
	w.stopped = true
	w.mu.Unlock()
	close(w.queue)
	<-w.ended
}

func (w *writer) run() {
	defer close(w.ended)
	for first := range w.queue {
		w.take(first)
		w.runBatch()
	}
}

// take starts a batch with the first mutation and adds those that wait already.
func (w *writer) take(first *mutation) {
	w.batch, w.batchBytes = w.batch[:0], 0
	w.admit(first)
	w.join()
}

// join adds the mutations that wait, as many as the batch has room for.
func (w *writer) join() {
	for len(w.batch) < w.options.BatchCount && w.batchBytes < w.options.BatchBytes {
		select {
		case m, open := <-w.queue:
			if !open {
				return
			}
			w.admit(m)
		default:
			return
		}
	}
}

// admit adds a mutation, unless its caller has withdrawn it.
func (w *writer) admit(m *mutation) {
	if m.state.CompareAndSwap(mutationWaiting, mutationTaken) {
		w.batch = append(w.batch, m)
		w.batchBytes += m.bytes
	}
}

// runBatch applies the batch in one transaction without savepoints. If a
// mutation fails after it has written something, everything is rolled back and
// applied again with a savepoint each, so that only the failing ones fail.
// While there is time left, mutations that arrive meanwhile join.
func (w *writer) runBatch() {
	if len(w.batch) == 0 {
		return
	}
	outcomes, tx, err := w.attempt(false)
	if err == errReplay {
		outcomes, tx, err = w.attempt(true)
	}
	if err != nil {
		w.options.Log.Error("a batch of mutations failed", "mutations", len(w.batch), "error", err)
		failed := batchFailed(err)
		w.failure.Store(&failed)
		for _, m := range w.batch {
			m.done <- failed
		}
		return
	}
	w.failure.Store(nil)
	w.committed = tx.counters
	maps.Copy(w.heads, tx.heads)
	maps.Copy(w.usages, tx.usages)
	for _, after := range tx.afterCommit {
		after()
	}
	for i, m := range w.batch {
		m.done <- outcomes[i]
	}
}

// batchFailed is what every member of a batch is told when the batch as a whole
// could not be committed.
func batchFailed(err error) error {
	if kind := sheaf.KindOf(err); kind == sheaf.ErrDiskFull || kind == sheaf.ErrUnavailable || kind == sheaf.ErrDamaged {
		return err
	}
	return sheaf.Errorf(sheaf.ErrUnavailable, "the change could not be committed: %w", err).WithHint("try again")
}

// errReplay says that the batch has to be applied again with savepoints.
var errReplay = fmt.Errorf("a mutation failed after it had written")

func (w *writer) attempt(savepoints bool) (outcomes []error, tx *Tx, err error) {
	if _, err := w.conn.exec(`begin immediate`); err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			// It fails when there is nothing to roll back, because the engine has
			// done so itself, as on a full disk. The next begin would tell.
			_, _ = w.conn.exec(`rollback`)
		}
	}()

	tx = &Tx{
		View:     View{conn: w.conn, catalog: w.catalog},
		counters: w.committed,
		writer:   w,
		heads:    make(map[string]streamHead),
		usages:   make(map[int64]Usage),
	}
	tx.tick(millis(w.options.Clock()))
	started := time.Now()
	for i := 0; i < len(w.batch); i++ {
		m := w.batch[i]
		if savepoints {
			outcome, err := w.applyAlone(tx, m)
			if err != nil {
				return nil, nil, err
			}
			outcomes = append(outcomes, outcome)
			continue
		}
		tx.dirty = false
		outcome := applySafely(tx, m)
		if outcome != nil && tx.dirty {
			return nil, nil, errReplay
		}
		outcomes = append(outcomes, outcome)
		if i == len(w.batch)-1 && time.Since(started) < w.options.BatchDuration {
			w.join()
		}
	}
	if err := tx.storeCounts(); err != nil {
		return nil, nil, err
	}
	done := w.catalog.heads.committing(tx.touched)
	defer done()
	if _, err := w.conn.exec(`commit`); err != nil {
		return nil, nil, err
	}
	if tx.touched.rewrites() {
		w.catalog.rewritten.Add(1)
	}
	return outcomes, tx, nil
}

// applyAlone applies one mutation inside a savepoint. The second result is an
// error of the transaction, not of the mutation.
func (w *writer) applyAlone(tx *Tx, m *mutation) (outcome, err error) {
	if _, err := w.conn.exec(`savepoint mutation`); err != nil {
		return nil, err
	}
	counters, heads, usages, counts, after := tx.counters, maps.Clone(tx.heads), maps.Clone(tx.usages), maps.Clone(tx.counts), len(tx.afterCommit)
	outcome = applySafely(tx, m)
	if outcome != nil {
		if _, err := w.conn.exec(`rollback to mutation`); err != nil {
			return nil, err
		}
		tx.counters, tx.heads, tx.usages, tx.counts, tx.afterCommit = counters, heads, usages, counts, tx.afterCommit[:after]
	}
	_, err = w.conn.exec(`release mutation`)
	return outcome, err
}

// applySafely turns a panic into an error: one caller's fault must not end the
// writer, on which all depend.
func applySafely(tx *Tx, m *mutation) (err error) {
	defer func() {
		if r := recover(); r != nil {
			tx.dirty = true
			err = fmt.Errorf("panic in a mutation: %v\n%s", r, debug.Stack())
		}
	}()
	return m.apply(tx)
}
