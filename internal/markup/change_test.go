package markup

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// checkChanges fails unless the list makes new of old and is as changes promises.
func checkChanges(t interface {
	Helper()
	Fatalf(string, ...any)
}, list []change, old, new []string) {
	t.Helper()
	var made []string
	o, n := 0, 0
	for i, c := range list {
		if c.oldFrom > c.oldTo || c.newFrom > c.newTo || c.oldFrom == c.oldTo && c.newFrom == c.newTo {
			t.Fatalf("change %d is %v, which changes nothing or less", i, c)
		}
		if c.oldFrom < o || c.oldFrom-o != c.newFrom-n || i > 0 && c.oldFrom == o {
			t.Fatalf("change %d is %v, after %d and %d lines", i, c, o, n)
		}
		made = append(made, old[o:c.oldFrom]...)
		made = append(made, new[c.newFrom:c.newTo]...)
		o, n = c.oldTo, c.newTo
	}
	if made = append(made, old[o:]...); !slices.Equal(made, new) {
		t.Fatalf("the changes %v of %q make %q, want %q", list, old, made, new)
	}
}

// commonLines is the length of a longest common subsequence, found by trying all.
func commonLines(a, b []string) int {
	row := make([]int, len(b)+1)
	for i := range a {
		diagonal := 0
		for j := range b {
			above := row[j+1]
			if a[i] == b[j] {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(above, row[j])
			}
			diagonal = above
		}
	}
	return row[len(b)]
}

func drawLines(alphabet, most int) *rapid.Generator[[]string] {
	return rapid.SliceOfN(rapid.Map(rapid.IntRange(0, alphabet-1), func(n int) string { return string(rune('a' + n)) }), 0, most)
}

func TestChangesAreShortest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alphabet := rapid.IntRange(1, 12).Draw(t, "alphabet")
		old := drawLines(alphabet, 60).Draw(t, "old")
		new := drawLines(alphabet, 60).Draw(t, "new")
		list := changes(old, new)
		checkChanges(t, list, old, new)
		changed := 0
		for _, c := range list {
			changed += c.oldTo - c.oldFrom + c.newTo - c.newFrom
		}
		if least := len(old) + len(new) - 2*commonLines(old, new); changed != least {
			t.Fatalf("%d lines changed, %d would do: %v", changed, least, list)
		}
	})
}

// Texts with more differences than a search goes, and budgets that end it
// anywhere, still give correct lists.
func TestChangesWithinAnyBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rapid.Uint64().Draw(t, "seed") | 1
		next := func(n int) int {
			random ^= random << 13
			random ^= random >> 7
			random ^= random << 17
			return int(random % uint64(n))
		}
		alphabet := rapid.SampledFrom([]int{2, 20, 1000, 100_000}).Draw(t, "alphabet")
		lines := func() []string {
			lines := make([]string, 2000+next(1000))
			for i := range lines {
				lines[i] = string(rune(next(alphabet)))
			}
			return lines
		}
		old, new := lines(), lines()
		if rapid.Bool().Draw(t, "related") {
			new = slices.Clone(old)
			for range 1500 {
				i, j := next(len(new)), next(len(new))
				new[i], new[j] = new[j], new[i]
			}
		}
		budget := rapid.SampledFrom([]int{0, 100, 10_000, 1_000_000, changeBudget}).Draw(t, "budget")
		checkChanges(t, changesWithin(budget, old, new), old, new)
	})
}

func TestChangesSettle(t *testing.T) {
	for _, test := range []struct {
		name     string
		old, new string
		want     []change
	}{
		{"nothing", "a\nb\n", "a\nb\n", nil},
		{"all", "a\n", "b\n", []change{{0, 1, 0, 1}}},
		{"a section before another", "# A\n\na\n\n# C\n\nc\n", "# A\n\na\n\n# B\n\nb\n\n# C\n\nc\n", []change{{4, 4, 4, 8}}},
		{"fenced code before fenced code", "x\n\n```\nb\n```\n", "x\n\n```\na\n```\n\n```\nb\n```\n", []change{{2, 2, 2, 6}}},
		{"a function with a comment like the next", "/**\n * c\n */\nc()\n", "/**\n * b\n */\nb()\n\n/**\n * c\n */\nc()\n", []change{{0, 0, 0, 5}}},
		{"one of equal lines goes last", "- a\n- a\n", "- a\n- a\n- a\n", []change{{2, 2, 2, 3}}},
		{"a removal that can touch an addition joins it", "a\nb\nb\nc\n", "a\nb\nd\nc\n", []change{{2, 3, 2, 3}}},
	} {
		old, new := SplitLines(test.old), SplitLines(test.new)
		list := changes(old, new)
		checkChanges(t, list, old, new)
		if !slices.Equal(list, test.want) {
			t.Errorf("%s: %v, want %v", test.name, list, test.want)
		}
	}
}

func TestAnchors(t *testing.T) {
	for _, test := range []struct{ a, b, want string }{
		{"abc", "abc", "abc"},
		{"abcde", "xbydz", "bd"},
		{"abc", "cab", "ab"},
		{"aab", "ab", "b"},
		{"abc", "xyz", ""},
	} {
		numbers := func(s string) (n []int32) {
			for _, r := range s {
				n = append(n, r)
			}
			return n
		}
		m := matcher{
			a: sequence{lines: numbers(test.a)}, b: sequence{lines: numbers(test.b)},
			seen: make([]occurrence, 128), budget: 1000,
		}
		var found strings.Builder
		for _, anchor := range m.anchors(0, len(test.a), 0, len(test.b)) {
			if test.a[anchor.a] != test.b[anchor.b] {
				t.Errorf("%q and %q: %v are different lines", test.a, test.b, anchor)
			}
			found.WriteByte(test.a[anchor.a])
		}
		if found.String() != test.want {
			t.Errorf("anchors of %q and %q: %q, want %q", test.a, test.b, found.String(), test.want)
		}
		if slices.ContainsFunc(m.seen, func(o occurrence) bool { return o != occurrence{} }) {
			t.Errorf("anchors of %q and %q leaves counts behind", test.a, test.b)
		}
	}
}
