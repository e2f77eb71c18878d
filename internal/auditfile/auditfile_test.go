package auditfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// write appends entries with the ids from first to last, to the file of a day.
func write(t *testing.T, w *Writer, day string, first, last int64) {
	t.Helper()
	for id := first; id <= last; id++ {
		if err := w.Append(day, id, fmt.Appendf(nil, `{"id":%d,"text":"%s"}`, id, strings.Repeat("x", int(id%70)))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Sync(); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string) *Writer {
	t.Helper()
	w, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// ids returns the ids in all files, and checks the seals.
func ids(t *testing.T, dir string) (all []int64) {
	t.Helper()
	names, err := List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		entries, before, sealed := int64(0), []byte{}, false
		for line := range bytes.Lines(text) {
			if seal := ParseSeal(line); seal != nil {
				sum := sha256.Sum256(before)
				if seal.Entries != entries || seal.SHA256 != hex.EncodeToString(sum[:]) || len(all) > 0 && seal.LastID != all[len(all)-1] {
					t.Errorf("%s: the seal %+v after %d entries", name, *seal, entries)
				}
				sealed = true
				continue
			}
			var id int64
			if _, err := fmt.Sscanf(string(line), `{"id":%d,`, &id); err != nil || sealed || line[len(line)-1] != '\n' {
				t.Fatalf("%s: the line %q, %v, sealed %t", name, line, err, sealed)
			}
			all, before = append(all, id), append(before, line...)
			entries++
		}
		if sealed != (i < len(names)-1) {
			t.Errorf("%s of %q: sealed %t", name, names, sealed)
		}
	}
	return all
}

func count(first, last int64) (ids []int64) {
	for id := first; id <= last; id++ {
		ids = append(ids, id)
	}
	return ids
}

// Wherever a crash cuts the newest file, the entry that is written next is the
// one after the last that is whole.
func TestResumesAfterEveryCut(t *testing.T) {
	whole := t.TempDir()
	w := open(t, whole)
	write(t, w, "2026-01-30", 1, 3)
	write(t, w, "2026-01-31", 4, 6)
	if err := w.seal(); err != nil { // the crash may also tear the seal
		t.Fatal(err)
	}
	const newest = "2026-01-31.jsonl"
	text, err := os.ReadFile(filepath.Join(whole, newest))
	if err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(filepath.Join(whole, "2026-01-30.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(text) + 1 {
		for _, garbage := range []string{"", "\x00\x00\x00\n\x00"} {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "2026-01-30.jsonl"), first, 0o400); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, newest), append(slices.Clone(text[:cut]), garbage...), 0o600); err != nil {
				t.Fatal(err)
			}
			w := open(t, dir)
			if want := int64(3 + bytes.Count(text[:cut], []byte("\n"))); w.Last() != min(want, 6) {
				t.Fatalf("after a cut at byte %d the last entry is %d, want %d", cut, w.Last(), want)
			}
			write(t, w, "2026-01-31", w.Last()+1, 8)
			write(t, w, "2026-02-02", 9, 9)
			if w.Close(); garbage != "" && cut == len(text) {
				continue // what stands behind a seal stays, for a verification to find
			}
			if got := ids(t, dir); !slices.Equal(got, count(1, 9)) {
				t.Fatalf("after a cut at byte %d the files have %v", cut, got)
			}
		}
	}
}

// A day that is over takes no more: its file is sealed and read-only, and a late
// entry goes into the newest one.
func TestSealsDays(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir)
	write(t, w, "2026-01-01", 1, 2)
	if err := w.Begin("2026-01-03"); err != nil {
		t.Fatal(err)
	}
	write(t, w, "2026-01-01", 3, 3)
	w.Close()
	w = open(t, dir)
	if w.Last() != 3 || w.Day() != "2026-01-03" {
		t.Errorf("opened again: %d of %s", w.Last(), w.Day())
	}
	write(t, w, "2026-01-04", 4, 4)
	if got := ids(t, dir); !slices.Equal(got, count(1, 4)) {
		t.Errorf("the files have %v", got)
	}
	for name, mode := range map[string]os.FileMode{"2026-01-01.jsonl": 0o400, "2026-01-03.jsonl": 0o400, "2026-01-04.jsonl": 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); runtime.GOOS != "windows" && (err != nil || info.Mode().Perm() != mode) {
			t.Errorf("%s: %v, %v, want the mode %v", name, info, err, mode)
		}
	}
}

// A file that begins, and has nothing yet, goes on where the one before ended.
func TestResumesInAnEmptyFile(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir)
	write(t, w, "2026-01-01", 1, 7)
	if err := w.Begin("2026-01-02"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if w = open(t, dir); w.Last() != 7 || w.Sealed() {
		t.Errorf("the last entry is %d, sealed %t, want 7 and a file to write to", w.Last(), w.Sealed())
	}
	write(t, w, "2026-01-02", 8, 9)
	if err := w.Begin("2026-01-03"); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, dir); !slices.Equal(got, count(1, 9)) {
		t.Errorf("the files have %v", got)
	}
}
