package markup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

const (
	// MaxFrontMatter is how many bytes front matter has at most. Longer is an
	// error of it, as is one that does not end.
	MaxFrontMatter = 64 << 10

	maxYAMLNodes = 10_000 // aliases counted as often as they are used
	maxYAMLDepth = 64
)

// FrontMatter is what a Markdown text says of itself in YAML between two lines
// of three hyphens at its top.
type FrontMatter struct {
	Metadata json.RawMessage // a JSON object, empty when there is none or it is wrong

	// Error says what is wrong with it, and Line where, counted from 1 in the
	// text; empty and 0 when nothing is.
	Error string
	Line  int
}

// ParseFrontMatter reads the front matter at the top of a text, of which the
// first MaxFrontMatter bytes and a few are enough. It changes nothing and never
// fails: what is wrong is in the result.
//
// Keys of YAML that are not texts become texts, and so do values that JSON does
// not have: dates, NaN, infinite numbers.
func ParseFrontMatter(text string) FrontMatter {
	none := FrontMatter{Metadata: json.RawMessage("{}")}
	wrong := func(line int, format string, args ...any) FrontMatter {
		return FrontMatter{Metadata: none.Metadata, Error: fmt.Sprintf(format, args...), Line: line}
	}
	source, found, closed := cutFrontMatter(text)
	switch {
	case !found:
		return none
	case !closed:
		return wrong(1, "the front matter does not end: a line --- is missing within the first %d bytes", MaxFrontMatter)
	case !utf8.ValidString(source):
		return wrong(1, "the front matter is not valid UTF-8")
	}
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(source), &document); err != nil {
		message, line := explainYAML(err)
		return wrong(line, "%s", message)
	}
	if len(document.Content) == 0 {
		return none
	}
	converter := yamlConverter{left: maxYAMLNodes}
	value, err := converter.convert(document.Content[0], 0)
	if err != nil {
		return wrong(converter.line+1, "%s", err)
	}
	if value == nil {
		return none
	}
	if _, isObject := value.(map[string]any); !isObject {
		return wrong(2, "the front matter is not a mapping, such as title: Introduction")
	}
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return wrong(2, "the front matter has no JSON form")
	}
	return FrontMatter{Metadata: bytes.TrimSpace(encoded.Bytes())}
}

// cutFrontMatter returns what stands between the lines that enclose it. Found
// says that there is a first one, closed that there is a second.
func cutFrontMatter(text string) (source string, found, closed bool) {
	text = strings.TrimPrefix(text, "\ufeff")
	first, rest, _ := strings.Cut(text, "\n")
	if strings.TrimRight(first, " \t\r") != "---" {
		return "", false, false
	}
	for at := 0; at < len(rest) && at <= MaxFrontMatter; {
		line, _, _ := strings.Cut(rest[at:], "\n")
		if fence := strings.TrimRight(line, " \t\r"); fence == "---" || fence == "..." {
			return rest[:at], true, true
		}
		at += len(line) + 1
	}
	return "", true, false
}

var yamlLine = regexp.MustCompile(`^line (\d+): `)

// explainYAML returns what an error of the parser says, and of which line of the
// text: the front matter begins on its second.
func explainYAML(err error) (message string, line int) {
	message = strings.TrimPrefix(err.Error(), "yaml: ")
	line = 2
	if match := yamlLine.FindStringSubmatch(message); match != nil {
		if n, err := strconv.Atoi(match[1]); err == nil {
			line = n + 1
		}
		message = message[len(match[0]):]
	}
	return message, line
}

// A yamlConverter makes of YAML what JSON has. It stops at a text whose aliases
// would make it large.
type yamlConverter struct {
	left int // nodes that may follow
	line int // of the node that was looked at last
}

func (c *yamlConverter) convert(node *yaml.Node, depth int) (any, error) {
	if node.Line > 0 {
		c.line = node.Line
	}
	if c.left--; c.left < 0 {
		return nil, fmt.Errorf("the front matter has more than %d values, with those its aliases stand for", maxYAMLNodes)
	}
	if depth > maxYAMLDepth {
		return nil, fmt.Errorf("the front matter is nested deeper than %d", maxYAMLDepth)
	}
	switch node.Kind {
	case yaml.AliasNode:
		return c.convert(node.Alias, depth+1)
	case yaml.SequenceNode:
		values := []any{}
		for _, item := range node.Content {
			value, err := c.convert(item, depth+1)
			if err != nil {
				return nil, err
			}
			values = append(values, value)
		}
		return values, nil
	case yaml.MappingNode:
		return c.convertMapping(node, depth)
	}
	return scalar(node), nil
}

func (c *yamlConverter) convertMapping(node *yaml.Node, depth int) (any, error) {
	values := make(map[string]any)
	merged := make(map[string]any)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		for key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		c.line = node.Content[i].Line
		if key.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("a key is not a text")
		}
		converted, err := c.convert(value, depth+1)
		if err != nil {
			return nil, err
		}
		if key.ShortTag() == "!!merge" {
			mergeInto(merged, converted)
			continue
		}
		if _, twice := values[key.Value]; twice {
			c.line = key.Line
			return nil, fmt.Errorf("the key %q is there twice", key.Value)
		}
		values[key.Value] = converted
	}
	for key, value := range merged {
		if _, own := values[key]; !own {
			values[key] = value
		}
	}
	return values, nil
}

// mergeInto adds what a merge key stands for: a mapping, or several of which the
// first counts most.
func mergeInto(merged map[string]any, from any) {
	switch from := from.(type) {
	case map[string]any:
		for key, value := range from {
			if _, known := merged[key]; !known {
				merged[key] = value
			}
		}
	case []any:
		for _, one := range from {
			mergeInto(merged, one)
		}
	}
}

// scalar returns the value of a node as JSON has it, else its text.
func scalar(node *yaml.Node) any {
	switch node.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		var b bool
		if node.Decode(&b) == nil {
			return b
		}
	case "!!int":
		var n int64
		if node.Decode(&n) == nil {
			return n
		}
	case "!!float":
		var f float64
		if node.Decode(&f) == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
	}
	return node.Value
}
