package library_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/memblob"
	"github.com/sheaf-dev/sheaf/internal/blob/s3blob"
	"github.com/sheaf-dev/sheaf/internal/blob/s3test"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// A flakyBackend is away at times, fails single calls, some of which have
// happened all the same, and ends the process at a delete.
type flakyBackend struct {
	blob.Backend
	world *garbageWorld // nil: it ends no process, and waits for nobody

	down   atomic.Bool
	faults atomic.Int64 // calls until one fails; negative: none does
}

// call makes a call, unless it fails, before it has happened or after.
func (b *flakyBackend) call(do func() error) error {
	if b.down.Load() {
		return errDown
	}
	left := b.faults.Add(-1)
	if left == 0 {
		return errDown
	}
	if err := do(); err != nil {
		return err
	}
	if left == 1 {
		return errDown
	}
	return nil
}

func (b *flakyBackend) Put(ctx context.Context, key blob.Key, body io.Reader, size int64) error {
	return b.call(func() error {
		return b.world.putting(func() error { return b.Backend.Put(ctx, key, body, size) })
	})
}

func (b *flakyBackend) Open(ctx context.Context, key blob.Key, offset, length int64) (r io.ReadCloser, err error) {
	b.world.pause()
	err = b.call(func() error { r, err = b.Backend.Open(ctx, key, offset, length); return err })
	return r, err
}

func (b *flakyBackend) Stat(ctx context.Context, key blob.Key) (info blob.Info, err error) {
	err = b.call(func() error { info, err = b.Backend.Stat(ctx, key); return err })
	return info, err
}

func (b *flakyBackend) List(ctx context.Context, yield func(blob.Info) error) error {
	return b.call(func() error { return b.Backend.List(ctx, yield) })
}

func (b *flakyBackend) Delete(ctx context.Context, key blob.Key) error {
	return b.call(func() error {
		return b.world.deleting(func() error { return b.Backend.Delete(ctx, key) })
	})
}

// heal ends all that is wrong with the backend.
func (b *flakyBackend) heal() {
	b.down.Store(false)
	b.faults.Store(-1)
}

func (w *garbageWorld) heal() {
	for _, remote := range w.remotes {
		remote.heal()
	}
}

// outage begins or ends an outage.
func (w *garbageWorld) outage(r *rapid.T) {
	rapid.SampledFrom(w.remotes).Draw(r, "backend").down.Store(rapid.Bool().Draw(r, "down"))
}

// fault has one of the next calls fail.
func (w *garbageWorld) fault(r *rapid.T) {
	rapid.SampledFrom(w.remotes).Draw(r, "backend").faults.Store(rapid.Int64Range(1, 8).Draw(r, "call"))
}

// answering has all backends answer for a while, until their outages go on.
func (w *garbageWorld) answering() (until func()) {
	type state struct {
		down   bool
		faults int64
	}
	var states []state
	for _, remote := range w.remotes {
		states = append(states, state{remote.down.Load(), remote.faults.Load()})
	}
	w.heal()
	return func() {
		for i, remote := range w.remotes {
			remote.down.Store(states[i].down)
			remote.faults.Store(states[i].faults)
		}
	}
}

// isAway reports whether something failed because a backend is away. Of small
// contents nothing does.
func (w *garbageWorld) isAway(err error, content string) bool {
	w.t.Helper()
	if w.remotes == nil || sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
		w.must(err)
		return false
	}
	if len(content) < 1000 {
		w.r.Fatalf("a small content is refused because the backend is away: %v", err)
	}
	return true
}

// drainSome drains what can be.
func (w *garbageWorld) drainSome() {
	_, err := w.Drain(w.t.Context())
	w.isAway(err, w.contents[3])
}

// The same holds of a backend that is away at times, that fails calls which have
// happened, and whose outages cut off collections. Small contents are written all
// the same, those that were just being removed too.
func TestGarbagePropertyFarAway(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) { liveFarAway(t, r, memblob.New()) })
}

func liveFarAway(t *testing.T, r *rapid.T, backend blob.Backend) {
	w := newGarbageWorld(t, r)
	for _, b := range []blob.Backend{backend, memblob.New()} {
		w.remotes = append(w.remotes, &flakyBackend{Backend: b, world: w})
	}
	w.heal()
	w.open(w.remotes[0], w.remotes[1])
	w.live(w.everything())
}

// A few histories on a real S3 server.
func TestGarbagePropertyOnS3(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	for i := range 3 {
		t.Run(fmt.Sprint("history ", i), func(t *testing.T) {
			history := make([]byte, 1<<20)
			rand.Read(history)
			rapid.MakeFuzz(func(r *rapid.T) {
				bucket, err := s3blob.New(server.Bucket(t, fmt.Sprint("history-", i)))
				if err != nil {
					r.Fatal(err)
				}
				liveFarAway(t, r, bucket)
			})(t, history)
		})
	}
}

// An outage that cuts off a collection leaves contents half removed. Exactly those
// are written again while it lasts.
func TestWritesWhatAnOutageLeftHalfRemoved(t *testing.T) {
	t.Parallel()
	for _, deleted := range []bool{false, true} { // whether the object is gone already
		t.Run(fmt.Sprint("deleted ", deleted), func(t *testing.T) {
			t.Parallel()
			backend := &flakyBackend{Backend: memblob.New()}
			backend.heal()
			s := open(t, func(set *setup) { set.backend = backend })
			doc := s.create("a small content")
			s.drain()
			if err := s.throwAway(doc.ID); err != nil {
				t.Fatal(err)
			}
			failing := &failingDeletes{Backend: backend, deletes: deleted}
			s = s.reopen(func(set *setup) { set.backend = failing })
			if _, err := s.CollectGarbage(t.Context(), true); sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
				t.Fatalf("a collection that is cut off: %v", err)
			}
			if b, _ := s.blob(doc.Digest); b.State != catalog.BlobDeleting {
				t.Fatalf("the blob is in the state %d, want it deleting", b.State)
			}
			backend.down.Store(true)
			again := s.create("a small content")
			s.wantRead(again.ID, "a small content")
			backend.down.Store(false)
			failing.healed.Store(true)
			s.drain()
			for range 2 {
				if _, err := s.CollectGarbage(t.Context(), true); err != nil {
					t.Fatal(err)
				}
			}
			s.wantRead(again.ID, "a small content")
			s.wantWhole()
			s.wantPlan(sheaf.GarbagePlan{})
		})
	}
}

// failingDeletes fails deletes, which happen all the same or not.
type failingDeletes struct {
	blob.Backend
	deletes bool
	healed  atomic.Bool
}

func (b *failingDeletes) Delete(ctx context.Context, key blob.Key) error {
	if b.healed.Load() {
		return b.Backend.Delete(ctx, key)
	}
	if b.deletes {
		if err := b.Backend.Delete(ctx, key); err != nil {
			return err
		}
	}
	return errDown
}

// Collections without grace, drains, repairs, outages and collections that are cut
// off, all among writers and readers: what was acknowledged is there.
func TestCollectingFarAwayAmongWriters(t *testing.T) {
	t.Parallel()
	backend := &flakyBackend{Backend: memblob.New()}
	backend.heal()
	s := open(t, func(set *setup) { set.backend = backend })
	contents := []string{"one", "two", string(blobtest.Random(70_000)), prose("a", 300_000)}
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
	defer stop()
	var working sync.WaitGroup
	work := func(do func(round int) error) {
		working.Go(func() {
			for round := 0; ctx.Err() == nil; round++ {
				if err := do(round); err != nil && !sheaf.KindOf(err).Retryable() && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
					stop()
				}
			}
		})
	}
	for worker := range 5 {
		work(func(round int) error {
			content := contents[(worker+round)%len(contents)]
			doc, err := s.createdFrom(content)
			if err != nil {
				return err
			}
			switch got, err := s.read(doc.ID); {
			case sheaf.KindOf(err) == sheaf.ErrBackendUnavailable:
			case err != nil || got != content:
				return fmt.Errorf("reading %s: %d bytes, %w, want %d", doc.ID, len(got), err, len(content))
			}
			return s.throwAway(doc.ID)
		})
	}
	work(func(round int) error {
		collecting, cancel := context.WithTimeout(t.Context(), time.Duration(round%7)*5*time.Millisecond+time.Millisecond)
		defer cancel()
		_, err := s.CollectGarbage(collecting, true)
		return err
	})
	work(func(int) error { _, err := s.Drain(t.Context()); return err })
	work(func(int) error {
		if _, err := s.Repair(t.Context(), false); err != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
		return nil
	})
	work(func(round int) error {
		backend.down.Store(round%4 == 3)
		backend.faults.Store(int64(round % 9))
		time.Sleep(10 * time.Millisecond)
		return nil
	})
	working.Wait()
	backend.heal()
	kept := s.create(contents[3])
	for range 2 {
		s.drain()
		if _, err := s.CollectGarbage(t.Context(), true); err != nil {
			t.Fatal(err)
		}
	}
	s.wantRead(kept.ID, contents[3])
	s.wantWhole()
	if n := s.blobCount(); n != 1 {
		t.Errorf("%d blobs are left, want one", n)
	}
}
