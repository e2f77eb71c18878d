package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

// booksFlags say in which books something is looked for.
type booksFlags struct {
	client.BooksSearched
	at string
}

func (f *booksFlags) bind(flags *pflag.FlagSet) {
	flags.StringVarP(&f.Book, "book", "b", "", "book to look in")
	flags.BoolVar(&f.AllBooks, "all-books", false, "look in all books")
	flags.StringVar(&f.at, "at", "", "as it was at a revision of the book, or a time such as 2026-01-31 or 2026-01-31T12:00:00Z")
}

func (f *booksFlags) check(cmd *cobra.Command) (err error) {
	if (f.Book == "") != f.AllBooks {
		return usageError(cmd, "say where to look").WithHint("name a book with --book, or look in all with --all-books")
	}
	f.At, err = client.ParseMoment(f.at)
	return err
}

// place returns what is shown of where a file is: its path, below its book where
// there are several.
func (f *booksFlags) place(book sheaf.Slug, path string) string {
	if f.AllBooks {
		path = string(book) + "/" + path
	}
	return printable(path)
}

// errNothingFound ends a command as grep ends: with the code 1, and silently.
var errNothingFound = &toldError{fmt.Errorf("nothing was found")}

type globOptions struct {
	*options
	pageFlags
	where booksFlags
}

func newGlobCommand(shared *options) *cobra.Command {
	o := &globOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "glob <pattern>",
		Short: "Find files of books by their paths",
		Long: `Find files of a book, or of all books, by their paths, and print these: below the
book's id where there are several books.

A pattern without a slash is for names, at any depth. One with a slash is for whole
paths, in which ** stands for any directories. The exit code is 1 when nothing is
found.`,
		Example: `  sheaf glob --book ai-native 'content/**/*.md'
  sheaf glob --all-books '*.summary.md'`,
		Args: exactly("a pattern"),
		RunE: func(cmd *cobra.Command, args []string) error { return runGlob(cmd, o, args[0]) },
	}
	o.where.bind(cmd.Flags())
	o.pageFlags.bind(cmd.Flags(), "files")
	return cmd
}

func runGlob(cmd *cobra.Command, o *globOptions, pattern string) (err error) {
	if err := o.where.check(cmd); err != nil {
		return err
	}
	if err := o.pageFlags.check(cmd); err != nil {
		return err
	}
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	hint := ""
	files := func(yield func(sheaf.GlobFile, error) bool) {
		in := client.GlobInput{BooksSearched: o.where.BooksSearched, Pattern: pattern, PageSize: o.pageSize()}
		for page, err := range store.Glob(cmd.Context(), in) {
			for _, file := range page.Files {
				if !yield(file, nil) {
					return
				}
			}
			if err != nil {
				yield(sheaf.GlobFile{}, err)
			}
			if hint = page.Hint; page.Cursor != "" {
				hint = "" // the next page follows
			}
		}
	}
	found := newListing(files, o.pageFlags)
	out := cmd.OutOrStdout()
	if o.json {
		err = printJSONArray(out, found.all)
	} else {
		for file, rowErr := range found.all {
			if rowErr == nil {
				_, rowErr = fmt.Fprintln(out, o.where.place(file.Book, file.Path))
			}
			if rowErr != nil {
				return rowErr
			}
		}
	}
	if err != nil {
		return err
	}
	if hint != "" {
		o.note(cmd, "%s", hint)
	}
	found.noteMore(cmd, o.options, "files")
	if found.count == 0 {
		return errNothingFound
	}
	return nil
}
