package agentconfig

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

func TestUpdate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "new", "mcp.json")
	becomes := func(text string) func([]byte) ([]byte, error) {
		return func([]byte) ([]byte, error) { return []byte(text), nil }
	}
	outcome, err := Update(path, becomes("1"))
	if err != nil || outcome != (Outcome{Changed: true}) {
		t.Fatalf("a new file: %+v, %v", outcome, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if outcome, err := Update(path, becomes("1")); err != nil || outcome.Changed {
		t.Errorf("no change: %+v, %v", outcome, err)
	}
	var backups []string
	for _, text := range []string{"2", "3"} {
		outcome, err := Update(path, becomes(text))
		if err != nil || !outcome.Changed {
			t.Fatalf("a change: %+v, %v", outcome, err)
		}
		backups = append(backups, string(readFile(t, outcome.Backup)))
	}
	if strings.Join(backups, "") != "12" || string(readFile(t, path)) != "3" {
		t.Errorf("the backups hold %q, the file %q", backups, readFile(t, path))
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("the mode became %v, %v", info.Mode(), err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "new", ".sheaf-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v are left, %v", left, err)
	}

	// The program whose file it is writes at the same time.
	_, err = Update(path, func([]byte) ([]byte, error) {
		return []byte("ours"), os.WriteFile(path, []byte("theirs"), 0o600)
	})
	if sheaf.KindOf(err) != sheaf.ErrConflict || string(readFile(t, path)) != "theirs" {
		t.Errorf("a change meanwhile: %v; the file holds %s", err, readFile(t, path))
	}

	if runtime.GOOS == "windows" {
		return
	}
	link := filepath.Join(dir, "link.json")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Update(link, becomes("linked")); err != nil || string(readFile(t, path)) != "linked" {
		t.Errorf("through a link: %v; the file holds %s", err, readFile(t, path))
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link became %v, %v", info.Mode(), err)
	}
}
