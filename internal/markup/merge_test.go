package markup_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/markup"
)

var labels = markup.MergeLabels{Base: "base", Head: "head", Yours: "yours"}

func merge(base, head, yours string) sheaf.Merge { return markup.Merge(base, head, yours, labels) }

func TestMerge(t *testing.T) {
	const five = "1\n2\n3\n4\n5\n"
	for _, test := range []struct {
		name              string
		base, head, yours string
		want              string
		conflicts         int
	}{
		{"changes apart", five, "one\n2\n3\n4\n5\n", "1\n2\n3\n4\nfive\n", "one\n2\n3\n4\nfive\n", 0},
		{"a line between them is enough", "1\n2\n3\n", "one\n2\n3\n", "1\n2\nthree\n", "one\n2\nthree\n", 0},
		{"the same change", five, "1\n2\nthree\n4\n5\n", "1\n2\nthree\n4\n5\n", "1\n2\nthree\n4\n5\n", 0},
		{"the same change and another", five, "1\n2\nthree\n4\n5\n", "0\n1\n2\nthree\n4\n5\n", "0\n1\n2\nthree\n4\n5\n", 0},
		{"both add the same", "1\n", "1\n2\n", "1\n2\n", "1\n2\n", 0},
		{"both empty it", five, "", "", "", 0},
		{"one removes, the other changes elsewhere", five, "3\n4\n5\n", "1\n2\n3\n4\nfive\n", "3\n4\nfive\n", 0},
		{"the same line", five, "1\n2\nthree\n4\n5\n", "1\n2\ndrei\n4\n5\n",
			"1\n2\n<<<<<<< head\nthree\n||||||| base\n3\n=======\ndrei\n>>>>>>> yours\n4\n5\n", 1},
		{"adjacent lines", "1\n2\n", "one\n2\n", "1\ntwo\n",
			"<<<<<<< head\none\n2\n||||||| base\n1\n2\n=======\n1\ntwo\n>>>>>>> yours\n", 1},
		{"removed and changed", "1\n2\n3\n", "1\n3\n", "1\ntwo\n3\n",
			"1\n<<<<<<< head\n||||||| base\n2\n=======\ntwo\n>>>>>>> yours\n3\n", 1},
		{"both add at the end", "1\n", "1\na\n", "1\nb\n", "1\n<<<<<<< head\na\n||||||| base\n=======\nb\n>>>>>>> yours\n", 1},
		{"both begin it", "", "a\n", "b\n", "<<<<<<< head\na\n||||||| base\n=======\nb\n>>>>>>> yours\n", 1},
		{"one change touches two", five, "A\n2\nC\n4\n5\n", "1\nx\ny\n4\n5\n",
			"<<<<<<< head\nA\n2\nC\n||||||| base\n1\n2\n3\n=======\n1\nx\ny\n>>>>>>> yours\n4\n5\n", 1},
		{"two conflicts and a clean change", five + "6\n7\n", "A\n2\n3\n4\nE\n6\n7\n", "a\n2\nthree\n4\ne\n6\nseven\n",
			"<<<<<<< head\nA\n||||||| base\n1\n=======\na\n>>>>>>> yours\n2\nthree\n4\n<<<<<<< head\nE\n||||||| base\n5\n=======\ne\n>>>>>>> yours\n6\nseven\n", 2},

		{"no line ending at the end, kept", "1\n2\n3", "one\n2\n3", "1\n2\n3\n4", "one\n2\n3\n4", 0},
		{"a line ending added at the end", "1\n2\n3", "one\n2\n3", "1\n2\n3\n", "one\n2\n3\n", 0},
		{"a line ending removed at the end", "1\n2\n3\n", "one\n2\n3\n", "1\n2\n3", "one\n2\n3", 0},
		{"one goes on behind a last line without ending, the other ends it", "1", "1\n2", "1\n",
			"<<<<<<< head\n1\n2\n||||||| base\n1\n=======\n1\n>>>>>>> yours\n", 1},

		{"all CR LF", "1\r\n2\r\n3\r\n", "one\r\n2\r\n3\r\n", "1\r\n2\r\nthree\r\n", "one\r\n2\r\nthree\r\n", 0},
		{"markers in CR LF", "1\r\n", "a\r\n", "b\r\n",
			"<<<<<<< head\r\na\r\n||||||| base\r\n1\r\n=======\r\nb\r\n>>>>>>> yours\r\n", 1},
		{"head converted to CR LF", "1\n2\n3\n", "1\r\n2\r\n3\r\n", "1\n2\nthree\n", "1\r\n2\r\nthree\r\n", 0},
		{"yours converted to CR LF and changed", "1\n2\n3\n", "one\n2\n3\n", "1\r\n2\r\nthree\r\n", "one\r\n2\r\nthree\r\n", 0},
		{"head converted to LF", "1\r\n2\r\n3\r\n", "1\n2\n3\n", "1\r\n2\r\nthree\r\n", "1\n2\nthree\n", 0},
		{"both converted", "1\n2\n3\n", "one\r\n2\r\n3\r\n", "1\r\n2\r\nthree\r\n", "one\r\n2\r\nthree\r\n", 0},
		{"yours makes mixed endings uniform", "1\r\n2\n3\n", "one\r\n2\n3\n", "1\n2\nthree\n", "one\n2\nthree\n", 0},
		{"converted with a conflict", "1\n2\n", "1\r\n2\r\n", "1\ntwo\n", "1\r\ntwo\r\n", 0},
		{"a conflict in the endings of who converted", "1\n2\n3\n", "1\r\nA\r\n3\r\n", "1\nB\n3\n",
			"1\r\n<<<<<<< head\r\nA\r\n||||||| base\r\n2\r\n=======\r\nB\r\n>>>>>>> yours\r\n3\r\n", 1},
		{"a line ending is a change like any in mixed text", "1\n2\n3\n", "1\r\n2\n3\n", "1\n2\nthree\n", "1\r\n2\nthree\n", 0},
		{"CR alone is no line ending", "1\r2\n3\n4\n", "1\rtwo\n3\n4\n", "1\r2\n3\nfour\n", "1\rtwo\n3\nfour\n", 0},
		{"a byte order mark", "1\n2\n3\n", "\ufeff1\n2\n3\n", "1\n2\n3\n\xff\n", "\ufeff1\n2\n3\n\xff\n", 0},

		{"lines that look like markers", "T\n=======\n1\n", "T\n=======\na\n", "T\n=======\nb\n",
			"T\n=======\n<<<<<<<< head\na\n|||||||| base\n1\n========\nb\n>>>>>>>> yours\n", 1},
	} {
		m := merge(test.base, test.head, test.yours)
		if m.Text != test.want || len(m.Conflicts) != test.conflicts || m.Clean != (test.conflicts == 0) {
			t.Errorf("%s: clean %t, %d conflicts, %q\nwant %d, %q", test.name, m.Clean, len(m.Conflicts), m.Text, test.conflicts, test.want)
		}
	}
}

func TestMergeConflicts(t *testing.T) {
	m := merge("1\n2\n3\n4\n5", "0\n1\nA\n3\n4\n5", "1\nB\nb\n3\n4\n5 and more")
	text, err := json.Marshal(m.Conflicts)
	const want = `[{"base":{"line":2,"lines":["2\n"]},"head":{"line":3,"lines":["A\n"]},"yours":{"line":2,"lines":["B\n","b\n"]}}]`
	if err != nil || string(text) != want {
		t.Errorf("conflicts: %s, %v; want %s", text, err, want)
	}

	m = merge("1\n2", "1\nA", "1")
	text, err = json.Marshal(m.Conflicts)
	const wantAtEnd = `[{"base":{"line":1,"lines":["1\n","2"]},"head":{"line":1,"lines":["1\n","A"]},"yours":{"line":1,"lines":["1"]}}]`
	if err != nil || string(text) != wantAtEnd {
		t.Errorf("conflicts at the end: %s, %v; want %s", text, err, wantAtEnd)
	}

	m = merge("1\n", "1\nA\n", "1\nB\n")
	text, err = json.Marshal(m.Conflicts)
	const wantAdded = `[{"base":{"line":2,"lines":[]},"head":{"line":2,"lines":["A\n"]},"yours":{"line":2,"lines":["B\n"]}}]`
	if err != nil || string(text) != wantAdded {
		t.Errorf("conflicting additions: %s, %v; want %s", text, err, wantAdded)
	}
}

func TestMergeBinary(t *testing.T) {
	for _, test := range []struct {
		base, head, yours string
		want              sheaf.Merge
	}{
		{"a\x00", "b\x00", "c\x00", sheaf.Merge{Binary: true}},
		{"a", "b\x00", "c", sheaf.Merge{Binary: true}},
		{"a\x00", "b\x00", "a\x00", sheaf.Merge{Clean: true, Text: "b\x00"}},
		{"a\x00", "a\x00", "c\x00", sheaf.Merge{Clean: true, Text: "c\x00"}},
		{"a\x00", "b\x00", "b\x00", sheaf.Merge{Clean: true, Text: "b\x00"}},
	} {
		m := merge(test.base, test.head, test.yours)
		if m.Clean != test.want.Clean || m.Binary != test.want.Binary || m.Text != test.want.Text || m.Conflicts == nil || len(m.Conflicts) > 0 {
			t.Errorf("Merge(%q, %q, %q) = %+v, want %+v", test.base, test.head, test.yours, m, test.want)
		}
	}
}

// checkMerge checks what is true of every merge.
func checkMerge(t rapid.TB, base, head, yours string) {
	m := merge(base, head, yours)
	other := merge(base, yours, head)
	if m.Clean != other.Clean || m.Clean && m.Text != other.Text || len(m.Conflicts) != len(other.Conflicts) {
		t.Fatalf("with the sides exchanged, %+v is %+v", m, other)
	}
	for i, c := range m.Conflicts {
		if o := other.Conflicts[i]; !slices.Equal(c.Head.Lines, o.Yours.Lines) || !slices.Equal(c.Yours.Lines, o.Head.Lines) || !slices.Equal(c.Base.Lines, o.Base.Lines) {
			t.Fatalf("with the sides exchanged, conflict %+v is %+v", c, o)
		}
	}
	if m.Clean != (len(m.Conflicts) == 0 && !m.Binary) {
		t.Fatalf("clean %t, binary %t, %d conflicts", m.Clean, m.Binary, len(m.Conflicts))
	}
	for _, x := range []string{head, yours} {
		for name, m := range map[string]sheaf.Merge{"head": merge(base, x, base), "yours": merge(base, base, x), "both": merge(base, x, x)} {
			if !m.Clean || m.Text != x {
				t.Fatalf("%q changed to %q by %s: %+v", base, x, name, m)
			}
		}
	}
	if m.Binary || base == head || base == yours || head == yours {
		return
	}

	// No line that either side has written is lost: it is in the clean text, or in
	// one of the conflicts. Line endings may have been converted.
	count := func(text string) map[string]int {
		lines := make(map[string]int)
		for _, line := range markup.SplitLines(text) {
			lines[strings.TrimRight(line, "\r\n")]++
		}
		return lines
	}
	inBase, inMerge := count(base), count(m.Text)
	for _, side := range []string{head, yours} {
		for line, n := range count(side) {
			if inBase[line] == 0 && inMerge[line] < n {
				t.Fatalf("line %q, new in %q, is not in the merge with base %q of %q and %q: %q", line, side, base, head, yours, m.Text)
			}
		}
	}
}

func TestMergeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkMerge(t, drawText(12).Draw(t, "base"), drawText(12).Draw(t, "head"), drawText(12).Draw(t, "yours"))
	})
}

func FuzzMerge(f *testing.F) {
	f.Add("1\n2\n3\n", "1\n2\nx\n3\n", "1\n3")
	f.Add("1\n2\n3\n", "1\r\n2\r\n3\r\n", "1\n3\n")
	f.Add("", "a", "b\n")
	f.Add("=======\n", "<<<<<<<\n", ">>>>>>> \n")
	f.Fuzz(func(t *testing.T, base, head, yours string) { checkMerge(t, base, head, yours) })
}

// An alteration is a change of a text whose lines are all different: it replaces
// lines by others that are nowhere else.
type alteration struct {
	from, to int // lines of the base
	lines    []string
}

// drawAlterations draws alterations of n lines, in order, each at least apart
// lines after the one before, and none of them in the lines that others have
// altered or within apart lines of them.
func drawAlterations(t *rapid.T, side string, n, apart int, others []alteration) []alteration {
	var list []alteration
	for at := 0; at <= n; {
		from := at + rapid.IntRange(0, 8).Draw(t, "skip")
		to := from + rapid.IntRange(0, 2).Draw(t, "removed")
		if to > n {
			break
		}
		at = to + max(apart, 1)
		free := !slices.ContainsFunc(others, func(o alteration) bool { return from < o.to+apart && o.from < to+apart })
		added := rapid.IntRange(0, 3).Draw(t, "added")
		if apart > 0 && !free || added == 0 && from == to {
			continue
		}
		a := alteration{from: from, to: to}
		for i := range added {
			a.lines = append(a.lines, fmt.Sprintf("%s %d.%d\n", side, from, i))
		}
		list = append(list, a)
	}
	return list
}

func altered(base []string, list []alteration) string {
	var b strings.Builder
	done := 0
	for _, a := range list {
		b.WriteString(strings.Join(base[done:a.from], "") + strings.Join(a.lines, ""))
		done = a.to
	}
	return b.String() + strings.Join(base[done:], "")
}

func numbered(n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf("line %d\n", i+1)
	}
	return lines
}

// Alterations that are apart merge to what both of them make together.
func TestMergeOfAlterationsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := numbered(rapid.IntRange(0, 60).Draw(t, "lines"))
		head := drawAlterations(t, "head", len(base), 1, nil)
		yours := drawAlterations(t, "yours", len(base), 1, head)
		both := append(slices.Clone(head), yours...)
		slices.SortFunc(both, func(a, b alteration) int { return a.from - b.from })
		m := merge(altered(base, nil), altered(base, head), altered(base, yours))
		if want := altered(base, both); !m.Clean || m.Text != want {
			t.Fatalf("head %v and yours %v merge to %+v, want %q", head, yours, m, want)
		}
	})
}

// gitMerge returns what git merge-file makes of three texts, and the number of
// conflicts.
func gitMerge(t rapid.TB, dir, base, head, yours string) (text string, conflicts int) {
	args := []string{"merge-file", "--diff3", "-p", "-L", labels.Head, "-L", labels.Base, "-L", labels.Yours}
	for i, content := range []string{head, base, yours} {
		file := filepath.Join(dir, []string{"head", "base", "yours"}[i])
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	out, err := exec.Command("git", args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() < 128 {
		return string(out), exit.ExitCode()
	}
	if err != nil {
		t.Fatalf("git merge-file: %v", err)
	}
	return string(out), 0
}

// Where it is clear what was changed, git and we agree to the byte.
func TestMergeAsGit(t *testing.T) {
	requireGit(t)
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		lines := numbered(rapid.IntRange(0, 30).Draw(t, "lines"))
		text := func(list []alteration) string {
			return strings.TrimSuffix(altered(lines, list), rapid.SampledFrom([]string{"", "\n"}).Draw(t, "without"))
		}
		headSide := rapid.SampledFrom([]string{"head", "same"}).Draw(t, "head writes")
		yoursSide := rapid.SampledFrom([]string{"yours", "same"}).Draw(t, "yours writes")
		base := text(nil)
		head := text(drawAlterations(t, headSide, len(lines), 0, nil))
		yours := text(drawAlterations(t, yoursSide, len(lines), 0, nil))
		m := merge(base, head, yours)
		want, conflicts := gitMerge(t, dir, base, head, yours)
		if m.Text != want || len(m.Conflicts) != conflicts {
			t.Fatalf("%q to %q and %q: %d conflicts, %q\ngit has %d, %q", base, head, yours, len(m.Conflicts), m.Text, conflicts, want)
		}
	})
}

func BenchmarkMerge(b *testing.B) {
	base := log(5<<20, func(int) bool { return false })
	head := log(5<<20, func(line int) bool { return line%5000 == 17 })
	yours := log(5<<20, func(line int) bool { return line%5000 == 2017 })
	b.SetBytes(int64(len(base) + len(head) + len(yours)))
	b.ReportAllocs()
	for b.Loop() {
		if m := merge(base, head, yours); !m.Clean {
			b.Fatalf("%d conflicts", len(m.Conflicts))
		}
	}
}
