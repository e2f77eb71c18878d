package cli

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// storeOfNames makes a collection with names that have to be kept apart and one
// that is a path, and returns the files that they should come back as.
func storeOfNames(t *testing.T) map[string]string {
	t.Helper()
	workIn(t)
	run(t, "", "sheaf", "collections", "create", "field-notes", "--data-dir", "store").want(t, 0, "", "")
	write(t, "one/notes.txt", "first")
	write(t, "two/NOTES.txt", "second")
	write(t, "tree/sub/deep.txt", "deep")
	write(t, "evil", "climbing")
	for _, args := range [][]string{{"one/notes.txt"}, {"two/NOTES.txt"}, {"tree"}, {"evil", "--name", "../../../evil"}} {
		run(t, "", append([]string{"sheaf", "push", "--data-dir", "store", "--collection", "field-notes"}, args...)...).want(t, 0, "", "")
	}
	return map[string]string{"notes.txt": "first", "NOTES (2).txt": "second", "tree/sub/deep.txt": "deep", "evil": "climbing"}
}

func TestPullCollection(t *testing.T) {
	want := storeOfNames(t)
	r := run(t, "", "sheaf", "pull", "--collection", "field-notes", "--output", "back", "--data-dir", "store")
	r.want(t, 0, "", "pulled 4 documents")
	for path, content := range want {
		if got := read(t, filepath.Join("back", path)); got != content {
			t.Errorf("%s came back as %q, want %q", path, got, content)
		}
	}
	// Nothing is overwritten unless that is wanted, and the rest is still tried.
	write(t, "back/notes.txt", "mine")
	os.Remove("back/evil")
	r = run(t, "", "sheaf", "pull", "--collection", "field-notes", "--output", "back", "--data-dir", "store")
	r.want(t, 5, "", "the file back/notes.txt exists")
	if read(t, "back/notes.txt") != "mine" || read(t, "back/evil") != "climbing" {
		t.Error("an existing file was replaced, or a missing one was not fetched")
	}
	run(t, "", "sheaf", "pull", "--collection", "field-notes", "--output", "back", "--overwrite", "--data-dir", "store").want(t, 0, "", "pulled 4 documents")
	if read(t, "back/notes.txt") != "first" {
		t.Error("--overwrite does not overwrite")
	}
	run(t, "", "sheaf", "pull", "--collection", "field-notes", "--at", "2", "--output", "past", "--data-dir", "store").want(t, 0, "", "pulled 1 document,")
	run(t, "", "sheaf", "pull", "--collection", "nowhere", "--output", "x", "--data-dir", "store").want(t, 4, "", "Collection not found: nowhere")
	run(t, "", "sheaf", "pull", "doc_0123456789ab", "--collection", "x", "--data-dir", "store").want(t, 2, "", "not both")
	run(t, "", "sheaf", "pull", "--data-dir", "store").want(t, 2, "", "pull needs a document id, or --collection")
}

func TestPullZip(t *testing.T) {
	want := storeOfNames(t)
	check := func(what string, packed string, want map[string]string) {
		t.Helper()
		archive, err := zip.NewReader(strings.NewReader(packed), int64(len(packed)))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for _, f := range archive.File {
			if f.Name == ".sheaf/manifest.json" {
				continue
			}
			content, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			var plain bytes.Buffer
			if _, err := io.Copy(&plain, content); err != nil || plain.String() != want[f.Name] {
				t.Errorf("%s: %s is %q, %v, want %q", what, f.Name, &plain, err, want[f.Name])
			}
		}
		if len(archive.File) != len(want)+1 {
			t.Errorf("%s has %d entries, want %d and the manifest", what, len(archive.File), len(want))
		}
	}
	zipped := func(args ...string) ran {
		return run(t, "", append([]string{"sheaf", "pull", "--data-dir", "store"}, args...)...)
	}
	zipped("--collection", "field-notes", "--zip", "a.zip").want(t, 0, "Saved to: a.zip\nDocuments: 4\n", "")
	check("the collection", read(t, "a.zip"), want)
	check("on standard output", zipped("--collection", "field-notes", "--zip", "-").out, want)
	zipped("--collection", "field-notes", "--zip", "past.zip", "--at", "2", "--json").want(t, 0, `"documents":1`, "")
	check("its past", read(t, "past.zip"), map[string]string{"notes.txt": "first"})
	some := strings.Fields(ids(t, "--data-dir", "store", "--name", "notes.txt"))
	zipped(append(some, "--zip", "named.zip")...).want(t, 0, "Documents: 2\n", "")
	check("what is named", read(t, "named.zip"), map[string]string{"notes.txt": "first", "NOTES (2).txt": "second"})

	write(t, "a.zip", "mine")
	zipped("--collection", "field-notes", "--zip", "a.zip").want(t, 5, "", "the file a.zip exists")
	zipped("--collection", "nowhere", "--zip", "b.zip").want(t, 4, "", "Collection not found")
	zipped("doc_0123456789ab", some[0], "--zip", "b.zip").want(t, 4, "", "doc_0123456789ab")
	zipped("--collection", "field-notes", "--zip", "one").want(t, 2, "", "is a directory")
	zipped("--collection", "field-notes", "--zip", "x.zip", "--output", "y").want(t, 2, "", "--zip says where to save")
	run(t, "\n", "sheaf", "pull", "-", "--zip", "b.zip", "--data-dir", "store").want(t, 2, "", "there is no document id")
	if read(t, "a.zip") != "mine" {
		t.Error("an existing file was replaced")
	}
	if left, _ := filepath.Glob("*b.zip*"); len(left) > 0 {
		t.Errorf("failed pulls left %v", left)
	}
	zipped("--collection", "field-notes", "--zip", "a.zip", "--overwrite").want(t, 0, "Documents: 4", "")
	check("in its place", read(t, "a.zip"), want)
}
