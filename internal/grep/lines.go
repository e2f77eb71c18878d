package grep

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"unicode/utf8"
)

// Wanted says how much of what is found is wanted.
type Wanted struct {
	Lines     int // that match, of a text; further ones are counted only
	Context   int // lines before and behind each
	LineBytes int // of a line that are shown; at least 16
	Bytes     int // of all that is shown of a text; further lines are counted only
}

// A Line is a line that matches.
type Line struct {
	Number int    // counted from 1
	Text   string // as [Wanted] bounds it: with the match, and … where it is cut

	// The lines around it, without the match when they are cut. They are nil
	// unless wanted, and never nil if wanted.
	Before, After []string
}

// Size returns about how many bytes the line takes up.
func (l Line) Size() int {
	size := len(l.Text)
	for _, text := range l.Before {
		size += len(text)
	}
	for _, text := range l.After {
		size += len(text)
	}
	return size
}

// Found is what was found in a text.
type Found struct {
	Lines []Line // in their order
	Total int    // lines that match, those that were not wanted too
}

const byteOrderMark = "\ufeff"

// Search finds the lines of a text that match the pattern. A byte order mark at
// its beginning is no part of the first line. What is not valid UTF-8 is shown as
// U+FFFD. It fails only with the error of the context, when that ends.
func (p *Pattern) Search(ctx context.Context, text []byte, wanted Wanted) (found Found, err error) {
	text = bytes.TrimPrefix(text, []byte(byteOrderMark))
	next := func(place int) int { return place }
	if len(p.required.texts) > 0 {
		in := text
		if p.required.folded {
			buffer := lowered.Get().(*[]byte)
			defer lowered.Put(buffer)
			*buffer = lower((*buffer)[:0], text)
			in = *buffer
		}
		next = newFinder(in, p.required.texts).from
	}
	const checked = 4 << 10 // bytes of lines between two looks at the context
	number, counted, matched, shown := 1, 0, checked, 0
	for place := next(0); place < len(text); {
		start := counted + bytes.LastIndexByte(text[counted:place], '\n') + 1
		end := endOfLine(text, place)
		line := withoutReturn(text[start:end])
		if matched += len(line) + 1; matched >= checked {
			if matched = 0; ctx.Err() != nil {
				return Found{}, ctx.Err()
			}
		}
		match, err := p.find(ctx, line)
		if err != nil {
			return Found{}, err
		}
		number += bytes.Count(text[counted:start], []byte{'\n'})
		counted = start
		if match != nil {
			found.Total++
			if len(found.Lines) < wanted.Lines && shown < wanted.Bytes {
				l := wanted.line(text, start, end, match)
				l.Number = number
				shown += l.Size()
				found.Lines = append(found.Lines, l)
			}
		}
		if end >= len(text)-1 {
			break
		}
		place = next(end + 1)
	}
	return found, nil
}

// lowered are buffers for texts in lower case.
var lowered = sync.Pool{New: func() any { return new([]byte) }}

// line returns what is shown of the line from start to end.
func (w Wanted) line(text []byte, start, end int, match []int) Line {
	l := Line{Text: clip(withoutReturn(text[start:end]), match[0], w.LineBytes)}
	if w.Context == 0 {
		return l
	}
	l.Before, l.After = []string{}, []string{}
	first := start
	for range w.Context {
		if first == 0 {
			break
		}
		first = bytes.LastIndexByte(text[:first-1], '\n') + 1
	}
	for at := first; at < start; {
		end := endOfLine(text, at)
		l.Before = append(l.Before, clip(withoutReturn(text[at:end]), 0, w.LineBytes))
		at = end + 1
	}
	for at := end + 1; at < len(text) && len(l.After) < w.Context; {
		end := endOfLine(text, at)
		l.After = append(l.After, clip(withoutReturn(text[at:end]), 0, w.LineBytes))
		at = end + 1
	}
	return l
}

// endOfLine returns where the line feed of the line is that has a place, or the
// end of the text.
func endOfLine(text []byte, place int) int {
	if feed := bytes.IndexByte(text[place:], '\n'); feed >= 0 {
		return place + feed
	}
	return len(text)
}

func withoutReturn(line []byte) []byte { return bytes.TrimSuffix(line, []byte{'\r'}) }

// clip returns at most about most bytes of a line, among them those from a place
// on, with … where something is left out.
func clip(line []byte, place, most int) string {
	const cut = "…"
	from, to := 0, len(line)
	if len(line) > most {
		// Some of what is before the place explains it.
		from = max(0, min(place-most/4, len(line)-most))
		to = from + most
		for steps := 0; steps < utf8.UTFMax-1 && from > 0 && !utf8.RuneStart(line[from]); steps++ {
			from++
		}
		for steps := 0; steps < utf8.UTFMax-1 && to < len(line) && !utf8.RuneStart(line[to]); steps++ {
			to--
		}
	}
	shown := strings.ToValidUTF8(string(line[from:to]), "\ufffd")
	if from > 0 {
		shown = cut + shown
	}
	if to < len(line) {
		shown += cut
	}
	return shown
}
