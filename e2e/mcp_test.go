package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
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
	Method   string `json:"method"`
	Params   any    `json:"params,omitempty"`
	Progress bool   `json:"progress,omitempty"` // ask for it
}

// A toolResult is a line that drive.mjs writes.
type toolResult struct {
	Server            struct{ Name string }
	Version           string // of the protocol
	Tools             []struct{ Name string }
	StructuredContent map[string]any
	IsError           bool
	Content           []struct{ Text string }
	Failure           string

	ResourceTemplates []struct{ URITemplate string }
	Contents          []struct{ URI, Text, MIMEType string }
	Messages          []struct{ Content struct{ Text string } }
	Completion        struct{ Values []string }
	Progress          []struct{ Progress int }
}

func calling(name string, arguments map[string]any) toolCall {
	return toolCall{Method: "tools/call", Params: map[string]any{"name": name, "arguments": arguments}}
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
	for library, version := range map[string]string{"sdk": "2025-11-25", "client": "2025-11-25", "newest": "2026-07-28"} {
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
				if results[0].Server.Name != "sheaf" || results[0].Version != version && (library != "sdk" || results[0].Version != "") {
					t.Errorf("the server is %+v, want version %s", results[0], version)
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

// What people attach to a conversation, and how a model learns what it may do.
func TestResourcesAndPrompts(t *testing.T) {
	skipWithoutSignals(t)
	t.Parallel()
	s := startServer(t, filepath.Join(t.TempDir(), "store"))
	for _, library := range []string{"sdk", "client", "newest"} {
		for name, way := range map[string][]string{
			"HTTP":  {library, "http", s.url + "/mcp/readonly"},
			"stdio": {library, "stdio", program("sheaf"), "mcp", "--url", s.url, "--toolsets", "documents", "--read-only"},
		} {
			t.Run(library+" over "+name, func(t *testing.T) {
				pushed := drive(t, []string{library, "http", s.url + "/mcp"},
					calling("push_document", map[string]any{"content": "# Plan\n", "filename": library + " " + name + ".md"}))
				id, _ := pushed[1].StructuredContent["document_id"].(string)
				uri := "sheaf://documents/" + id
				completing := func(value string) toolCall {
					return toolCall{Method: "completion", Params: map[string]any{
						"ref":      map[string]any{"type": "ref/resource", "uri": "sheaf://documents/{id}"},
						"argument": map[string]any{"name": "id", "value": value},
					}}
				}
				reading := func(uri string) toolCall {
					return toolCall{Method: "resources/read", Params: map[string]any{"uri": uri}}
				}
				search := calling("search", map[string]any{"query": "plan"})
				search.Progress = true
				results := drive(t, way, toolCall{Method: "resources/templates"},
					completing(id[:8]), completing(library+" "+name), completing("no such"),
					reading(uri), reading("sheaf://documents/doc_000000000000"), reading("sheaf://documents/../x"),
					toolCall{Method: "prompts/get", Params: map[string]any{"name": "getting_started", "arguments": map[string]any{"task": "tidy up"}}},
					toolCall{Method: "tools/list"}, search)
				var templates []string
				for _, template := range results[1].ResourceTemplates {
					templates = append(templates, template.URITemplate)
				}
				if !slices.Contains(templates, "sheaf://documents/{id}") || name == "HTTP" && !slices.Contains(templates, "sheaf://books/{book}/{+path}") {
					t.Errorf("resource templates: %q, %+v", templates, results[1])
				}
				for i, want := range []bool{true, true, false} {
					if r := results[2+i]; r.Failure != "" || slices.Contains(r.Completion.Values, id) != want {
						t.Errorf("completion %d: %+v, want the id: %t", i, r, want)
					}
				}
				if r := results[5]; len(r.Contents) != 1 || r.Contents[0].Text != "# Plan\n" || r.Contents[0].URI != uri || r.Contents[0].MIMEType != "text/markdown" {
					t.Errorf("reading a resource: %+v", r)
				}
				for i, want := range []string{"ocument not found (list documents", "Resource not found"} {
					if r := results[6+i]; !strings.Contains(r.Failure, want) {
						t.Errorf("reading what is not there: %+v, want %q", r, want)
					}
				}
				if r := results[8]; len(r.Messages) != 1 || !strings.Contains(r.Messages[0].Content.Text, "tidy up") || strings.Contains(r.Messages[0].Content.Text, "- push_document") {
					t.Errorf("the prompt: %+v", r)
				}
				for _, tool := range results[9].Tools {
					if tool.Name == "push_document" || tool.Name == "edit_document" {
						t.Errorf("%s is offered although only reading is asked for", tool.Name)
					}
				}
				// Over stdio the clients drop progress that comes in one piece with the answer.
				if r := results[10]; r.Failure != "" || r.IsError || name == "HTTP" && len(r.Progress) == 0 {
					t.Errorf("searching with progress: %+v", r)
				}
			})
		}
	}
}

// An agent that starts waits for its servers. What it gets is what the server
// sends, in that order: progress before the answer.
func TestAgentsStartFast(t *testing.T) {
	skipWithoutSignals(t)
	work := t.TempDir()
	s := startServer(t, filepath.Join(work, "served"))
	drive(t, []string{"sdk", "http", s.url + "/mcp"}, calling("push_document", map[string]any{"content": "x", "filename": "x.txt"}))
	for name, args := range map[string][]string{
		"a server":            {"--url", s.url},
		"the server's data":   {"--data-dir", filepath.Join(work, "served")},
		"a new directory":     {"--data-dir", filepath.Join(work, "new")},
		"an existing one too": {"--data-dir", filepath.Join(work, "new")},
	} {
		cmd := exec.CommandContext(t.Context(), program("sheaf"), append([]string{"mcp"}, args...)...)
		cmd.Env = environment()
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		ask := func(message string) string {
			t.Helper()
			if _, err := io.WriteString(in, message+"\n"); err != nil {
				t.Fatal(err)
			}
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatalf("with %s: %v", name, err)
			}
			return line
		}
		hello := ask(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}}`)
		took := time.Since(begin)
		t.Logf("with %s the first answer comes after %v", name, took)
		if took > 2*time.Second { // 100 ms is meant, on a machine that does nothing else
			t.Errorf("with %s the first answer comes after %v", name, took)
		}
		if !strings.Contains(hello, `"protocolVersion":"2025-06-18"`) {
			t.Errorf("with %s: %s", name, hello)
		}
		if strings.Contains(name, "server") {
			told := ask(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"search","arguments":{"query":"x"},"_meta":{"progressToken":7}}}`)
			if !strings.Contains(told, `"notifications/progress"`) || !strings.Contains(told, `"progressToken":7`) {
				t.Errorf("with %s the first thing told is %s", name, told)
			}
		}
		in.Close()
		if _, err := io.Copy(io.Discard, lines); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("with %s: %v", name, err)
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
