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

// Terms implements [blob.Presigner].
func (p *presigner) Terms() blob.Terms { return p.inner.Terms() }

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
	body, err := p.backend.openOnce(ctx, func(ctx context.Context) (body io.ReadCloser, err error) {
		body, staged, err = p.inner.OpenStaged(ctx, name)
		return body, err
	})
	if err != nil {
		return nil, blob.Staged{}, err
	}
	return body, staged, nil
}

// ListStaged implements [blob.Presigner].
func (p *presigner) ListStaged(ctx context.Context, yield func(blob.Staged) error) error {
	return listing(p.backend, ctx, p.inner.ListStaged, yield)
}

// DeleteStaged implements [blob.Presigner].
func (p *presigner) DeleteStaged(ctx context.Context, name string) error {
	return p.backend.try(ctx, func(ctx context.Context) error { return p.inner.DeleteStaged(ctx, name) })
}

// PutTemp implements [blob.Materializer]. It is one attempt, because the body can
// be read once only.
func (p *presigner) PutTemp(ctx context.Context, name string, body io.Reader, size int64, mimeType string) error {
	m, err := p.materializer()
	if err != nil {
		return err
	}
	sent := &watchedBody{body: body}
	return p.backend.newTries(ctx).uploading(size).attempt(func(ctx context.Context, w *watch) error {
		sent.watch = w
		return m.PutTemp(ctx, name, sent, size, mimeType)
	})
}

// StatTemp implements [blob.Materializer].
func (p *presigner) StatTemp(ctx context.Context, name string) (temp blob.Staged, err error) {
	m, err := p.materializer()
	if err != nil {
		return temp, err
	}
	err = p.backend.try(ctx, func(ctx context.Context) (err error) {
		temp, err = m.StatTemp(ctx, name)
		return err
	})
	return temp, err
}

// PresignTemp implements [blob.Materializer].
func (p *presigner) PresignTemp(ctx context.Context, name string, in blob.Download) (grant blob.Grant, err error) {
	m, err := p.materializer()
	if err != nil {
		return grant, err
	}
	err = p.backend.try(ctx, func(ctx context.Context) (err error) {
		grant, err = m.PresignTemp(ctx, name, in)
		return err
	})
	return grant, err
}

// ListTemp implements [blob.Materializer].
func (p *presigner) ListTemp(ctx context.Context, yield func(blob.Staged) error) error {
	m, err := p.materializer()
	if err != nil {
		return err
	}
	return listing(p.backend, ctx, m.ListTemp, yield)
}

// DeleteTemp implements [blob.Materializer].
func (p *presigner) DeleteTemp(ctx context.Context, name string) error {
	m, err := p.materializer()
	if err != nil {
		return err
	}
	return p.backend.try(ctx, func(ctx context.Context) error { return m.DeleteTemp(ctx, name) })
}

// materializer returns the backend as one in which temporary objects can lie.
func (p *presigner) materializer() (blob.Materializer, error) {
	if m, ok := p.inner.(blob.Materializer); ok {
		return m, nil
	}
	return nil, sheaf.Errorf(sheaf.ErrUnsupported, "nothing temporary can lie in the backend")
}
