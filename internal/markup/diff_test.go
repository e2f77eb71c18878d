package markup_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/markup"
)

// unified returns the unified diff of two texts.
func unified(old, new string, context int) string {
	var b strings.Builder
	if err := markup.WriteUnified(&b, markup.Compare(old, new, context), "old", "new"); err != nil {
		panic(err) // a strings.Builder has no errors
	}
	return b.String()
}

func TestUnified(t *testing.T) {
	ten := "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n"
	const head = "--- old\n+++ new\n"
	for _, test := range []struct {
		name     string
		old, new string
		context  int
		want     string
	}{
		{"equal", ten, ten, 3, ""},
		{"both empty", "", "", 3, ""},
		{"from nothing", "", "a\nb\n", 3, head + "@@ -0,0 +1,2 @@\n+a\n+b\n"},
		{"to nothing", "a\n", "", 3, head + "@@ -1 +0,0 @@\n-a\n"},
		{"in the middle", ten, strings.Replace(ten, "5\n", "five\n", 1), 3, head + "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"},
		{"without context", ten, strings.Replace(ten, "5\n", "5\nhalf\n", 1), 0, head + "@@ -5,0 +6 @@\n+half\n"},
		{"a removal without context", ten, strings.Replace(ten, "5\n", "", 1), 0, head + "@@ -5 +4,0 @@\n-5\n"},
		{"less than no context", ten, strings.Replace(ten, "5\n", "", 1), -1, head + "@@ -5 +4,0 @@\n-5\n"},
		{"near changes share a hunk", ten, "one\n2\n3\n4\n5\n6\n7\neight\n9\n10\n", 3, head + "@@ -1,10 +1,10 @@\n-1\n+one\n 2\n 3\n 4\n 5\n 6\n 7\n-8\n+eight\n 9\n 10\n"},
		{"far changes do not", ten, "one\n2\n3\n4\n5\n6\n7\n8\nnine\n10\n", 3, head + "@@ -1,4 +1,4 @@\n-1\n+one\n 2\n 3\n 4\n@@ -6,5 +6,5 @@\n 6\n 7\n 8\n-9\n+nine\n 10\n"},
		{"the whole text as context", "a\nb\nc\n", "a\nB\nc\n", 1 << 62, head + "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"},
		{"a line ending added at the end", "a\nb", "a\nb\n", 3, head + "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n"},
		{"none at either end", "a\nb", "A\nb", 3, head + "@@ -1,2 +1,2 @@\n-a\n+A\n b\n\\ No newline at end of file\n"},
		{"line endings converted", "a\nb\n", "a\r\nb\n", 3, head + "@@ -1,2 +1,2 @@\n-a\n+a\r\n b\n"},
		{"a byte order mark", "a\n", "\ufeffa\n", 3, head + "@@ -1 +1 @@\n-a\n+\ufeffa\n"},
		{"bytes that are not UTF-8", "abcdefgh\xe4\n", "abcdefgh\xf6\n", 3, head + "@@ -1 +1 @@\n-abcdefgh\xe4\n+abcdefgh\xf6\n"},
		{"binary", "a\x00", "b", 3, "Binary contents old and new differ\n"},
		{"equal binary", "a\x00", "a\x00", 3, ""},
	} {
		if got := unified(test.old, test.new, test.context); got != test.want {
			t.Errorf("%s:\n%s\nwant:\n%s", test.name, got, test.want)
		}
	}
}

func TestUnifiedLabels(t *testing.T) {
	for label, want := range map[string]string{
		"a/notes.md":  "--- a/notes.md\n",
		"my notes":    "--- my notes\t\n",
		"a\n+++ evil": "--- \"a\\n+++ evil\"\t\n",
		"größe":       "--- größe\n",
	} {
		var b strings.Builder
		if err := markup.WriteUnified(&b, markup.Compare("a\n", "b\n", 3), label, "new"); err != nil || !strings.HasPrefix(b.String(), want) {
			t.Errorf("label %q: %q, %v; want it to begin %q", label, b.String(), err, want)
		}
	}
}

func TestComparison(t *testing.T) {
	comparison := markup.Compare("a\nb\nc\n", "a\nx\ny\nc\n", 1)
	text, err := json.Marshal(comparison)
	const want = `{"binary":false,"lines_added":2,"lines_removed":1,"hunks":[{"old_start":1,"old_lines":3,"new_start":1,"new_lines":4,` +
		`"lines":[{"op":" ","text":"a\n"},{"op":"-","text":"b\n"},{"op":"+","text":"x\n"},{"op":"+","text":"y\n"},{"op":" ","text":"c\n"}]}]}`
	if err != nil || string(text) != want {
		t.Errorf("%s, %v; want %s", text, err, want)
	}
	for name, equal := range map[string]sheaf.Comparison{
		"equal":  markup.Compare("a", "a", 3),
		"binary": markup.Compare("a\x00", "a", 3),
	} {
		if equal.Hunks == nil || len(equal.Hunks) > 0 {
			t.Errorf("%s contents: hunks %v, want an empty list", name, equal.Hunks)
		}
	}
}

// applyUnified applies a unified diff to a text and fails if its lines, or the
// numbers of them, are not what the text has.
func applyUnified(old, diff string) (string, error) {
	if diff == "" {
		return old, nil
	}
	lines, diffLines := markup.SplitLines(old), markup.SplitLines(diff)
	if len(diffLines) < 3 || !strings.HasPrefix(diffLines[0], "--- ") || !strings.HasPrefix(diffLines[1], "+++ ") {
		return "", fmt.Errorf("no unified diff: %q", diff)
	}
	var made []string
	used, oldLeft, newLeft := 0, 0, 0
	for i := 2; i < len(diffLines); i++ {
		line := diffLines[i]
		if oldLeft == 0 && newLeft == 0 {
			var oldRange, newRange string
			if _, err := fmt.Sscanf(line, "@@ -%s +%s @@\n", &oldRange, &newRange); err != nil {
				return "", fmt.Errorf("line %d is no head of a hunk: %q", i+1, line)
			}
			oldStart, oldLines := parseRange(oldRange)
			newStart, newLines := parseRange(newRange)
			if oldLines > 0 {
				oldStart--
			}
			if newLines > 0 {
				newStart--
			}
			if oldStart < used || oldStart > len(lines) {
				return "", fmt.Errorf("hunk %q begins outside of what is left", line)
			}
			made = append(made, lines[used:oldStart]...)
			used, oldLeft, newLeft = oldStart, oldLines, newLines
			if len(made) != newStart {
				return "", fmt.Errorf("hunk %q begins in line %d of the new text", line, len(made)+1)
			}
			continue
		}
		text := line[1:]
		if i+1 < len(diffLines) && diffLines[i+1] == "\\ No newline at end of file\n" {
			text = strings.TrimSuffix(text, "\n")
			i++
		}
		if line[0] != '+' {
			if used == len(lines) || lines[used] != text {
				return "", fmt.Errorf("line %d of the old text is not %q", used+1, text)
			}
			used, oldLeft = used+1, oldLeft-1
		}
		if line[0] != '-' {
			made, newLeft = append(made, text), newLeft-1
		}
		if oldLeft < 0 || newLeft < 0 {
			return "", fmt.Errorf("line %d of the diff is more than its hunk has", i+1)
		}
	}
	if oldLeft != 0 || newLeft != 0 {
		return "", fmt.Errorf("the last hunk is not complete")
	}
	return strings.Join(append(made, lines[used:]...), ""), nil
}

func parseRange(s string) (start, lines int) {
	first, count, ok := strings.Cut(s, ",")
	start, _ = strconv.Atoi(first)
	if lines = 1; ok {
		lines, _ = strconv.Atoi(count)
	}
	return start, lines
}

func checkUnified(t rapid.TB, old, new string, context int) {
	diff := unified(old, new, context)
	if strings.HasPrefix(diff, "Binary") {
		if !markup.IsBinary(old) && !markup.IsBinary(new) || old == new {
			t.Fatalf("%q and %q are told to be binary", old, new)
		}
		return
	}
	if made, err := applyUnified(old, diff); err != nil || made != new {
		t.Fatalf("the diff with context %d of %q and %q makes %q, %v:\n%s", context, old, new, made, err, diff)
	}
}

func TestUnifiedMakesTheNewText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old, new := drawText(30).Draw(t, "old"), drawText(30).Draw(t, "new")
		checkUnified(t, old, new, rapid.IntRange(0, 5).Draw(t, "context"))
		comparison := markup.Compare(old, new, 3)
		if back := markup.Compare(new, old, 3); back.Added != comparison.Removed || back.Removed != comparison.Added {
			t.Fatalf("%q and %q: +%d -%d, and the other way around +%d -%d",
				old, new, comparison.Added, comparison.Removed, back.Added, back.Removed)
		}
	})
}

func FuzzCompare(f *testing.F) {
	for _, seed := range [][2]string{{"", ""}, {"a\nb\nc", "a\nc\n"}, {"a\r\n", "a\n"}, {"a\nb\na\nb\n", "b\na\n\xff"}} {
		f.Add(seed[0], seed[1], 3)
	}
	f.Fuzz(func(t *testing.T, old, new string, context int) { checkUnified(t, old, new, context) })
}

// git takes our diffs for its own.
func TestGitAppliesUnified(t *testing.T) {
	requireGit(t)
	for i, test := range [][2]string{
		{"a\nb\nc\n", "a\nc\nd\n"},
		{"a\nb", "a\nb\n"},
		{"a\nb\n", "a\nb"},
		{"a\nb", "b\nc"},
		{"a\r\nb\r\n", "a\r\nx\r\nb\r\n"},
		{"\ufeffa\n\xff\n", "\ufeffa\n\xfe\n"},
		{strings.Repeat("same\n", 50), strings.Repeat("same\n", 20) + "new\n" + strings.Repeat("same\n", 25)},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "my notes.md")
		if err := os.WriteFile(file, []byte(test[0]), 0o600); err != nil {
			t.Fatal(err)
		}
		var diff strings.Builder
		if err := markup.WriteUnified(&diff, markup.Compare(test[0], test[1], 3), "a/my notes.md", "b/my notes.md"); err != nil {
			t.Fatal(err)
		}
		apply := exec.Command("git", "apply", "--whitespace=nowarn", "-")
		apply.Dir = dir
		apply.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
		apply.Stdin = strings.NewReader(diff.String())
		if out, err := apply.CombinedOutput(); err != nil {
			t.Errorf("git apply of diff %d: %v: %s\n%s", i, err, out, diff.String())
			continue
		}
		made, err := os.ReadFile(file)
		if err != nil || string(made) != test[1] {
			t.Errorf("git makes %q of diff %d, %v; want %q", made, i, err, test[1])
		}
	}
}

// requireGit ends the test if there is no git: what it compares with.
func requireGit(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatalf("this test compares with git, which has to be installed: %v", err)
	}
}

// log returns a log of about n bytes, no two lines alike, in which every line
// whose number changed says so has another ending.
func log(n int, changed func(line int) bool) string {
	var b strings.Builder
	for line := 0; b.Len() < n; line++ {
		fmt.Fprintf(&b, "2025-11-24T%02d:%02d:%02dZ level=info msg=\"request %d\" took=%dms", line/3600%24, line/60%60, line%60, line, line%97)
		if changed(line) {
			b.WriteString(" retried")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// words returns n lines, each one of a vocabulary, in an order given by seed.
func words(n, vocabulary int, seed uint64) string {
	var b strings.Builder
	for range n {
		seed = seed*6364136223846793005 + 1442695040888963407
		fmt.Fprintf(&b, "w%d\n", seed>>33%uint64(vocabulary))
	}
	return b.String()
}

func BenchmarkCompare(b *testing.B) {
	none := func(int) bool { return false }
	for _, pair := range []struct{ name, old, new string }{
		{"LogFewChanges", log(5<<20, none), log(5<<20, func(line int) bool { return line%5000 == 17 })},
		{"LogEveryTenthLine", log(5<<20, none), log(5<<20, func(line int) bool { return line%10 == 0 })},
		{"LogAllLines", log(5<<20, none), log(5<<20, func(int) bool { return true })},
		{"Words2", words(500_000, 2, 1), words(500_000, 2, 2)},
		{"Words1000", words(500_000, 1000, 1), words(500_000, 1000, 2)},
		{"Words1000000", words(500_000, 1_000_000, 1), words(500_000, 1_000_000, 2)},
		{"Empty1000000", strings.Repeat("\n", 1_000_000), strings.Repeat("\n", 500_000) + "x" + strings.Repeat("\n", 600_000)},
		{"Reversed", words(300_000, 1_000_000_000, 1), reversed(words(300_000, 1_000_000_000, 1))},
	} {
		b.Run(pair.name, func(b *testing.B) {
			b.SetBytes(int64(len(pair.old) + len(pair.new)))
			b.ReportAllocs()
			for b.Loop() {
				markup.Compare(pair.old, pair.new, 3)
			}
		})
	}
}

func reversed(text string) string {
	lines := markup.SplitLines(text)
	for i, j := 0, len(lines)-1; i < j; i, j = i+1, j-1 {
		lines[i], lines[j] = lines[j], lines[i]
	}
	return strings.Join(lines, "")
}
