package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// AuditInput selects entries of the audit. Its conditions all have to hold; of
// the values of one, one has to. An empty condition always holds.
type AuditInput struct {
	Days        []string  // YYYY-MM-DD, UTC
	From, Until time.Time // instead of days: from then on, before then
	Agents      []string  // principals, or what callers called themselves
	Operations  []string  // such as content.write
	Collections []string
	Paths       []string // one that ends with / or * means all that begin so
	Documents   []string // ids
	Statuses    []string // success, error, conflict, denied
	PageSize    int      // entries per request; 0 leaves that to the server
}

func (in AuditInput) query() url.Values {
	query := limitQuery(in.PageSize)
	for name, values := range map[string][]string{
		"date_range": in.Days, "agent_id": in.Agents, "operation_type": in.Operations, "book_id": in.Collections,
		"document_id": in.Documents, "status": in.Statuses,
	} {
		if len(values) > 0 {
			query.Set(name, strings.Join(values, ","))
		}
	}
	if len(in.Paths) > 0 {
		query["path"] = in.Paths
	}
	for name, at := range map[string]time.Time{"from": in.From, "until": in.Until} {
		if !at.IsZero() {
			query.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	return query
}

// Audit yields who did what, and what was refused, the newest first. What happens
// meanwhile is not among it. An error is the last thing it yields.
func (c *Client) Audit(ctx context.Context, in AuditInput) iter.Seq2[sheaf.AuditEntry, error] {
	return pages[sheaf.AuditEntry](ctx, c, "audit", in.query())
}

// VerifyAudit has the server recompute the chain of its log and compare the
// exported files with it. It is waited for, as by [Client.Check].
func (c *Client) VerifyAudit(ctx context.Context) (sheaf.AuditVerification, error) {
	var found sheaf.AuditVerification
	req, err := c.request(ctx, http.MethodPost, "audit/verify", nil, nil)
	if err != nil {
		return found, err
	}
	_, err = c.patient().getJSON(req, &found)
	return found, err
}
