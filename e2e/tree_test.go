package e2e

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// TestRealTree takes the Go toolchain's source tree, more than ten thousand
// files, through the command line and back: it is pushed, found, pulled, and
// every byte compared.
func TestRealTree(t *testing.T) {
	skipWithoutSignals(t)
	t.Parallel()
	root := goSource(t)
	files := treeOf(t, root)
	t.Logf("%s has %d files", root, len(files))
	work := t.TempDir()
	dataDir := filepath.Join(work, "store")
	s := startServer(t, dataDir)
	shell := &shell{T: t, dir: work, variables: []string{"DOCUMENT_SERVER_URL=" + s.url}}

	pushed := decodeLines[pushedFile](t, shell.run(nil, "sheaf", "push", "--jobs", "8", "--json", "--tags", "go,source", root))
	if len(pushed) != len(files) {
		t.Errorf("sheaf push stored %d documents, want %d", len(pushed), len(files))
	}
	ids := make(map[string]sheaf.DocumentID) // by name
	for _, p := range pushed {
		if want, ok := files[p.Name]; !ok || p.Digest != want {
			t.Errorf("%s was stored as %q with SHA-256 %s, want %s", p.LocalPath, p.Name, p.Digest, want)
		}
		if want := filepath.Join(filepath.Dir(root), filepath.FromSlash(p.Name)); p.LocalPath != want {
			t.Errorf("%q is said to be from %s, want %s", p.Name, p.LocalPath, want)
		}
		ids[p.Name] = p.ID
	}
	if t.Failed() {
		t.FailNow()
	}

	wantFound(t, "everything", shell.run(nil, "sheaf", "query", "--all", "--json"), ids, func(string) bool { return true })
	for _, part := range []string{"net/HTTP/", "_test.go", "utf8", "md", "z"} {
		out := shell.run(nil, "doc-query", "--tags", "source", "--name", part, "--format", "json", "--limit", fmt.Sprint(len(files)))
		wantFound(t, fmt.Sprintf("documents with %q in their names", part), out, ids, func(name string) bool {
			return strings.Contains(strings.ToLower(name), strings.ToLower(part))
		})
	}

	var list strings.Builder
	for _, name := range slices.Sorted(maps.Keys(ids)) {
		fmt.Fprintln(&list, ids[name])
	}
	back := filepath.Join(work, "back")
	shell.run(strings.NewReader(list.String()), "sheaf", "pull", "--jobs", "8", "--names", "--output", back, "-")
	compareTrees(t, files, treeOf(t, filepath.Join(back, path.Base(filepath.ToSlash(root)))))

	one := path.Base(filepath.ToSlash(root)) + "/fmt/print.go"
	shell.run(nil, "doc-pull", string(ids[one]), "--output", "one.go")
	if got, err := os.ReadFile(filepath.Join(work, "one.go")); err != nil || sheaf.DigestOf(got) != files[one] {
		t.Errorf("doc-pull of %s: %v, %d bytes that are not those of the file", one, err, len(got))
	}

	s.stop(t)
	shell.variables = nil
	shell.run(nil, "sheaf", "admin", "fsck", "--full", "--data-dir", dataDir)
}

// goSource returns the directory of the Go toolchain's source.
func goSource(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatalf("go env GOROOT: %v", err)
	}
	// Debian's package has a link there.
	src, err := filepath.EvalSymlinks(filepath.Join(strings.TrimSpace(string(out)), "src"))
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// treeOf returns the digests of the regular files below root by their
// slash-separated paths, which begin with root's own name. It says what else is
// there.
func treeOf(t *testing.T, root string) map[string]sheaf.Digest {
	t.Helper()
	files := make(map[string]sheaf.Digest)
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if !entry.Type().IsRegular() {
			t.Logf("left out, because it is no regular file: %s (%s)", file, entry.Type())
			return nil
		}
		relative, err := filepath.Rel(filepath.Dir(root), file)
		if err != nil {
			return err
		}
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		hash := sha256.New()
		if _, err := io.Copy(hash, f); err != nil {
			return err
		}
		files[filepath.ToSlash(relative)] = sheaf.Digest(hash.Sum(nil))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// compareTrees compares what came back with what was there.
func compareTrees(t *testing.T, want, got map[string]sheaf.Digest) {
	t.Helper()
	for name, digest := range want {
		if back, ok := got[name]; !ok {
			t.Errorf("%s did not come back", name)
		} else if back != digest {
			t.Errorf("%s came back with SHA-256 %s, want %s", name, back, digest)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s came back and was never there", name)
		}
	}
}

// A shell runs commands, which have to succeed, in one directory.
type shell struct {
	*testing.T
	dir       string
	variables []string
}

// run returns what the command has written to standard output.
func (s *shell) run(stdin io.Reader, name string, args ...string) string {
	s.Helper()
	begin := time.Now()
	c, err := run(s.Context(), s.dir, stdin, s.variables, name, args...)
	text := strings.Join(append([]string{name}, args...), " ")
	if err != nil || c.exit != 0 {
		s.Fatalf("%s: exit code %d, %v:\n%s", text, c.exit, err, c.stderr)
	}
	s.Logf("%s: %v\n%s", text, time.Since(begin).Round(time.Millisecond), c.stderr)
	return c.stdout
}

// A pushedFile is a line of `sheaf push --json`.
type pushedFile struct {
	sheaf.Document
	LocalPath string `json:"local_path"`
}

// decodeLines decodes one JSON text after the other.
func decodeLines[T any](t *testing.T, text string) (values []T) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	for decoder.More() {
		var v T
		if err := decoder.Decode(&v); err != nil {
			t.Fatalf("the output is no JSON: %v", err)
		}
		values = append(values, v)
	}
	return values
}

// wantFound checks the output of a query in JSON: the documents of all the names
// that are wanted, and no others.
func wantFound(t *testing.T, what, output string, ids map[string]sheaf.DocumentID, want func(name string) bool) {
	t.Helper()
	var found []struct {
		ID   sheaf.DocumentID `json:"document_id"`
		Name string           `json:"name"`
	}
	if err := json.Unmarshal([]byte(output), &found); err != nil {
		t.Fatalf("the query for %s: %v", what, err)
	}
	seen := make(map[string]bool)
	for _, d := range found {
		if ids[d.Name] != d.ID || seen[d.Name] || !want(d.Name) {
			t.Errorf("the query for %s found %s, %q, want %q, and once", what, d.ID, d.Name, ids[d.Name])
		}
		seen[d.Name] = true
	}
	for name := range ids {
		if want(name) && !seen[name] {
			t.Errorf("the query for %s did not find %q", what, name)
		}
	}
}
