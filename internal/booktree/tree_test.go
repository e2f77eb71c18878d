package booktree_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/booktree"
)

// zipOf writes a ZIP file of the headers given; each file contains its own name.
func zipOf(t *testing.T, headers ...zip.FileHeader) string {
	t.Helper()
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, header := range headers {
		header.Method = zip.Deflate
		f, err := w.CreateHeader(&header)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(header.Name, "/") {
			if _, err := io.WriteString(f, header.Name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return save(t, archive.Bytes())
}

func save(t *testing.T, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "books.zip")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func openZip(t *testing.T, file string) *booktree.Tree {
	t.Helper()
	tree, err := booktree.OpenZip(file, booktree.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	return tree
}

// Names that lead elsewhere, links, and names that are the same to some system:
// each is refused, says why, and keeps nothing else from being imported.
func TestHostileNames(t *testing.T) {
	link := zip.FileHeader{Name: "link.md"}
	link.SetMode(os.ModeSymlink | 0o777)
	pipe := zip.FileHeader{Name: "pipe.md"}
	pipe.SetMode(os.ModeNamedPipe | 0o600)
	headers := []zip.FileHeader{
		{Name: "good.md"}, {Name: "dir/"}, {Name: "dir/good.md"},
		{Name: "../outside.md"}, {Name: "dir/../../outside.md"}, {Name: "/etc/passwd"}, {Name: `C:\windows.md`}, {Name: `dir\..\x.md`},
		{Name: "a//b.md"}, {Name: "./a.md"}, {Name: "nul\x00.md"}, {Name: "bell\a.md"}, {Name: "not\xffutf8.md"}, {Name: "con"}, {Name: "aux.md"},
		{Name: strings.Repeat("long", 100)}, {Name: " spaces "},
		{Name: "Same.md"}, {Name: "same.md"}, {Name: "twice.md"}, {Name: "twice.md"},
		{Name: "file"}, {Name: "file/below.md"},
		link, pipe,
	}
	books, others, err := openZip(t, zipOf(t, headers...)).Books(t.Context(), "book")
	if err != nil || len(books) != 1 || len(others) != 0 {
		t.Fatalf("the books are %+v, beside them %v, %v", books, others, err)
	}
	var taken []string
	for _, f := range books[0].Files {
		if f.Refused == "" {
			taken = append(taken, f.Path)
		}
	}
	if want := []string{"dir/good.md", "file", "good.md"}; !slices.Equal(taken, want) {
		t.Errorf("taken are %q, want %q", taken, want)
	}
	for _, f := range books[0].Files {
		if f.Path == "twice.md" && !strings.Contains(f.Refused, "more than once") || f.Path == "same.md" && !strings.Contains(f.Refused, "same as Same.md") {
			t.Errorf("%s is refused for: %s", f.Path, f.Refused)
		}
	}
	if len(books[0].Files) != len(headers)-1 { // a directory is none
		t.Errorf("%d files are told of, want %d", len(books[0].Files), len(headers)-1)
	}
}

func TestDirectories(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"books/one/book.yaml", "books/one/a.md", "books/two/b.md", "books/two/sub/c.md", "registry.yaml", "README", "books/stray.md"} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		content := name
		switch name {
		case "books/one/book.yaml":
			content = "book_id: one\ntitle: The first\n"
		case "registry.yaml":
			content = "books:\n- book_id: one\n  title: Not this\n- book_id: two\n  title: The second\n- book_id: three\n  title: Without files\n"
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if runtime.GOOS != "windows" {
		if err := os.Symlink("/etc", filepath.Join(dir, "books/two/etc")); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := booktree.OpenDir(dir, booktree.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	books, others, err := tree.Books(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, book := range books {
		for _, f := range book.Files {
			if f.Refused != "" {
				got = append(got, fmt.Sprintf("%s/%s: %s", book.ID, f.Path, f.Refused))
				continue
			}
			body, err := f.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(body)
			body.Close()
			if err != nil || string(content) != fmt.Sprintf("books/%s/%s", book.ID, f.Path) {
				t.Errorf("%s of %s is %q, %v", f.Path, book.ID, content, err)
			}
			got = append(got, fmt.Sprintf("%s/%s", book.ID, f.Path))
		}
		got = append(got, fmt.Sprintf("%s is %s", book.ID, book.Entry.Title))
	}
	want := []string{"one/a.md", "one is The first", "three is Without files", "two/b.md", "two/etc: it is a symbolic link", "two/sub/c.md", "two is The second"}
	if !slices.Equal(got, want) || len(others) != 2 {
		t.Errorf("the books are %q, want %q; beside them %v", got, want, others)
	}
	if runtime.GOOS == "windows" {
		return
	}
	// What was a file when it was listed may be a link now.
	if err := os.Remove(filepath.Join(dir, "books/two/b.md")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "books/two/b.md")); err != nil {
		t.Fatal(err)
	}
	for _, f := range books[2].Files {
		if body, err := f.Open(t.Context()); f.Path == "b.md" && err == nil {
			body.Close()
			t.Error("a link that leads out of the tree was followed")
		}
	}
}

// A tree of which nobody says which book it is.
func TestNamelessTrees(t *testing.T) {
	if _, _, err := openZip(t, zipOf(t, zip.FileHeader{Name: "a.md"})).Books(t.Context(), ""); sheaf.KindOf(err) != sheaf.ErrInvalid {
		t.Errorf("without a name: %v, want invalid", err)
	}
	if _, _, err := openZip(t, zipOf(t, zip.FileHeader{Name: "a.md"})).Books(t.Context(), "No Name"); sheaf.KindOf(err) != sheaf.ErrInvalid {
		t.Errorf("with a bad name: %v, want invalid", err)
	}
	if _, err := booktree.OpenZip(save(t, []byte("PK not a zip")), booktree.DefaultLimits()); sheaf.KindOf(err) != sheaf.ErrInvalid {
		t.Errorf("what is no ZIP file: %v, want invalid", err)
	}
}

// A ZIP file that would be larger than allowed, one with too many files, and one
// that lies about a size.
func TestZipBombs(t *testing.T) {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for i := range 3 {
		f, err := w.Create(fmt.Sprintf("%d.bin", i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := save(t, archive.Bytes())
	for what, limits := range map[string]booktree.Limits{"too many bytes": {Files: 100, Bytes: 2 << 20}, "too many files": {Files: 2, Bytes: 1 << 30}} {
		if _, err := booktree.OpenZip(file, limits); sheaf.KindOf(err) != sheaf.ErrTooLarge {
			t.Errorf("%s: %v, want too_large", what, err)
		}
	}
	// The size in the directory at the end is what counts.
	lying := bytes.Clone(archive.Bytes())
	for at := bytes.Index(lying, []byte("PK\x01\x02")); at >= 0; {
		binary.LittleEndian.PutUint32(lying[at+24:], 10)
		next := bytes.Index(lying[at+4:], []byte("PK\x01\x02"))
		if next < 0 {
			break
		}
		at += 4 + next
	}
	tree := openZip(t, save(t, lying))
	for _, f := range tree.Files {
		body, err := f.Open(t.Context())
		if err != nil {
			continue
		}
		if n, err := io.Copy(io.Discard, body); err == nil || n > 10 {
			t.Errorf("%s gave %d bytes, %v, and said it had 10", f.Path, n, err)
		}
		body.Close()
	}
}
