package resilient

import (
	"context"
	"io"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

type quarantiner struct {
	backend *backend
	inner   blob.Quarantiner
}

// Quarantine implements [blob.Quarantiner].
func (q *quarantiner) Quarantine(ctx context.Context, key blob.Key) error {
	return q.backend.try(ctx, func(ctx context.Context) error { return q.inner.Quarantine(ctx, key) })
}

// Unquarantine implements [blob.Unquarantiner].
func (q *quarantiner) Unquarantine(ctx context.Context, key blob.Key) error {
	inner, ok := q.inner.(blob.Unquarantiner)
	if !ok {
		return sheaf.Errorf(sheaf.ErrUnsupported, "the backend gives back nothing that was put aside")
	}
	return q.backend.try(ctx, func(ctx context.Context) error { return inner.Unquarantine(ctx, key) })
}

type presigner struct {
	backend *backend
	inner   blob.Presigner
}

// PresignGet implements [blob.Presigner].
func (p *presigner) PresignGet(ctx context.Context, key blob.Key, in blob.Download) (grant blob.Grant, err error) {
	err = p.backend.try(ctx, func(ctx context.Context) (err error) {
		grant, err = p.inner.PresignGet(ctx, key, in)
		return err
	})
	return grant, err
}

// PresignPut implements [blob.Presigner].
func (p *presigner) PresignPut(ctx context.Context, name string, in blob.Upload) (grant blob.Grant, err error) {
	err = p.backend.try(ctx, func(ctx context.Context) (err error) {
		grant, err = p.inner.PresignPut(ctx, name, in)
		return err
	})
	return grant, err
}

// OpenStaged implements [blob.Presigner]. What breaks off while it is read is not
// gone on with: an upload has no digest that would tell whether it was replaced.
func (p *presigner) OpenStaged(ctx context.Context, name string) (io.ReadCloser, blob.Staged, error) {
	var staged blob.Staged
	tries := p.backend.newTries(ctx)
	r := &reader{tries: tries, open: func(ctx context.Context, _ int64) (body io.ReadCloser, err error) {
		body, staged, err = p.inner.OpenStaged(ctx, name)
		return body, err
	}}
	if err := r.start(); err != nil {
		return nil, blob.Staged{}, err
	}
	tries.failed = len(pauses)
	return r, staged, nil
}

// ListStaged implements [blob.Presigner].
func (p *presigner) ListStaged(ctx context.Context, yield func(blob.Staged) error) error {
	return listing(p.backend, ctx, p.inner.ListStaged, yield)
}

// DeleteStaged implements [blob.Presigner].
func (p *presigner) DeleteStaged(ctx context.Context, name string) error {
	return p.backend.try(ctx, func(ctx context.Context) error { return p.inner.DeleteStaged(ctx, name) })
}
