package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"unicode"
)

// Joiners are format characters without which some scripts and emoji fall apart.
const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

// printable returns s as it may be shown on a terminal: what could move the
// cursor, change colours or reverse the writing direction is escaped, such as
// \x1b.
func printable(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == unicode.ReplacementChar && s[i] != "\ufffd"[0]:
			fmt.Fprintf(&b, `\x%02x`, s[i]) // not UTF-8
		case unicode.IsPrint(r), r == zeroWidthJoiner, r == zeroWidthNonJoiner:
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

// formatSize returns a number of bytes as people read it, such as 24.5 KB.
func formatSize(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := float64(n), -1
	// What would be shown as 1024.0 is 1.0 of the next unit.
	for value >= unit-0.05 {
		value /= unit
		prefix++
	}
	return fmt.Sprintf("%.1f %cB", value, "KMGTPE"[prefix])
}

// plural returns "1 document", "2 documents".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// printJSON writes v as one indented JSON text.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// printJSONLine writes v as JSON on one line.
func printJSONLine(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// printJSONArray writes the rows as one indented JSON array, as they come. What
// it has written when a row is an error, which it returns, is no JSON, as it
// should be.
func printJSONArray[T any](w io.Writer, rows iter.Seq2[T, error]) error {
	const indent = "  "
	separator, end := "[\n"+indent, "[]\n"
	for row, err := range rows {
		if err != nil {
			return err
		}
		var text strings.Builder
		enc := json.NewEncoder(&text)
		enc.SetEscapeHTML(false)
		enc.SetIndent(indent, indent)
		if err := enc.Encode(row); err != nil {
			return err
		}
		if _, err := io.WriteString(w, separator+strings.TrimSuffix(text.String(), "\n")); err != nil {
			return err
		}
		separator, end = ",\n"+indent, "\n]\n"
	}
	_, err := io.WriteString(w, end)
	return err
}
