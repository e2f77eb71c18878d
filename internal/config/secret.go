package config

import (
	"log/slog"
	"strings"
)

// A Secret is a text that is not shown: whoever prints the configuration, or
// logs it, prints a placeholder.
type Secret string

const hidden = "(secret)"

// Reveal returns the text itself.
func (s Secret) Reveal() string { return string(s) }

// String returns a placeholder, "" if there is no text.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString returns what String does.
func (s Secret) GoString() string { return s.String() }

// MarshalText returns what String does.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue returns what String does.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// secret reads a text that is never shown.
func secret(p *Secret) value {
	return value{
		kind: "secret",
		set:  func(s string) error { *p = Secret(strings.TrimSpace(s)); return nil },
		show: func() string { return p.String() },
	}
}
