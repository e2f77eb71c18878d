// Package grep finds the lines of texts that match a regular expression, fast
// enough to look through a whole book for each question.
//
// A [Pattern] is made once of an expression in the syntax of RE2, whose time to
// match grows with the text and never worse, and is then used by any number of
// goroutines. It is matched against one line at a time, without its line ending,
// be that LF or CR LF. Most lines are never looked at by the expression: the
// pattern knows which texts have to be in whatever it matches, and looks for
// those first.
package grep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"github.com/sheaf-dev/sheaf"
)

const (
	// maxSize bounds the size of a compiled expression: repetitions of
	// repetitions grow without end from few characters.
	maxSize = 10_000

	// longMatch is the product of a line's bytes and the expression's size from
	// which on matching checks whether anybody is still waiting. Below, a match
	// takes less than a second.
	longMatch = 1 << 26
)

// A Pattern is a compiled expression. Its methods may be called concurrently.
type Pattern struct {
	expression *regexp.Regexp
	size       int
	required   literals
}

// Compile compiles an expression. Its errors are about the field "pattern" and
// say where it is wrong and what can be done instead.
func Compile(expression string, ignoreCase bool) (*Pattern, error) {
	if !utf8.ValidString(expression) {
		return nil, sheaf.Invalid("pattern", "the pattern is not valid UTF-8")
	}
	flags := syntax.Perl
	if ignoreCase {
		flags |= syntax.FoldCase
	}
	tree, err := syntax.Parse(expression, flags)
	if err != nil {
		return nil, explain(err, expression)
	}
	if hasLineFeed(tree) {
		return nil, sheaf.Invalid("pattern", "the pattern has a line feed, and is matched against one line at a time").
			WithHint("look for what is in one of the lines, and ask for context_lines to see those around it")
	}
	size := sizeOf(tree)
	if size > maxSize {
		return nil, sheaf.Invalid("pattern", fmt.Sprintf("the pattern is too large once its repetitions are written out: more than %d steps", maxSize)).
			WithHint("repeat fewer times, or without a bound: x{2,} or x+ in place of x{2,1000}")
	}
	if ignoreCase {
		expression = "(?i)" + expression
	}
	compiled, err := regexp.Compile(expression)
	if err != nil {
		return nil, explain(err, expression)
	}
	return &Pattern{expression: compiled, size: size, required: requiredBy(tree)}, nil
}

// MatchesEverything reports whether the pattern matches every line, as "x*"
// does, so that its matches say nothing.
func (p *Pattern) MatchesEverything() bool {
	return p.expression.MatchString("") && p.expression.MatchString("\x01")
}

// explain returns an error of the parser as one that says what to do.
func explain(err error, expression string) error {
	var wrong *syntax.Error
	if !errors.As(err, &wrong) {
		return err
	}
	what := wrong.Code.String()
	if wrong.Expr != "" {
		what += ": " + sheaf.Clip(wrong.Expr)
	}
	// What is wrong with the whole expression has no place.
	if at := strings.Index(expression, wrong.Expr); at >= 0 && wrong.Expr != expression && wrong.Expr != "" {
		what += fmt.Sprintf(", at character %d", utf8.RuneCountInString(expression[:at])+1)
	}
	return sheaf.Invalid("pattern", "the pattern is no regular expression: "+what).WithHint(hintFor(wrong))
}

// hintFor says what to do in place of what RE2 does not have.
func hintFor(wrong *syntax.Error) string {
	begins := func(prefixes ...string) bool {
		for _, prefix := range prefixes {
			if strings.HasPrefix(wrong.Expr, prefix) {
				return true
			}
		}
		return false
	}
	switch {
	case begins("(?=", "(?!", "(?<=", "(?<!", "(?>"):
		return "the syntax is RE2, which cannot look ahead or behind: match what is around as well, or search for one condition and check the other in the lines found"
	case wrong.Code == syntax.ErrInvalidEscape && len(wrong.Expr) > 1 && strings.ContainsRune("123456789kg", rune(wrong.Expr[1])):
		return "the syntax is RE2, which has no backreferences: search for the first occurrence, and check the rest in the lines found"
	case wrong.Code == syntax.ErrInvalidRepeatSize:
		return "at most 1000 repetitions can be counted, those of a group times those in it; x{2,} and x+ have no bound"
	case wrong.Code == syntax.ErrInvalidRepeatOp && len(wrong.Expr) > 1:
		return "the syntax is RE2, in which a repetition cannot be repeated or made possessive; put it into a group: (x+)+"
	}
	return `the syntax is RE2; a backslash before any of \ . + * ? ( ) [ ] { } | ^ $ means the character itself`
}

// hasLineFeed reports whether an expression asks for a line feed. In a class of
// characters it is one of many.
func hasLineFeed(tree *syntax.Regexp) bool {
	if tree.Op == syntax.OpLiteral && strings.ContainsRune(string(tree.Rune), '\n') {
		return true
	}
	for _, sub := range tree.Sub {
		if hasLineFeed(sub) {
			return true
		}
	}
	return false
}

// sizeOf returns about how many steps the program of an expression has, without
// writing out its repetitions. From maxSize on it does not count exactly.
func sizeOf(tree *syntax.Regexp) int {
	size := 1
	if tree.Op == syntax.OpLiteral {
		size = len(tree.Rune)
	}
	for _, sub := range tree.Sub {
		size = min(size+sizeOf(sub), 100*maxSize)
	}
	if tree.Op == syntax.OpRepeat {
		size *= max(tree.Min, tree.Max, 1)
	}
	return size
}

// find returns where the first match in a line is, nil for none. It fails when
// the context ends before it is done.
func (p *Pattern) find(ctx context.Context, line []byte) ([]int, error) {
	if len(line)*p.size < longMatch {
		return p.expression.FindIndex(line), nil
	}
	found := p.expression.FindReaderIndex(&interruptible{ctx: ctx, rest: line})
	return found, ctx.Err()
}

// An interruptible reads a line until its context is done. The engine itself
// cannot be interrupted, but takes the end of its input at any time.
type interruptible struct {
	ctx  context.Context
	rest []byte
	read int // characters
}

func (r *interruptible) ReadRune() (rune, int, error) {
	const checked = 1 << 10 // characters between two looks at the context
	if r.read++; r.read%checked == 0 && r.ctx.Err() != nil || len(r.rest) == 0 {
		return 0, 0, io.EOF
	}
	character, size := utf8.DecodeRune(r.rest)
	r.rest = r.rest[size:]
	return character, size, nil
}
