package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// typescript is where the official TypeScript clients are, which `make test`
// installs.
const typescript = "../tools/mcp-clients"

// node runs a script of the TypeScript clients.
func node(t *testing.T, stdin []byte, args ...string) string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(typescript, "node_modules")); err != nil {
		t.Fatalf("the TypeScript clients are not installed: run `make clients` (%v)", err)
	}
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Dir = typescript
	cmd.Env = environment()
	cmd.Stdin = bytes.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("node %s: %v\n%s%s", strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// A toolCall is a line that drive.mjs reads.
type toolCall struct {
	Method string `json:"method"`
	Params any    `json:"params,omitempty"`
}

// A toolResult is a line that drive.mjs writes.
type toolResult struct {
	Server            struct{ Name string }
	Tools             []struct{ Name string }
	StructuredContent map[string]any
	IsError           bool
	Content           []struct{ Text string }
	Failure           string
}

func calling(name string, arguments map[string]any) toolCall {
	return toolCall{"tools/call", map[string]any{"name": name, "arguments": arguments}}
}

// drive makes calls through a TypeScript client and returns their results, the
// first being what the server said of itself.
func drive(t *testing.T, way []string, calls ...toolCall) []toolResult {
	t.Helper()
	var lines []byte
	for _, call := range calls {
		line, err := json.Marshal(call)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(append(lines, line...), '\n')
	}
	results := decodeLines[toolResult](t, node(t, lines, append([]string{"drive.mjs"}, way...)...))
	if len(results) != len(calls)+1 {
		t.Fatalf("%d calls have %d results", len(calls), len(results)-1)
	}
	return results
}

// The official clients, of both generations, use the store over HTTP and over
// stdio. They check every answer against the schema that its tool has listed.
func TestTypeScriptClients(t *testing.T) {
	skipWithoutSignals(t)
	t.Parallel()
	work := t.TempDir()
	s := startServer(t, filepath.Join(work, "served"))
	for _, library := range []string{"sdk", "client"} {
		for name, way := range map[string][]string{
			"HTTP":                    {library, "http", s.url + "/mcp"},
			"stdio to a server":       {library, "stdio", program("sheaf"), "mcp", "--url", s.url},
			"stdio with a directory":  {library, "stdio", program("sheaf"), "mcp", "--data-dir", filepath.Join(work, library)},
			"stdio beside the server": {library, "stdio", program("sheaf"), "mcp", "--data-dir", filepath.Join(work, "served")},
		} {
			t.Run(library+" over "+name, func(t *testing.T) {
				t.Parallel()
				results := drive(t, way,
					toolCall{Method: "tools/list"},
					calling("push_document", map[string]any{"content": "eins\nzwei\n", "filename": "zahlen.txt", "tags": []string{library, name}}),
					calling("query_documents", map[string]any{"tags": []string{library, name}}),
					calling("push_document", map[string]any{"content": "x"}),
					calling("no_such_tool", nil),
				)
				if results[0].Server.Name != "sheaf" {
					t.Errorf("the server is %+v", results[0].Server)
				}
				if !slices.ContainsFunc(results[1].Tools, func(tool struct{ Name string }) bool { return tool.Name == "edit_document" }) {
					t.Errorf("there are the tools %v", results[1].Tools)
				}
				pushed := results[2].StructuredContent
				if pushed["mode"] != "created" || pushed["size_bytes"] != 10.0 {
					t.Errorf("push_document: %+v", results[2])
				}
				found, _ := results[3].StructuredContent["documents"].([]any)
				if len(found) != 1 || found[0].(map[string]any)["document_id"] != pushed["document_id"] {
					t.Errorf("query_documents: %+v", results[3])
				}
				if wrong := results[4]; !wrong.IsError || !strings.Contains(wrong.Content[0].Text, "filename is missing") {
					t.Errorf("push_document without a filename: %+v", wrong)
				}
				if unknown := results[5]; unknown.Failure == "" && !unknown.IsError {
					t.Errorf("a tool that there is not: %+v", unknown)
				}
			})
		}
	}
}

// The inspector is what people look at a server with.
func TestInspector(t *testing.T) {
	skipWithoutSignals(t)
	t.Parallel()
	s := startServer(t, filepath.Join(t.TempDir(), "store"))
	inspector := filepath.Join("node_modules", "@modelcontextprotocol", "inspector", "cli", "build", "cli.js")
	var listed struct{ Tools []struct{ Name string } }
	if err := json.Unmarshal([]byte(node(t, nil, inspector, "--cli", s.url+"/mcp", "--method", "tools/list")), &listed); err != nil || len(listed.Tools) == 0 {
		t.Errorf("tools/list: %+v, %v", listed, err)
	}
	called := node(t, nil, inspector, "--cli", program("sheaf"), "mcp", "--url", s.url, "--method", "tools/call", "--tool-name", "query_documents", "--tool-arg", "limit=3")
	if !strings.Contains(called, `"documents": []`) {
		t.Errorf("tools/call over stdio: %s", called)
	}
}
