package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
)

func newAuditVerifyCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Check that nobody has changed the log",
		Long: `Check that nobody has changed the log: the chain of every stream from its first
entry, and the exported files in .audit against the log and their seals. It names
the first entry of each stream and file that is wrong; the exit code is 0 only if
there is none. The store may be in use, or not be running.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runAuditVerify(cmd, o) },
	}
}

func runAuditVerify(cmd *cobra.Command, o *options) (err error) {
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	found, err := store.VerifyAudit(cmd.Context())
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if o.json {
		err = printJSON(out, found)
	} else {
		_, err = fmt.Fprint(out, verificationText(found))
	}
	if err != nil {
		return err
	}
	if n := len(found.Problems); n > 0 {
		return sheaf.Errorf(sheaf.ErrDamaged, "the audit has %s", plural(n, "problem")).
			WithHint("keep a copy of the data directory, and compare the log with a backup")
	}
	return nil
}

// verificationText returns what was found as people read it: the problems, then
// the figures.
func verificationText(found sheaf.AuditVerification) string {
	var b strings.Builder
	for _, p := range found.Problems {
		place := fmt.Sprintf("%s revision %d (entry %d)", p.Stream, p.Rev, p.ID)
		if p.File != "" {
			place = fmt.Sprintf("%s line %d", p.File, p.Line)
		}
		fmt.Fprintf(&b, "%s: %s\n", printable(place), printable(p.Message))
	}
	fmt.Fprintf(&b, "streams: %d\nentries: %d\nfiles: %d, %d lines\nproblems: %d\n",
		found.Streams, found.Entries, found.Files, found.Lines, len(found.Problems))
	return b.String()
}
