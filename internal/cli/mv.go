package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf/client"
)

type mvOptions struct {
	*options
	message string
}

func newMvCommand(shared *options) *cobra.Command {
	o := &mvOptions{options: shared}
	cmd := &cobra.Command{
		Use:     "mv <document-id> <name>",
		Short:   "Rename a document",
		Example: `  sheaf mv doc_0123456789ab "System Architecture, second edition"`,
		Args:    exactly(documentIDArgument, "a new name"),
		RunE:    func(cmd *cobra.Command, args []string) error { return runMv(cmd, o, args) },
	}
	cmd.Flags().StringVarP(&o.message, "message", "m", "", "why, for the history")
	return cmd
}

func runMv(cmd *cobra.Command, o *mvOptions, args []string) error {
	id, err := oneDocument(args)
	if err != nil {
		return err
	}
	return o.changeOne(cmd, func(ctx context.Context, store *connection) (changed, error) {
		return wholly(store.Change(ctx, id, client.ChangeInput{Name: &args[1], Message: o.message}))
	})
}
