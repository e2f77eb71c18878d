package blob_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/fsblob"
	"github.com/sheaf-dev/sheaf/internal/blob/memblob"
)

// The backends of a testStore.
const (
	onDisk   = "disk"
	inMemory = "memory"
)

// A testStore is a Store whose spool and damage reports a test can see.
type testStore struct {
	*blob.Store
	spool, root string
	disk        *fsblob.Backend
	memory      *memblob.Backend
	damages     atomic.Int64
}

func newStore(t testing.TB, o blob.Options) *testStore {
	t.Helper()
	dir := t.TempDir()
	s := &testStore{spool: filepath.Join(dir, "spool"), root: filepath.Join(dir, "blobs"), memory: memblob.New()}
	var err error
	if s.disk, err = fsblob.New(s.root); err != nil {
		t.Fatal(err)
	}
	o.SpoolDir = s.spool
	o.Backends = map[string]blob.Backend{onDisk: s.disk, inMemory: s.memory}
	o.OnDamage = func(blob.Ref, error) { s.damages.Add(1) }
	if s.Store, err = blob.NewStore(o); err != nil {
		t.Fatal(err)
	}
	return s
}

// smallStore has borders that tests reach quickly.
func smallStore(t testing.TB) *testStore {
	return newStore(t, blob.Options{InlineLimit: 1000, DeflateLimit: 200_000})
}

// failer is what *testing.T and *rapid.T have in common.
type failer interface {
	Helper()
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

// store receives content and places it; inline ones stay inline.
func (s *testStore) store(t failer, backend string, content []byte) blob.Ref {
	t.Helper()
	ref := s.receive(t, content)
	ref.Backend = backend
	if ref.Inline != nil {
		return ref
	}
	return s.placed(t, backend, content)
}

// receive receives content and returns its Ref, which outlives the spool.
func (s *testStore) receive(t failer, content []byte) blob.Ref {
	t.Helper()
	sp, err := s.Receive(context.Background(), bytes.NewReader(content), -1)
	if err != nil {
		t.Fatalf("Receive of %d bytes: %v", len(content), err)
	}
	defer sp.Close()
	ref := sp.Ref()
	if ref.Inline != nil {
		ref.Inline = append([]byte{}, ref.Inline...)
	}
	return ref
}

// placed receives content and places it in the backend, whatever its size.
func (s *testStore) placed(t failer, backend string, content []byte) blob.Ref {
	t.Helper()
	sp, err := s.Receive(context.Background(), bytes.NewReader(content), -1)
	if err != nil {
		t.Fatalf("Receive of %d bytes: %v", len(content), err)
	}
	defer sp.Close()
	ref := s.place(t, backend, sp)
	ref.Inline = nil
	return ref
}

// place places a received content, and returns its Ref on the backend.
func (s *testStore) place(t failer, backend string, sp *blob.Spooled) blob.Ref {
	t.Helper()
	ref, err := sp.RefOn(backend)
	if err == nil {
		err = s.Place(context.Background(), ref, sp)
	}
	if err != nil {
		t.Fatalf("Place of %d bytes: %v", ref.Size, err)
	}
	return ref
}

// file is where the disk has an object.
func (s *testStore) file(ref blob.Ref) string {
	return filepath.Join(s.root, string(ref.Key()[:2]), string(ref.Key()))
}

// text returns size bytes that shrink.
func text(size int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("the store keeps what was written and proves that nobody has changed a single byte of it since")
	var b strings.Builder
	for b.Len() < size {
		b.WriteString(words[random.IntN(len(words))])
		b.WriteByte(" \n\t;"[random.IntN(4)])
	}
	return []byte(b.String()[:size])
}

func crc(content []byte) uint32 { return crc32.ChecksumIEEE(content) }

// checkRef compares a Ref with the content that was received.
func checkRef(t failer, ref blob.Ref, content []byte, inlineLimit int) {
	t.Helper()
	if ref.Digest != sheaf.DigestOf(content) || ref.Size != int64(len(content)) || ref.CRC32 != crc(content) {
		t.Errorf("Ref of %d bytes: digest %s, size %d, CRC-32 %08x", len(content), ref.Digest, ref.Size, ref.CRC32)
	}
	if inline := ref.StoredSize <= int64(inlineLimit); inline != (ref.Inline != nil) {
		t.Errorf("Ref of %d stored bytes is inline: %v, want %v", ref.StoredSize, !inline, inline)
	}
	if ref.Inline != nil && int64(len(ref.Inline)) != ref.StoredSize {
		t.Errorf("Ref has %d inline bytes, StoredSize is %d", len(ref.Inline), ref.StoredSize)
	}
	switch ref.Encoding {
	case blob.Identity:
		if ref.StoredSize != ref.Size {
			t.Errorf("Ref of a plain blob: StoredSize %d, Size %d", ref.StoredSize, ref.Size)
		}
	case blob.Deflate:
		if ref.StoredSize >= ref.Size {
			t.Errorf("Ref of a deflated blob: StoredSize %d, Size %d", ref.StoredSize, ref.Size)
		}
	default:
		t.Errorf("Ref has the encoding %q", ref.Encoding)
	}
}

// checkContent reads a blob in every way and compares it with content.
func checkContent(t failer, s *testStore, ref blob.Ref, content []byte) {
	t.Helper()
	c, err := s.Open(context.Background(), ref)
	if err != nil {
		t.Fatalf("Open of %d bytes: %v", len(content), err)
	}
	defer c.Close()
	r, err := c.Reader()
	if err != nil {
		t.Fatalf("Reader of %d bytes: %v", len(content), err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
		t.Fatalf("reading %d bytes, %s: %d others, %v", len(content), ref.Encoding, len(got), err)
	}
	if size, err := r.Seek(0, io.SeekEnd); err != nil || size != int64(len(content)) {
		t.Errorf("Seek to the end of %d bytes: %d, %v", len(content), size, err)
	}
	for _, from := range []int{0, len(content) / 3, max(0, len(content)-1), len(content)} {
		if _, err := r.Seek(int64(from), io.SeekStart); err != nil {
			t.Errorf("Seek to %d of %d: %v", from, len(content), err)
		}
		want := content[from:min(len(content), from+1000)]
		got := make([]byte, len(want))
		if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("reading from %d of %d bytes, %s: %v", from, len(content), ref.Encoding, err)
		}
	}
	checkGzip(t, c, ref, content)
	if err := s.Verify(context.Background(), ref); err != nil {
		t.Errorf("Verify of %d bytes: %v", len(content), err)
	}
}

func checkGzip(t failer, c *blob.Content, ref blob.Ref, content []byte) {
	t.Helper()
	gz, err := c.Gzip()
	if err != nil {
		t.Fatalf("Gzip: %v", err)
	}
	if (gz != nil) != (ref.Encoding == blob.Deflate) {
		t.Fatalf("Gzip of a blob stored as %s: %v", ref.Encoding, gz)
	}
	if gz == nil {
		return
	}
	var sent bytes.Buffer
	n, err := gz.WriteTo(&sent)
	if err != nil || n != gz.Size || int64(sent.Len()) != gz.Size || sheaf.DigestOf(sent.Bytes()) != gz.Digest {
		t.Errorf("WriteTo of the gzip form: %d bytes, %v, want %d with digest %s", n, err, gz.Size, gz.Digest)
	}
	z, err := gzip.NewReader(&sent)
	if err != nil {
		t.Fatalf("reading the gzip form: %v", err)
	}
	if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, content) {
		t.Errorf("reading the gzip form: %d bytes, %v, want %d", len(got), err, len(content))
	}
}

// borders are the sizes at which something else happens in a smallStore, give
// or take one.
func borders() []int {
	sizes := []int{0, 1, 2, 16}
	for _, border := range []int{1000, 4 << 10, 16 << 10, 64 << 10, 68 << 10, 128 << 10, 136 << 10, 200_000} {
		sizes = append(sizes, border-1, border, border+1)
	}
	return append(sizes, 300_000)
}

func TestRoundTrip(t *testing.T) {
	for _, o := range []blob.Options{{}, {InlineLimit: 1000, DeflateLimit: 200_000}, {InlineLimit: -1, DeflateLimit: -1}} {
		s := newStore(t, o)
		inlineLimit := o.InlineLimit
		if inlineLimit == 0 {
			inlineLimit = blob.DefaultInlineLimit
		}
		for _, size := range borders() {
			for _, content := range [][]byte{text(size), blobtest.Random(size)} {
				for _, backend := range []string{onDisk, inMemory} {
					checkRef(t, s.receive(t, content), content, inlineLimit)
					checkContent(t, s, s.store(t, backend, content), content)
					checkContent(t, s, s.placed(t, backend, content), content)
				}
			}
		}
	}
}

func TestEncoding(t *testing.T) {
	s := smallStore(t)
	for _, test := range []struct {
		name    string
		content []byte
		want    blob.Encoding
	}{
		{"short text", text(500), blob.Deflate},
		{"text", text(150_000), blob.Deflate},
		{"text at the deflate limit", text(200_000), blob.Deflate},
		{"text over the deflate limit", text(200_001), blob.Identity},
		{"random", blobtest.Random(150_000), blob.Identity},
		{"random, then text", append(blobtest.Random(64<<10), text(100_000)...), blob.Identity},
		{"text, then random", append(text(64<<10), blobtest.Random(10_000)...), blob.Deflate},
		{"too little to save", []byte("abc"), blob.Identity},
		{"nothing", nil, blob.Identity},
	} {
		ref := s.receive(t, test.content)
		if ref.Encoding != test.want {
			t.Errorf("%s: stored as %s, want %s", test.name, ref.Encoding, test.want)
		}
		if again := s.receive(t, test.content); again.StoredSize != ref.StoredSize || again.Encoding != ref.Encoding {
			t.Errorf("%s: stored differently the second time", test.name)
		}
	}
}

// contents draws contents of every kind of structure, in pieces.
func contents() *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		var content []byte
		for range rapid.IntRange(0, 4).Draw(t, "pieces") {
			size := rapid.OneOf(rapid.IntRange(0, 3000), rapid.SampledFrom(borders())).Draw(t, "size")
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				content = append(content, text(size)...)
			case 1:
				content = append(content, blobtest.Random(size)...)
			case 2:
				content = append(content, make([]byte, size)...)
			}
		}
		return content
	})
}

// However a body arrives in pieces, what is stored is the content, and the same.
func TestRoundTripOfAnything(t *testing.T) {
	s := smallStore(t)
	rapid.Check(t, func(t *rapid.T) {
		content := contents().Draw(t, "content")
		backend := rapid.SampledFrom([]string{onDisk, inMemory}).Draw(t, "backend")
		var body io.Reader = bytes.NewReader(content)
		switch rapid.IntRange(0, 3).Draw(t, "body") {
		case 0:
			body = iotest.HalfReader(body)
		case 1:
			body = iotest.DataErrReader(body)
		case 2:
			body = io.MultiReader(iotest.OneByteReader(io.LimitReader(body, 5000)), body)
		}
		sp, err := s.Receive(context.Background(), body, int64(len(content)))
		if err != nil {
			t.Fatalf("Receive: %v", err)
		}
		defer sp.Close()
		ref := sp.Ref()
		ref.Backend = backend
		checkRef(t, ref, content, 1000)
		if want := s.receive(t, content); ref.Encoding != want.Encoding || ref.StoredSize != want.StoredSize {
			t.Errorf("in pieces, it is stored as %s in %d bytes, in one as %s in %d", ref.Encoding, ref.StoredSize, want.Encoding, want.StoredSize)
		}
		s.place(t, backend, sp)
		if ref.Inline != nil {
			checkContent(t, s, ref, content)
		}
		ref.Inline = nil
		checkContent(t, s, ref, content)
	})
	wantEmptySpool(t, s)
}

// Any sequence of seeks and reads gives what it gives on the content itself.
func TestSeekAndRead(t *testing.T) {
	s := smallStore(t)
	rapid.Check(t, func(t *rapid.T) {
		content := contents().Draw(t, "content")
		backend := rapid.SampledFrom([]string{onDisk, inMemory}).Draw(t, "backend")
		c, err := s.Open(context.Background(), s.store(t, backend, content))
		if err != nil {
			t.Fatalf("Open: %v", err)
		}
		defer c.Close()
		r, err := c.Reader()
		if err != nil {
			t.Fatalf("Reader: %v", err)
		}
		want := bytes.NewReader(content)
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "seek") {
				offset := rapid.Int64Range(0, int64(len(content))+10).Draw(t, "offset")
				whence := io.SeekStart
				if rapid.Bool().Draw(t, "from the end") {
					offset, whence = -min(offset, int64(len(content))), io.SeekEnd
				}
				wantPos, _ := want.Seek(offset, whence)
				if pos, err := r.Seek(offset, whence); err != nil || pos != wantPos {
					t.Fatalf("Seek(%d, %d): %d, %v, want %d", offset, whence, pos, err, wantPos)
				}
			}
			n := rapid.IntRange(0, 100_000).Draw(t, "bytes")
			wantBytes, _ := io.ReadAll(io.LimitReader(want, int64(n)))
			got, err := io.ReadAll(io.LimitReader(r, int64(n)))
			if err != nil || !bytes.Equal(got, wantBytes) {
				t.Fatalf("reading %d bytes: %d, %v, want %d", n, len(got), err, len(wantBytes))
			}
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	s := smallStore(f)
	f.Add([]byte{}, uint8(0))
	f.Add(text(3000), uint8(1))
	f.Add(blobtest.Random(2000), uint8(200))
	f.Fuzz(func(t *testing.T, piece []byte, repeat uint8) {
		content := bytes.Repeat(piece, int(repeat))
		ref := s.store(t, inMemory, content)
		checkRef(t, s.receive(t, content), content, 1000)
		checkContent(t, s, ref, content)
	})
}

// Whatever the stored bytes of a deflated blob are, reading them ends, and only
// the content that was written is taken for it.
func FuzzStoredBytes(f *testing.F) {
	s := smallStore(f)
	content := text(5000)
	ref := s.receive(f, content)
	var stored bytes.Buffer
	w, err := flate.NewWriter(&stored, 6)
	if err != nil {
		f.Fatal(err)
	}
	w.Write(content)
	w.Close()
	f.Add(stored.Bytes())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, stored []byte) {
		ref := ref
		ref.Encoding, ref.Inline, ref.StoredSize = blob.Deflate, stored, int64(len(stored))
		c, err := s.Open(context.Background(), ref)
		if err != nil {
			if sheaf.KindOf(err) != sheaf.ErrDamaged {
				t.Errorf("Open of %d other stored bytes: %v, want damaged", len(stored), err)
			}
			return
		}
		defer c.Close()
		checkContent(t, s, ref, content)
	})
}

func wantEmptySpool(t *testing.T, s *testStore) {
	t.Helper()
	if entries, err := os.ReadDir(s.spool); err != nil || len(entries) > 0 {
		t.Errorf("the spool has %v, %v, want nothing", entries, err)
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return // not Linux: the spool's files have no names here either
	}
	for _, fd := range fds {
		if target, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.HasPrefix(target, s.spool+"/") {
			t.Errorf("the spool file %s is still open", target)
		}
	}
}

func TestReceiveErrors(t *testing.T) {
	broken := errors.New("the line is cut")
	for _, size := range []int{0, 1, 3000, 70_000, 199_999, 1 << 20} {
		for _, content := range [][]byte{text(size), blobtest.Random(size)} {
			s := smallStore(t)

			_, err := s.Receive(t.Context(), io.MultiReader(bytes.NewReader(content), iotest.ErrReader(broken)), -1)
			if !errors.Is(err, broken) {
				t.Errorf("Receive of a body that fails after %d bytes: %v, want its error", size, err)
			}

			ctx, cancel := context.WithCancel(t.Context())
			cancelling := readFunc(func([]byte) (int, error) { cancel(); return 0, nil })
			_, err = s.Receive(ctx, io.MultiReader(bytes.NewReader(content), cancelling), -1)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Receive that is cancelled after %d bytes: %v, want the context's error", size, err)
			}

			nothing := readFunc(func([]byte) (int, error) { return 0, nil })
			_, err = s.Receive(t.Context(), io.MultiReader(bytes.NewReader(content), nothing), -1)
			if !errors.Is(err, io.ErrNoProgress) {
				t.Errorf("Receive of a body that stands still after %d bytes: %v, want io.ErrNoProgress", size, err)
			}
			wantEmptySpool(t, s)

			sp, err := s.Receive(t.Context(), bytes.NewReader(content), int64(size))
			if err != nil {
				t.Errorf("Receive of %d bytes with that limit: %v", size, err)
				continue
			}
			if err := errors.Join(sp.Sync(), sp.Sync(), sp.Close(), sp.Close()); err != nil {
				t.Errorf("Sync and Close, twice each: %v", err)
			}
			wantEmptySpool(t, s)
		}
	}
}

// A body over the limit is refused without being read to its end.
func TestReceiveTooLarge(t *testing.T) {
	for _, limit := range []int64{0, 1, 5000, 65_536, 150_000} {
		s := smallStore(t)
		var read int64
		endless := readFunc(func(p []byte) (int, error) {
			read += int64(len(p))
			return len(p), nil
		})
		_, err := s.Receive(t.Context(), endless, limit)
		if sheaf.KindOf(err) != sheaf.ErrTooLarge || !strings.Contains(err.Error(), "limit of") {
			t.Errorf("Receive of an endless body: %v, want too_large and the limit", err)
		}
		if read > limit+(68<<10) {
			t.Errorf("%d bytes were read of a body with the limit %d", read, limit)
		}
		wantEmptySpool(t, s)
	}
}

func TestReceivePanic(t *testing.T) {
	s := smallStore(t)
	func() {
		defer func() { recover() }()
		abort := readFunc(func([]byte) (int, error) { panic("the handler is aborted") })
		s.Receive(t.Context(), io.MultiReader(bytes.NewReader(blobtest.Random(200_000)), abort), -1)
	}()
	wantEmptySpool(t, s)
}

func TestSpoolLeftovers(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"spool-ABCDEFGH", "somebody's.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := blob.NewStore(blob.Options{SpoolDir: dir}); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "somebody's.txt" {
		t.Errorf("the spool directory has %v, %v, want only what is not of the spool", left, err)
	}
}

func TestPlaceBatch(t *testing.T) {
	for _, backend := range []string{onDisk, inMemory} {
		s := newStore(t, blob.Options{})
		var all [][]byte
		var refs []blob.Ref
		for size := range 60 {
			for _, content := range [][]byte{text(size * 50), blobtest.Random(size * 50)} {
				all = append(all, content)
				refs = append(refs, s.receive(t, content))
			}
		}
		refs[0].Inline = nil // as a database may give back nothing
		if err := s.PlaceBatch(t.Context(), backend, refs); err != nil {
			t.Fatalf("PlaceBatch on %s: %v", backend, err)
		}
		for i, ref := range refs {
			if _, err := s.Stat(t.Context(), backend, ref.Key()); err != nil {
				t.Errorf("Stat after PlaceBatch: %v", err)
			}
			ref.Backend, ref.Inline = backend, nil
			checkContent(t, s, ref, all[i])
		}
		refs[5].Inline = nil
		if err := s.PlaceBatch(t.Context(), backend, refs); err == nil {
			t.Error("PlaceBatch of a Ref without its bytes: no error")
		}
	}
}

func TestUnknownBackend(t *testing.T) {
	s := smallStore(t)
	ref := s.placed(t, onDisk, blobtest.Random(5000))
	ref.Backend = "elsewhere"
	_, openErr := s.Open(t.Context(), ref)
	_, statErr := s.Stat(t.Context(), ref.Backend, ref.Key())
	for _, err := range []error{openErr, statErr, s.Verify(t.Context(), ref), s.Delete(t.Context(), ref.Backend, ref.Key())} {
		if sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
			t.Errorf("on a backend that is not configured: %v, want backend_unavailable", err)
		}
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
