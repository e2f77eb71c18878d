package blob

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/sheaf-dev/sheaf"
)

// Defaults of [Options].
const (
	DefaultInlineLimit   = 64 << 10
	DefaultDeflateLimit  = 16 << 20
	DefaultVerifiedFiles = 65_536
)

// Options configure a [Store].
type Options struct {
	// SpoolDir is where contents wait while they arrive. On the file system of
	// an fs backend they are adopted there without a copy. It is created when
	// missing; what an earlier process left in it is removed.
	SpoolDir string

	// InlineLimit is how many stored bytes stay in memory, to be kept in the
	// catalog: at most 65,536. 0 is [DefaultInlineLimit], below 0 is none.
	InlineLimit int

	// DeflateLimit is the size in bytes of the largest content that is stored
	// deflated. 0 is [DefaultDeflateLimit], below 0 deflates nothing.
	DeflateLimit int64

	// Backends by the names that Refs give them.
	Backends map[string]Backend

	// Keys are the master keys; nil for none.
	Keys *Keyring

	// Sealed names the backends whose new blobs are sealed. While there are any,
	// what waits in files of the spool is sealed, too.
	Sealed []string

	// OnDamage is called once per detection, from whichever goroutine found it,
	// before the call that found it returns. It may be nil.
	OnDamage func(ref Ref, err error)

	// Owner returns the mark of this store for a backend, of 64 bytes: other
	// stores have others, and so have its other backends. Nothing is written to a
	// backend that has another mark, see [Store.Claim]. Nil: whose backends are
	// is not looked at.
	Owner func(ctx context.Context, backend string) ([]byte, error)

	// VerifiedFiles bounds how many files, and contents of backends without files,
	// are remembered as verified.
	// 0 is [DefaultVerifiedFiles].
	VerifiedFiles int
}

// A Store receives contents, puts them into backends and reads them back. All
// methods may be called concurrently.
type Store struct {
	spoolDir     string
	inlineLimit  int64
	deflateLimit int64
	backends     map[string]Backend
	onDamage     func(Ref, error)
	keys         *Keyring
	sealed       map[string]bool  // the backends whose new blobs are sealed
	locked       map[string]error // backends on which nothing can be sealed for now, and why
	owner        func(ctx context.Context, backend string) ([]byte, error)
	owned        map[string]*atomic.Bool // the backends that are known to have this store's mark

	pools    pools
	verified *verifiedFiles
	seed     maphash.Seed // the secret of fingerprints

	// deflating bounds how many large contents are deflated at once. Small ones
	// do not queue behind them.
	deflating chan struct{}
}

// NewStore returns a store over the backends, its spool empty.
func NewStore(o Options) (*Store, error) {
	switch {
	case o.InlineLimit == 0:
		o.InlineLimit = DefaultInlineLimit
	case o.InlineLimit > chunkSize:
		return nil, fmt.Errorf("inline limit of %d bytes: it can be at most %d", o.InlineLimit, chunkSize)
	}
	if o.DeflateLimit == 0 {
		o.DeflateLimit = DefaultDeflateLimit
	}
	if o.VerifiedFiles <= 0 {
		o.VerifiedFiles = DefaultVerifiedFiles
	}
	if o.OnDamage == nil {
		o.OnDamage = func(Ref, error) {}
	}
	if err := os.MkdirAll(o.SpoolDir, 0o700); err != nil {
		return nil, fmt.Errorf("create the spool directory: %w", err)
	}
	if err := removeLeftovers(o.SpoolDir); err != nil {
		return nil, err
	}
	s := &Store{
		spoolDir:     o.SpoolDir,
		inlineLimit:  int64(o.InlineLimit),
		deflateLimit: o.DeflateLimit,
		backends:     o.Backends,
		onDamage:     o.OnDamage,
		keys:         o.Keys,
		sealed:       make(map[string]bool, len(o.Sealed)),
		locked:       make(map[string]error),
		owner:        o.Owner,
		owned:        make(map[string]*atomic.Bool, len(o.Backends)),
		verified:     newVerifiedFiles(o.VerifiedFiles),
		seed:         maphash.MakeSeed(),
		deflating:    make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
	for backend := range o.Backends {
		s.owned[backend] = new(atomic.Bool)
	}
	for _, backend := range o.Sealed {
		s.sealed[backend] = true
		if o.Keys == nil {
			s.Lock(backend)
		}
	}
	return s, nil
}

// removeLeftovers removes the spool files that a killed process left with a
// name, and nothing else that may be in dir.
func removeLeftovers(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read the spool directory: %w", err)
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() && strings.HasPrefix(entry.Name(), spoolPrefix) {
			if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
				return fmt.Errorf("remove a leftover of the spool: %w", err)
			}
		}
	}
	return nil
}

// Place makes a received content durable as the blob ref: what [Spooled.RefOn]
// has returned, but with the seal that the catalog has for it. The caller still
// closes sp. It may be called again, for the same blob or for one on another
// backend, when what was to follow has to be done again.
func (s *Store) Place(ctx context.Context, ref Ref, sp *Spooled) error {
	b, err := s.writable(ctx, ref.Backend)
	if err != nil {
		return err
	}
	switch sp.adopted.Backend {
	case "":
	case ref.Backend:
		return stillPlaced(ctx, b, ref)
	default: // it is needed elsewhere, after all
		return s.Copy(ctx, sp.adopted, ref)
	}
	if sp.bytes.isParked() {
		if err := sp.bytes.unpark(); err != nil {
			return err
		}
		defer sp.bytes.park()
	}
	if !sp.isSealedAs(ref) {
		return s.reseal(ctx, b, ref, sp)
	}
	if adopter, ok := b.(FileAdopter); ok && sp.IsOpen() {
		if err := sp.Sync(); err != nil {
			return err
		}
		if err := adopter.Adopt(ctx, ref.Key(), sp.bytes.file); sheaf.KindOf(err) != sheaf.ErrUnsupported {
			if err == nil {
				sp.adopted = ref
			}
			return err
		}
	}
	return b.Put(ctx, ref.Key(), sp.bytes.raw(), ref.ObjectSize())
}

// reseal puts a received content that is sealed otherwise than the blob is to be,
// or is sealed and the blob is not to be.
func (s *Store) reseal(ctx context.Context, b Backend, ref Ref, sp *Spooled) error {
	if ref.Seal == nil {
		return b.Put(ctx, ref.Key(), sp.bytes.reader(), ref.StoredSize)
	}
	key, err := s.dataKey(ref)
	if err != nil {
		return fmt.Errorf("place %s: %w", ref.Digest, err)
	}
	return b.Put(ctx, ref.Key(), key.sealing(ref.StoredSize, sp.bytes.reader), ref.ObjectSize())
}

// stillPlaced fails unless a content whose file the backend has adopted is there.
func stillPlaced(ctx context.Context, b Backend, ref Ref) error {
	info, err := b.Stat(ctx, ref.Key())
	switch {
	case err == nil && info.Size == ref.ObjectSize():
		return nil
	case err != nil && sheaf.KindOf(err) != sheaf.ErrNotFound:
		return err
	}
	return sheaf.Errorf(sheaf.ErrUnavailable, "the stored copy of this content is gone again").WithHint("try again: it will be stored anew")
}

// PlaceBatch makes the inline bytes of refs durable in the backend. When it
// fails, any of them may be there. A few hundred at once is best: the backend
// may hold a file descriptor for each.
func (s *Store) PlaceBatch(ctx context.Context, backend string, refs []Ref) error {
	b, err := s.writable(ctx, backend)
	if err != nil {
		return err
	}
	objects := make([]Small, len(refs))
	for i, ref := range refs {
		if int64(len(ref.Inline)) != ref.ObjectSize() {
			return fmt.Errorf("place %s: %d inline bytes, %d are stored", ref.Digest, len(ref.Inline), ref.ObjectSize())
		}
		objects[i] = Small{Key: ref.Key(), Bytes: ref.Inline}
	}
	if putter, ok := b.(BatchPutter); ok {
		return putter.PutBatch(ctx, objects)
	}
	for _, o := range objects {
		if err := b.Put(ctx, o.Key, bytes.NewReader(o.Bytes), int64(len(o.Bytes))); err != nil {
			return err
		}
	}
	return nil
}

// Stat says what the backend knows of an object; ErrNotFound when it is not there.
func (s *Store) Stat(ctx context.Context, backend string, key Key) (Info, error) {
	b, err := s.backend(backend)
	if err != nil {
		return Info{}, err
	}
	return b.Stat(ctx, key)
}

// List calls yield for every object of the backend but its mark, in any order,
// until it returns an error, which List returns.
func (s *Store) List(ctx context.Context, backend string, yield func(Info) error) error {
	b, err := s.backend(backend)
	if err != nil {
		return err
	}
	return b.List(ctx, func(info Info) error {
		if info.Key == MarkKey {
			return nil
		}
		return yield(info)
	})
}

// Delete removes an object. Deleting what is not there is success.
func (s *Store) Delete(ctx context.Context, backend string, key Key) error {
	b, err := s.writable(ctx, backend)
	if err != nil {
		return err
	}
	return b.Delete(ctx, key)
}

// Quarantine takes a damaged object away from its key, so that the next
// content with its digest is stored afresh. Where the backend cannot put
// objects aside, it is deleted.
func (s *Store) Quarantine(ctx context.Context, backend string, key Key) error {
	b, err := s.writable(ctx, backend)
	if err != nil {
		return err
	}
	if q, ok := b.(Quarantiner); ok {
		return q.Quarantine(ctx, key)
	}
	return b.Delete(ctx, key)
}

// Presigns reports whether the backend is a [Presigner] for contents as they
// are: what is sealed has to pass through the server.
func (s *Store) Presigns(backend string) bool {
	_, ok := s.backends[backend].(Presigner)
	return ok && !s.Seals(backend)
}

// Unquarantine puts an object that was put aside under its key again, unless one
// is there. It fails with ErrNotFound when there is none.
func (s *Store) Unquarantine(ctx context.Context, backend string, key Key) error {
	b, err := s.backend(backend)
	if err != nil {
		return err
	}
	u, ok := b.(Unquarantiner)
	if ok {
		if err = u.Unquarantine(ctx, key); sheaf.KindOf(err) == sheaf.ErrUnsupported {
			ok = false
		}
	}
	if !ok {
		return sheaf.Errorf(sheaf.ErrNotFound, "the storage backend %q gives back nothing that was put aside", backend)
	}
	return err
}

// IsLocal reports whether the objects of a backend are files of this machine.
func (s *Store) IsLocal(backend string) bool {
	_, ok := s.backends[backend].(FileOpener)
	return ok
}

func (s *Store) backend(name string) (Backend, error) {
	if b, ok := s.backends[name]; ok {
		return b, nil
	}
	return nil, sheaf.Errorf(sheaf.ErrBackendUnavailable, "no storage backend is named %q", name).
		WithHint("add it to the configuration again: the catalog refers to it")
}

// damaged tells of a damage and returns its error. The caller passes the error
// on, so that it is told once.
func (s *Store) damaged(ref Ref, cause error) error {
	err := &sheaf.Error{
		Kind:    sheaf.ErrDamaged,
		Message: fmt.Sprintf("the stored bytes of %s in backend %q are damaged", ref.Digest, ref.Backend),
		Hint:    "push the content again, or restore the blob from a backup; `sheaf admin fsck` names every document it belongs to",
		Err:     cause,
	}
	s.onDamage(ref, err)
	return err
}

// unlessMissing turns the absence of an object that the catalog knows into damage.
func (s *Store) unlessMissing(ref Ref, err error) error {
	if sheaf.KindOf(err) == sheaf.ErrNotFound {
		return s.damaged(ref, errMissing)
	}
	return fmt.Errorf("open blob %s: %w", ref.Digest, err)
}
