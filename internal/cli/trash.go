package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
)

type trashOptions struct {
	*options
	pageFlags
	collection string
}

func newTrashCommand(shared *options) *cobra.Command {
	o := &trashOptions{options: shared}
	list := func(cmd *cobra.Command, _ []string) error { return runTrashList(cmd, o) }
	cmd := &cobra.Command{
		Use:   "trash",
		Short: "List, restore and purge what is in the trash",
		Long: `List, restore and purge what is in the trash. Without a command, it is listed, the
newest document first.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: list,
	}
	bind := func(cmd *cobra.Command) *cobra.Command {
		cmd.Flags().StringVar(&o.collection, "collection", "", "collection whose trash it is (default "+string(sheaf.DefaultCollection)+")")
		o.pageFlags.bind(cmd.Flags(), "documents")
		return cmd
	}
	bind(cmd).AddCommand(
		bind(&cobra.Command{Use: "list", Short: "List what is in the trash", Args: noArguments("name the collection with --collection"), RunE: list}),
		&cobra.Command{
			Use:   "restore <document-id>...",
			Short: "Bring documents back from the trash",
			Args:  oneOrMore(documentIDArgument),
			RunE: func(cmd *cobra.Command, args []string) error {
				return runRestore(cmd, &restoreOptions{options: shared}, args)
			},
		},
		&cobra.Command{
			Use:   "purge <document-id>...",
			Short: "Remove documents in the trash for good",
			Long: `Remove the contents of documents in the trash, all versions of them, for good. The
log keeps saying that they were there. "-" reads ids from standard input, so that
` + "`sheaf trash list --all | sheaf trash purge -`" + ` empties the trash.`,
			Args: oneOrMore(documentIDArgument),
			RunE: func(cmd *cobra.Command, args []string) error { return runTrashPurge(cmd, o, args) },
		},
	)
	return cmd
}

func runTrashList(cmd *cobra.Command, o *trashOptions) (err error) {
	if err := o.pageFlags.check(cmd); err != nil {
		return err
	}
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	found := newListing(store.Trash(cmd.Context(), o.collection, o.pageSize()), o.pageFlags)
	if err := printDocuments(cmd.OutOrStdout(), found, o.json); err != nil {
		return err
	}
	found.noteMore(cmd, o.options, "documents")
	return nil
}

func runTrashPurge(cmd *cobra.Command, o *trashOptions, args []string) error {
	return o.changeEach(cmd, args, func(ctx context.Context, store *connection, id sheaf.DocumentID) (changed, error) {
		return wholly(store.Purge(ctx, id))
	})
}
