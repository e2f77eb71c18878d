package cli

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
)

// runEditor opens a file in the user's editor and waits for it. VISUAL and
// EDITOR are commands that may have arguments, as for git.
func runEditor(cmd *cobra.Command, path string) error {
	command := chosenEditor()
	var editor *exec.Cmd
	switch {
	case runtime.GOOS == "windows":
		words := strings.Fields(cmp.Or(command, "notepad"))
		editor = exec.CommandContext(cmd.Context(), words[0], append(words[1:], path)...)
	default:
		command = cmp.Or(command, "vi")
		editor = exec.CommandContext(cmd.Context(), "sh", "-c", command+` "$1"`, command, path)
	}
	editor.Stdin, editor.Stdout, editor.Stderr = cmd.InOrStdin(), underlying(cmd.OutOrStdout()), underlying(cmd.ErrOrStderr())
	if err := editor.Run(); err != nil {
		return fmt.Errorf("the editor %q ended with an error: %w", cmp.Or(command, editor.Path), err)
	}
	return nil
}

func chosenEditor() string {
	return cmp.Or(strings.TrimSpace(os.Getenv("VISUAL")), strings.TrimSpace(os.Getenv("EDITOR")))
}

// checkEditor fails when nobody has chosen an editor and nobody sits at a terminal
// that the usual one could be shown on.
func checkEditor(cmd *cobra.Command) error {
	if chosenEditor() == "" && !isTerminal(cmd.InOrStdin()) {
		return usageError(cmd, "an editor needs a terminal").
			WithHint("say what to change by flags, such as --replace or --file, or name a program as EDITOR")
	}
	return nil
}

// underlying returns the stream that a command writes to. An editor has to get
// the terminal itself, not a pipe to it.
func underlying(w io.Writer) io.Writer {
	if writer, ok := w.(*screenWriter); ok {
		return writer.to
	}
	return w
}
