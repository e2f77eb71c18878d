package markup

import (
	"slices"
	"strings"

	"github.com/sheaf-dev/sheaf"
)

// MergeLabels name the three texts of a merge on its conflict markers.
type MergeLabels struct{ Base, Head, Yours string }

// Merge applies to head what makes yours of base, line by line: it merges two
// texts that come from the same base. What only one of them changed is taken
// from it, and what both changed in the same way is taken once. Where they
// changed lines that overlap or touch in different ways there is a conflict, as
// with diff3 and git: two changes next to each other seldom know of each other.
//
// The text of a merge with conflicts has these markers around what each side
// has, in the line endings of head:
//
//	<<<<<<< head
//	||||||| base
//	=======
//	>>>>>>> yours
//
// They are longer if a line of the texts looks like one. A last line without a
// line ending gets one before a marker; [sheaf.Conflict] has it as it is.
//
// Line endings are merged as a property of the whole text. When one side
// converted all of them and the other did not, the merge is made, and its
// conflicts are shown, in the endings of the side that converted, so that
// neither every line conflicts nor the endings are mixed. When the sides
// disagree in another way, an ending is part of its line like any character.
//
// Contents that are not text ([IsBinary]) are merged only as a whole: if at most
// one side changed them, or both to the same.
func Merge(base, head, yours string, labels MergeLabels) sheaf.Merge {
	switch {
	case base == yours || head == yours:
		return cleanMerge(head)
	case base == head:
		return cleanMerge(yours)
	case IsBinary(base) || IsBinary(head) || IsBinary(yours):
		return sheaf.Merge{Binary: true, Conflicts: []sheaf.Conflict{}}
	}
	if endings, ok := mergedEndings(endingsOf(base), endingsOf(head), endingsOf(yours)); ok {
		base, head, yours = withEndings(base, endings), withEndings(head, endings), withEndings(yours, endings)
	}
	m := merger{
		base: SplitLines(base), head: SplitLines(head), yours: SplitLines(yours),
		labels: labels,
		ending: endingsOf(head).String(),
	}
	m.marker = markerLength(m.base, m.head, m.yours)
	m.merge()
	return sheaf.Merge{Clean: len(m.conflicts) == 0, Text: m.text.String(), Conflicts: m.conflicts}
}

func cleanMerge(text string) sheaf.Merge {
	return sheaf.Merge{Clean: true, Text: text, Conflicts: []sheaf.Conflict{}}
}

// mergedEndings returns the line endings that a merge has throughout, if they
// are merged apart from the lines: when the texts do not all have the same, and
// those of one side are uniform and the other side has kept the base's, or has
// changed them likewise.
func mergedEndings(base, head, yours lineEndings) (endings lineEndings, ok bool) {
	switch {
	case base == noEndings:
		return noEndings, false
	case head == yours || yours == noEndings:
		endings = head
	case head == noEndings || head == base:
		endings = yours
	case yours == base:
		endings = head
	}
	uniform := endings == lfEndings || endings == crlfEndings
	return endings, uniform && (base != endings || head != endings || yours != endings)
}

// A merger merges two lists of changes to the same lines.
type merger struct {
	base, head, yours []string
	labels            MergeLabels
	ending            string // of the lines of markers
	marker            int    // characters of a marker

	text      strings.Builder
	conflicts []sheaf.Conflict
}

// A side is what is left of the changes that one text made to the base, and how
// many lines those before have made it longer than the base.
type side struct {
	lines   []string
	changes []change
	shift   int
}

// touches reports whether the next change begins at or before line end of the
// base.
func (s *side) touches(end int) bool {
	return len(s.changes) > 0 && s.changes[0].oldFrom <= end
}

// take removes the next change and returns where it ends in the base.
func (s *side) take() (end int) {
	next := s.changes[0]
	s.changes = s.changes[1:]
	s.shift = next.newTo - next.oldTo
	return next.oldTo
}

func (m *merger) merge() {
	m.conflicts = []sheaf.Conflict{}
	head := side{lines: m.head, changes: changes(m.base, m.head)}
	yours := side{lines: m.yours, changes: changes(m.base, m.yours)}
	done := 0 // lines of the base
	for len(head.changes) > 0 || len(yours.changes) > 0 {
		// All changes of either side that overlap or touch.
		from := len(m.base)
		for _, s := range []*side{&head, &yours} {
			if len(s.changes) > 0 {
				from = min(from, s.changes[0].oldFrom)
			}
		}
		to, headShift, yoursShift := from, head.shift, yours.shift
		inHead, inYours := false, false
		for {
			if head.touches(to) {
				to, inHead = max(to, head.take()), true
			} else if yours.touches(to) {
				to, inYours = max(to, yours.take()), true
			} else {
				break
			}
		}

		m.write(m.base[done:from])
		done = to
		ours := m.head[from+headShift : to+head.shift]
		theirs := m.yours[from+yoursShift : to+yours.shift]
		switch {
		case !inYours || slices.Equal(ours, theirs):
			m.write(ours)
		case !inHead:
			m.write(theirs)
		default:
			m.conflict(sheaf.Conflict{
				Base:  sheaf.ConflictSide{Line: from + 1, Lines: nonNil(m.base[from:to])},
				Head:  sheaf.ConflictSide{Line: from + headShift + 1, Lines: nonNil(ours)},
				Yours: sheaf.ConflictSide{Line: from + yoursShift + 1, Lines: nonNil(theirs)},
			})
		}
	}
	m.write(m.base[done:])
}

func nonNil(lines []string) []string { return append([]string{}, lines...) }

func (m *merger) write(lines []string) {
	for _, line := range lines {
		m.text.WriteString(line)
	}
}

// conflict notes a conflict and writes it between markers.
func (m *merger) conflict(c sheaf.Conflict) {
	m.conflicts = append(m.conflicts, c)
	m.writeMarker('<', m.labels.Head)
	m.writeWhole(c.Head.Lines)
	m.writeMarker('|', m.labels.Base)
	m.writeWhole(c.Base.Lines)
	m.writeMarker('=', "")
	m.writeWhole(c.Yours.Lines)
	m.writeMarker('>', m.labels.Yours)
}

// writeWhole writes lines of which the last has a line ending too.
func (m *merger) writeWhole(lines []string) {
	m.write(lines)
	if len(lines) > 0 && !strings.HasSuffix(lines[len(lines)-1], "\n") {
		m.text.WriteString(m.ending)
	}
}

func (m *merger) writeMarker(mark byte, label string) {
	for range m.marker {
		m.text.WriteByte(mark)
	}
	if label != "" {
		m.text.WriteString(" " + quoteLabel(label))
	}
	m.text.WriteString(m.ending)
}

// markerLength returns how long conflict markers are so that none of the lines
// looks like one: seven characters, unless for instance a Markdown heading is
// underlined with seven.
func markerLength(texts ...[]string) int {
	taken := make(map[int]bool)
	for _, lines := range texts {
		for _, line := range lines {
			if line == "" || !strings.ContainsRune("<|=>", rune(line[0])) {
				continue
			}
			rest := strings.TrimLeft(line, line[:1])
			if rest == "" || strings.ContainsRune(" \r\n", rune(rest[0])) {
				taken[len(line)-len(rest)] = true
			}
		}
	}
	length := 7
	for taken[length] {
		length++
	}
	return length
}
