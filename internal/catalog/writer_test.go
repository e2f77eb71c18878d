package catalog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// A mutation that fails takes nothing of the others in its batch with it, and
// leaves nothing behind, whether it fails before or after it has written.
func TestFailingMutationsAreAlone(t *testing.T) {
	c, collection := withCollection(t, Options{})
	errWanted := errors.New("wanted")
	const writers = 60
	outcomes := make([]error, writers)
	var running sync.WaitGroup
	for i := range writers {
		running.Go(func() {
			name := fmt.Sprintf("document-%d", i)
			switch i % 4 {
			case 0:
				outcomes[i] = c.Mutate(t.Context(), 0, func(tx *Tx) error { return errWanted })
			case 1:
				outcomes[i] = c.Mutate(t.Context(), 0, func(tx *Tx) error {
					if _, err := tx.Append(string(collection.Name), &sheaf.LogPayload{Operation: "half", Status: "success"}); err != nil {
						return err
					}
					return errWanted
				})
			case 2:
				outcomes[i] = c.Mutate(t.Context(), 0, func(tx *Tx) error {
					if _, err := tx.exec(`insert into meta (key, value) values ($1, '')`, name); err != nil {
						return err
					}
					panic("wanted")
				})
			default:
				_, outcomes[i] = create(t.Context(), c, collection, name, nil, []byte(name))
			}
		})
	}
	running.Wait()
	for i, err := range outcomes {
		if failed := err != nil; failed != (i%4 != 3) {
			t.Errorf("mutation %d: %v", i, err)
		}
	}
	filter := DocumentFilter{Collections: []*Collection{collection}}
	if got := list(t, c, filter, 100); len(got) != writers/4 {
		t.Errorf("%d documents were stored, want %d", len(got), writers/4)
	}
	err := c.Read(t.Context(), func(v *View) error {
		var n int
		_, err := v.conn.row(`select count(*) from meta where key like 'document-%'`, nil, &n)
		if n != 0 {
			t.Errorf("%d rows of mutations that failed were stored", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	checkClean(t, c)
}

func TestCancelledMutationIsWithdrawnOrDone(t *testing.T) {
	c, collection := withCollection(t, Options{})
	// Hold the writer, so that what follows waits in the queue.
	holding, release := make(chan struct{}), make(chan struct{})
	var held sync.WaitGroup
	held.Go(func() {
		err := c.Mutate(t.Context(), 0, func(*Tx) error { close(holding); <-release; return nil })
		if err != nil {
			t.Errorf("the mutation that holds the writer: %v", err)
		}
	})
	<-holding
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := create(ctx, c, collection, "late", nil, nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a mutation whose context ended in the queue: %v, want %v", err, context.DeadlineExceeded)
	}
	close(release)
	held.Wait()
	if _, err := create(t.Context(), c, collection, "next", nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := list(t, c, DocumentFilter{Collections: []*Collection{collection}}, 10); len(got) != 1 {
		t.Errorf("%d documents are listed, want only the one that was not withdrawn", len(got))
	}
}

func TestTimeNeverDecreases(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	c, collection := withCollection(t, Options{Clock: func() time.Time { return now }})
	first, err := create(t.Context(), c, collection, "first", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(-time.Hour)
	second, err := create(t.Context(), c, collection, "second", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if second.UploadedAt.Before(first.UploadedAt) {
		t.Errorf("after the clock went back, %v follows %v", second.UploadedAt, first.UploadedAt)
	}
	path := c.options.Path
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = open(t, Options{Path: path, Clock: func() time.Time { return now }})
	collection, _ = c.Collection("default")
	third, err := create(t.Context(), c, collection, "third", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if third.UploadedAt.Before(second.UploadedAt) {
		t.Errorf("after a restart with an earlier clock, %v follows %v", third.UploadedAt, second.UploadedAt)
	}
	checkClean(t, c)
}

func TestClosedCatalogRefuses(t *testing.T) {
	c, collection := withCollection(t, Options{})
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := create(t.Context(), c, collection, "late", nil, nil); sheaf.KindOf(err) != sheaf.ErrUnavailable {
		t.Errorf("a mutation of a closed catalog: %v, want %s", err, sheaf.ErrUnavailable)
	}
}

func TestBatchIsBoundedByBytes(t *testing.T) {
	const most = 100 << 10
	c := open(t, Options{BatchBytes: most, BatchDuration: time.Minute})
	holding, release := make(chan struct{}), make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		if err := c.Mutate(t.Context(), 0, func(*Tx) error { close(holding); <-release; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-holding
	var sizes sync.Map // how many bytes each transaction had, by its time
	for range 50 {
		running.Go(func() {
			var tx *Tx
			err := c.Mutate(t.Context(), 40<<10, func(this *Tx) error { tx = this; return nil })
			if err != nil {
				t.Error(err)
			}
			bytes, _ := sizes.LoadOrStore(tx, new(atomic.Int64))
			bytes.(*atomic.Int64).Add(40 << 10)
		})
	}
	close(release)
	running.Wait()
	sizes.Range(func(_, bytes any) bool {
		// The one that passes the limit is still in.
		if n := bytes.(*atomic.Int64).Load(); n > most+40<<10 {
			t.Errorf("a transaction had mutations of %d bytes, the limit is %d", n, most)
		}
		return true
	})
}

// While the clock is behind, documents must not all get the same time: a listing
// takes those of a millisecond together.
func TestTimeMovesWhileTheClockIsBehind(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	c, collection := withCollection(t, Options{Clock: func() time.Time { return now }})
	now = now.Add(-time.Hour)
	times := make(map[time.Time]int)
	for i := range 500 {
		h, err := create(t.Context(), c, collection, fmt.Sprint(i), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		times[h.UploadedAt]++
	}
	for at, n := range times {
		if n > 150 {
			t.Errorf("%d documents were created at %v", n, at)
		}
	}
}
