package cli

import (
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
)

func TestPushOfATreeAndBack(t *testing.T) {
	workIn(t)
	files := map[string]string{
		"tree/a.txt":              "a",
		"tree/sub/.hidden":        "",
		"tree/sub/a.txt":          "another a",
		"tree/sub/deep/ünï — x.y": "u",
		"tree/sub/100%25.txt":     "percent",
	}
	for i := range 30 {
		content := make([]byte, 1000*i)
		rand.Read(content)
		files[fmt.Sprintf("tree/many/%02d.bin", i)] = string(content)
	}
	for path, content := range files {
		write(t, path, content)
	}
	if runtime.GOOS != "windows" {
		if err := os.Symlink("../a.txt", "tree/sub/link"); err != nil {
			t.Fatal(err)
		}
	}
	r := run(t, "", "sheaf", "push", "tree", "--data-dir", "store", "--tags", "x", "--jobs", "3")
	r.want(t, 0, "", "pushed 35 documents")
	if runtime.GOOS != "windows" {
		r.want(t, 0, "", "skipped tree/sub/link: a symbolic link")
	}
	// In the order of the walk, however many are sent at once.
	if want := "tree/a.txt tree/many/00.bin tree/many/01.bin"; !strings.HasPrefix(strings.Join(secondWords(r.out), " "), want) {
		t.Errorf("printed in the order %v, want %s …", secondWords(r.out), want)
	}
	r = run(t, ids(t, "--data-dir", "store"), "sheaf", "pull", "-", "--names", "--output", "back", "--data-dir", "store")
	r.want(t, 0, "", "pulled 35 documents")
	got := map[string]string{}
	fs.WalkDir(os.DirFS("back"), ".", func(path string, entry fs.DirEntry, _ error) error {
		if !entry.IsDir() {
			got[path] = read(t, filepath.Join("back", path))
		}
		return nil
	})
	for path, content := range files {
		if back, ok := got[path]; !ok || back != content {
			t.Errorf("%s came back as %.20q (%t), want %.20q", path, back, ok, content)
		}
		delete(got, path)
	}
	if len(got) > 0 {
		t.Errorf("files came back that nobody pushed: %v", got)
	}
}

func secondWords(out string) []string {
	var words []string
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) > 1 {
			words = append(words, fields[1])
		}
	}
	return words
}

func TestPushNames(t *testing.T) {
	dir := workIn(t)
	write(t, "file.txt", "f")
	write(t, "d/e/file.txt", "f")
	run(t, "", "sheaf", "push", "--data-dir", "../"+filepath.Base(dir)+"-store", "file.txt", "./d/e", "d/e/file.txt", filepath.Join(dir, "d")).want(t, 0, "", "")
	t.Chdir("d")
	run(t, "", "sheaf", "push", "--data-dir", "../../"+filepath.Base(dir)+"-store", ".").want(t, 0, "", "")
	t.Cleanup(func() { os.RemoveAll(dir + "-store") })
	got := listed(t, "--data-dir", dir+"-store")
	slices.Sort(got)
	if want := []string{"d/e/file.txt", "d/e/file.txt", "e/file.txt", "file.txt", "file.txt"}; !slices.Equal(got, want) {
		t.Errorf("names are %v, want %v", got, want)
	}
}

// Pushing the working directory does not push the store that is in it.
func TestPushLeavesTheStoreOut(t *testing.T) {
	workIn(t)
	write(t, "a.txt", "a")
	pushOne(t, "--data-dir", ".document-storage", "a.txt")
	run(t, "", "sheaf", "push", "--data-dir", ".document-storage", ".").want(t, 0, "", "skipped .document-storage: the data directory of a store")
	if names := listed(t, "--data-dir", ".document-storage"); len(names) != 2 {
		t.Errorf("the store has %v, want a.txt twice", names)
	}
}

func TestPushGoesOnAfterFailures(t *testing.T) {
	workIn(t)
	write(t, "a.txt", "a")
	write(t, "z.txt", "z")
	write(t, strings.Repeat("n", 250)+".txt", "n")
	long := strings.Repeat("d", 200)
	write(t, long+"/"+strings.Repeat("e", 100), "too long a name")
	r := run(t, "", "sheaf", "push", "--data-dir", "store", "a.txt", "missing.txt", long, "z.txt")
	r.want(t, 4, "", "sheaf: missing.txt: there is no such file\n")
	r.want(t, 4, "", "the limit is 255")
	r.want(t, 4, "", "pushed 2 documents, 2 B; 2 failed")
	names := listed(t, "--data-dir", "store")
	slices.Sort(names)
	if !slices.Equal(names, []string{"a.txt", "z.txt"}) {
		t.Errorf("stored %v, want the two that are good", names)
	}
}

// A tree of ten thousand files was once tried file by file against a server that
// was not there, with two lines about each.
func TestTransfersGiveUpWhenTheStoreFails(t *testing.T) {
	workIn(t)
	var ids strings.Builder
	for i := range 3000 { // more than are on their way at once
		write(t, fmt.Sprintf("tree/%03d.txt", i), "text")
		fmt.Fprintf(&ids, "doc_%012x\n", i)
	}
	server := httptest.NewServer(nil)
	url := server.URL
	server.Close()
	for name, r := range map[string]ran{
		"push": run(t, "", "sheaf", "push", "tree", "--url", url),
		"pull": run(t, ids.String(), "sheaf", "pull", "-", "--output", "back", "--url", url),
	} {
		r.want(t, 7, "", "gave up: the other ")
		if told := strings.Count(r.err, "no server answers"); told != hopeless {
			t.Errorf("%s told %d times that no server answers, want %d", name, told, hopeless)
		}
	}

	few := run(t, "", "sheaf", "push", "tree/000.txt", "tree/001.txt", "--url", url)
	few.want(t, 7, "", "pushed 0 documents, 0 B; 2 failed")
	if strings.Contains(few.err, "gave up") {
		t.Errorf("gave up although everything was tried:\n%s", few.err)
	}
}

func TestPushOfStdin(t *testing.T) {
	workIn(t)
	r := run(t, "from a pipe", "sheaf", "push", "-", "--name", "report/plan.txt", "--data-dir", "store")
	r.want(t, 0, "Name: report/plan.txt\n", "")
	id := strings.TrimSpace(ids(t, "--data-dir", "store"))
	run(t, "", "sheaf", "pull", id, "--output", "-", "--data-dir", "store").want(t, 0, "from a pipe", "")
	run(t, "", "sheaf", "pull", id, "--data-dir", "store").want(t, 0, "Saved to: plan.txt\n", "")
}

func TestPull(t *testing.T) {
	workIn(t)
	write(t, "plan.txt", "content")
	store := []string{"--data-dir", "store"}
	id := pushOne(t, "plan.txt", "--name", "The Plan", "--data-dir", "store")
	other := pushOne(t, "plan.txt", "--name", "Other", "--data-dir", "store")
	pull := func(args ...string) ran {
		return run(t, "", slices.Concat([]string{"doc-pull"}, store, args)...)
	}
	pull(id).want(t, 5, "", "sheaf: "+id+": the file plan.txt exists\nhint: replace it with --overwrite")
	write(t, "plan.txt", "older")
	pull(id, "--overwrite").want(t, 0, "Downloaded: The Plan\nSaved to: plan.txt\nSize: 7 B\n", "")
	if got := read(t, "plan.txt"); got != "content" {
		t.Errorf("plan.txt has %q, want the document's content", got)
	}
	pull(id, "--output", "./copy.txt").want(t, 0, "Saved to: ./copy.txt\n", "")
	pull(id, "--output", "nowhere/copy.txt").want(t, 4, "", "there is no directory nowhere")
	pull(id, "--output", "new/").want(t, 4, "", "there is no directory new/")
	if err := os.Mkdir("into", 0o700); err != nil {
		t.Fatal(err)
	}
	pull(id, "--output", "into").want(t, 0, "Saved to: into/plan.txt\n", "")
	pull(id, "--output", "store", "--overwrite").want(t, 0, "Saved to: store/plan.txt\n", "")
	pull(id, other, "--output", "both").want(t, 5, "", "the file plan.txt is already that of")
	pull(id, other, "--output", "named", "--names").want(t, 0, "named/The Plan", "pulled 2 documents")
	pull(id, "doc_000000000000", "--output", "partly").want(t, 4, id+"  partly/plan.txt\n", "sheaf: doc_000000000000: Document not found")
	pull(id, "--json", "--output", "json.txt").want(t, 0, `"local_path":"json.txt"`, "")
	noTemporaryFiles(t, ".")
}

func noTemporaryFiles(t *testing.T, dir string) {
	t.Helper()
	fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, _ error) error {
		if strings.HasSuffix(path, ".tmp") {
			t.Errorf("%s was left behind", path)
		}
		return nil
	})
}

// misbehaving answers a pull of any document with a content under a name.
func misbehaving(t *testing.T, name, filename, content, announced string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Document-Name", name)
		w.Header().Set("X-Document-Filename", filename)
		w.Header().Set("ETag", `"`+sheaf.DigestOf([]byte(announced)).String()+`"`)
		w.Header().Set("Content-Length", fmt.Sprint(len(announced)))
		io.WriteString(w, content)
		if len(content) < len(announced) {
			w.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond) // let what was sent arrive
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestPullLeavesNothingOfWhatIsDamaged(t *testing.T) {
	const id = "doc_0123456789ab"
	for content, code := range map[string]int{"whole, but other!": 8, "whole, bu": 7} {
		dir := workIn(t)
		url := misbehaving(t, "n", "f.txt", content, "whole, and right!")
		run(t, "", "sheaf", "pull", id, "--url", url).want(t, code, "", id)
		write(t, "f.txt", "older")
		run(t, "", "sheaf", "pull", id, "--overwrite", "--url", url).want(t, code, "", id)
		if got := read(t, "f.txt"); got != "older" {
			t.Errorf("f.txt has %q after a pull that failed, want what it had", got)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("left behind: %v, %v", entries, err)
		}
	}
}

// What a document is called decides nothing about where it is saved.
func TestPullStaysInItsDirectory(t *testing.T) {
	const id = "doc_0123456789ab"
	dir := workIn(t)
	t.Chdir(mkdir(t, "work"))
	for _, name := range []string{"../out", "/tmp/sheaf-out", "a/../../out", "..", ".", "a//b", "a/./b", "", "nul\x00"} {
		url := misbehaving(t, strings.ReplaceAll(name, "\x00", ""), "../../"+strings.ReplaceAll(name, "\x00", ""), "c", "c")
		if name != "nul\x00" {
			run(t, "", "sheaf", "pull", id, "--names", "--output", "here", "--url", url).want(t, 2, "", "is no relative path")
		}
		run(t, "", "sheaf", "pull", id, "--overwrite", "--output", "plain/", "--url", url)
	}
	if err := os.Symlink(dir, "here/escape"); err != nil {
		t.Skip("no symbolic links here")
	}
	url := misbehaving(t, "escape/out", "f", "c", "c")
	run(t, "", "sheaf", "pull", id, "--names", "--output", "here", "--url", url).want(t, 1, "", "escape")
	for _, path := range []string{filepath.Join(dir, "out"), "/tmp/sheaf-out"} {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("%s was written", path)
		}
	}
}

func mkdir(t *testing.T, dir string) string {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSafeFilename(t *testing.T) {
	for filename, want := range map[string]string{
		"notes.md":               "notes.md",
		".gitignore":             ".gitignore",
		"../../etc/passwd":       "passwd",
		`..\..\windows\evil.dll`: "evil.dll",
		"a/..":                   "doc_0123456789ab",
		"..":                     "doc_0123456789ab",
		".":                      "doc_0123456789ab",
		"":                       "doc_0123456789ab",
		"dir/":                   "doc_0123456789ab",
		"a\x1b[2Jb\n\x7f\u0085":  "a_[2Jb___",
		"bad\xffutf8":            "bad_utf8",
		"日本語.txt":                "日本語.txt",
		strings.Repeat("é", 200): strings.Repeat("é", 127),
	} {
		if got := safeFilename(filename, "doc_0123456789ab"); got != want {
			t.Errorf("safeFilename(%q) = %q, want %q", filename, got, want)
		}
	}
}

func FuzzSafeFilename(f *testing.F) {
	for _, seed := range []string{"a", "../a", "a\x00b", "CON", "..", "é/日"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, filename string) {
		got := safeFilename(filename, "doc_0123456789ab")
		if got == "" || got == "." || got == ".." || !filepath.IsLocal(got) || filepath.Base(got) != got ||
			len(got) > maxFilename || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("safeFilename(%q) = %q", filename, got)
		}
	})
}
