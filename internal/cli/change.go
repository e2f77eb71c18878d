package cli

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
)

// A changed document, as a command tells of it.
type changed struct {
	sheaf.Change
	answer any                // what --json prints
	others []sheaf.DocumentID // that were deleted with it
}

// wholly returns a change that is told of with all that the server answered.
func wholly(change sheaf.Change, err error) (changed, error) {
	return changed{Change: change, answer: change}, err
}

// changeOne connects to the store and makes one change.
func (o *options) changeOne(cmd *cobra.Command, change func(context.Context, *connection) (changed, error)) (err error) {
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	done, err := change(cmd.Context(), store)
	if err != nil {
		return err
	}
	if err := o.printChange(cmd.OutOrStdout(), done); err != nil {
		return err
	}
	o.noteUndo(cmd, done)
	return nil
}

// changeEach makes a change of each of the documents that args name; "-" reads
// ids from standard input. A failure does not keep the others from being
// changed; the command ends with the first.
func (o *options) changeEach(cmd *cobra.Command, args []string, change func(context.Context, *connection, sheaf.DocumentID) (changed, error)) (err error) {
	ids, err := documentIDs(args, cmd.InOrStdin())
	if err != nil {
		return err
	}
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	type outcome struct {
		changed
		err error
	}
	ctx := cmd.Context()
	trying, giveUp := context.WithCancel(ctx)
	defer giveUp()
	all := tally{giveUp: giveUp}
	inOrder(trying, defaultJobs, slices.Values(ids),
		func(id sheaf.DocumentID) outcome {
			done, err := change(ctx, store, id)
			return outcome{done, err}
		},
		func(id sheaf.DocumentID, done outcome) {
			if done.err != nil {
				all.fail(cmd, string(id), done.err)
				return
			}
			all.succeed(0)
			if err := o.printChange(cmd.OutOrStdout(), done.changed); err != nil {
				all.fail(cmd, "standard output", err)
			}
			if len(ids) == 1 {
				o.noteUndo(cmd, done.changed)
			}
		})
	return all.err(ctx)
}

// printChange writes what was done to a document, on one line.
func (o *options) printChange(out io.Writer, c changed) error {
	if o.json {
		return printJSONLine(out, c.answer)
	}
	text := fmt.Sprintf("%s  %s", c.ID, c.Mode)
	if c.Version != c.PreviousVersion && c.Version > 0 {
		text += fmt.Sprintf("  version %d", c.Version)
	}
	text += fmt.Sprintf("  revision %d\n", c.Revision)
	for _, id := range c.others {
		text += fmt.Sprintf("%s  %s\n", id, c.Mode)
	}
	_, err := io.WriteString(out, text)
	return err
}

// noteUndo tells how to undo a change, if it can be.
func (o *options) noteUndo(cmd *cobra.Command, c changed) {
	switch {
	case c.Mode == sheaf.ModeDeleted:
		ids := string(c.ID)
		for _, id := range c.others {
			ids += " " + string(id)
		}
		o.note(cmd, "undo it with `sheaf restore %s`", ids)
	case c.PreviousRevision > 0 && c.Mode != sheaf.ModeUnchanged && c.Mode != sheaf.ModePurged:
		o.note(cmd, "undo it with `sheaf restore %s --revision %d`", c.ID, c.PreviousRevision)
	}
}
