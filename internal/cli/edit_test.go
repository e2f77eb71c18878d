package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestConflictName(t *testing.T) {
	for name, want := range map[string]string{
		"notes.md":    "notes.conflict.md",
		"a.tar.gz":    "a.tar.conflict.gz",
		"README":      "README.conflict",
		".gitignore":  ".gitignore.conflict",
		"doc_0123.x.": "doc_0123.x.conflict.",
	} {
		if got := conflictName(name); got != want {
			t.Errorf("conflictName(%q) = %q, want %q", name, got, want)
		}
	}
}

// A copy that was stored, or never changed, does not stay behind; one that could
// not be stored does, whatever the reason.
func TestEditKeepsWhatCouldNotBeStored(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the editor is a shell script")
	}
	workIn(t)
	t.Setenv("TMPDIR", mkdir(t, "tmp"))
	t.Setenv("VISUAL", "")
	left := func() []string {
		t.Helper()
		paths, err := filepath.Glob("tmp/sheaf-edit-*/*")
		if err != nil {
			t.Fatal(err)
		}
		return paths
	}
	write(t, "notes.md", "first\n")
	id := pushOne(t, "--data-dir", "store", "notes.md")

	t.Setenv("EDITOR", "echo second >>")
	run(t, "", "sheaf", "edit", id, "--data-dir", "store").want(t, 0, "updated  version 2", "undo it with")
	t.Setenv("EDITOR", "true")
	run(t, "", "sheaf", "edit", id, "--data-dir", "store").want(t, 0, "", "nothing was changed")
	t.Setenv("EDITOR", "false")
	run(t, "", "sheaf", "edit", id, "--data-dir", "store").want(t, 1, "", "ended with an error")
	if paths := left(); len(paths) > 0 {
		t.Errorf("copies were left behind: %v", paths)
	}

	// The document is deleted while it is edited. The store is not held meanwhile.
	t.Setenv("EDITOR", testProgram(t, "rm", id, "--data-dir", "store")+"; echo third >>")
	run(t, "", "sheaf", "edit", id, "--data-dir", "store").want(t, 4, "", "what you wrote is in ")
	if paths := left(); len(paths) != 1 || read(t, paths[0]) != "first\nsecond\nthird\n" {
		t.Errorf("left behind: %v, want what was written", paths)
	}
	run(t, "", "sheaf", "trash", "--data-dir", "store").want(t, 0, id, "")
}

// testProgram returns a shell command that runs a command line of Sheaf, by this
// test program: see TestMain.
func testProgram(t *testing.T, args ...string) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return programVariable + "=1 '" + program + "' " + strings.Join(args, " ")
}
