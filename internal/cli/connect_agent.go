package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/agentconfig"
)

type connectOptions struct {
	*options
	mcpSelection
	write, remove, http bool
	name, scope         string
}

func newConnectCommand(shared *options) *cobra.Command {
	o := &connectOptions{options: shared}
	var agents []string
	for _, agent := range agentconfig.Agents() {
		agents = append(agents, string(agent))
	}
	cmd := &cobra.Command{
		Use:   "connect <agent>",
		Short: "Show or write what an agent needs to use a store",
		Long: `Show what has to be in an agent's configuration for it to use a store over the
Model Context Protocol, or write it there. The agents are
` + strings.Join(agents, ", ") + `.

The store is the one that any other command would use, so name it with --url or
--data-dir if in doubt: the agent may start somewhere else. The agent starts
` + "`sheaf mcp`" + `, or calls the server itself with --http.

--write changes only the entry of that name in the agent's file, keeps a copy of
the file as it was beside it, and refuses a file that it does not understand.`,
		Example: `  sheaf connect claude-code --data-dir ~/documents
  sheaf connect codex --url http://127.0.0.1:8766 --write
  sheaf connect vscode --scope project --http --toolsets documents --read-only --write
  sheaf connect cursor --remove`,
		ValidArgs: agents,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError(cmd, "name one agent: %s", strings.Join(agents, ", "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runConnect(cmd, o, args[0]) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.write, "write", false, "write it into the agent's configuration")
	flags.BoolVar(&o.remove, "remove", false, "remove it from the agent's configuration")
	flags.BoolVar(&o.http, "http", false, "let the agent call the server itself, which has to run")
	flags.StringVar(&o.name, "name", "sheaf", "what the agent is to call the store")
	flags.StringVar(&o.scope, "scope", string(agentconfig.User), "user for all your projects, project for the one in the working directory")
	o.bindSelection(flags)
	return cmd
}

// A connected says what was done, or is to be done, in an agent's configuration.
type connected struct {
	Agent         agentconfig.Agent `json:"agent"`
	File          string            `json:"file"`
	Configuration string            `json:"configuration,omitempty"` // to be put there
	Changed       bool              `json:"changed"`
	Backup        string            `json:"backup,omitempty"`
}

func runConnect(cmd *cobra.Command, o *connectOptions, name string) error {
	agent, err := agentconfig.ParseAgent(name)
	if err != nil {
		return err
	}
	scope := agentconfig.Scope(o.scope)
	if scope != agentconfig.User && scope != agentconfig.Project {
		return usageError(cmd, "--scope is %q, it has to be user or project", o.scope)
	}
	system, err := thisSystem()
	if err != nil {
		return err
	}
	done := connected{Agent: agent}
	if done.File, err = agent.File(system, scope); err != nil {
		return err
	}
	if o.remove {
		return o.update(cmd, done, func(text []byte) ([]byte, error) { return agent.Remove(text, o.name) })
	}
	server, err := o.server(cmd)
	if err != nil {
		return err
	}
	snippet, err := agent.Snippet(o.name, server)
	if err != nil {
		return err
	}
	if o.write {
		return o.update(cmd, done, func(text []byte) ([]byte, error) { return agent.Add(text, o.name, server) })
	}
	done.Configuration = string(snippet)
	if o.json {
		return printJSON(cmd.OutOrStdout(), done)
	}
	o.note(cmd, "Put this into %s, or let --write do it:", done.File)
	_, err = cmd.OutOrStdout().Write(snippet)
	return err
}

// update changes the agent's configuration and says what was done.
func (o *connectOptions) update(cmd *cobra.Command, done connected, edit func([]byte) ([]byte, error)) error {
	outcome, err := agentconfig.Update(done.File, edit)
	if err != nil {
		return err
	}
	done.Changed, done.Backup = outcome.Changed, outcome.Backup
	if o.json {
		return printJSON(cmd.OutOrStdout(), done)
	}
	if !done.Changed {
		o.note(cmd, "%s is as it should be.", done.File)
		return nil
	}
	o.note(cmd, "%s is changed; start %s again.", done.File, done.Agent)
	if done.Backup != "" {
		o.note(cmd, "As it was: %s", done.Backup)
	}
	return nil
}

// server returns how an agent reaches the store.
func (o *connectOptions) server(cmd *cobra.Command) (agentconfig.Server, error) {
	path, err := o.path()
	if err != nil {
		return agentconfig.Server{}, err
	}
	to, cfg, err := o.target(cmd.Context())
	if sheaf.KindOf(err) == sheaf.ErrUnavailable && o.http {
		err = nil // it may be started later
	}
	if err != nil {
		return agentconfig.Server{}, err
	}
	if o.http {
		switch {
		case to.url != "":
			return agentconfig.Server{URL: strings.TrimRight(to.url, "/") + "/" + path}, nil
		case o.dataDir != "":
			return agentconfig.Server{}, usageError(cmd, "--http needs a server, and --%s names a directory", dataDirFlag)
		case cfg.Server.Port == 0:
			return agentconfig.Server{}, usageError(cmd, "--http needs --url: the server takes any free port")
		}
		return agentconfig.Server{URL: "http://" + listenAddress(cfg.Server) + "/" + path}, nil
	}
	program, err := os.Executable()
	if err != nil {
		return agentconfig.Server{}, fmt.Errorf("where this program is: %w", err)
	}
	server := agentconfig.Server{Command: program, Args: []string{"mcp"}}
	if to.url != "" {
		server.Args = append(server.Args, "--url", to.url)
	} else {
		dir, err := filepath.Abs(to.dir)
		if err != nil {
			return agentconfig.Server{}, err
		}
		server.Args = append(server.Args, "--"+dataDirFlag, dir)
	}
	server.Args = append(server.Args, o.flags()...)
	return server, nil
}

// thisSystem returns where agents have their configurations here.
func thisSystem() (agentconfig.System, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return agentconfig.System{}, sheaf.Errorf(sheaf.ErrInvalid, "it is not known where your files are: %w", err).
			WithHint("set the variable HOME")
	}
	project, err := os.Getwd()
	if err != nil {
		return agentconfig.System{}, err
	}
	return agentconfig.System{GOOS: runtime.GOOS, Home: home, Project: project, Getenv: os.Getenv}, nil
}
