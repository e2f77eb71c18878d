package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

type gcOptions struct {
	*options
	dryRun bool
}

func newGCCommand(shared *options) *cobra.Command {
	o := &gcOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "gc --dry-run",
		Short: "Show what could be reclaimed",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runGC(cmd, o) },
	}
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "required: only show what could be reclaimed")
	return cmd
}

func runGC(cmd *cobra.Command, o *gcOptions) (err error) {
	if !o.dryRun {
		return usageError(cmd, "gc needs --dry-run: it shows what could be reclaimed and reclaims nothing")
	}
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	plan, err := store.PlanGarbage(cmd.Context())
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if o.json {
		return printJSON(out, plan)
	}
	_, err = fmt.Fprintf(out, "unreferenced blobs: %d, %s\norphan objects: %d, %s\npending blobs: %d, kept\n",
		plan.UnreferencedBlobs, formatSize(plan.UnreferencedBytes),
		plan.OrphanObjects, formatSize(plan.OrphanBytes), plan.PendingBlobs)
	return err
}
