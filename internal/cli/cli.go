// Package cli is Sheaf's command line: the commands that keep a store (serve,
// doctor, admin) and those that use one. Three of these, push, pull and query,
// are also there under the names doc-push, doc-pull and doc-query.
//
// Commands that use a store know it only through package client, whether it is
// a server's or opened in this process; connect.go says which one it is. What
// was asked for goes to standard output, everything else to standard error.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
)

// Streams are what a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// exitInterrupted is what a shell reports of a command that SIGINT ended.
const exitInterrupted = 130

// Main runs the command line args, the program's name first, and returns the
// code to exit with. The end of ctx interrupts the command.
func Main(ctx context.Context, args []string, streams Streams) int {
	root := newRoot(args[0])
	root.SetArgs(args[1:])
	root.SetIn(streams.In)
	screen := newScreen(streams)
	root.SetOut(screen.stream(streams.Out))
	root.SetErr(screen.stream(streams.Err))
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		fmt.Fprintln(root.ErrOrStderr(), "sheaf: interrupted")
		return exitInterrupted
	}
	if told := new(toldError); !errors.As(err, &told) {
		tell(root.ErrOrStderr(), err)
	}
	return exitCode(err)
}

// newRoot returns the command that a program's name stands for: the one of the
// seed's three, else sheaf with all its commands.
func newRoot(program string) *cobra.Command {
	o := &options{}
	name := strings.TrimSuffix(filepath.Base(program), ".exe")
	var root *cobra.Command
	switch name {
	case "doc-push":
		root = newPushCommand(o)
	case "doc-pull":
		root = newPullCommand(o)
	case "doc-query":
		root = newQueryCommand(o)
	default:
		return newSheafCommand(o)
	}
	root.Example = strings.ReplaceAll(root.Example, "sheaf "+root.Name(), name)
	o.complete(root)
	root.Use = name + strings.TrimPrefix(root.Use, root.Name())
	o.bind(root)
	return root
}

// newSheafCommand returns the command with all the others below it.
func newSheafCommand(o *options) *cobra.Command {
	root := &cobra.Command{
		Use:   "sheaf",
		Short: "A document and book store for AI agents and the people who work with them",
		Args:  cobra.ArbitraryArgs, // so that RunE words the error
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
	}
	commands := []*cobra.Command{ // what is suggested for a mistyped one is in this order
		newServeCommand(),
		newPushCommand(o),
		newPullCommand(o),
		newQueryCommand(o),
		newLsCommand(o),
		newGlobCommand(o),
		newGrepCommand(o),
		newTreeCommand(o),
		newCatCommand(o),
		newInfoCommand(o),
		newEditCommand(o),
		newTagCommand(o),
		newMvCommand(o),
		newRelationsCommand(o),
		newRelateCommand(o),
		newUnrelateCommand(o),
		newMCPCommand(o),
		newConnectCommand(o),
		newRmCommand(o),
		newRestoreCommand(o),
		newTrashCommand(o),
		newLogCommand(o),
		newAuditCommand(o),
		newDiffCommand(o),
		newBookCommand(o),
		newCollectionsCommand(o),
		newAdminCommand(o),
		newDoctorCommand(o),
		newManCommand(),
		newVersionCommand(o),
	}
	for _, cmd := range commands {
		o.complete(cmd)
	}
	root.AddCommand(commands...)
	o.bind(root)
	return root
}

// unknownCommand is the error for a word that is none of cmd's commands.
func unknownCommand(cmd *cobra.Command, word string) error {
	err := usageError(cmd, "there is no command %q", word)
	cmd.SuggestionsMinimumDistance = 2 // letters between what was meant and what was written
	var similar []string
	for _, name := range cmd.SuggestionsFor(word) {
		similar = append(similar, "`"+cmd.CommandPath()+" "+name+"`")
	}
	if len(similar) > 0 {
		err.Hint = "did you mean " + strings.Join(similar, " or ") + "?"
	}
	return err
}

// usageError is the error for a command line that cmd cannot make sense of.
func usageError(cmd *cobra.Command, format string, args ...any) *sheaf.Error {
	return sheaf.Errorf(sheaf.ErrInvalid, format, args...).
		WithHint(fmt.Sprintf("`%s --help` shows how it is used", cmd.CommandPath()))
}

// tell writes an error for people: what is wrong, and what to do.
func tell(w io.Writer, err error) {
	fmt.Fprintf(w, "sheaf: %s\n", printable(err.Error()))
	var e *sheaf.Error
	if errors.As(err, &e) && e.Hint != "" {
		fmt.Fprintf(w, "hint: %s\n", printable(e.Hint))
	}
}

// exitCode returns the code for err: 1 unless it is an error of a kind.
func exitCode(err error) int {
	var e *sheaf.Error
	if errors.As(err, &e) {
		return e.Kind.ExitCode()
	}
	return 1
}

// A toldError was written to standard error where it arose; it still decides
// the exit code.
type toldError struct{ error }

// Unwrap returns the error that was told.
func (e *toldError) Unwrap() error { return e.error }
