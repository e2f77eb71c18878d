package grep

import (
	"bytes"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// mostTexts is how many texts are looked for at once. Each is a pass over the
// text that is searched.
const mostTexts = 16

// literals are texts of which one is in whatever an expression matches. Without
// texts nothing is known.
type literals struct {
	texts []string

	// folded says that the texts are in lower case, and are to be looked for in
	// the text in lower case: its ASCII letters only, see [lower].
	folded bool
}

// requiredBy returns the literals of an expression that are the most selective.
func requiredBy(tree *syntax.Regexp) literals {
	switch tree.Op {
	case syntax.OpLiteral, syntax.OpConcat:
		return requiredByAll(tree)
	case syntax.OpCapture, syntax.OpPlus:
		return requiredBy(tree.Sub[0])
	case syntax.OpRepeat:
		if tree.Min > 0 {
			return requiredBy(tree.Sub[0])
		}
	case syntax.OpAlternate:
		return requiredByOne(tree.Sub)
	}
	return literals{}
}

// requiredByAll returns the best literals of parts that follow each other.
func requiredByAll(tree *syntax.Regexp) (best literals) {
	parts := tree.Sub
	if tree.Op == syntax.OpLiteral {
		parts = []*syntax.Regexp{tree}
	}
	var run strings.Builder // of literals, part for part
	folded := false
	end := func() {
		if text := run.String(); text != "" {
			best = better(best, literals{[]string{text}, folded}.normal())
		}
		run.Reset()
		folded = false
	}
	for _, part := range parts {
		if part.Op != syntax.OpLiteral {
			end()
			best = better(best, requiredBy(part))
			continue
		}
		anyCase := part.Flags&syntax.FoldCase != 0
		for _, r := range part.Rune {
			if !certain(r, anyCase) {
				end()
				continue
			}
			folded = folded || anyCase
			run.WriteRune(r)
		}
	}
	end()
	return best
}

// certain reports whether a character is in the text, as bytes, wherever it is
// matched. In any case, that is so only of ASCII letters without k and s, which
// the Kelvin sign and the long s match too. And U+FFFD matches any byte that is
// not valid UTF-8.
func certain(r rune, anyCase bool) bool {
	if anyCase {
		return r < utf8.RuneSelf && !strings.ContainsRune("kKsS", r)
	}
	return r != utf8.RuneError
}

// requiredByOne returns the literals of alternatives.
func requiredByOne(alternatives []*syntax.Regexp) (all literals) {
	for _, alternative := range alternatives {
		one := requiredBy(alternative)
		all.texts = append(all.texts, one.texts...)
		all.folded = all.folded || one.folded
		if len(one.texts) == 0 || len(all.texts) > mostTexts {
			return literals{}
		}
	}
	return all.normal()
}

// normal returns folded literals with texts in lower case.
func (l literals) normal() literals {
	if l.folded {
		for i, text := range l.texts {
			l.texts[i] = string(lower(nil, []byte(text)))
		}
	}
	return l
}

// better returns which of two literals are in fewer lines, as far as their
// lengths can tell.
func better(a, b literals) literals {
	if a.shortest() < b.shortest() || a.shortest() == b.shortest() && len(a.texts) > len(b.texts) {
		return b
	}
	return a
}

func (l literals) shortest() int {
	if len(l.texts) == 0 {
		return 0
	}
	shortest := len(l.texts[0])
	for _, text := range l.texts {
		shortest = min(shortest, len(text))
	}
	return shortest
}

// lower appends text to into, its ASCII letters in lower case. All else stays, so
// that every byte keeps its place.
func lower(into, text []byte) []byte {
	from := len(into)
	into = append(into, text...)
	for i, b := range into[from:] {
		if 'A' <= b && b <= 'Z' {
			into[from+i] = b + ('a' - 'A')
		}
	}
	return into
}

// A finder finds where in a text the next of some literals is.
type finder struct {
	text  []byte
	wants []wanted
}

type wanted struct {
	literal []byte
	next    int // where it is next; len(text) when it is nowhere any more
}

func newFinder(text []byte, texts []string) *finder {
	f := &finder{text: text, wants: make([]wanted, len(texts))}
	for i, literal := range texts {
		f.wants[i] = wanted{[]byte(literal), -1}
	}
	return f
}

// from returns the first place at or behind a place, which never goes back, at
// which one of the literals is, and the length of the text when there is none.
func (f *finder) from(place int) int {
	first := len(f.text)
	for i := range f.wants {
		w := &f.wants[i]
		if w.next < place {
			if at := bytes.Index(f.text[place:], w.literal); at >= 0 {
				w.next = place + at
			} else {
				w.next = len(f.text)
			}
		}
		first = min(first, w.next)
	}
	return first
}
