// Package agentconfig tells the programs that people run agents in, such as
// Claude Code or Cursor, where a server of the Model Context Protocol is. It
// knows where each keeps its configuration and in which form, and changes
// nothing in such a file but the entry of the one server: comments, order and
// everything that others wrote there stay as they are, to the byte.
//
// A file that it does not understand in full is refused, never guessed at.
package agentconfig

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/sheaf-dev/sheaf"
)

// An Agent is a program that people run agents in.
type Agent string

// The agents whose configuration is known.
const (
	ClaudeCode    Agent = "claude-code"
	ClaudeDesktop Agent = "claude-desktop"
	Codex         Agent = "codex"
	Cursor        Agent = "cursor"
	VSCode        Agent = "vscode"
	Gemini        Agent = "gemini"
)

// Agents returns the names of all agents.
func Agents() []Agent {
	return []Agent{ClaudeCode, ClaudeDesktop, Codex, Cursor, VSCode, Gemini}
}

// ParseAgent reads the name of an agent.
func ParseAgent(name string) (Agent, error) {
	var names []string
	for _, a := range Agents() {
		if string(a) == name {
			return a, nil
		}
		names = append(names, string(a))
	}
	return "", sheaf.Invalid("agent", fmt.Sprintf("there is no agent %q", sheaf.Clip(name))).
		WithHint("name one of " + strings.Join(names, ", "))
}

// A Scope says for whom a configuration is.
type Scope string

// The scopes: all projects of the user, or everybody who works in one project.
const (
	User    Scope = "user"
	Project Scope = "project"
)

// A Server says how an agent reaches a server: it starts a command and speaks to
// it over stdio, or, when there is a URL, over Streamable HTTP.
type Server struct {
	Command string // an absolute path, as agents have a PATH of their own
	Args    []string
	URL     string
}

// A System is the machine and the user that configurations are for.
type System struct {
	GOOS    string              // as runtime.GOOS
	Home    string              // the user's directory
	Project string              // the directory of the project
	Getenv  func(string) string // such as os.Getenv
}

// File returns the path of an agent's configuration. The file need not exist.
func (a Agent) File(s System, scope Scope) (string, error) {
	if scope == Project {
		name, ok := map[Agent]string{
			ClaudeCode: ".mcp.json",
			Codex:      ".codex/config.toml",
			Cursor:     ".cursor/mcp.json",
			VSCode:     ".vscode/mcp.json",
			Gemini:     ".gemini/settings.json",
		}[a]
		if !ok {
			return "", sheaf.Invalid("scope", fmt.Sprintf("%s has no configuration for a project", a)).WithHint("leave out --scope")
		}
		return filepath.Join(s.Project, filepath.FromSlash(name)), nil
	}
	switch a {
	case ClaudeDesktop:
		return filepath.Join(s.applicationData(), "Claude", "claude_desktop_config.json"), nil
	case VSCode:
		return filepath.Join(s.applicationData(), "Code", "User", "mcp.json"), nil
	case ClaudeCode:
		return filepath.Join(s.directory("CLAUDE_CONFIG_DIR", ""), ".claude.json"), nil
	case Codex:
		return filepath.Join(s.directory("CODEX_HOME", ".codex"), "config.toml"), nil
	case Cursor:
		return filepath.Join(s.Home, ".cursor", "mcp.json"), nil
	}
	return filepath.Join(s.Home, ".gemini", "settings.json"), nil
}

// applicationData returns where programs with windows keep what is the user's.
func (s System) applicationData() string {
	switch s.GOOS {
	case "darwin":
		return filepath.Join(s.Home, "Library", "Application Support")
	case "windows":
		return s.directory("APPDATA", filepath.Join("AppData", "Roaming"))
	}
	return s.directory("XDG_CONFIG_HOME", ".config")
}

// directory returns what a variable says, else a directory in the user's.
func (s System) directory(variable, otherwise string) string {
	if dir := s.Getenv(variable); filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(s.Home, otherwise)
}

// A pair is a field of an entry. A list of them is in the order in which they
// are written.
type pair struct {
	key   string
	value any // a string or a []string
}

// fields returns what an agent calls the parts of a server.
func (a Agent) fields(server Server) []pair {
	kind := func(name string, rest ...pair) []pair {
		if a == ClaudeCode || a == VSCode {
			return append([]pair{{"type", name}}, rest...)
		}
		return rest
	}
	switch {
	case server.URL == "":
		return kind("stdio", pair{"command", server.Command}, pair{"args", append([]string{}, server.Args...)})
	case a == Gemini:
		return []pair{{"httpUrl", server.URL}} // its "url" is of an older transport
	}
	return kind("http", pair{"url", server.URL})
}

// ours are the fields of an entry that say how to reach a server. The others,
// such as timeouts and what may be called without asking, are the user's, and
// stay when an entry is changed.
var ours = map[string]bool{"type": true, "command": true, "args": true, "url": true, "httpUrl": true}

// list is the field of a configuration that holds the servers.
func (a Agent) list() string {
	switch a {
	case Codex:
		return "mcp_servers"
	case VSCode:
		return "servers"
	}
	return "mcpServers"
}

var namePattern = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_-]{0,63}$`)

// Add returns a configuration with the server under a name, instead of the one
// that had it. The text is returned as it is if that changes nothing. The error
// is of kind invalid when the text is not what the agent would understand.
func (a Agent) Add(text []byte, name string, server Server) ([]byte, error) {
	if !namePattern.MatchString(name) {
		return nil, sheaf.Invalid("name", fmt.Sprintf("%q is no name for a server: it has to have up to 64 letters, digits, - and _", sheaf.Clip(name)))
	}
	if a == ClaudeDesktop && server.URL != "" {
		return nil, sheaf.Errorf(sheaf.ErrUnsupported, "the configuration file of claude-desktop has servers over stdio only").
			WithHint("leave out --http, or add the URL as a connector in its settings")
	}
	return a.edit(text, name, a.fields(server))
}

// Remove returns a configuration without the server of that name, or the text
// itself if there is none.
func (a Agent) Remove(text []byte, name string) ([]byte, error) {
	return a.edit(text, name, nil)
}

// bom begins files of some editors on Windows.
const bom = "\ufeff"

// edit gives the server of a name these fields; without any it removes it.
func (a Agent) edit(text []byte, name string, fields []pair) ([]byte, error) {
	content := strings.TrimPrefix(string(text), bom)
	mark := string(text[:len(text)-len(content)])
	form := form(jsonForm{})
	if a == Codex {
		form = tomlForm{}
	}
	before, err := form.decode([]byte(content))
	if err != nil {
		return nil, err
	}
	servers, known := before[a.list()].(map[string]any)
	if !known && before[a.list()] != nil {
		return nil, sheaf.Errorf(sheaf.ErrInvalid, "%s is not a table of servers", a.list())
	}
	_, exists := servers[name]
	if fields == nil && !exists {
		return text, nil
	}
	edited, err := form.edit([]byte(content), a.list(), name, fields)
	if err != nil {
		return nil, err
	}
	if err := checkEdit(form, before, edited, a.list(), name, fields); err != nil {
		return nil, err
	}
	return append([]byte(mark), edited...), nil
}

// A form is a language of configurations.
type form interface {
	decode(text []byte) (map[string]any, error)
	edit(text []byte, list, name string, fields []pair) ([]byte, error)
}

// Snippet returns a whole configuration with nothing but the server, for people
// who put it where it belongs themselves.
func (a Agent) Snippet(name string, server Server) ([]byte, error) {
	return a.Add(nil, name, server)
}
