package blob_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
)

// Sizes of a package of sealed bytes.
const (
	packagePlain  = 64 << 10
	packageSealed = packagePlain + 32
)

var (
	oneKey   = strings.Repeat("01", 32)
	otherKey = strings.Repeat("02", 32)
)

func keyring(t failer, text string) *blob.Keyring {
	t.Helper()
	keys, err := blob.ParseKeyring(text)
	if err != nil {
		t.Fatalf("ParseKeyring: %v", err)
	}
	return keys
}

// sealedStore is smallStore, and what is new on both its backends is sealed.
func sealedStore(t testing.TB) *testStore {
	return newStore(t, blob.Options{InlineLimit: 1000, DeflateLimit: 200_000, Keys: keyring(t, oneKey), Sealed: []string{onDisk, inMemory}})
}

// sealed receives content and makes a blob of it. Inline bytes outlive the spool.
func (s *testStore) sealed(t failer, backend string, content []byte) blob.Ref {
	t.Helper()
	sp, err := s.Receive(context.Background(), bytes.NewReader(content), -1)
	if err != nil {
		t.Fatalf("Receive of %d bytes: %v", len(content), err)
	}
	defer sp.Close()
	ref, err := sp.RefOn(backend)
	if err != nil {
		t.Fatalf("RefOn of %d bytes: %v", len(content), err)
	}
	if ref.IsInline() {
		ref.Inline = bytes.Clone(ref.Inline)
		return ref
	}
	return s.place(t, backend, sp)
}

// everything returns the names and bytes of all that is below the store's directories.
func (s *testStore) everything(t failer) []byte {
	t.Helper()
	var all []byte
	for _, dir := range []string{s.spool, s.root} {
		err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
			if err != nil || info.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			all = append(append(all, path...), b...)
			return err
		})
		if err != nil {
			t.Fatalf("reading what is on disk: %v", err)
		}
	}
	return all
}

func TestSealed(t *testing.T) {
	s := sealedStore(t)
	rapid.Check(t, func(t *rapid.T) {
		content := contents().Draw(t, "content")
		backend := rapid.SampledFrom([]string{onDisk, inMemory}).Draw(t, "backend")
		ref := s.sealed(t, backend, content)
		if (ref.Seal != nil) != (len(content) > 0) {
			t.Fatalf("the seal of %d bytes is %v", len(content), ref.Seal)
		}
		checkContent(t, s, ref, content)
		if ref.IsInline() && len(content) > 0 {
			if err := s.PlaceBatch(context.Background(), backend, []blob.Ref{ref}); err != nil {
				t.Fatalf("PlaceBatch: %v", err)
			}
			ref.Inline = nil
			checkContent(t, s, ref, content)
		}
		if err := s.Verify(context.Background(), ref); err != nil {
			t.Errorf("Verify: %v", err)
		}
		info, err := s.Stat(context.Background(), backend, ref.Key())
		if len(content) > 0 && (err != nil || info.Size != ref.ObjectSize()) {
			t.Errorf("Stat: %+v, %v, want %d bytes", info, err, ref.ObjectSize())
		}
	})
	wantEmptySpool(t, s)
}

// Neither a content nor its digest can be seen in what is stored, or in the spool.
func TestSealedShowsNothing(t *testing.T) {
	s := sealedStore(t)
	marker := []byte("the marker of a secret")
	for _, content := range [][]byte{
		append(bytes.Clone(marker), blobtest.Random(300_000)...), // in the spool's file, and stored as it is
		append(bytes.Clone(marker), text(150_000)...),            // in the spool's file before it is deflated
		append(bytes.Clone(marker), blobtest.Random(2000)...),    // small
	} {
		sp, err := s.Receive(t.Context(), bytes.NewReader(content), -1)
		if err != nil {
			t.Fatal(err)
		}
		digest := sp.Ref().Digest
		for _, when := range []string{"in the spool", "in the backend"} {
			if when == "in the backend" {
				s.place(t, onDisk, sp)
			}
			stored := s.everything(t)
			for what, secret := range map[string][]byte{"content": marker, "digest": []byte(digest.String()), "digest in binary": digest[:]} {
				if bytes.Contains(stored, secret) {
					t.Errorf("the %s of %d bytes is readable %s", what, len(content), when)
				}
			}
		}
		sp.Close()
	}
	ref := s.sealed(t, onDisk, append(bytes.Clone(marker), "inline"...))
	if bytes.Contains(ref.Inline, marker) {
		t.Error("inline bytes are readable")
	}
}

// Ranges that begin and end at, before and behind every border of a package.
func TestSealedRanges(t *testing.T) {
	s := newStore(t, blob.Options{InlineLimit: -1, DeflateLimit: -1, Keys: keyring(t, oneKey), Sealed: []string{onDisk, inMemory}})
	for _, size := range []int{1, packagePlain - 1, packagePlain, packagePlain + 1, 2 * packagePlain, 3*packagePlain + 5} {
		content := blobtest.Random(size)
		var offsets []int
		for border := 0; border <= size+packagePlain; border += packagePlain {
			for _, offset := range []int{border - 1, border, border + 1} {
				if offset >= 0 && offset <= size {
					offsets = append(offsets, offset)
				}
			}
		}
		offsets = append(offsets, size)
		for _, backend := range []string{onDisk, inMemory} {
			ref := s.sealed(t, backend, content)
			for _, from := range offsets {
				for _, to := range offsets {
					if to < from {
						continue
					}
					c, err := s.Open(t.Context(), ref)
					if err != nil {
						t.Fatal(err)
					}
					r, err := c.Reader()
					if err != nil {
						t.Fatal(err)
					}
					if _, err := r.Seek(int64(from), io.SeekStart); err != nil {
						t.Fatal(err)
					}
					got, err := io.ReadAll(io.LimitReader(r, int64(to-from)))
					if err != nil || !bytes.Equal(got, content[from:to]) {
						t.Errorf("bytes %d to %d of %d on %s: %d, %v", from, to, size, backend, len(got), err)
					}
					c.Close()
				}
				stored, err := s.OpenStored(t.Context(), ref, int64(from))
				if err != nil {
					t.Fatal(err)
				}
				if got, err := io.ReadAll(stored); err != nil || !bytes.Equal(got, content[from:]) {
					t.Errorf("stored bytes from %d of %d on %s: %d, %v", from, size, backend, len(got), err)
				}
				stored.Close()
			}
		}
	}
}

// Whatever is done to the objects or to what the catalog says of them: it is found
// out, in full and in part, and no wrong byte is given out.
func TestSealedTampering(t *testing.T) {
	content := blobtest.Random(3*packagePlain + 100)
	other := blobtest.Random(len(content))
	small, otherSmall := blobtest.Random(500), blobtest.Random(500)
	other[0]++ // Random is always the same
	otherSmall[0]++
	type tampering struct {
		name string
		do   func(s *testStore, ref, other *blob.Ref)
	}
	object := func(change func([]byte) []byte) func(*testStore, *blob.Ref, *blob.Ref) {
		return func(s *testStore, ref, _ *blob.Ref) {
			if ref.IsInline() {
				ref.Inline = change(ref.Inline)
				return
			}
			path := filepath.Join(s.root, string(ref.Key()[:2]), string(ref.Key()))
			stored, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, change(stored), 0o600); err != nil {
				t.Fatal(err)
			}
			s.memory.Delete(t.Context(), ref.Key())
			s.put(ref.Key(), change(stored))
		}
	}
	tamperings := []tampering{
		{"a bit of the first package", object(func(b []byte) []byte { b = bytes.Clone(b); b[20] ^= 1; return b })},
		{"a bit of the last package", object(func(b []byte) []byte { b = bytes.Clone(b); b[len(b)-1] ^= 0x80; return b })},
		{"a bit of a header", object(func(b []byte) []byte { b = bytes.Clone(b); b[0] ^= 0x10; return b })},
		{"a byte less", object(func(b []byte) []byte { return b[:len(b)-1] })},
		{"a byte more", object(func(b []byte) []byte { return append(bytes.Clone(b), 0) })},
		{"nothing left", object(func([]byte) []byte { return []byte{} })},
		{"the objects swapped", func(s *testStore, ref, other *blob.Ref) {
			if ref.IsInline() {
				ref.Inline, other.Inline = other.Inline, ref.Inline
				return
			}
			path := func(r *blob.Ref) string { return filepath.Join(s.root, string(r.Key()[:2]), string(r.Key())) }
			one, err := os.ReadFile(path(ref))
			if err != nil {
				t.Fatal(err)
			}
			two, err := os.ReadFile(path(other))
			if err != nil {
				t.Fatal(err)
			}
			os.WriteFile(path(ref), two, 0o600)
			os.WriteFile(path(other), one, 0o600)
			s.put(ref.Key(), two)
		}},
		{"the rows swapped", func(_ *testStore, ref, other *blob.Ref) { ref.Seal, ref.Inline = other.Seal, other.Inline }},
		{"the wrapped keys swapped", func(_ *testStore, ref, other *blob.Ref) {
			seal := *ref.Seal
			seal.DataKey = other.Seal.DataKey
			ref.Seal = &seal
		}},
		{"the name of the object changed", func(_ *testStore, ref, other *blob.Ref) {
			seal := *ref.Seal
			seal.Object = other.Seal.Object
			ref.Seal = &seal
		}},
		{"a bit of the wrapped key", func(_ *testStore, ref, _ *blob.Ref) {
			seal := *ref.Seal
			seal.DataKey = bytes.Clone(seal.DataKey)
			seal.DataKey[30] ^= 1
			ref.Seal = &seal
		}},
		{"said to be of another backend", func(s *testStore, ref, _ *blob.Ref) {
			if ref.Backend = inMemory; !ref.IsInline() {
				stored, _ := os.ReadFile(filepath.Join(s.root, string(ref.Key()[:2]), string(ref.Key())))
				s.put(ref.Key(), stored)
			}
		}},
	}
	for n := 1; n <= 3; n++ {
		tamperings = append(tamperings,
			tampering{fmt.Sprintf("cut off after package %d", n), object(func(b []byte) []byte { return b[:min(n*packageSealed, len(b)-1)] })},
			tampering{fmt.Sprintf("package %d repeated", n), object(func(b []byte) []byte {
				if len(b) < packageSealed {
					return append(bytes.Clone(b), b...)
				}
				b = bytes.Clone(b)
				copy(b[(n%3)*packageSealed:], b[(n-1)*packageSealed:n*packageSealed])
				return b
			})})
	}
	for _, test := range tamperings {
		for _, size := range []string{"large", "inline"} {
			for _, backend := range []string{onDisk, inMemory} {
				t.Run(test.name+" "+size+" "+backend, func(t *testing.T) {
					s := sealedStore(t)
					content, other := content, other
					if size == "inline" {
						content, other = small, otherSmall
					}
					ref, second := s.sealed(t, onDisk, content), s.sealed(t, onDisk, other)
					s.copyToMemory(t, ref)
					test.do(s, &ref, &second)
					if backend == inMemory { // the same object, in a backend without files, and sealed for the other one
						s = s.withMemoryAs(t, onDisk)
					}
					wantFoundOut(t, s, ref, content)
				})
			}
		}
	}
}

// wantFoundOut reads a blob in every way: each gives what was written, or fails
// with damaged.
func wantFoundOut(t *testing.T, s *testStore, ref blob.Ref, content []byte) {
	t.Helper()
	if err := s.Verify(t.Context(), ref); sheaf.KindOf(err) != sheaf.ErrDamaged {
		t.Errorf("Verify: %v, want damaged", err)
	}
	found := false
	for _, offset := range []int64{0, 1, int64(len(content)) / 2, int64(len(content)) - 1} {
		c, err := s.Open(t.Context(), ref)
		if err != nil {
			if sheaf.KindOf(err) != sheaf.ErrDamaged {
				t.Errorf("Open: %v, want damaged", err)
			}
			found = true
			continue
		}
		r, err := c.Reader()
		if err == nil {
			if _, err = r.Seek(offset, io.SeekStart); err == nil {
				var got []byte
				if got, err = io.ReadAll(r); !bytes.HasPrefix(content[offset:], got) {
					t.Errorf("read from %d: %d bytes that were never written", offset, len(got))
				}
			}
		}
		if err != nil && sheaf.KindOf(err) != sheaf.ErrDamaged {
			t.Errorf("read from %d: %v, want damaged", offset, err)
		}
		found = found || err != nil && offset == 0
		c.Close()
		stored, err := s.OpenStored(t.Context(), ref, offset)
		if err == nil {
			var got []byte
			if got, err = io.ReadAll(stored); !bytes.HasPrefix(content[offset:], got) {
				t.Errorf("stored bytes from %d: %d bytes that were never written", offset, len(got))
			}
			stored.Close()
		}
		if err != nil && sheaf.KindOf(err) != sheaf.ErrDamaged {
			t.Errorf("stored bytes from %d: %v, want damaged", offset, err)
		}
	}
	if !found {
		t.Error("it was read from its start to its end")
	}
	if s.damages.Load() == 0 {
		t.Error("nobody was told of the damage")
	}
}

// put puts an object into the memory, over another.
func (s *testStore) put(key blob.Key, stored []byte) {
	s.memory.Delete(context.Background(), key)
	s.memory.Put(context.Background(), key, bytes.NewReader(stored), int64(len(stored)))
}

// copyToMemory copies the object of a blob from the disk.
func (s *testStore) copyToMemory(t *testing.T, ref blob.Ref) {
	t.Helper()
	if ref.IsInline() {
		return
	}
	stored, err := os.ReadFile(filepath.Join(s.root, string(ref.Key()[:2]), string(ref.Key())))
	if err != nil {
		t.Fatal(err)
	}
	s.put(ref.Key(), stored)
}

// withMemoryAs returns a store whose backend of that name is the memory of s.
func (s *testStore) withMemoryAs(t *testing.T, name string) *testStore {
	t.Helper()
	renamed := &testStore{spool: t.TempDir(), root: s.root, disk: s.disk, memory: s.memory}
	var err error
	renamed.Store, err = blob.NewStore(blob.Options{
		SpoolDir: renamed.spool, InlineLimit: 1000, Keys: s.Keys(), Sealed: []string{name},
		Backends: map[string]blob.Backend{name: s.memory, inMemory: s.memory},
		OnDamage: func(blob.Ref, error) { renamed.damages.Add(1) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return renamed
}

// Two that put the same content at once agree on the seal that the catalog has, and
// who spooled another one seals again.
func TestPlaceUnderAnotherSeal(t *testing.T) {
	s := sealedStore(t)
	for _, content := range [][]byte{blobtest.Random(200_000), text(150_000), blobtest.Random(5000), blobtest.Random(500)} {
		for _, first := range []bool{true, false} {
			reserved := s.sealed(t, inMemory, content)
			reserved.Inline = nil
			s.memory.Delete(t.Context(), reserved.Key())
			if first { // somebody else has placed it already
				s.sealedAs(t, reserved, content)
			}
			s.sealedAs(t, reserved, content)
			checkContent(t, s, reserved, content)
		}
	}
}

func (s *testStore) sealedAs(t *testing.T, ref blob.Ref, content []byte) {
	t.Helper()
	sp, err := s.Receive(t.Context(), bytes.NewReader(content), -1)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	if _, err := sp.RefOn(ref.Backend); err != nil {
		t.Fatal(err)
	}
	if err := s.Place(t.Context(), ref, sp); err != nil {
		t.Fatalf("Place: %v", err)
	}
}

// The same upload goes to a backend that seals and to one that does not.
func TestPlaceSealedAndPlain(t *testing.T) {
	s := newStore(t, blob.Options{InlineLimit: 1000, Keys: keyring(t, oneKey), Sealed: []string{onDisk}})
	for _, content := range [][]byte{{}, blobtest.Random(200_000), text(150_000), blobtest.Random(500), text(900)} {
		sp, err := s.Receive(t.Context(), bytes.NewReader(content), -1)
		if err != nil {
			t.Fatal(err)
		}
		for _, backend := range []string{inMemory, onDisk, inMemory, onDisk} {
			ref, err := sp.RefOn(backend)
			if err != nil {
				t.Fatal(err)
			}
			if sealed := ref.Seal != nil; sealed != (backend == onDisk && len(content) > 0) {
				t.Errorf("%d bytes on %s are sealed: %t", len(content), backend, sealed)
			}
			if ref.IsInline() {
				checkContent(t, s, ref, content)
				ref.Inline = nil
			}
			if len(content) > 0 && (backend == inMemory || ref.StoredSize <= 1000) { // a file is adopted only once
				if err := s.Place(t.Context(), ref, sp); err != nil {
					t.Fatal(err)
				}
				checkContent(t, s, ref, content)
			}
		}
		sp.Close()
	}
	wantEmptySpool(t, s)
}

// Remote backends read a body more than once: to sign it, and when a request has
// failed. It has the same bytes each time, also where it is sealed or unsealed on
// the way.
func TestPlaceIsRepeatable(t *testing.T) {
	const plainToo = "plain"
	for _, content := range [][]byte{blobtest.Random(200_000), text(150_000), blobtest.Random(500)} {
		s := newStore(t, blob.Options{InlineLimit: 1000, DeflateLimit: 200_000, Keys: keyring(t, oneKey), Sealed: []string{inMemory}})
		twice := &readingTwice{Backend: s.memory, t: t}
		s.Store = remade(t, s, map[string]blob.Backend{inMemory: twice, plainToo: twice})
		other := s.sealed(t, inMemory, content) // what is put again, by another key, is sealed as this
		other.Inline = nil
		s.sealedAs(t, other, content)
		sp, err := s.Receive(t.Context(), bytes.NewReader(content), -1)
		if err != nil {
			t.Fatal(err)
		}
		for _, backend := range []string{inMemory, plainToo} {
			ref, err := sp.RefOn(backend)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Place(t.Context(), ref, sp); err != nil {
				t.Fatal(err)
			}
			ref.Inline = nil
			checkContent(t, s, ref, content)
		}
		sp.Close()
		if twice.put < 3 {
			t.Errorf("%d objects were put", twice.put)
		}
	}
}

// remade returns the store of s over other backends.
func remade(t *testing.T, s *testStore, backends map[string]blob.Backend) *blob.Store {
	t.Helper()
	store, err := blob.NewStore(blob.Options{
		SpoolDir: s.spool, InlineLimit: 1000, DeflateLimit: 200_000, Keys: s.Keys(), Sealed: []string{inMemory}, Backends: backends,
	})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// A readingTwice backend reads each body to its end, and then once more from its
// middle and from its beginning.
type readingTwice struct {
	blob.Backend
	t   *testing.T
	put int
}

func (b *readingTwice) Put(ctx context.Context, key blob.Key, body io.Reader, size int64) error {
	b.put++
	again, ok := body.(io.ReadSeeker)
	if !ok {
		b.t.Errorf("a body of %d bytes cannot be read again", size)
		return b.Backend.Put(ctx, key, body, size)
	}
	first, err := io.ReadAll(again)
	if err != nil || int64(len(first)) != size {
		b.t.Errorf("a body of %d bytes has %d, %v", size, len(first), err)
	}
	for _, from := range []int64{size / 2, 0} {
		if _, err := again.Seek(from, io.SeekStart); err != nil {
			b.t.Fatal(err)
		}
		if next, err := io.ReadAll(again); err != nil || !bytes.Equal(next, first[from:]) {
			b.t.Errorf("read again from %d on, a body of %d bytes has other bytes, %v", from, size, err)
		}
	}
	if _, err := again.Seek(0, io.SeekStart); err != nil {
		b.t.Fatal(err)
	}
	return b.Backend.Put(ctx, key, again, size)
}

// What waits in a parked file of the spool can still be read, sealed or not.
func TestParkedSealed(t *testing.T) {
	s := sealedStore(t)
	for _, content := range [][]byte{blobtest.Random(200_000), text(900)} {
		sp, err := s.Receive(t.Context(), bytes.NewReader(content), -1)
		if err != nil {
			t.Fatal(err)
		}
		if err := sp.Unload(); err != nil {
			t.Fatal(err)
		}
		if err := sp.Park(); err != nil {
			t.Fatal(err)
		}
		ref := s.place(t, inMemory, sp)
		checkContent(t, s, ref, content)
		r, err := sp.Open()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
			t.Errorf("the spooled content: %d bytes, %v", len(got), err)
		}
		r.Close()
		sp.Close()
	}
}

// Without its key, or with another one, a sealed blob is unavailable, not damaged,
// and nothing new is sealed on a locked backend.
func TestMissingMasterKey(t *testing.T) {
	s := sealedStore(t)
	large, small := s.sealed(t, onDisk, blobtest.Random(100_000)), s.sealed(t, onDisk, []byte("small"))
	id := large.Seal.MasterKey
	for what, keys := range map[string]*blob.Keyring{"no": nil, "another": keyring(t, otherKey)} {
		s.damages.Store(0)
		opened, err := blob.NewStore(blob.Options{SpoolDir: t.TempDir(), Keys: keys, Sealed: []string{onDisk},
			Backends: map[string]blob.Backend{onDisk: s.disk}, OnDamage: func(blob.Ref, error) { s.damages.Add(1) }})
		if err != nil {
			t.Fatal(err)
		}
		for _, ref := range []blob.Ref{large, small} {
			err := opened.Verify(t.Context(), ref)
			if sheaf.KindOf(err) != sheaf.ErrBackendUnavailable || !strings.Contains(err.Error(), string(id)) {
				t.Errorf("Verify with %s key: %v, want backend_unavailable that names the key %s", what, err, id)
			}
			if c, err := opened.Open(t.Context(), ref); err == nil {
				r, err := c.Reader()
				if err == nil {
					_, err = io.ReadAll(r)
				}
				if sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
					t.Errorf("reading with %s key: %v, want backend_unavailable", what, err)
				}
				c.Close()
			} else if sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
				t.Errorf("Open with %s key: %v, want backend_unavailable", what, err)
			}
		}
		opened.Lock(onDisk, id)
		sp, err := opened.Receive(t.Context(), strings.NewReader("new"), -1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sp.RefOn(onDisk); sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
			t.Errorf("RefOn a locked backend: %v, want backend_unavailable", err)
		}
		sp.Close()
		if s.damages.Load() != 0 {
			t.Errorf("with %s key, healthy blobs were said to be damaged", what)
		}
	}
}

func TestRewrap(t *testing.T) {
	s := sealedStore(t)
	content := blobtest.Random(100_000)
	ref := s.sealed(t, onDisk, content)
	rotating := newStoreOver(t, s, keyring(t, otherKey+","+oneKey))
	seal, err := rotating.Rewrap(ref)
	if err != nil {
		t.Fatal(err)
	}
	if seal.Object != ref.Seal.Object || seal.MasterKey == ref.Seal.MasterKey {
		t.Errorf("rewrapped: %+v, before: %+v; want the same object and another key", seal, *ref.Seal)
	}
	checkContent(t, rotating, ref, content)
	ref.Seal = &seal
	checkContent(t, rotating, ref, content)
	checkContent(t, newStoreOver(t, s, keyring(t, otherKey)), ref, content)
}

func newStoreOver(t *testing.T, s *testStore, keys *blob.Keyring) *testStore {
	t.Helper()
	over := &testStore{spool: t.TempDir(), root: s.root, disk: s.disk, memory: s.memory}
	var err error
	over.Store, err = blob.NewStore(blob.Options{SpoolDir: over.spool, Keys: keys, Sealed: []string{onDisk},
		Backends: map[string]blob.Backend{onDisk: s.disk, inMemory: s.memory}, OnDamage: func(blob.Ref, error) { over.damages.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	return over
}

// A key of zeros is what a template has, and an editor may put a byte order mark
// where nobody sees it.
func TestKeyringThatIsNoSecret(t *testing.T) {
	for text, says := range map[string]string{
		strings.Repeat("0", 64):                 "number 1 is nothing but zeros",
		oneKey + "\n" + strings.Repeat("A", 43): "number 2 is nothing but zeros",
		"\ufeff" + oneKey:                       "byte order mark",
	} {
		if keys, err := blob.ParseKeyring(text); sheaf.KindOf(err) != sheaf.ErrInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("ParseKeyring(%q): %v, %v, want an error of kind invalid that says %q", text, keys, err, says)
		}
	}
}

func TestParseKeyring(t *testing.T) {
	base := "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	for text, want := range map[string]int{
		oneKey:                             1,
		" " + oneKey + "\n":                1,
		oneKey + "," + otherKey:            2,
		"# the keys\n" + otherKey + " # 1": 1,
		base:                               1,
		strings.TrimRight(base, "="):       1,
		"":                                 0,
		"# nothing":                        0,
		oneKey[2:]:                         0,
		oneKey + "," + oneKey:              0,
		oneKey + "\nsecret-but-no-key":     0,
	} {
		keys, err := blob.ParseKeyring(text)
		if len(keys.IDs()) != want || (err == nil) != (want > 0) {
			t.Errorf("ParseKeyring(%q): %v, %v, want %d keys", text, keys, err, want)
		}
		if err != nil && (sheaf.KindOf(err) != sheaf.ErrInvalid || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), oneKey)) {
			t.Errorf("the error of %q: %v", text, err)
		}
	}
	if new, err := blob.ParseKeyring(blob.NewMasterKey()); err != nil || new.Current() == keyring(t, oneKey).Current() {
		t.Errorf("a new master key: %v, %v", new, err)
	}
	if shown := fmt.Sprintf("%v %+v %#v %s", keyring(t, oneKey), keyring(t, oneKey), keyring(t, oneKey), keyring(t, oneKey)); strings.Contains(shown, "0101") {
		t.Errorf("a keyring shows its keys: %s", shown)
	}
	hexID, _ := hex.DecodeString(string(keyring(t, oneKey).Current()))
	if len(hexID) != 8 || binary.BigEndian.Uint64(hexID) == 0x0101010101010101 {
		t.Errorf("the id of a key is %x", hexID)
	}
}
