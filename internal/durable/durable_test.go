package durable

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// A directory whose name is lost with the power takes along what is in it,
// however durable that was.
func TestMakeDirsSyncsEveryName(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "deep", "down", "store")
	var synced []string
	record := func(dir string) error {
		synced = append(synced, dir)
		return SyncDir(dir)
	}
	if err := makeDirs(dir, record); err != nil {
		t.Fatal(err)
	}
	if want := []string{root, filepath.Join(root, "deep"), filepath.Join(root, "deep", "down")}; !slices.Equal(synced, want) {
		t.Errorf("synced %q, want %q", synced, want)
	}
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		t.Fatalf("the directory made: %v, %v", info, err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("mode of a new directory: %v, want 0700", info.Mode())
	}

	synced = nil
	if err := makeDirs(dir, record); err != nil || len(synced) > 0 {
		t.Errorf("MakeDirs of a directory that is there: %v, synced %q, want nothing", err, synced)
	}
	broken := errors.New("the disk is gone")
	if err := makeDirs(filepath.Join(root, "other"), func(string) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("MakeDirs where syncing fails: %v, want %v", err, broken)
	}
}

func TestMakeDirsKeepsFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		if err := MakeDirs(dir); err == nil {
			t.Errorf("MakeDirs of %s, where a file is in the way, succeeded", dir)
		}
	}
	if content, err := os.ReadFile(file); err != nil || string(content) != "kept" {
		t.Errorf("the file in the way: %q, %v", content, err)
	}
}
