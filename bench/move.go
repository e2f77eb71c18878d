package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

const (
	movedFiles    = 256
	movedParallel = 4
)

// moves measures moves of a book between two directories against a plain copy of
// the same files, by as many at once, each made durable. Then a book moves to and
// fro under a load, of which no request may fail.
func (b *bench) moves(ctx context.Context) error {
	dir, err := os.MkdirTemp(b.dir, "move-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	config := filepath.Join(dir, "sheaf.yaml")
	settings := "storage: {default_backend: here, scrub_rate: 0, backends: {here: {kind: fs, dir: here}, there: {kind: fs, dir: there}}}\n"
	if err := os.WriteFile(config, []byte(settings), 0o600); err != nil {
		return err
	}
	store := filepath.Join(dir, "store")
	server, err := b.startProfiled(store, "move", "SHEAF_CONFIG="+config)
	if err != nil {
		return err
	}
	defer server.stop()
	c, err := client.New(server.url)
	if err != nil {
		return err
	}
	defer c.Close()
	for i := range movedFiles {
		if err := writeMoved(ctx, c, "moved", i, randomBytes(1<<20)); err != nil {
			return err
		}
	}
	fmt.Printf("\n| %d files of 1 MB random, %d at once | MB/s | ratio | wanted |\n|---|---|---|---|\n", movedFiles, movedParallel)
	var copies, moves, ratios []float64
	backends := []string{"here", "there"}
	for round := range b.rounds + 1 {
		from, to := backends[round%2], backends[(round+1)%2]
		copied, err := copyFiles(filepath.Join(store, from), filepath.Join(dir, "copy"))
		if err != nil {
			return err
		}
		started := time.Now()
		move, err := moveBook(ctx, c, "moved", to)
		if err != nil {
			return err
		}
		took := time.Since(started)
		for range 2 { // so that there is something to copy the next time
			if _, err := c.CollectGarbage(ctx, true); err != nil {
				return err
			}
		}
		if round == 0 {
			continue // warms up both
		}
		megabytes := float64(move.CopiedBytes) / (1 << 20)
		copies, moves = append(copies, megabytes/copied.Seconds()), append(moves, megabytes/took.Seconds())
		ratios = append(ratios, copied.Seconds()/took.Seconds())
	}
	fmt.Printf("| plain copy | %.0f | | |\n| move, load %s | %.0f | %.2f | 0.60 |\n", median(copies), loadAverage(), median(moves), median(ratios))
	return b.moveUnderLoad(ctx, c, median(copies))
}

// moveUnderLoad moves a book while others write and read it, as often as the moves
// leave them time for. Quiet is what a plain copy does when nobody else does
// anything, in MB/s.
func (b *bench) moveUnderLoad(ctx context.Context, c *client.Client, quiet float64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var requests, failed atomic.Int64
	var first atomic.Pointer[error]
	var working sync.WaitGroup
	content := randomBytes(100_000)
	for worker := range 4 {
		working.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				own := append(fmt.Appendf(nil, "%d of %d", i, worker), content[:1000+i%2*99_000]...)
				err := writeMoved(ctx, c, "moved", 1000*(worker+1)+i%50, own)
				if err == nil {
					err = readMoved(ctx, c, "moved", i%movedFiles)
				}
				requests.Add(2)
				if err != nil && ctx.Err() == nil {
					failed.Add(1)
					first.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	var moves int
	var err error
	var rates []float64
	for started := time.Now(); err == nil && (moves < 2 || time.Since(started) < 3*b.duration); moves++ {
		book, described := c.Book(ctx, "moved", false)
		if err = described; err != nil {
			break
		}
		to := map[string]string{"here": "there", "there": "here"}[book.Backend]
		began := time.Now()
		var move sheaf.BackendMove
		if move, err = moveBook(ctx, c, "moved", to); err == nil {
			rates = append(rates, float64(move.CopiedBytes)/(1<<20)/time.Since(began).Seconds())
			_, err = c.CollectGarbage(ctx, true)
		}
	}
	cancel()
	working.Wait()
	if len(rates) > 0 {
		fmt.Printf("| move under a load of %d requests, of which %d failed (wanted 0), load %s | %.0f | %.2f | report |\n",
			requests.Load(), failed.Load(), loadAverage(), median(rates), median(rates)/quiet)
	}
	if failure := first.Load(); err == nil && failure != nil {
		err = fmt.Errorf("a request failed during a move: %w", *failure)
	}
	return err
}

func moveBook(ctx context.Context, c *client.Client, book, to string) (sheaf.BackendMove, error) {
	none := int64(0)
	move, err := c.MoveCollection(ctx, book, client.BackendMoveInput{Backend: to, GraceSeconds: &none})
	for err == nil && !move.Phase.IsOver() {
		time.Sleep(5 * time.Millisecond)
		move, err = c.CollectionMove(ctx, book)
	}
	return move, err
}

func movedPath(book string, n int) client.Place {
	return client.Place{Book: book, Path: fmt.Sprintf("files/%d.bin", n)}
}

func writeMoved(ctx context.Context, c *client.Client, book string, n int, content []byte) error {
	_, err := c.PutFile(ctx, movedPath(book, n), client.FileInput{Body: bytes.NewReader(content)})
	return err
}

func readMoved(ctx context.Context, c *client.Client, book string, n int) error {
	file, err := c.PullFile(ctx, movedPath(book, n), client.Moment{})
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, file.Body)
	return errors.Join(err, file.Body.Close())
}

// copyFiles copies all files below a directory into another one, which is removed
// again, and returns how long the copying took.
func copyFiles(from, to string) (took time.Duration, err error) {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return 0, err
	}
	defer os.RemoveAll(to)
	started := time.Now()
	var copying errgroup.Group
	copying.SetLimit(movedParallel)
	err = filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			copying.Go(func() error { return copyFile(path, filepath.Join(to, entry.Name())) })
		}
		return err
	})
	err = errors.Join(err, copying.Wait())
	return time.Since(started), err
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Sync(), target.Close())
}
