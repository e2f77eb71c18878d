package grep_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/grep"
)

var all = grep.Wanted{Lines: 1 << 20, LineBytes: 1 << 20, Bytes: 1 << 30}

func search(t testing.TB, pattern string, ignoreCase bool, text string, wanted grep.Wanted) grep.Found {
	t.Helper()
	p, err := grep.Compile(pattern, ignoreCase)
	if err != nil {
		t.Fatalf("Compile(%q): %v", pattern, err)
	}
	found, err := p.Search(t.Context(), []byte(text), wanted)
	if err != nil {
		t.Fatalf("searching for %q: %v", pattern, err)
	}
	return found
}

// The lines found are those that the expression matches one by one, whatever is
// known of the texts that have to be in them.
func TestSearchAgreesWithEveryLine(t *testing.T) {
	pieces := []string{
		"a", "k", "s", "ab", "sk", "\u212a", "ſ", "ß", "é", "É", "\ufffd", "1", "-", `\.`, ".", "[ab]", "[^a]", `\s`, `\w+`, `\b`, "^", "$", "x*", "(a|sk)", "(?:ab|b)+",
		"(a|)", "k?", "(ab){2}", "(?i:sA)", "[[:upper:]]", "|", `\pL`, "b{0,2}", `\r`, `\z`,
	}
	characters := []string{"a", "A", "b", "B", "k", "K", "s", "S", "\u212a", "ſ", "ß", "é", "É", "1", "-", ".", " ", "\n", "\n", "\r\n", "\r", "\xff", "\xc3", "\ufffd", "sk", "ab"}
	rapid.Check(t, func(r *rapid.T) {
		expression := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 5).Draw(r, "pattern"), "")
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(characters), 0, 40).Draw(r, "text"), "")
		ignoreCase := rapid.Bool().Draw(r, "ignore case")
		p, err := grep.Compile(expression, ignoreCase)
		if err != nil {
			r.Skip(err)
		}
		if ignoreCase {
			expression = "(?i)" + expression
		}
		plain := regexp.MustCompile(expression)
		var want []string
		number := 0
		for line := range strings.Lines(text) {
			number++
			if line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"); plain.MatchString(line) {
				want = append(want, fmt.Sprintf("%d:%s", number, strings.ToValidUTF8(line, "\ufffd")))
			}
		}
		found, err := p.Search(context.Background(), []byte(text), all)
		if err != nil {
			r.Fatal(err)
		}
		var got []string
		for _, line := range found.Lines {
			got = append(got, fmt.Sprintf("%d:%s", line.Number, line.Text))
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") || found.Total != len(want) {
			r.Fatalf("%q in %q: %d lines, %q, want %q", expression, text, found.Total, got, want)
		}
	})
}

func TestWhatIsShown(t *testing.T) {
	const text = "\ufeffone\r\ntwo\r\nthree\r\nfour\r\nfive"
	found := search(t, "^(one|three|five)$", false, text, grep.Wanted{Lines: 2, Context: 1, LineBytes: 100, Bytes: 1000})
	got := fmt.Sprintf("%d %v", found.Total, found.Lines)
	want := "3 [{1 one [] [two]} {3 three [two] [four]}]"
	if got != want {
		t.Errorf("found %s, want %s", got, want)
	}
	if found := search(t, "o", false, text, grep.Wanted{Lines: 10, LineBytes: 100, Bytes: 4}); found.Total != 3 || len(found.Lines) != 2 {
		t.Errorf("in 4 bytes: %+v", found)
	}
	if line := search(t, "o", false, "foo", all).Lines[0]; line.Before != nil || line.After != nil {
		t.Errorf("lines around it that nobody wants: %+v", line)
	}

	// Of a long line, the match is seen, and no character is cut in two.
	for place := range 120 {
		text := strings.Repeat("é", place) + "match" + strings.Repeat("ß", 120-place)
		shown := search(t, "match", false, text, grep.Wanted{Lines: 1, LineBytes: 40, Bytes: 1000}).Lines[0].Text
		if !strings.Contains(shown, "match") || len(shown) > 40+2*len("…") || strings.Contains(shown, "\ufffd") ||
			strings.HasPrefix(shown, "…") != (place > 5) {
			t.Errorf("a match behind %d characters is shown as %q", place, shown)
		}
	}
}

func TestWrongPatterns(t *testing.T) {
	for pattern, want := range map[string][2]string{
		`foo(bar`:             {"missing closing )", "backslash"},
		`foo)`:                {"unexpected )", "backslash"},
		`a[z-a]`:              {"invalid character class range: z-a, at character 3", ""},
		`é*ab**`:              {"**, at character 5", "group"},
		`(\w+) \1`:            {`invalid escape sequence: \1, at character 7`, "no backreferences"},
		`(?<x>a)\k<x>`:        {`\k`, "no backreferences"},
		`foo(?=bar)`:          {"(?=, at character 4", "ahead or behind"},
		`foo(?!bar)`:          {"(?!", "ahead or behind"},
		`(?<=foo)bar`:         {"(?<=", "ahead or behind"},
		`(?<!foo)bar`:         {"(?<!", "ahead or behind"},
		`a++`:                 {"++", "group"},
		`x{1001}`:             {"{1001}, at character 2", "1000"},
		`(x{40}){40}`:         {"{40}", "1000"},
		`(abcdefghijk){1000}`: {"more than 10000 steps", "without a bound"},
		"a\nb":                {"line feed", "context_lines"},
		`a\nb`:                {"line feed", "context_lines"},
		"\xff":                {"UTF-8", ""},
	} {
		for _, ignoreCase := range []bool{false, true} {
			_, err := grep.Compile(pattern, ignoreCase)
			var wrong *sheaf.Error
			if !errors.As(err, &wrong) || wrong.Kind != sheaf.ErrInvalid || wrong.Fields[0].Field != "pattern" {
				t.Errorf("Compile(%q): %v, want it to be invalid", pattern, err)
			} else if !strings.Contains(wrong.Message, want[0]) || !strings.Contains(wrong.Hint, want[1]) {
				t.Errorf("Compile(%q): %q, %q, want %q and %q", pattern, wrong.Message, wrong.Hint, want[0], want[1])
			}
		}
	}
	for pattern, want := range map[string]bool{"": true, "x*": true, ".*": true, "^": true, "^$": false, "a|": true, "x": false, ".": false} {
		p, err := grep.Compile(pattern, false)
		if err != nil || p.MatchesEverything() != want {
			t.Errorf("%q matches everything: %v, %v", pattern, !want, err)
		}
	}
}

// Whoever goes away need not wait for the end of a long line.
func TestSearchEndsWithItsContext(t *testing.T) {
	p, err := grep.Compile(`(..........){500}\d`, false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err = p.Search(ctx, []byte(strings.Repeat("x", 8<<20)), all)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 20*time.Second {
		t.Errorf("after %v: %v, want the end of the context", time.Since(begin), err)
	}
}
