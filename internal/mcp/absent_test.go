package mcp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/config"
	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

// Whoever calls a tool that is not there is told why, and what to do, in the words
// of every other error.
func TestAbsentTools(t *testing.T) {
	s := sheaftest.Start(t)
	readOnly := sheaftest.Start(t, func(c *config.Config) { c.MCP.ReadOnly = true })
	for _, c := range []struct {
		url, tool     string
		code          sheaf.ErrorKind
		message, hint string
	}{
		{s.URL + "/mcp", "raed_content", sheaf.ErrNotFound, `no tool "raed_content"`, "did you mean read_content"},
		{s.URL + "/mcp", "content.fetch", sheaf.ErrNotFound, "no tool", "read_content"},
		{s.URL + "/mcp", "zzz", sheaf.ErrNotFound, "no tool", "the tools are list_books"},
		{s.URL + "/mcp/readonly", "raed_content", sheaf.ErrNotFound, "no tool", "did you mean read_content"},
		{s.URL + "/mcp/readonly", "write_content", sheaf.ErrForbidden, "for reading only", "/readonly"},
		{s.URL + "/mcp/readonly", "add_asset", sheaf.ErrForbidden, "upload_asset changes something", "/readonly"},
		{readOnly.URL + "/mcp", "write_content", sheaf.ErrForbidden, "lets agents only read", "mcp.read_only"},
		{s.URL + "/mcp/x/documents", "read_content", sheaf.ErrForbidden, "tools for books", "documents,books"},
	} {
		told := refuse(t, connect(t, c.url), c.tool, arguments{"book_id": "book", "path": "a.md", "content": "x"})
		if told.Code != c.code || !strings.Contains(told.Message, c.message) || !strings.Contains(told.Hint, c.hint) {
			t.Errorf("%s at %s: %s: %s (%s); want %s: %s (%s)", c.tool, c.url, told.Code, told.Message, told.Hint, c.code, c.message, c.hint)
		}
	}
	// What was refused is in the audit, under a name that is not the caller's.
	session := connect(t, s.URL+"/mcp")
	refuse(t, session, "rm -rf", arguments{})
	var page auditPage
	for deadline := time.Now().Add(10 * time.Second); len(page.Entries) < 1 && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		page = call[auditPage](t, session, "get_audit_log", arguments{"operation_type": "tool.call"})
	}
	if len(page.Entries) == 0 || page.Entries[0].ErrorCode != sheaf.ErrNotFound {
		t.Errorf("the audit has %+v of calls of absent tools", page.Entries)
	}
}
