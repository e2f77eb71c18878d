package resilient

import (
	"context"
	"io"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// WrapNames returns names that make the best of n, which are of b, as [Wrap] does of
// a backend.
func WrapNames(b blob.Backend, n blob.Names, o Options) blob.Names {
	return &names{newBackend(b, o), n}
}

// names are objects by names that are read and written through a backend.
type names struct {
	backend *backend
	inner   blob.Names
}

// ListNames implements [blob.Names].
func (n *names) ListNames(ctx context.Context, each func(blob.NamedObject) error) error {
	return listing(n.backend, ctx, n.inner.ListNames, each)
}

// OpenName implements [blob.Names]. What breaks off while it is read is not gone
// on with: it may have been replaced meanwhile.
func (n *names) OpenName(ctx context.Context, name string) (io.ReadCloser, error) {
	return n.backend.openOnce(ctx, func(ctx context.Context) (io.ReadCloser, error) { return n.inner.OpenName(ctx, name) })
}

// PutName implements [blob.Names].
func (n *names) PutName(ctx context.Context, name string, body io.Reader, size int64) error {
	return n.backend.put(ctx, "write "+sheaf.Clip(name), body, size, func(ctx context.Context, body io.Reader) error {
		return n.inner.PutName(ctx, name, body, size)
	})
}
