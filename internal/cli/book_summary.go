package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

const subjectArgument = "a lesson or a directory; / is the whole book"

type summaryOptions struct {
	*bookOptions
	stale, missing bool
}

func newBookSummaryCommand(shared *options) *cobra.Command {
	o := &summaryOptions{bookOptions: &bookOptions{options: shared}}
	cmd := &cobra.Command{
		Use:   "summary",
		Short: "Read and write the summaries of lessons and directories",
		Long: `Read and write the summaries of lessons and directories. A summary is a file beside the
lesson (01-intro.summary.md) or in the directory (.summary.md). It remembers what it was
made from, and is stale when a lesson has changed, was added or removed since.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	runs := func(run func(*cobra.Command, *summaryOptions, []string) error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, args []string) error { return run(cmd, o, args) }
	}
	get := &cobra.Command{
		Use: "get <book> <path>", Short: "Write a summary to standard output", Args: exactly(bookArgument, subjectArgument), RunE: runs(runSummaryGet),
	}
	add := &cobra.Command{
		Use: "add <book> <path> [<file>]", Short: "Write the summary of what has none", Args: fromTo(2, 3, bookArgument, subjectArgument),
		RunE: runs(func(cmd *cobra.Command, o *summaryOptions, args []string) error {
			return runSummaryWrite(cmd, o, args, true)
		}),
		Example: `  sheaf book summary add ai-native content/01-Start/01-First summary.md`,
	}
	update := &cobra.Command{
		Use: "update <book> <path> [<file>]", Short: "Write a summary anew", Args: fromTo(2, 3, bookArgument, subjectArgument),
		Long: `Write a summary anew, from a file or from standard input. The same text again says that
it is still right, so that it is no longer stale.`,
		RunE: runs(func(cmd *cobra.Command, o *summaryOptions, args []string) error {
			return runSummaryWrite(cmd, o, args, false)
		}),
	}
	list := &cobra.Command{
		Use: "list <book> [<path>]", Short: "List the summaries of a book, or what needs one", Args: fromTo(1, 2, bookArgument), RunE: runs(runSummaryList),
	}
	list.Flags().BoolVar(&o.stale, "stale", false, "only those of what has changed since")
	list.Flags().BoolVar(&o.missing, "missing", false, "what has none: lessons, and directories that have lessons in them")
	list.MarkFlagsMutuallyExclusive("stale", "missing")
	o.pageFlags.bind(list.Flags(), "summaries")
	for _, c := range []*cobra.Command{add, update} {
		c.Flags().StringVarP(&o.message, "message", "m", "", "why, for the history")
	}
	update.Flags().StringVar(&o.fileHash, "file-hash", "", "SHA-256 that the summary has to have")
	cmd.AddCommand(get, add, update, list)
	return cmd
}

func runSummaryGet(cmd *cobra.Command, o *summaryOptions, args []string) error {
	return o.withStore(cmd, false, func(ctx context.Context, store *connection) error {
		summary, err := store.Summary(ctx, args[0], args[1])
		if err != nil {
			return err
		}
		if o.json {
			return printJSON(cmd.OutOrStdout(), summary)
		}
		if summary.Stale {
			o.note(cmd, "the summary is stale%s", staleText(summary.Changes))
		}
		if summary.Truncated {
			o.note(cmd, "this is only its beginning; sheaf book cat %s %s has all of it", args[0], summary.SummaryPath)
		}
		_, err = io.WriteString(cmd.OutOrStdout(), summary.Content)
		return err
	})
}

// staleText says by which lessons a summary differs from what there is.
func staleText(c *sheaf.SummaryChanges) (text string) {
	if c == nil {
		return ""
	}
	for _, part := range []struct {
		what  string
		paths []string
	}{{"changed", c.Changed}, {"added", c.Added}, {"removed", c.Removed}} {
		for _, path := range part.paths {
			text += fmt.Sprintf("\n  %s  %s", part.what, path)
		}
	}
	if text != "" {
		text = ":" + text
	}
	return text
}

func runSummaryWrite(cmd *cobra.Command, o *summaryOptions, args []string, first bool) error {
	hash, err := o.hash()
	if err != nil {
		return err
	}
	body := cmd.InOrStdin()
	if len(args) > 2 && args[2] != stdinArgument {
		file, err := os.Open(args[2])
		if err != nil {
			return missing(err)
		}
		defer file.Close()
		body = file
	}
	return o.withStore(cmd, false, func(ctx context.Context, store *connection) error {
		change, err := store.PutSummary(ctx, args[0], args[1], client.FileInput{
			Body: body, FileHash: hash, First: first, Existing: !first && hash == nil, Message: o.message,
		})
		switch {
		case err == nil:
		case sheaf.KindOf(err) != sheaf.ErrPreconditionFailed:
			return err
		case first:
			return sheaf.Errorf(sheaf.ErrExists, "%s has a summary already", args[1]).WithHint("change it with `sheaf book summary update`")
		default:
			return sheaf.Errorf(sheaf.ErrNotFound, "%s has no summary yet", args[1]).WithHint("make one with `sheaf book summary add`")
		}
		return o.tell(cmd, change, "%s  %s  version %d", change.Path, change.Mode, change.Version)
	})
}

func runSummaryList(cmd *cobra.Command, o *summaryOptions, args []string) error {
	if err := o.check(cmd); err != nil {
		return err
	}
	in := client.SummariesInput{PageSize: o.pageSize()}
	if len(args) > 1 {
		in.Path = args[1]
	}
	switch {
	case o.stale:
		in.Only = "stale"
	case o.missing:
		in.Only = "missing"
	}
	return o.withStore(cmd, false, func(ctx context.Context, store *connection) error {
		summaries := newListing(store.Summaries(ctx, args[0], in), o.pageFlags)
		err := tellEach(cmd, o.bookOptions, summaries.all, func(s sheaf.Summary) string {
			state := "fresh"
			switch {
			case s.Missing:
				state = "missing"
			case s.Stale:
				state = "stale"
			}
			return fmt.Sprintf("%-8s  %s", state, s.Path)
		})
		summaries.noteMore(cmd, o.options, "summaries")
		return err
	})
}
