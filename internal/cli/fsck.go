package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
)

type fsckOptions struct {
	*options
	full, repair bool
}

func newFsckCommand(shared *options) *cobra.Command {
	o := &fsckOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "Check that a store is whole, and repair it",
		Long: `Check that a store is whole: the catalog, the chain of the log, the blobs on every
backend, and the files that show the registry of books.

The quick check compares what backends list with the catalog; the full one reads
every byte. Either may run while the store is in use. A backend that is away is
reported as that, not as one without contents.

With --repair what can be made whole is: a content of which there is a good copy,
inline or on another backend, is stored again, one that has none is put aside until
somebody pushes the same content again, and views of the registry are written
again. The exit code is 0 only if no problem is left.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runFsck(cmd, o) },
	}
	cmd.Flags().BoolVar(&o.full, "full", false, "read every blob and compare it with its digest")
	cmd.Flags().BoolVar(&o.repair, "repair", false, "make whole what can be")
	return cmd
}

func runFsck(cmd *cobra.Command, o *fsckOptions) (err error) {
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	check := store.Check
	if o.repair {
		check = store.Repair
	}
	report, err := check(cmd.Context(), o.full)
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
	if n := report.Unrepaired(); n > 0 {
		return sheaf.Errorf(sheaf.ErrDamaged, "the store has %s", plural(n, "problem")).WithHint(fsckHint(report))
	}
	return nil
}

// fsckHint says what to do about the problems that are left.
func fsckHint(report sheaf.CheckReport) string {
	if report.Repair {
		return "push the contents that are named again, or restore them from a backup"
	}
	return "keep a copy of the data directory before anything else; --repair makes whole what can be"
}

// checkText returns a report as people read it: the problems, the backends, then
// the figures.
func checkText(report sheaf.CheckReport) string {
	var b strings.Builder
	for _, problem := range report.Problems {
		writeProblem(&b, problem)
	}
	for _, backend := range report.Backends {
		fmt.Fprintf(&b, "backend %s: %s, %s", backend.Name, plural(int(backend.Blobs), "blob"), plural(int(backend.Objects), "object"))
		if backend.Unchecked > 0 {
			fmt.Fprintf(&b, "; %d could not be checked", backend.Unchecked)
		}
		if backend.OrphanObjects > 0 {
			fmt.Fprintf(&b, "; %s (%s) for garbage collection", plural(int(backend.OrphanObjects), "orphan object"), formatSize(backend.OrphanBytes))
		}
		if backend.Leftovers > 0 {
			fmt.Fprintf(&b, "; %s", plural(int(backend.Leftovers), "temporary object"))
			if report.Repair {
				b.WriteString(" removed")
			} else {
				b.WriteString(" left behind")
			}
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "documents: %d\nversions: %d\nlog entries: %d\nblobs: %d, %s read\nproblems: %d\n",
		report.Documents, report.Versions, report.LogEntries, report.Blobs, formatSize(report.BytesRead), len(report.Problems))
	if repaired := len(report.Problems) - report.Unrepaired(); repaired > 0 {
		fmt.Fprintf(&b, "repaired: %d\n", repaired)
	}
	return b.String()
}

// writeProblem writes a problem, and then what it hits, each on a line: the
// versions if they are known, else the documents.
func writeProblem(b *strings.Builder, problem sheaf.Problem) {
	fmt.Fprintf(b, "%s: %s\n", problem.Area, printable(problem.Message))
	for _, v := range problem.Versions {
		fmt.Fprintf(b, "  %s, version %d: %s in %s\n", v.Document, v.Version, printable(placeText(v)), v.Collection)
	}
	if len(problem.Versions) == sheaf.MostAffected {
		fmt.Fprintf(b, "  and maybe more: it hits %s\n", plural(len(problem.Documents), "document"))
	}
	if len(problem.Versions) == 0 {
		for _, id := range problem.Documents {
			fmt.Fprintf(b, "  %s\n", id)
		}
	}
	if problem.Repair != "" {
		fmt.Fprintf(b, "  %s\n", printable(problem.Repair))
	}
}

// placeText returns what people know a document by.
func placeText(v sheaf.AffectedVersion) string {
	if v.Path != "" {
		return v.Path
	}
	return v.Name
}
