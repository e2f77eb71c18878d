package cli

import (
	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
)

// noArguments refuses arguments, with a hint at what may have been meant.
func noArguments(hint string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usageError(cmd, "%s takes no arguments, such as %q", cmd.Name(), args[0]).WithHint(hint)
		}
		return nil
	}
}

// exactly wants these arguments, each named for what it is, such as "a document
// id".
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usageError(cmd, "%s needs %s", cmd.Name(), names[len(args)])
		case len(args) > len(names):
			return usageError(cmd, "%s has no use for %q", cmd.Name(), args[len(names)])
		}
		return nil
	}
}

// oneOrMore wants at least one argument.
func oneOrMore(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageError(cmd, "%s needs %s", cmd.Name(), name)
		}
		return nil
	}
}

const documentIDArgument = "a document id"

// oneDocument reads the argument of a command that works on one document.
func oneDocument(args []string) (sheaf.DocumentID, error) { return sheaf.ParseDocumentID(args[0]) }
