package mcp_test

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

// connect returns a session of the SDK's client with a real server.
func connect(t *testing.T, url string) *sdk.ClientSession {
	t.Helper()
	client := sdk.NewClient(&sdk.Implementation{Name: "tester", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &sdk.StreamableClientTransport{Endpoint: url}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

// call calls a tool and decodes its answer, which has to be in both forms.
func call[Out any](t *testing.T, session *sdk.ClientSession, name string, arguments any) (out Out) {
	t.Helper()
	result, err := session.CallTool(context.WithoutCancel(t.Context()), &sdk.CallToolParams{Name: name, Arguments: arguments})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	text := result.Content[0].(*sdk.TextContent).Text
	if result.IsError {
		t.Fatalf("%s: %s", name, text)
	}
	structured, err := json.Marshal(result.StructuredContent)
	if err != nil {
		t.Fatal(err)
	}
	if !sameJSON(t, structured, []byte(text)) {
		t.Errorf("%s answers %s, and as text %s", name, structured, text)
	}
	if err := json.Unmarshal(structured, &out); err != nil {
		t.Fatalf("%s answers %s: %v", name, structured, err)
	}
	return out
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var left, right any
	if err := json.Unmarshal(a, &left); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &right); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(left, right)
}

// A refusal is what an agent is told when a call fails.
type refusal struct {
	Code     sheaf.ErrorKind
	Message  string
	Hint     string
	Fields   []sheaf.FieldError
	Conflict *sheaf.WriteConflict
}

// refuse calls a tool that has to fail.
func refuse(t *testing.T, session *sdk.ClientSession, name string, arguments any) refusal {
	t.Helper()
	result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: name, Arguments: arguments})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	text := result.Content[0].(*sdk.TextContent).Text
	if !result.IsError {
		t.Fatalf("%s %v answers %s, want an error", name, arguments, text)
	}
	var told struct{ Error refusal }
	if err := json.Unmarshal([]byte(text), &told); err != nil {
		t.Fatalf("%s answers %s: %v", name, text, err)
	}
	return told.Error
}

type arguments map[string]any

type document struct {
	DocumentID string `json:"document_id"`
	Mode       string
	Content    string
	Hash       string `json:"file_hash_sha256"`
	Version    int
	Truncated  bool
	Next       string
	Diff       string
}

// An agent stores, finds, reads, edits and deletes a document.
func TestDocumentTools(t *testing.T) {
	s := sheaftest.Start(t)
	session := connect(t, s.URL+"/mcp")

	pushed := call[document](t, session, "push_document", arguments{"content": "one\ntwo\nthree\n", "filename": "notes.md", "tags": []string{"a"}})
	if pushed.Mode != "created" {
		t.Errorf("push_document: %+v", pushed)
	}
	id := pushed.DocumentID
	found := call[struct{ Documents []document }](t, session, "query_documents", arguments{"name": "NOTES", "tags": []string{" a "}})
	if len(found.Documents) != 1 || found.Documents[0].DocumentID != id {
		t.Errorf("query_documents: %+v", found)
	}
	read := call[document](t, session, "read_document", arguments{"document_id": id, "offset": 2, "limit": 1})
	if read.Content != "two\n" || !read.Truncated || read.Next != "call again with offset 3" {
		t.Errorf("read_document: %+v", read)
	}
	edit := arguments{"document_id": id, "file_hash": read.Hash, "edits": []arguments{{"old_string": "two", "new_string": "2"}}, "dry_run": true}
	if edited := call[document](t, session, "edit_document", edit); !strings.Contains(edited.Diff, "-two\n+2\n") {
		t.Errorf("edit_document with dry_run: %+v", edited)
	}
	delete(edit, "dry_run")
	if edited := call[document](t, session, "edit_document", edit); edited.Mode != "updated" || edited.Version != 2 {
		t.Errorf("edit_document: %+v", edited)
	}

	// The same hash again is of what was read before the edit.
	write := arguments{"document_id": id, "expected_hash": read.Hash, "content": "one\ntwo\nthree\nfour\n"}
	told := refuse(t, session, "edit_document", write)
	if told.Code != sheaf.ErrConflict || told.Conflict == nil || told.Conflict.CurrentVersion != 2 || told.Hint == "" {
		t.Errorf("a write over another: %+v", told)
	}
	write["on_conflict"] = "merge"
	if merged := call[document](t, session, "edit_document", write); merged.Mode != "merged" {
		t.Errorf("a merge: %+v", merged)
	}
	// As clients of FastMCP send arguments.
	if all := call[document](t, session, "read_document", arguments{"params": arguments{"document_id": id}}); all.Content != "one\n2\nthree\nfour\n" || all.Truncated {
		t.Errorf("after the merge: %+v", all)
	}

	for _, existed := range []bool{true, false} {
		deleted := call[struct{ Existed bool }](t, session, "delete_document", arguments{"document_id": id})
		if deleted.Existed != existed {
			t.Errorf("delete_document: existed is %v, want %v", deleted.Existed, existed)
		}
	}
	if told := refuse(t, session, "read_document", arguments{"document_id": id}); told.Code != sheaf.ErrNotFound || told.Hint == "" {
		t.Errorf("reading what is deleted: %+v", told)
	}
}

// Everything that is wrong with a call is said at once.
func TestWrongArguments(t *testing.T) {
	session := connect(t, sheaftest.Start(t).URL+"/mcp")
	told := refuse(t, session, "push_document", arguments{"content": 1, "tags": "a", "metadata": []int{}, "colour": "red", "message": nil})
	got := make(map[string]string)
	for _, field := range told.Fields {
		got[field.Field] = field.Message
	}
	if told.Code != sheaf.ErrInvalid || len(got) != 5 || got["filename"] != "filename is missing" ||
		!strings.Contains(got["colour"], "there are content, filename, name") {
		t.Errorf("wrong arguments: %+v", told)
	}
	for name, wrong := range map[string]arguments{
		"edits[1].start_line": {"edits": []arguments{{"append": "x"}, {"start_line": 0}}},
		"edits[0].colour":     {"edits": []arguments{{"colour": "red"}}},
		"file_hash":           {"content": "x", "file_hash": "abc"},
		"on_conflict":         {"content": "x", "on_conflict": "win"},
		"edits":               {},
	} {
		wrong["document_id"] = "doc_0123456789ab"
		if told := refuse(t, session, "edit_document", wrong); len(told.Fields) != 1 || told.Fields[0].Field != name {
			t.Errorf("edit_document with a wrong %s: %+v", name, told)
		}
	}
}

// What is listed is what the caller may use.
func TestToolLists(t *testing.T) {
	s := sheaftest.Start(t)
	for _, listed := range []struct{ path, has, not string }{
		{"/mcp", "push_document", ""},
		{"/mcp/x/documents", "push_document", ""},
		{"/mcp/x/admin", "", "push_document"},
	} {
		tools, err := connect(t, s.URL+listed.path).ListTools(t.Context(), nil)
		if err != nil {
			t.Fatalf("%s: %v", listed.path, err)
		}
		names := map[string]bool{}
		for _, tool := range tools.Tools {
			names[tool.Name] = true
			a := tool.Annotations
			if a == nil || a.DestructiveHint == nil || a.OpenWorldHint == nil || *a.OpenWorldHint || tool.OutputSchema == nil || tool.Title == "" {
				t.Errorf("%s: %s is not described in full: %+v", listed.path, tool.Name, a)
			}
		}
		if listed.has != "" && !names[listed.has] || names[listed.not] {
			t.Errorf("%s lists %v", listed.path, names)
		}
	}
}
