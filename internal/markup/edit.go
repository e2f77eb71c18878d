package markup

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sheaf-dev/sheaf"
)

// MaxEdits is how many edits are applied at once.
const MaxEdits = 1000

// Apply applies edits to a text, one after the other, and returns what it has
// become. If one of them cannot be applied, none is: the error is invalid, its
// field names the edit by its index in the list, such as edits[2].old_string,
// and its message says what the text has instead. All edits that are malformed
// are reported at once. A result of more than maxSize bytes is too_large.
//
// What an edit does not touch stays as it is, byte for byte, with two things
// done for its author, who usually does not see them:
//
//   - In a text in which every line ends with CR LF, line feeds of an edit's
//     strings that have no carriage return stand for CR LF.
//   - Lines that are inserted, or put in the place of lines, do not run into the
//     lines before and after them: a line ending that is missing is added. A text
//     whose last line had none gets none at its end, and a byte order mark stays
//     first.
//
// A section is everything from behind its heading up to the next heading of the
// same or a higher level, so with its subsections. The blank lines behind the
// heading and before the next are kept, those around new_string are not taken;
// [Headings] says what a heading is.
func Apply(text string, edits []sheaf.Edit, maxSize int64) (string, error) {
	if err := checkEdits(edits); err != nil {
		return "", err
	}
	e := editor{text: text, endings: endingsOf(text), maxSize: maxSize}
	for i, edit := range edits {
		e.index = i
		if err := e.apply(edit); err != nil {
			return "", err
		}
	}
	return e.text, nil
}

// checkEdits checks what can be known of edits without the text.
func checkEdits(edits []sheaf.Edit) error {
	switch {
	case len(edits) == 0:
		return sheaf.Invalid("edits", "there are no edits").
			WithHint(`send at least one, such as {"old_string": "colour", "new_string": "color"}`)
	case len(edits) > MaxEdits:
		return sheaf.Invalid("edits", fmt.Sprintf("there are %d edits, the limit is %d", len(edits), MaxEdits))
	}
	var errs []error
	for i, edit := range edits {
		errs = append(errs, checkEdit(i, edit))
	}
	return sheaf.InvalidFields(errs...)
}

// editKinds is the hint for an edit that is none, or two at once.
const editKinds = "an edit is one of old_string and new_string; start_line, end_line and new_string; " +
	"insert_line and new_string; append; prepend; section and new_string"

func checkEdit(index int, e sheaf.Edit) error {
	invalid := func(field, format string, args ...any) *sheaf.Error {
		return invalidEdit(index, field, format, args...)
	}
	var kinds []string
	for _, kind := range []struct {
		field string
		given bool
	}{
		{"old_string", e.OldString != nil},
		{"start_line", e.StartLine != nil},
		{"insert_line", e.InsertLine != nil},
		{"append", e.Append != nil},
		{"prepend", e.Prepend != nil},
		{"section", e.Section != nil},
	} {
		if kind.given {
			kinds = append(kinds, kind.field)
		}
	}
	switch {
	case len(kinds) == 0:
		return invalid("", "does not say what to change").WithHint(editKinds)
	case len(kinds) > 1:
		return invalid("", "is several edits at once: %s", strings.Join(kinds, ", ")).WithHint(editKinds)
	}

	var errs []error
	wantsNew := e.Append == nil && e.Prepend == nil
	if wantsNew && e.NewString == nil {
		errs = append(errs, invalid("new_string", "is missing; to delete, give an empty one"))
	}
	if !wantsNew && e.NewString != nil {
		errs = append(errs, invalid("new_string", "is not for %s, which has the text itself", kinds[0]))
	}
	if e.EndLine != nil && e.StartLine == nil {
		errs = append(errs, invalid("end_line", "is given without start_line"))
	}
	if e.ReplaceAll && e.OldString == nil {
		errs = append(errs, invalid("replace_all", "is given without old_string"))
	}
	switch {
	case e.OldString != nil && *e.OldString == "":
		errs = append(errs, invalid("old_string", "is empty").WithHint("use insert_line, append or prepend to add text"))
	case e.StartLine != nil && *e.StartLine < 1:
		errs = append(errs, invalid("start_line", "is %d; lines are counted from 1", *e.StartLine))
	case e.StartLine != nil && e.EndLine != nil && *e.EndLine < *e.StartLine:
		errs = append(errs, invalid("end_line", "is %d, before start_line, which is %d", *e.EndLine, *e.StartLine))
	case e.InsertLine != nil && *e.InsertLine < 0:
		errs = append(errs, invalid("insert_line", "is %d; lines are counted from 1, and 0 is the top", *e.InsertLine))
	}
	return sheaf.InvalidFields(errs...)
}

// invalidEdit returns the error of one field of an edit, "" being the edit
// itself. The message goes on where the name of the field ends.
func invalidEdit(index int, field, format string, args ...any) *sheaf.Error {
	name := fmt.Sprintf("edits[%d]", index)
	if field != "" {
		name += "." + field
	}
	return sheaf.Invalid(name, name+" "+fmt.Sprintf(format, args...))
}

// An editor applies edits, which are well formed, to the text that it holds.
type editor struct {
	text    string
	endings lineEndings // of the text before the first edit
	maxSize int64
	index   int // of the edit in the list
}

func (e *editor) apply(edit sheaf.Edit) error {
	switch {
	case edit.OldString != nil:
		return e.replaceString(e.adapted(*edit.OldString), e.adapted(*edit.NewString), edit.ReplaceAll)
	case edit.StartLine != nil:
		end := *edit.StartLine
		if edit.EndLine != nil {
			end = *edit.EndLine
		}
		return e.replaceLines(*edit.StartLine, end, e.adapted(*edit.NewString))
	case edit.InsertLine != nil:
		return e.insertLines(*edit.InsertLine, e.adapted(*edit.NewString))
	case edit.Append != nil:
		return e.insertLines(countLines(strings.TrimPrefix(e.text, byteOrderMark)), e.adapted(*edit.Append))
	case edit.Prepend != nil:
		return e.insertLines(0, e.adapted(*edit.Prepend))
	default:
		return e.replaceSection(*edit.Section, e.adapted(*edit.NewString))
	}
}

// adapted returns a string of an edit with the text's line endings, if it has
// only line feeds and the text only CR LF.
func (e *editor) adapted(s string) string {
	if e.endings == crlfEndings && !strings.Contains(s, "\r") {
		return strings.ReplaceAll(s, "\n", "\r\n")
	}
	return s
}

// invalid returns the error of a field of the edit that is being applied.
func (e *editor) invalid(field, format string, args ...any) *sheaf.Error {
	return invalidEdit(e.index, field, format, args...)
}

// checkSize checks the number of bytes that an edit would make of the text,
// before it does.
func (e *editor) checkSize(size int64) error {
	if size > e.maxSize {
		return sheaf.Errorf(sheaf.ErrTooLarge, "edits[%d]: the text would have %d bytes, the limit is %d", e.index, size, e.maxSize)
	}
	return nil
}

// replace puts s in the place of the bytes [from, to).
func (e *editor) replace(from, to int, s string) error {
	if err := e.checkSize(int64(len(e.text)) - int64(to-from) + int64(len(s))); err != nil {
		return err
	}
	e.text = e.text[:from] + s + e.text[to:]
	return nil
}

func (e *editor) replaceString(old, new string, all bool) error {
	first := strings.Index(e.text, old)
	if first < 0 {
		err := e.invalid("old_string", "does not occur in the text")
		if miss := nearMiss(e.text, old); miss != "" {
			return err.WithHint(miss)
		}
		return err.WithHint("read the text again: it may have changed, or an edit before this one has changed it")
	}
	if all {
		count := strings.Count(e.text, old)
		if err := e.checkSize(int64(len(e.text)) + int64(count)*int64(len(new)-len(old))); err != nil {
			return err
		}
		e.text = strings.ReplaceAll(e.text, old, new)
		return nil
	}
	// Two occurrences that overlap are two as well.
	if strings.Contains(e.text[first+1:], old) {
		return e.invalid("old_string", "has to occur once and occurs %s", occurrences(e.text, old)).
			WithHint("give more of the text around the one that is meant, or set replace_all")
	}
	return e.replace(first, first+len(old), new)
}

// replaceLines puts lines in the place of the lines start to end.
func (e *editor) replaceLines(start, end int, lines string) error {
	count := countLines(strings.TrimPrefix(e.text, byteOrderMark))
	if end > count {
		field, line := "end_line", end
		if start > count {
			field, line = "start_line", start
		}
		return e.invalid(field, "is %d, and the text has %s", line, counted(count, "line"))
	}
	from := lineStart(e.text, start)
	to := from + lineStart(e.text[from:], end-start+2)
	if strings.HasSuffix(e.text[from:to], "\n") {
		lines = e.ended(lines)
	}
	return e.replace(from, to, lines)
}

// insertLines puts lines behind line n.
func (e *editor) insertLines(n int, lines string) error {
	if count := countLines(strings.TrimPrefix(e.text, byteOrderMark)); n > count {
		return e.invalid("insert_line", "is %d, and the text has %s", n, counted(count, "line"))
	}
	at := lineStart(e.text, n+1)
	switch unfinished := at == len(e.text) && n > 0 && !strings.HasSuffix(e.text, "\n"); {
	case lines == "":
		return nil
	case unfinished:
		lines = e.endings.String() + lines
	case at < len(e.text) || n > 0:
		lines = e.ended(lines)
	}
	return e.replace(at, at, lines)
}

// ended returns lines with a line ending behind the last of them.
func (e *editor) ended(lines string) string {
	if lines == "" || strings.HasSuffix(lines, "\n") {
		return lines
	}
	return lines + e.endings.String()
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// maxPlaces is how many of the places where a string occurs an error names.
const maxPlaces = 10

// occurrences says how often a string occurs in a text, and where.
func occurrences(text, s string) string {
	var places []string
	for from := 0; len(places) < maxPlaces; {
		i := strings.Index(text[from:], s)
		if i < 0 {
			break
		}
		places = append(places, place(text, from+i))
		from += i + 1
	}
	count := strings.Count(text, s)
	more := ""
	if len(places) == maxPlaces && count > maxPlaces {
		more = ", …"
	}
	return fmt.Sprintf("%d times, at %s%s", max(count, len(places)), strings.Join(places, ", "), more)
}

// place says where a byte of a text is, as line:column. Both are counted from 1,
// columns in characters.
func place(text string, at int) string {
	before := strings.TrimPrefix(text[:at], byteOrderMark)
	line := strings.LastIndexByte(before, '\n') + 1
	return fmt.Sprintf("%d:%d", strings.Count(before, "\n")+1, utf8.RuneCountInString(before[line:])+1)
}
