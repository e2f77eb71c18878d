package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

type mvOptions struct {
	*options
	selectionFlags
	to      string
	message string
}

func newMvCommand(shared *options) *cobra.Command {
	o := &mvOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "mv <document-id> <name> | mv --to <collection> <document-id>...",
		Short: "Rename a document, or move documents to another collection",
		Long: `Rename a document, or with --to move documents to another collection: all of them or
none. They keep their ids, their versions and their history. "-" reads ids from
standard input, the first word of each line.

With --to, flags can select documents instead of ids; on a terminal, they are
moved after a question.`,
		Example: `  sheaf mv doc_0123456789ab "System Architecture, second edition"
  sheaf mv --to archive doc_0123456789ab doc_ba9876543210
  sheaf mv --to archive --tags done --before 2026-01-01 --dry-run`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case o.to != "":
				return documentsOrFlags(&o.selectionFlags)(cmd, args)
			case o.given() || o.dryRun:
				return usageError(cmd, "say with --to which collection to move them to")
			}
			return exactly(documentIDArgument, "a new name")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runMv(cmd, o, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.to, "to", "", "collection to move documents to")
	o.selectionFlags.bind(flags)
	flags.StringVarP(&o.message, "message", "m", "", "why, for the history")
	return cmd
}

func runMv(cmd *cobra.Command, o *mvOptions, args []string) error {
	if o.to != "" {
		return o.changeSelected(cmd, &o.selectionFlags, args, func(ctx context.Context, store *connection, in client.BulkInput) (sheaf.BulkChange, error) {
			in.Message = o.message
			return store.MoveDocuments(ctx, in, o.to)
		})
	}
	id, err := oneDocument(args)
	if err != nil {
		return err
	}
	return o.changeOne(cmd, func(ctx context.Context, store *connection) (changed, error) {
		return wholly(store.Change(ctx, id, client.ChangeInput{Name: &args[1], Message: o.message}))
	})
}
