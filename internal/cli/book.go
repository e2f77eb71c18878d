package cli

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

const (
	bookArgument = "a book's id"
	pathArgument = "a path in the book"
)

type bookOptions struct {
	*options
	client.BookInput
	layout, policy string
	limits         limitFlags
	status         string

	userID, at, fileHash, message, onConflict string
	structure                                 bool
	pageFlags
}

func newBookCommand(shared *options) *cobra.Command {
	o := &bookOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "book",
		Short: "Work with books: documents at paths",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	runs := func(run func(*cobra.Command, *bookOptions, []string) error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, args []string) error { return run(cmd, o, args) }
	}
	create := &cobra.Command{
		Use: "create <book>", Short: "Create a book", Args: exactly(bookArgument), RunE: runs(runBookCreate),
		Example: `  sheaf book create ai-native --title "AI native" --layout docusaurus`,
	}
	o.bindSettings(create)
	bindBackend(create, &o.Backend)
	list := &cobra.Command{Use: "list", Short: "List the books", Args: noArguments("`sheaf book ls` lists the files of a book"), RunE: runs(runBookList)}
	list.Flags().StringVar(&o.status, "status", "", "only books that are active, archived, or migrating to another backend")
	info := &cobra.Command{Use: "info <book>", Short: "Describe a book", Args: exactly(bookArgument), RunE: runs(runBookInfo)}
	info.Flags().BoolVar(&o.structure, "structure", false, "with parts, chapters and lessons")
	ls := &cobra.Command{
		Use: "ls <book> [<path>]", Short: "List the files of a book, or of a directory of it", Args: fromTo(1, 2, bookArgument), RunE: runs(runBookLs),
	}
	o.pageFlags.bind(ls.Flags(), "files")
	cat := &cobra.Command{
		Use: "cat <book> <path>", Short: "Write a file of a book to standard output", Args: exactly(bookArgument, pathArgument), RunE: runs(runBookCat),
	}
	write := &cobra.Command{
		Use: "write <book> <path> [<file>]", Short: "Write a file of a book", Args: fromTo(2, 3, bookArgument, pathArgument), RunE: runs(runBookWrite),
		Long: `Write a file of a book, from a file or from standard input. A book that is not there
is made, unless the store is set up otherwise.`,
		Example: `  sheaf book write ai-native content/01-Start/01-First/01-hello.md hello.md`,
	}
	write.Flags().StringVar(&o.onConflict, "on-conflict", "", "when there is another content by now: fail, or merge if that is clean")
	rm := &cobra.Command{
		Use: "rm <book> <path>", Short: "Move a file of a book to the trash", Args: exactly(bookArgument, pathArgument), RunE: runs(runBookRm),
	}
	mv := &cobra.Command{
		Use: "mv <book> <path> <new-path>", Short: "Move a file or a directory within a book",
		Args: exactly(bookArgument, pathArgument, "a new path"), RunE: runs(runBookMv),
	}
	validate := &cobra.Command{
		Use: "validate <book>", Short: "Compare a book with its layout", Args: exactly(bookArgument), RunE: runs(runBookValidate),
		Long: `Compare the paths of a book with its layout, and list those that are not as it wants
them. The exit code is 2 when there are any.`,
	}
	for _, c := range []*cobra.Command{ls, cat, write, rm} {
		c.Flags().StringVar(&o.userID, "user", "", "whose own copies are meant, laid over the book")
	}
	for _, c := range []*cobra.Command{ls, cat} {
		c.Flags().StringVar(&o.at, "at", "", "as it was at a revision of the book or an RFC 3339 time")
	}
	for _, c := range []*cobra.Command{write, rm, mv} {
		c.Flags().StringVar(&o.fileHash, "file-hash", "", "SHA-256 that the file has to have")
		c.Flags().StringVarP(&o.message, "message", "m", "", "why, for the history")
	}
	cmd.AddCommand(create, list, info, ls, cat, write, rm, mv, validate,
		newImportRegistryCommand(shared),
		newBookUploadCommand(shared),
		newBookArchiveCommand(shared),
		newBookChangeCommand(shared),
		newBookSummaryCommand(shared),
		newBookManifestCommand(shared),
		newMoveCommand(shared, "book"),
		newBookImportCommand(shared),
		newBookExportCommand(shared),
	)
	return cmd
}

func (o *bookOptions) bindSettings(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.Title, "title", "", "what people call it (default the id)")
	flags.StringVar(&o.Author, "author", "", "who writes it")
	flags.StringVar(&o.Version, "book-version", "", "its version, as its author counts")
	flags.StringVar(&o.Description, "description", "", "what it is about")
	flags.StringVar(&o.layout, "layout", "", "free, docusaurus, or patterns")
	flags.StringArrayVar(&o.Patterns, "pattern", nil, "with --layout patterns: a glob that paths may match, any number of times")
	flags.BoolVar(&o.PublicAssets, "public-assets", false, "its assets are for anyone who knows their URL")
	flags.StringVar(&o.policy, "write-policy", "", "upsert, or require_hash: a write has to name the content it replaces")
	o.limits.bind(flags)
	bindRetention(flags, &o.Retention)
}

// fromTo wants so many arguments, the first of which are named.
func fromTo(least, most int, names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usageError(cmd, "%s needs %s", cmd.Name(), names[len(args)])
		case len(args) > most:
			return usageError(cmd, "%s has no use for %q", cmd.Name(), args[most])
		}
		return nil
	}
}

// withStore connects to the store for a command.
func (o *bookOptions) withStore(cmd *cobra.Command, creates bool, do func(context.Context, *connection) error) (err error) {
	store, err := o.connect(cmd, creates)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	return do(cmd.Context(), store)
}

func (o *bookOptions) place(args []string) client.Place {
	return client.Place{Book: args[0], Path: args[1], UserID: o.userID}
}

// hash reads --file-hash, nil when it is not given.
func (o *bookOptions) hash() (*sheaf.Digest, error) {
	if o.fileHash == "" {
		return nil, nil
	}
	digest, err := sheaf.ParseDigest(o.fileHash)
	return &digest, err
}

// tell prints an answer as JSON, or for people as a line.
func (o *bookOptions) tell(cmd *cobra.Command, answer any, format string, args ...any) error {
	if o.json {
		return printJSON(cmd.OutOrStdout(), answer)
	}
	_, err := io.WriteString(cmd.OutOrStdout(), printable(fmt.Sprintf(format, args...))+"\n")
	return err
}

func runBookCreate(cmd *cobra.Command, o *bookOptions, args []string) error {
	in := o.BookInput
	if err := o.limits.set(cmd.Flags(), &in.Limits); err != nil {
		return err
	}
	return o.withStore(cmd, true, func(ctx context.Context, store *connection) error {
		in.ID, in.Layout, in.Policy = args[0], sheaf.BookLayout(o.layout), sheaf.WritePolicy(o.policy)
		book, err := store.CreateBook(ctx, in)
		if err != nil {
			return err
		}
		return o.tell(cmd, book, "%s", bookLine(book))
	})
}

// bookLine returns a book for people, on one line.
func bookLine(b sheaf.Book) string {
	line := fmt.Sprintf("%-20s  %s, %s, %s", b.ID, plural(int(b.Lessons), "lesson"), plural(int(b.Assets), "asset"), formatSize(b.Size))
	if b.Status != sheaf.StatusActive {
		line += ", " + string(b.Status)
	}
	line += limitsText(b.Limits) + retentionText(b.Retention)
	if b.Title != string(b.ID) {
		line += "  " + b.Title
	}
	return line
}

func runBookList(cmd *cobra.Command, o *bookOptions, _ []string) error {
	return o.withStore(cmd, false, func(ctx context.Context, store *connection) error {
		return tellEach(cmd, o, store.Books(ctx, false, sheaf.CollectionStatus(o.status)), bookLine)
	})
}

// tellEach prints rows, as a list in JSON or for people each on a line.
func tellEach[T any](cmd *cobra.Command, o *bookOptions, rows iter.Seq2[T, error], line func(T) string) error {
	all := []T{}
	for row, err := range rows {
		switch {
		case err != nil:
			return err
		case o.json:
			all = append(all, row)
		default:
			if _, err := io.WriteString(cmd.OutOrStdout(), printable(line(row))+"\n"); err != nil {
				return err
			}
		}
	}
	if o.json {
		return printJSON(cmd.OutOrStdout(), all)
	}
	return nil
}

func runBookInfo(cmd *cobra.Command, o *bookOptions, args []string) error {
	return o.withStore(cmd, false, func(ctx context.Context, store *connection) error {
		book, err := store.Book(ctx, args[0], o.structure)
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		if o.json {
			return printJSON(out, book)
		}
		rows := [][2]string{
			{"Book", string(book.ID)}, {"Title", book.Title}, {"Author", book.Author}, {"Version", book.Version}, {"Layout", string(book.Layout)},
			{"Status", string(book.Status)}, {"Backend", book.Backend}, {"Description", book.Description},
			{"Files", fmt.Sprintf("%d (%s, %s), %s", book.Files, plural(int(book.Lessons), "lesson"), plural(int(book.Assets), "asset"), formatSize(book.Size))},
		}
		for _, row := range rows {
			if row[1] == "" {
				continue
			}
			if _, err := fmt.Fprintf(out, "%-13s%s\n", row[0]+":", printable(row[1])); err != nil {
				return err
			}
		}
		if book.Structure == nil {
			return nil
		}
		return writeStructure(out, *book.Structure)
	})
}

func writeStructure(out io.Writer, s sheaf.BookStructure) error {
	for _, part := range s.Parts {
		if _, err := fmt.Fprintf(out, "%s\n", printable(part.Title)); err != nil {
			return err
		}
		for _, chapter := range part.Chapters {
			if _, err := fmt.Fprintf(out, "  %s\n", printable(chapter.Title)); err != nil {
				return err
			}
			for _, lesson := range chapter.Lessons {
				if _, err := fmt.Fprintf(out, "    %s\n", printable(lesson)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func runBookLs(cmd *cobra.Command, o *bookOptions, args []string) error {
	at, err := client.ParseMoment(o.at)
	if err != nil {
		return err
	}
	if err := o.check(cmd); err != nil {
		return err
	}
	in := client.FilesInput{UserID: o.userID, At: at, PageSize: o.pageSize()}
	if len(args) > 1 {
		in.Prefix = args[1]
	}
	return o.withStore(cmd, false, func(ctx context.Context, store *connection) error {
		files := newListing(store.Files(ctx, args[0], in), o.pageFlags)
		err := tellEach(cmd, o, files.all, func(f sheaf.BookFile) string {
			own := ""
			if f.Layer != "" {
				own = "  (" + f.Layer + ")"
			}
			return fmt.Sprintf("%s  %10s  %s%s", f.UpdatedAt.Format("2006-01-02 15:04"), formatSize(f.Size), f.Path, own)
		})
		files.noteMore(cmd, o.options, "files")
		return err
	})
}

func runBookCat(cmd *cobra.Command, o *bookOptions, args []string) error {
	at, err := client.ParseMoment(o.at)
	if err != nil {
		return err
	}
	return o.withStore(cmd, false, func(ctx context.Context, store *connection) error {
		download, err := store.PullFile(ctx, o.place(args), at)
		if err != nil {
			return err
		}
		defer download.Body.Close()
		_, err = io.Copy(cmd.OutOrStdout(), download.Body)
		return err
	})
}

func runBookWrite(cmd *cobra.Command, o *bookOptions, args []string) (err error) {
	hash, err := o.hash()
	if err != nil {
		return err
	}
	body := cmd.InOrStdin()
	if len(args) > 2 && args[2] != stdinArgument {
		file, err := os.Open(args[2])
		if err != nil {
			return missing(err)
		}
		defer file.Close()
		body = file
	}
	return o.withStore(cmd, true, func(ctx context.Context, store *connection) error {
		change, err := store.PutFile(ctx, o.place(args), client.FileInput{
			Body: body, FileHash: hash, OnConflict: client.OnConflict(o.onConflict), Message: o.message,
		})
		if err != nil {
			return err
		}
		return o.tell(cmd, change, "%s  %s  version %d", change.Path, change.Mode, change.Version)
	})
}

func runBookRm(cmd *cobra.Command, o *bookOptions, args []string) error {
	hash, err := o.hash()
	if err != nil {
		return err
	}
	return o.withStore(cmd, false, func(ctx context.Context, store *connection) error {
		deletion, err := store.DeleteFile(ctx, o.place(args), hash, o.message)
		if err != nil {
			return err
		}
		if !deletion.Existed {
			return o.tell(cmd, deletion, "%s  was not there", deletion.Path)
		}
		return o.tell(cmd, deletion, "%s  deleted", deletion.Path)
	})
}

func runBookMv(cmd *cobra.Command, o *bookOptions, args []string) error {
	hash, err := o.hash()
	if err != nil {
		return err
	}
	return o.withStore(cmd, false, func(ctx context.Context, store *connection) error {
		moved, err := store.MoveFiles(ctx, args[0], client.MoveInput{Path: args[1], NewPath: args[2], FileHash: hash, Message: o.message})
		if err != nil {
			return err
		}
		return o.tell(cmd, moved, "%s  moved to %s, %s", moved.Path, moved.NewPath, plural(len(moved.Files), "file"))
	})
}

func runBookValidate(cmd *cobra.Command, o *bookOptions, args []string) error {
	return o.withStore(cmd, false, func(ctx context.Context, store *connection) error {
		v, err := store.ValidateBook(ctx, args[0], fullPage)
		if err != nil {
			return err
		}
		if o.json {
			if err := printJSON(cmd.OutOrStdout(), v); err != nil {
				return err
			}
		} else {
			for _, violation := range v.Violations {
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %s (%s)\n", printable(violation.Path), printable(violation.Message), violation.Rule); err != nil {
					return err
				}
			}
		}
		if v.Valid {
			o.note(cmd, "%s, all as the layout %s wants them", plural(v.Files, "file"), v.Layout)
			return nil
		}
		return sheaf.Errorf(sheaf.ErrInvalid, "%s of the layout %s in %s", plural(v.Total, "violation"), v.Layout, plural(v.Files, "file")).
			WithHint("sheaf book mv moves what is in the wrong place")
	})
}
