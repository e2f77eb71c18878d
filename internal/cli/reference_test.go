package cli

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write docs/cli.md and docs/man anew")

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

// The manual pages in the repository are those that `sheaf man` writes.
func TestManual(t *testing.T) {
	const dir = "../../docs/man"
	if *update {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		run(t, "", "sheaf", "man", "--dir", dir).want(t, 0, "", "")
	}
	want := manual()
	for name, text := range want {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != text {
			t.Errorf("%s is not what the commands say (%v); run: go test ./internal/cli -update", name, err)
		}
	}
	have, err := os.ReadDir(dir)
	if err != nil || len(have) != len(want) {
		t.Errorf("%s has %d pages, %v, want %d", dir, len(have), err, len(want))
	}
	run(t, "", "sheaf", "man").want(t, 2, "", "--dir")
}

const introduction = `# Command line

<!-- generated from the commands in internal/cli by: go test ./internal/cli -update -->

What was asked for goes to standard output, everything else to standard error. ` + "`--json`" + ` prints JSON: one value, or
one line for each document of a command that takes several. ` + "`doc-push`, `doc-pull` and `doc-query`" + ` are ` + "`sheaf push`" + `,
` + "`sheaf pull` and `sheaf query`" + `.

A command uses the store that the first of these names: ` + "`--url`, `--data-dir`, `DOCUMENT_SERVER_URL`" + `,
` + "`DOCUMENT_STORAGE_DIR`" + ` or the configuration, a server at http://127.0.0.1:8766, ` + "`.document-storage`" + ` in the working
directory.

`

const completionNote = `
` + "`source <(sheaf completion bash)`" + ` completes commands, flags, the ids of the newest documents and the names of collections in
bash; ` + "`sheaf completion zsh`, `fish` and `powershell`" + ` do for those, and ` + "`--help`" + ` of each says how to install it.
` + "`sheaf man --dir ~/.local/share/man/man1`" + ` installs these texts as manual pages, which are in [man/](man/) as well.
`

// reference describes a command and all those below it.
func reference(root *cobra.Command) string {
	root.InitDefaultHelpFlag()
	var b strings.Builder
	b.WriteString(introduction + "| exit code | |\n|---|---|\n")
	for _, exit := range exitCodes {
		fmt.Fprintf(&b, "| %d | %s |\n", exit.code, exit.meaning)
	}
	b.WriteString(completionNote)
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
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "0s" && f.DefValue != "[]" {
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
