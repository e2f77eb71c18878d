package markup_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/markup"
)

// maxSize is a limit that no test but those of the limit reaches.
const maxSize = 1 << 20

// parseEdits reads edits as they arrive: from JSON.
func parseEdits(t testing.TB, text string) []sheaf.Edit {
	t.Helper()
	var edits []sheaf.Edit
	if err := json.Unmarshal([]byte(text), &edits); err != nil {
		t.Fatalf("edits %s: %v", text, err)
	}
	return edits
}

func TestApply(t *testing.T) {
	for _, test := range []struct{ name, text, edits, want string }{
		{"a string", "a b c\n", `[{"old_string":"b","new_string":"x"}]`, "a x c\n"},
		{"a string over lines", "a\nb\nc\n", `[{"old_string":"a\nb","new_string":"x"}]`, "x\nc\n"},
		{"a string deleted", "a b c\n", `[{"old_string":" b","new_string":""}]`, "a c\n"},
		{"all of a string", "a b a\n", `[{"old_string":"a","new_string":"aa","replace_all":true}]`, "aa b aa\n"},
		{"one of a string, all", "a b\n", `[{"old_string":"a","new_string":"x","replace_all":true}]`, "x b\n"},
		{"in order, each on what the one before left", "a\n", `[{"old_string":"a","new_string":"b"},{"old_string":"b","new_string":"c"},{"append":"d"},{"insert_line":1,"new_string":"e"}]`, "c\ne\nd\n"},
		{"what is not edited stays", "\ufeffa\r\nb\n\xff\rc", `[{"old_string":"b","new_string":"x"}]`, "\ufeffa\r\nx\n\xff\rc"},

		{"a line", "1\n2\n3\n", `[{"start_line":2,"new_string":"two"}]`, "1\ntwo\n3\n"},
		{"lines", "1\n2\n3\n4\n", `[{"start_line":2,"end_line":3,"new_string":"x\ny\nz\n"}]`, "1\nx\ny\nz\n4\n"},
		{"all lines", "1\n2\n", `[{"start_line":1,"end_line":2,"new_string":"x"}]`, "x\n"},
		{"lines deleted", "1\n2\n3\n", `[{"start_line":1,"end_line":2,"new_string":""}]`, "3\n"},
		{"the last lines deleted", "1\n2\n3", `[{"start_line":2,"end_line":3,"new_string":""}]`, "1\n"},
		{"a last line without ending", "1\n2", `[{"start_line":2,"new_string":"two"}]`, "1\ntwo"},
		{"a last line that gets an ending", "1\n2", `[{"start_line":2,"new_string":"two\n"}]`, "1\ntwo\n"},
		{"an empty line", "1\n2\n3\n", `[{"start_line":2,"new_string":"\n"}]`, "1\n\n3\n"},
		{"the first line behind a byte order mark", "\ufeff1\n2\n", `[{"start_line":1,"new_string":"one"}]`, "\ufeffone\n2\n"},

		{"inserted at the top", "1\n", `[{"insert_line":0,"new_string":"0"}]`, "0\n1\n"},
		{"inserted behind a line", "1\n2\n", `[{"insert_line":1,"new_string":"x\ny"}]`, "1\nx\ny\n2\n"},
		{"inserted behind the last line", "1\n2\n", `[{"insert_line":2,"new_string":"3"}]`, "1\n2\n3\n"},
		{"inserted behind a last line without ending", "1\n2", `[{"insert_line":2,"new_string":"3"}]`, "1\n2\n3"},
		{"inserted before a last line without ending", "1\n2", `[{"insert_line":1,"new_string":"x"}]`, "1\nx\n2"},
		{"inserted into nothing", "", `[{"insert_line":0,"new_string":"x"}]`, "x"},
		{"nothing inserted", "1", `[{"insert_line":1,"new_string":""}]`, "1"},
		{"appended", "1\n", `[{"append":"2"}]`, "1\n2\n"},
		{"appended to a last line without ending", "1", `[{"append":"2\n"}]`, "1\n2\n"},
		{"appended to nothing", "", `[{"append":"1\n"}]`, "1\n"},
		{"prepended", "1\n", `[{"prepend":"0"}]`, "0\n1\n"},
		{"prepended behind a byte order mark", "\ufeff1\n", `[{"prepend":"0"}]`, "\ufeff0\n1\n"},
		{"appended to a byte order mark", "\ufeff", `[{"append":"0"}]`, "\ufeff0"},

		{"a string in CR LF", "a\r\nb\r\nc\r\n", `[{"old_string":"a\nb\n","new_string":"x\ny\n"}]`, "x\r\ny\r\nc\r\n"},
		{"a string in CR LF given exactly", "a\r\nb\r\n", `[{"old_string":"a\r\n","new_string":"x\r\ny\n"}]`, "x\r\ny\nb\r\n"},
		{"all of a string in CR LF", "a\r\na\r\n", `[{"old_string":"a\n","new_string":"a\n\n","replace_all":true}]`, "a\r\n\r\na\r\n\r\n"},
		{"lines in CR LF", "1\r\n2\r\n3\r\n", `[{"start_line":2,"new_string":"x\ny"},{"append":"4"},{"prepend":"0\n"}]`, "0\r\n1\r\nx\r\ny\r\n3\r\n4\r\n"},
		{"a section in CR LF", "# A\r\n\r\na\r\n\r\n# B\r\n", `[{"section":"A","new_string":"x\ny"}]`, "# A\r\n\r\nx\r\ny\r\n\r\n# B\r\n"},
		{"mixed endings are nobody's", "a\r\nb\nc\n", `[{"old_string":"b\n","new_string":"x\ny\n"}]`, "a\r\nx\ny\nc\n"},

		{"a section", "# T\n\n## A\n\nold\nold\n\n## B\n\nb\n", `[{"section":"A","new_string":"new"}]`, "# T\n\n## A\n\nnew\n\n## B\n\nb\n"},
		{"blank lines around it are kept", "# A\n\n\na\n\n\n# B\n", `[{"section":"A","new_string":"\n\nx\n\n\n\n"}]`, "# A\n\n\nx\n\n\n# B\n"},
		{"with its subsections", "## A\na\n### B\nb\n## C\n", `[{"section":"A","new_string":"x\n"}]`, "## A\nx\n## C\n"},
		{"the last section", "# A\n\na\n", `[{"section":"A","new_string":"x"}]`, "# A\n\nx\n"},
		{"the last section, without line ending", "# A\n\na", `[{"section":"A","new_string":"x"}]`, "# A\n\nx"},
		{"an empty section", "# A\n# B\n", `[{"section":"A","new_string":"x"}]`, "# A\n\nx\n\n# B\n"},
		{"a section with a blank line", "# A\n\n# B\n", `[{"section":"A","new_string":"x"}]`, "# A\n\nx\n\n# B\n"},
		{"an empty last section", "# A\n", `[{"section":"A","new_string":"x"}]`, "# A\n\nx\n"},
		{"a heading that is all there is", "# A", `[{"section":"A","new_string":"x"}]`, "# A\n\nx"},
		{"a section emptied", "# A\n\na\n\n# B\n", `[{"section":"A","new_string":""}]`, "# A\n\n# B\n"},
		{"a section without blank lines emptied", "# A\na\n# B\n", `[{"section":"A","new_string":""}]`, "# A\n# B\n"},
		{"the last section emptied", "# A\n\na\n", `[{"section":"A","new_string":"\n"}]`, "# A\n"},
		{"an empty section emptied", "# A\n\n# B\n", `[{"section":"A","new_string":""}]`, "# A\n\n# B\n"},
		{"by level", "# A\n\n## A\n\na\n", `[{"section":"## A","new_string":"x"}]`, "# A\n\n## A\n\nx\n"},
		{"not in code", "```\n# A\n```\n# A\na\n", `[{"section":"A","new_string":"x"}]`, "```\n# A\n```\n# A\nx\n"},
		{"a heading in code does not end it", "# A\n```\n# B\n```\n# C\n", `[{"section":"A","new_string":"x"}]`, "# A\nx\n# C\n"},
	} {
		got, err := markup.Apply(test.text, parseEdits(t, test.edits), maxSize)
		if err != nil || got != test.want {
			t.Errorf("%s: %q, %v; want %q", test.name, got, err, test.want)
		}
	}
}

func TestApplyErrors(t *testing.T) {
	many := strings.Repeat("ab ab\n", 10)
	for _, test := range []struct {
		name, text, edits string
		field, message    string
		hint              string // a part of it
	}{
		{"nothing", "a", `[]`, "edits", "there are no edits", ""},
		{"an empty edit", "a", `[{}]`, "edits[0]", "edits[0] does not say what to change", "insert_line and new_string"},
		{"two in one", "a", `[{"old_string":"a","append":"b","new_string":"x"}]`, "edits[0]", "edits[0] is several edits at once: old_string, append", "an edit is one of"},
		{"an empty string", "a", `[{"old_string":"","new_string":"x"}]`, "edits[0].old_string", "edits[0].old_string is empty", "append"},
		{"no new string", "a", `[{"old_string":"a"}]`, "edits[0].new_string", "edits[0].new_string is missing; to delete, give an empty one", ""},
		{"a new string to append", "a", `[{"append":"a","new_string":"b"}]`, "edits[0].new_string", "edits[0].new_string is not for append, which has the text itself", ""},
		{"an end without start", "a", `[{"append":"a","end_line":1}]`, "edits[0].end_line", "edits[0].end_line is given without start_line", ""},
		{"all of nothing", "a", `[{"append":"a","replace_all":true}]`, "edits[0].replace_all", "edits[0].replace_all is given without old_string", ""},
		{"line 0", "a", `[{"start_line":0,"new_string":"b"}]`, "edits[0].start_line", "edits[0].start_line is 0; lines are counted from 1", ""},
		{"lines backwards", "a", `[{"start_line":2,"end_line":1,"new_string":"b"}]`, "edits[0].end_line", "edits[0].end_line is 1, before start_line, which is 2", ""},
		{"inserted before the top", "a", `[{"insert_line":-1,"new_string":"b"}]`, "edits[0].insert_line", "edits[0].insert_line is -1; lines are counted from 1, and 0 is the top", ""},

		{"start beyond the end", "a\nb\n", `[{"start_line":3,"end_line":4,"new_string":"x"}]`, "edits[0].start_line", "edits[0].start_line is 3, and the text has 2 lines", ""},
		{"end beyond the end", "a", `[{"start_line":1,"end_line":2,"new_string":"x"}]`, "edits[0].end_line", "edits[0].end_line is 2, and the text has 1 line", ""},
		{"inserted beyond the end", "", `[{"insert_line":1,"new_string":"x"}]`, "edits[0].insert_line", "edits[0].insert_line is 1, and the text has 0 lines", ""},

		{"several matches", "x a\ny a\n", `[{"old_string":"a","new_string":"b"}]`, "edits[0].old_string", "edits[0].old_string has to occur once and occurs 2 times, at 1:3, 2:3", "replace_all"},
		{"overlapping matches", "aaa", `[{"old_string":"aa","new_string":"b"}]`, "edits[0].old_string", "edits[0].old_string has to occur once and occurs 2 times, at 1:1, 1:2", ""},
		{"many matches", many, `[{"old_string":"ab","new_string":"b"}]`, "edits[0].old_string", "edits[0].old_string has to occur once and occurs 20 times, at 1:1, 1:4, 2:1, 2:4, 3:1, 3:4, 4:1, 4:4, 5:1, 5:4, …", ""},
		{"columns in characters", "\ufeffäöü a\nß a\n", `[{"old_string":"a","new_string":"b"}]`, "edits[0].old_string", "edits[0].old_string has to occur once and occurs 2 times, at 1:5, 2:3", ""},
		{"a later edit", "a b", `[{"old_string":"a","new_string":"b"},{"old_string":"b","new_string":"c"}]`, "edits[1].old_string", "edits[1].old_string has to occur once and occurs 2 times, at 1:1, 1:3", ""},
		{"no match", "a", `[{"old_string":"b","new_string":"c"}]`, "edits[0].old_string", "edits[0].old_string does not occur in the text", "read the text again"},
		{"white space", "x\n\tif  a {\n", `[{"old_string":"if a {","new_string":"c"}]`, "edits[0].old_string", "edits[0].old_string does not occur in the text", "the text at 2:2 differs from it only in white space"},
		{"line endings", "x\r\na\r\nb\nc\n", `[{"old_string":"a\nb","new_string":"c"}]`, "edits[0].old_string", "edits[0].old_string does not occur in the text", "the text at 2:1 differs from it only in line endings"},
		{"line endings of the edit", "x\na\nb\n", `[{"old_string":"a\r\nb","new_string":"c"}]`, "edits[0].old_string", "edits[0].old_string does not occur in the text", "the text at 2:1 differs from it only in line endings"},
		{"case", "Größe HIER\n", `[{"old_string":"größe hier","new_string":"c"}]`, "edits[0].old_string", "edits[0].old_string does not occur in the text", "the text at 1:1 differs from it only in upper and lower case"},
		{"quotation marks", "so “it’s – well” said\n", `[{"old_string":"\"it's - well\"","new_string":"c"}]`, "edits[0].old_string", "edits[0].old_string does not occur in the text", "the text at 1:4 differs from it only in the form of quotation marks, dashes or spaces"},
		{"several of these", "“It’s\tWELL”\n", `[{"old_string":"\"it's well\"","new_string":"c"}]`, "edits[0].old_string", "edits[0].old_string does not occur in the text", "the text at 1:1 differs from it only in upper and lower case, the form of quotation marks and dashes, or white space"},
		{"bytes that are not UTF-8", "gr\xf6\xdfe\n", `[{"old_string":"gr\ufffd\ufffde","new_string":"c"}]`, "edits[0].old_string", "edits[0].old_string does not occur in the text", "not valid UTF-8"},
		{"the beginning only", "x\nfunc open() {\n\treturn 1\n}\n", `[{"old_string":"func open() {\n\treturn 2\n}","new_string":"c"}]`, "edits[0].old_string", "edits[0].old_string does not occur in the text", `the text at 2:1 begins like it; at 3:9 the text goes on with "1\n}\n", and it goes on with "2\n}"`},
		{"the beginning at the end", "this is the end", `[{"old_string":"this is the end of it","new_string":"c"}]`, "edits[0].old_string", "edits[0].old_string does not occur in the text", `the text goes on with its end, and it goes on with " of it"`},

		{"no such heading", "# Guide\n\n## Install\n", `[{"section":"install","new_string":"x"}]`, "edits[0].section", `edits[0].section is "install", and the text has no such heading; there are "# Guide" in line 1, "## Install" in line 3`, ""},
		{"another level", "## Install\n", `[{"section":"# Install","new_string":"x"}]`, "edits[0].section", `edits[0].section is "# Install", and the text has no such heading; there are "## Install" in line 1`, ""},
		{"no headings", "text\n", `[{"section":"A","new_string":"x"}]`, "edits[0].section", `edits[0].section is "A", and the text has no such heading; it has no headings that begin with #`, ""},
		{"two such headings", "# A\n## B\n# A\n", `[{"section":"A","new_string":"x"}]`, "edits[0].section", `edits[0].section is "A", and the text has 2 such headings; there are "# A" in line 1, "# A" in line 3`, "range of lines"},
	} {
		got, err := markup.Apply(test.text, parseEdits(t, test.edits), maxSize)
		var e *sheaf.Error
		if !errors.As(err, &e) || e.Kind != sheaf.ErrInvalid || len(e.Fields) != 1 {
			t.Errorf("%s: %q, %v; want one invalid field", test.name, got, err)
			continue
		}
		if e.Fields[0].Field != test.field || e.Fields[0].Message != test.message || e.Message != test.message {
			t.Errorf("%s: %q is invalid: %q (%q)\nwant %q: %q", test.name, e.Fields[0].Field, e.Fields[0].Message, e.Message, test.field, test.message)
		}
		if !strings.Contains(e.Hint, test.hint) {
			t.Errorf("%s: hint %q, want %q in it", test.name, e.Hint, test.hint)
		}
	}
}

func TestApplyReportsAllMalformedEdits(t *testing.T) {
	_, err := markup.Apply("a", parseEdits(t, `[{"old_string":"","end_line":3},{"append":"b"},{"start_line":0}]`), maxSize)
	var e *sheaf.Error
	if !errors.As(err, &e) {
		t.Fatalf("malformed edits: %v", err)
	}
	var fields []string
	for _, f := range e.Fields {
		fields = append(fields, f.Field)
	}
	want := "edits[0].new_string edits[0].end_line edits[0].old_string edits[2].new_string edits[2].start_line"
	if got := strings.Join(fields, " "); got != want {
		t.Errorf("invalid fields: %s, want %s", got, want)
	}
	if _, err := markup.Apply("a", make([]sheaf.Edit, markup.MaxEdits+1), maxSize); sheaf.KindOf(err) != sheaf.ErrInvalid {
		t.Errorf("too many edits: %v", err)
	}
}

// A short request must not make a text that fills the memory.
func TestApplyLimitsTheSize(t *testing.T) {
	text := strings.Repeat("a", 1000)
	all := parseEdits(t, fmt.Sprintf(`[{"old_string":"a","new_string":%q,"replace_all":true}]`, text))
	if got, err := markup.Apply(text, all, 1000*1000); err != nil || len(got) != 1000*1000 {
		t.Errorf("a text of exactly the limit: %d bytes, %v", len(got), err)
	}
	if _, err := markup.Apply(text, all, 1000*1000-1); sheaf.KindOf(err) != sheaf.ErrTooLarge {
		t.Errorf("a text of a byte more than the limit: %v, want %s", err, sheaf.ErrTooLarge)
	}
	if _, err := markup.Apply(text, parseEdits(t, `[{"append":"b"}]`), 1001); sheaf.KindOf(err) != sheaf.ErrTooLarge {
		t.Errorf("a line ending and a letter appended to a text a byte below the limit: %v, want %s", err, sheaf.ErrTooLarge)
	}
}

func TestHeadings(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"none", "a\nb\n", ""},
		{"levels", "# A\n###### B\n####### C\n", "1:# A 2:###### B"},
		{"closed", "# A #\n## B ######  \n# C#\n# #\n#\n", "1:# A 2:## B 3:# C# 4:# 5:#"},
		{"indented", "   # A\n    # B\n\t# C\n> # D\n- # E\n", "1:# A"},
		{"no white space", "#A\n#\tB\n", "2:# B"},
		{"inline markup", "## The `code` *way*\n", "1:## The `code` *way*"},
		{"in backticks", "```sh\n# A\n~~~\n``\n````  \n# B\n", "6:# B"},
		{"in tildes", "~~~ `x`\n# A\n```\n~~~\n# B\n", "5:# B"},
		{"no fence", "``` `x`\n# A\n``\n# B\n", "2:# A 4:# B"},
		{"a fence that is not closed", "# A\n```\n# B\n", "1:# A"},
		{"a closing fence has nothing behind it", "```\n``` x\n# A\n", ""},
		{"front matter", "---\n# comment\ntitle: x\n---\n# A\n", "5:# A"},
		{"no front matter", "---\n# A\n", "2:# A"},
		{"a byte order mark and CR LF", "\ufeff# A\r\n\r\n## B ##\r\n", "1:# A 3:## B"},
	} {
		var found []string
		for _, h := range markup.Headings(test.text) {
			found = append(found, fmt.Sprintf("%d:%s", h.Line, h))
		}
		if got := strings.Join(found, " "); got != test.want {
			t.Errorf("%s: headings %s, want %s", test.name, got, test.want)
		}
	}
}

// Edits by line do to the lines what they say, and to nothing else.
func TestEditsByLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.TrimPrefix(drawText(12).Draw(t, "text"), "\ufeff")
		lines := markup.SplitLines(text)
		start := rapid.IntRange(0, len(lines)).Draw(t, "start")
		added := drawText(3).Draw(t, "added")
		added += "\r\n" // neither adapted nor in need of an ending

		inserted, err := markup.Apply(text, []sheaf.Edit{{InsertLine: &start, NewString: &added}}, maxSize)
		before, after := strings.Join(lines[:start], ""), strings.Join(lines[start:], "")
		if err != nil || !strings.HasPrefix(inserted, before) || !strings.HasSuffix(inserted, added+after) || len(inserted) > len(text)+len(added)+2 {
			t.Fatalf("%q inserted behind line %d of %q: %q, %v", added, start, text, inserted, err)
		}
		if start == 0 {
			return
		}
		end := rapid.IntRange(start, len(lines)).Draw(t, "end")
		replaced, err := markup.Apply(text, []sheaf.Edit{{StartLine: &start, EndLine: &end, NewString: &added}}, maxSize)
		if want := strings.Join(lines[:start-1], "") + added + strings.Join(lines[end:], ""); err != nil || replaced != want {
			t.Fatalf("%q for the lines %d to %d of %q: %q, %v; want %q", added, start, end, text, replaced, err, want)
		}
	})
}

func FuzzApply(f *testing.F) {
	f.Add("a b a\n", "a", "x", 1, 1, true)
	f.Add("# A\r\n\r\na\r\n", "A", "x\ny", 2, 3, false)
	f.Add("“It’s”\xff", "\"it's\"", "", 0, -1, false)
	f.Add("aaa", "aa", "b", 1, 9, false)
	f.Fuzz(func(t *testing.T, text, old, new string, start, end int, all bool) {
		for _, edit := range []sheaf.Edit{
			{OldString: &old, NewString: &new, ReplaceAll: all},
			{StartLine: &start, EndLine: &end, NewString: &new},
			{InsertLine: &start, NewString: &new},
			{Append: &new},
			{Prepend: &new},
			{Section: &old, NewString: &new},
		} {
			got, err := markup.Apply(text, []sheaf.Edit{edit}, maxSize)
			if kind := sheaf.KindOf(err); kind != "" && kind != sheaf.ErrInvalid && kind != sheaf.ErrTooLarge {
				t.Fatalf("an error of kind %s: %v", kind, err)
			}
			if err != nil {
				continue
			}
			switch {
			case edit.OldString != nil && !strings.Contains(old, "\n") && !strings.Contains(new, "\n"):
				if !all && strings.Count(text, old) != 1 || got != strings.ReplaceAll(text, old, new) {
					t.Fatalf("%q for %q in %q: %q", new, old, text, got)
				}
			case edit.Section != nil:
				if before, after := markup.Headings(text), markup.Headings(got); len(before) == 0 || len(after) == 0 {
					t.Fatalf("section %q of %q replaced by %q: %q", old, text, new, got)
				}
			case edit.Append != nil && !strings.HasPrefix(got, text), edit.Prepend != nil && !strings.HasSuffix(got, strings.TrimPrefix(text, "\ufeff")):
				t.Fatalf("%q added to %q: %q", new, text, got)
			}
		}
	})
}

// The costliest error: a string that is nearly, but nowhere, in a large text.
func BenchmarkNearMiss(b *testing.B) {
	text := log(5<<20, func(int) bool { return false })
	old, new := text[len(text)-300:len(text)-100]+"?", ""
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := markup.Apply(text, []sheaf.Edit{{OldString: &old, NewString: &new}}, 10<<20); err == nil {
			b.Fatal("the string was found")
		}
	}
}
