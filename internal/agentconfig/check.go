package agentconfig

import (
	"maps"
	"reflect"

	"github.com/sheaf-dev/sheaf"
)

// checkEdit makes sure that an edit has changed the entry that it was to change
// and nothing else, whatever the file looked like.
func checkEdit(form form, before map[string]any, edited []byte, list, name string, fields []pair) error {
	after, err := form.decode(edited)
	if err != nil {
		return unchangeable(list, name)
	}
	expected := maps.Clone(before)
	if expected == nil {
		expected = make(map[string]any)
	}
	servers, _ := before[list].(map[string]any)
	servers = maps.Clone(servers)
	if servers == nil {
		servers = make(map[string]any)
	}
	if fields == nil {
		delete(servers, name)
	} else {
		entry := make(map[string]any)
		old, _ := servers[name].(map[string]any)
		for key, value := range old {
			if !ours[key] {
				entry[key] = value
			}
		}
		for _, field := range fields {
			entry[field.key] = field.plain()
		}
		servers[name] = entry
	}
	expected[list] = servers
	if got, _ := after[list].(map[string]any); len(got) == 0 && len(servers) == 0 {
		expected[list], after[list] = nil, nil // an empty table and none are the same
	}
	if !reflect.DeepEqual(after, expected) {
		return unchangeable(list, name)
	}
	return nil
}

// plain returns the value of a field as a decoder does.
func (p pair) plain() any {
	texts, ok := p.value.([]string)
	if !ok {
		return p.value
	}
	values := make([]any, len(texts))
	for i, text := range texts {
		values[i] = text
	}
	return values
}

func unchangeable(list, name string) error {
	return sheaf.Errorf(sheaf.ErrInvalid, "%s.%s is written in a way that cannot be changed without touching what is around it", list, name).
		WithHint("change the file by hand: without --write the entry is printed")
}
