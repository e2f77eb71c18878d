package markup

import (
	"fmt"
	"slices"
	"strings"
)

// A Heading is a heading of a Markdown text.
type Heading struct {
	Level int    `json:"level"` // 1 to 6
	Text  string `json:"text"`  // as it is written, without the number signs around it
	Line  int    `json:"line"`  // counted from 1

	start, end int // its line in the text, in bytes
}

// String returns the heading as it is usually written: ## Install.
func (h Heading) String() string {
	return strings.TrimRight(strings.Repeat("#", h.Level)+" "+h.Text, " ")
}

// Headings returns the headings of a Markdown text, in order: the lines that
// begin with one to six number signs and white space, at most three spaces
// indented, outside fenced code and front matter. Headings that are underlined
// instead, and those in quotations and lists, are none here.
func Headings(text string) []Heading {
	var headings []Heading
	start := lineStart(text, 1)
	fence, frontMatter := "", false
	line := 0
	for l := range strings.Lines(text[start:]) {
		line++
		end := start + len(l)
		l = strings.TrimRight(l, "\r\n")
		switch {
		case line == 1 && strings.TrimRight(l, " \t") == "---" && hasFrontMatterEnd(text[end:]):
			frontMatter = true
		case frontMatter:
			frontMatter = !isFrontMatterEnd(l)
		case fence != "":
			if closesFence(l, fence) {
				fence = ""
			}
		default:
			if fence = openingFence(l); fence != "" {
				break
			}
			if level, headingText, ok := parseHeading(l); ok {
				headings = append(headings, Heading{Level: level, Text: headingText, Line: line, start: start, end: end})
			}
		}
		start = end
	}
	return headings
}

// parseHeading reads a line as a heading.
func parseHeading(line string) (level int, text string, ok bool) {
	line, ok = unindented(line)
	if !ok {
		return 0, "", false
	}
	text = strings.TrimLeft(line, "#")
	level = len(line) - len(text)
	if level < 1 || level > 6 || text != "" && text[0] != ' ' && text[0] != '\t' {
		return 0, "", false
	}
	text = strings.Trim(text, " \t")
	// Number signs that close it are no part of the text: # Like this #
	if open := strings.TrimRight(text, "#"); open == "" || strings.HasSuffix(open, " ") || strings.HasSuffix(open, "\t") {
		text = strings.TrimRight(open, " \t")
	}
	return level, text, true
}

// unindented returns a line without its indentation; more than three spaces, or
// a tab, would make it code.
func unindented(line string) (string, bool) {
	trimmed := strings.TrimLeft(line, " ")
	return trimmed, len(line)-len(trimmed) <= 3
}

// openingFence returns the backticks or tildes with which a line opens fenced
// code, or "".
func openingFence(line string) string {
	line, ok := unindented(line)
	if !ok || line == "" || line[0] != '`' && line[0] != '~' {
		return ""
	}
	info := strings.TrimLeft(line, line[:1])
	fence := line[:len(line)-len(info)]
	if len(fence) < 3 || fence[0] == '`' && strings.Contains(info, "`") {
		return ""
	}
	return fence
}

func closesFence(line, fence string) bool {
	line, ok := unindented(line)
	line = strings.TrimRight(line, " \t")
	return ok && len(line) >= len(fence) && strings.Trim(line, fence[:1]) == ""
}

func isFrontMatterEnd(line string) bool {
	line = strings.TrimRight(line, " \t\r\n")
	return line == "---" || line == "..."
}

func hasFrontMatterEnd(text string) bool {
	for line := range strings.Lines(text) {
		if isFrontMatterEnd(line) {
			return true
		}
	}
	return false
}

// replaceSection puts s in the place of what stands under a heading, which may
// be given with its number signs.
func (e *editor) replaceSection(heading, s string) error {
	headings := Headings(e.text)
	wanted := strings.TrimSpace(heading)
	var found []int
	for i, h := range headings {
		if h.Text == wanted || h.String() == wanted {
			found = append(found, i)
		}
	}
	switch len(found) {
	case 0:
		return e.invalid("section", "is %q, and the text has no such heading; %s", wanted, listHeadings(headings)).
			WithHint("give the heading as it stands in the text, or place the text with insert_line or append")
	case 1:
	default:
		var matching []Heading
		for _, i := range found {
			matching = append(matching, headings[i])
		}
		return e.invalid("section", "is %q, and the text has %d such headings; %s", wanted, len(found), listHeadings(matching)).
			WithHint("give the heading with its number signs if the levels differ, or use a range of lines")
	}

	h := headings[found[0]]
	end := len(e.text)
	if i := slices.IndexFunc(headings[found[0]+1:], func(next Heading) bool { return next.Level <= h.Level }); i >= 0 {
		end = headings[found[0]+1+i].start
	}
	return e.replaceBody(h.end, end, s)
}

// replaceBody puts s in the place of the lines [from, to) under a heading, but
// not of the blank lines that separate them from what is around.
func (e *editor) replaceBody(from, to int, s string) error {
	lines := SplitLines(e.text[from:to])
	first, last := 0, len(lines)
	for first < last && isBlank(lines[first]) {
		first++
	}
	for last > first && isBlank(lines[last-1]) {
		last--
	}
	before, after := strings.Join(lines[:first], ""), strings.Join(lines[last:], "")

	added := SplitLines(s)
	for len(added) > 0 && isBlank(added[0]) {
		added = added[1:]
	}
	for len(added) > 0 && isBlank(added[len(added)-1]) {
		added = added[:len(added)-1]
	}
	body := strings.Join(added, "")

	ending := e.endings.String()
	switch {
	case body == "":
		if first == len(lines) {
			return nil // as empty as it was
		}
		// One separation is enough, and at the end of the text none.
		if to == len(e.text) {
			before, after = "", ""
		} else if before != "" {
			after = ""
		}
	case first == len(lines):
		// There was nothing between the headings, or only a separation.
		if before == "" {
			before = ending
		}
		if to < len(e.text) {
			after = ending
		}
	}
	if !strings.HasSuffix(e.text[:from], "\n") {
		before = ending + before // the heading is the last line, without a line ending
	}
	endsText := to == len(e.text) && after == ""
	if finished := strings.HasSuffix(e.text, "\n"); !endsText || finished {
		body = e.ended(body)
	}
	return e.replace(from, to, before+body+after)
}

// maxListedHeadings is how many headings an error lists.
const maxListedHeadings = 50

// listHeadings lists headings with their lines.
func listHeadings(headings []Heading) string {
	if len(headings) == 0 {
		return "it has no headings that begin with #"
	}
	var b strings.Builder
	b.WriteString("there are ")
	for i, h := range headings {
		if i == maxListedHeadings {
			fmt.Fprintf(&b, " and %d more", len(headings)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q in line %d", h.String(), h.Line)
	}
	return b.String()
}
