package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
)

// bindBackend adds the flag that says where a new collection is stored.
func bindBackend(cmd *cobra.Command, backend *string) {
	cmd.Flags().StringVar(backend, "backend", "", "where its contents are stored, a `backend` that sheaf admin backend list names (default that of the server)")
}

func newBackendCommand(shared *options) *cobra.Command {
	list := func(cmd *cobra.Command, _ []string) error { return runBackendList(cmd, shared) }
	cmd := &cobra.Command{
		Use:   "backend",
		Short: "List and test where contents are stored",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: list,
	}
	cmd.AddCommand(
		&cobra.Command{Use: "list", Short: "List the storage backends", Args: noArguments("`sheaf admin backend test` takes a name"), RunE: list},
		&cobra.Command{
			Use:   "test <name>",
			Short: "Try all that a storage backend has to do",
			Long: `Try all that a storage backend has to do: write an object, look for it, read it and a
part of it, list, compare the clocks, upload and download by presigned URLs, and
delete it.

Each line is ok, failed or skipped, with what is wrong and what to do about it. The
exit code is 0 only if nothing failed.`,
			Args: exactly("a backend's name"),
			RunE: func(cmd *cobra.Command, args []string) error { return runBackendTest(cmd, shared, args[0]) },
		},
	)
	return cmd
}

func runBackendList(cmd *cobra.Command, o *options) (err error) {
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	backends, err := store.Backends(cmd.Context())
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if o.json {
		return printJSON(out, backends)
	}
	for _, b := range backends {
		line := fmt.Sprintf("%-20s  %-8s  %s", b.Name, b.Kind, plural(b.Collections, "collection"))
		if b.Presigns {
			line += ", presigns"
		}
		if b.Default {
			line += ", default"
		}
		if _, err := io.WriteString(out, printable(line)+"\n"); err != nil {
			return err
		}
	}
	return nil
}

func runBackendTest(cmd *cobra.Command, o *options, name string) (err error) {
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	test, err := store.TestBackend(cmd.Context(), name)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if o.json {
		err = printJSON(out, test)
	} else {
		_, err = io.WriteString(out, backendTestText(test))
	}
	if err != nil || test.OK {
		return err
	}
	return backendFailure(test)
}

// backendTestText returns a test as people read it, each step on a line.
func backendTestText(test sheaf.BackendTest) string {
	var b strings.Builder
	for _, s := range test.Steps {
		line := fmt.Sprintf("%-7s  %-11s", s.Status, s.Step)
		if s.Status != sheaf.StepSkipped {
			line += fmt.Sprintf("  %8.1f ms", s.DurationMS)
		} else {
			line += strings.Repeat(" ", 13)
		}
		if s.Message != "" {
			line += "  " + s.Message
		}
		if s.Hint != "" {
			line += "; " + s.Hint
		}
		b.WriteString(strings.TrimRight(printable(line), " ") + "\n")
		if s.Detail != "" {
			b.WriteString("         " + printable(s.Detail) + "\n")
		}
	}
	return b.String()
}

// backendFailure returns the error of a test that failed: its first fault.
func backendFailure(test sheaf.BackendTest) error {
	for _, s := range test.Steps {
		if s.Status == sheaf.StepFailed {
			what := s.Step
			if s.Fault != "" {
				what += " (" + s.Fault + ")"
			}
			return sheaf.Errorf(sheaf.ErrBackendUnavailable, "the backend %s fails at %s: %s", test.Name, what, s.Message).WithHint(s.Hint)
		}
	}
	return nil
}
