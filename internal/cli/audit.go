package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

type auditOptions struct {
	*options
	pageFlags
	client.AuditInput
	from, until string
}

func newAuditCommand(shared *options) *cobra.Command {
	o := &auditOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show who did what, and what was refused",
		Long: `Show who did what, and what was refused, the newest first: changes, reads,
errors, conflicts and denials. Every filter that is given has to hold, of its values
one. A path that ends with / or * stands for all paths that begin so.`,
		Example: `  sheaf audit --agent reviewer --status conflict,denied
  sheaf audit --day 2026-01-31 --operation content.write --json
  sheaf audit verify`,
		Args: cobra.ArbitraryArgs, // so that RunE words the error
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return runAudit(cmd, o)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&o.Days, "day", nil, "only on these days (UTC), such as 2026-01-31")
	flags.StringVar(&o.from, "from", "", "only from this time on, such as 2026-01-31T12:00:00Z")
	flags.StringVar(&o.until, "until", "", "only before this time")
	flags.StringSliceVar(&o.Agents, "agent", nil, "only by these, by their id or what they called themselves")
	flags.StringSliceVar(&o.Operations, "operation", nil, "only these operations, such as content.write")
	flags.StringSliceVar(&o.Collections, "collection", nil, "only in these collections")
	flags.StringArrayVar(&o.Paths, "path", nil, "only at this path; may be given again")
	flags.StringSliceVar(&o.Documents, "document", nil, "only with these documents")
	flags.StringSliceVar(&o.Statuses, "status", nil, "only what ended so: "+strings.Join(sheaf.CallStatuses, ", "))
	o.pageFlags.bind(flags, "entries")
	cmd.AddCommand(newAuditVerifyCommand(shared))
	return cmd
}

func runAudit(cmd *cobra.Command, o *auditOptions) (err error) {
	if err := o.pageFlags.check(cmd); err != nil {
		return err
	}
	if o.From, err = parseAuditTime(cmd, "from", o.from); err != nil {
		return err
	}
	if o.Until, err = parseAuditTime(cmd, "until", o.until); err != nil {
		return err
	}
	o.PageSize = o.pageSize()
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	found := newListing(store.Audit(cmd.Context(), o.AuditInput), o.pageFlags)
	out := cmd.OutOrStdout()
	if o.json {
		if err := printJSONArray(out, found.all); err != nil {
			return err
		}
	} else {
		for entry, err := range found.all {
			if err != nil {
				return err
			}
			if _, err := io.WriteString(out, auditText(entry)); err != nil {
				return err
			}
		}
	}
	found.noteMore(cmd, o.options, "entries")
	return nil
}

func parseAuditTime(cmd *cobra.Command, flag, text string) (at time.Time, err error) {
	if text == "" {
		return at, nil
	}
	if at, err = time.Parse(time.RFC3339Nano, text); err != nil {
		return at, usageError(cmd, "--%s is a time such as 2026-01-31T12:00:00Z, %q is not", flag, text)
	}
	return at, nil
}

// auditText returns an entry for people: a line, and one more for an error or a
// message.
func auditText(e sheaf.AuditEntry) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%8d  %s  %-8s  %s  %s", e.ID, e.Timestamp.UTC().Format(time.DateTime), e.Status, printable(by(e.AgentID, e.Label)), printable(e.Operation))
	for _, place := range []string{e.BookID, e.Path, string(e.Document)} {
		if place != "" {
			b.WriteString("  " + printable(place))
		}
	}
	if e.DocumentCount > 1 {
		fmt.Fprintf(&b, " and %d more", e.DocumentCount-1)
	}
	b.WriteByte('\n')
	for _, text := range []string{e.ErrorMessage, e.Message} {
		for line := range strings.Lines(text) {
			b.WriteString("          " + printable(strings.TrimRight(line, "\r\n")) + "\n")
		}
	}
	return b.String()
}
