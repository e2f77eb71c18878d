package mcp

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// summaryTools are the tools for summaries of lessons and directories.
func summaryTools(limits sheaf.Limits) []tool {
	return []tool{
		newTool(definition{
			name: "add_summary", title: "Add a summary", toolset: ToolsetBooks, scope: sheaf.ScopeWrite,
			description: "Stores the summary of a lesson or of a directory of lessons, which has none yet.",
		}, summaryFields(limits), addSummary),
		newTool(definition{
			name: "update_summary", title: "Update a summary", toolset: ToolsetBooks, scope: sheaf.ScopeWrite, destructive: true, idempotent: true,
			description: "Replaces the summary of a lesson or of a directory of lessons. The same text again says that it is still right.",
		}, summaryFields(limits), updateSummary),
		newTool(definition{
			name: "get_summary", title: "Read a summary", toolset: ToolsetBooks, scope: sheaf.ScopeRead, readOnly: true, idempotent: true,
			description: "Reads the summary of a lesson or of a directory of lessons. stale in the answer says that lessons have changed since it was written, changes which ones.",
		}, []field{bookField(), subjectField(limits).must()}, getSummary),
		newTool(definition{
			name: "list_summaries", title: "List summaries", toolset: ToolsetBooks, scope: sheaf.ScopeRead, readOnly: true, idempotent: true,
			description: "Lists the summaries of a book, or what needs one: only stale or missing ones.",
		}, []field{
			bookField(), subjectField(limits),
			choice("only", "", string(library.StaleSummaries), string(library.MissingSummaries)),
			number("limit", "", 1, limits.Page),
			cursorField(),
		}, listSummaries),
	}
}

func summaryFields(limits sheaf.Limits) []field {
	return []field{
		bookField(), subjectField(limits).must(),
		text("content", "").must().between(1, maxContent).or("summary_content"),
		fileHashField(),
	}
}

// subjectField says what a summary sums up.
func subjectField(limits sheaf.Limits) field {
	return identifier("path", "Lesson or directory; / is the whole book").between(1, limits.Path).or("chapter_path")
}

type summaryInput struct {
	BookID   string        `json:"book_id"`
	Path     string        `json:"path"`
	Content  string        `json:"content"`
	FileHash *sheaf.Digest `json:"file_hash"`
}

type summaryChangeAnswer struct {
	Mode            sheaf.ChangeMode `json:"mode"`
	Path            string           `json:"path"` // what is summed up
	SummaryPath     string           `json:"summary_path"`
	FileSize        int64            `json:"file_size"`
	FileHash        sheaf.Digest     `json:"file_hash_sha256"`
	Version         int              `json:"version"`
	PreviousVersion int              `json:"previous_version"`
	AuditEntryID    int64            `json:"audit_entry_id,omitempty"`
}

func addSummary(ctx context.Context, session *library.Session, in summaryInput) (summaryChangeAnswer, error) {
	return writeSummary(ctx, session, in, session.AddSummary)
}

func updateSummary(ctx context.Context, session *library.Session, in summaryInput) (summaryChangeAnswer, error) {
	return writeSummary(ctx, session, in, session.UpdateSummary)
}

func writeSummary(ctx context.Context, session *library.Session, in summaryInput,
	write func(context.Context, library.SummaryWrite) (sheaf.Change, error),
) (summaryChangeAnswer, error) {
	content, err := session.Receive(ctx, strings.NewReader(in.Content))
	if err != nil {
		return summaryChangeAnswer{}, err
	}
	defer content.Close()
	c, err := write(ctx, library.SummaryWrite{Book: in.BookID, Path: in.Path, Content: content, FileHash: in.FileHash})
	return summaryChangeAnswer{
		Mode: c.Mode, Path: cmp.Or(strings.TrimSuffix(in.Path, "/"), "/"), SummaryPath: c.Path, FileSize: c.Size, FileHash: c.Digest,
		Version: c.Version, PreviousVersion: c.PreviousVersion, AuditEntryID: c.AuditEntryID,
	}, err
}

type getSummaryInput struct {
	BookID string `json:"book_id"`
	Path   string `json:"path"`
}

type getSummaryAnswer struct {
	sheaf.SummaryText
	Next string `json:"next,omitempty"` // how to go on
}

func getSummary(ctx context.Context, session *library.Session, in getSummaryInput) (getSummaryAnswer, error) {
	text, err := session.ReadSummary(ctx, in.BookID, in.Path, lines(0, 0))
	answer := getSummaryAnswer{SummaryText: text}
	if text.Truncated {
		answer.Next = fmt.Sprintf("call read_content with the summary_path and offset %d", defaultLines+1)
	}
	return answer, err
}

type listSummariesInput struct {
	BookID string                `json:"book_id"`
	Path   string                `json:"path"`
	Only   library.SummaryFilter `json:"only"`
	Limit  int                   `json:"limit"`
	Cursor string                `json:"cursor"`
}

type listSummariesAnswer struct {
	Summaries  []sheaf.Summary `json:"summaries"`
	TotalCount int             `json:"total_count"`
	Cursor     string          `json:"cursor,omitempty"`
}

func listSummaries(ctx context.Context, session *library.Session, in listSummariesInput) (listSummariesAnswer, error) {
	if in.Limit == 0 {
		in.Limit = library.DefaultPage
	}
	page, err := session.Summaries(ctx, library.SummaryQuery{
		Book: in.BookID, Path: in.Path, Only: in.Only, Limit: in.Limit, Cursor: in.Cursor,
	})
	return listSummariesAnswer{page.Summaries, page.Total, page.Next}, err
}
