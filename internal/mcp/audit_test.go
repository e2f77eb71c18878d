package mcp_test

import (
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

type auditPage struct {
	Entries []sheaf.AuditEntry
	HasMore bool   `json:"has_more"`
	Token   string `json:"continuation_token"`
}

// Every tool leaves its log entry or an access record, whatever becomes of the
// call, and agents can read what they have done.
func TestEveryToolIsAudited(t *testing.T) {
	s := sheaftest.Start(t)
	session := connect(t, s.URL+"/mcp")
	tools, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range tools.Tools {
		if _, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: tool.Name, Arguments: arguments{"no_such_argument": 1}}); err != nil {
			t.Fatal(err)
		}
	}
	pushed := call[document](t, session, "push_document", arguments{"content": "one", "filename": "notes.md"})

	// Records are written now and then, in the order of the calls.
	var page auditPage
	for deadline := time.Now().Add(10 * time.Second); len(page.Entries) <= len(tools.Tools) && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		page = call[auditPage](t, session, "get_audit_log", arguments{"agent_id": "tester"})
	}
	left := make(map[string]sheaf.AuditEntry)
	for _, e := range page.Entries {
		if e.AgentID != "local" || e.Label != "tester" {
			t.Errorf("an entry of %s, %q", e.AgentID, e.Label)
		}
		left[e.Operation] = e
	}
	for _, tool := range tools.Tools {
		if e := left[tool.Name]; e.Status != sheaf.CallFailed || e.ErrorCode != sheaf.ErrInvalid || e.Transport != "mcp" {
			t.Errorf("%s with an argument that there is not leaves %+v", tool.Name, e)
		}
	}
	if e := left["document.create"]; string(e.Document) != pushed.DocumentID || e.Status != sheaf.CallSucceeded || e.Hash == "" {
		t.Errorf("push_document leaves %+v", e)
	}

	page = call[auditPage](t, session, "get_audit_log", arguments{"operation_type": "document.create", "collection": "default", "status": "success"})
	if len(page.Entries) != 1 || page.HasMore || page.Token != "" {
		t.Errorf("the creations: %+v", page)
	}
	if told := refuse(t, session, "get_audit_log", arguments{"status": "lost", "date_range": []string{"today"}}); len(told.Fields) != 2 {
		t.Errorf("a status and a day that there are not: %+v", told)
	}
}

// A call whose arguments are refused is found among those of the book and path
// that it names, whichever way it names them.
func TestRefusedCallsAreFoundByBookAndPath(t *testing.T) {
	session := connect(t, sheaftest.Start(t).URL+"/mcp")
	refuse(t, session, "write_content", arguments{"book_id": "field-notes", "path": "a.md", "content": ""})
	refuse(t, session, "get_summary", arguments{"params": arguments{"book_id": "field-notes", "chapter_path": "a.md", "wrong": 1}})
	var page auditPage
	for deadline := time.Now().Add(10 * time.Second); len(page.Entries) < 2 && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		page = call[auditPage](t, session, "get_audit_log", arguments{"book_id": "field-notes", "path": "a.md", "status": "error"})
	}
	if len(page.Entries) != 2 || page.Entries[0].Operation != "get_summary" || page.Entries[1].Operation != "write_content" {
		t.Errorf("refused calls about a.md of field-notes: %+v", page.Entries)
	}
}
