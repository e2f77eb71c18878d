package blob

import (
	"context"
	"io"
)

// A Materializer is a backend in which temporary objects can lie for a while, for
// others to download without passing through Sheaf. They are apart from the
// objects and from what is staged: neither List nor ListStaged sees them. Names
// are of 1 to 64 lowercase letters, digits and hyphens.
//
// Of a backend that is wrapped it may turn out only when it is asked that it has
// no place for them: then the error is ErrUnsupported.
type Materializer interface {
	// PutTemp stores size bytes of body, of a MIME type, in the place of an object
	// of that name. When it fails, an object that is shorter may be left: there are
	// servers that keep what arrived of a body that was sent while it was made.
	// ErrTooLarge is for more than such an object can have, and comes before the
	// first read. Body is read once.
	PutTemp(ctx context.Context, name string, body io.Reader, size int64, mimeType string) error

	// StatTemp fails with ErrNotFound when there is no such object.
	StatTemp(ctx context.Context, name string) (Staged, error)

	// PresignTemp grants reading the object. It may fail with ErrNotFound when
	// there is none.
	PresignTemp(ctx context.Context, name string, in Download) (Grant, error)

	// ListTemp calls yield for every temporary object, in any order, until it
	// returns an error, which ListTemp returns.
	ListTemp(ctx context.Context, yield func(Staged) error) error

	// DeleteTemp removes the object. Removing what is not there is success.
	DeleteTemp(ctx context.Context, name string) error
}

// Materializer returns a backend as one in which temporary objects can lie; ok is
// false when it is none.
func (s *Store) Materializer(backend string) (materializer Materializer, ok bool) {
	materializer, ok = s.backends[backend].(Materializer)
	return materializer, ok
}
