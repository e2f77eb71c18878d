package bundle_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf/internal/bundle"
)

// listing prints what Python's zipfile finds in an archive, after reading the
// entries named behind it in full.
const listing = `
import json, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
for name in sys.argv[2:]:
    archive.read(name)
json.dump([[i.filename, i.file_size, i.compress_size, i.compress_type, i.flag_bits, i.external_attr]
           for i in archive.infolist()], sys.stdout)
`

// What archive/zip reads back is what has to hold everywhere. Here other
// people's programs read the same archives, those of them that this machine has:
// the test needs at least one where CI is set, and says so.
func TestOtherProgramsReadArchives(t *testing.T) {
	unzip, _ := exec.LookPath("unzip")
	python, _ := exec.LookPath("python3")
	if unzip == "" && python == "" {
		const missing = "neither unzip nor python3 is here; install one to have archives read by other programs"
		if os.Getenv("CI") != "" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	c := contents{}
	usual := mixed(c)
	many := make([]bundle.Entry, 66_000)
	for i := range many {
		many[i] = bundle.Literal(fmt.Sprintf("%05d.md", i), nil)
	}
	large, open := vast()

	for _, test := range []struct {
		name     string
		entries  []bundle.Entry
		open     bundle.Opener
		readable []string // entries whose contents are real and not vast
	}{
		{"usual", usual, c.open, paths(usual)},
		{"many", many, nil, []string{"00000.md", "65999.md"}},
		{"vast", large, open, []string{"1-near.txt", "5-far.txt", "7-last.txt"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newArchive(t, test.entries...) // sorts them
			file := filepath.Join(t.TempDir(), "archive.zip")
			writeSparse(t, file, a, test.open)
			if unzip != "" {
				out := run(t, unzip, append([]string{"-t", "-q", file}, test.readable...)...)
				if !strings.HasPrefix(out, "No errors detected in") {
					t.Errorf("unzip -t: %s", out)
				}
				if names := run(t, unzip, "-Z1", file); strings.TrimSuffix(names, "\n") != strings.Join(paths(test.entries), "\n") {
					t.Errorf("unzip -Z1 lists %.500q", names)
				}
			}
			if python != "" {
				out := run(t, python, append([]string{"-c", listing, file}, test.readable...)...)
				comparePython(t, out, test.entries)
			}
		})
	}
}

func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	command := exec.Command(program, args...)
	command.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v: %.2000s%s", filepath.Base(program), err, out, stderr.Bytes())
	}
	return string(out)
}

func paths(entries []bundle.Entry) []string {
	var found []string
	for _, e := range entries {
		found = append(found, e.Path)
	}
	return found
}

func comparePython(t *testing.T, out string, entries []bundle.Entry) {
	t.Helper()
	var infos [][]any
	if err := json.Unmarshal([]byte(out), &infos); err != nil || len(infos) != len(entries) {
		t.Fatalf("zipfile lists %d entries (%v), want %d", len(infos), err, len(entries))
	}
	for i, e := range entries {
		method := 0.0
		if e.Encoding == bundle.Deflate {
			method = 8
		}
		want := []any{e.Path, float64(e.Size), float64(e.StoredSize), method, 2048.0, float64(0o100644 << 16)}
		if fmt.Sprint(infos[i]) != fmt.Sprint(want) {
			t.Fatalf("zipfile says of entry %d %v, want %v", i, infos[i], want)
		}
	}
}

// writeSparse writes an archive into a file. What is zeros and vast becomes a
// hole: the file takes no more room than the rest.
func writeSparse(t *testing.T, name string, a *bundle.Archive, open bundle.Opener) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := a.WriteRange(t.Context(), sparseWriter{f}, 0, a.Size(), open); err != nil {
		t.Fatalf("WriteRange: %v", err)
	}
	if at, err := f.Seek(0, io.SeekCurrent); err != nil || at != a.Size() {
		t.Fatalf("%d bytes were written (%v), want %d", at, err, a.Size())
	}
}

type sparseWriter struct{ *os.File }

// ReadFrom implements [io.ReaderFrom].
func (w sparseWriter) ReadFrom(r io.Reader) (int64, error) {
	if limited, ok := r.(*io.LimitedReader); ok && limited.R == (zeros{}) {
		n := limited.N
		_, err := w.Seek(n, io.SeekCurrent)
		return n, err
	}
	return w.File.ReadFrom(r)
}
