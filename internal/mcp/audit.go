package mcp

import (
	"context"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// auditTools are the tools that say who did what.
func auditTools() []tool {
	return []tool{
		newTool(definition{
			name: "get_audit_log", title: "Read the audit log", toolset: ToolsetBooks, scope: sheaf.ScopeRead, readOnly: true, idempotent: true,
			description: "Lists who did what, and what failed, the newest first, 100 a page. All filters have to hold.",
		}, []field{
			list("date_range", "Days (UTC)", identifier("day", "").like(dayPattern)).between(0, 100),
			identifier("agent_id", "Principal or label"),
			identifier("operation_type", "Such as content.write"),
			identifier("path", "A path; all below when it ends with /"),
			identifier("book_id", "Book or collection").or("collection"),
			identifier("document_id", "Such as doc_0123456789ab"),
			choice("status", "How it ended", sheaf.CallStatuses...),
			identifier("continuation_token", "From the page before, with the same filters"),
		}, getAuditLog),
	}
}

type getAuditLogInput struct {
	DateRange         []string `json:"date_range"`
	AgentID           string   `json:"agent_id"`
	OperationType     string   `json:"operation_type"`
	Path              string   `json:"path"`
	BookID            string   `json:"book_id"`
	DocumentID        string   `json:"document_id"`
	Status            string   `json:"status"`
	ContinuationToken string   `json:"continuation_token"`
}

type getAuditLogAnswer struct {
	Entries           []sheaf.AuditEntry `json:"entries"`
	HasMore           bool               `json:"has_more"`
	ContinuationToken string             `json:"continuation_token,omitempty"`
}

func getAuditLog(ctx context.Context, session *library.Session, in getAuditLogInput) (getAuditLogAnswer, error) {
	page, err := session.AuditLog(ctx, library.AuditQuery{
		Days: in.DateRange, Agents: []string{in.AgentID}, Operations: []string{in.OperationType}, Paths: []string{in.Path},
		Collections: []string{in.BookID}, Documents: []string{in.DocumentID}, Statuses: []string{in.Status}, Token: in.ContinuationToken,
	})
	return getAuditLogAnswer{page.Entries, page.Next != "", page.Next}, err
}
