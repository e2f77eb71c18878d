package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf/internal/app"
)

func newVersionCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runVersion(cmd, o) },
	}
}

func runVersion(cmd *cobra.Command, o *options) error {
	b := readBuild()
	if o.json {
		return printJSON(cmd.OutOrStdout(), b)
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), b)
	return err
}

// A build says what this program was made from.
type build struct {
	Version  string    `json:"version"` // (devel) when built from a working tree
	Commit   string    `json:"commit,omitempty"`
	Time     time.Time `json:"commit_time,omitzero"`
	Modified bool      `json:"modified"` // the tree had changes that were not committed
	Go       string    `json:"go_version"`
	Platform string    `json:"platform"`
}

func readBuild() build {
	b := build{Version: app.Version(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Commit = setting.Value
		case "vcs.time":
			b.Time, _ = time.Parse(time.RFC3339, setting.Value)
		case "vcs.modified":
			b.Modified = setting.Value == "true"
		}
	}
	return b
}

// String returns the build as one line.
func (b build) String() string {
	words := []string{"sheaf", b.Version}
	if b.Commit != "" {
		commit := "commit " + b.Commit[:min(12, len(b.Commit))]
		if b.Modified {
			commit += ", modified"
		}
		words = append(words, "("+commit+")")
	}
	return strings.Join(append(words, b.Go, b.Platform), " ")
}
