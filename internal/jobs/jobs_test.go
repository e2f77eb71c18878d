package jobs

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// start runs the jobs in the background of the test's bubble. The function it
// returns ends them and waits.
func start(log *slog.Logger, jobs ...Job) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Run(ctx, log, jobs...)
	}()
	return func() { cancel(); <-done }
}

func TestRunsAtOnceThenEveryInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var at []time.Duration
		stop := start(slog.New(slog.DiscardHandler), Job{
			Name:     "tick",
			Interval: 10 * time.Second,
			Run: func(context.Context) (bool, error) {
				at = append(at, time.Since(begin))
				time.Sleep(time.Second)
				return false, nil
			},
		})
		time.Sleep(25 * time.Second)
		stop()
		want := []time.Duration{0, 11 * time.Second, 22 * time.Second}
		if !slices.Equal(at, want) {
			t.Errorf("a job of one second every ten ran at %v, want %v", at, want)
		}
	})
}

func TestWaitsBeforeTheFirstPiece(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var at []time.Duration
		job := Job{Name: "late", Delay: time.Minute, Interval: time.Hour, Run: func(context.Context) (bool, error) {
			at = append(at, time.Since(begin))
			return false, nil
		}}
		stop := start(slog.New(slog.DiscardHandler), job)
		time.Sleep(2 * time.Minute)
		stop()
		if !slices.Equal(at, []time.Duration{time.Minute}) {
			t.Errorf("a job with a delay of a minute ran at %v", at)
		}
		at = nil
		start(slog.New(slog.DiscardHandler), job)()
		if len(at) > 0 {
			t.Errorf("a job that was stopped at once ran at %v", at)
		}
	})
}

func TestRunsAgainAtOnceWhileThereIsMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		left := 5
		stop := start(slog.New(slog.DiscardHandler), Job{
			Name: "drain",
			Run: func(context.Context) (bool, error) {
				left--
				return left > 0, nil
			},
		})
		synctest.Wait()
		stop()
		if left != 0 || time.Since(begin) != 0 {
			t.Errorf("%d pieces left after %v, want none at once", left, time.Since(begin))
		}
	})
}

func TestWakeCutsTheIntervalShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake := make(chan struct{}, 1)
		runs := 0
		stop := start(slog.New(slog.DiscardHandler), Job{
			Name:     "drain",
			Interval: time.Hour,
			Wake:     wake,
			Run:      func(context.Context) (bool, error) { runs++; return false, nil },
		})
		synctest.Wait()
		wake <- struct{}{}
		synctest.Wait()
		stop()
		if runs != 2 {
			t.Errorf("a job woken once ran %d times, want 2", runs)
		}
	})
}

func TestBacksOffAfterErrorsAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake := make(chan struct{}, 1)
		var at []time.Time
		stop := start(slog.New(slog.DiscardHandler), Job{
			Name: "flaky",
			Wake: wake,
			Run: func(context.Context) (bool, error) {
				at = append(at, time.Now())
				if len(at) > 10 {
					return false, nil
				}
				select {
				case wake <- struct{}{}: // a waker in a hurry must not defeat the pause
				default:
				}
				if len(at) == 10 {
					return false, nil
				}
				return false, errors.New("the backend is away")
			},
		})
		time.Sleep(time.Hour)
		stop()
		if len(at) != 11 {
			t.Fatalf("a job that failed nine times, succeeded and was woken ran %d times, want 11", len(at))
		}
		for i := range 9 {
			pause, most := at[i+1].Sub(at[i]), min(time.Second<<i, time.Minute)
			if pause < most/2 || pause > most {
				t.Errorf("pause after failure %d: %v, want between %v and %v", i+1, pause, most/2, most)
			}
		}
		if pause := at[10].Sub(at[9]); pause != 0 {
			t.Errorf("pause after the success, woken: %v, want none", pause)
		}
	})
}

func TestPanicIsAnErrorOfOneJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		panics, calm := 0, 0
		stop := start(slog.New(slog.NewTextHandler(&logged, nil)),
			Job{Name: "fragile", Interval: time.Minute, Run: func(context.Context) (bool, error) {
				panics++
				panic("index out of range")
			}},
			Job{Name: "calm", Interval: time.Minute, Run: func(context.Context) (bool, error) {
				calm++
				return false, nil
			}})
		time.Sleep(10 * time.Minute)
		stop()
		if panics < 5 || calm < 5 {
			t.Errorf("ten minutes with a panicking job: it ran %d times, the other %d times; want both to go on", panics, calm)
		}
		for _, want := range []string{"job=fragile", "index out of range", "jobs_test.go"} {
			if !strings.Contains(logged.String(), want) {
				t.Errorf("the log does not name %q:\n%s", want, logged.String())
			}
		}
	})
}

func TestStopInterruptsAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		tidied := false
		stop := start(slog.New(slog.NewTextHandler(&logged, nil)), Job{Name: "long", Run: func(ctx context.Context) (bool, error) {
			<-ctx.Done()
			time.Sleep(time.Second) // what cannot be interrupted
			tidied = true
			return false, ctx.Err()
		}})
		synctest.Wait()
		stop()
		if !tidied {
			t.Error("Run returned before its job had")
		}
		if logged.Len() > 0 {
			t.Errorf("an interrupted job was logged as failed: %s", logged.String())
		}
	})
}
