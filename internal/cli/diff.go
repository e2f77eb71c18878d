package cli

import (
	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf/client"
)

type diffOptions struct {
	*options
	from, to int
	context  int
}

func newDiffCommand(shared *options) *cobra.Command {
	o := &diffOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "diff <document-id>",
		Short: "Show in which lines two versions of a document differ",
		Long: `Show in which lines two versions of a document differ, as a unified diff: the
current version and the one before it, unless --from and --to say otherwise.`,
		Args: exactly(documentIDArgument),
		RunE: func(cmd *cobra.Command, args []string) error { return runDiff(cmd, o, args) },
	}
	flags := cmd.Flags()
	flags.IntVar(&o.from, "from", 0, "version to compare (default the one before --to)")
	flags.IntVar(&o.to, "to", 0, "version to compare it with (default the current one)")
	flags.IntVarP(&o.context, "context", "U", 3, "lines to show around a change")
	return cmd
}

func runDiff(cmd *cobra.Command, o *diffOptions, args []string) (err error) {
	id, err := oneDocument(args)
	if err != nil {
		return err
	}
	if o.from < 0 || o.to < 0 || o.context < 0 {
		return usageError(cmd, "versions are numbers from 1, lines of context from 0")
	}
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	in := client.DiffInput{From: o.from, To: o.to, Context: &o.context}
	out := cmd.OutOrStdout()
	if !o.json {
		return store.UnifiedDiff(cmd.Context(), out, id, in)
	}
	comparison, err := store.Diff(cmd.Context(), id, in)
	if err != nil {
		return err
	}
	return printJSON(out, comparison)
}
