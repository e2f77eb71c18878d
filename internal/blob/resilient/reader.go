package resilient

import (
	"context"
	"io"

	"github.com/sheaf-dev/sheaf"
)

// A reader downloads an object. When that breaks off it goes on from there, as
// often as the call may be tried again altogether: what is read is checked as a
// whole by whoever reads it.
type reader struct {
	tries *tries
	// open opens the object behind what was read.
	open func(ctx context.Context, read int64) (io.ReadCloser, error)

	read  int64
	body  io.ReadCloser // nil when it broke off
	watch *watch        // of body
	err   error         // why there is nothing more to read
}

// openOnce returns a reader of what open opens, as often as that may be tried, but
// that does not go on when it breaks off.
func (b *backend) openOnce(ctx context.Context, open func(context.Context) (io.ReadCloser, error)) (io.ReadCloser, error) {
	r := &reader{tries: b.newTries(ctx), open: func(ctx context.Context, _ int64) (io.ReadCloser, error) { return open(ctx) }}
	if err := r.start(); err != nil {
		return nil, err
	}
	r.tries.failed = mostRetries
	return r, nil
}

// start opens the object, or opens it again.
func (r *reader) start() error {
	for {
		err := r.attempt()
		if err == nil || !r.tries.again(err) {
			return err
		}
	}
}

// attempt opens the object once. Whether that is a success is seen at the end.
func (r *reader) attempt() error {
	b := r.tries.backend
	if err := b.admit(r.tries.ctx); err != nil {
		return err
	}
	ctx, w := r.tries.watching()
	body, err := r.open(ctx, r.read)
	if err = r.tries.judge(w, err, false); err != nil {
		w.end()
		return err
	}
	w.pause()
	r.body, r.watch = body, w
	return nil
}

// Read implements [io.Reader].
func (r *reader) Read(p []byte) (int, error) {
	for r.err == nil {
		if r.body == nil {
			if r.err = r.start(); r.err != nil {
				break
			}
		}
		r.watch.resume()
		n, err := r.body.Read(p)
		r.watch.pause()
		r.read += int64(n)
		if err == nil {
			return n, nil
		}
		if err == io.EOF {
			r.err = err
			r.tries.backend.breaker.succeeded()
			return n, err
		}
		err = r.tries.judge(r.watch, brokenOff(err), true)
		r.stop()
		if !r.tries.again(err) {
			r.err = err
		}
		if n > 0 {
			return n, nil // what follows, or why nothing does, is for the next Read
		}
	}
	return 0, r.err
}

// brokenOff returns the error of a body as one of the backend, which it is
// whatever the driver makes of it.
func brokenOff(err error) error {
	if sheaf.KindOf(err) != sheaf.ErrInternal {
		return err
	}
	return &sheaf.Error{Kind: sheaf.ErrBackendUnavailable, Message: "a download broke off", Hint: "try again in a moment", Err: err}
}

// stop closes what is open.
func (r *reader) stop() error {
	if r.body == nil {
		return nil
	}
	err := r.body.Close()
	r.watch.end()
	r.body = nil
	return err
}

// Close implements [io.Closer].
func (r *reader) Close() error {
	if r.err == nil {
		r.err = io.ErrClosedPipe
	}
	return r.stop()
}
