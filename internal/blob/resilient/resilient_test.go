package resilient_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/memblob"
	"github.com/sheaf-dev/sheaf/internal/blob/resilient"
)

func TestContract(t *testing.T) {
	blobtest.Run(t, func(*testing.T) blob.Backend {
		return resilient.Wrap(memblob.New(), resilient.Options{Name: "far"})
	})
}

// A flaky backend does what it is told instead of what it is asked.
type flaky struct {
	blob.Backend
	fail  func(call int) error // of the calls from 1 on; nil: do it
	calls atomic.Int64
	stats atomic.Int64 // of these, those of Stat
}

func (f *flaky) fails() error { return f.fail(int(f.calls.Add(1))) }

func (f *flaky) Put(ctx context.Context, key blob.Key, body io.Reader, size int64) error {
	if err := f.fails(); err != nil {
		io.CopyN(io.Discard, body, size/2)
		return err
	}
	return f.Backend.Put(ctx, key, body, size)
}

func (f *flaky) Stat(ctx context.Context, key blob.Key) (blob.Info, error) {
	f.stats.Add(1)
	if err := f.fails(); err != nil {
		return blob.Info{}, err
	}
	return f.Backend.Stat(ctx, key)
}

func (f *flaky) Open(ctx context.Context, key blob.Key, offset, length int64) (io.ReadCloser, error) {
	if err := f.fails(); err != nil {
		return nil, err
	}
	return f.Backend.Open(ctx, key, offset, length)
}

var errDown = sheaf.Errorf(sheaf.ErrBackendUnavailable, "the network is down")

// failing fails the first calls, or all if count is negative.
func failing(count int) *flaky {
	return &flaky{Backend: memblob.New(), fail: func(call int) error {
		if count < 0 || call <= count {
			return errDown
		}
		return nil
	}}
}

func wrap(b blob.Backend) blob.Backend { return resilient.Wrap(b, resilient.Options{Name: "far"}) }

func conditionOf(b blob.Backend) blob.Condition { return b.(blob.Monitored).Condition() }

func putContent(ctx context.Context, b blob.Backend, content []byte) error {
	return b.Put(ctx, blobtest.KeyOf(content), bytes.NewReader(content), int64(len(content)))
}

// Three failures are made up for, with growing pauses; a fourth is told.
func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		content := blobtest.Random(1000)
		inner := failing(3)
		b := wrap(inner)
		begin := time.Now()
		if err := putContent(t.Context(), b, content); err != nil {
			t.Errorf("Put that fails three times: %v, want success", err)
		}
		if took := time.Since(begin); took < 350*time.Millisecond || took > 1050*time.Millisecond {
			t.Errorf("the pauses are %v together, want about 700ms", took)
		}
		r, err := b.Open(t.Context(), blobtest.KeyOf(content), 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
			t.Errorf("what was put when it succeeded: %d bytes, %v", len(got), err)
		}

		inner = failing(4)
		b = wrap(inner)
		err = putContent(t.Context(), b, content)
		if sheaf.KindOf(err) != sheaf.ErrBackendUnavailable || !strings.Contains(err.Error(), `"far"`) || inner.calls.Load() != 4 {
			t.Errorf("Put that fails four times: %v after %d calls, want backend_unavailable of far after 4", err, inner.calls.Load())
		}
		if c := conditionOf(b); c.State != blob.StateFailing || !strings.Contains(c.Failure, "the network is down") || c.FailedAt.IsZero() {
			t.Errorf("the condition is %+v", c)
		}
	})
}

// What must not, need not or cannot be repeated is not.
func TestNoRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		content := blobtest.Random(1000)
		for what, test := range map[string]struct {
			err  error
			body io.Reader
		}{
			"is refused":            {blob.NewFault(blob.FaultCredentials, "wrong key", "", nil), bytes.NewReader(content)},
			"is too large":          {sheaf.Errorf(sheaf.ErrTooLarge, "too large"), bytes.NewReader(content)},
			"can be read once only": {errDown, iotest.OneByteReader(bytes.NewReader(content))},
		} {
			inner := &flaky{Backend: memblob.New(), fail: func(int) error { return test.err }}
			err := wrap(inner).Put(t.Context(), blobtest.KeyOf(content), test.body, 1000)
			if sheaf.KindOf(err) != sheaf.KindOf(test.err) || inner.calls.Load() != 1 {
				t.Errorf("Put of what %s: %v after %d calls, want its error after one", what, err, inner.calls.Load())
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		inner := &flaky{Backend: memblob.New(), fail: func(int) error { cancel(); return errDown }}
		if err := putContent(ctx, wrap(inner), content); err == nil || inner.calls.Load() != 1 {
			t.Errorf("Put whose caller goes away: %v after %d calls, want an error after one", err, inner.calls.Load())
		}
	})
}

// A backend that is away is asked a handful of times, whoever wants what of it,
// and then by one cheap request now and then. When it is back, all goes on.
func TestLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		content := blobtest.Random(1000)
		var down atomic.Bool
		down.Store(true)
		inner := &flaky{Backend: memblob.New(), fail: func(int) error {
			if down.Load() {
				return errDown
			}
			return nil
		}}
		b := wrap(inner)
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() {
				for range 10 {
					if err := putContent(t.Context(), b, content); sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
						t.Errorf("Put while the backend is away: %v", err)
					}
				}
			})
		}
		callers.Wait()
		if calls := inner.calls.Load(); calls > 60 { // those that were on their way at once, and no more
			t.Errorf("500 calls made %d attempts, want about one of each caller", calls)
		}
		if c := conditionOf(b); c.State != blob.StateUnavailable || !c.RetryAt.After(time.Now()) {
			t.Errorf("the condition is %+v, want unavailable", c)
		}
		begin, before, stats := time.Now(), inner.calls.Load(), inner.stats.Load()
		for time.Since(begin) < 10*time.Minute {
			putContent(t.Context(), b, content)
			time.Sleep(100 * time.Millisecond)
		}
		if probes := inner.calls.Load() - before; probes < 15 || probes > 40 || probes != inner.stats.Load()-stats {
			t.Errorf("%d attempts in ten minutes, %d of them probes, want one in about 30s", probes, inner.stats.Load()-stats)
		}

		down.Store(false)
		back := time.Now()
		for putContent(t.Context(), b, content) != nil {
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(back); took > 40*time.Second {
			t.Errorf("the backend is used again after %v", took)
		}
		if c := conditionOf(b); c.State != blob.StateOK || c.SucceededAt.IsZero() {
			t.Errorf("the condition is %+v, want ok", c)
		}
	})
}

// A body that stops coming is given up, gone on with where it stopped, and told
// of when it stops again and again.
func TestStalledDownload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		content := blobtest.Random(100_000)
		for stalls, wantErr := range map[int64]bool{0: false, 1: false, 100: true} {
			inner := &stalling{Backend: memblob.New()}
			inner.left.Store(stalls)
			if err := putContent(t.Context(), inner, content); err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			r, err := wrap(inner).Open(t.Context(), blobtest.KeyOf(content), 10, 90_000)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			r.Close()
			if wantErr {
				if sheaf.KindOf(err) != sheaf.ErrBackendUnavailable || time.Since(begin) > 3*resilient.DefaultIdle {
					t.Errorf("a download that always stalls: %v after %v, want backend_unavailable soon", err, time.Since(begin))
				}
			} else if err != nil || !bytes.Equal(got, content[10:90_010]) {
				t.Errorf("a download that stalls %d times: %d bytes, %v", stalls, len(got), err)
			}
		}
	})
}

// A stalling backend sends some bytes of an object and then nothing more.
type stalling struct {
	blob.Backend
	left atomic.Int64 // downloads that stall
}

func (s *stalling) Open(ctx context.Context, key blob.Key, offset, length int64) (io.ReadCloser, error) {
	body, err := s.Backend.Open(ctx, key, offset, length)
	if err != nil || s.left.Add(-1) < 0 {
		return body, err
	}
	silence := readFunc(func([]byte) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
	return io.NopCloser(io.MultiReader(io.LimitReader(body, 1000), silence)), nil
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// A server that was asked to end waited for twenty seconds for a bucket that had
// stalled, and what ends servers kills them after ten: who waited for an answer
// got none. What moves goes on, however slowly.
func TestStallsAreShortAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		content := blobtest.Random(100_000)
		inner := &stalling{Backend: memblob.New()}
		inner.left.Store(100)
		if err := putContent(t.Context(), inner, content); err != nil {
			t.Fatal(err)
		}
		ending, end := context.WithCancel(t.Context())
		b := resilient.Wrap(inner, resilient.Options{Name: "far", Ending: ending})
		stalled, err := b.Open(t.Context(), blobtest.KeyOf(content), 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		defer stalled.Close()
		ended := make(chan time.Time, 1)
		time.AfterFunc(time.Second, func() { end(); ended <- time.Now() })
		_, err = io.ReadAll(stalled)
		if waited := time.Since(<-ended); sheaf.KindOf(err) != sheaf.ErrBackendUnavailable || waited > 5*time.Second {
			t.Errorf("a download that stalls at the end: %v after %v, want backend_unavailable within 5 s", err, waited)
		}

		inner.left.Store(0)
		time.Sleep(time.Minute) // until it is not left alone any more
		slowly := readFunc(func(p []byte) (int, error) {
			time.Sleep(3 * time.Second) // longer than the backend may be silent
			return 0, io.EOF
		})
		body := io.MultiReader(bytes.NewReader(content[:50_000]), slowly, bytes.NewReader(content[50_000:]))
		if err := b.Put(t.Context(), blobtest.KeyOf(content), body, int64(len(content))); err != nil {
			t.Errorf("an upload that is brought slowly at the end: %v", err)
		}
	})
}

// Whoever reads slowly stalls nothing.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := wrap(memblob.New())
		content := blobtest.Random(100)
		if err := putContent(t.Context(), b, content); err != nil {
			t.Fatal(err)
		}
		r, err := b.Open(t.Context(), blobtest.KeyOf(content), 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for p := make([]byte, 10); err == nil; _, err = r.Read(p) {
			time.Sleep(10 * resilient.DefaultIdle)
		}
		if err != io.EOF {
			t.Errorf("reading ten bytes every few minutes: %v", err)
		}
	})
}

// What the backend is asked for and does not have says nothing against it.
func TestMissingIsNoFailure(t *testing.T) {
	b := wrap(memblob.New())
	for range 20 {
		if _, err := b.Stat(t.Context(), blobtest.KeyOf(nil)); sheaf.KindOf(err) != sheaf.ErrNotFound {
			t.Fatalf("Stat: %v, want not_found", err)
		}
	}
	if c := conditionOf(b); c.State != blob.StateOK || c.SucceededAt.IsZero() {
		t.Errorf("the condition is %+v, want ok", c)
	}
}

// The abilities of a backend stay, and it gets no others.
func TestAbilities(t *testing.T) {
	for what, b := range map[string]blob.Backend{
		"neither": memblob.New(),
		"a presigner": struct {
			blob.Backend
			blob.Presigner
		}{memblob.New(), nil},
		"a quarantiner": struct {
			blob.Backend
			blob.Quarantiner
		}{memblob.New(), nil},
		"both abilities": struct {
			blob.Backend
			blob.Presigner
			blob.Quarantiner
		}{memblob.New(), nil, nil},
	} {
		w := wrap(b)
		_, presigns := b.(blob.Presigner)
		_, quarantines := b.(blob.Quarantiner)
		if _, ok := w.(blob.Presigner); ok != presigns {
			t.Errorf("%s, wrapped, presigns: %t", what, ok)
		}
		if _, ok := w.(blob.Quarantiner); ok != quarantines {
			t.Errorf("%s, wrapped, quarantines: %t", what, ok)
		}
		if _, ok := w.(blob.Monitored); !ok {
			t.Errorf("%s, wrapped, has no condition", what)
		}
	}
}

// A batch ends with its first object that cannot be put.
func TestBatchFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := failing(-1)
		var objects []blob.Small
		for i := range 500 {
			content := blobtest.Random(i)
			objects = append(objects, blob.Small{Key: blobtest.KeyOf(content), Bytes: content})
		}
		err := wrap(inner).(blob.BatchPutter).PutBatch(t.Context(), objects)
		if !errors.Is(err, errDown) && sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
			t.Errorf("PutBatch: %v, want backend_unavailable", err)
		}
		if calls := inner.calls.Load(); calls > 100 { // those that were on their way already, and a few
			t.Errorf("a batch of 500 made %d attempts at a backend that is away", calls)
		}
	})
}

// A batch to a backend 40 ms away keeps up with 500 small writes a second.
func TestBatchKeepsUpWithWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const count, rate = 512, 500
		var objects []blob.Small
		for i := range count {
			content := blobtest.Random(100 + i)
			objects = append(objects, blob.Small{Key: blobtest.KeyOf(content), Bytes: content})
		}
		started := time.Now()
		if err := wrap(distant{memblob.New()}).(blob.BatchPutter).PutBatch(t.Context(), objects); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(started); took > count*time.Second/rate {
			t.Errorf("a batch of %d took %v, in which %d more came", count, took, int(took.Seconds()*rate))
		}
	})
}

// distant is a backend whose answers take a while to come.
type distant struct{ blob.Backend }

func (d distant) Put(ctx context.Context, key blob.Key, body io.Reader, size int64) error {
	time.Sleep(40 * time.Millisecond)
	return d.Backend.Put(ctx, key, body, size)
}
