package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	backlogRate   = 500 // writes a second
	backlogSize   = 4 << 10
	backlogTime   = 30 * time.Second
	backlogAtOnce = 256 // writes on their way; those that find no room wait, which counts
)

// backlogs writes small files at a constant rate into a book whose contents are in a
// bucket, and watches how many of them wait to be moved there: whether they get
// more. The S3 server keeps its objects on the disk of the catalog, then in memory,
// and then it is as far away as those of others are.
func (b *bench) backlogs(ctx context.Context) error {
	memory := "/dev/shm"
	if _, err := os.Stat(memory); err != nil {
		memory = b.dir
	}
	const away = 40 * time.Millisecond
	headed := false
	for _, one := range []struct {
		name, dir string
		away      time.Duration
	}{
		{"bucket backlog, S3 on the same disk", b.dir, 0},
		{"bucket backlog, S3 in memory", memory, 0},
		{fmt.Sprintf("bucket backlog, S3 in memory and %v away", away), memory, away},
	} {
		if !b.wants(one.name) {
			continue
		}
		if !headed {
			fmt.Printf("\n| %d writes of 4 KB a second | SDK puts/s before | writes/s | p50 ms | p99 ms | waiting at most | mean, 1st half | mean, 2nd half | more each s | empty after s | CPU µs | of Sheaf | load |\n", backlogRate)
			fmt.Println("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
			headed = true
		}
		if err := b.backlog(ctx, one.name, one.dir, one.away); err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
	}
	return nil
}

func (b *bench) backlog(ctx context.Context, name, s3dir string, away time.Duration) error {
	endpoint := func(endpoint string) string { return endpoint }
	if away > 0 {
		endpoint = func(endpoint string) string {
			far := httptest.NewServer(delayed(endpoint, away))
			context.AfterFunc(ctx, far.Close)
			return far.URL
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	x, err := b.startBucketedAt(ctx, name, "", s3dir, endpoint)
	if err != nil {
		return err
	}
	defer x.stop()
	const putsAtOnce = 16
	direct, err := repeatedBy(putsAtOnce, x.direct.putNew(putsAtOnce, randomBytes(backlogSize)))(ctx, b.duration)
	if err != nil {
		return err
	}
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
	}, backlogTime)
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
	fmt.Printf("| %s | %.0f | %.0f | %.1f | %.1f | %d | %.0f | %.0f | %.1f | %.2f | %.0f | %.0f | %s |\n", name, direct.perSecond(), measured.perSecond(),
		milliseconds(latencies[len(latencies)/2]), milliseconds(latencies[len(latencies)*99/100]), slices.Max(waiting), first, second,
		(second-first)/(backlogTime.Seconds()/2), drained.Seconds(), measured.each(measured.all), measured.cpuEach(), loadAverage())
	return nil
}

// delayed passes requests on after a while, as long as they would take to a server
// far away and back.
func delayed(endpoint string, away time.Duration) http.Handler {
	place, err := url.Parse(endpoint)
	if err != nil {
		panic(err) // the server has made it
	}
	pass := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(place); r.Out.Host = r.In.Host }, // which is signed
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(away)
		pass.ServeHTTP(w, r)
	})
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
