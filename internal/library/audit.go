package library

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

const (
	// AuditPage is how many entries a page of the audit has at most.
	AuditPage = 100

	// auditTime is how long a page is looked for before it is given out short.
	auditTime = 7 * time.Millisecond

	// maxAuditValues bounds the values of one condition.
	maxAuditValues = 100
)

// An AuditQuery selects entries of the audit. Its conditions all have to hold; of
// the values of one, one has to. An empty condition always holds.
type AuditQuery struct {
	Days        []string  // YYYY-MM-DD, UTC
	From, Until time.Time // from then on, before then; not together with Days
	Agents      []string  // principals, or what callers called themselves
	Operations  []string  // such as content.write
	Collections []string
	Paths       []string // one that ends with / or * means all that begin so
	Documents   []string // ids
	Statuses    []string // of sheaf.CallStatuses
	Limit       int      // 0: AuditPage, which is also the most
	Token       string   // AuditResult.Next of the page before, with the same conditions
}

// An AuditResult is a page of the audit, the newest entry first.
type AuditResult struct {
	Entries []sheaf.AuditEntry // never nil; may be fewer than asked for, even none, although there are more
	Next    string             // the token of the next page; empty when this is the last
}

// AuditLog lists log entries and access records, the newest first. What is
// appended meanwhile does not move what later pages show.
//
// Whoever may read sees the log of everybody, as in [Session.CollectionLog], and
// of the access records their own; those of others need [sheaf.ScopeAdmin] too.
func (s *Session) AuditLog(ctx context.Context, q AuditQuery) (AuditResult, error) {
	s.begin("audit.list")
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return AuditResult{}, err
	}
	filter, limit, below, err := q.check()
	if err != nil {
		return AuditResult{}, err
	}
	if !s.principal.Scopes.Has(sheaf.ScopeAdmin) {
		filter.AccessOf = s.principal.ID
	}
	result := AuditResult{Entries: []sheaf.AuditEntry{}}
	err = s.library.catalog.Snapshot(ctx, func(v *catalog.View) error {
		rows, next, err := v.Audit(filter, below, limit, auditTime)
		if err != nil {
			return err
		}
		for _, row := range rows {
			entry, err := auditEntry(row, &filter)
			if err != nil {
				return err
			}
			result.Entries = append(result.Entries, entry)
		}
		if next > 0 {
			result.Next = encodeAuditToken(auditToken{Below: next, Conditions: conditionsHash(q.conditions())})
		}
		return nil
	})
	if err == nil {
		s.library.used()
	}
	return result, err
}

// check applies the rules about queries.
func (q AuditQuery) check() (filter catalog.AuditFilter, limit int, below int64, err error) {
	filter = catalog.AuditFilter{
		Agents: cleanValues(q.Agents), Operations: cleanValues(q.Operations), Streams: cleanValues(q.Collections),
		Paths: cleanValues(q.Paths), Statuses: cleanValues(q.Statuses),
	}
	var wrong []error
	for _, condition := range []struct {
		name   string
		values []string
	}{
		{"date_range", q.Days}, {"agent_id", filter.Agents}, {"operation_type", filter.Operations}, {"book_id", filter.Streams},
		{"path", filter.Paths}, {"document_id", q.Documents}, {"status", filter.Statuses},
	} {
		if len(condition.values) > maxAuditValues {
			wrong = append(wrong, sheaf.Invalid(condition.name, fmt.Sprintf("%s has %d values, the limit is %d", condition.name, len(condition.values), maxAuditValues)))
		}
	}
	for _, status := range filter.Statuses {
		if !slices.Contains(sheaf.CallStatuses, status) {
			wrong = append(wrong, sheaf.Invalid("status", fmt.Sprintf("status is %q, it has to be one of %s", sheaf.Clip(status), strings.Join(sheaf.CallStatuses, ", "))))
		}
	}
	for _, text := range cleanValues(q.Documents) {
		id, err := sheaf.ParseDocumentID(text)
		if err != nil {
			wrong = append(wrong, sheaf.Invalid("document_id", err.Error()))
		}
		filter.Documents = append(filter.Documents, id)
	}
	var periodsErr, tokenErr error
	filter.Periods, periodsErr = q.periods()
	if limit = q.Limit; limit == 0 {
		limit = AuditPage
	}
	if limit < 0 {
		wrong = append(wrong, sheaf.Invalid("limit", "limit has to be at least 1"))
	}
	if q.Token != "" {
		below, tokenErr = decodeAuditToken(q.Token, q.conditions())
	}
	return filter, min(limit, AuditPage), below, sheaf.InvalidFields(append(wrong, periodsErr, tokenErr)...)
}

// cleanValues trims values and drops those that are empty or repeated.
func cleanValues(values []string) (cleaned []string) {
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" && !slices.Contains(cleaned, v) {
			cleaned = append(cleaned, v)
		}
	}
	return cleaned
}

// periods returns the times that are asked for, the latest first, without those
// that meet or overlap; none when any time will do.
func (q AuditQuery) periods() ([]catalog.Period, error) {
	days := cleanValues(q.Days)
	if len(days) == 0 {
		switch {
		case q.From.IsZero() && q.Until.IsZero():
			return nil, nil
		case !q.Until.IsZero() && !q.From.Before(q.Until):
			return nil, sheaf.Invalid("until", "until has to be later than from")
		}
		return []catalog.Period{{From: q.From, Until: q.Until}}, nil
	}
	if !q.From.IsZero() || !q.Until.IsZero() {
		return nil, sheaf.Invalid("date_range", "give either days, or from and until")
	}
	slices.Sort(days)
	slices.Reverse(days)
	var periods []catalog.Period
	for _, text := range days {
		from, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return nil, sheaf.Invalid("date_range", fmt.Sprintf("days are written like 2026-01-31, %q is not one", sheaf.Clip(text)))
		}
		if last := len(periods) - 1; last >= 0 && periods[last].From.Equal(from.AddDate(0, 0, 1)) {
			periods[last].From = from
			continue
		}
		periods = append(periods, catalog.Period{From: from, Until: from.AddDate(0, 0, 1)})
	}
	return periods, nil
}

// conditions returns a text that two queries share if they list the same.
func (q AuditQuery) conditions() string {
	return fmt.Sprintf("audit %q %d %d %q %q %q %q %q %q", cleanValues(q.Days), q.From.UnixMilli(), q.Until.UnixMilli(), cleanValues(q.Agents),
		cleanValues(q.Operations), cleanValues(q.Collections), cleanValues(q.Paths), cleanValues(q.Documents), cleanValues(q.Statuses))
}

// An auditToken is where a listing of the audit goes on, tied to the conditions
// it began with. New entries have larger ids, so that they are on no later page.
type auditToken struct {
	Below      int64  `json:"b"`
	Conditions string `json:"c"`
}

func encodeAuditToken(token auditToken) string {
	text, err := json.Marshal(token)
	if err != nil {
		panic(err) // numbers and strings always have a JSON form
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func decodeAuditToken(text, conditions string) (below int64, err error) {
	var token auditToken
	plain, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(text))
	if err == nil {
		err = json.Unmarshal(plain, &token)
	}
	if err != nil || token.Below < 1 {
		return 0, sheaf.Invalid("continuation_token", "the continuation token is not one that this server gave out")
	}
	if token.Conditions != conditionsHash(conditions) {
		return 0, sheaf.Invalid("continuation_token", "the continuation token belongs to a listing with other filters").
			WithHint("repeat the filters of the first page, or start again without a token")
	}
	return token.Below, nil
}

// auditEntry describes a row of the audit: of several documents the first one that
// the filter asks for, if there is a filter.
func auditEntry(row catalog.AuditRow, filter *catalog.AuditFilter) (sheaf.AuditEntry, error) {
	if a := row.Access; a != nil {
		return sheaf.AuditEntry{
			ID: a.ID, Timestamp: a.At, AgentID: a.Principal, Label: a.Label, Operation: a.Operation, Transport: a.Transport,
			BookID: a.Stream, Path: a.Path, Document: a.Document, Status: a.Status, ExecutionTimeMS: milliseconds(a.Duration),
			ErrorCode: a.Code, ErrorMessage: a.Message,
		}, nil
	}
	e := row.Entry
	payload, err := row.Payload()
	if err != nil {
		return sheaf.AuditEntry{}, err
	}
	entry := sheaf.AuditEntry{
		ID: e.ID, Stream: e.Stream, Rev: e.Rev, Timestamp: e.At, AgentID: e.Principal, Label: e.Label, Operation: e.Operation,
		Status: e.Status, ExecutionTimeMS: milliseconds(time.Duration(payload.DurationUS) * time.Microsecond),
		Message: payload.Message, Hash: e.Hash.String(),
	}
	if !e.Prev.IsZero() {
		entry.Prev = e.Prev.String()
	}
	if e.Stream != sheaf.SystemStream {
		entry.BookID = e.Stream
	}
	documents := payload.Documents
	if len(documents) > 1 {
		entry.DocumentCount = len(documents)
	}
	if len(documents) > 0 {
		shown := 0
		if filter != nil {
			shown = max(0, slices.IndexFunc(documents, filter.MatchesDocument))
		}
		describeDocument(&entry, documents[shown])
	}
	return entry, nil
}

// describeDocument says what an operation made of a document.
func describeDocument(entry *sheaf.AuditEntry, d sheaf.LogDocument) {
	entry.Document, entry.Layer = d.ID, d.Layer
	if d.Before != nil {
		entry.Path, entry.Version = d.Before.Path, d.Before.Version
		entry.FileHashBefore = hashText(d.Before.Digest)
	}
	if d.After != nil {
		entry.Path, entry.Version = d.After.Path, d.After.Version
		entry.FileHashAfter = hashText(d.After.Digest)
	}
}

// hashText returns a digest as text, nothing for that of a document without a
// content.
func hashText(digest sheaf.Digest) string {
	if digest.IsZero() {
		return ""
	}
	return digest.String()
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
