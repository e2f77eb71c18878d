package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

type restoreOptions struct {
	*options
	selectionFlags
	to client.RestoreInput
}

func newRestoreCommand(shared *options) *cobra.Command {
	o := &restoreOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "restore [document-id]...",
		Short: "Bring documents back from the trash, or back to what they were",
		Long: `Bring documents back from the trash as they were. With --version, a document gets
the content that it had in that version; with --revision, all that it was then: its
name, its tags and its content. What it is now stays in its history.

"-" reads ids from standard input, the first word of each line.

` + selectionHelp + ` They are looked for in the
trash.`,
		Example: `  sheaf restore doc_0123456789ab
  sheaf restore doc_0123456789ab --version 2`,
		Args: documentsOrFlags(&o.selectionFlags),
		RunE: func(cmd *cobra.Command, args []string) error { return runRestore(cmd, o, args) },
	}
	flags := cmd.Flags()
	flags.IntVar(&o.to.Version, "version", 0, "version whose content to go back to; for a single document")
	flags.Int64Var(&o.to.Revision, "revision", 0, "revision of the collection to go back to")
	o.selectionFlags.bind(flags)
	flags.StringVarP(&o.to.Message, "message", "m", "", "why, for the history")
	return cmd
}

func runRestore(cmd *cobra.Command, o *restoreOptions, args []string) error {
	flags := cmd.Flags()
	switch {
	case flags.Changed("version") && flags.Changed("revision"):
		return usageError(cmd, "--version and --revision name two states")
	case flags.Changed("version") && o.to.Version < 1, flags.Changed("revision") && o.to.Revision < 1:
		return usageError(cmd, "versions and revisions are numbers from 1")
	case (o.given() || o.dryRun) && (o.to.Version > 0 || o.to.Revision > 0):
		return usageError(cmd, "flags select documents in the trash, --version and --revision are for documents named by their ids")
	case o.given() || o.dryRun:
		return o.changeSelected(cmd, &o.selectionFlags, args, func(ctx context.Context, store *connection, in client.BulkInput) (sheaf.BulkChange, error) {
			in.Message = o.to.Message
			return store.RestoreDocuments(ctx, in)
		})
	case o.to.Version > 0 && (len(args) > 1 || args[0] == stdinArgument):
		return usageError(cmd, "--version is for a single document")
	}
	return o.changeEach(cmd, args, func(ctx context.Context, store *connection, id sheaf.DocumentID) (changed, error) {
		return wholly(store.Restore(ctx, id, o.to))
	})
}
