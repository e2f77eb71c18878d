package fsblob

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
)

func TestContract(t *testing.T) {
	for _, test := range []struct {
		name  string
		limit func(*Backend) // to what other systems can do
	}{
		{"as here", func(*Backend) {}},
		{"one sync per file", func(b *Backend) { b.syncsAll = false }},
	} {
		t.Run(test.name, func(t *testing.T) {
			blobtest.Run(t, func(t *testing.T) blob.Backend {
				b := open(t, t.TempDir())
				test.limit(b)
				t.Cleanup(func() { wantNothingHalfWritten(t, b) })
				return b
			})
		})
	}
}

func open(t *testing.T, root string) *Backend {
	t.Helper()
	b, err := New(root)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return b
}

// wantNothingHalfWritten checks that every file is an object or in quarantine.
func wantNothingHalfWritten(t *testing.T, b *Backend) {
	t.Helper()
	err := filepath.WalkDir(b.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, dir := entry.Name(), filepath.Base(filepath.Dir(path))
		switch {
		case dir == quarantineDir:
			name, _, _ = strings.Cut(name, ".")
		case dir != name[:2]:
			t.Errorf("%s is in the wrong directory", path)
		}
		if !blob.Key(name).Valid() {
			t.Errorf("%s is left behind", path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestLayout(t *testing.T) {
	root := filepath.Join(t.TempDir(), "not", "there", "yet")
	b := open(t, root)
	content := []byte("a file at a place that people can find")
	key := blobtest.KeyOf(content)
	if err := b.Put(t.Context(), key, bytes.NewReader(content), int64(len(content))); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, string(key[:2]), string(key)))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("the object's file: %q, %v", got, err)
	}
}

func TestLeftoversOfAKilledProcess(t *testing.T) {
	b := open(t, t.TempDir())
	file, err := b.stage()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write([]byte("half a fi")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file.Name()); err != nil {
		t.Fatal(err)
	}
	open(t, b.root)
	if _, err := os.Stat(file.Name()); err == nil {
		t.Errorf("%s is still there after New", file.Name())
	}
}

func TestListIgnoresForeignFiles(t *testing.T) {
	b := open(t, t.TempDir())
	content := blobtest.Random(10)
	key := blobtest.KeyOf(content)
	if err := b.Put(t.Context(), key, bytes.NewReader(content), 10); err != nil {
		t.Fatal(err)
	}
	elsewhere := "00"
	if key[:2] == "00" {
		elsewhere = "01"
	}
	partition := string(key[:2])
	for _, name := range []string{
		".DS_Store", "lost+found/x", "README", "quarantine/" + string(key) + ".1",
		partition + "/" + string(key) + "~", partition + "/.nfs0001", partition + "/" + strings.ToUpper(string(key)),
		elsewhere + "/" + string(key), // not where it belongs
		partition + "/" + partition + strings.Repeat("0", 62) + "/directory",
	} {
		path := filepath.Join(b.root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("foreign"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var listed []blob.Key
	if err := b.List(t.Context(), func(info blob.Info) error { listed = append(listed, info.Key); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(listed) != 1 || listed[0] != key {
		t.Errorf("List: %v, want only %s", listed, key)
	}
}

func TestKeysThatArePaths(t *testing.T) {
	b := open(t, t.TempDir())
	for _, key := range []blob.Key{"", "ab", "../../../etc/passwd", blob.Key(strings.Repeat("/", 64)), blob.Key(strings.Repeat("A", 64))} {
		if err := b.Put(t.Context(), key, strings.NewReader("x"), 1); err == nil {
			t.Errorf("Put of key %q: no error", key)
		}
		if err := b.PutBatch(t.Context(), []blob.Small{{Key: key, Bytes: []byte("x")}}); err == nil {
			t.Errorf("PutBatch of key %q: no error", key)
		}
		if _, err := b.Open(t.Context(), key, 0, -1); err == nil {
			t.Errorf("Open of key %q: no error", key)
		}
		if err := b.Delete(t.Context(), key); err == nil {
			t.Errorf("Delete of key %q: no error", key)
		}
	}
}

func TestQuarantineKeepsTheFile(t *testing.T) {
	b := open(t, t.TempDir())
	content := blobtest.Random(10)
	key := blobtest.KeyOf(content)
	if err := b.Put(t.Context(), key, bytes.NewReader(content), 10); err != nil {
		t.Fatal(err)
	}
	if err := b.Quarantine(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	aside, err := filepath.Glob(filepath.Join(b.root, quarantineDir, string(key)+".*"))
	if err != nil || len(aside) != 1 {
		t.Fatalf("the quarantine has %v, %v, want one file", aside, err)
	}
	if got, err := os.ReadFile(aside[0]); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the file in quarantine has %d bytes, %v", len(got), err)
	}
}

// A disk that is not mounted is no reason to believe that every object is lost.
func TestDirectoryAway(t *testing.T) {
	root := filepath.Join(t.TempDir(), "blobs")
	b := open(t, root)
	content := blobtest.Random(10)
	key := blobtest.KeyOf(content)
	put := func() error { return b.Put(t.Context(), key, bytes.NewReader(content), 10) }
	if err := put(); err != nil {
		t.Fatal(err)
	}
	spooled, err := blob.SpoolFile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer spooled.Close()
	for _, mountPoint := range []bool{true, false} { // whether the directory of the mount is there, empty
		if err := os.Rename(root, root+".away"); err != nil {
			t.Fatal(err)
		}
		if mountPoint {
			if err := os.Mkdir(root, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		for what, do := range map[string]func() error{
			"Open":     func() error { _, err := b.Open(t.Context(), key, 0, -1); return err },
			"Stat":     func() error { _, err := b.Stat(t.Context(), key); return err },
			"Put":      put,
			"PutBatch": func() error { return b.PutBatch(t.Context(), []blob.Small{{Key: key, Bytes: content}}) },
			"Adopt":    func() error { return b.Adopt(t.Context(), key, spooled) },
		} {
			if err := do(); sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
				t.Errorf("%s while the directory is away, mount point %t: %v, want backend_unavailable", what, mountPoint, err)
			}
		}
		if mountPoint {
			if err := os.RemoveAll(root); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Rename(root+".away", root); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Stat(t.Context(), key); err != nil {
			t.Errorf("Stat once the directory is back: %v", err)
		}
	}
}

// What other systems do in place of renaming.
func TestMoveByLink(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	for _, test := range []struct {
		content, want string
		err           error
	}{
		{"first", "first", nil},
		{"second", "first", fs.ErrExist},
	} {
		if err := os.WriteFile(from, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := moveByLink(from, to); !errors.Is(err, test.err) {
			t.Errorf("moving %q: %v, want %v", test.content, err, test.err)
		}
		if got, err := os.ReadFile(to); string(got) != test.want || err != nil {
			t.Errorf("after moving %q there is %q, %v; want %q", test.content, got, err, test.want)
		}
		if _, err := os.Stat(from); (err == nil) != (test.err != nil) {
			t.Errorf("after moving %q, the old name: %v", test.content, err)
		}
	}
}
