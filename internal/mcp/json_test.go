package mcp

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"
)

// FuzzMembers compares with encoding/json what is found in JSON, and lets nothing
// else do harm.
func FuzzMembers(f *testing.F) {
	for _, text := range []string{
		`{}`, ` { } `, `{"a":1}`, `{"a" : [1, {"b":"}"}] , "c":null}`, `{"a":"\"\\","\u0061":2}`, `{"a":"\\\""}`, `{"ü":-1.5e3}`,
		`null`, `[]`, `"{}"`, `{"a":1,}`, `{"a"}`, `{"a":}`, `{"a":1}}`, `{"a":{"b":1}`, `{"a":"`, `{`, `}`, `{,}`, "{\"a\":\"\xff\"}", `{"a":"<&>"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, ok := membersByName(text)
		if !json.Valid(text) {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(text, &want); err != nil || want == nil {
			if ok {
				t.Fatalf("%q is taken for an object", text)
			}
			return
		}
		if !ok || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q has %q, %v, want %q", text, got, ok, want)
		}
		for _, value := range want {
			var s string
			isString := value[0] == '"' && json.Unmarshal(value, &s) == nil
			if decoded, ok := decodeString(value); ok != isString || decoded != s {
				t.Fatalf("%q is the text %q, %v, want %q, %v", value, decoded, ok, s, isString)
			}
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, text); err != nil {
			t.Fatal(err)
		}
		var back string
		quoted := appendQuoted(nil, compact.Bytes())
		if err := json.Unmarshal(quoted, &back); err != nil || utf8.Valid(text) && back != compact.String() {
			t.Fatalf("%q is quoted as %q: %v", compact.Bytes(), quoted, err)
		}
	})
}
