package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sheaf-dev/sheaf"
)

func TestDecodeJSON(t *testing.T) {
	for _, test := range []struct {
		text   string
		fields string // that are wrong
	}{
		{`{}`, "[]"},
		{`{"edits":[{"old_string":"a","new_string":"b"}],"dry_run":true}`, "[]"},
		{`{"edits":null,"message":null}`, "[]"},
		{` {"message":"\ud83d\ude00 \\ud83d"} `, "[]"},
		{`{"edits":{},"dry_run":"yes","Message":"x"}`, "[edits dry_run Message]"},
		{`{"message":"a","message":"b"}`, "[message]"},
		{`{"edits":[{"old_string":1},{"line":2},3]}`, "[edits[0].old_string edits[1].line edits[2]]"},
		{`{"edits":[{"start_line":1.5,"end_line":99999999999999999999}]}`, "[edits[0].start_line edits[0].end_line]"},
		{`[]`, "[body]"},
		{`null`, "[body]"},
		{`"x"`, "[body]"},
		{`{"message":"a"} {}`, "[body]"},
		{`{"message":`, "[body]"},
		{`{message:"a"}`, "[body]"},
		{"{\"message\":\"\xff\"}", "[body]"},
		{`{"message":"\ud83d"}`, "[body]"},
		{`{"message":"\ude00"}`, "[body]"},
		{`{"message":"\ud83d\u0041"}`, "[body]"},
		{strings.Repeat(`{"edits":[`, 20_000), "[body]"},
	} {
		var into contentEdit
		err := decodeJSON([]byte(test.text), &into)
		var p problemDetails
		if e, ok := err.(*sheaf.Error); ok {
			p.Errors = e.Fields
			for i := range p.Errors {
				p.Errors[i].Field = strings.TrimSpace(p.Errors[i].Field)
			}
		}
		if got := fieldsOf(p); got != test.fields {
			t.Errorf("%.60s: wrong are %s, want %s: %v", test.text, got, test.fields, err)
		}
	}
}

// A body of which everything is wrong once made an error a hundred times its size:
// a form of 15 MB kept a server busy for minutes.
func TestErrorsOfABodyAreBounded(t *testing.T) {
	const many = 200_000
	var edit contentEdit
	for what, err := range map[string]error{
		"fields":  decodeJSON([]byte(`{`+strings.Repeat(`"message":1,`, many)+`"message":1}`), &edit),
		"objects": decodeJSON([]byte(`{"edits":[`+strings.Repeat(`{"a":1},`, many)+`{}]}`), &edit),
		"ids":     func() error { _, err := parseDocumentIDs("id", make([]string, many)); return err }(),
		"files":   func() error { _, err := parseDocuments(`[`+strings.Repeat(`{"a":1},`, many)+`{}]`, 1000); return err }(),
	} {
		e, ok := err.(*sheaf.Error)
		if !ok || e.Kind != sheaf.ErrInvalid || len(e.Fields) > mostWrong {
			t.Errorf("a body with many wrong %s: %.200v, want at most %d errors", what, err, mostWrong)
		}
	}
	if _, err := parseDocuments(`[{},{},{}]`, 2); !strings.Contains(fmt.Sprint(err), "more than 2 files, and the batch has 2") {
		t.Errorf("a description of more files than there are: %v", err)
	}
}

func TestDecodedValues(t *testing.T) {
	var into documentChange
	err := decodeJSON([]byte(`{"name":"n","tags":["a","b"],"metadata":{"k": [1, 2]},"description":""}`), &into)
	if err != nil {
		t.Fatal(err)
	}
	for _, tags := range []string{`[null]`, `["a",null]`} {
		var change documentChange
		if err := decodeJSON([]byte(`{"tags":`+tags+`}`), &change); sheaf.KindOf(err) != sheaf.ErrInvalid {
			t.Errorf("the tags %s: %v, want invalid: they would be lost", tags, err)
		}
	}
	if err := decodeJSON([]byte(`{"tags":["null"]}`), new(documentChange)); err != nil {
		t.Errorf("the tag null: %v", err)
	}
	if *into.Name != "n" || fmt.Sprint(*into.Tags) != "[a b]" || string(into.Metadata) != `{"k": [1, 2]}` ||
		into.Description == nil || *into.Description != "" || into.Message != "" {
		t.Errorf("decoded: %+v", into)
	}
}

// Whatever is accepted is what encoding/json makes of it, and nothing panics.
func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{`{}`, `{"edits":[{"old_string":"a","new_string":"\ud83d\ude00"}]}`, `{"message":"\ud83d"}`, `{"edits":[null,1]}`, `{"a":`, "{\"message\":\"\xff\"}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var got, want contentEdit
		if err := decodeJSON(text, &got); err != nil {
			if sheaf.KindOf(err) != sheaf.ErrInvalid {
				t.Fatalf("decodeJSON: %v, want invalid", err)
			}
			return
		}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatalf("decodeJSON takes %q, encoding/json does not: %v", text, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("decodeJSON of %q: %+v, encoding/json has %+v", text, got, want)
		}
		if !utf8.ValidString(got.Message) {
			t.Fatalf("message of %q is not UTF-8: %q", text, got.Message)
		}
	})
}

func TestJSONBodies(t *testing.T) {
	s := newServer(t, Options{})
	doc := s.push("a.txt", "content")
	path := "/documents/" + string(doc.ID)
	for name, test := range map[string]struct {
		contentType, body string
		kind              sheaf.ErrorKind
	}{
		"a form":        {"application/x-www-form-urlencoded", "name=b", sheaf.ErrUnsupported},
		"text":          {"text/plain", `{"name":"b"}`, sheaf.ErrUnsupported},
		"no JSON":       {"application/json", `{"name":`, sheaf.ErrInvalid},
		"unknown field": {"application/json", `{"title":"b"}`, sheaf.ErrInvalid},
		"too long":      {"application/json", `{"name":"` + strings.Repeat("n", 2<<20) + `"}`, sheaf.ErrTooLarge},
		"a long name":   {"application/merge-patch+json", `{"name":"` + strings.Repeat("n", 300) + `"}`, sheaf.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			answer := s.do(http.MethodPatch, path, strings.NewReader(test.body), "Content-Type", test.contentType)
			wantProblem(t, answer, test.kind)
		})
	}
	// A length that is not announced is limited as well.
	chunked := struct{ *strings.Reader }{strings.NewReader(`{"name":"` + strings.Repeat("n", 2<<20) + `"}`)}
	wantProblem(t, s.do(http.MethodPatch, path, struct{ reader }{chunked}, "Content-Type", "application/json"), sheaf.ErrTooLarge)
	if got := read[sheaf.Document](t, s.get(path+"/metadata")); got.Name != "a.txt" {
		t.Errorf("the name after refused changes: %q", got.Name)
	}
}

// reader hides all but Read, so that net/http does not know the length.
type reader interface{ Read([]byte) (int, error) }
