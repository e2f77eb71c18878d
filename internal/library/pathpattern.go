package library

import (
	"fmt"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/sheaf-dev/sheaf"
)

const (
	maxPattern = 512 // bytes of a pattern of paths

	// maxAlternatives is how many patterns without braces one with braces may
	// stand for.
	maxAlternatives = 64
)

// A pathPattern says which paths are meant, such as content/**/*.{md,mdx}.
type pathPattern struct {
	// Without braces, because matching takes time without end where braces
	// follow each other, and next to none otherwise.
	alternatives []string
	name         bool // the pattern is for the last segment of a path
}

// parsePathPattern reads a pattern for whole paths. What is wrong is said of the
// field.
func parsePathPattern(field, pattern string) (pathPattern, error) {
	if pattern == "" || len(pattern) > maxPattern || !doublestar.ValidatePattern(pattern) {
		return pathPattern{}, sheaf.Invalid(field, fmt.Sprintf("%q is not a pattern such as content/**/*.md of at most %d bytes", sheaf.Clip(pattern), maxPattern))
	}
	alternatives, ok := expandBraces(pattern, maxAlternatives)
	if !ok {
		return pathPattern{}, sheaf.Invalid(field, fmt.Sprintf("the braces of the pattern %q stand for more than %d patterns", sheaf.Clip(pattern), maxAlternatives)).
			WithHint("use fewer braces, or a * in their place")
	}
	return pathPattern{alternatives: alternatives}, nil
}

// parseGlob reads a pattern as people and agents write it: one without a slash
// is for a name, at any depth, and one that ends with a slash for all that is in
// a directory. A slash or ./ at its beginning ties it to the top.
func parseGlob(field, pattern string) (pathPattern, error) {
	whole := strings.TrimPrefix(strings.TrimPrefix(pattern, "./"), "/")
	if strings.HasSuffix(whole, "/") {
		whole += "**"
	}
	p, err := parsePathPattern(field, whole)
	p.name = !strings.Contains(pattern, "/")
	return p, err
}

// matches reports whether a path is meant.
func (p pathPattern) matches(file string) bool {
	if p.name {
		file = path.Base(file)
	}
	for _, alternative := range p.alternatives {
		if doublestar.MatchUnvalidated(alternative, file) {
			return true
		}
	}
	return false
}

// prefix returns what all paths that are meant begin with.
func (p pathPattern) prefix() string {
	if p.name {
		return ""
	}
	common := literalPrefix(p.alternatives[0])
	for _, alternative := range p.alternatives[1:] {
		prefix := literalPrefix(alternative)
		same := 0
		for same < min(len(common), len(prefix)) && common[same] == prefix[same] {
			same++
		}
		common = common[:same]
	}
	return common
}

// literalPrefix returns what stands in a pattern before anything that is not
// itself. A slash before ** need not be there.
func literalPrefix(pattern string) string {
	var literal strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '*', '?', '[':
			return strings.TrimSuffix(literal.String(), "/")
		case '\\':
			i++
		}
		literal.WriteByte(pattern[i])
	}
	return literal.String()
}

// expandBraces returns the patterns without braces that a valid one stands for,
// at most so many.
func expandBraces(pattern string, most int) (expanded []string, ok bool) {
	open, commas, end := findBraces(pattern)
	if open < 0 {
		return []string{pattern}, true
	}
	from := open + 1
	for _, comma := range append(commas, end) {
		some, ok := expandBraces(pattern[:open]+pattern[from:comma]+pattern[end+1:], most-len(expanded))
		if expanded = append(expanded, some...); !ok || len(expanded) > most {
			return nil, false
		}
		from = comma + 1
	}
	return expanded, true
}

// findBraces returns where the first braces of a pattern, and the commas between
// their alternatives, are; an open of -1 says that there are none.
func findBraces(pattern string) (open int, commas []int, end int) {
	open = -1
	depth := 0
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '[':
			i = endOfClass(pattern, i)
		case '{':
			if depth++; depth == 1 {
				open = i
			}
		case ',':
			if depth == 1 {
				commas = append(commas, i)
			}
		case '}':
			if depth--; depth == 0 {
				return open, commas, i
			}
		}
	}
	return -1, nil, 0
}

// endOfClass returns where the class of characters ends that begins at a place.
func endOfClass(pattern string, at int) int {
	for at++; at < len(pattern) && pattern[at] != ']'; at++ {
		if pattern[at] == '\\' {
			at++
		}
	}
	return at
}
