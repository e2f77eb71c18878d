// Package jobs runs background work: loops that do a piece of it now and then,
// sooner when woken, later after a failure, and that end together.
package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"
)

const (
	firstBackoff = time.Second
	maxBackoff   = time.Minute
)

// A Job is work that is done piece by piece for as long as a process lives.
type Job struct {
	Name string // for logs

	// Run does one piece. It returns true when there is more to do, and is
	// then called again at once; otherwise after Interval or when woken. It
	// returns soon after ctx ends. One job's pieces never overlap.
	//
	// After an error it is called again after a pause that doubles from one
	// second to one minute; a panic counts as an error.
	Run func(ctx context.Context) (again bool, err error)

	Delay    time.Duration   // before the first piece
	Interval time.Duration   // from the end of one piece to the next; 0: only when woken
	Wake     <-chan struct{} // cuts Interval short, but no pause after an error; may be nil
}

// Run runs every job, the first piece of each after its delay, until ctx ends. It
// returns when the last of them has.
func Run(ctx context.Context, log *slog.Logger, jobs ...Job) {
	var running sync.WaitGroup
	for _, job := range jobs {
		running.Go(func() { job.loop(ctx, log.With("job", job.Name)) })
	}
	running.Wait()
}

func (j Job) loop(ctx context.Context, log *slog.Logger) {
	failures := 0
	if j.Delay > 0 {
		sleep(ctx, j.Delay, nil)
	}
	for ctx.Err() == nil {
		again, err := j.piece(ctx)
		switch {
		case ctx.Err() != nil:
			return // whatever it says, it was interrupted
		case err != nil:
			pause := backoff(failures)
			failures++
			log.Warn("background work failed, trying again later", "error", err, "failures", failures, "pause", pause)
			sleep(ctx, pause, nil)
		case again:
			failures = 0
		default:
			failures = 0
			sleep(ctx, j.Interval, j.Wake)
		}
	}
}

// piece calls Run and turns a panic into an error, so that one job's fault does
// not take the process, and everybody's writes, with it.
func (j Job) piece(ctx context.Context) (again bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			again, err = false, fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return j.Run(ctx)
}

// backoff returns the pause after the given number of failures in a row before
// this one. Its upper half is random, so that jobs that failed together, and
// processes that share a backend, do not come back together.
func backoff(failures int) time.Duration {
	pause := min(firstBackoff<<min(failures, 16), maxBackoff)
	return pause/2 + rand.N(pause/2)
}

// sleep returns after d (never, if d is 0), when woken, or when ctx ends.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	var elapsed <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		elapsed = timer.C
	}
	select {
	case <-ctx.Done():
	case <-wake:
	case <-elapsed:
	}
}
