package rest

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sheaf-dev/sheaf"
)

// auditRoutes are the operations on the audit.
func auditRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/audit", id: "listAudit", group: "Audit",
			summary: "List who did what, and what was refused",
			description: "Changes, which are in the log, and reads, refusals and conflicts, which are not; the newest first, at most 100. " +
				"The next page is in the Link header, also of a page that is short because what is looked for is rare. " +
				"Of a filter that is given several times, or with commas, one value has to hold; every filter has to. " +
				"Access records of others need the scope admin.",
			access: needs(sheaf.ScopeRead),
			parameters: []*huma.Param{
				queryParam("date_range", "Days such as 2026-01-31, in UTC", textSchema()),
				queryParam("from", "From this time on, instead of days", timeSchema()),
				queryParam("until", "Before this time", timeSchema()),
				queryParam("agent_id", "Principals, or what callers called themselves", textSchema()),
				queryParam("operation_type", "Such as content.write", textSchema()),
				queryParam("book_id", "Collections", textSchema()),
				queryParam("path", "A path, or with / or * at its end all paths that begin so; commas belong to it", textSchema()),
				queryParam("document_id", "Documents", textSchema()),
				queryParam("status", "success, error, conflict or denied", textSchema()),
				queryParam("limit", "Most entries; more than 100 is 100", limitSchemaOf(100)),
				queryParam("continuation_token", "From the page before, with the same filters", textSchema()),
			},
			success: map[string]*huma.Response{"200": {Description: "The entries, possibly none"}},
			errors:  []sheaf.ErrorKind{sheaf.ErrInvalid, sheaf.ErrUnavailable},
			serve:   answering((*server).listAudit),
		},
		{
			method: http.MethodPost, path: "/audit/verify", id: "verifyAudit", group: "Audit",
			summary: "Check that nobody has changed the log",
			description: "Recomputes the chain of every stream and compares the exported files with it. " +
				"Of each stream and file, the first entry that is wrong is named.",
			access:  needs(sheaf.ScopeAdmin),
			success: map[string]*huma.Response{"200": {Description: "What was compared and what is wrong"}},
			errors:  []sheaf.ErrorKind{sheaf.ErrRateLimited, sheaf.ErrUnavailable},
			serve:   answering((*server).verifyAudit),
		},
	}
}

func limitSchemaOf(page int) *huma.Schema {
	schema := limitSchema()
	schema.Default = page
	return schema
}
