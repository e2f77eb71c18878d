package bundle_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
)

// The number of entries has 16 bits, and 65,535 in it means that the number is
// elsewhere.
func TestArchiveOfManyEntries(t *testing.T) {
	for _, test := range []struct {
		entries int
		zip64   bool
	}{{65_534, false}, {65_535, true}, {70_000, true}} {
		entries := make([]bundle.Entry, test.entries)
		for i := range entries {
			entries[i] = bundle.Literal(fmt.Sprintf("%03d/%03d.md", i/1000, i%1000), []byte{byte(i), byte(i >> 8), byte(i >> 16)})
		}
		a := newArchive(t, entries...)
		whole := write(t, a, nil)
		end := whole[len(whole)-22:]
		if hasZip64 := bytes.Equal(whole[len(whole)-42:][:4], []byte("PK\x06\x07")); hasZip64 != test.zip64 {
			t.Errorf("%d entries: zip64 is %v, want %v: %x", test.entries, hasZip64, test.zip64, end)
		}
		r, err := zip.NewReader(bytes.NewReader(whole), a.Size())
		if err != nil {
			t.Fatalf("archive/zip of %d entries: %v", test.entries, err)
		}
		if len(r.File) != test.entries {
			t.Fatalf("archive/zip finds %d of %d entries", len(r.File), test.entries)
		}
		for i, f := range r.File {
			if len(f.Extra) > 0 || f.ReaderVersion != 10 {
				t.Fatalf("entry %d has the extra field %x and needs version %d, want none and 10", i, f.Extra, f.ReaderVersion)
			}
		}
		for _, i := range []int{0, 1, 65_533, test.entries - 1} {
			content, err := readEntry(r.File[i])
			if want := []byte{byte(i), byte(i >> 8), byte(i >> 16)}; err != nil || !bytes.Equal(content, want) {
				t.Errorf("entry %d reads %v (%v), want %v", i, content, err, want)
			}
		}
	}
}

// zeros gives zeros without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
func (zeros) Close() error               { return nil }

const vastSize = 5<<30 + 1

// vast returns the entries of an archive of more than 4 GiB. Of those that are
// large only the sizes are true: their bytes are zeros.
func vast() ([]bundle.Entry, bundle.Opener) {
	c := contents{}
	sized := func(path string, size, stored int64, encoding bundle.Encoding) bundle.Entry {
		return bundle.Entry{
			File:       bundle.File{Path: path, Size: size, Digest: sheaf.DigestOf([]byte(path))},
			CRC32:      crc32.ChecksumIEEE([]byte(path)),
			Encoding:   encoding,
			StoredSize: stored,
		}
	}
	entries := []bundle.Entry{
		c.add("1-near.txt", []byte("near"), bundle.Deflate),
		sized("2-largest-that-fits", 0xffff_fffe, 100, bundle.Deflate),
		sized("3-smallest-that-does-not", 0xffff_ffff, 100, bundle.Deflate),
		sized("4-vast", vastSize, vastSize, bundle.Identity),
		c.add("5-far.txt", []byte("far"), bundle.Deflate),
		sized("6-far-and-vast", vastSize, vastSize, bundle.Identity),
		bundle.Literal("7-last.txt", []byte("last")),
	}
	return entries, func(ctx context.Context, e bundle.Entry, offset int64) (io.ReadCloser, error) {
		if _, ok := c[e.Path]; ok {
			return c.open(ctx, e, offset)
		}
		return zeros{}, nil
	}
}

func TestArchiveOfMoreThan4GiB(t *testing.T) {
	entries, open := vast()
	a := newArchive(t, entries...)
	if a.Size() < 2*vastSize {
		t.Fatalf("the archive has %d bytes, want more than %d", a.Size(), int64(2*vastSize))
	}
	archive := readerAt{a, open}
	r, err := zip.NewReader(archive, a.Size())
	if err != nil {
		t.Fatalf("archive/zip: %v", err)
	}
	checkLocalHeaders(t, archive, r)
	wantZip64 := []int{0, 0, 16, 16, 8, 24, 8} // bytes: both sizes, or the offset, or all
	for i, f := range r.File {
		have := 0
		if len(f.Extra) > 0 {
			have = len(f.Extra) - 4
		}
		wantVersion := []uint16{20, 45}[min(have, 1)]
		if have != wantZip64[i] || f.ReaderVersion != wantVersion {
			t.Errorf("%q has %d bytes of zip64 and needs version %d, want %d and %d", f.Name, have, f.ReaderVersion, wantZip64[i], wantVersion)
		}
	}
	for i, size := range []uint64{4, 0xffff_fffe, 0xffff_ffff, vastSize, 3, vastSize, 4} {
		if r.File[i].UncompressedSize64 != size {
			t.Errorf("%q has %d bytes, want %d", r.File[i].Name, r.File[i].UncompressedSize64, size)
		}
	}
	for i, want := range map[int]string{0: "near", 4: "far", 6: "last"} {
		if content, err := readEntry(r.File[i]); err != nil || string(content) != want {
			t.Errorf("%q reads %q (%v), want %q", r.File[i].Name, content, err, want)
		}
	}
}

// What does not fit into the end record is in the zip64 record alone, what fits
// is in both: so some programs want it.
func TestEndOfAVastArchive(t *testing.T) {
	entries, open := vast()
	a := newArchive(t, entries...)
	end := writeRange(t, a, a.Size()-22, 22, open)
	if want := "PK\x05\x06\x00\x00\x00\x00\x07\x00\x07\x00"; string(end[:12]) != want {
		t.Errorf("the end record begins with %q, want %q", end[:12], want)
	}
	if string(end[16:20]) != "\xff\xff\xff\xff" {
		t.Errorf("the directory is at %x, want ffffffff", end[16:20])
	}
}

// The central directory is made while it is written: a large archive takes no
// more memory to write than a small one.
func TestWritingTakesConstantMemory(t *testing.T) {
	entries := make([]bundle.Entry, 70_000)
	for i := range entries {
		entries[i] = bundle.Literal(fmt.Sprintf("%05d.md", i), []byte{1})
	}
	a := newArchive(t, entries...)
	allocations := testing.AllocsPerRun(3, func() {
		if err := a.WriteRange(t.Context(), io.Discard, 0, a.Size(), nil); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > 20 {
		t.Errorf("writing %d entries takes %.0f allocations, want at most 20", a.Len(), allocations)
	}
}
