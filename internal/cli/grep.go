package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

type grepOptions struct {
	*options
	where booksFlags
	client.GrepInput
}

func newGrepCommand(shared *options) *cobra.Command {
	o := &grepOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "grep <pattern>",
		Short: "Find lines in the texts of books",
		Long: `Find the lines of a book, or of all books, that match a regular expression in the
syntax of RE2, and print them as grep does: path, number and line. Where there are
several books, the path is below the book's id.

Files that are no text or too large are skipped. The exit code is 1 when nothing is
found.`,
		Example: `  sheaf grep --book ai-native 'prompt(s|ing)' --glob '*.md' --context 2
  sheaf grep --all-books --ignore-case todo`,
		Args: exactly("a regular expression"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Pattern = args[0]
			return runGrep(cmd, o)
		},
	}
	flags := cmd.Flags()
	o.where.bind(flags)
	flags.BoolVarP(&o.IgnoreCase, "ignore-case", "i", false, "take upper and lower case for the same")
	flags.StringVarP(&o.PathGlob, "glob", "g", "", "search only files whose paths match a glob, such as '*.md' or 'content/**'")
	flags.IntVarP(&o.ContextLines, "context", "C", 0, "lines to show before and behind each")
	flags.IntVarP(&o.MaxResults, "max-results", "m", 0, "most lines to find (default 100)")
	return cmd
}

func runGrep(cmd *cobra.Command, o *grepOptions) (err error) {
	if err := o.where.check(cmd); err != nil {
		return err
	}
	if o.ContextLines < 0 || o.MaxResults < 0 {
		return usageError(cmd, "--context and --max-results are no less than 0")
	}
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	o.BooksSearched = o.where.BooksSearched
	result, err := store.Grep(cmd.Context(), o.GrepInput)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if o.json {
		err = printJSON(out, result)
	} else {
		err = o.print(out, result.Matches)
	}
	if err != nil {
		return err
	}
	if result.Hint != "" {
		o.note(cmd, "%s", result.Hint)
	}
	if len(result.Matches) == 0 {
		return errNothingFound
	}
	return nil
}

// print writes matches as grep does: with a colon behind the number of a line
// that matches and a hyphen behind that of one around it, each line once, and --
// between lines that do not follow each other.
func (o *grepOptions) print(w io.Writer, matches []sheaf.GrepMatch) (err error) {
	file, last := "", 0 // the last line that was written
	line := func(number int, mark, text string) {
		if err == nil && number > last {
			_, err = fmt.Fprintf(w, "%s%s%d%s%s\n", file, mark, number, mark, printable(text))
			last = number
		}
	}
	for i, match := range matches {
		place := o.where.place(match.Book, match.Path)
		first := match.Line - len(match.Before)
		if o.ContextLines > 0 && i > 0 && (place != file || first > last+1) && err == nil {
			_, err = fmt.Fprintln(w, "--")
		}
		if place != file {
			file, last = place, 0
		}
		for j, text := range match.Before {
			line(first+j, "-", text)
		}
		line(match.Line, ":", match.Content)
		for j, text := range match.After {
			number := match.Line + 1 + j
			if i+1 < len(matches) && matches[i+1].Book == match.Book && matches[i+1].Path == match.Path && matches[i+1].Line <= number {
				break // it matches, too
			}
			line(number, "-", text)
		}
	}
	return err
}
