package library

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"pgregory.net/rapid"
)

// A pattern with braces means what doublestar says of any of those without that it
// stands for, and all that it means begins with its prefix. (Of one with braces
// doublestar says another thing now and then: that "a*{,b}" does not match "a".)
func TestPathPatternsAgreeWithDoublestar(t *testing.T) {
	pieces := []string{"a", "b", "/", "*", "**", "?", "[ab]", "[^a]", "[{]", "[,}]", `\{`, `\}`, `\*`, `\,`, "a/", "/**/", "é"}
	names := []string{"a", "b", "/", "{", "}", ",", "*", "é", "ab"}
	rapid.Check(t, func(r *rapid.T) {
		text, plain := drawBraces(r, pieces, 2)
		file := strings.Join(rapid.SliceOfN(rapid.SampledFrom(names), 1, 6).Draw(r, "path"), "")
		pattern, err := parsePathPattern("pattern", text)
		if text == "" || len(text) > maxPattern || len(plain) > maxAlternatives {
			if err == nil {
				r.Fatalf("%q is accepted, with %d bytes, standing for %d patterns", text, len(text), len(plain))
			}
			return
		}
		if err != nil {
			r.Fatal(err)
		}
		want := slices.ContainsFunc(plain, func(pattern string) bool { return doublestar.MatchUnvalidated(pattern, file) })
		if pattern.matches(file) != want {
			r.Fatalf("%q matches %q: %t, want %t; it stands for %q, not for %q", text, file, !want, want, plain, pattern.alternatives)
		}
		if want && !strings.HasPrefix(file, pattern.prefix()) {
			r.Fatalf("%q matches %q, which does not begin with %q", text, file, pattern.prefix())
		}
	})
}

// drawBraces draws a pattern with braces in braces to a depth, and all that it
// stands for.
func drawBraces(r *rapid.T, pieces []string, depth int) (text string, plain []string) {
	plain = []string{""}
	for range rapid.IntRange(0, 4).Draw(r, "parts") {
		part := rapid.SampledFrom(pieces).Draw(r, "piece")
		means := []string{part}
		if depth > 0 && rapid.IntRange(0, 2).Draw(r, "braces") == 0 {
			var alternatives []string
			means = nil
			for range rapid.IntRange(1, 3).Draw(r, "alternatives") {
				alternative, stands := drawBraces(r, pieces, depth-1)
				alternatives, means = append(alternatives, alternative), append(means, stands...)
			}
			part = "{" + strings.Join(alternatives, ",") + "}"
		}
		text += part
		var longer []string
		for _, begin := range plain {
			for _, end := range means {
				longer = append(longer, begin+end)
			}
		}
		plain = longer
	}
	return text, plain
}

func TestGlobs(t *testing.T) {
	for pattern, want := range map[string]string{
		"*.md":           "a.md x/a.md x/y/b.md",
		"/*.md":          "a.md",
		"./*.md":         "a.md",
		"x/":             "x/a.md x/y/b.md x/y/c.txt",
		"x/*":            "x/a.md",
		"**/y/{b,c}.*":   "x/y/b.md x/y/c.txt",
		"**":             "a.md x/a.md x/y/b.md x/y/c.txt",
		"x/{a,y/b}.{md}": "x/a.md x/y/b.md",
		"x/a.md*{,x}":    "x/a.md",
		"{a,{b,[c]}}.*":  "a.md x/a.md x/y/b.md x/y/c.txt",
	} {
		glob, err := parseGlob("pattern", pattern)
		if err != nil {
			t.Fatal(err)
		}
		files := []string{"a.md", "x/a.md", "x/y/b.md", "x/y/c.txt"}
		got := strings.Join(slices.DeleteFunc(files, func(file string) bool {
			return !glob.matches(file) || !strings.HasPrefix(file, glob.prefix())
		}), " ")
		if got != want {
			t.Errorf("%q means %q, want %q", pattern, got, want)
		}
	}
}

// Matching ** between names and braces one behind the other took minutes.
func TestPathPatternsTakeNoTime(t *testing.T) {
	file := strings.Repeat("a", 200)
	if _, err := parsePathPattern("pattern", strings.Repeat("*{a,a}", 60)+"b"); err == nil {
		t.Error("sixty braces are accepted")
	}
	pattern, err := parsePathPattern("pattern", strings.Repeat("*{a,a}", 6)+strings.Repeat("*a", 100)+"b")
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if pattern.matches(file) || time.Since(begin) > 10*time.Second {
		t.Errorf("no match, after %v", time.Since(begin))
	}
}
