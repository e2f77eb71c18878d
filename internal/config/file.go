package config

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sheaf-dev/sheaf"
)

// parse takes the values of a sheaf.yaml, whose keys are sections of settings:
//
//	server:
//	  port: 8080
//	storage:
//	  backends:
//	    fs: {kind: fs, dir: /srv/blobs}
//
// The nodes of the document are read rather than decoded into the struct, so
// that every error can say in which line of which file it is.
func (l *loader) parse(path string, content []byte) error {
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return sheaf.Errorf(sheaf.ErrInvalid, "%s is not YAML: %w", path, err)
	}
	if len(document.Content) == 0 {
		return nil // empty, or nothing but comments
	}
	file := fileLoader{loader: l, path: path}
	for section, node := range file.entries(document.Content[0], "") {
		if !slices.Contains(l.sections(), section) {
			file.reject(file.name(node, section), "is not a section of settings"+didYouMean(section, l.keys(), l.sections()))
			continue
		}
		for key, node := range file.entries(node, section) {
			file.set(key, node)
		}
	}
	return nil
}

// A fileLoader loads one file.
type fileLoader struct {
	*loader
	path string
}

// name returns what the user sees at node.
func (f fileLoader) name(node *yaml.Node, key string) string {
	return fmt.Sprintf("%s (%s line %d)", key, f.path, node.Line)
}

// entries yields the entries of a mapping by their full keys, with references
// resolved. What is no mapping, and a key that comes twice, is rejected; a key
// without a value counts as absent.
func (f fileLoader) entries(node *yaml.Node, prefix string) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		if node.Kind != yaml.MappingNode {
			what := prefix
			if what == "" {
				what = "the document"
			}
			f.reject(f.name(node, what), "is not a mapping of keys to values")
			return
		}
		seen := make(map[string]bool)
		for i := 0; i+1 < len(node.Content); i += 2 {
			key, value := node.Content[i].Value, node.Content[i+1]
			if prefix != "" {
				key = prefix + "." + key
			}
			if seen[key] {
				f.reject(f.name(node.Content[i], key), "is given twice")
				continue
			}
			seen[key] = true
			if value.Kind == yaml.AliasNode {
				value = value.Alias
			}
			if value.Tag == "!!null" {
				continue
			}
			if !yield(key, value) {
				return
			}
		}
	}
}

func (f fileLoader) set(key string, node *yaml.Node) {
	if key == backendsKey {
		f.setBackends(node)
		return
	}
	name := f.name(node, key)
	for _, s := range f.settings {
		if s.key != key {
			continue
		}
		text, ok := scalar(node, s.value(&f.config).kind)
		if !ok {
			f.reject(name, "is not a single value")
			return
		}
		f.apply(s, name, text)
		return
	}
	f.reject(name, "is not a setting"+didYouMean(key, f.keys()))
}

// scalar returns the text of a value: a scalar, or a sequence for a list.
func scalar(node *yaml.Node, kind string) (string, bool) {
	if node.Kind == yaml.ScalarNode {
		return node.Value, true
	}
	if node.Kind != yaml.SequenceNode || kind != listKind {
		return "", false
	}
	var elements []string
	for _, element := range node.Content {
		if element.Kind != yaml.ScalarNode {
			return "", false
		}
		elements = append(elements, element.Value)
	}
	return strings.Join(elements, ","), true
}

// keys returns the key of every setting.
func (l *loader) keys() []string {
	keys := []string{backendsKey}
	for _, s := range l.settings {
		keys = append(keys, s.key)
	}
	return keys
}

// sections returns the first part of every key.
func (l *loader) sections() []string {
	var sections []string
	for _, key := range l.keys() {
		if section, _, _ := strings.Cut(key, "."); !slices.Contains(sections, section) {
			sections = append(sections, section)
		}
	}
	return sections
}

// didYouMean names the candidate that name is a slip for, or the last part of
// which it is; "" if it resembles none.
func didYouMean(name string, candidates ...[]string) string {
	best, distance := "", 4
	for _, candidate := range slices.Concat(candidates...) {
		last := candidate[strings.LastIndex(candidate, ".")+1:]
		if d := min(editDistance(name, candidate), editDistance(name, last)); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// editDistance returns how many bytes have to be inserted, deleted or replaced
// to make b of a.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
