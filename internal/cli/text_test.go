package cli

import (
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

func TestPrintable(t *testing.T) {
	for s, want := range map[string]string{
		"plain ünï 日本 🎉":      "plain ünï 日本 🎉",
		"e\u0301":             "e\u0301",
		"👩\u200d👩\u200d👧":     "👩\u200d👩\u200d👧",
		"\x1b[31mred\x1b[0m":  `\x1b[31mred\x1b[0m`,
		"a\r\nb\tc":           `a\r\nb\tc`,
		"\u202egnp.exe":       `\u202egnp.exe`,
		"\u009b2J":            `\u009b2J`,
		"bad\xff\xfe":         `bad\xff\xfe`,
		"\ufffd is a letter":  "\ufffd is a letter",
		`back\slash "quoted"`: `back\slash "quoted"`,
	} {
		if got := printable(s); got != want {
			t.Errorf("printable(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestFormatSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1: "1 B", 1023: "1023 B", 1024: "1.0 KB", 25088: "24.5 KB", 1<<20 - 1: "1.0 MB",
		1 << 20: "1.0 MB", 1<<30 - 1: "1.0 GB", 5 << 30: "5.0 GB", 1<<63 - 1: "8.0 EB",
	} {
		if got := formatSize(n); got != want {
			t.Errorf("formatSize(%d) = %q, want %q", n, got, want)
		}
	}
}

// The table is that of the seed; names cannot disturb it.
func TestQueryOutput(t *testing.T) {
	workIn(t)
	store := []string{"--data-dir", "store"}
	write(t, "a.txt", "a")
	query := func(args ...string) ran {
		return run(t, "", append(append([]string{"doc-query"}, store...), args...)...)
	}
	pushOne(t, "a.txt", "--name", "first", "--data-dir", "store")
	query("--name", "nothing like it").want(t, 0, "", "no documents found\n")
	query("--name", "nothing like it", "--format", "json").want(t, 0, "[]\n", "")
	pushOne(t, "a.txt", "--name", "日本語 é", "--tags", "design, docs,design", "--data-dir", "store")
	r := query()
	lines := strings.Split(r.out, "\n")
	if len(lines) != 7 {
		t.Fatalf("the table has %d lines:\n%s", len(lines)-1, r.out)
	}
	for i, want := range []string{
		"┌──────────────────┬──────────┬─────────────┬─────────────────────┐",
		"│ Document ID      │ Name     │ Tags        │ Uploaded            │",
		"├──────────────────┼──────────┼─────────────┼─────────────────────┤",
	} {
		if lines[i] != want {
			t.Errorf("line %d is %q, want %q", i, lines[i], want)
		}
	}
	if !strings.Contains(lines[3], "│ 日本語 é │ design,docs │ 2") || !strings.Contains(lines[4], "│ first    │             │ 2") {
		t.Errorf("the rows are\n%s\n%s", lines[3], lines[4])
	}
	query("--limit", "1").want(t, 0, "日本語", "there are more documents")
	if r := query("--limit", "2"); strings.Contains(r.err, "more") {
		t.Errorf("--limit 2 of 2 says there are more: %s", r.err)
	}
	if r := query("--limit", "1", "--quiet"); r.err != "" {
		t.Errorf("--quiet writes %q", r.err)
	}
	json := query("--format", "json", "--tags", "docs,design").out
	digest := sheaf.DigestOf([]byte("a")).String()
	for _, want := range []string{`[
  {
    "document_id": "doc_`, `"name": "日本語 é",
    "tags": [
      "design",
      "docs"
    ],
    "size_bytes": 1,
    "uploaded_at": "2`, `Z",
    "checksum": "sha256:` + digest + `"
  }
]
`} {
		if !strings.Contains(json, want) {
			t.Errorf("JSON lacks %s:\n%s", want, json)
		}
	}
}
