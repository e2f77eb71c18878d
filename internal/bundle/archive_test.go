package bundle_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/flate"
	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
)

// contents are what the entries of a test's archives are made of: their stored
// bytes, by path.
type contents map[string][]byte

// add keeps a content in a stored form and returns its entry.
func (c contents) add(path string, content []byte, encoding bundle.Encoding) bundle.Entry {
	stored := content
	if encoding == bundle.Deflate {
		stored = deflated(content)
	}
	c[path] = stored
	return bundle.Entry{
		File:       bundle.File{Path: path, Size: int64(len(content)), Digest: sheaf.DigestOf(content)},
		CRC32:      crc32.ChecksumIEEE(content),
		Encoding:   encoding,
		StoredSize: int64(len(stored)),
	}
}

// open is a [bundle.Opener].
func (c contents) open(_ context.Context, e bundle.Entry, offset int64) (io.ReadCloser, error) {
	stored, ok := c[e.Path]
	if !ok {
		return nil, fmt.Errorf("open %s: %w", e.Path, fs.ErrNotExist)
	}
	return io.NopCloser(bytes.NewReader(stored[offset:])), nil
}

// deflated returns content as package blob stores it.
func deflated(content []byte) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, 6)
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(content)
	_ = w.Close()
	return b.Bytes()
}

type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func newArchive(t failer, entries ...bundle.Entry) *bundle.Archive {
	t.Helper()
	a, err := bundle.NewArchive(entries)
	if err != nil {
		t.Fatalf("NewArchive: %v", err)
	}
	return a
}

func writeRange(t failer, a *bundle.Archive, offset, length int64, open bundle.Opener) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := a.WriteRange(context.Background(), &b, offset, length, open); err != nil {
		t.Fatalf("WriteRange of %d bytes from %d: %v", length, offset, err)
	}
	return b.Bytes()
}

func write(t failer, a *bundle.Archive, open bundle.Opener) []byte {
	t.Helper()
	return writeRange(t, a, 0, a.Size(), open)
}

// A readerAt reads an archive at any place, without holding it.
type readerAt struct {
	archive *bundle.Archive
	open    bundle.Opener
}

func (r readerAt) ReadAt(p []byte, offset int64) (int, error) {
	n := max(0, min(int64(len(p)), r.archive.Size()-offset))
	var b bytes.Buffer
	b.Grow(int(n))
	if err := r.archive.WriteRange(context.Background(), &b, offset, n, r.open); err != nil {
		return 0, err
	}
	copied := copy(p, b.Bytes())
	if copied < len(p) {
		return copied, io.EOF
	}
	return copied, nil
}

// mixed are entries of every kind, in no order.
func mixed(c contents) []bundle.Entry {
	text := bytes.Repeat([]byte("All that is gold does not glitter. "), 5000)
	return []bundle.Entry{
		c.add("content/02-Wälder/01-Bäume.md", text, bundle.Deflate),
		c.add("content/02-Wälder/木.md", []byte("tree\n"), bundle.Identity),
		c.add("a.txt", nil, bundle.Identity),
		c.add("assets/slides.pdf", bytes.Repeat([]byte{0, 1, 2, 3}, 40_000), bundle.Identity),
		c.add("z/🦊.txt", []byte("fox"), bundle.Deflate),
		c.add("deflated-nothing", nil, bundle.Deflate),
		bundle.Literal("book.yaml", []byte("id: trees\n")),
		bundle.Literal("empty.json", nil),
	}
}

func TestArchiveReadsBack(t *testing.T) {
	c := contents{}
	a := newArchive(t, mixed(c)...)
	whole := write(t, a, c.open)
	if int64(len(whole)) != a.Size() {
		t.Fatalf("the archive has %d bytes, Size says %d", len(whole), a.Size())
	}
	r, err := zip.NewReader(bytes.NewReader(whole), a.Size())
	if err != nil {
		t.Fatalf("archive/zip: %v", err)
	}
	want := mixed(contents{})
	if len(r.File) != len(want) || a.Len() != len(want) {
		t.Fatalf("%d entries, Len %d, want %d", len(r.File), a.Len(), len(want))
	}
	byPath := make(map[string]bundle.Entry)
	for _, e := range want {
		byPath[e.Path] = e
	}
	last := ""
	for _, f := range r.File {
		e, ok := byPath[f.Name]
		if !ok {
			t.Errorf("there is an entry %q", f.Name)
			continue
		}
		if f.Name <= last {
			t.Errorf("%q comes after %q", f.Name, last)
		}
		last = f.Name
		checkFields(t, f, e)
		content, err := readEntry(f) // checks the CRC-32
		if err != nil {
			t.Errorf("read %q: %v", f.Name, err)
		}
		if sheaf.DigestOf(content) != e.Digest {
			t.Errorf("%q has another content", f.Name)
		}
	}
	checkLocalHeaders(t, bytes.NewReader(whole), r)
}

func readEntry(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// checkFields checks every field that archive/zip shows of the central directory.
func checkFields(t *testing.T, f *zip.File, e bundle.Entry) {
	t.Helper()
	method, version := zip.Store, uint16(10)
	if e.Encoding == bundle.Deflate {
		method, version = zip.Deflate, 20
	}
	if len(f.Extra) > 0 {
		version = 45
	}
	for _, field := range []struct {
		name      string
		got, want any
	}{
		{"method", f.Method, method},
		{"flags", f.Flags, uint16(1 << 11)},
		{"CRC-32", f.CRC32, e.CRC32},
		{"size", f.UncompressedSize64, uint64(e.Size)},
		{"stored size", f.CompressedSize64, uint64(e.StoredSize)},
		{"mode", f.Mode(), fs.FileMode(0o644)},
		{"external attributes", f.ExternalAttrs, uint32(0o100644 << 16)},
		{"version made by", f.CreatorVersion, uint16(3<<8 | 63)},
		{"version needed", f.ReaderVersion, version},
		{"comment", f.Comment, ""},
		{"time", f.Modified.UTC(), time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"not UTF-8", f.NonUTF8, false},
	} {
		if field.got != field.want {
			t.Errorf("%q has %s %v, want %v", f.Name, field.name, field.got, field.want)
		}
	}
}

// checkLocalHeaders walks from entry to entry without the central directory, as
// a program does that reads from a pipe, and compares the two: archive/zip looks
// at one of them only.
func checkLocalHeaders(t *testing.T, archive io.ReaderAt, r *zip.Reader) {
	t.Helper()
	le := binary.LittleEndian
	var offset int64
	for _, f := range r.File {
		header := make([]byte, 30+len(f.Name)+20)
		if n, err := archive.ReadAt(header, offset); err != nil && (err != io.EOF || n < 30+len(f.Name)) {
			t.Fatalf("read the local header of %q: %v", f.Name, err)
		}
		extra := int(le.Uint16(header[28:]))
		size, stored := uint64(le.Uint32(header[22:])), uint64(le.Uint32(header[18:]))
		version := le.Uint16(header[4:])
		if size == 0xffffffff && stored == 0xffffffff {
			field := header[30+len(f.Name):]
			if extra != 20 || le.Uint16(field) != 1 || le.Uint16(field[2:]) != 16 || version != 45 {
				t.Errorf("local header of %q: %d bytes of extra fields, version %d, want 20 of zip64 and 45", f.Name, extra, version)
			}
			size, stored = le.Uint64(field[4:]), le.Uint64(field[12:])
		} else if extra != 0 || version > f.ReaderVersion {
			t.Errorf("local header of %q: %d bytes of extra fields, version %d, want 0 and at most %d", f.Name, extra, version, f.ReaderVersion)
		}
		if le.Uint32(header) != 0x04034b50 || le.Uint16(header[6:]) != f.Flags || le.Uint16(header[8:]) != f.Method ||
			le.Uint32(header[14:]) != f.CRC32 || size != f.UncompressedSize64 || stored != f.CompressedSize64 ||
			le.Uint16(header[10:]) != 0 || le.Uint16(header[12:]) != 0x21 ||
			string(header[30:30+le.Uint16(header[26:])]) != f.Name {
			t.Errorf("the local header of %q says something else than the central directory: %x", f.Name, header)
		}
		data, err := f.DataOffset()
		if err != nil || data != offset+30+int64(len(f.Name)+extra) {
			t.Errorf("the data of %q begins at %d (%v), want %d", f.Name, data, err, offset+30+int64(len(f.Name)+extra))
		}
		offset = data + int64(f.CompressedSize64)
	}
}

func TestArchiveOfNothing(t *testing.T) {
	a := newArchive(t)
	whole := write(t, a, nil)
	r, err := zip.NewReader(bytes.NewReader(whole), a.Size())
	if err != nil || len(r.File) != 0 || a.Size() != 22 {
		t.Errorf("an archive of nothing has %d bytes: %v", a.Size(), err)
	}
}

// Who resumes a download after an upgrade of the server must get the bytes that
// are missing, of the archive that was begun. If this fails, the format has
// changed; then the ETag has to have changed as well.
func TestArchiveIsTheSameAlways(t *testing.T) {
	c := contents{}
	a := newArchive(t,
		bundle.Literal("b/ö.txt", []byte("second")),
		c.add("a.txt", []byte("first"), bundle.Identity))
	const (
		wantBytes = "PK\x03\x04\n\x00\x00\b\x00\x00\x00\x00!\x00W\xeeq\x92\x05\x00\x00\x00\x05\x00\x00\x00\x05\x00\x00\x00a.txtfirst" +
			"PK\x03\x04\n\x00\x00\b\x00\x00\x00\x00!\x00i\x11\x1f\xb6\x06\x00\x00\x00\x06\x00\x00\x00\b\x00\x00\x00b/ö.txtsecond" +
			"PK\x01\x02?\x03\n\x00\x00\b\x00\x00\x00\x00!\x00W\xeeq\x92\x05\x00\x00\x00\x05\x00\x00\x00\x05\x00\x00\x00" +
			"\x00\x00\x00\x00\x00\x00\x00\x00\xa4\x81\x00\x00\x00\x00a.txt" +
			"PK\x01\x02?\x03\n\x00\x00\b\x00\x00\x00\x00!\x00i\x11\x1f\xb6\x06\x00\x00\x00\x06\x00\x00\x00\b\x00\x00\x00" +
			"\x00\x00\x00\x00\x00\x00\x00\x00\xa4\x81(\x00\x00\x00b/ö.txt" +
			"PK\x05\x06\x00\x00\x00\x00\x02\x00\x02\x00i\x00\x00\x00T\x00\x00\x00\x00\x00"
		wantETag = `"0c816997359f7cf756931b52a71f163740788c881923ce38ff2708f6d86c1364"`
	)
	if got := string(write(t, a, c.open)); got != wantBytes {
		t.Errorf("the archive is\n%q, want\n%q", got, wantBytes)
	}
	if a.ETag() != wantETag {
		t.Errorf("its ETag is %s, want %s", a.ETag(), wantETag)
	}
}

func TestETagFollowsTheBytes(t *testing.T) {
	etag := func(change func(e []bundle.Entry)) string {
		c := contents{}
		entries := []bundle.Entry{
			c.add("a.txt", []byte("first"), bundle.Identity),
			c.add("b.txt", []byte("second"), bundle.Identity),
		}
		if change != nil {
			change(entries)
		}
		return newArchive(t, entries...).ETag()
	}
	first := etag(nil)
	if again := etag(func(e []bundle.Entry) { e[0], e[1] = e[1], e[0] }); again != first {
		t.Errorf("the ETag of the same entries in another order is %s, want %s", again, first)
	}
	seen := map[string]string{first: "nothing"}
	for name, change := range map[string]func(e []bundle.Entry){
		"path":     func(e []bundle.Entry) { e[1].Path = "c.txt" },
		"digest":   func(e []bundle.Entry) { e[1].Digest[31]++ },
		"CRC-32":   func(e []bundle.Entry) { e[1].CRC32++ },
		"encoding": func(e []bundle.Entry) { e[1].Encoding = bundle.Deflate },
		"size":     func(e []bundle.Entry) { e[1].Size++; e[1].StoredSize++ },
	} {
		tag := etag(change)
		if other, ok := seen[tag]; ok {
			t.Errorf("another %s makes the same ETag as another %s", name, other)
		}
		seen[tag] = name
	}
}

func TestNewArchiveRefuses(t *testing.T) {
	for _, path := range []string{
		"", "/etc/passwd", "..", "../a", "a/../b", "a/..", ".", "a/./b", "a//b", "a/", `a\b`, "C:a", "c:/a",
		"a\x00", "a\nb", "a\x7f", "a\u0085b", "a\u2028b", "\xff", strings.Repeat("a", 65_000),
	} {
		_, err := bundle.NewArchive([]bundle.Entry{bundle.Literal(path, nil)})
		if sheaf.KindOf(err) != sheaf.ErrInvalid {
			t.Errorf("NewArchive with the path %.20q: %v, want an error of kind invalid", path, err)
		}
	}
	for _, path := range []string{"a", "a b", ".gitignore", "...", "ab:c", "é", "CON", "a.", strings.Repeat("a", 64_000)} {
		if _, err := bundle.NewArchive([]bundle.Entry{bundle.Literal(path, nil)}); err != nil {
			t.Errorf("NewArchive with the path %.20q: %v", path, err)
		}
	}
	for name, change := range map[string]func(e *bundle.Entry){
		"a negative size":          func(e *bundle.Entry) { e.Size, e.StoredSize = -1, -1 },
		"a negative stored size":   func(e *bundle.Entry) { e.Encoding, e.StoredSize = bundle.Deflate, -1 },
		"no digest":                func(e *bundle.Entry) { e.Digest = sheaf.Digest{} },
		"no encoding":              func(e *bundle.Entry) { e.Encoding = "" },
		"another encoding":         func(e *bundle.Entry) { e.Encoding = "zstd" },
		"identity of another size": func(e *bundle.Entry) { e.StoredSize++ },
	} {
		e := contents{}.add("a", []byte("content"), bundle.Identity)
		change(&e)
		if _, err := bundle.NewArchive([]bundle.Entry{e}); sheaf.KindOf(err) != sheaf.ErrInvalid {
			t.Errorf("NewArchive with %s: %v, want an error of kind invalid", name, err)
		}
	}
	twice := []bundle.Entry{bundle.Literal("a", nil), bundle.Literal("b", nil), bundle.Literal("a", []byte("other"))}
	if _, err := bundle.NewArchive(twice); sheaf.KindOf(err) != sheaf.ErrExists {
		t.Errorf("NewArchive with a path twice: %v, want an error of kind exists", err)
	}
	vast := bundle.Entry{File: bundle.File{Path: "a", Size: 1 << 62, Digest: sheaf.DigestOf(nil)}, Encoding: bundle.Identity, StoredSize: 1 << 62}
	if _, err := bundle.NewArchive([]bundle.Entry{vast}); sheaf.KindOf(err) != sheaf.ErrTooLarge {
		t.Errorf("NewArchive of 2^62 bytes: %v, want an error of kind too_large", err)
	}
}

// Any range is the same bytes as in the whole, and opens nothing that it does
// not touch.
func TestAnyRangeIsAPartOfTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := contents{}
		var entries []bundle.Entry
		for i, size := range rapid.SliceOfN(rapid.IntRange(0, 70_000), 0, 12).Draw(t, "sizes") {
			content := bytes.Repeat([]byte{byte(i), byte(size), '\n'}, size/3)
			path := fmt.Sprintf("%0*d as no content has it", rapid.IntRange(1, 40).Draw(t, "width"), i)
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				entries = append(entries, c.add("i"+path, content, bundle.Identity))
			case 1:
				entries = append(entries, c.add("d"+path, content, bundle.Deflate))
			case 2:
				entries = append(entries, bundle.Literal("l"+path, content))
			}
		}
		a := newArchive(t, entries...)
		whole := write(t, a, c.open)
		for range 20 {
			offset := rapid.Int64Range(0, a.Size()).Draw(t, "offset")
			length := rapid.Int64Range(0, a.Size()-offset).Draw(t, "length")
			part := writeRange(t, a, offset, length, func(ctx context.Context, e bundle.Entry, from int64) (io.ReadCloser, error) {
				data := int64(bytes.Index(whole, []byte(e.Path))) + int64(len(e.Path))
				if data+from < offset || data+from >= offset+length || from >= e.StoredSize || from > 0 && data+from != offset {
					t.Errorf("the range [%d, %d) opened %q, which is at %d, from %d", offset, offset+length, e.Path, data, from)
				}
				return c.open(ctx, e, from)
			})
			if !bytes.Equal(part, whole[offset:offset+length]) {
				t.Fatalf("the range [%d, %d) differs from that of the whole, which has %d bytes", offset, offset+length, a.Size())
			}
		}
	})
}

func TestRangesOutside(t *testing.T) {
	a := newArchive(t, bundle.Literal("a", []byte("content")))
	for _, test := range []struct{ offset, length int64 }{
		{-1, 1}, {0, -1}, {0, a.Size() + 1}, {a.Size(), 1}, {a.Size() + 1, 0}, {1, a.Size()}, {1 << 62, 1 << 62},
	} {
		err := a.WriteRange(t.Context(), io.Discard, test.offset, test.length, nil)
		if sheaf.KindOf(err) != sheaf.ErrRange {
			t.Errorf("WriteRange of %d bytes from %d: %v, want an error of kind range", test.length, test.offset, err)
		}
	}
	if err := a.WriteRange(t.Context(), io.Discard, a.Size(), 0, nil); err != nil {
		t.Errorf("WriteRange of nothing at the end: %v", err)
	}
}

// A failingReader fails when its bytes are read. It remembers that it was closed.
type failingReader struct {
	io.Reader
	err      error
	closeErr error
	closed   bool
}

func (r *failingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err == io.EOF {
		err = r.err
	}
	return n, err
}

func (r *failingReader) Close() error { r.closed = true; return r.closeErr }

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestErrorsAreReturned(t *testing.T) {
	damaged := sheaf.Errorf(sheaf.ErrDamaged, "the stored bytes are damaged")
	for _, size := range []int{100, 100_000} { // collected, and copied directly
		c := contents{}
		a := newArchive(t, c.add("a.bin", make([]byte, size), bundle.Identity))
		writeWith := func(w io.Writer, r *failingReader, openErr error) error {
			return a.WriteRange(t.Context(), w, 0, a.Size(), func(context.Context, bundle.Entry, int64) (io.ReadCloser, error) {
				return r, openErr
			})
		}
		half := func(err error) *failingReader {
			return &failingReader{Reader: bytes.NewReader(make([]byte, size/2)), err: err}
		}
		if err := writeWith(io.Discard, nil, damaged); err != error(damaged) {
			t.Errorf("%d bytes, an Opener that fails: %v, want its error", size, err)
		}
		r := half(damaged)
		if err := writeWith(io.Discard, r, nil); err != error(damaged) || !r.closed {
			t.Errorf("%d bytes, a reader that fails: %v (closed: %v), want its error", size, err, r.closed)
		}
		r = half(io.EOF)
		err := writeWith(io.Discard, r, nil)
		if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), fmt.Sprintf(`"a.bin" end after %d of %d`, size/2, size)) || !r.closed {
			t.Errorf("%d bytes, a reader that ends early: %v (closed: %v), want an unexpected EOF that says where", size, err, r.closed)
		}
		r = &failingReader{Reader: bytes.NewReader(make([]byte, size)), closeErr: damaged}
		if err := writeWith(io.Discard, r, nil); err != error(damaged) {
			t.Errorf("%d bytes, a reader that fails when it is closed: %v, want its error", size, err)
		}
		r = &failingReader{Reader: bytes.NewReader(make([]byte, size)), err: io.EOF}
		if err := writeWith(failingWriter{os.ErrClosed}, r, nil); err != os.ErrClosed {
			t.Errorf("%d bytes, a writer that fails: %v, want its error", size, err)
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		if err := a.WriteRange(cancelled, io.Discard, 0, a.Size(), c.open); err != context.Canceled {
			t.Errorf("%d bytes, cancelled: %v, want %v", size, err, context.Canceled)
		}
	}
}

// A connection is what the writer of an archive is in life: it copies a file by
// itself if it gets to see it.
type connection struct {
	bytes.Buffer
	writes, files int
}

func (c *connection) Write(p []byte) (int, error) { c.writes++; return c.Buffer.Write(p) }

func (c *connection) ReadFrom(r io.Reader) (int64, error) {
	if limited, ok := r.(*io.LimitedReader); ok {
		if _, ok := limited.R.(*os.File); ok {
			c.files++
		}
	}
	return c.Buffer.ReadFrom(r)
}

// package net sends a file with sendfile if it gets an io.LimitedReader of an
// *os.File, and nothing else. Small files are not worth a system call each.
func TestLargeFilesReachTheWriter(t *testing.T) {
	dir := t.TempDir()
	c := contents{}
	var entries []bundle.Entry
	for i := range 100 {
		entries = append(entries, c.add(fmt.Sprintf("small-%d", i), make([]byte, 1000), bundle.Identity))
	}
	entries = append(entries,
		c.add("large-1", bytes.Repeat([]byte("abc"), 100_000), bundle.Identity),
		c.add("large-2", bytes.Repeat([]byte("def"), 100_000), bundle.Identity))
	for path, stored := range c {
		if err := os.WriteFile(filepath.Join(dir, path), stored, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	openFile := func(_ context.Context, e bundle.Entry, offset int64) (io.ReadCloser, error) {
		f, err := os.Open(filepath.Join(dir, e.Path))
		if err != nil {
			return nil, err
		}
		_, err = f.Seek(offset, io.SeekStart)
		return f, err
	}
	a := newArchive(t, entries...)
	whole := write(t, a, c.open)
	for _, offset := range []int64{0, 100, 200_000} {
		w := &connection{}
		if err := a.WriteRange(t.Context(), w, offset, a.Size()-offset, openFile); err != nil {
			t.Fatal(err)
		}
		if w.files != 2 || w.writes > 5 || !bytes.Equal(w.Bytes(), whole[offset:]) {
			t.Errorf("from %d: %d files and %d writes reached the writer, want 2 and at most 5", offset, w.files, w.writes)
		}
	}
}

func FuzzArchive(f *testing.F) {
	f.Add("a.txt\nb/ö.txt", uint32(10), uint32(50))
	f.Add("../a", uint32(0), uint32(0))
	f.Add("C:a\n/b\nc//d", uint32(1), uint32(2))
	f.Fuzz(func(t *testing.T, names string, offset, length uint32) {
		c := contents{}
		var entries []bundle.Entry
		for i, name := range strings.Split(names, "\n") {
			entries = append(entries, c.add(name, []byte(names[:i]), []bundle.Encoding{bundle.Identity, bundle.Deflate}[i%2]))
		}
		a, err := bundle.NewArchive(entries)
		if err != nil {
			return
		}
		whole := write(t, a, c.open)
		r, err := zip.NewReader(bytes.NewReader(whole), a.Size())
		if err != nil { // it looks for names that are unsafe to extract, too
			t.Fatalf("archive/zip: %v", err)
		}
		for i, file := range r.File {
			if !filepath.IsLocal(file.Name) || !fs.ValidPath(file.Name) || file.Name != entries[i].Path {
				t.Errorf("entry %d is %q, of %q", i, file.Name, entries[i].Path)
			}
			if content, err := readEntry(file); err != nil || sheaf.DigestOf(content) != entries[i].Digest {
				t.Errorf("read %q: %v, or it is another content", file.Name, err)
			}
		}
		from := int64(offset) % (a.Size() + 1)
		n := int64(length) % (a.Size() - from + 1)
		if part := writeRange(t, a, from, n, c.open); !bytes.Equal(part, whole[from:from+n]) {
			t.Errorf("the range [%d, %d) differs from that of the whole", from, from+n)
		}
	})
}
