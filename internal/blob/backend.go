package blob

import (
	"context"
	"io"
	"os"
	"time"
)

// A Key names an object in a backend: 64 lowercase hexadecimal digits. For an
// unsealed blob it is the digest of its plain content.
type Key string

// Valid reports whether k has the form of a key. Drivers that make paths of
// keys rely on it.
func (k Key) Valid() bool {
	if len(k) != 64 {
		return false
	}
	for i := range len(k) {
		if c := k[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Info is what a backend knows of an object without reading it.
type Info struct {
	Key      Key
	Size     int64 // of the stored bytes
	Modified time.Time
}

// A Backend keeps immutable objects. Package blobtest holds the contract as
// tests, which every driver passes. All methods may be called concurrently.
//
// Errors a caller can act on are sheaf.Errors: ErrNotFound for an object that
// is not there, ErrDiskFull, ErrBackendUnavailable (worth a retry if it
// [Passes]).
type Backend interface {
	// Put stores size bytes of body under key. When an object of that size is
	// there already, a driver may write it again or leave it: keys name contents. An object of
	// another size is replaced: it is damaged, or a stored form that the
	// catalog never came to know. When Put returns nil the object is durable;
	// when it fails, no part of it is visible. A body shorter or longer than
	// size is an error. Put reads body to its end at most once, or from where it
	// stood again if it is an [io.Seeker]; it reads no more once it has returned.
	Put(ctx context.Context, key Key, body io.Reader, size int64) error

	// Open reads length bytes from offset, or all that follow when length is
	// negative. A range that ends behind the object ends with it; one that
	// starts there is empty. The caller closes the reader; ctx is for reading
	// too. It fails with ErrNotFound before the first byte.
	Open(ctx context.Context, key Key, offset, length int64) (io.ReadCloser, error)

	// Stat fails with ErrNotFound when the object is not there.
	Stat(ctx context.Context, key Key) (Info, error)

	// List calls yield for every object, in any order, until it returns an
	// error, which List returns. Objects put or deleted meanwhile may or may
	// not be listed.
	List(ctx context.Context, yield func(Info) error) error

	// Delete removes an object. Deleting what is not there is success.
	Delete(ctx context.Context, key Key) error
}

// A FileAdopter is a backend that can take over a spooled file of the same file
// system instead of copying it.
type FileAdopter interface {
	// Adopt does what Put does with the bytes of f, a file made by
	// [SpoolFile], complete and already synced. The caller still closes f and
	// does not write to it any more. An error of kind ErrUnsupported means that
	// nothing happened and Put should be used.
	Adopt(ctx context.Context, key Key, f *os.File) error
}

// A FileOpener is a backend whose objects are files of this machine, so that
// they can be sent without passing through this process.
type FileOpener interface {
	// OpenFile opens an object for reading. The caller closes it.
	OpenFile(ctx context.Context, key Key) (*os.File, error)
}

// A BatchPutter is a backend that makes many small objects durable cheaper
// than one by one.
type BatchPutter interface {
	// PutBatch does what Put does for each object. When it fails, any subset
	// of the objects may be there, each of them whole and durable.
	PutBatch(ctx context.Context, objects []Small) error
}

// A Small is an object in memory. The backend does not keep Bytes.
type Small struct {
	Key   Key
	Bytes []byte
}

// A Quarantiner is a backend that can put a damaged object aside for
// inspection. Where it is missing, damaged objects are deleted.
type Quarantiner interface {
	// Quarantine takes the object away from its key, so that the next Put
	// stores it afresh. Quarantining what is not there is success.
	Quarantine(ctx context.Context, key Key) error
}

// An Unquarantiner is a Quarantiner that gives back what it has put aside. What
// is read over a network may look damaged because the network is.
type Unquarantiner interface {
	Quarantiner

	// Unquarantine puts the object that was put aside last under its key again,
	// unless one is there. It fails with ErrNotFound when none was put aside,
	// and with ErrUnsupported when it cannot do that.
	Unquarantine(ctx context.Context, key Key) error
}
