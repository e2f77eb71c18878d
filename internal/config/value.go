package config

import (
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A value reads and shows one field of a Config as text, the form that sheaf.yaml,
// variables and flags share. The error of set completes a sentence that begins
// with the name of the setting.
type value struct {
	kind string // what to write, for the reference
	set  func(text string) error
	show func() string
}

// Kinds that flags and the file treat in their own way.
const (
	boolKind = "true or false"
	listKind = "list"
)

func text(p *string) value {
	return value{
		kind: "text",
		set:  func(s string) error { *p = strings.TrimSpace(s); return nil },
		show: func() string { return *p },
	}
}

func nonEmpty(p *string) value {
	v := text(p)
	v.set = func(s string) error {
		if *p = strings.TrimSpace(s); *p == "" {
			return fmt.Errorf("is empty")
		}
		return nil
	}
	return v
}

func integer(p *int, least, most int) value {
	return value{
		kind: "number",
		set: func(s string) error {
			n, err := strconv.Atoi(strings.TrimSpace(s))
			if err != nil || n < least || n > most {
				return fmt.Errorf("%q is not a number from %d to %d", s, least, most)
			}
			*p = n
			return nil
		},
		show: func() string { return strconv.Itoa(*p) },
	}
}

func boolean(p *bool) value {
	return value{
		kind: boolKind,
		set: func(s string) error {
			b, err := strconv.ParseBool(strings.TrimSpace(s))
			if err != nil {
				return fmt.Errorf("%q is neither true nor false", s)
			}
			*p = b
			return nil
		},
		show: func() string { return strconv.FormatBool(*p) },
	}
}

// negated reads the opposite of a field.
func negated(p *bool) value {
	v := boolean(p)
	set := v.set
	v.set = func(s string) error {
		err := set(s)
		if err == nil {
			*p = !*p
		}
		return err
	}
	v.show = func() string { return strconv.FormatBool(!*p) }
	return v
}

// duration reads times that are longer than nothing.
func duration(p *time.Duration) value {
	return value{
		kind: "duration",
		set: func(s string) error {
			d, err := time.ParseDuration(strings.TrimSpace(s))
			if err != nil || d <= 0 {
				return fmt.Errorf("%q is not a duration longer than nothing, such as 30s or 1m30s", s)
			}
			*p = d
			return nil
		},
		show: func() string { return p.String() },
	}
}

// durationOrNone reads times that may be 0.
func durationOrNone(p *time.Duration) value {
	v := duration(p)
	positive := v.set
	v.set = func(s string) error {
		if d, err := time.ParseDuration(strings.TrimSpace(s)); err == nil && d == 0 {
			*p = 0
			return nil
		}
		return positive(s)
	}
	return v
}

// share reads a number from 0 to 1.
func share(p *float64) value {
	return value{
		kind: "number from 0 to 1",
		set: func(s string) error {
			n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
			if err != nil || !(n >= 0 && n <= 1) {
				return fmt.Errorf("%q is not a number from 0 to 1", s)
			}
			*p = n
			return nil
		},
		show: func() string { return strconv.FormatFloat(*p, 'g', -1, 64) },
	}
}

func size(p *int64, least, most int64) value {
	return value{
		kind: "size",
		set: func(s string) error {
			n, err := ParseSize(s)
			switch {
			case err != nil:
				return err
			case n < least || n > most:
				return fmt.Errorf("%q is not from %s to %s", s, FormatSize(least), FormatSize(most))
			}
			*p = n
			return nil
		},
		show: func() string { return FormatSize(*p) },
	}
}

// list reads elements separated by commas.
func list(p *[]string) value {
	return value{
		kind: listKind,
		set: func(s string) error {
			var elements []string
			for element := range strings.SplitSeq(s, ",") {
				if element = strings.TrimSpace(element); element != "" {
					elements = append(elements, element)
				}
			}
			*p = elements
			return nil
		},
		show: func() string { return strings.Join(*p, ",") },
	}
}

func choice(p *string, options ...string) value {
	return value{
		kind: strings.Join(options, ", "),
		set: func(s string) error {
			s = strings.ToLower(strings.TrimSpace(s))
			if !slices.Contains(options, s) {
				return fmt.Errorf("%q is not one of %s", s, strings.Join(options, ", "))
			}
			*p = s
			return nil
		},
		show: func() string { return *p },
	}
}

func level(p *slog.Level) value {
	name := strings.ToLower(p.String())
	v := choice(&name, "debug", "info", "warn", "error")
	setName := v.set
	v.set = func(s string) error {
		if err := setName(s); err != nil {
			return err
		}
		return p.UnmarshalText([]byte(name))
	}
	return v
}

// hostPort reads an address to listen on, or nothing.
func hostPort(p *string) value {
	v := text(p)
	v.kind = "host:port"
	setText := v.set
	v.set = func(s string) error {
		if err := setText(s); err != nil || *p == "" {
			return err
		}
		_, port, err := net.SplitHostPort(*p)
		if n, portErr := strconv.Atoi(port); err != nil || portErr != nil || n < 0 || n > 65535 {
			return fmt.Errorf("%q is not an address such as 127.0.0.1:8000", s)
		}
		return nil
	}
	return v
}

// webURL reads the address of a site, or nothing.
func webURL(p *string) value {
	return value{
		kind: "URL",
		set: func(s string) error {
			s = strings.TrimRight(strings.TrimSpace(s), "/")
			u, err := url.Parse(s)
			site := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" &&
				u.User == nil && u.RawQuery == "" && u.Fragment == ""
			if s != "" && !site {
				return fmt.Errorf("%q is not a URL such as https://sheaf.example.org", s)
			}
			*p = s
			return nil
		},
		show: func() string { return *p },
	}
}
