package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

// moveLook is how often a move that is waited for is looked at.
const moveLook = 250 * time.Millisecond

type moveOptions struct {
	*options
	to                                       string
	grace                                    time.Duration
	dryRun, noWait, status, rollBack, finish bool
}

// newMoveCommand returns the command that moves a collection to another backend;
// noun is what it calls that.
func newMoveCommand(shared *options, noun string) *cobra.Command {
	o := &moveOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "move <" + noun + "> --to <backend>",
		Short: "Move a " + noun + " to another storage backend",
		Long: `Move a ` + noun + ` to another storage backend, with its history, its trash and what users have
for themselves, while it is read and written.

Every content is copied, and read back from the new backend. Then new contents go
there. The old backend keeps its copy for a while (moves.grace), in which --rollback
makes it the backend again, with all that was written since; --finish gives the copy
up at once.

The command waits until all is on the new backend. The server goes on without it: it
can be interrupted, and so can the server, which then goes on when it is started again.`,
		Example: `  sheaf ` + map[string]string{"book": "book", "collection": "collections"}[noun] + ` move field-guide --to r2 --dry-run`,
		Args:    exactly("a " + noun + "'s name"),
		RunE:    func(cmd *cobra.Command, args []string) error { return runMove(cmd, o, args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.to, "to", "", "the `backend`, one that sheaf admin backend list names")
	flags.DurationVar(&o.grace, "grace", 0, "for how long the old backend keeps its copy, such as 24h (default that of the server)")
	flags.BoolVar(&o.dryRun, "dry-run", false, "only show what would be copied")
	flags.BoolVar(&o.noWait, "no-wait", false, "begin, and do not wait")
	flags.BoolVar(&o.status, "status", false, "show how far it is")
	flags.BoolVar(&o.rollBack, "rollback", false, "make the old backend the backend again")
	flags.BoolVar(&o.finish, "finish", false, "give up the copy on the old backend")
	cmd.MarkFlagsMutuallyExclusive("dry-run", "status", "rollback", "finish")
	return cmd
}

func runMove(cmd *cobra.Command, o *moveOptions, name string) (err error) {
	manages := o.status || o.rollBack || o.finish
	switch {
	case manages && (o.to != "" || cmd.Flags().Changed("grace")):
		return usageError(cmd, "--to and --grace begin a move; they do not go with --status, --rollback or --finish")
	case !manages && o.to == "":
		return usageError(cmd, "move needs --to, the backend to move to")
	}
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	ctx := cmd.Context()
	var move sheaf.BackendMove
	switch {
	case o.dryRun:
		plan, err := store.PlanMove(ctx, name, o.to)
		if err != nil {
			return err
		}
		if o.json {
			return printJSON(cmd.OutOrStdout(), plan)
		}
		_, err = io.WriteString(cmd.OutOrStdout(), movePlanText(plan))
		return err
	case o.status:
		move, err = store.CollectionMove(ctx, name)
	case o.rollBack:
		move, err = store.RollBackMove(ctx, name)
	case o.finish:
		move, err = store.FinishMove(ctx, name)
	default:
		in := client.BackendMoveInput{Backend: o.to}
		if cmd.Flags().Changed("grace") {
			seconds := int64(o.grace.Seconds())
			in.GraceSeconds = &seconds
		}
		move, err = store.MoveCollection(ctx, name, in)
	}
	if err == nil && !o.status && !o.noWait {
		move, err = o.wait(cmd, store, move)
	}
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(cmd.OutOrStdout(), move)
	}
	_, err = io.WriteString(cmd.OutOrStdout(), moveText(move))
	return err
}

// wait waits until a move has got where it is going to: for a while that is kept,
// or an end. A problem that it has is told once; it is tried again meanwhile.
func (o *moveOptions) wait(cmd *cobra.Command, store *connection, move sheaf.BackendMove) (sheaf.BackendMove, error) {
	bar := o.showProgress(cmd, "content")
	defer bar.stop()
	problem := ""
	for !isWhereItGoes(move, o.finish) {
		bar.reached(int(move.Copied), int(move.Contents), move.CopiedBytes, move.Bytes)
		if move.Problem != problem && move.Problem != "" {
			if _, err := fmt.Fprintf(cmd.ErrOrStderr(), "It does not go on for now, and is tried again: %s\n", printable(move.Problem)); err != nil {
				return move, err
			}
		}
		problem = move.Problem
		if err := sleep(cmd.Context(), moveLook); err != nil {
			return move, fmt.Errorf("it goes on without this command: %w", err)
		}
		now, err := store.CollectionMove(cmd.Context(), string(move.Collection))
		if err != nil {
			return move, err
		}
		move = now
	}
	return move, nil
}

func isWhereItGoes(move sheaf.BackendMove, finishing bool) bool {
	return move.Phase.IsOver() || move.Phase == sheaf.MoveKept && !finishing
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// movePlanText returns a plan as people read it.
func movePlanText(p sheaf.MovePlan) string {
	text := fmt.Sprintf("%s would move from %s to %s: %s of %s with %s, %s\n", p.Collection, p.From, p.To,
		plural(int(p.Versions), "version"), plural(int(p.Documents), "document"), plural(int(p.Contents), "content"), formatSize(p.Bytes))
	text += fmt.Sprintf("to copy: %s, %s\n", plural(int(p.Contents-p.PresentContent), "content"), formatSize(p.Bytes-p.PresentBytes))
	if p.PresentContent > 0 {
		text += fmt.Sprintf("there already: %s, %s, to be verified\n", plural(int(p.PresentContent), "content"), formatSize(p.PresentBytes))
	}
	if p.Unreadable > 0 {
		text += fmt.Sprintf("damaged or missing: %s, which have to be healed or purged first; `sheaf admin fsck` names them\n", plural(int(p.Unreadable), "content"))
	}
	return text
}

// moveText returns a move as people read it.
func moveText(m sheaf.BackendMove) string {
	var text string
	switch m.Phase {
	case sheaf.MoveCopying:
		text = fmt.Sprintf("%s is moving from %s to %s: copied %d of %s, %s of %s\n", m.Collection, m.From, m.To,
			m.Copied, plural(int(m.Contents), "content"), formatSize(m.CopiedBytes), formatSize(m.Bytes))
	case sheaf.MoveSettling:
		text = fmt.Sprintf("%s has moved from %s to %s, the last contents are being copied\n", m.Collection, m.From, m.To)
	case sheaf.MoveKept:
		text = fmt.Sprintf("%s has moved from %s to %s: copied %s, %s\n%s keeps its copy until %s; --rollback goes back to it, --finish gives it up\n",
			m.Collection, m.From, m.To, plural(int(m.Copied), "content"), formatSize(m.CopiedBytes), m.From, m.KeepUntil.Local().Format(time.RFC3339))
	case sheaf.MoveReturning:
		text = fmt.Sprintf("%s is stored on %s again, what only %s has is being copied back\n", m.Collection, m.From, m.To)
	case sheaf.MoveDone:
		text = fmt.Sprintf("%s has moved from %s to %s\n", m.Collection, m.From, m.To)
	case sheaf.MoveRolledBack:
		text = fmt.Sprintf("%s is stored on %s again, its move to %s was rolled back\n", m.Collection, m.From, m.To)
	default:
		text = fmt.Sprintf("the move of %s from %s to %s is over: %s\n", m.Collection, m.From, m.To, m.Phase)
	}
	if m.Problem != "" {
		text += "it does not go on for now, and is tried again: " + printable(m.Problem) + "\n"
	}
	return text
}
