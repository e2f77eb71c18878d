package bundle_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
)

func file(path, content string) bundle.File {
	return bundle.File{Path: path, Size: int64(len(content)), Digest: sheaf.DigestOf([]byte(content))}
}

// hashByHand is the rule as anyone would write it down.
func hashByHand(files []bundle.File) sheaf.Digest {
	var lines []string
	for _, f := range files {
		lines = append(lines, f.Path+":"+f.Digest.String())
	}
	slices.Sort(lines)
	return sha256.Sum256([]byte(strings.Join(lines, "\n")))
}

func TestManifestHash(t *testing.T) {
	// printf 'a.md:%s\nb.md:%s' "$(printf a | sha256sum | cut -c-64)" "$(printf b | sha256sum | cut -c-64)" | sha256sum
	const want = "34e72eb8908468e54fc03336b00ca51a5410d2b9cd1282d0ed1a043f38b38a3c"
	if got := bundle.ManifestHash([]bundle.File{file("b.md", "b"), file("a.md", "a")}); got.String() != want {
		t.Errorf("the hash of two files is %s, want %s", got, want)
	}
	if got := bundle.ManifestHash(nil); got != sheaf.DigestOf(nil) {
		t.Errorf("the hash of no files is %s, want that of nothing", got)
	}
}

// The lines are sorted, not the paths: "a!b" is before "a" and after it.
func TestManifestHashSortsLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		paths := rapid.SliceOfDistinct(rapid.StringMatching(`[a!:~ü]{1,4}`), rapid.ID[string]).Draw(t, "paths")
		var files []bundle.File
		for _, p := range paths {
			files = append(files, file(p, p))
		}
		given := slices.Clone(files)
		if got, want := bundle.ManifestHash(files), hashByHand(files); got != want {
			t.Errorf("the hash of %q is %s, want %s", paths, got, want)
		}
		if !slices.Equal(files, given) {
			t.Errorf("ManifestHash has sorted what it was given")
		}
	})
}

func TestManifestAsJSON(t *testing.T) {
	withDocument := file("b.md", "bb")
	withDocument.Document, withDocument.Version = "doc_0123456789ab", 3
	files := []bundle.File{withDocument, file("a.md", "a")}
	got, err := json.MarshalIndent(bundle.NewManifest(files), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
  "manifest_hash": "` + hashByHand(files).String() + `",
  "file_count": 2,
  "size": 3,
  "files": [
    {
      "path": "a.md",
      "size": 1,
      "sha256": "` + sheaf.DigestOf([]byte("a")).String() + `"
    },
    {
      "path": "b.md",
      "size": 2,
      "sha256": "` + sheaf.DigestOf([]byte("bb")).String() + `",
      "document_id": "doc_0123456789ab",
      "version": 3
    }
  ]
}`
	if string(got) != want {
		t.Errorf("the manifest is\n%s, want\n%s", got, want)
	}
	if none, err := json.Marshal(bundle.NewManifest(nil)); err != nil || !bytes.Contains(none, []byte(`"files":[]`)) {
		t.Errorf("the manifest of nothing is %s (%v), want an empty list in it", none, err)
	}
}

func TestTree(t *testing.T) {
	root := bundle.NewTree([]bundle.File{
		file("content/02/b.md", "four"), file("content/01/a.md", "333"), file("content!/x", "1"),
		file("content/index.md", "22"), file("README.md", ""), file("content/02/a.md", "1"),
	})
	for _, test := range []struct {
		path  string
		count int
		size  int64
		dirs  string
		files string
	}{
		{"", 6, 11, "content! content", "README.md"},
		{"content", 4, 10, "01 02", "content/index.md"},
		{"content/02", 2, 5, "", "content/02/a.md content/02/b.md"},
		{"content!", 1, 1, "", "content!/x"},
	} {
		dir := root.Find(test.path)
		if dir == nil {
			t.Errorf("there is no directory %q", test.path)
			continue
		}
		var dirs, files []string
		for _, d := range dir.Dirs {
			dirs = append(dirs, d.Name)
		}
		for _, f := range dir.Files {
			files = append(files, f.Path)
		}
		if dir.Count != test.count || dir.Size != test.size || strings.Join(dirs, " ") != test.dirs || strings.Join(files, " ") != test.files {
			t.Errorf("%q has %d files of %d bytes, directories %q and files %q; want %+v", test.path, dir.Count, dir.Size, dirs, files, test)
		}
	}
	for _, path := range []string{"nothing", "content/03", "content/index.md", "README.md/x"} {
		if dir := root.Find(path); dir != nil {
			t.Errorf("there is a directory %q", path)
		}
	}
	if empty := bundle.NewTree(nil); empty.Count != 0 || empty.Find("") != empty {
		t.Errorf("the tree of nothing is %+v", empty)
	}
}
