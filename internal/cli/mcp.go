package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sheaf-dev/sheaf"
)

type mcpOptions struct {
	*options
	mcpSelection
}

func newMCPCommand(shared *options) *cobra.Command {
	o := &mcpOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "mcp",
		Short: "Serve an agent over standard input and output",
		Long: `Serve an agent that speaks the Model Context Protocol over standard input and
output. It carries each message to the store that any other command would use: a
running server, or the data directory, which is then open for as long as the agent
stays. ` + "`sheaf connect`" + ` writes it into the configuration of an agent.`,
		Example: `  claude mcp add sheaf -- sheaf mcp
  sheaf mcp --data-dir ~/documents --toolsets documents --read-only`,
		Args: noArguments("an agent starts it"),
		RunE: func(cmd *cobra.Command, _ []string) error { return runMCP(cmd, o) },
	}
	o.bindSelection(cmd.Flags())
	return cmd
}

func runMCP(cmd *cobra.Command, o *mcpOptions) (err error) {
	path, err := o.path()
	if err != nil {
		return err
	}
	store, err := o.connect(cmd, true)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	return store.Carry(cmd.Context(), path, cmd.InOrStdin(), cmd.OutOrStdout())
}

// An mcpSelection says which tools an agent is to see.
type mcpSelection struct {
	toolsets []string
	readOnly bool
}

func (s *mcpSelection) bindSelection(flags *pflag.FlagSet) {
	flags.StringSliceVar(&s.toolsets, "toolsets", nil, "offer these toolsets: books, documents, history, review, admin (default what the server does)")
	flags.BoolVar(&s.readOnly, "read-only", false, "offer only tools that change nothing")
}

// path returns where a server answers with this selection.
func (s *mcpSelection) path() (string, error) {
	path := "mcp"
	if len(s.toolsets) > 0 {
		path += "/x/" + strings.Join(s.toolsets, ",")
	}
	for _, name := range s.toolsets {
		if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz-") != "" {
			return "", sheaf.Invalid("--toolsets", "there is no toolset \""+sheaf.Clip(name)+"\"").
				WithHint("name some of books, documents, history, review, admin, separated by commas")
		}
	}
	if s.readOnly {
		path += "/readonly"
	}
	return path, nil
}

// flags returns the selection as it is written on a command line.
func (s *mcpSelection) flags() (flags []string) {
	if len(s.toolsets) > 0 {
		flags = append(flags, "--toolsets", strings.Join(s.toolsets, ","))
	}
	if s.readOnly {
		flags = append(flags, "--read-only")
	}
	return flags
}
