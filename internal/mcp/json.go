package mcp

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// Messages have contents of up to half a megabyte in them, in objects in objects.
// encoding/json reads all of a value for each level it is asked about; what is
// here finds its way around in a text that is known to be JSON.

// members returns the members of a JSON object in their order, and whether it is
// one. Values are parts of the text. What is not JSON may be taken for an object,
// with values that are not JSON.
func members(text []byte) (all []member, ok bool) {
	text = bytes.TrimSpace(text)
	if len(text) < 2 || text[0] != '{' || text[len(text)-1] != '}' {
		return nil, false
	}
	for rest := skipSpace(text[1:]); ; {
		if len(rest) > 0 && rest[0] == '}' && len(all) == 0 {
			return all, len(rest) == 1
		}
		size := stringSize(rest)
		if size == 0 {
			return nil, false
		}
		name, ok := decodeString(rest[:size])
		if !ok {
			return nil, false
		}
		rest = skipSpace(rest[size:])
		if len(rest) == 0 || rest[0] != ':' {
			return nil, false
		}
		rest = skipSpace(rest[1:])
		size = valueSize(rest)
		if size == 0 {
			return nil, false
		}
		all = append(all, member{name, rest[:size:size]})
		rest = skipSpace(rest[size:])
		if len(rest) == 0 {
			return nil, false
		}
		if rest[0] == '}' {
			return all, len(rest) == 1
		}
		if rest[0] != ',' {
			return nil, false
		}
		rest = skipSpace(rest[1:])
	}
}

type member struct {
	name  string
	value json.RawMessage
}

// membersByName is members by their names; of several of one name the last counts.
func membersByName(text []byte) (map[string]json.RawMessage, bool) {
	all, ok := members(text)
	if !ok {
		return nil, false
	}
	byName := make(map[string]json.RawMessage, len(all))
	for _, m := range all {
		byName[m.name] = m.value
	}
	return byName, true
}

func skipSpace(text []byte) []byte {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\n' || text[0] == '\t' || text[0] == '\r') {
		text = text[1:]
	}
	return text
}

// stringSize returns the size of the string that begins a text, its quotes
// included, or 0.
func stringSize(text []byte) int {
	if len(text) == 0 || text[0] != '"' {
		return 0
	}
	for at := 1; ; {
		quote := bytes.IndexByte(text[at:], '"')
		if quote < 0 {
			return 0
		}
		end := at + quote
		backslashes := 0
		for text[end-1-backslashes] == '\\' {
			backslashes++
		}
		if at = end + 1; backslashes%2 == 0 {
			return at
		}
	}
}

// valueSize returns the size of the value that begins a text, or 0.
func valueSize(text []byte) int {
	depth := 0
	for at := 0; at < len(text); {
		switch text[at] {
		case '"':
			size := stringSize(text[at:])
			if size == 0 {
				return 0
			}
			if at += size; depth == 0 {
				return at
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return at
			}
			if depth--; depth == 0 {
				return at + 1
			}
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return at
			}
		}
		at++
	}
	return 0 // an object ends with a brace
}

// decodeString decodes a JSON string, which mostly is what stands in its quotes.
func decodeString(value []byte) (s string, ok bool) {
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
		inside := value[1 : n-1]
		if !bytes.ContainsFunc(inside, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == utf8.RuneError }) {
			return string(inside), true
		}
	}
	if len(bytes.TrimSpace(value)) == 0 || bytes.TrimSpace(value)[0] != '"' {
		return "", false // null would do for encoding/json
	}
	return s, json.Unmarshal(value, &s) == nil
}

// encodeAnswer encodes what a tool answers. Models read it: <, > and & stay as they
// are.
func encodeAnswer(answer any) (json.RawMessage, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(answer); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// appendQuoted appends a compact JSON text as a JSON string.
func appendQuoted(to []byte, text []byte) []byte {
	to = append(to, '"')
	for {
		special := bytes.IndexAny(text, `"\`)
		if special < 0 {
			return append(append(to, text...), '"')
		}
		to = append(to, text[:special]...)
		to = append(to, '\\', text[special])
		text = text[special+1:]
	}
}
