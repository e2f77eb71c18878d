package blob

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"time"
)

// A Grant is a request that its holder may make of a backend without asking
// Sheaf, until it expires.
type Grant struct {
	Method  string
	URL     string
	Header  http.Header // what is signed and has to be sent as it is; nil if nothing
	Expires time.Time   // when the backend refuses it, whatever lifetime was asked for
}

// A Download is what a grant to read an object asks of its answer.
type Download struct {
	Filename string // of the Content-Disposition; none if empty
	MIME     string // of the Content-Type, see [Terms]; the backend's if empty
	Lifetime time.Duration
}

// An Upload is what a grant to write is about. Whether the backend refuses any
// other is in its [Terms].
type Upload struct {
	Size     int64
	MIME     string
	SHA256   string // lowercase hexadecimal; empty if it is not known
	Lifetime time.Duration
}

// Terms are what the grants of a backend hold to beyond what all do. Protocols
// differ in what a signature covers.
type Terms struct {
	// MIME: a download has the Content-Type that was asked for. Elsewhere it is
	// application/octet-stream.
	MIME bool

	// Bound: an upload of another size or type is refused, and one of another
	// digest where that was given. Elsewhere it is staged as what it is.
	Bound bool

	// Timely: no upload is taken after the lifetime that was asked for.
	// Elsewhere the backend has one of its own.
	Timely bool
}

// A Presigner is a backend that lets others read its objects and upload to it
// without passing through Sheaf. What is uploaded lands in a staging area,
// which Open, Stat and List never see: only what Sheaf has read and verified
// itself becomes an object.
//
// Of every grant a caller may rely on this: it is good for the one method and the
// one object or name that it was made for, it is refused after Grant.Expires, and
// an upload that is cut off leaves nothing. A caller does not rely on the size,
// the type or the digest of what is staged, and not on the name being empty once
// it was deleted, before the grant expires.
type Presigner interface {
	// Terms says what else its grants hold to. It makes no request.
	Terms() Terms

	// PresignGet grants reading an object as it is stored, for the lifetime
	// that was asked for or less. Of an object that is not there it fails with
	// ErrNotFound, or the grant is refused when it is used.
	PresignGet(ctx context.Context, key Key, in Download) (Grant, error)

	// PresignPut grants an upload to the staging area. The name is a
	// [StagedName] that was never used before; any other is an error.
	PresignPut(ctx context.Context, name string, in Upload) (Grant, error)

	// OpenStaged reads what was uploaded, and says how large it is. It fails
	// with ErrNotFound as long as the upload is not complete. The caller closes
	// the reader.
	OpenStaged(ctx context.Context, name string) (io.ReadCloser, Staged, error)

	// ListStaged calls yield for every upload there is, in any order, until it
	// returns an error, which ListStaged returns.
	ListStaged(ctx context.Context, yield func(Staged) error) error

	// DeleteStaged removes an upload. Removing what is not there is success.
	DeleteStaged(ctx context.Context, name string) error
}

var stagedName = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// StagedName reports whether an upload can have a name: 1 to 64 lowercase
// letters, digits and hyphens. Drivers that make paths of names rely on it.
func StagedName(name string) bool { return stagedName.MatchString(name) }

// Presigner returns a backend as one that lets others read and upload by
// themselves; ok is false when it does not.
func (s *Store) Presigner(backend string) (presigner Presigner, ok bool) {
	presigner, ok = s.backends[backend].(Presigner)
	return presigner, ok
}

// Staged is an upload that waits to be verified, or a temporary object.
type Staged struct {
	Name     string
	Size     int64
	Modified time.Time
}
