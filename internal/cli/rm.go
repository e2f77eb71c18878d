package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

type rmOptions struct {
	*options
	selectionFlags
	purge        bool
	withChildren bool
}

func newRmCommand(shared *options) *cobra.Command {
	o := &rmOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "rm [document-id]...",
		Short: "Move documents to the trash",
		Long: `Move documents to the trash, from where ` + "`sheaf restore`" + ` brings them back. "-" reads
ids from standard input, the first word of each line.

With --with-children, all documents below each go with it, over their parents, each
to the trash of its collection: all of them or none.

With --purge their contents, all versions of them, are removed for good; documents
that are in the trash already can be purged too.

` + selectionHelp,
		Example: `  sheaf rm doc_0123456789ab
  sheaf rm --tags obsolete --before 2026-01-01 --dry-run`,
		Args: documentsOrFlags(&o.selectionFlags),
		RunE: func(cmd *cobra.Command, args []string) error { return runRm(cmd, o, args) },
	}
	o.selectionFlags.bind(cmd.Flags())
	cmd.Flags().BoolVar(&o.purge, "purge", false, "remove the contents for good: this cannot be undone")
	cmd.Flags().BoolVar(&o.withChildren, "with-children", false, "delete their children and what is below those, too")
	return cmd
}

func runRm(cmd *cobra.Command, o *rmOptions, args []string) error {
	if o.purge && o.withChildren {
		return usageError(cmd, "--purge is for the documents named alone, not for their children")
	}
	if o.given() || o.dryRun {
		if o.purge {
			return usageError(cmd, "--purge cannot be undone: name the documents by their ids")
		}
		if o.withChildren {
			return usageError(cmd, "--with-children is for documents that are named by their ids")
		}
		return o.changeSelected(cmd, &o.selectionFlags, args, func(ctx context.Context, store *connection, in client.BulkInput) (sheaf.BulkChange, error) {
			return store.DeleteDocuments(ctx, in)
		})
	}
	return o.changeEach(cmd, args, func(ctx context.Context, store *connection, id sheaf.DocumentID) (changed, error) {
		remove := store.Delete
		if o.withChildren {
			remove = store.DeleteTree
		}
		deletion, err := remove(ctx, id)
		if o.purge && (err == nil || sheaf.KindOf(err) == sheaf.ErrNotFound) {
			return wholly(store.Purge(ctx, id))
		}
		done := changed{answer: struct {
			client.Deletion
			Mode sheaf.ChangeMode `json:"mode"`
		}{deletion, sheaf.ModeDeleted}}
		for _, below := range deletion.Below {
			done.others = append(done.others, below.ID)
		}
		done.ID, done.Mode, done.Revision = id, sheaf.ModeDeleted, deletion.Revision
		return done, err
	})
}
