package cli

import "github.com/spf13/cobra"

func newAdminCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "admin",
		Short: "Check and maintain a store",
		Args:  cobra.ArbitraryArgs, // so that RunE words the error
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
	}
	cmd.AddCommand(newFsckCommand(o), newGCCommand(o), newBackendCommand(o), newKeysCommand(o))
	return cmd
}
