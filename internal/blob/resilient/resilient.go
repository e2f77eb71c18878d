// Package resilient makes the best of a backend that is reached over a network.
//
//   - What failed is tried again, three times, if that is safe: every call of a
//     backend is, but the upload of a body that cannot be read twice. A download
//     goes on where it broke off.
//   - A call during which nothing moves is given up.
//   - A backend that keeps failing is left alone: calls fail at once, and one
//     cheap request now and then finds out whether it is back.
//
// These belong together: without the third the first makes matters worse. This is
// the only place that retries, so that retries do not multiply.
package resilient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// DefaultIdle is for how long nothing may move during a call. Two such silences
// are when a backend is left alone, and together they have to be shorter than the
// patience of who waits for an answer.
const DefaultIdle = 10 * time.Second

// idleAtEnd is for how long nothing may move while the process is about to end.
// Who ends it has ten seconds of patience at least, before it is killed.
const idleAtEnd = 2 * time.Second

// settlingRate is at how many bytes a second a backend may write what it was given
// to its own disks, in silence, before it answers an upload.
const settlingRate = 32 << 20

// batchTogether is how many objects of a batch are put at the same time: what
// costs is the way there and back. At 40 ms for that, these are 1,600 a second.
const batchTogether = 64

// DefaultRetryPause is the pause before the first retry.
const DefaultRetryPause = 100 * time.Millisecond

// mostRetries is how often a call is tried again. The pause before each is twice
// the one before.
const mostRetries = 3

// Options say what a backend is called, and how patient to be.
type Options struct {
	Name string        // from the configuration, for errors
	Idle time.Duration // 0: DefaultIdle

	// RetryPause is what all other pauses are in proportion to: ten of it is
	// how long a backend that keeps failing is left alone at first, and three
	// hundred at most. 0: DefaultRetryPause.
	RetryPause time.Duration

	// Ending ends when the process is about to: from then on a call during which
	// nothing moves is given up after two seconds, so that whoever waits for it is
	// answered before the process is killed. Nil: never.
	Ending context.Context
}

// Wrap returns a backend that makes the best of b. It is [blob.Monitored] and a
// [blob.BatchPutter], and a [blob.Presigner] and [blob.Quarantiner] where b is, with
// what these may be able to do beside;
// b is not of this machine, so that it has no files to adopt or open.
func Wrap(b blob.Backend, o Options) blob.Backend {
	w := newBackend(b, o)
	w.breaker.meanwhile = "; until then small documents can be written, and those that are new can be read"
	p, presigns := b.(blob.Presigner)
	q, quarantines := b.(blob.Quarantiner)
	switch {
	case presigns && quarantines:
		return struct {
			*backend
			*presigner
			*quarantiner
		}{w, &presigner{w, p}, &quarantiner{w, q}}
	case presigns:
		return struct {
			*backend
			*presigner
		}{w, &presigner{w, p}}
	case quarantines:
		return struct {
			*backend
			*quarantiner
		}{w, &quarantiner{w, q}}
	}
	return w
}

func newBackend(b blob.Backend, o Options) *backend {
	if o.Idle <= 0 {
		o.Idle = DefaultIdle
	}
	if o.RetryPause <= 0 {
		o.RetryPause = DefaultRetryPause
	}
	if o.Ending == nil {
		o.Ending = context.Background()
	}
	return &backend{inner: b, name: o.Name, idle: o.Idle, ending: o.Ending, pause: o.RetryPause, breaker: breaker{
		name: o.Name, firstCooldown: firstCooldown * o.RetryPause, maxCooldown: maxCooldown * o.RetryPause,
	}}
}

type backend struct {
	inner   blob.Backend
	name    string
	idle    time.Duration
	ending  context.Context
	pause   time.Duration // before the first retry
	breaker breaker
}

// Unwrap returns the backend as its driver made it, without a second try.
func (b *backend) Unwrap() blob.Backend { return b.inner }

// Condition implements [blob.Monitored].
func (b *backend) Condition() blob.Condition { return b.breaker.condition() }

// Put implements [blob.Backend].
func (b *backend) Put(ctx context.Context, key blob.Key, body io.Reader, size int64) error {
	return b.put(ctx, "put blob "+string(key), body, size, func(ctx context.Context, body io.Reader) error {
		return b.inner.Put(ctx, key, body, size)
	})
}

// put makes a call that sends a body, again if it fails and the body can be read
// again.
func (b *backend) put(ctx context.Context, what string, body io.Reader, size int64, send func(context.Context, io.Reader) error) error {
	again, rewindable := body.(io.Seeker)
	var start int64
	if rewindable {
		var err error
		if start, err = again.Seek(0, io.SeekCurrent); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	t := b.newTries(ctx).uploading(size)
	for {
		sent := &watchedBody{body: body}
		err := t.attempt(func(ctx context.Context, w *watch) error {
			sent.watch = w
			if rewindable {
				return send(ctx, &rewindableBody{sent, again})
			}
			return send(ctx, sent)
		})
		if sent.err != nil || !rewindable || !t.again(err) {
			return err
		}
		if _, err := again.Seek(start, io.SeekStart); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
}

// PutBatch implements [blob.BatchPutter].
func (b *backend) PutBatch(ctx context.Context, objects []blob.Small) error {
	putting, together := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(batchTogether, len(objects)) {
		putting.Go(func() error {
			for together.Err() == nil { // or one has failed, and the rest waits for the next batch
				i := int(next.Add(1)) - 1
				if i >= len(objects) {
					break
				}
				o := objects[i]
				if err := b.Put(together, o.Key, bytes.NewReader(o.Bytes), int64(len(o.Bytes))); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := putting.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// Open implements [blob.Backend].
func (b *backend) Open(ctx context.Context, key blob.Key, offset, length int64) (io.ReadCloser, error) {
	r := &reader{tries: b.newTries(ctx), open: func(ctx context.Context, read int64) (io.ReadCloser, error) {
		if length < 0 {
			return b.inner.Open(ctx, key, offset+read, -1)
		}
		return b.inner.Open(ctx, key, offset+read, length-read)
	}}
	if err := r.start(); err != nil {
		return nil, err
	}
	return r, nil
}

// Stat implements [blob.Backend].
func (b *backend) Stat(ctx context.Context, key blob.Key) (info blob.Info, err error) {
	err = b.try(ctx, func(ctx context.Context) (err error) {
		info, err = b.inner.Stat(ctx, key)
		return err
	})
	return info, err
}

// List implements [blob.Backend]. Once something was listed it is not tried
// again: yield would see it twice.
func (b *backend) List(ctx context.Context, yield func(blob.Info) error) error {
	return listing(b, ctx, b.inner.List, yield)
}

func listing[T any](b *backend, ctx context.Context, list func(context.Context, func(T) error) error, yield func(T) error) error {
	t := b.newTries(ctx)
	for listed := false; ; {
		var yielded error
		err := t.attempt(func(ctx context.Context, w *watch) error {
			return list(ctx, func(one T) error {
				listed = true
				w.pause()
				defer w.resume()
				yielded = yield(one)
				return yielded
			})
		})
		if yielded != nil {
			return yielded
		}
		if listed || !t.again(err) {
			return err
		}
	}
}

// Delete implements [blob.Backend].
func (b *backend) Delete(ctx context.Context, key blob.Key) error {
	return b.try(ctx, func(ctx context.Context) error { return b.inner.Delete(ctx, key) })
}

// try makes a short call, again if it fails.
func (b *backend) try(ctx context.Context, call func(context.Context) error) error {
	t := b.newTries(ctx)
	for {
		err := t.attempt(func(ctx context.Context, _ *watch) error { return call(ctx) })
		if !t.again(err) {
			return err
		}
	}
}

// tries are the attempts of one call.
type tries struct {
	backend *backend
	ctx     context.Context // of the caller
	settle  time.Duration   // for which the backend may be silent beside its idle time
	failed  int
}

func (b *backend) newTries(ctx context.Context) *tries {
	return &tries{backend: b, ctx: ctx}
}

// uploading allows for what the backend does with an upload of size bytes before
// it answers.
func (t *tries) uploading(size int64) *tries {
	t.settle = time.Duration(size) * time.Second / settlingRate
	return t
}

// attempt makes the call once, unless the backend is to be left alone.
func (t *tries) attempt(call func(context.Context, *watch) error) error {
	b := t.backend
	if err := b.admit(t.ctx); err != nil {
		return err
	}
	ctx, w := t.watching()
	defer w.end()
	return t.judge(w, call(ctx, w), true)
}

// watching returns a context for an attempt with a watch on it, which the caller
// ends.
func (t *tries) watching() (context.Context, *watch) {
	return watching(t.ctx, t.backend.idle+t.settle, t.backend.ending, idleAtEnd+t.settle)
}

// judge tells the breaker how an attempt has ended, and returns its error as one
// of this backend. Whether a success is one may have to be seen still.
func (t *tries) judge(w *watch, err error, final bool) error {
	b := t.backend
	switch {
	case err == nil:
		if final {
			b.breaker.succeeded()
		}
		return nil
	case t.ctx.Err() != nil:
		return err // the caller went away
	case w.stalled():
		err = &sheaf.Error{
			Kind: sheaf.ErrBackendUnavailable, Message: fmt.Sprintf("nothing moved for %v", w.patience().Round(time.Millisecond)),
			Hint: "try again in a moment", Err: err,
		}
		err = b.named(err)
		b.breaker.failed(err, stallWeight)
		return err
	case sheaf.KindOf(err) == sheaf.ErrBackendUnavailable:
		err = b.named(err)
		b.breaker.failed(err, 1)
		return err
	}
	var answered *sheaf.Error
	if errors.As(err, &answered) { // that there is no such object, for example
		b.breaker.succeeded()
	}
	return err
}

// again reports whether to try again after an error, and waits before that. Half
// of each pause is left to chance, so that calls which failed together do not come
// back together.
func (t *tries) again(err error) bool {
	if !blob.Passes(err) || errors.Is(err, errLeftAlone) || t.failed == mostRetries {
		return false
	}
	pause := t.backend.pause << t.failed
	t.failed++
	timer := time.NewTimer(pause/2 + rand.N(pause))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.ctx.Done():
		return false
	}
}

// named returns an error of the backend as one that says which it is.
func (b *backend) named(err error) error {
	var e *sheaf.Error
	errors.As(err, &e) // it is one, by its kind
	return &sheaf.Error{Kind: e.Kind, Message: fmt.Sprintf("the storage backend %q is unavailable: %s", b.name, e.Message), Hint: e.Hint, Err: e.Err}
}

// probeTimeout is how long a backend has to answer whether it is back.
const probeTimeout = 5 * time.Second

// admit fails when the backend is to be left alone. When it is time to see
// whether it is back, the first caller does that, with a request that is cheap
// whatever the call itself will be.
func (b *backend) admit(ctx context.Context) error {
	probe, err := b.breaker.admit()
	if !probe {
		return err
	}
	probing, cancel := context.WithTimeout(ctx, min(probeTimeout, b.idle))
	defer cancel()
	_, err = b.inner.Stat(probing, blob.Key(sheaf.Digest{}.String())) // it cannot exist
	switch {
	case ctx.Err() != nil:
		b.breaker.undecided()
		return ctx.Err()
	case err == nil, sheaf.KindOf(err) == sheaf.ErrNotFound:
		b.breaker.reopened()
		return nil
	case probing.Err() != nil:
		err = &sheaf.Error{Kind: sheaf.ErrBackendUnavailable, Message: "it does not answer", Err: err}
	case sheaf.KindOf(err) != sheaf.ErrBackendUnavailable:
		err = &sheaf.Error{Kind: sheaf.ErrBackendUnavailable, Message: "it answers what makes no sense", Err: err}
	}
	return b.breaker.stillAway(b.named(err))
}
