package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/sheaf-dev/sheaf"
)

// ask calls a tool with the book through the official client in TypeScript, and
// decodes what it answers.
func (b *realBook) ask(into any, tool string, arguments map[string]any) {
	b.t.Helper()
	arguments["book_id"] = "go-docs"
	result := drive(b.t, []string{"newest", "http", b.server.url + "/mcp"}, calling(tool, arguments))[1]
	answer, err := json.Marshal(result.StructuredContent)
	if err == nil {
		err = json.Unmarshal(answer, into)
	}
	if err != nil || result.IsError || result.Failure != "" {
		b.t.Fatalf("%s: %v, %+v", tool, err, result)
	}
}

// search finds what reading every file finds.
func (b *realBook) search() {
	b.t.Helper()
	const pattern, most = `(?i)\bdeprecated\b`, 1000
	var lines, names []string
	for _, file := range b.paths() {
		content, err := os.ReadFile(b.sources[file])
		if err != nil {
			b.t.Fatal(err)
		}
		for i, line := range strings.Split(string(content), "\n") {
			if regexp.MustCompile(pattern).MatchString(line) {
				lines = append(lines, fmt.Sprintf("%s:%d", file, i+1))
			}
		}
		if path.Base(file) == "README.md" {
			names = append(names, file)
		}
	}
	if len(lines) == 0 || len(names) == 0 {
		b.t.Fatalf("there is nothing to be found: %d lines, %d names", len(lines), len(names))
	}

	var found sheaf.GrepResult
	b.ask(&found, "grep_search", map[string]any{"pattern": pattern, "max_results": most})
	var got []string
	for _, match := range found.Matches {
		got = append(got, fmt.Sprintf("%s:%d", match.Path, match.Line))
	}
	if want := lines[:min(len(lines), most)]; !slices.Equal(got, want) || found.Truncated != (len(lines) > most) {
		b.t.Errorf("grep_search finds %d lines of %d, truncated %t; the first: %q, want %q", len(got), len(lines), found.Truncated, got[:1], want[:1])
	}

	var files sheaf.GlobResult
	b.ask(&files, "glob_search", map[string]any{"pattern": "content/**/README.md"})
	got = nil
	for _, file := range files.Files {
		got = append(got, file.Path)
	}
	if !slices.Equal(got, names[:min(len(names), len(got))]) || files.Total != len(names) {
		b.t.Errorf("glob_search finds %d of %d files; want %d", len(got), files.Total, len(names))
	}
}

// summarise sums up a directory, which is noticed to be stale while one of its
// lessons is another.
func (b *realBook) summarise() {
	b.t.Helper()
	lesson := b.paths()[0]
	dir := path.Dir(lesson)
	const text = "---\ntitle: Sum\n---\nWhat is in here.\n"
	var made struct {
		Path string `json:"summary_path"`
	}
	b.ask(&made, "add_summary", map[string]any{"path": dir, "content": text})
	file := filepath.Join(b.t.TempDir(), "summary.md")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil || made.Path != dir+"/.summary.md" {
		b.t.Fatalf("the summary is at %s, %v", made.Path, err)
	}
	b.sources[made.Path] = file // as the archive will have it

	wantStale := func(want bool) {
		b.t.Helper()
		var summary sheaf.SummaryText
		b.ask(&summary, "get_summary", map[string]any{"path": dir})
		var stale struct {
			Total int `json:"total_count"`
		}
		b.ask(&stale, "list_summaries", map[string]any{"only": "stale"})
		if summary.Stale != want || (stale.Total == 1) != want || !strings.Contains(string(summary.Metadata), "Sum") {
			b.t.Errorf("the summary is %+v, and %d are stale; stale is to be %t", summary, stale.Total, want)
		}
	}
	wantStale(false)
	var written struct {
		Hash string `json:"file_hash_sha256"`
	}
	b.ask(&written, "write_content", map[string]any{"path": lesson, "content": "Something else.\n"})
	wantStale(true)
	again := b.lesson(lesson)
	again["file_hash"] = written.Hash
	b.ask(&written, "write_content", again)
	wantStale(false)
}

// paths returns the paths of the book, in their order.
func (b *realBook) paths() []string {
	var paths []string
	for path := range b.sources {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}
