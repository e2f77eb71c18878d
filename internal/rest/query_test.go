package rest

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
)

func TestParseLines(t *testing.T) {
	for text, want := range map[string]string{
		"1": "1 1", "7": "7 7", "10-20": "10 20", "5-5": "5 5", "3-": "3 0", " 4-6 ": "4 6", "007-8": "7 8",
		"": "invalid", "0": "invalid", "-": "invalid", "-5": "invalid", "0-5": "invalid", "5-3": "invalid", "1-2-3": "invalid",
		"a-b": "invalid", "1,2": "invalid", "1 2": "invalid", "+1": "invalid", "1-+2": "invalid", "99999999999999999999": "invalid",
	} {
		first, last, err := parseLines(text)
		got := fmt.Sprint(first, last)
		if err != nil {
			got = string(sheaf.KindOf(err))
		}
		if got != want {
			t.Errorf("lines=%s: %s, want %s", text, got, want)
		}
	}
}

func TestParseCharacters(t *testing.T) {
	for text, want := range map[string]string{
		"0+10": "0 10", "100 50": "100 50", "100-": "100 0", "0-": "0 0",
		"": "invalid", "5": "invalid", "5+0": "invalid", "+5": "invalid", "5+": "invalid", "-5": "invalid", "5-9": "invalid",
		"1+2+3": "invalid", "a+b": "invalid", "1++2": "invalid", "1+-2": "invalid", "99999999999999999999+1": "invalid",
	} {
		start, count, err := parseCharacters(text)
		got := fmt.Sprint(start, count)
		if err != nil {
			got = string(sheaf.KindOf(err))
		}
		if got != want {
			t.Errorf("chars=%s: %s, want %s", text, got, want)
		}
	}
}

func TestParseMoment(t *testing.T) {
	noon := time.Date(2025, 1, 31, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"42": "42", "99999999999999999999": "9223372036854775807",
		"2025-01-31T12:00:00Z": noon.String(), "2025-01-31T13:00:00+01:00": noon.String(), "2025-01-31T12:00:00.5Z": noon.Add(time.Second / 2).String(),
		"": "invalid", "0": "invalid", "-1": "invalid", "r42": "invalid", "yesterday": "invalid", "2025-01-31": "invalid",
		"2025-01-31T12:00:00": "invalid", "0001-01-01T00:00:00Z": "invalid",
	} {
		at, err := parseMoment(url.Values{"at": {text}})
		got := fmt.Sprint(at.Revision)
		switch {
		case err != nil:
			got = string(sheaf.KindOf(err))
		case at.Revision == 0:
			got = at.Time.UTC().String()
		}
		if got != want {
			t.Errorf("at=%s: %s, want %s", text, got, want)
		}
	}
	if at, err := parseMoment(url.Values{}); err != nil || !at.IsNow() {
		t.Errorf("without at: %+v, %v, want now", at, err)
	}
}

// What is accepted is a range that can be said again in its shortest form.
func FuzzLines(f *testing.F) {
	for _, seed := range []string{"1", "10-20", "3-", "5-3", "-", "99999999999999999999", "1-2-3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, last, err := parseLines(text)
		if err != nil {
			return
		}
		if first < 1 || last != 0 && last < first {
			t.Fatalf("lines=%q: %d to %d", text, first, last)
		}
		again := fmt.Sprintf("%d-%d", first, last)
		if last == 0 {
			again = fmt.Sprintf("%d-", first)
		}
		if f2, l2, err := parseLines(again); err != nil || f2 != first || l2 != last {
			t.Fatalf("lines=%q is %q, which is %d to %d, %v", text, again, f2, l2, err)
		}
	})
}

func FuzzChars(f *testing.F) {
	for _, seed := range []string{"0+10", "100 50", "7-", "5+0", "1++2", "99999999999999999999+1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		start, count, err := parseCharacters(text)
		if err != nil {
			return
		}
		if start < 0 || count < 0 {
			t.Fatalf("chars=%q: %d and %d", text, start, count)
		}
		again := fmt.Sprintf("%d+%d", start, count)
		if count == 0 {
			again = fmt.Sprintf("%d-", start)
		}
		if s2, c2, err := parseCharacters(again); err != nil || s2 != start || c2 != count {
			t.Fatalf("chars=%q is %q, which is %d and %d, %v", text, again, s2, c2, err)
		}
	})
}

func FuzzAt(f *testing.F) {
	for _, seed := range []string{"42", "0", "2025-01-31T12:00:00Z", "2025-01-31T13:00:00+01:00", "99999999999999999999", "yesterday"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := parseMoment(url.Values{"at": {text}})
		if err != nil {
			return
		}
		if at.IsNow() || at.Revision < 0 || at.Revision > 0 && !at.Time.IsZero() {
			t.Fatalf("at=%q: %+v", text, at)
		}
	})
}

func TestAcceptsText(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "*/*": false, "application/json": false, "text/x-diff": true, "text/plain, */*": true,
		"application/json, text/plain, */*": false, "application/json;q=0.5, text/x-patch": true, "text/html, */*;q=0.8": false,
		"TEXT/PLAIN;q=0": false,
	} {
		if got := acceptsText(strings.Split(accept, "|")); got != want {
			t.Errorf("Accept: %s prefers a unified diff: %v, want %v", accept, got, want)
		}
	}
}
