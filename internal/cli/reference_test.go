package cli

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write docs/cli.md anew")

// The reference is made from the commands themselves, so that it cannot lie.
func TestReference(t *testing.T) {
	const path = "../../docs/cli.md"
	want := reference(newRoot("sheaf"))
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the commands say; run: go test ./internal/cli -update", path)
	}
}

const introduction = `# Command line

<!-- generated from the commands in internal/cli by: go test ./internal/cli -update -->

What was asked for goes to standard output, everything else to standard error. ` + "`--json`" + ` prints JSON: one value, or
one line for each document of a command that takes several. ` + "`doc-push`, `doc-pull` and `doc-query`" + ` are ` + "`sheaf push`" + `,
` + "`sheaf pull` and `sheaf query`" + `.

A command uses the store that the first of these names: ` + "`--url`, `--data-dir`, `DOCUMENT_SERVER_URL`" + `,
` + "`DOCUMENT_STORAGE_DIR`" + ` or the configuration, a server at http://127.0.0.1:8766, ` + "`.document-storage`" + ` in the working
directory.

| exit code | |
|---|---|
| 0 | done |
| 1 | an error of no particular kind |
| 2 | the command line, or what it asks for, is not valid |
| 3 | not allowed |
| 4 | not found, or gone for good |
| 5 | it exists, somebody else wrote meanwhile, or the collection is archived |
| 6 | too large, or no space |
| 7 | the store does not answer, or not in time: worth another try |
| 8 | a fault of the store, or damaged contents |
| 130 | interrupted |

` + "`source <(sheaf completion bash)`" + ` completes commands and flags in bash; ` + "`sheaf completion --help`" + ` tells of other shells.
`

// reference describes a command and all those below it.
func reference(root *cobra.Command) string {
	root.InitDefaultHelpFlag()
	var b strings.Builder
	b.WriteString(introduction)
	b.WriteString("\n## Flags of every command\n\n")
	writeFlags(&b, root.PersistentFlags())
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd != root {
			writeCommand(&b, cmd)
		}
		for _, below := range cmd.Commands() {
			walk(below)
		}
	}
	walk(root)
	return b.String()
}

func writeCommand(b *strings.Builder, cmd *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n    %s\n\n", cmd.CommandPath(), strings.TrimSuffix(cmd.UseLine(), " [flags]"))
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	b.WriteString(text + "\n")
	if cmd.Example != "" {
		b.WriteString("\n```sh\n" + unindented(cmd.Example) + "\n```\n")
	}
	if flags := cmd.NonInheritedFlags(); flags.HasAvailableFlags() {
		b.WriteString("\n")
		writeFlags(b, flags)
	}
}

func writeFlags(b *strings.Builder, flags *pflag.FlagSet) {
	b.WriteString("| flag | meaning | default |\n|---|---|---|\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Hidden {
			return
		}
		name, usage := pflag.UnquoteUsage(f)
		names := "`--" + strings.TrimSpace(f.Name+" "+name) + "`"
		if f.Shorthand != "" {
			names = "`-" + f.Shorthand + "` " + names
		}
		value := ""
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "[]" {
			value = "`" + f.DefValue + "`"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", names, strings.ReplaceAll(usage, "|", `\|`), value)
	})
}

// unindented returns text without the two spaces that cobra wants before each
// line of an example.
func unindented(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, "  ")
	}
	return strings.Join(lines, "\n")
}

// Every command says what it is for and what it wants, in the same way.
func TestCommandsDescribeThemselves(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") || cmd.Args == nil {
			t.Errorf("%s: short description %q, arguments checked: %t", cmd.CommandPath(), cmd.Short, cmd.Args != nil)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" || strings.HasSuffix(f.Usage, ".") {
				t.Errorf("%s --%s: %q", cmd.CommandPath(), f.Name, f.Usage)
			}
		})
		for _, below := range cmd.Commands() {
			walk(below)
		}
	}
	walk(newRoot("sheaf"))
}
