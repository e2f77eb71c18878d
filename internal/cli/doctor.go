package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func newDoctorCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Look for what could keep Sheaf from working here",
		Long: `Look for what could keep Sheaf from working here: in the configuration, the data
directory, the clock and the server.

Each line is ok, warn or fail, with what to do about it. The exit code is 1 if
something fails.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDoctor(cmd, o) },
	}
}

func runDoctor(cmd *cobra.Command, o *options) error {
	findings := o.examine(cmd.Context())
	if err := printFindings(cmd.OutOrStdout(), findings, o.json); err != nil {
		return err
	}
	for _, f := range findings {
		if f.Status == statusFail {
			return &toldError{fmt.Errorf("%s: %s", f.Check, f.Message)}
		}
	}
	return nil
}

// A finding is what one check of the doctor has found.
type finding struct {
	Check   string        `json:"check"`
	Status  findingStatus `json:"status"`
	Message string        `json:"message"`
	Hint    string        `json:"hint,omitempty"` // what to do, unless it is ok
}

type findingStatus string

const (
	statusOK   findingStatus = "ok"
	statusWarn findingStatus = "warn" // works, and could be better
	statusFail findingStatus = "fail"
)

func printFindings(w io.Writer, findings []finding, asJSON bool) error {
	if asJSON {
		return printJSON(w, findings)
	}
	for _, f := range findings {
		line := fmt.Sprintf("%-4s  %-15s  %s", f.Status, f.Check, printable(f.Message))
		if f.Hint != "" {
			line += "; " + printable(f.Hint)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
