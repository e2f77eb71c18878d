package blob

import (
	"context"
	"io"
	"net/http"
	"time"
)

// A Grant is a request that its holder may make of a backend without asking
// Sheaf, until it expires.
type Grant struct {
	Method  string
	URL     string
	Header  http.Header // what is signed and has to be sent as it is; nil if nothing
	Expires time.Time   // the backend's own, which may be earlier than what was asked for
}

// A Download is what a grant to read an object says of its answer.
type Download struct {
	Filename string // of the Content-Disposition; none if empty
	MIME     string // of the Content-Type; the backend's if empty
	Lifetime time.Duration
}

// An Upload is what a grant to write binds its request to.
type Upload struct {
	Size     int64
	MIME     string
	SHA256   string // lowercase hexadecimal; bound where the backend can when not empty
	Lifetime time.Duration
}

// A Presigner is a backend that lets others read its objects and upload to it
// without passing through Sheaf. What is uploaded lands in a staging area,
// which Get, Stat and List never see: only what Sheaf has read and verified
// itself becomes an object.
type Presigner interface {
	// PresignGet grants reading an object as it is stored. It does not look
	// whether the object is there.
	PresignGet(ctx context.Context, key Key, in Download) (Grant, error)

	// PresignPut grants one upload to the staging area. The name is of 1 to 64
	// lowercase letters, digits and hyphens, and was never used before.
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

// Presigner returns a backend as one that lets others read and upload by
// themselves; ok is false when it does not.
func (s *Store) Presigner(backend string) (presigner Presigner, ok bool) {
	presigner, ok = s.backends[backend].(Presigner)
	return presigner, ok
}

// Staged is an upload that waits to be verified.
type Staged struct {
	Name     string
	Size     int64
	Modified time.Time
}
