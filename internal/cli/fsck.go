package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
)

type fsckOptions struct {
	*options
	full bool
}

func newFsckCommand(shared *options) *cobra.Command {
	o := &fsckOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "Check that a store is whole",
		Long: `Check that a store is whole: the catalog, the chain of the log and the blobs.

The quick check looks whether every blob is there; the full one reads them all.
Either may run while the store is in use. The exit code is 0 only if there are no
problems.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runFsck(cmd, o) },
	}
	cmd.Flags().BoolVar(&o.full, "full", false, "read every blob and compare it with its digest")
	return cmd
}

func runFsck(cmd *cobra.Command, o *fsckOptions) (err error) {
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	report, err := store.Check(cmd.Context(), o.full)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if o.json {
		err = printJSON(out, report)
	} else {
		_, err = fmt.Fprint(out, checkText(report))
	}
	if err != nil {
		return err
	}
	if n := len(report.Problems); n > 0 {
		return sheaf.Errorf(sheaf.ErrDamaged, "the store has %s", plural(n, "problem")).
			WithHint("keep a copy of the data directory before anything else")
	}
	return nil
}

// checkText returns a report as people read it: the problems, then the figures.
func checkText(report sheaf.CheckReport) string {
	var b strings.Builder
	for _, problem := range report.Problems {
		fmt.Fprintf(&b, "%s: %s", problem.Area, printable(problem.Message))
		for i, id := range problem.Documents {
			separator := ", "
			if i == 0 {
				separator = " ["
			}
			b.WriteString(separator + string(id))
		}
		if len(problem.Documents) > 0 {
			b.WriteString("]")
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "documents: %d\nversions: %d\nlog entries: %d\nblobs: %d, %s read\nproblems: %d\n",
		report.Documents, report.Versions, report.LogEntries, report.Blobs, formatSize(report.BytesRead), len(report.Problems))
	return b.String()
}
