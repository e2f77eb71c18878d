package rest

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// parseLimit reads a page's length, [library.DefaultPage] if it cannot be read. A
// number too large for an int is a large one, which the library cuts down to the
// longest page.
func parseLimit(s string) (int, error) {
	if s == "" {
		return library.DefaultPage, nil
	}
	limit, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return library.DefaultPage, sheaf.Invalid("limit", fmt.Sprintf("limit has to be a number from 1, %q is not", sheaf.Clip(s)))
	}
	return limit, nil
}

func parseTime(field, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, sheaf.Invalid(field, fmt.Sprintf("%s has to be a time like 2025-01-31T12:00:00Z, %q is not", field, sheaf.Clip(s))).
			WithHint("in a query a + is written %2B")
	}
	return t, nil
}

// parseNumber reads a whole number from least up, or returns fallback when the
// parameter is absent. One too large for an int is the largest, which is of
// nothing that exists.
func parseNumber(values url.Values, name string, least, fallback int) (int, error) {
	if !values.Has(name) {
		return fallback, nil
	}
	text := strings.TrimSpace(values.Get(name))
	number, err := strconv.Atoi(text)
	if errors.Is(err, strconv.ErrRange) && number > 0 {
		return math.MaxInt, nil
	}
	if err != nil || number < least {
		return 0, sheaf.Invalid(name, fmt.Sprintf("%s has to be a number from %d, %q is not", name, least, sheaf.Clip(text)))
	}
	return number, nil
}

// parseMoment reads the parameter "at": a revision, or a time. Without it the
// moment is now.
func parseMoment(values url.Values) (library.Moment, error) {
	if !values.Has("at") {
		return library.Moment{}, nil
	}
	at, err := library.ParseMoment(values.Get("at"))
	if err != nil {
		return library.Moment{}, sheaf.Invalid("at", err.Error()).WithHint("in a query a + is written %2B")
	}
	return at, nil
}

// parsePassage reads which part of a text is asked for; found is false when all
// of it is.
func parsePassage(values url.Values) (passage library.Passage, found bool, err error) {
	lines, characters := values.Has("lines"), values.Has("chars")
	switch {
	case lines && characters:
		return passage, true, sheaf.Invalid("chars", "ask for lines or for characters, not for both")
	case lines:
		first, last, err := parseLines(values.Get("lines"))
		return library.Lines(first, last), true, err
	case characters:
		start, count, err := parseCharacters(values.Get("chars"))
		return library.Characters(start, count), true, err
	}
	return passage, false, nil
}

// parseLines reads a range of lines, counted from 1: 10-20, 10- to the end,
// where last is 0, or 10 alone.
func parseLines(text string) (first, last int, err error) {
	from, to, isRange := strings.Cut(strings.TrimSpace(text), "-")
	first, ok := parseDigits(from)
	last = first
	switch {
	case isRange && to == "":
		last = 0
	case isRange:
		var lastOK bool
		last, lastOK = parseDigits(to)
		ok = ok && lastOK && last >= first
	}
	if !ok || first < 1 {
		return 0, 0, sheaf.Invalid("lines", fmt.Sprintf("lines is a range like 10-20, 10- or 10, counted from 1; %q is not", sheaf.Clip(text)))
	}
	return first, last, nil
}

// parseCharacters reads a range of characters, counted from 0: 100+50 is 50 of
// them from number 100 on, 100- all from there, where count is 0.
func parseCharacters(text string) (start, count int, err error) {
	trimmed := strings.TrimSpace(text)
	// In a query a plus that nobody has escaped is a space.
	at := strings.IndexAny(trimmed, "+ -")
	if at >= 0 {
		startOK, countOK := false, true
		start, startOK = parseDigits(trimmed[:at])
		if toEnd := trimmed[at:] == "-"; !toEnd {
			count, countOK = parseDigits(trimmed[at+1:])
			countOK = countOK && count > 0 && trimmed[at] != '-'
		}
		if startOK && countOK {
			return start, count, nil
		}
	}
	return 0, 0, sheaf.Invalid("chars", fmt.Sprintf("chars is a start and a count like 100+50, or a start like 100-, counted from 0; %q is neither", sheaf.Clip(text)))
}

// parseDigits reads a number of decimal digits, without a sign.
func parseDigits(text string) (int, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	number, err := strconv.Atoi(text)
	return number, err == nil
}
