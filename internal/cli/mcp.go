package cli

import (
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

type mcpOptions struct {
	*options
	toolset string
}

func newMCPCommand(shared *options) *cobra.Command {
	o := &mcpOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "mcp",
		Short: "Serve an agent over standard input and output",
		Long: `Serve an agent that speaks the Model Context Protocol over standard input and
output. It carries each message to the store that any other command would use: a
running server, or the data directory, which is then open for as long as the agent
stays.`,
		Example: `  claude mcp add sheaf -- sheaf mcp`,
		Args:    noArguments("an agent starts it"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runMCP(cmd, o) },
	}
	cmd.Flags().StringVar(&o.toolset, "toolset", "", "offer this toolset only: books, documents, history, review or admin")
	return cmd
}

func runMCP(cmd *cobra.Command, o *mcpOptions) (err error) {
	store, err := o.connect(cmd, true)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	path := "mcp"
	if toolset := strings.TrimSpace(o.toolset); toolset != "" {
		path = "mcp/x/" + url.PathEscape(toolset)
	}
	return store.Carry(cmd.Context(), path, cmd.InOrStdin(), cmd.OutOrStdout())
}
