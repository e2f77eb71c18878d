package markup_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf/internal/markup"
)

// drawText draws texts of few different lines with every kind of line ending,
// with and without one at the end.
func drawText(most int) *rapid.Generator[string] {
	line := rapid.SampledFrom([]string{"", "a", "b", "c", "# d", "\ta", "\xff", "ä", "\r", "======="})
	ending := rapid.SampledFrom([]string{"\n", "\n", "\n", "\r\n"})
	return rapid.Custom(func(t *rapid.T) string {
		var b strings.Builder
		b.WriteString(rapid.SampledFrom([]string{"", "", "", "\ufeff"}).Draw(t, "mark"))
		for range rapid.IntRange(0, most).Draw(t, "lines") {
			b.WriteString(line.Draw(t, "line") + ending.Draw(t, "ending"))
		}
		b.WriteString(rapid.SampledFrom([]string{"", "", "end", "\r"}).Draw(t, "rest"))
		return b.String()
	})
}

func TestSplitLines(t *testing.T) {
	for text, want := range map[string][]string{
		"":                 {},
		"a":                {"a"},
		"a\n":              {"a\n"},
		"a\nb":             {"a\n", "b"},
		"\n\n":             {"\n", "\n"},
		"a\r\nb\rc\r":      {"a\r\n", "b\rc\r"},
		"\ufeffa\n\xff\n":  {"\ufeffa\n", "\xff\n"},
		"a\x00\n\u2028b\n": {"a\x00\n", "\u2028b\n"},
	} {
		if lines := markup.SplitLines(text); !slices.Equal(lines, want) {
			t.Errorf("SplitLines(%q) = %q, want %q", text, lines, want)
		}
	}
}

func TestIsBinary(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		want    bool
	}{
		"empty":                       {"", false},
		"text":                        {"größe\r\n", false},
		"a NUL":                       {"a\x00b", true},
		"a NUL behind 8 KiB":          {strings.Repeat("a", 8<<10) + "\x00", false},
		"latin-1 text":                {"Die gr\xf6\xdfte Stra\xdfe f\xfchrt \xfcber den Flu\xdf", false},
		"random bytes":                {"\x89\xff\xfe\xb5\xaa\x01\x02", true},
		"U+FFFD itself":               {strings.Repeat("\ufffd", 10), false},
		"a character across 8 KiB":    {strings.Repeat("a", 8<<10-1) + "ä", false},
		"only characters, cut anyhow": {strings.Repeat("日", 8<<10), false},
	} {
		if got := markup.IsBinary(test.content); got != test.want {
			t.Errorf("IsBinary of %s: %t, want %t", name, got, test.want)
		}
	}
}

func FuzzSplitLines(f *testing.F) {
	for _, seed := range []string{"", "a\nb", "\r\n\r", "\n\n", "\xff\n\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := markup.SplitLines(text)
		if joined := strings.Join(lines, ""); joined != text {
			t.Fatalf("the lines of %q are joined %q", text, joined)
		}
		for i, line := range lines {
			if feed := strings.IndexByte(line, '\n'); line == "" || feed >= 0 && feed < len(line)-1 || feed < 0 && i < len(lines)-1 {
				t.Fatalf("line %d of %q is %q", i+1, text, line)
			}
		}
	})
}
