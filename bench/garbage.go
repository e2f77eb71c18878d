package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// garbage measures what others notice of a garbage collection: the latency of
// pushes and pulls of 4 KB without one, and while one removes b.deadBlobs.
func (b *bench) garbage(ctx context.Context) error {
	dir, err := os.MkdirTemp(b.dir, "garbage-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	store := filepath.Join(dir, "sheaf")
	sheaf, err := b.startProfiled(store, "garbage, empty") // makes the default collection
	if err != nil {
		return err
	}
	sheaf.stop()
	if err := makeGarbage(ctx, store, b.deadBlobs); err != nil {
		return err
	}
	if sheaf, err = b.startProfiled(store, "garbage"); err != nil {
		return err
	}
	defer sheaf.stop()
	if err := sheaf.drained(ctx); err != nil {
		return err
	}

	const connections = 4 // that push, and as many that pull
	content := randomBytes(4 << 10)
	id, err := upload(sheaf.url, content, "pulled.bin")
	if err != nil {
		return err
	}
	loads := []load{pushLoad(sheaf.url, connections, content, "a.bin"), pullLoad(sheaf.url, connections, []string{id}, "")}
	fmt.Printf("\n| c%d, 4 KB | /s | p50 ms | p99 ms | worst ms |\n|---|---|---|---|---|\n", 2*connections)
	report := func(when string, do func() error) error {
		probed := probeDisk(dir)
		times, elapsed, err := latencies(ctx, loads, do)
		probes, probeErr := probed()
		if err := errors.Join(err, probeErr); err != nil {
			return err
		}
		for i, what := range []string{"push", "pull", "fsync"} {
			times := append(times, probes)
			t := times[i]
			fmt.Printf("| %s, %s | %.0f | %.2f | %.2f | %.2f |\n", what, when, float64(len(t))/elapsed.Seconds(),
				milliseconds(t[len(t)/2]), milliseconds(t[len(t)*99/100]), milliseconds(t[len(t)-1]))
		}
		return nil
	}
	alone := func() error { time.Sleep(20 * time.Second); return nil }
	if err := report("alone", alone); err != nil {
		return err
	}
	before, err := sheaf.memoryKB("VmRSS")
	if err != nil {
		return err
	}
	if err := sheaf.resetPeak(); err != nil {
		return err
	}
	var took time.Duration
	err = report("during gc", func() error {
		started := time.Now()
		defer func() { took = time.Since(started) }()
		return collectGarbage(ctx, sheaf.url, b.deadBlobs)
	})
	if err != nil {
		return err
	}
	peak, err := sheaf.memoryKB("VmHWM")
	if err != nil {
		return err
	}
	if err := report("alone again", alone); err != nil {
		return err
	}
	fmt.Printf("\n%d blobs were removed in %v; the resident set grew by %.1f MB at most\n",
		b.deadBlobs, took.Round(100*time.Millisecond), float64(peak-before)/1024)
	return nil
}

// probeDisk writes and syncs 4 KB of a file in dir every 20 ms, until the caller
// asks for how long that took, ascending: no push can be faster than the disk.
func probeDisk(dir string) (ended func() ([]time.Duration, error)) {
	stop := make(chan struct{})
	var times []time.Duration
	var err error
	var probing sync.WaitGroup
	probing.Go(func() {
		var f *os.File
		if f, err = os.Create(filepath.Join(dir, "probe")); err != nil {
			return
		}
		defer f.Close()
		content := randomBytes(4 << 10)
		for err == nil {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			began := time.Now()
			if _, err = f.WriteAt(content, 0); err == nil {
				err = f.Sync()
			}
			times = append(times, time.Since(began))
		}
	})
	return func() ([]time.Duration, error) {
		close(stop)
		probing.Wait()
		slices.Sort(times)
		return times, err
	}
}

// makeGarbage stores blobs that no document names, as purges leave them.
func makeGarbage(ctx context.Context, store string, count int) error {
	c, err := catalog.Open(ctx, catalog.Options{Path: filepath.Join(store, "documents.db")})
	if err != nil {
		return err
	}
	defer c.Close()
	const batch = 5000
	for left := count; left > 0; left -= batch {
		var refs []blob.Ref
		for range min(batch, left) {
			content := randomBytes(1 << 10)
			refs = append(refs, blob.Ref{Backend: "fs", Digest: sheaf.DigestOf(content), Size: 1 << 10, CRC32: crc32.ChecksumIEEE(content),
				Encoding: blob.Identity, StoredSize: 1 << 10, Inline: content})
		}
		err := c.Mutate(ctx, 0, func(tx *catalog.Tx) error {
			for _, ref := range refs {
				if _, err := tx.KeepBlob(ref); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func collectGarbage(ctx context.Context, url string, want int) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/admin/gc?now=true", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var report sheaf.GarbageReport
	if err := json.NewDecoder(response.Body).Decode(&report); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK || report.DeletedBlobs != int64(want) {
		return fmt.Errorf("gc: %s, %+v, want %d blobs deleted", response.Status, report, want)
	}
	return nil
}

// latencies sends the requests of loads side by side until do returns. It returns
// the times of each load's requests, ascending.
func latencies(ctx context.Context, loads []load, do func() error) (times [][]time.Duration, elapsed time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	times = make([][]time.Duration, len(loads))
	var mu sync.Mutex // guards times
	var working sync.WaitGroup
	started := time.Now()
	for i, l := range loads {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: l.connections, DisableCompression: true}}
		defer client.CloseIdleConnections()
		for worker := range l.connections {
			working.Go(func() {
				buf := make([]byte, 64<<10)
				var own []time.Duration
				for ctx.Err() == nil {
					select {
					case <-done:
						mu.Lock()
						defer mu.Unlock()
						times[i] = append(times[i], own...)
						return
					default:
					}
					began := time.Now()
					if err := l.send(ctx, client, worker, buf); err != nil {
						cancel(err)
						return
					}
					own = append(own, time.Since(began))
				}
			})
		}
	}
	err = do()
	close(done)
	working.Wait()
	elapsed = time.Since(started)
	if err == nil {
		err = context.Cause(ctx)
	}
	for _, t := range times {
		slices.Sort(t)
	}
	return times, elapsed, err
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
