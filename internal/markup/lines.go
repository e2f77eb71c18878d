package markup

import (
	"strings"
	"unicode/utf8"
)

// byteOrderMark may stand at the beginning of a text. It is not part of what the
// first line says, so that nothing is inserted before it.
const byteOrderMark = "\ufeff"

// SplitLines cuts a text behind every line feed. Joined again the lines are the
// text. An empty text has no lines.
func SplitLines(text string) []string {
	lines := make([]string, 0, countLines(text))
	for line := range strings.Lines(text) {
		lines = append(lines, line)
	}
	return lines
}

// countLines returns the number of lines that SplitLines makes of a text.
func countLines(text string) int {
	n := strings.Count(text, "\n")
	if text != "" && !strings.HasSuffix(text, "\n") {
		n++
	}
	return n
}

// lineStart returns where line n of a text begins, counted from 1, or the length
// of the text if it has fewer lines. A byte order mark comes before line 1.
func lineStart(text string, n int) int {
	start := 0
	if strings.HasPrefix(text, byteOrderMark) {
		start = len(byteOrderMark)
	}
	for ; n > 1; n-- {
		feed := strings.IndexByte(text[start:], '\n')
		if feed < 0 {
			return len(text)
		}
		start += feed + 1
	}
	return start
}

// lineEndings says how the lines of a text end.
type lineEndings int

const (
	noEndings    lineEndings = iota // there is at most one line, and it has none
	lfEndings                       // every line ends with LF only
	crlfEndings                     // every line ends with CR LF
	mixedEndings                    // some end with LF, some with CR LF
)

func endingsOf(text string) lineEndings {
	switch feeds, pairs := strings.Count(text, "\n"), strings.Count(text, "\r\n"); {
	case feeds == 0:
		return noEndings
	case pairs == 0:
		return lfEndings
	case pairs == feeds:
		return crlfEndings
	}
	return mixedEndings
}

// withEndings returns the text with every line ending made LF, or CR LF.
func withEndings(text string, endings lineEndings) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if endings == crlfEndings {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text
}

// String returns the bytes that end a line, LF unless all are CR LF.
func (e lineEndings) String() string {
	if e == crlfEndings {
		return "\r\n"
	}
	return "\n"
}

// binaryPrefix is how much of a content is looked at to tell whether it is text.
const binaryPrefix = 8 << 10

// IsBinary reports whether a content is not text: whether its first 8 KiB have a
// NUL, or are for more than three tenths not valid UTF-8. Text in another
// encoding than UTF-8 passes as long as most of it is ASCII.
func IsBinary(content string) bool {
	cut := len(content) > binaryPrefix
	if cut {
		content = content[:binaryPrefix]
	}
	if strings.IndexByte(content, 0) >= 0 {
		return true
	}
	invalid := 0
	for i, r := range content {
		if r != utf8.RuneError || strings.HasPrefix(content[i:], string(utf8.RuneError)) {
			continue
		}
		if cut && i > len(content)-utf8.UTFMax {
			break // perhaps only cut in two
		}
		invalid++
	}
	return invalid*10 > len(content)*3
}
