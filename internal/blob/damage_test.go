package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
)

// damages are what can happen to stored bytes.
var damages = []struct {
	name  string
	apply func(stored []byte) []byte
}{
	{"first byte", func(b []byte) []byte { b[0] ^= 0x40; return b }},
	{"a byte in the middle", func(b []byte) []byte { b[len(b)/2] ^= 1; return b }},
	{"last byte", func(b []byte) []byte { b[len(b)-1] ^= 0xff; return b }}, // all its bits: those that pad DEFLATE mean nothing
	{"truncated", func(b []byte) []byte { return b[:len(b)-1] }},
	{"cut in half", func(b []byte) []byte { return b[:len(b)/2] }},
	{"empty", func(b []byte) []byte { return b[:0] }},
	{"extended", func(b []byte) []byte { return append(b, 0) }},
	{"zeroed", func(b []byte) []byte { clear(b); return b }},
}

// readPaths are the ways to read a blob. Each returns the plain bytes that it
// gave out before it failed.
var readPaths = []struct {
	name string
	read func(*blob.Content) ([]byte, error)
}{
	{"whole", func(c *blob.Content) ([]byte, error) {
		r, err := c.Reader()
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	}},
	{"whole after sniffing", func(c *blob.Content) ([]byte, error) {
		r, err := c.Reader()
		if err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(r, make([]byte, 512)); err != nil {
			return nil, err
		}
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	}},
	{"gzip", func(c *blob.Content) ([]byte, error) {
		gz, err := c.Gzip()
		if err != nil {
			return nil, err
		}
		if gz == nil { // there is no such form: any other way will do
			r, err := c.Reader()
			if err != nil {
				return nil, err
			}
			return io.ReadAll(r)
		}
		_, err = gz.WriteTo(io.Discard)
		return nil, err
	}},
}

// readRange reads some bytes from the middle of a blob.
func readRange(c *blob.Content) ([]byte, error) {
	r, err := c.Reader()
	if err != nil {
		return nil, err
	}
	if _, err := r.Seek(100, io.SeekStart); err != nil {
		return nil, err
	}
	part := make([]byte, 10)
	n, err := io.ReadFull(r, part)
	return part[:n], err
}

func wantDamaged(t *testing.T, s *testStore, ref blob.Ref, what string, err error) {
	t.Helper()
	if sheaf.KindOf(err) != sheaf.ErrDamaged {
		t.Errorf("%s: %v, want damaged", what, err)
		return
	}
	if message := err.Error(); !strings.Contains(message, ref.Digest.String()) || !strings.Contains(message, ref.Backend) {
		t.Errorf("%s: %q names not both digest and backend", what, message)
	}
	if n := s.damages.Swap(0); n != 1 {
		t.Errorf("%s: OnDamage was called %d times, want once", what, n)
	}
}

// forms are blobs in every stored form, by what they are made of and how large.
var forms = []struct {
	name    string
	content []byte
}{
	{"small text", text(2000)},
	{"small random", blobtest.Random(900)},
	{"text", text(190_000)},
	{"random", blobtest.Random(190_000)},
}

func TestDamage(t *testing.T) {
	for _, form := range forms {
		for _, damage := range damages {
			for _, place := range []string{"inline", onDisk, inMemory} {
				s := smallStore(t)
				what := fmt.Sprintf("%s, %s, %s", form.name, place, damage.name)
				ref, broke := damagedBlob(t, s, place, form.content, damage.apply)
				if !broke {
					continue
				}

				wantDamaged(t, s, ref, what+", Verify", s.Verify(t.Context(), ref))
				for _, path := range readPaths {
					c, err := s.Open(t.Context(), ref)
					var got []byte
					if err == nil {
						got, err = path.read(c)
						c.Close()
					}
					wantDamaged(t, s, ref, what+", "+path.name, err)
					if len(got) >= len(form.content) {
						t.Errorf("%s, %s: all %d bytes were given out", what, path.name, len(got))
					}
				}
				if place == inMemory && ref.Encoding == blob.Identity {
					continue // a range of such an object cannot be checked
				}
				c, err := s.Open(t.Context(), ref)
				if err == nil {
					_, err = readRange(c)
					c.Close()
				}
				wantDamaged(t, s, ref, what+", range", err)
			}
		}
	}
}

// damagedBlob stores content and damages its stored bytes. It reports whether
// there can be such a blob there.
func damagedBlob(t *testing.T, s *testStore, place string, content []byte, damage func([]byte) []byte) (blob.Ref, bool) {
	t.Helper()
	if place == "inline" {
		ref := s.receive(t, content)
		if ref.Inline == nil {
			return ref, false
		}
		ref.Backend, ref.Inline = onDisk, damage(ref.Inline)
		return ref, true
	}
	ref := s.placed(t, place, content)
	if place == onDisk {
		stored, err := os.ReadFile(s.file(ref))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.file(ref), damage(stored), 0o600); err != nil {
			t.Fatal(err)
		}
		return ref, true
	}
	s.changeInMemory(t, ref, damage)
	return ref, true
}

// A damaged plain file is noticed also after it was verified.
func TestDamageOfAVerifiedFile(t *testing.T) {
	for _, content := range [][]byte{text(190_000), blobtest.Random(190_000)} {
		s := smallStore(t)
		ref := s.placed(t, onDisk, content)
		checkContent(t, s, ref, content)

		stored, err := os.ReadFile(s.file(ref))
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(s.file(ref))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // file times are as fine as the kernel's tick
		stored[len(stored)/2] ^= 1
		if err := os.WriteFile(s.file(ref), stored, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(s.file(ref), time.Time{}, info.ModTime()); err != nil { // ctime tells it still
			t.Fatal(err)
		}
		c, err := s.Open(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, err = readRange(c)
		wantDamaged(t, s, ref, "a range of a file that was changed after it was verified", err)
	}
}

// Damage is noticed also of what was verified before and is recognised since, and
// that not by its CRC-32 alone.
func TestDamageOfARecognisedContent(t *testing.T) {
	unseen := damages[0]
	unseen.name, unseen.apply = "a multiple of the generator of CRC-32", func(b []byte) []byte {
		for i, bits := range [...]byte{0x41, 0x06, 0x71, 0xdb, 0x01} {
			b[len(b)/2+i] ^= bits
		}
		return b
	}
	for _, form := range forms {
		for _, damage := range append(damages[:len(damages):len(damages)], unseen) {
			s := smallStore(t)
			ref := s.placed(t, inMemory, form.content)
			if ref.IsInline() {
				continue
			}
			for range 2 {
				checkContent(t, s, ref, form.content)
			}
			s.changeInMemory(t, ref, damage.apply)
			what := form.name + ", " + damage.name
			_, err := s.ReadStored(t.Context(), ref)
			wantDamaged(t, s, ref, what+", ReadStored", err)
			c, err := s.Open(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			got, err := readPaths[0].read(c)
			c.Close()
			wantDamaged(t, s, ref, what, err)
			if len(got) >= len(form.content) {
				t.Errorf("%s: all %d bytes were given out", what, len(got))
			}
		}
	}
}

func TestMissingObject(t *testing.T) {
	for _, backend := range []string{onDisk, inMemory} {
		s := smallStore(t)
		ref := s.placed(t, backend, blobtest.Random(5000))
		if err := s.Delete(t.Context(), backend, ref.Key()); err != nil {
			t.Fatal(err)
		}
		wantDamaged(t, s, ref, "Verify of a missing object", s.Verify(t.Context(), ref))
		c, err := s.Open(t.Context(), ref)
		if err == nil {
			_, err = readRange(c)
			c.Close()
		}
		wantDamaged(t, s, ref, "reading a missing object", err)
	}
}

// After quarantine, the same content is stored afresh.
func TestQuarantineHeals(t *testing.T) {
	for _, backend := range []string{onDisk, inMemory} {
		s := smallStore(t)
		content := blobtest.Random(5000)
		ref, _ := damagedBlob(t, s, backend, content, func(b []byte) []byte { b[7] ^= 1; return b })
		wantDamaged(t, s, ref, "Verify", s.Verify(t.Context(), ref))
		if err := s.Quarantine(t.Context(), backend, ref.Key()); err != nil {
			t.Fatal(err)
		}
		checkContent(t, s, s.placed(t, backend, content), content)
	}
}

// An orphan in another stored form, as a crash and a changed configuration
// leave it, does not stand in for the content.
func TestPlaceOverAnOrphan(t *testing.T) {
	s := smallStore(t)
	content := text(50_000)
	key := blobtest.KeyOf(content)
	identity := newStore(t, blob.Options{DeflateLimit: -1, InlineLimit: -1})
	sp, err := identity.Receive(t.Context(), bytes.NewReader(content), -1)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	s.place(t, onDisk, sp)
	ref := s.placed(t, onDisk, content)
	if ref.Encoding != blob.Deflate || ref.Key() != key {
		t.Fatalf("the content is stored as %s under %s", ref.Encoding, ref.Key())
	}
	checkContent(t, s, ref, content)
}

// A plain file is the *os.File itself, so that it can be sent by the kernel.
func TestPlainFileIsAFile(t *testing.T) {
	s := smallStore(t)
	c, err := s.Open(t.Context(), s.placed(t, onDisk, blobtest.Random(5000)))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := c.Reader()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := r.(*os.File); !ok {
		t.Errorf("Reader of a plain file is a %T", r)
	}
}

// The stored bytes of the gzip form reach the writer's ReadFrom as a limited
// file, which is what net sends with sendfile.
func TestGzipOfAFileReachesReadFrom(t *testing.T) {
	s := smallStore(t)
	c, err := s.Open(t.Context(), s.placed(t, onDisk, text(190_000)))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	gz, err := c.Gzip()
	if err != nil {
		t.Fatal(err)
	}
	var w fileSink
	if _, err := gz.WriteTo(&w); err != nil {
		t.Fatal(err)
	}
	if !w.file {
		t.Error("WriteTo gave ReadFrom no limited file")
	}
}

type fileSink struct {
	bytes.Buffer
	file bool
}

func (w *fileSink) ReadFrom(r io.Reader) (int64, error) {
	if limited, ok := r.(*io.LimitedReader); ok {
		_, w.file = limited.R.(*os.File)
	}
	return w.Buffer.ReadFrom(r)
}

// Many first readers of a file read it once between them, and one that goes
// away does not take the others with it.
func TestVerifyOnceAmongMany(t *testing.T) {
	s := newStore(t, blob.Options{})
	content := blobtest.Random(20 << 20)
	ref := s.placed(t, onDisk, content)
	damaged, _ := damagedBlob(t, s, onDisk, blobtest.Random(20<<20+1), func(b []byte) []byte { b[1] ^= 1; return b })
	cancelled, cancel := context.WithCancel(t.Context())
	defer cancel()

	var group sync.WaitGroup
	var damagedReaders sync.Map
	for i := range 16 {
		ctx := t.Context()
		if i%4 == 0 {
			ctx = cancelled
		}
		group.Go(func() {
			c, err := s.Open(ctx, ref)
			if err == nil {
				defer c.Close()
				_, err = c.Reader()
			}
			if err != nil && !(i%4 == 0 && errors.Is(err, context.Canceled)) {
				t.Errorf("reader %d of one file: %v", i, err)
			}
		})
		group.Go(func() {
			c, err := s.Open(t.Context(), damaged)
			if err == nil {
				defer c.Close()
				_, err = c.Reader()
			}
			damagedReaders.Store(i, sheaf.KindOf(err))
		})
	}
	cancel()
	group.Wait()
	for i := range 16 {
		if kind, _ := damagedReaders.Load(i); kind != sheaf.ErrDamaged {
			t.Errorf("reader %d of a damaged file: %v, want damaged", i, kind)
		}
	}
	if n := s.damages.Load(); n < 1 || n > 16 {
		t.Errorf("OnDamage was called %d times", n)
	}
}

// changeInMemory puts other bytes under the key of an object in memory.
func (s *testStore) changeInMemory(t *testing.T, ref blob.Ref, change func([]byte) []byte) {
	t.Helper()
	r, err := s.memory.Open(t.Context(), ref.Key(), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	changed := change(stored)
	if err := s.memory.Delete(t.Context(), ref.Key()); err != nil {
		t.Fatal(err)
	}
	if err := s.memory.Put(t.Context(), ref.Key(), bytes.NewReader(changed), int64(len(changed))); err != nil {
		t.Fatal(err)
	}
}
