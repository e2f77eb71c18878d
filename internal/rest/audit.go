package rest

import (
	"context"
	"net/url"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

type listAuditInput struct{ call }

type listAuditOutput struct {
	Link string `header:"Link" doc:"The next page, with rel=\"next\"; absent on the last"`
	Body []sheaf.AuditEntry
}

// listAudit lists entries of the audit: GET /audit.
func (s *server) listAudit(ctx context.Context, in *listAuditInput) (*listAuditOutput, error) {
	query := in.request.URL.Query()
	wanted, err := parseAuditQuery(query)
	if err != nil {
		return nil, err
	}
	page, err := s.session(in.request).AuditLog(ctx, wanted)
	if err != nil {
		return nil, err
	}
	out := &listAuditOutput{Body: page.Entries}
	if page.Next != "" {
		out.Link = s.nextPage(in.request, query, "continuation_token", page.Next)
	}
	return out, nil
}

func parseAuditQuery(query url.Values) (library.AuditQuery, error) {
	from, fromErr := parseTime("from", query.Get("from"))
	until, untilErr := parseTime("until", query.Get("until"))
	limit, limitErr := parseNumber(query, "limit", 1, library.AuditPage)
	return library.AuditQuery{
		Days: commaList(query["date_range"]), From: from, Until: until, Agents: commaList(query["agent_id"]),
		Operations: commaList(query["operation_type"]), Collections: commaList(query["book_id"]), Paths: query["path"],
		Documents: commaList(query["document_id"]), Statuses: commaList(query["status"]),
		Limit: limit, Token: query.Get("continuation_token"),
	}, sheaf.InvalidFields(fromErr, untilErr, limitErr)
}

// commaList returns the elements of lists that are separated by commas.
func commaList(values []string) (elements []string) {
	for _, value := range values {
		elements = append(elements, strings.Split(value, ",")...)
	}
	return elements
}

type verifyAuditInput struct{ call }

type verifyAuditOutput struct {
	Body sheaf.AuditVerification
}

// verifyAudit compares the log with its chain and its files: POST /audit/verify.
func (s *server) verifyAudit(ctx context.Context, in *verifyAuditInput) (*verifyAuditOutput, error) {
	found, err := s.session(in.request).VerifyAudit(ctx)
	if err != nil {
		return nil, err
	}
	return &verifyAuditOutput{found}, nil
}
