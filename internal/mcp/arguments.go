package mcp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sheaf-dev/sheaf"
)

// decodeArguments reads the arguments of a call into a struct of type In, whose
// fields have the names of the tool's. All that is wrong is reported at once.
//
// The arguments may be in an object "params", as clients of FastMCP send them.
// What is null counts as absent.
func decodeArguments[In any](arguments json.RawMessage, fields []field) (in In, err error) {
	arguments = unnest(arguments, fields)
	var wrong faults
	checked := checkObject("", arguments, fields, &wrong)
	if len(wrong.schema) > 0 {
		return in, sheaf.InvalidFields(append(wrong.schema, wrong.rules...)...)
	}
	if err := json.Unmarshal(checked, &in); err != nil {
		return in, fmt.Errorf("arguments that were checked do not fit %T: %w", in, err)
	}
	return in, nil
}

// faults are what is wrong with arguments.
type faults struct {
	schema []error // they are not as the schema says

	// rules are broken that a schema cannot say. Whatever does what the tool is for
	// finds these as well, and others that only it knows. They are reported here when
	// it does not come to that.
	rules []error
}

// unnest returns the object that has the arguments.
func unnest(arguments json.RawMessage, fields []field) json.RawMessage {
	if given := string(bytes.TrimSpace(arguments)); given == "" || given == "null" {
		return json.RawMessage("{}")
	}
	outer, ok := members(arguments)
	if !ok || len(outer) != 1 || outer[0].name != "params" {
		return arguments
	}
	inner := outer[0].value
	if len(inner) == 0 || inner[0] != '{' || slices.ContainsFunc(fields, func(f field) bool { return f.name == "params" }) {
		return arguments
	}
	return inner
}

// placeIn returns the book and the path that arguments name, for the record of a
// call whose arguments were refused. Either is empty if there is none.
func placeIn(arguments json.RawMessage, fields []field) (book, path string) {
	var given map[string]json.RawMessage
	_ = json.Unmarshal(unnest(arguments, fields), &given)
	for _, f := range fields {
		if f.name != "book_id" && f.name != "path" {
			continue
		}
		var text string
		for _, name := range append([]string{f.name}, f.aliases...) {
			if text == "" {
				_ = json.Unmarshal(given[name], &text)
			}
		}
		if f.name == "path" {
			path = strings.TrimSpace(text)
		} else {
			book = strings.TrimSpace(text)
		}
	}
	return book, path
}

// checkObject checks an object against its fields and returns it with the names
// and values as they are meant.
func checkObject(at string, value json.RawMessage, fields []field, wrong *faults) json.RawMessage {
	place := func(name string) string {
		if at == "" {
			return name
		}
		return at + "." + name
	}
	given, ok := membersByName(value)
	if !ok {
		what := at
		if at == "" {
			what = "arguments"
		}
		wrong.schema = append(wrong.schema, sheaf.Invalid(what, what+" has to be a JSON object"))
		return value
	}
	checked := make([]byte, 1, len(value)+2)
	checked[0] = '{'
	for _, f := range fields {
		value, ok := take(given, f.name)
		for _, alias := range f.aliases {
			if other, has := take(given, alias); has && !ok {
				value, ok = other, true
			}
		}
		switch {
		case ok:
			if len(checked) > 1 {
				checked = append(checked, ',')
			}
			checked = append(strconv.AppendQuote(checked, f.name), ':')
			checked = append(checked, f.check(place(f.name), value, wrong)...)
		case f.required:
			wrong.schema = append(wrong.schema, sheaf.Invalid(place(f.name), place(f.name)+" is missing"))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		name = sheaf.Clip(name)
		wrong.schema = append(wrong.schema, sheaf.Invalid(place(name), fmt.Sprintf("there is no argument %q; there are %s", name, names(fields))))
	}
	return append(checked, '}')
}

// take removes a name from what was given. What is null is not there.
func take(given map[string]json.RawMessage, name string) (value json.RawMessage, ok bool) {
	value, ok = given[name]
	delete(given, name)
	return value, ok && string(bytes.TrimSpace(value)) != "null"
}

func names(fields []field) string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = f.name
	}
	return strings.Join(all, ", ")
}
