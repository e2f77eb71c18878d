package markup

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/sheaf-dev/sheaf"
)

// DefaultContext is how many unchanged lines a diff shows around a change unless
// its reader asks for another number.
const DefaultContext = 3

// Compare says in which lines two texts differ, with up to context unchanged
// lines around each change; less than none counts as none. Contents that are not
// text ([IsBinary]) and differ have no hunks.
//
// Two texts of a few megabytes take milliseconds when they are alike, and under
// a second whatever they are; how good the answer is for texts that have little
// in common, see changes. Memory is a few times that of the lines between the
// first and the last difference.
func Compare(old, new string, context int) sheaf.Comparison {
	comparison := sheaf.Comparison{Hunks: []sheaf.Hunk{}}
	if old == new {
		return comparison
	}
	if IsBinary(old) || IsBinary(new) {
		comparison.Binary = true
		return comparison
	}
	context = max(context, 0)
	oldLines, newLines := SplitLines(old), SplitLines(new)
	list := changes(oldLines, newLines)
	for len(list) > 0 {
		near := 1
		// The difference is taken this way around because a context may be huge.
		for near < len(list) && (list[near].oldFrom-list[near-1].oldTo+1)/2 <= context {
			near++
		}
		hunk := hunkOf(list[:near], oldLines, newLines, context)
		for _, line := range hunk.Lines {
			switch line.Op {
			case sheaf.LineAdded:
				comparison.Added++
			case sheaf.LineRemoved:
				comparison.Removed++
			}
		}
		comparison.Hunks = append(comparison.Hunks, hunk)
		list = list[near:]
	}
	return comparison
}

// hunkOf returns changes that are near each other with the lines around and
// between them.
func hunkOf(list []change, oldLines, newLines []string, context int) sheaf.Hunk {
	first, last := list[0], list[len(list)-1]
	before := min(context, first.oldFrom)
	after := min(context, len(oldLines)-last.oldTo)
	hunk := sheaf.Hunk{
		OldStart: first.oldFrom - before, OldLines: last.oldTo + after - (first.oldFrom - before),
		NewStart: first.newFrom - before, NewLines: last.newTo + after - (first.newFrom - before),
	}
	added := 0
	for _, c := range list {
		added += c.newTo - c.newFrom
	}
	hunk.Lines = make([]sheaf.HunkLine, 0, hunk.OldLines+added)
	add := func(op sheaf.LineOp, lines []string) {
		for _, line := range lines {
			hunk.Lines = append(hunk.Lines, sheaf.HunkLine{Op: op, Text: line})
		}
	}
	kept := hunk.OldStart
	for _, c := range list {
		add(sheaf.LineKept, oldLines[kept:c.oldFrom])
		add(sheaf.LineRemoved, oldLines[c.oldFrom:c.oldTo])
		add(sheaf.LineAdded, newLines[c.newFrom:c.newTo])
		kept = c.oldTo
	}
	add(sheaf.LineKept, oldLines[kept:last.oldTo+after])
	if hunk.OldLines > 0 {
		hunk.OldStart++
	}
	if hunk.NewLines > 0 {
		hunk.NewStart++
	}
	return hunk
}

// WriteUnified writes a comparison as a unified diff, which patch and git apply
// take. The labels stand for the two texts in its first lines; they are quoted
// if they have control characters. Equal texts give nothing, and contents that
// are not text one line that says they differ.
func WriteUnified(w io.Writer, c sheaf.Comparison, oldLabel, newLabel string) error {
	if c.Binary {
		_, err := fmt.Fprintf(w, "Binary contents %s and %s differ\n", quoteLabel(oldLabel), quoteLabel(newLabel))
		return err
	}
	if len(c.Hunks) == 0 {
		return nil
	}
	// A bufio.Writer keeps its first error and returns it from Flush.
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "--- %s\n+++ %s\n", fileLabel(oldLabel), fileLabel(newLabel))
	for _, hunk := range c.Hunks {
		fmt.Fprintf(b, "@@ -%s +%s @@\n", lineRange(hunk.OldStart, hunk.OldLines), lineRange(hunk.NewStart, hunk.NewLines))
		for _, line := range hunk.Lines {
			b.WriteString(string(line.Op))
			b.WriteString(line.Text)
			if !strings.HasSuffix(line.Text, "\n") {
				b.WriteString("\n\\ No newline at end of file\n")
			}
		}
	}
	return b.Flush()
}

// lineRange is a range of lines in the head of a hunk.
func lineRange(start, lines int) string {
	if lines == 1 {
		return strconv.Itoa(start)
	}
	return strconv.Itoa(start) + "," + strconv.Itoa(lines)
}

func quoteLabel(label string) string {
	if strings.ContainsFunc(label, unicode.IsControl) {
		return strconv.Quote(label)
	}
	return label
}

// fileLabel is a label in a head line. A tab ends a label with spaces, as patch
// takes what follows a space for a date.
func fileLabel(label string) string {
	label = quoteLabel(label)
	if strings.Contains(label, " ") {
		label += "\t"
	}
	return label
}
