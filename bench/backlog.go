package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	backlogRate   = 500 // writes a second
	backlogSize   = 4 << 10
	backlogAtOnce = 256 // writes on their way; those that find no room wait, which counts
)

// backlog writes small files at a constant rate into a book whose contents are in a
// bucket, and watches how many of them wait to be moved there: whether they get
// more.
func (b *bench) backlog(ctx context.Context) error {
	const name = "bucket backlog"
	if !b.wants(name) {
		return nil
	}
	x, err := b.startBucketed(ctx, name, "")
	if err != nil {
		return err
	}
	defer x.stop()
	duration := max(30*time.Second, time.Duration(b.rounds)*3*b.duration)
	var latencies []time.Duration
	var waiting []int64 // at equal intervals
	measured, err := x.measure(ctx, func(ctx context.Context, duration time.Duration) (result, error) {
		var both errgroup.Group
		written := make(chan struct{})
		both.Go(func() (err error) {
			defer close(written)
			latencies, err = x.writeSteadily(ctx, duration)
			return err
		})
		both.Go(func() (err error) {
			waiting, err = x.sheaf.watchUndrained(written)
			return err
		})
		started := time.Now()
		err := both.Wait()
		return result{requests: len(latencies), elapsed: time.Since(started)}, err
	}, duration)
	if err != nil {
		return err
	}
	draining := time.Now()
	if err := x.sheaf.drained(ctx); err != nil {
		return err
	}
	drained := time.Since(draining)
	slices.Sort(latencies)
	half := len(waiting) / 2
	first, second := mean(waiting[:half]), mean(waiting[half:])
	fmt.Printf("\n| %d writes of 4 KB a second to S3 for %v | |\n|---|---|\n", backlogRate, duration)
	fmt.Printf("| writes a second | %.0f |\n", measured.perSecond())
	fmt.Printf("| p50, p99 of a write, ms | %.1f, %.1f |\n",
		float64(latencies[len(latencies)/2].Microseconds())/1000, float64(latencies[len(latencies)*99/100].Microseconds())/1000)
	fmt.Printf("| waiting, most | %d |\n", slices.Max(waiting))
	fmt.Printf("| waiting, mean of the first half and of the second | %.0f, %.0f |\n", first, second)
	fmt.Printf("| growth, a second | %.2f |\n", (second-first)/(duration.Seconds()/2))
	fmt.Printf("| all moved after the last write, s | %.2f |\n", drained.Seconds())
	fmt.Printf("| CPU of a write µs, and of Sheaf | %.0f, %.0f |\n", measured.each(measured.all), measured.cpuEach())
	fmt.Printf("| load | %s |\n", loadAverage())
	return nil
}

// writeSteadily writes files when they are due, however long those before take, and
// returns for each how long after that it was acknowledged.
func (x *bucketed) writeSteadily(ctx context.Context, duration time.Duration) ([]time.Duration, error) {
	latencies := make([]time.Duration, int(duration.Seconds()*backlogRate))
	var next atomic.Int64
	writing, ctx := errgroup.WithContext(ctx)
	started := time.Now()
	template := randomBytes(backlogSize)
	for range backlogAtOnce {
		writing.Go(func() error {
			content := bytes.Clone(template)
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(latencies) {
					return nil
				}
				due := started.Add(time.Duration(i) * time.Second / backlogRate)
				time.Sleep(time.Until(due))
				stamp(content)
				if err := writeMoved(ctx, x.client, bucketBook, i, content); err != nil {
					return err
				}
				latencies[i] = time.Since(due)
			}
			return ctx.Err()
		})
	}
	return latencies, writing.Wait()
}

// watchUndrained looks four times a second how many contents wait, until done.
func (s *server) watchUndrained(done <-chan struct{}) (waiting []int64, err error) {
	looks := time.NewTicker(time.Second / 4)
	defer looks.Stop()
	for {
		select {
		case <-done:
			return waiting, nil
		case <-looks.C:
		}
		n, err := s.undrained()
		if err != nil {
			return nil, err
		}
		waiting = append(waiting, n)
	}
}

func mean(values []int64) float64 {
	var sum int64
	for _, v := range values {
		sum += v
	}
	return float64(sum) / float64(len(values))
}
