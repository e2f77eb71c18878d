package sheaf

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCleanLabel(t *testing.T) {
	for label, want := range map[string]string{
		"":                          "",
		"reviewer":                  "reviewer",
		"  Claude Code/1.2  ":       "Claude Code/1.2",
		"a\x1b[31mb\r\nc\td":        "a[31mbcd",
		"Ägent ☕":                   "Ägent ☕",
		"a\xffb":                    "ab",
		"a\u202eb\u2028c":           "abc",
		strings.Repeat("ü", 200):    strings.Repeat("ü", maxLabel),
		strings.Repeat("\x00", 200): "",
	} {
		if got := CleanLabel(label); got != want {
			t.Errorf("CleanLabel(%q) = %q, want %q", label, got, want)
		}
	}
}

func FuzzCleanLabel(f *testing.F) {
	f.Add("a\x00b\xff ☕")
	f.Fuzz(func(t *testing.T, s string) {
		if label := CleanLabel(s); !utf8.ValidString(label) || utf8.RuneCountInString(label) > maxLabel || strings.ContainsAny(label, "\r\n\x00\x1b") {
			t.Errorf("CleanLabel(%q) = %q", s, label)
		}
	})
}
