package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

// selectionFlags select documents by a filter, instead of by their ids.
type selectionFlags struct {
	name, tags, collection string
	before, after          string
	all                    bool
	dryRun, yes            bool
}

func (f *selectionFlags) bind(flags *pflag.FlagSet) {
	flags.StringVar(&f.name, "name", "", "select documents by part of their name, in any case of letters")
	flags.StringVar(&f.tags, "tags", "", "select documents that have these tags, separated by commas")
	flags.StringVar(&f.collection, "collection", "", "select documents of this collection")
	flags.StringVar(&f.before, "before", "", "select documents uploaded before a time, such as 2026-01-31 or 2026-01-31T12:00:00Z")
	flags.StringVar(&f.after, "after", "", "select documents uploaded after a time")
	flags.BoolVar(&f.all, "all", false, "select all documents")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would be changed, and change nothing")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask before changing what was selected by flags")
}

// selectionHelp is a part of the help of commands that have selectionFlags.
const selectionHelp = `Instead of ids, flags select documents that all of them apply to. These are changed
all or none; on a terminal, after a question.`

// given reports whether flags select documents.
func (f *selectionFlags) given() bool {
	return f.all || f.name != "" || f.tags != "" || f.collection != "" || f.before != "" || f.after != ""
}

// documentsOrFlags wants ids, or flags that select documents.
func documentsOrFlags(f *selectionFlags) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) > 0 && f.given():
			return usageError(cmd, "say which documents by their ids or by flags, not by both")
		case len(args) == 0 && !f.given():
			return usageError(cmd, "%s needs %s, or flags such as --tags that select documents", cmd.Name(), documentIDArgument)
		}
		return nil
	}
}

// input returns the selection as a request has it.
func (f *selectionFlags) input(args []string, stdin io.Reader) (in client.BulkInput, err error) {
	if !f.given() {
		in.IDs, err = documentIDs(args, stdin)
		return in, err
	}
	before, beforeErr := parseDate("--before", f.before)
	after, afterErr := parseDate("--after", f.after)
	in.Filter = &client.BulkFilter{
		Name: f.name, Tags: trimmedTags(f.tags), Collection: f.collection, Before: before, After: after, All: f.all,
	}
	return in, sheaf.InvalidFields(beforeErr, afterErr)
}

// parseDate reads the time of a flag; a date is its beginning in UTC.
func parseDate(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, sheaf.Invalid(flag, fmt.Sprintf("%s is a time such as 2026-01-31 or 2026-01-31T12:00:00Z, not %q", flag, text))
}

// changeSelected makes a change of all documents selected, or of none of them.
func (o *options) changeSelected(cmd *cobra.Command, f *selectionFlags, args []string, change func(context.Context, *connection, client.BulkInput) (sheaf.BulkChange, error)) (err error) {
	in, err := f.input(args, cmd.InOrStdin())
	if err != nil {
		return err
	}
	asks := in.Filter != nil && !f.yes && !f.dryRun
	if asks && !isTerminal(cmd.InOrStdin()) {
		return usageError(cmd, "nobody can be asked whether to change what the flags select").
			WithHint("look at it with --dry-run, then add --yes")
	}
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	ctx := cmd.Context()
	if asks {
		in.DryRun = true
		preview, err := change(ctx, store, in)
		if err != nil {
			return err
		}
		if preview.Changed > 0 && !confirm(cmd, preview) {
			o.note(cmd, "nothing was changed")
			return nil
		}
		in.Selection = &preview.Selection // what was shown, and nothing else
	}
	in.DryRun = f.dryRun
	done, err := change(ctx, store, in)
	if err != nil {
		return err
	}
	return o.printBulk(cmd, done)
}

// printBulk writes what was done to documents, or would be, one on each line.
func (o *options) printBulk(cmd *cobra.Command, done sheaf.BulkChange) error {
	out := cmd.OutOrStdout()
	if o.json {
		return printJSON(out, done)
	}
	for _, doc := range done.Documents {
		if _, err := io.WriteString(out, bulkLine(doc)); err != nil {
			return err
		}
	}
	verb := "changed"
	if done.DryRun {
		verb = "would be changed"
	}
	o.note(cmd, "%s selected: %d %s, %d unchanged", plural(done.Matched, "document"), done.Changed, verb, done.Unchanged)
	if done.Changed == 1 && !done.DryRun {
		o.noteUndoOne(cmd, done)
	}
	return nil
}

// noteUndoOne tells how to undo a bulk change of a single document.
func (o *options) noteUndoOne(cmd *cobra.Command, done sheaf.BulkChange) {
	for _, doc := range done.Documents {
		switch {
		case doc.Mode == sheaf.ModeMoved:
			o.note(cmd, "undo it with `sheaf mv --to %s %s`", doc.Before.Collection, doc.ID)
		case doc.Mode != sheaf.ModeUnchanged:
			o.noteUndo(cmd, changed{Change: sheaf.Change{
				Document: sheaf.Document{ID: doc.ID}, Mode: doc.Mode, PreviousRevision: doc.PreviousRevision,
			}})
		}
	}
}

// bulkLine says on one line what becomes of a document.
func bulkLine(doc sheaf.BulkDocument) string {
	line := fmt.Sprintf("%s  %s", doc.ID, doc.Mode)
	if doc.Revision > 0 {
		line += fmt.Sprintf("  revision %d", doc.Revision)
	}
	line += "  " + doc.Name
	if doc.Mode != sheaf.ModeUnchanged {
		switch {
		case doc.After.Tags != nil:
			line += fmt.Sprintf("; tags %s, were %s", tagList(doc.After.Tags), tagList(doc.Before.Tags))
		case doc.After.Collection != "":
			line += fmt.Sprintf("; to %s, from %s", doc.After.Collection, doc.Before.Collection)
		}
	}
	return printable(line) + "\n"
}

func tagList(tags []string) string {
	if len(tags) == 0 {
		return "none"
	}
	return strings.Join(tags, ",")
}

// confirm shows what would be changed and asks whether it should be. Only a
// clear yes is one.
func confirm(cmd *cobra.Command, preview sheaf.BulkChange) bool {
	const shown = 10
	out := cmd.ErrOrStderr()
	for i, doc := range preview.Documents {
		if i == shown {
			fmt.Fprintf(out, "and %d more\n", len(preview.Documents)-shown)
			break
		}
		io.WriteString(out, bulkLine(doc))
	}
	fmt.Fprintf(out, "%s %s? [y/N] ", map[sheaf.BulkAction]string{
		sheaf.BulkTag: "Change the tags of", sheaf.BulkMove: "Move", sheaf.BulkDelete: "Delete", sheaf.BulkRestore: "Restore",
	}[preview.Action], plural(preview.Changed, "document"))
	answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n') // no answer is a no
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}
