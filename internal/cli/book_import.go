package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/app"
	"github.com/sheaf-dev/sheaf/internal/booktree"
)

// defaultPrefix is where books are in a bucket.
const defaultPrefix = "books/"

type bookImportOptions struct {
	*options
	book, fromBackend, prefix string
	backend, message          string
	dryRun                    bool
	jobs                      int
	maxBytes                  int64
}

func newBookImportCommand(shared *options) *cobra.Command {
	o := &bookImportOptions{options: shared}
	limits := booktree.DefaultLimits()
	cmd := &cobra.Command{
		Use:   "import <directory or ZIP file>",
		Short: "Import books from a directory, a ZIP file or a bucket",
		Long: `Import books from a directory, a ZIP file or a bucket.

A tree is one book if --book names it, or if the book.yaml in it does, as in an archive
of a book. Otherwise it has its books in books/<id>/, each with or without a book.yaml,
and perhaps a registry.yaml beside books: that is how export writes them. With
--from-backend the books are in <prefix><id>/ of the bucket of a backend, which this
command reaches by the same configuration as the server.

The limits and the retention of a book are those of its book.yaml only if it is made.
A book that is there keeps its own, so that no file from elsewhere makes it forget.

Files that a book has already, with the same content, stay as they are, so that an
import can be repeated. What is only in the book stays, too. A file that somebody has
written meanwhile is not replaced. Files that cannot be taken, for their names, because
they are links, or because some systems take two of them for the same, are told and
left out; the exit code is then that of the first.`,
		Example: `  sheaf book import field-guide.zip --dry-run
  sheaf book import ./manual --book manual
  sheaf book import --from-backend r2 --prefix books/`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 && o.fromBackend == "":
				return usageError(cmd, "import needs a directory or a ZIP file, or --from-backend")
			case len(args) > 0 && o.fromBackend != "":
				return usageError(cmd, "name a directory or a ZIP file, or --from-backend, not both")
			case len(args) > 1:
				return usageError(cmd, "import takes one directory or ZIP file")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runBookImport(cmd, o, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.book, "book", "", "the book that it all is")
	flags.StringVar(&o.fromBackend, "from-backend", "", "import from the bucket of this backend")
	flags.StringVar(&o.prefix, "prefix", defaultPrefix, "with --from-backend: where the books are")
	bindBackend(cmd, &o.backend)
	flags.BoolVar(&o.dryRun, "dry-run", false, "only show what would be imported")
	flags.IntVar(&o.jobs, "jobs", defaultJobs, "files to send at once")
	flags.Int64Var(&o.maxBytes, "max-bytes", limits.Bytes, "bytes that all files may have together")
	flags.StringVarP(&o.message, "message", "m", "", "why, for the history")
	return cmd
}

// A bookImport says what has become of a book.
type bookImport struct {
	Book      sheaf.Slug    `json:"book_id"`
	Made      bool          `json:"created"` // the book
	Created   int           `json:"files_created"`
	Updated   int           `json:"files_updated"`
	Unchanged int           `json:"files_unchanged"`
	Refused   []refusedFile `json:"files_refused"`
	Bytes     int64         `json:"bytes_sent"`
	Manifest  *sheaf.Digest `json:"manifest_hash,omitempty"` // of the book afterwards
	DryRun    bool          `json:"dry_run,omitempty"`
}

type refusedFile struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

func runBookImport(cmd *cobra.Command, o *bookImportOptions, args []string) (err error) {
	if o.jobs < 1 {
		return usageError(cmd, "--jobs is at least 1")
	}
	ctx := cmd.Context()
	tree, err := o.open(ctx, args)
	if err != nil {
		return err
	}
	defer closeInto(&err, tree)
	books, others, err := o.books(ctx, tree)
	if err != nil {
		return err
	}
	for _, book := range books { // before anything is changed
		if book.Entry != nil {
			if err := checkEntry(*book.Entry); err != nil {
				return err
			}
		}
	}
	store, err := o.connect(cmd, !o.dryRun)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	bar := o.showProgress(cmd, "file")
	defer bar.stop()
	files, bytes := 0, int64(0)
	for _, book := range books {
		for _, f := range book.Files {
			files++
			bytes += f.Size
		}
	}
	bar.expect(files, bytes)
	trying, giveUp := context.WithCancel(ctx)
	defer giveUp()
	outcome := &tally{giveUp: giveUp}
	for _, f := range others {
		reason := f.Refused
		if reason == "" {
			reason = "it belongs to no book"
		}
		o.note(cmd, "left out: %s: %s", f.Path, reason)
	}
	imports := []bookImport{}
	for _, book := range books {
		if trying.Err() != nil {
			break
		}
		done, err := o.importBook(cmd, trying, store, book, bar, outcome)
		if err != nil {
			outcome.fail(cmd, string(book.ID), err)
			continue
		}
		imports = append(imports, done)
		if o.json {
			continue
		}
		if _, err := io.WriteString(cmd.OutOrStdout(), done.text()); err != nil {
			return err
		}
	}
	bar.stop()
	if o.json {
		if err := printJSON(cmd.OutOrStdout(), imports); err != nil {
			return err
		}
	}
	return outcome.err(ctx)
}

// open opens what is to be imported.
func (o *bookImportOptions) open(ctx context.Context, args []string) (*booktree.Tree, error) {
	limits := booktree.DefaultLimits()
	limits.Bytes = o.maxBytes
	if o.fromBackend != "" {
		cfg, err := o.config()
		if err != nil {
			return nil, err
		}
		names, err := app.OpenNames(cfg.Storage, o.fromBackend, o.prefix)
		if err != nil {
			return nil, err
		}
		return booktree.OpenBucket(ctx, names, limits)
	}
	info, err := os.Stat(args[0])
	if err != nil {
		return nil, missing(err)
	}
	switch {
	case info.Mode().IsRegular():
		return booktree.OpenZip(args[0], limits)
	case !info.IsDir(): // such as a pipe, at which opening would wait for ever
		return nil, sheaf.Errorf(sheaf.ErrInvalid, "%s is neither a directory nor a file", args[0]).
			WithHint("a ZIP file has to be read from its end: store it as a file first")
	case isStore(args[0]):
		return nil, sheaf.Errorf(sheaf.ErrInvalid, "%s is the data directory of a store, and has no books laid out by paths", args[0])
	}
	return booktree.OpenDir(args[0], limits)
}

func (o *bookImportOptions) books(ctx context.Context, tree *booktree.Tree) ([]booktree.Book, []booktree.File, error) {
	if o.fromBackend != "" {
		books, others, err := tree.BooksByDirectory(ctx)
		if o.book != "" {
			books = slices.DeleteFunc(books, func(b booktree.Book) bool { return string(b.ID) != o.book })
		}
		if err == nil && len(books) == 0 { // a prefix is where many make a mistake, and a bucket says nothing of it
			err = sheaf.Errorf(sheaf.ErrNotFound, "there is no %s below %q in the bucket of %s", cmp.Or(o.book, "book"), o.prefix, o.fromBackend).
				WithHint("a book is at <prefix><id>/, and the prefix ends with a slash; --prefix says which")
		}
		return books, others, err
	}
	return tree.Books(ctx, o.book)
}

// importBook imports a book. An error is of the whole book; what becomes of its
// files is told to the outcome.
func (o *bookImportOptions) importBook(cmd *cobra.Command, trying context.Context, store *connection, book booktree.Book, bar *progress, outcome *tally) (bookImport, error) {
	ctx := cmd.Context()
	done := bookImport{Book: book.ID, Refused: []refusedFile{}, DryRun: o.dryRun}
	manifest, err := store.Manifest(ctx, string(book.ID), client.Moment{})
	switch {
	case sheaf.KindOf(err) == sheaf.ErrNotFound:
		done.Made = true
	case err != nil:
		return done, err
	}
	var archive bool
	// Of a tree of which nothing can be taken no book is made.
	nothing := done.Made && len(book.Files) > 0 && !slices.ContainsFunc(book.Files, func(f booktree.File) bool { return f.Refused == "" })
	if nothing {
		done.Made = false
	}
	if !o.dryRun && !nothing {
		if archive, err = o.prepare(ctx, store, book, done.Made); err != nil {
			return done, err
		}
	}
	has := make(map[string]sheaf.ManifestFile, len(manifest.Files))
	for _, f := range manifest.Files {
		has[f.Path] = f
	}
	inOrder(trying, o.jobs, slices.Values(book.Files),
		func(f booktree.File) fileImport {
			defer bar.did()
			return o.importFile(ctx, store, book.ID, f, has, bar)
		},
		func(f booktree.File, result fileImport) {
			if result.err != nil {
				outcome.fail(cmd, f.Path, result.err)
				done.Refused = append(done.Refused, refusedFile{f.Path, result.err.Error()})
				return
			}
			outcome.succeed(f.Size)
			switch result.mode {
			case sheaf.ModeCreated:
				done.Created++
			case sheaf.ModeUpdated:
				done.Updated++
			default:
				done.Unchanged++
				return
			}
			done.Bytes += f.Size
		})
	if o.dryRun || ctx.Err() != nil || nothing {
		return done, ctx.Err()
	}
	if archive {
		status := sheaf.StatusArchived
		if _, err := store.ChangeBook(ctx, string(book.ID), client.BookChange{CollectionChange: client.CollectionChange{Status: &status}}); err != nil {
			return done, err
		}
	}
	now, err := store.Manifest(ctx, string(book.ID), client.Moment{})
	if err != nil {
		return done, err
	}
	done.Manifest = &now.Hash
	return done, nil
}

// prepare makes the book what is said of it, but not yet archived. Archive says
// that it is to be that in the end.
func (o *bookImportOptions) prepare(ctx context.Context, store *connection, book booktree.Book, isNew bool) (archive bool, err error) {
	if isNew {
		in := client.BookInput{ID: string(book.ID), Backend: o.backend}
		if book.Entry != nil {
			setBounds(&in, *book.Entry)
		}
		if _, err := store.CreateBook(ctx, in); err != nil && sheaf.KindOf(err) != sheaf.ErrExists {
			return false, err
		}
	}
	if book.Entry == nil {
		return false, nil
	}
	entry := *book.Entry
	// Only of a new book: a file from elsewhere is not to make a book forget its
	// history, or empty its trash.
	entry.Limits, entry.Retention = nil, nil
	if archive = entry.Status == string(sheaf.StatusArchived); archive {
		entry.Status = ""
		now, err := store.Book(ctx, string(book.ID), false)
		if err != nil {
			return false, err
		}
		if now.Status == sheaf.StatusArchived {
			entry.Status = string(sheaf.StatusActive) // until it has its files
		}
	}
	_, err = importBook(ctx, store, entry)
	return archive, err
}

// A fileImport says what has become of a file.
type fileImport struct {
	mode sheaf.ChangeMode
	err  error
}

// importFile writes a file into a book that has what has says.
func (o *bookImportOptions) importFile(ctx context.Context, store *connection, book sheaf.Slug, f booktree.File, has map[string]sheaf.ManifestFile, bar *progress) fileImport {
	if f.Refused != "" {
		return fileImport{err: sheaf.Errorf(sheaf.ErrInvalid, "%s", f.Refused)}
	}
	current, known := has[f.Path]
	if known && current.Size == f.Size {
		same, err := isSame(ctx, f, current.Digest)
		if err != nil {
			return fileImport{err: err}
		}
		if same {
			return fileImport{mode: sheaf.ModeUnchanged}
		}
	}
	result := fileImport{mode: sheaf.ModeCreated}
	if known {
		result.mode = sheaf.ModeUpdated
	}
	if o.dryRun {
		return result
	}
	body, err := f.Open(ctx)
	if err != nil {
		return fileImport{err: err}
	}
	defer body.Close()
	in := client.FileInput{Body: bar.count(body), First: !known, Message: o.message}
	if known {
		in.FileHash = &current.Digest
	}
	_, result.err = store.PutFile(ctx, client.Place{Book: string(book), Path: f.Path}, in)
	if sheaf.KindOf(result.err) == sheaf.ErrPreconditionFailed {
		result.err = sheaf.Errorf(sheaf.ErrConflict, "somebody else has written it meanwhile").WithHint("import it again")
	}
	return result
}

// isSame reports whether a file has a digest.
func isSame(ctx context.Context, f booktree.File, digest sheaf.Digest) (bool, error) {
	body, err := f.Open(ctx)
	if err != nil {
		return false, err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, body)
	if err = errors.Join(err, body.Close()); err != nil {
		return false, err
	}
	return sheaf.Digest(sum.Sum(nil)) == digest, nil
}

// text returns an import as people read it.
func (i bookImport) text() string {
	would := ""
	if i.DryRun {
		would = "would be "
	}
	line := fmt.Sprintf("%-20s  %screated %d, %supdated %d, unchanged %d", i.Book, would, i.Created, would, i.Updated, i.Unchanged)
	if len(i.Refused) > 0 {
		line += fmt.Sprintf(", refused %d", len(i.Refused))
	}
	if i.Made {
		line += ", new book"
	}
	if i.Manifest != nil {
		line += "  " + i.Manifest.String()
	}
	return line + "\n"
}
