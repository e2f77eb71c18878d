package agentconfig

import (
	"bytes"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/sheaf-dev/sheaf"
)

// tomlForm is TOML. An entry is a table of its own, [list.name], and perhaps
// tables below it; one that is written otherwise cannot be changed.
type tomlForm struct{}

// decode implements [form].
func (tomlForm) decode(text []byte) (map[string]any, error) {
	var table map[string]any
	if err := toml.Unmarshal(text, &table); err != nil {
		return nil, sheaf.Errorf(sheaf.ErrInvalid, "it is not TOML: %w", err)
	}
	return table, nil
}

// A span is a part of a text, of whole lines.
type span struct{ begin, end int }

// edit implements [form]. A decoder and an encoder would lose comments and
// order, so that lines are cut out and put in, where the parser says.
func (tomlForm) edit(text []byte, list, name string, fields []pair) ([]byte, error) {
	newline := "\n"
	if bytes.Contains(text, []byte("\r\n")) {
		newline = "\r\n"
	}
	var lines strings.Builder
	for _, field := range fields {
		lines.WriteString(field.key + " = " + spaced(field.value) + newline)
	}
	found, err := findTables(text, list, name)
	if err != nil {
		return nil, err
	}
	switch {
	case fields == nil:
		return cut(text, found.tables), nil
	case found.header.end == 0:
		var b bytes.Buffer
		b.Write(text)
		if len(text) > 0 && text[len(text)-1] != '\n' {
			b.WriteString(newline)
		}
		if len(bytes.TrimSpace(text)) > 0 {
			b.WriteString(newline)
		}
		b.WriteString("[" + list + "." + name + "]" + newline + lines.String())
		return b.Bytes(), nil
	}
	head := text[:found.header.end]
	if !bytes.HasSuffix(head, []byte("\n")) {
		head = append(slices.Clone(head), newline...)
	}
	rest := cut(text, append([]span{{0, found.header.end}}, found.fields...))
	return slices.Concat(head, []byte(lines.String()), rest), nil
}

// cut returns a text without spans, which are in order.
func cut(text []byte, spans []span) []byte {
	var kept []byte
	at := 0
	for _, s := range spans {
		kept = append(kept, text[at:s.begin]...)
		at = s.end
	}
	return append(kept, text[at:]...)
}

// An entryPlace is where the parts of an entry are.
type entryPlace struct {
	header span   // the line [list.name]; zero if there is none
	fields []span // the fields in that table that are ours
	tables []span // the table and those below it, each with all its fields
}

// findTables finds the tables of an entry.
func findTables(text []byte, list, name string) (found entryPlace, err error) {
	wholeLines := func(begin, end int) span {
		begin = bytes.LastIndexByte(text[:begin], '\n') + 1
		if i := bytes.IndexByte(text[end:], '\n'); i >= 0 {
			return span{begin, end + i + 1}
		}
		return span{begin, len(text)}
	}
	entry := []string{list, name}
	var table []string // that the fields which follow are in
	var parser unstable.Parser
	parser.Reset(text)
	for parser.NextExpression() {
		expression := parser.Expression()
		var path []string
		var begin, end int
		for keys := expression.Key(); keys.Next(); {
			key := keys.Node()
			if path = append(path, string(key.Data)); len(path) == 1 {
				begin = int(key.Raw.Offset)
			}
			end = int(key.Raw.Offset + key.Raw.Length)
		}
		if expression.Kind != unstable.KeyValue {
			table = path
			if !within(table, entry) {
				continue
			}
			if expression.Kind == unstable.ArrayTable && len(path) == len(entry) {
				return found, unchangeable(list, name)
			}
			line := wholeLines(begin, end)
			if len(path) == len(entry) {
				found.header = line
			}
			found.tables = append(found.tables, line)
			continue
		}
		full := slices.Concat(table, path)
		switch {
		case within(table, entry):
			line := wholeLines(int(expression.Raw.Offset), int(expression.Raw.Offset+expression.Raw.Length))
			found.tables[len(found.tables)-1].end = line.end
			if len(table) == len(entry) && ours[path[0]] {
				found.fields = append(found.fields, line)
			}
		case within(full, entry):
			return found, unchangeable(list, name)
		}
	}
	if err := parser.Error(); err != nil {
		return found, sheaf.Errorf(sheaf.ErrInvalid, "it is not TOML: %w", err)
	}
	return found, nil
}

// within reports whether a path is another or leads further.
func within(path, other []string) bool {
	return len(path) >= len(other) && slices.Equal(path[:len(other)], other)
}
