package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
)

// A realBook is a book that agents make of real documentation: the Markdown that
// the Go toolchain and the modules in the cache come with.
type realBook struct {
	t       *testing.T
	server  *serverProcess
	sources map[string]string // by path in the book, the file that it was written from
}

// What agents have written of real documentation is found and summed up, and
// leaves as one ZIP file, which programs of others read, byte for byte, also when
// it was downloaded in pieces.
func TestRealBook(t *testing.T) {
	skipWithoutSignals(t)
	t.Parallel()
	for _, program := range []string{"curl", "unzip", "python3"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%s is not installed: .ci/run installs what is missing (%v)", program, err)
		}
	}
	b := &realBook{t: t, server: startServer(t, filepath.Join(t.TempDir(), "store")), sources: documentation(t)}
	b.write()
	b.search()
	b.summarise()
	b.archive()
}

// documentation returns files of Markdown by the paths that they get in the book.
func documentation(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	roots := strings.Fields(string(out))
	const most, least = 1500, 100
	sources, taken := map[string]string{}, map[string]bool{}
	for _, root := range []string{filepath.Join(roots[0], "doc"), roots[1]} {
		err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil || entry.IsDir() || filepath.Ext(name) != ".md" || !isLessonFile(name):
				return err
			case len(sources) == most:
				return fs.SkipAll
			}
			below, err := filepath.Rel(root, name)
			path := "content/" + filepath.Base(root) + "/" + filepath.ToSlash(below)
			// Some are twice but for case, in versions of a module.
			if key := bundle.PathKey(path); !taken[key] && sheaf.DefaultLimits().CheckPath(path) == nil {
				taken[key], sources[path] = true, name
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(sources) < least {
		t.Fatalf("%d files of Markdown below %q, want at least %d", len(sources), roots, least)
	}
	return sources
}

// isLessonFile reports whether write_content takes what is in a file.
func isLessonFile(name string) bool {
	content, err := os.ReadFile(name)
	n := utf8.RuneCount(content)
	return err == nil && utf8.Valid(content) && n > 0 && n <= 500_000
}

// write writes every file through a client of the protocol: the official one in
// TypeScript for some, the one in Go for the many.
func (b *realBook) write() {
	b.t.Helper()
	paths := b.paths()
	const scripted = 20
	var calls []toolCall
	for _, path := range paths[:scripted] {
		calls = append(calls, calling("write_content", b.lesson(path)))
	}
	for i, result := range drive(b.t, []string{"newest", "http", b.server.url + "/mcp"}, calls...)[1:] {
		if result.StructuredContent["mode"] != "created" {
			b.t.Fatalf("writing %s: %+v", paths[i], result)
		}
	}
	session, err := sdk.NewClient(&sdk.Implementation{Name: "writer", Version: "1"}, nil).
		Connect(b.t.Context(), &sdk.StreamableClientTransport{Endpoint: b.server.url + "/mcp"}, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	defer session.Close()
	left := make(chan string)
	var writing sync.WaitGroup
	for range 8 {
		writing.Go(func() {
			for path := range left {
				result, err := session.CallTool(b.t.Context(), &sdk.CallToolParams{Name: "write_content", Arguments: b.lesson(path)})
				if err != nil || result.IsError {
					b.t.Errorf("writing %s: %v, %+v", path, err, result)
				}
			}
		})
	}
	for _, path := range paths[scripted:] {
		left <- path
	}
	close(left)
	writing.Wait()
	if b.t.Failed() {
		b.t.FailNow()
	}
}

// lesson is what write_content is called with for a path.
func (b *realBook) lesson(path string) map[string]any {
	content, err := os.ReadFile(b.sources[path])
	if err != nil {
		b.t.Error(err)
	}
	return map[string]any{"book_id": "go-docs", "path": path, "content": string(content)}
}

// comparison compares the files of an archive with those that a JSON object names
// by their paths. What the archive has beside them, it prints.
const comparison = `
import json, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
sources = json.load(sys.stdin)
for path, source in sources.items():
    with open(source, "rb") as file:
        if archive.read(path) != file.read():
            sys.exit(path + " is another")
print(" ".join(sorted(set(archive.namelist()) - set(sources))))
`

// archive downloads the book in two halves and has others read it.
func (b *realBook) archive() {
	b.t.Helper()
	got := drive(b.t, []string{"newest", "http", b.server.url + "/mcp"}, calling("get_book_archive", map[string]any{"book_id": "go-docs"}))
	answer, err := json.Marshal(got[1].StructuredContent)
	if err != nil {
		b.t.Fatal(err)
	}
	var link sheaf.ArchiveLink
	if err := json.Unmarshal(answer, &link); err != nil || link.Files != len(b.sources) || link.Manifest != b.manifest() {
		b.t.Fatalf("get_book_archive: %s (%v), want %d files and the manifest %s", answer, err, len(b.sources), b.manifest())
	}
	file := filepath.Join(b.t.TempDir(), "go-docs.zip")
	b.run(nil, "curl", "-sS", "--fail", "-r", fmt.Sprintf("0-%d", link.Size/2), "-o", file, link.DownloadURL)
	if info, err := os.Stat(file); err != nil || info.Size() != link.Size/2+1 {
		b.t.Fatalf("the first half: %v, %v", info, err)
	}
	// What is written between the two halves changes nothing.
	results := drive(b.t, []string{"sdk", "http", b.server.url + "/mcp"},
		calling("write_content", map[string]any{"book_id": "go-docs", "path": "content/later.md", "content": "later"}))
	if results[1].IsError {
		b.t.Fatalf("writing in between: %+v", results[1])
	}
	b.run(nil, "curl", "-sS", "--fail", "-C", "-", "-o", file, link.DownloadURL)
	if info, err := os.Stat(file); err != nil || info.Size() != link.Size {
		b.t.Fatalf("both halves: %v, %v; want %d bytes", info, err, link.Size)
	}
	if out := b.run(nil, "unzip", "-t", "-q", file); !strings.HasPrefix(out, "No errors detected in") {
		b.t.Errorf("unzip -t: %s", out)
	}
	sources, err := json.Marshal(b.sources)
	if err != nil {
		b.t.Fatal(err)
	}
	if out := b.run(sources, "python3", "-c", comparison, file); strings.TrimSpace(out) != "book.yaml" {
		b.t.Errorf("beside its files the archive has %q", out)
	}
}

// manifest is the manifest hash of the book as anyone can compute it.
func (b *realBook) manifest() sheaf.Digest {
	var lines []string
	for path, source := range b.sources {
		content, err := os.ReadFile(source)
		if err != nil {
			b.t.Fatal(err)
		}
		lines = append(lines, path+":"+sheaf.DigestOf(content).String())
	}
	slices.Sort(lines)
	return sheaf.DigestOf([]byte(strings.Join(lines, "\n")))
}

// run runs a program, which has to succeed, and returns what it prints.
func (b *realBook) run(stdin []byte, name string, args ...string) string {
	b.t.Helper()
	cmd := exec.CommandContext(b.t.Context(), name, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.t.Fatalf("%s %.1000s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
