package library

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

const (
	// accessQueue is how many records wait at most; more are dropped, so that
	// a store that cannot write still answers.
	accessQueue = 16384

	// accessWake is how many wake the job that writes them before its time.
	accessWake = 500

	// accessBatch is how many are written in one turn of the writer, which
	// writes of documents wait for.
	accessBatch = 100

	// accessInterval is how long a record waits at most for its job.
	accessInterval = time.Second

	// forgetBatch is how many old records are removed in one turn.
	forgetBatch = 1000
)

// accessRecords are the records that wait to be written. Adding one neither
// waits nor fails.
type accessRecords struct {
	sampling float64 // the share of successful reads that are recorded
	log      *slog.Logger
	wake     chan struct{}

	mu        sync.Mutex
	waiting   []catalog.Access
	counts    map[catalog.CallKind]int64
	dropped   int64
	successes allowance
	failures  allowance
}

func newAccessRecords(o AuditOptions, log *slog.Logger) *accessRecords {
	full := allowance{rate: float64(o.Rate), left: float64(o.Rate) * allowanceSeconds}
	return &accessRecords{
		sampling: o.Sampling, log: log, wake: make(chan struct{}, 1), counts: make(map[catalog.CallKind]int64),
		successes: full, failures: full,
	}
}

// add takes a record. Every call is counted, also one that is not kept.
func (a *accessRecords) add(r catalog.Access) {
	succeeded := r.Status == sheaf.CallSucceeded
	kept := !succeeded || a.sampling >= 1 || rand.Float64() < a.sampling
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counts[catalog.CallKind{Day: dayOf(r.At), Principal: r.Principal, Operation: r.Operation, Status: r.Status}]++
	switch {
	case !kept || succeeded && !a.successes.take(r.At):
	case len(a.waiting) >= accessQueue || !succeeded && !a.failures.take(r.At):
		a.dropped++
	default:
		a.waiting = append(a.waiting, r)
	}
	if len(a.waiting) == accessWake {
		wake(a.wake)
	}
}

// An allowance is how many records may still be made: so many a second, and what
// was not used of the last seconds.
type allowance struct {
	rate float64 // 0: no limit
	left float64
	at   time.Time // when left was that
}

// allowanceSeconds is how many seconds' worth of records may come at once.
const allowanceSeconds = 5

func (a *allowance) take(now time.Time) bool {
	if a.rate == 0 {
		return true
	}
	if !a.at.IsZero() {
		a.left = min(a.left+a.rate*max(0, now.Sub(a.at).Seconds()), a.rate*allowanceSeconds)
	}
	a.at = now
	if a.left < 1 {
		return false
	}
	a.left--
	return true
}

// take returns what is to be written next, and whether more waits.
func (a *accessRecords) take() (records []catalog.Access, counts map[catalog.CallKind]int64, more bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.dropped > 0 {
		a.log.Warn("records of errors and refusals are dropped: there are more than are written", "dropped", a.dropped)
		a.dropped = 0
	}
	n := min(len(a.waiting), accessBatch)
	records, counts = a.waiting[:n:n], a.counts
	a.waiting, a.counts = a.waiting[n:], make(map[catalog.CallKind]int64)
	return records, counts, len(a.waiting) > 0
}

// giveBack returns what could not be written to the front of the queue.
func (a *accessRecords) giveBack(records []catalog.Access, counts map[catalog.CallKind]int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = append(records[:len(records):len(records)], a.waiting...)
	if over := len(a.waiting) - accessQueue; over > 0 {
		a.dropped += int64(over)
		a.waiting = a.waiting[:accessQueue]
	}
	for usage, calls := range counts {
		a.counts[usage] += calls
	}
}

// flushAccess writes a batch of access records. It reports whether there is more.
func (l *Library) flushAccess(ctx context.Context) (more bool, err error) {
	records, counts, more := l.access.take()
	if len(records) == 0 && len(counts) == 0 {
		return false, nil
	}
	err = l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		for _, r := range records {
			if err := tx.AddAccess(r); err != nil {
				return err
			}
		}
		for usage, calls := range counts {
			if err := tx.CountAccess(usage, calls); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		l.access.giveBack(records, counts)
	}
	return more, err
}

// FlushAudit writes the access records that wait, and what there is to export.
// Background work does so by itself; a store that is closed does it last.
func (l *Library) FlushAudit(ctx context.Context) error {
	for {
		more, err := l.flushAccess(ctx)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	for l.exports != nil {
		more, err := l.exports.run(ctx)
		if err != nil {
			return err
		}
		if !more {
			return l.exports.close()
		}
	}
	return nil
}

// forgetAccess removes access records that are older than the time for which they
// are kept.
func (l *Library) forgetAccess(ctx context.Context) (more bool, err error) {
	var bound int64
	err = l.catalog.Snapshot(ctx, func(v *catalog.View) (err error) {
		bound, err = v.FirstEntryAt(l.now().Add(-l.audit.Retention))
		return err
	})
	if err != nil {
		return false, err
	}
	err = l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) (err error) {
		more, err = tx.ForgetAccess(bound, forgetBatch)
		return err
	})
	return more, err
}

// dayOf returns the day of a time, in UTC.
func dayOf(at time.Time) string { return at.UTC().Format(time.DateOnly) }
