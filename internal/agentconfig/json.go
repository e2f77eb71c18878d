package agentconfig

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/sheaf-dev/sheaf"
)

// jsonForm is JSON, with comments and trailing commas where there are some.
type jsonForm struct{}

// decode implements [form]. Nothing at all is an empty object.
func (jsonForm) decode(text []byte) (map[string]any, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, nil
	}
	standard, err := hujson.Standardize(bytes.Clone(text)) // which it writes over
	if err != nil {
		return nil, sheaf.Errorf(sheaf.ErrInvalid, "it is not JSON: %w", err)
	}
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(standard))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil || object == nil {
		return nil, sheaf.Errorf(sheaf.ErrInvalid, "it is not a JSON object")
	}
	return object, nil
}

// edit implements [form].
func (jsonForm) edit(text []byte, list, name string, fields []pair) ([]byte, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		text = []byte("{}\n")
	}
	root, err := hujson.Parse(text)
	if err != nil {
		return nil, sheaf.Errorf(sheaf.ErrInvalid, "it is not JSON: %w", err)
	}
	layout := layoutOf(text, root)
	top := root.Value.(*hujson.Object)
	at, err := find(top, list)
	if err != nil {
		return nil, err
	}
	if at < 0 {
		at = layout.add(top, 0, list, &hujson.Object{})
	}
	servers, ok := top.Members[at].Value.Value.(*hujson.Object)
	if !ok {
		return nil, unchangeable(list, name)
	}
	if at, err = find(servers, name); err != nil {
		return nil, err
	}
	if fields == nil {
		remove(servers, at)
		return root.Pack(), nil
	}
	if at < 0 {
		at = layout.add(servers, 1, name, &hujson.Object{})
	}
	entry, ok := servers.Members[at].Value.Value.(*hujson.Object)
	if !ok {
		return nil, unchangeable(list, name)
	}
	if err := layout.set(entry, fields); err != nil {
		return nil, err
	}
	return root.Pack(), nil
}

// find returns where an object has a name, or -1. A name that is there twice
// means one or the other, depending on who reads it.
func find(object *hujson.Object, name string) (int, error) {
	at := -1
	for i, member := range object.Members {
		if member.Name.Value.(hujson.Literal).String() != name {
			continue
		}
		if at >= 0 {
			return -1, sheaf.Errorf(sheaf.ErrInvalid, "%q is there twice", name).WithHint("remove one of them by hand")
		}
		at = i
	}
	return at, nil
}

// A layout is how a file looks.
type layout struct{ newline, indent string }

func layoutOf(text []byte, root hujson.Value) layout {
	l := layout{newline: "\n", indent: "  "}
	if bytes.Contains(text, []byte("\r\n")) {
		l.newline = "\r\n"
	}
	if object := root.Value.(*hujson.Object); len(object.Members) > 0 {
		before := string(object.Members[0].Name.BeforeExtra)
		if i := strings.LastIndexByte(before, '\n'); i >= 0 && strings.TrimLeft(before[i+1:], " \t") == "" && i+1 < len(before) {
			l.indent = before[i+1:]
		}
	}
	return l
}

// add puts a member behind the others of an object that is so many levels deep,
// and returns where it is. A comment behind the last one stays there, and a
// trailing comma remains one.
func (l layout) add(object *hujson.Object, depth int, name string, value hujson.ValueTrimmed) int {
	closing := l.newline + strings.Repeat(l.indent, depth)
	member := hujson.ObjectMember{
		Name:  hujson.Value{BeforeExtra: hujson.Extra(closing + l.indent), Value: hujson.String(name)},
		Value: hujson.Value{BeforeExtra: hujson.Extra(" "), Value: value},
	}
	comments := strings.TrimRight(string(object.AfterExtra), " \t\r\n")
	member.Name.BeforeExtra = append(hujson.Extra(comments), member.Name.BeforeExtra...)
	if n := len(object.Members); n > 0 && object.Members[n-1].Value.AfterExtra != nil {
		member.Value.AfterExtra = hujson.Extra{}
	}
	object.Members = append(object.Members, member)
	object.AfterExtra = hujson.Extra(closing)
	return len(object.Members) - 1
}

// remove takes a member out of an object. The comments before it stay: they may
// be of what is around it.
func remove(object *hujson.Object, at int) {
	removed := object.Members[at]
	object.Members = slices.Delete(object.Members, at, at+1)
	next := &object.AfterExtra
	if at < len(object.Members) {
		next = &object.Members[at].Name.BeforeExtra
	} else if at > 0 {
		last := &object.Members[at-1].Value
		if removed.Value.AfterExtra == nil { // there is no trailing comma
			*next = append(last.AfterExtra, *next...)
			last.AfterExtra = nil
		} else if last.AfterExtra == nil {
			last.AfterExtra = hujson.Extra{}
		}
	}
	if comments := strings.TrimRight(string(removed.Name.BeforeExtra), " \t\r\n"); comments != "" {
		*next = append(hujson.Extra(comments), *next...)
	}
	if len(object.Members) == 0 && len(bytes.TrimSpace(object.AfterExtra)) == 0 {
		object.AfterExtra = nil
	}
}

// set gives an entry these fields, in place of those of ours that it has.
func (l layout) set(entry *hujson.Object, fields []pair) error {
	for i := len(entry.Members) - 1; i >= 0; i-- {
		key := entry.Members[i].Name.Value.(hujson.Literal).String()
		if ours[key] && !slices.ContainsFunc(fields, func(f pair) bool { return f.key == key }) {
			remove(entry, i)
		}
	}
	for _, field := range fields {
		value, err := hujson.Parse([]byte(spaced(field.value)))
		if err != nil {
			return err
		}
		at, err := find(entry, field.key)
		if err != nil {
			return err
		}
		if at < 0 {
			l.add(entry, 2, field.key, value.Value)
		} else if old := &entry.Members[at].Value; !means(*old, field.plain()) {
			old.Value = value.Value
		}
	}
	return nil
}

// means reports whether a value is that one, however it is written.
func means(value hujson.Value, meant any) bool {
	value = value.Clone()
	value.Standardize()
	var is any
	return json.Unmarshal(value.Pack(), &is) == nil && reflect.DeepEqual(is, meant)
}

// spaced returns a text or a list of texts as people write it, in JSON and in
// TOML alike.
func spaced(value any) string {
	list, ok := value.([]string)
	if !ok {
		return quote(value.(string))
	}
	texts := make([]string, len(list))
	for i, text := range list {
		texts[i] = quote(text)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

func quote(text string) string {
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		panic(err) // a string always has a JSON form
	}
	return strings.TrimSuffix(quoted.String(), "\n")
}
