package library

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"pgregory.net/rapid"
)

// A pattern means what doublestar says, and all that it means begins with its
// prefix.
func TestPathPatternsAgreeWithDoublestar(t *testing.T) {
	pieces := []string{"a", "b", "/", "*", "**", "?", "[ab]", "[^a]", "[{]", "{", "}", ",", `\{`, `\*`, "a/", "/**/", "{a,b}", "{a/**,b}", "{,a}", "é"}
	names := []string{"a", "b", "/", "{", ",", "*", "é", "ab"}
	rapid.Check(t, func(r *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 6).Draw(r, "pattern"), "")
		file := strings.Join(rapid.SliceOfN(rapid.SampledFrom(names), 1, 6).Draw(r, "path"), "")
		pattern, err := parsePathPattern("pattern", text)
		if err != nil {
			r.Skip(err)
		}
		if want := doublestar.MatchUnvalidated(text, file); pattern.matches(file) != want {
			r.Fatalf("%q matches %q: %t, want %t; it stands for %q", text, file, !want, want, pattern.alternatives)
		}
		if pattern.matches(file) && !strings.HasPrefix(file, pattern.prefix()) {
			r.Fatalf("%q matches %q, which does not begin with %q", text, file, pattern.prefix())
		}
	})
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
