package client

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// A Moment is a revision of a collection, or a time; the zero Moment is now. Of
// a document that was moved, a revision is of the collection that it is in now:
// what it was elsewhere can be had by a time.
type Moment struct {
	Revision int64
	Time     time.Time
}

// ParseMoment reads a revision, such as 42, a time as RFC 3339 has it, or a date,
// which is its beginning in UTC. An empty text is now.
func ParseMoment(text string) (Moment, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Moment{}, nil
	}
	if revision, err := strconv.ParseInt(text, 10, 64); err == nil && revision > 0 {
		return Moment{Revision: revision}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return Moment{Time: at}, nil
		}
	}
	return Moment{}, sheaf.Invalid("at", fmt.Sprintf("at is a revision such as 42, or a time such as 2026-01-31 or 2026-01-31T12:00:00Z; %q is neither", text))
}

// set adds the moment to a query, unless it is now.
func (m Moment) set(query url.Values) {
	switch {
	case m.Revision != 0:
		query.Set("at", strconv.FormatInt(m.Revision, 10))
	case !m.Time.IsZero():
		query.Set("at", m.Time.UTC().Format(time.RFC3339Nano))
	}
}
