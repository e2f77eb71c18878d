package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf/internal/blob"
)

func newKeysNewCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "new",
		Short: "Print a new master key",
		Long: `Print a new master key, of 32 random bytes. It is stored nowhere: put it into a file
that only the server's user may read, and keep a copy in another place.`,
		Example: `  (umask 077 && sheaf admin keys new > master.key)
  (umask 077 && { sheaf admin keys new; cat master.key; } > new.key && mv new.key master.key)`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), blob.NewMasterKey())
			return err
		},
	}
}
