package markup

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestFrontMatter(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"none":                {"# Title\n", `{}`},
		"empty":               {"---\n---\ntext", `{}`},
		"comments only":       {"---\n# none\n---\n", `{}`},
		"not at the top":      {"\n---\na: 1\n---\n", `{}`},
		"a rule and not one":  {"--- \ntitle: x\n---", `{"title":"x"}`},
		"CRLF":                {"---\r\ntitle: x\r\n---\r\ntext", `{"title":"x"}`},
		"byte order mark":     {"\ufeff---\ntitle: x\n---\n", `{"title":"x"}`},
		"ended by dots":       {"---\ntitle: x\n...\n", `{"title":"x"}`},
		"values":              {"---\na: 1\nb: 1.5\nc: yes\nd: true\ne: ~\nf: [1, x]\ng: {h: i}\n---\n", `{"a":1,"b":1.5,"c":"yes","d":true,"e":null,"f":[1,"x"],"g":{"h":"i"}}`},
		"dates stay text":     {"---\ndate: 2025-01-31\nat: 2025-01-31T10:00:00Z\n---\n", `{"at":"2025-01-31T10:00:00Z","date":"2025-01-31"}`},
		"what JSON lacks":     {"---\na: .nan\nb: -.inf\nc: 99999999999999999999\n---\n", `{"a":".nan","b":"-.inf","c":100000000000000000000}`},
		"keys become texts":   {"---\n1: a\ntrue: b\n---\n", `{"1":"a","true":"b"}`},
		"aliases and merging": {"---\na: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\n---\n", `{"a":{"x":1,"y":2},"b":{"x":1,"y":3}}`},
		"no HTML escapes":     {"---\na: <b> & c\n---\n", `{"a":"<b> & c"}`},
	} {
		if f := ParseFrontMatter(test.text); string(f.Metadata) != test.want || f.Error != "" {
			t.Errorf("%s: %s %q, want %s", name, f.Metadata, f.Error, test.want)
		}
	}
}

func TestFrontMatterThatIsWrong(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	for name, test := range map[string]struct {
		text, message string
		line          int
	}{
		"not ended":    {"---\ntitle: x\n", "does not end", 1},
		"too long":     {"---\na: " + strings.Repeat("x", MaxFrontMatter) + "\n---\n", "does not end", 1},
		"a list":       {"---\n- a\n---\n", "not a mapping", 2},
		"a text":       {"---\nhello\n---\n", "not a mapping", 2},
		"bad syntax":   {"---\ntitle: x\nb: [1\n---\n", "", 0},
		"a colon":      {"---\ntitle: x\nsub: a: b\n---\n", "mapping values are not allowed", 3},
		"a key twice":  {"---\na: 1\nb: 2\na: 3\n---\n", `the key "a" is there twice`, 4},
		"an odd key":   {"---\na: 1\n[b]: 2\n---\n", "a key is not a text", 3},
		"not UTF-8":    {"---\na: \xff\n---\n", "UTF-8", 1},
		"a bomb":       {"---\n" + bomb + "---\n", "more than", 0},
		"deep":         {"---\na: " + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "\n---\n", "nested deeper", 2},
		"an alias out": {"---\na: *b\n---\n", "", 0},
	} {
		f := ParseFrontMatter(test.text)
		if f.Error == "" || !strings.Contains(f.Error, test.message) || test.line != 0 && f.Line != test.line || string(f.Metadata) != "{}" {
			t.Errorf("%s: %s, line %d: %q; want line %d: %q", name, f.Metadata, f.Line, f.Error, test.line, test.message)
		}
	}
}

// Whatever stands at the top of a text: a JSON object comes of it, or a line
// that is wrong.
func FuzzFrontMatter(f *testing.F) {
	for _, seed := range []string{"---\na: 1\n---\n", "---\n<<: *a\n---\n", "---\na: &a [*a]\n---\n", "---\n? [a]\n: b\n---\n", "---\n!!binary x\n---\n", "---\na: !!float x\n---\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m := ParseFrontMatter(text)
		var object map[string]any
		if err := json.Unmarshal(m.Metadata, &object); err != nil || object == nil {
			t.Fatalf("%q becomes %q: %v", text, m.Metadata, err)
		}
		if (m.Error == "") != (m.Line == 0) {
			t.Fatalf("%q: line %d is wrong, with the error %q", text, m.Line, m.Error)
		}
	})
}
