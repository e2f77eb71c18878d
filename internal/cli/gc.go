package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
)

type gcOptions struct {
	*options
	dryRun, now bool
}

func newGCCommand(shared *options) *cobra.Command {
	o := &gcOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Reclaim what nothing refers to",
		Long: `Reclaim what nothing refers to. A server does so by itself now and then; this does
it at once.

First the retention of every collection is applied: documents that were in the
trash for too long are purged, and versions that were replaced too long ago.
Contents that no version needs any more are condemned, and deleted once they have
been condemned for the time of grace (gc.grace).`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runGC(cmd, o) },
	}
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "only show what could be reclaimed")
	cmd.Flags().BoolVar(&o.now, "now", false, "do not wait for the grace; not while a backup is taken")
	return cmd
}

func runGC(cmd *cobra.Command, o *gcOptions) (err error) {
	if o.dryRun && o.now {
		return usageError(cmd, "gc takes --dry-run or --now, not both")
	}
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	out := cmd.OutOrStdout()
	if o.dryRun {
		plan, err := store.PlanGarbage(cmd.Context())
		if err != nil {
			return err
		}
		if o.json {
			return printJSON(out, plan)
		}
		_, err = fmt.Fprint(out, planText(plan))
		return err
	}
	report, err := store.CollectGarbage(cmd.Context(), o.now)
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(out, report)
	}
	_, err = fmt.Fprint(out, garbageText(report))
	return err
}

// planText returns a plan as people read it.
func planText(plan sheaf.GarbagePlan) string {
	var b strings.Builder
	if plan.PurgeableDocuments > 0 {
		fmt.Fprintf(&b, "too long in the trash: %s\n", plural(int(plan.PurgeableDocuments), "document"))
	}
	if plan.ExpirableVersions > 0 {
		fmt.Fprintf(&b, "replaced too long ago: %s\n", plural(int(plan.ExpirableVersions), "version"))
	}
	if plan.ExpirableBytes > 0 {
		fmt.Fprintf(&b, "of these, contents of %s\n", formatSize(plan.ExpirableBytes))
	}
	fmt.Fprintf(&b, "unreferenced blobs: %d, %s", plan.UnreferencedBlobs, formatSize(plan.UnreferencedBytes))
	if plan.UnreferencedBlobs > 0 {
		b.WriteString(", contents that no version needs any more")
	}
	if plan.InGraceBlobs > 0 {
		fmt.Fprintf(&b, "; %d still in their time of grace", plan.InGraceBlobs)
	}
	fmt.Fprintf(&b, "\norphan objects: %d, %s", plan.OrphanObjects, formatSize(plan.OrphanBytes))
	if plan.OrphanObjects > 0 {
		b.WriteString(", which lie in a backend and belong to nothing")
	}
	fmt.Fprintf(&b, "\npending blobs: %d", plan.PendingBlobs)
	if plan.PendingBlobs > 0 {
		b.WriteString(", which are just being stored, or were left by a write that came to nothing")
	}
	b.WriteString("\n")
	if plan.DamagedBlobs > 0 {
		fmt.Fprintf(&b, "damaged blobs: %d, which are kept: sheaf admin fsck names them\n", plan.DamagedBlobs)
	}
	if plan.Unavailable != "" {
		fmt.Fprintf(&b, "no answer from %s: what lies there is not counted\n", printable(plan.Unavailable))
	}
	if plan == (sheaf.GarbagePlan{}) {
		b.WriteString("there is nothing to reclaim\n")
	}
	return b.String()
}

// garbageText returns what a collection has done as people read it.
func garbageText(report sheaf.GarbageReport) string {
	var b strings.Builder
	if report.PurgedDocuments > 0 {
		fmt.Fprintf(&b, "purged from the trash: %s\n", plural(int(report.PurgedDocuments), "document"))
	}
	if report.ExpiredVersions > 0 {
		fmt.Fprintf(&b, "removed from the history: %s\n", plural(int(report.ExpiredVersions), "version"))
	}
	fmt.Fprintf(&b, "condemned: %s\ndeleted: %s and %s, %s\n",
		plural(int(report.CondemnedBlobs), "blob"), plural(int(report.DeletedBlobs), "blob"),
		plural(int(report.OrphanObjects), "orphan object"), formatSize(report.DeletedBytes))
	if report.InGraceBlobs > 0 {
		fmt.Fprintf(&b, "in their time of grace: %s\n", plural(int(report.InGraceBlobs), "blob"))
	}
	if report.PendingBlobs > 0 {
		fmt.Fprintf(&b, "pending: %s\n", plural(int(report.PendingBlobs), "blob"))
	}
	return b.String()
}
