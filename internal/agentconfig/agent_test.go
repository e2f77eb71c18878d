package agentconfig

import (
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

var update = flag.Bool("update", false, "write testdata anew")

var (
	overStdio = Server{Command: `/opt/my "tools"/sheaf`, Args: []string{"mcp", "--data-dir", "/srv/<documents>"}}
	overHTTP  = Server{URL: "http://127.0.0.1:8766/mcp"}
)

// What each agent gets is in testdata/snippets.
func TestSnippets(t *testing.T) {
	for _, agent := range Agents() {
		for way, server := range map[string]Server{"stdio": overStdio, "http": overHTTP} {
			snippet, err := agent.Snippet("sheaf", server)
			if agent == ClaudeDesktop && way == "http" {
				if sheaf.KindOf(err) != sheaf.ErrUnsupported {
					t.Errorf("%s over HTTP: %v, want unsupported", agent, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s over %s: %v", agent, way, err)
				continue
			}
			golden := filepath.Join("testdata", "snippets", string(agent)+"."+way)
			if *update {
				if err := os.WriteFile(golden, snippet, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || string(want) != string(snippet) {
				t.Errorf("%s over %s is not as in %s (%v): %s", agent, way, golden, err, snippet)
			}
		}
	}
}

func TestFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the paths below are not those of Windows")
	}
	for _, test := range []struct {
		goos  string
		env   map[string]string
		agent Agent
		scope Scope
		want  string
	}{
		{"linux", nil, ClaudeCode, User, "/home/ann/.claude.json"},
		{"linux", map[string]string{"CLAUDE_CONFIG_DIR": "/c"}, ClaudeCode, User, "/c/.claude.json"},
		{"linux", nil, ClaudeCode, Project, "/project/.mcp.json"},
		{"linux", nil, ClaudeDesktop, User, "/home/ann/.config/Claude/claude_desktop_config.json"},
		{"darwin", nil, ClaudeDesktop, User, "/home/ann/Library/Application Support/Claude/claude_desktop_config.json"},
		{"windows", map[string]string{"APPDATA": "/roaming"}, ClaudeDesktop, User, "/roaming/Claude/claude_desktop_config.json"},
		{"windows", nil, ClaudeDesktop, User, "/home/ann/AppData/Roaming/Claude/claude_desktop_config.json"},
		{"linux", nil, ClaudeDesktop, Project, ""},
		{"linux", nil, Codex, User, "/home/ann/.codex/config.toml"},
		{"linux", map[string]string{"CODEX_HOME": "/x"}, Codex, User, "/x/config.toml"},
		{"linux", map[string]string{"CODEX_HOME": "relative"}, Codex, User, "/home/ann/.codex/config.toml"},
		{"linux", nil, Codex, Project, "/project/.codex/config.toml"},
		{"darwin", nil, Cursor, User, "/home/ann/.cursor/mcp.json"},
		{"darwin", nil, Cursor, Project, "/project/.cursor/mcp.json"},
		{"linux", map[string]string{"XDG_CONFIG_HOME": "/xdg"}, VSCode, User, "/xdg/Code/User/mcp.json"},
		{"darwin", nil, VSCode, User, "/home/ann/Library/Application Support/Code/User/mcp.json"},
		{"linux", nil, VSCode, Project, "/project/.vscode/mcp.json"},
		{"linux", nil, Gemini, User, "/home/ann/.gemini/settings.json"},
		{"linux", nil, Gemini, Project, "/project/.gemini/settings.json"},
	} {
		system := System{GOOS: test.goos, Home: "/home/ann", Project: "/project", Getenv: func(name string) string { return test.env[name] }}
		got, err := test.agent.File(system, test.scope)
		if got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("%s for the %s on %s %v: %q, %v; want %q", test.agent, test.scope, test.goos, test.env, got, err, test.want)
		}
	}
}

// Whatever a file looks like, only the entry changes. What each is to become is
// beside it in testdata/edits, as NAME.added and NAME.removed.
func TestEditsKeepTheRest(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "edits", "*.before"))
	if err != nil || len(files) < 8 {
		t.Fatalf("there are %d files, %v", len(files), err)
	}
	for _, file := range files {
		agent := VSCode
		if strings.Contains(file, "toml") {
			agent = Codex
		}
		before := readFile(t, file)
		added, err := agent.Add(before, "sheaf", overStdio)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		again, err := agent.Add(added, "sheaf", overStdio)
		if err != nil || string(again) != string(added) {
			t.Errorf("%s: the second time it becomes %v\n%s", file, err, again)
		}
		// To HTTP and back, nothing is left of it.
		other, err := agent.Add(added, "sheaf", overHTTP)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if back, err := agent.Add(other, "sheaf", overStdio); err != nil || len(back) != len(added) {
			t.Errorf("%s: after HTTP and back, %v:\n%s", file, err, back)
		}
		removed, err := agent.Remove(added, "sheaf")
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		for suffix, got := range map[string][]byte{".added": added, ".removed": removed} {
			golden := strings.TrimSuffix(file, ".before") + suffix
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := readFile(t, golden); string(want) != string(got) {
				t.Errorf("%s becomes\n%s\nwant, as in %s,\n%s", file, got, golden, want)
			}
		}
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		agent Agent
		text  string
	}{
		{Cursor, `{"mcpServers": {`},
		{Cursor, `[]`},
		{Cursor, `null`},
		{Cursor, `{"mcpServers": []}`},
		{Cursor, `{"mcpServers": null}`},
		{Cursor, `{"mcpServers": {"sheaf": "x"}}`},
		{Cursor, `{"mcpServers": {"sheaf": {}, "sheaf": {}}}`},
		{Cursor, `{"mcpServers": {}, "mcpServers": {}}`},
		{Cursor, `{"mcpServers": {"sheaf": {"command": "a", "command": "b"}}}`},
		{Codex, `mcp_servers = 1`},
		{Codex, `mcp_servers = {a = {command = "b"}}`},
		{Codex, `mcp_servers = {sheaf = {command = "b"}}`},
		{Codex, "[mcp_servers]\nsheaf = {command = \"b\"}"},
		{Codex, "[mcp_servers]\nsheaf.command = \"b\""},
		{Codex, "[[mcp_servers.sheaf]]\ncommand = \"b\""},
		{Codex, "[mcp_servers.sheaf"},
		{Codex, "a = 1\na = 2"},
	} {
		got, err := test.agent.Add([]byte(test.text), "sheaf", overStdio)
		if sheaf.KindOf(err) != sheaf.ErrInvalid {
			t.Errorf("%s: %s becomes %s, %v; want a refusal", test.agent, test.text, got, err)
		}
	}
	for _, name := range []string{"", "a.b", "a b", "ü", "-a", strings.Repeat("x", 65)} {
		if _, err := Cursor.Add(nil, name, overStdio); sheaf.KindOf(err) != sheaf.ErrInvalid {
			t.Errorf("the name %q: %v, want a refusal", name, err)
		}
	}
}

func FuzzEdit(f *testing.F) {
	for _, text := range []string{"", "{}", `{"servers": {"a": {}}, /* b */}`, "[mcp_servers.sheaf]\ncommand='x'#y\n[b]", "a=1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, agent := range []Agent{VSCode, Codex} {
			added, err := agent.Add([]byte(text), "sheaf", overStdio)
			if err != nil {
				continue
			}
			if again, err := agent.Add(added, "sheaf", overStdio); err != nil || string(again) != string(added) {
				t.Errorf("%s %q becomes %q, then %q, %v", agent, text, added, again, err)
			}
			if _, err := agent.Remove(added, "sheaf"); err != nil {
				t.Errorf("%s %q becomes %q, from which it cannot be removed: %v", agent, text, added, err)
			}
		}
	})
}
