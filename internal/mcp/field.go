package mcp

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sheaf-dev/sheaf"
)

// A field is one argument of a tool: what its schema says, and what is checked.
type field struct {
	name, description string

	kind     fieldKind
	required bool
	aliases  []string // accepted in its place, and not listed

	least, most int      // characters of a text, the value of a number, items of a list; most 0: any
	enum        []string // of a text; nil: any
	pattern     *regexp.Regexp
	rule        func(string) error // of a text, that is applied later on; nil: none
	trimmed     bool               // of a text: white space around it means nothing
	item        *field             // of a list
	fields      []field            // of an object
}

type fieldKind string

const (
	kindText    fieldKind = "string"
	kindNumber  fieldKind = "integer"
	kindBoolean fieldKind = "boolean"
	kindList    fieldKind = "array"
	kindObject  fieldKind = "object"
	kindAnyJSON fieldKind = "json" // an object of any form
)

// text is an optional text that is content: it is never trimmed.
func text(name, description string) field {
	return field{name: name, description: description, kind: kindText}
}

// identifier is an optional text that names something.
func identifier(name, description string) field {
	return field{name: name, description: description, kind: kindText, trimmed: true}
}

func choice(name, description string, values ...string) field {
	return field{name: name, description: description, kind: kindText, trimmed: true, enum: values}
}

func number(name, description string, least, most int) field {
	return field{name: name, description: description, kind: kindNumber, least: least, most: most}
}

func boolean(name, description string) field {
	return field{name: name, description: description, kind: kindBoolean}
}

func list(name, description string, item field) field {
	return field{name: name, description: description, kind: kindList, item: &item}
}

func object(name, description string, fields ...field) field {
	return field{name: name, description: description, kind: kindObject, fields: fields}
}

// anyObject is a JSON object whose fields are its author's.
func anyObject(name, description string) field {
	return field{name: name, description: description, kind: kindAnyJSON}
}

func (f field) must() field { f.required = true; return f }

// between bounds the characters of a text or the items of a list.
func (f field) between(least, most int) field { f.least, f.most = least, most; return f }

func (f field) like(pattern *regexp.Regexp) field { f.pattern = pattern; return f }

// obeying says which rule that a schema cannot say is applied to the field later
// on, so that what breaks it is reported together with what is not as the schema
// says. Its error is about the field of this name.
func (f field) obeying(rule func(string) error) field { f.rule = rule; return f }

func (f field) or(aliases ...string) field { f.aliases = aliases; return f }

// A schema is the JSON Schema of a field, in the order in which it reads best.
type schema struct {
	Type        string          `json:"type,omitempty"`
	Description string          `json:"description,omitempty"`
	Enum        []string        `json:"enum,omitempty"`
	Pattern     string          `json:"pattern,omitempty"`
	MinLength   int             `json:"minLength,omitempty"`
	MaxLength   int             `json:"maxLength,omitempty"`
	Minimum     *int            `json:"minimum,omitempty"`
	Maximum     int             `json:"maximum,omitempty"`
	MinItems    int             `json:"minItems,omitempty"`
	MaxItems    int             `json:"maxItems,omitempty"`
	Items       *schema         `json:"items,omitempty"`
	Properties  json.RawMessage `json:"properties,omitempty"`
	Required    []string        `json:"required,omitempty"`
	Additional  *bool           `json:"additionalProperties,omitempty"`
}

func (f field) schema() *schema {
	s := &schema{Type: string(f.kind), Description: f.description}
	switch f.kind {
	case kindText:
		s.Enum, s.MinLength, s.MaxLength = f.enum, f.least, f.most
		if f.pattern != nil {
			s.Pattern = f.pattern.String()
		}
	case kindNumber:
		s.Minimum, s.Maximum = &f.least, f.most
	case kindList:
		s.MinItems, s.MaxItems, s.Items = f.least, f.most, f.item.schema()
	case kindObject:
		closed := false
		s.Properties, s.Required, s.Additional = properties(f.fields), requiredNames(f.fields), &closed
	case kindAnyJSON:
		s.Type = string(kindObject)
	}
	return s
}

// properties is the schemas of fields by name, in the order of the fields.
func properties(fields []field) json.RawMessage {
	text := []byte{'{'}
	for i, f := range fields {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(text, mustMarshal(f.name)...), ':')
		text = append(text, mustMarshal(f.schema())...)
	}
	return append(text, '}')
}

func requiredNames(fields []field) (names []string) {
	for _, f := range fields {
		if f.required {
			names = append(names, f.name)
		}
	}
	return names
}

// mustMarshal is for values that always have a JSON form.
func mustMarshal(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// check reports what is wrong with a value, under the name that says where it
// is. It returns the value as it is meant: texts that name something trimmed.
func (f field) check(at string, value json.RawMessage, wrong *faults) json.RawMessage {
	complain := func(format string, args ...any) {
		wrong.schema = append(wrong.schema, sheaf.Invalid(at, at+" "+fmt.Sprintf(format, args...)))
	}
	switch f.kind {
	case kindText:
		s, ok := decodeString(value)
		if !ok {
			complain("has to be a text")
			return value
		}
		if f.trimmed {
			s = strings.TrimSpace(s)
			value = mustMarshal(s)
		}
		before := len(wrong.schema)
		f.checkText(s, complain)
		if f.rule != nil && s != "" && len(wrong.schema) == before {
			if err := f.rule(s); err != nil {
				wrong.rules = append(wrong.rules, err)
			}
		}
	case kindNumber:
		var n int64
		if json.Unmarshal(value, &n) != nil {
			complain("has to be a whole number")
		} else if n < int64(f.least) {
			complain("is %d, it has to be at least %d", n, f.least)
		} else if f.most > 0 && n > int64(f.most) {
			complain("is %d, it can be at most %d", n, f.most)
		}
	case kindBoolean:
		var b bool
		if json.Unmarshal(value, &b) != nil {
			complain("has to be true or false")
		}
	case kindList:
		return f.checkList(at, value, wrong, complain)
	case kindObject:
		return checkObject(at, value, f.fields, wrong)
	case kindAnyJSON:
		var o map[string]json.RawMessage
		if json.Unmarshal(value, &o) != nil {
			complain("has to be a JSON object")
		}
	}
	return value
}

func (f field) checkText(s string, complain func(string, ...any)) {
	switch n := utf8.RuneCountInString(s); {
	case n == 0 && f.least > 0:
		complain("is empty")
	case n < f.least:
		complain("has %d characters, it needs at least %d", n, f.least)
	case f.most > 0 && n > f.most:
		complain("has %d characters, the limit is %d", n, f.most)
	case f.enum != nil && !slices.Contains(f.enum, s):
		complain("is %q, it has to be %s", sheaf.Clip(s), strings.Join(f.enum, " or "))
	case f.pattern != nil && !f.pattern.MatchString(s):
		complain("is %q, it has to be like %s", sheaf.Clip(s), f.pattern)
	}
}

func (f field) checkList(at string, value json.RawMessage, wrong *faults, complain func(string, ...any)) json.RawMessage {
	var items []json.RawMessage
	if json.Unmarshal(value, &items) != nil {
		complain("has to be a list")
		return value
	}
	if len(items) < f.least {
		complain("has %d items, it needs at least %d", len(items), f.least)
	} else if f.most > 0 && len(items) > f.most {
		complain("has %d items, the limit is %d", len(items), f.most)
		return value
	}
	for i, item := range items {
		items[i] = f.item.check(fmt.Sprintf("%s[%d]", at, i), item, wrong)
	}
	return mustMarshal(items)
}
