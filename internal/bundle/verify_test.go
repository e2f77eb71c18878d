package bundle_test

import (
	"archive/zip"
	"bytes"
	"slices"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
)

func TestETagOfCopies(t *testing.T) {
	c := contents{}
	many := make([]bundle.Entry, 66_000) // whose end is in zip64
	for i := range many {
		many[i] = bundle.Literal(string([]byte{'a' + byte(i>>12), 'a' + byte(i>>8&15), 'a' + byte(i>>4&15), 'a' + byte(i&15)}), nil)
	}
	for name, entries := range map[string][]bundle.Entry{"usual": mixed(c), "empty": nil, "many": many} {
		a := newArchive(t, entries...)
		whole := write(t, a, c.open)
		if got, err := bundle.ETagOf(bytes.NewReader(whole), a.Size()); err != nil || got != a.ETag() {
			t.Errorf("%s: the ETag of a copy is %s (%v), want %s", name, got, err, a.ETag())
		}
	}
}

// Whichever byte is another, the copy is found out; unless its contents are right
// all the same, as with bits that are between the end of a stream and its last byte.
func TestETagOfDamagedCopies(t *testing.T) {
	c := contents{}
	a := newArchive(t, c.add("a.md", []byte("all that is gold"), bundle.Deflate), c.add("b/ü.bin", []byte{1, 2, 3}, bundle.Identity), bundle.Literal("c", nil))
	whole := write(t, a, c.open)
	want := contentsOf(t, whole)
	for i := range whole {
		for _, bit := range []byte{0x01, 0x80} {
			copied := slices.Clone(whole)
			copied[i] ^= bit
			got, err := bundle.ETagOf(bytes.NewReader(copied), a.Size())
			if err != nil && sheaf.KindOf(err) != sheaf.ErrDamaged {
				t.Errorf("byte %d: %v, want damaged", i, err)
			}
			if err == nil && got == a.ETag() && !slices.Equal(contentsOf(t, copied), want) {
				t.Errorf("byte %d is another, and nobody sees it", i)
			}
		}
	}
	for _, size := range []int{0, 1, 21, 22, len(whole) / 2, len(whole) - 1} {
		if _, err := bundle.ETagOf(bytes.NewReader(whole[:size]), int64(size)); sheaf.KindOf(err) != sheaf.ErrDamaged {
			t.Errorf("the first %d bytes: %v, want damaged", size, err)
		}
	}
}

// contentsOf returns the paths and contents of a ZIP file, one after the other.
func contentsOf(t *testing.T, packed []byte) (all []string) {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.File {
		content, err := readEntry(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f.Name, string(content))
	}
	return all
}
