package markup

import (
	"fmt"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A folding makes strings equal that differ in one respect only. It returns -1
// for a character that does not count.
type folding struct {
	differsIn string // what it passes over, for people
	fold      func(rune) rune
}

// foldings are tried in this order: the first that finds a string says most
// exactly what is wrong with it. Ranging over a string makes U+FFFD of every
// byte that is not UTF-8, as whoever made JSON of the text has done before.
var foldings = []folding{
	{"bytes that are not valid UTF-8, which cannot be written here; use a range of lines", func(r rune) rune { return r }},
	{"line endings", dropReturn},
	{"white space", dropSpace},
	{"upper and lower case", unicode.ToLower},
	{"the form of quotation marks, dashes or spaces", func(r rune) rune { return dropReturn(plainPunctuation(r)) }},
	{"upper and lower case, the form of quotation marks and dashes, or white space", func(r rune) rune {
		return unicode.ToLower(dropSpace(plainPunctuation(r)))
	}},
}

func dropReturn(r rune) rune {
	if r == '\r' {
		return -1
	}
	return r
}

func dropSpace(r rune) rune {
	if unicode.IsSpace(r) {
		return -1
	}
	return r
}

// plainPunctuation returns what is on a keyboard for what typesetting makes of it.
func plainPunctuation(r rune) rune {
	switch r {
	case '‘', '’', '‚', '‛', '′':
		return '\''
	case '“', '”', '„', '‟', '″', '«', '»':
		return '"'
	case '‐', '‑', '‒', '–', '—', '−':
		return '-'
	case '\u00a0', '\u2009', '\u202f':
		return ' '
	}
	return r
}

// nearMiss says how a text that does not have a string comes near to having it,
// or "" if it does not. It is the hint of an error.
func nearMiss(text, s string) string {
	for _, f := range foldings {
		folded := strings.Map(f.fold, s)
		if folded == "" {
			continue // nothing of it counts
		}
		if at := strings.Index(strings.Map(f.fold, text), folded); at >= 0 {
			return fmt.Sprintf("the text at %s differs from it only in %s", place(text, unfolded(text, at, f.fold)), f.differsIn)
		}
	}
	return longestBeginning(text, s)
}

// unfolded returns where in a text the character is that became byte at of the
// folded text.
func unfolded(text string, at int, fold func(rune) rune) int {
	for i, r := range text {
		if r = fold(r); r < 0 {
			continue
		}
		if at <= 0 {
			return i
		}
		at -= utf8.RuneLen(r)
	}
	return len(text)
}

// minBeginning is how many bytes at the beginning of a string have to occur in a
// text to be worth telling.
const minBeginning = 12

// longestBeginning says where a text has the beginning of a string, and how both
// go on.
func longestBeginning(text, s string) string {
	length := sort.Search(len(s), func(n int) bool { return !strings.Contains(text, s[:n+1]) })
	for length > 0 && length < len(s) && !utf8.RuneStart(s[length]) {
		length-- // not within a character
	}
	if length < minBeginning {
		return ""
	}
	at := strings.Index(text, s[:length])
	return fmt.Sprintf("the text at %s begins like it; at %s the text goes on with %s, and it goes on with %s",
		place(text, at), place(text, at+length), quoteBeginning(text[at+length:]), quoteBeginning(s[length:]))
}

// quoteBeginning quotes the first characters of a string.
func quoteBeginning(s string) string {
	const most = 30
	characters := 0
	for i := range s {
		if characters == most {
			return fmt.Sprintf("%q…", s[:i])
		}
		characters++
	}
	if s == "" {
		return "its end"
	}
	return fmt.Sprintf("%q", s)
}
