package blob_test

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/fsblob"
	"github.com/sheaf-dev/sheaf/internal/blob/memblob"
	"github.com/sheaf-dev/sheaf/internal/blob/s3blob"
	"github.com/sheaf-dev/sheaf/internal/blob/s3test"
)

// The other backends of a copyStore.
const (
	onOtherDisk   = "other disk"
	inOtherMemory = "other memory"
)

// A copyStore has two backends of files and two that are none.
type copyStore struct {
	*testStore
	backends map[string]blob.Backend
}

func newCopyStore(t testing.TB, sealed ...string) *copyStore {
	t.Helper()
	s := newStore(t, blob.Options{})
	other, err := fsblob.New(filepath.Join(filepath.Dir(s.root), "other"))
	if err != nil {
		t.Fatal(err)
	}
	c := &copyStore{s, map[string]blob.Backend{onDisk: s.disk, inMemory: s.memory, onOtherDisk: other, inOtherMemory: memblob.New()}}
	return c.opened(t, keyring(t, oneKey), sealed...)
}

// opened returns a store over the same backends, with other keys.
func (s *copyStore) opened(t testing.TB, keys *blob.Keyring, sealed ...string) *copyStore {
	t.Helper()
	opened := &testStore{spool: s.spool, root: s.root, disk: s.disk, memory: s.memory}
	var err error
	opened.Store, err = blob.NewStore(blob.Options{SpoolDir: s.spool, InlineLimit: 1000, DeflateLimit: 200_000, Keys: keys, Sealed: sealed,
		Backends: s.backends, OnDamage: func(blob.Ref, error) { opened.damages.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	return &copyStore{opened, s.backends}
}

// copiedContents are stored in each of the ways there are, and end at and behind
// the border of a package, should they be sealed.
func copiedContents() map[string][]byte {
	return map[string][]byte{
		"small and deflated":       text(900),
		"small":                    blobtest.Random(500),
		"large and deflated":       text(150_000),
		"one package":              blobtest.Random(packagePlain),
		"one package and a byte":   blobtest.Random(packagePlain + 1),
		"three packages and a bit": blobtest.Random(3*packagePlain + 100),
	}
}

func (s *copyStore) copyRef(t testing.TB, from blob.Ref, backend string) blob.Ref {
	t.Helper()
	to, err := s.CopyRef(from, backend)
	if err != nil {
		t.Fatalf("CopyRef to the %s: %v", backend, err)
	}
	return to
}

// object returns the bytes of a blob as its backend has them, nil if it has none.
func (s *copyStore) object(t testing.TB, ref blob.Ref) []byte {
	t.Helper()
	stored, err := s.backends[ref.Backend].Open(t.Context(), ref.Key(), 0, -1)
	if sheaf.KindOf(err) == sheaf.ErrNotFound {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	read, err := io.ReadAll(stored)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// setObject replaces what a backend has of a blob.
func (s *copyStore) setObject(t testing.TB, ref blob.Ref, stored []byte) {
	t.Helper()
	b := s.backends[ref.Backend]
	if err := b.Delete(t.Context(), ref.Key()); err != nil {
		t.Fatal(err)
	}
	if err := b.Put(t.Context(), ref.Key(), bytes.NewReader(stored), int64(len(stored))); err != nil {
		t.Fatal(err)
	}
}

// clear deletes all objects of a backend, and returns how many there were.
func (s *copyStore) clear(t testing.TB, backend string) (n int) {
	t.Helper()
	var keys []blob.Key
	err := s.List(t.Context(), backend, func(info blob.Info) error { keys = append(keys, info.Key); return nil })
	for _, key := range keys {
		err = errors.Join(err, s.Delete(t.Context(), backend, key))
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(keys)
}

// wantCopy compares a copy with its source, and what its backend has with what is
// to be seen there.
func (s *copyStore) wantCopy(t testing.TB, from, to blob.Ref, content []byte, sealed bool) {
	t.Helper()
	if (to.Seal != nil) != sealed || to.IsInline() {
		t.Errorf("the copy is sealed: %t, inline: %t; want %t and not", to.Seal != nil, to.IsInline(), sealed)
	}
	if to.Digest != from.Digest || to.Size != from.Size || to.CRC32 != from.CRC32 || to.Encoding != from.Encoding || to.StoredSize != from.StoredSize {
		t.Errorf("the copy is %+v, want the form of %+v", to, from)
	}
	if sealed && from.Seal != nil && to.Key() == from.Key() {
		t.Error("the copy is sealed by the key of its source")
	}
	checkContent(t, s.testStore, to, content)
	stored := s.object(t, to)
	if int64(len(stored)) != to.ObjectSize() {
		t.Errorf("the object has %d bytes, want %d", len(stored), to.ObjectSize())
	}
	if sealed && (bytes.Contains(stored, content[:40]) || string(to.Key()) == to.Digest.String()) {
		t.Error("the object shows something of the content")
	}
}

// Between all kinds of backends, sealed or not, from the catalog or from the
// backend, alone or together: the copy is the content in the same form, and
// sealed if its backend is.
func TestCopy(t *testing.T) {
	t.Parallel()
	for _, sealed := range [][]string{nil, {onDisk, inMemory}, {onOtherDisk, inOtherMemory}, {onDisk, inMemory, onOtherDisk, inOtherMemory}} {
		for _, source := range []string{onDisk, inMemory} {
			for _, target := range []string{onOtherDisk, inOtherMemory} {
				s := newCopyStore(t, sealed...)
				var from, to []blob.Ref
				for what, content := range copiedContents() {
					ref := s.sealed(t, source, content)
					t.Logf("%s, sealed are %v: from the %s to the %s", what, sealed, source, target)
					copied := s.copyRef(t, ref, target)
					if err := s.Copy(t.Context(), ref, copied); err != nil {
						t.Fatalf("Copy: %v", err)
					}
					s.wantCopy(t, ref, copied, content, slices.Contains(sealed, target))
					from, to = append(from, ref), append(to, s.copyRef(t, ref, target))
					if ref.IsInline() { // what was drained is copied from there
						if err := s.PlaceBatch(t.Context(), source, []blob.Ref{ref}); err != nil {
							t.Fatal(err)
						}
						ref.Inline = nil
						from, to = append(from, ref), append(to, s.copyRef(t, ref, target))
					}
				}
				for _, scratch := range []int{0, 1000, 1 << 20} {
					if err := s.CopySmall(t.Context(), from, to, make([]byte, 0, scratch)); err != nil {
						t.Fatalf("CopySmall with a scratch of %d bytes: %v", scratch, err)
					}
					for i := range from {
						content := copiedContents()[s.named(from[i].Digest)]
						s.wantCopy(t, from[i], to[i], content, slices.Contains(sealed, target))
					}
					s.clear(t, target)
				}
				if n := s.damages.Load(); n != 0 {
					t.Errorf("%d damages were told of", n)
				}
			}
		}
	}
}

// named returns which of the copied contents has a digest.
func (*copyStore) named(digest sheaf.Digest) string {
	for name, content := range copiedContents() {
		if sheaf.DigestOf(content) == digest {
			return name
		}
	}
	return ""
}

// What is sealed, or unsealed, on its way to a bucket or from there.
func TestCopyToABucket(t *testing.T) {
	t.Parallel()
	bucket, err := s3blob.New(s3test.Start(t).Bucket(t, "copies"))
	if err != nil {
		t.Fatal(err)
	}
	for _, sealed := range [][]string{{onDisk}, {inOtherMemory}, {onDisk, inOtherMemory}} {
		s := newCopyStore(t)
		s.backends[inOtherMemory] = bucket
		s = s.opened(t, keyring(t, oneKey), sealed...)
		for _, content := range copiedContents() {
			there := s.sealed(t, onDisk, content)
			copied := s.copyRef(t, there, inOtherMemory)
			if err := s.Copy(t.Context(), there, copied); err != nil {
				t.Fatalf("Copy to the bucket: %v", err)
			}
			s.wantCopy(t, there, copied, content, slices.Contains(sealed, inOtherMemory))
			back := s.copyRef(t, copied, onOtherDisk)
			if err := s.CopySmall(t.Context(), []blob.Ref{copied}, []blob.Ref{back}, nil); err != nil {
				t.Fatalf("CopySmall from the bucket: %v", err)
			}
			s.wantCopy(t, copied, back, content, false)
			if err := bucket.Delete(t.Context(), copied.Key()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Where a copy is sealed its source can be read again from the first byte, if that
// can be, for a backend that has to send it twice.
func TestCopyIsRepeatable(t *testing.T) {
	t.Parallel()
	s := newCopyStore(t)
	twice := &readingTwice{Backend: s.memory, t: t}
	s.backends[inMemory] = twice
	s = s.opened(t, keyring(t, oneKey), inMemory)
	for _, content := range copiedContents() {
		ref := s.store(t, onDisk, content)
		copied := s.copyRef(t, ref, inMemory)
		if err := s.Copy(t.Context(), ref, copied); err != nil {
			t.Fatal(err)
		}
		checkContent(t, s.testStore, copied, content)
	}
	if twice.put != len(copiedContents()) {
		t.Errorf("%d objects were put", twice.put)
	}
}

// A source that is not what it was fails the copy, or the copy does not pass for
// the content. It never becomes a good copy of something else.
func TestCopyOfWhatIsDamaged(t *testing.T) {
	t.Parallel()
	damages := map[string]func([]byte) []byte{
		"a bit flipped":        func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"the last bit":         func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"a byte less":          func(b []byte) []byte { return b[:len(b)-1] },
		"a byte more":          func(b []byte) []byte { return append(b, 0) },
		"cut between packages": func(b []byte) []byte { return b[:min(packageSealed, len(b)-1)] },
		"nothing left":         func([]byte) []byte { return []byte{} },
		"not there":            nil,
	}
	for _, sealed := range [][]string{{inOtherMemory}, {onDisk, inMemory}, {onDisk, inMemory, inOtherMemory}} {
		for _, source := range []string{onDisk, inMemory} {
			s := newCopyStore(t, sealed...)
			for what, damage := range damages {
				for name, content := range copiedContents() {
					t.Logf("%s of %s, sealed are %v, from the %s", what, name, sealed, source)
					s.clear(t, source)
					good := s.sealed(t, source, content)
					bad := good
					switch {
					case good.IsInline() && damage == nil:
						continue
					case good.IsInline():
						bad.Inline = damage(bytes.Clone(good.Inline))
					case damage == nil:
						s.backends[source].Delete(t.Context(), good.Key())
					default:
						s.setObject(t, good, damage(s.object(t, good)))
					}
					s.wantNoGoodCopy(t, bad, content)
				}
			}
		}
	}
}

// wantNoGoodCopy copies a damaged blob in both ways. What is left has to be found
// bad, unless it is the content after all.
func (s *copyStore) wantNoGoodCopy(t *testing.T, bad blob.Ref, content []byte) {
	t.Helper()
	isSealed := bad.Seal != nil
	ways := map[string]func(to blob.Ref) error{
		"Copy": func(to blob.Ref) error { return s.Copy(t.Context(), bad, to) },
		"CopySmall": func(to blob.Ref) error {
			return s.CopySmall(t.Context(), []blob.Ref{bad}, []blob.Ref{to}, make([]byte, 0, 1<<20))
		},
	}
	for way, do := range ways {
		to := s.copyRef(t, bad, inOtherMemory)
		err := do(to)
		switch {
		case err != nil && len(s.object(t, to)) > 0:
			t.Errorf("%s fails with %v, and leaves an object of %d bytes", way, err, len(s.object(t, to)))
		case err == nil && isSealed:
			t.Errorf("%s of what does not unseal succeeds", way)
		case err == nil && s.Verify(t.Context(), bad) != nil:
			if verified := s.Verify(t.Context(), to); verified == nil {
				checkContent(t, s.testStore, to, content) // what it had too much was left behind
			} else if sheaf.KindOf(verified) != sheaf.ErrDamaged {
				t.Errorf("Verify of what %s has made: %v, want damaged", way, verified)
			}
		}
		if err != nil && sheaf.KindOf(s.Verify(t.Context(), bad)) != sheaf.ErrDamaged {
			t.Errorf("%s fails with %v, and the source is not said to be damaged", way, err)
		}
		if err := s.backends[inOtherMemory].Delete(t.Context(), to.Key()); err != nil {
			t.Fatal(err)
		}
	}
}

// Without the master key of the source, or of the target, nothing is copied, and
// nothing is damaged: the key is named.
func TestCopyWithoutMasterKey(t *testing.T) {
	t.Parallel()
	s := newCopyStore(t, onDisk, inOtherMemory)
	for _, content := range copiedContents() {
		from := s.sealed(t, onDisk, content)
		to := s.copyRef(t, from, inOtherMemory)
		for _, keys := range []*blob.Keyring{nil, keyring(t, otherKey)} {
			without := s.opened(t, keys, onDisk, inOtherMemory)
			wantUnavailable := func(what string, err error) {
				t.Helper()
				if sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
					t.Errorf("%s without its master key: %v, want backend_unavailable", what, err)
				}
			}
			plain := to
			plain.Backend, plain.Seal = onOtherDisk, nil
			wantUnavailable("Copy of a sealed blob", without.Copy(t.Context(), from, plain))
			wantUnavailable("CopySmall of a sealed blob", without.CopySmall(t.Context(), []blob.Ref{from}, []blob.Ref{plain}, nil))
			source := without.store(t, inMemory, content)
			wantUnavailable("Copy to what is sealed", without.Copy(t.Context(), source, to))
			wantUnavailable("CopySmall to what is sealed", without.CopySmall(t.Context(), []blob.Ref{source}, []blob.Ref{to}, nil))
			without.Lock(inOtherMemory, from.Seal.MasterKey)
			_, err := without.CopyRef(source, inOtherMemory)
			wantUnavailable("CopyRef to a locked backend", err)
			if n := without.damages.Load(); n != 0 {
				t.Errorf("%d healthy blobs are said to be damaged", n)
			}
			for _, ref := range []blob.Ref{plain, to} {
				if len(s.object(t, ref)) > 0 {
					t.Error("something was put all the same")
				}
			}
		}
		if err := s.Copy(t.Context(), from, to); err != nil {
			t.Errorf("Copy with the key: %v", err)
		}
		checkContent(t, s.testStore, to, content)
	}
}

// A received content is placed on a backend, whose file system takes its file
// over, and then on others, because its collection moves meanwhile, and back.
func TestPlaceElsewhereAfterAll(t *testing.T) {
	t.Parallel()
	names := []string{onDisk, inMemory, onOtherDisk, inOtherMemory}
	for _, sealed := range [][]string{nil, {onDisk}, {onOtherDisk, inOtherMemory}, {inMemory}, names} {
		s := newCopyStore(t, sealed...)
		for _, parked := range []bool{false, true} {
			for what, content := range copiedContents() {
				sp, err := s.Receive(t.Context(), bytes.NewReader(content), -1)
				if err != nil {
					t.Fatal(err)
				}
				if parked { // as what waits for a batch does
					if err := sp.Unload(); err != nil {
						t.Fatal(err)
					}
					if err := sp.Park(); err != nil {
						t.Fatal(err)
					}
				}
				var placed []blob.Ref
				for _, backend := range []string{onDisk, onOtherDisk, inMemory, onDisk, inOtherMemory, onOtherDisk} {
					t.Logf("%s, parked: %t, sealed are %v: to the %s", what, parked, sealed, backend)
					ref, err := sp.RefOn(backend)
					if err != nil {
						t.Fatal(err)
					}
					if (ref.Seal != nil) != slices.Contains(sealed, backend) {
						t.Errorf("it is sealed: %t", ref.Seal != nil)
					}
					if ref.IsInline() { // it would ride in the commit
						checkContent(t, s.testStore, ref, content)
						continue
					}
					if err := s.Place(t.Context(), ref, sp); err != nil {
						t.Fatalf("Place: %v", err)
					}
					placed = append(placed, ref)
				}
				if err := sp.Close(); err != nil {
					t.Fatal(err)
				}
				for _, ref := range placed {
					checkContent(t, s.testStore, ref, content)
				}
				for _, name := range names {
					if n := s.clear(t, name); n != min(1, len(placed)) {
						t.Errorf("%d objects were on the %s, want one at most", n, name)
					}
				}
			}
		}
		wantEmptySpool(t, s.testStore)
	}
}
