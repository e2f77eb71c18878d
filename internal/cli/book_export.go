package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/booktree"
	"github.com/sheaf-dev/sheaf/internal/bundle"
)

type bookExportOptions struct {
	*options
	to, toBackend, prefix string
	at                    string
	jobs                  int
}

func newBookExportCommand(shared *options) *cobra.Command {
	o := &bookExportOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "export <book>... --to <directory or ZIP file>",
		Short: "Export books to a directory, a ZIP file or a bucket",
		Long: `Export books to a directory or, if its name ends with .zip, a ZIP file, as books/<id>/…,
or to <prefix><id>/… in the bucket of a backend, which this command reaches by the same
configuration as the server. Beside the files of each book is a book.yaml with what is
said of it. Import makes the same books of that again: the manifest has the same hash.

In a directory a file that is there with the same content stays, any other is replaced;
in a bucket all are. What is there and not in the book stays, too. A ZIP file is written
anew, and appears only when all of it is there.`,
		Example: `  sheaf book export field-guide --to backup
  sheaf book export field-guide manual --to backup.zip
  sheaf book export field-guide --to-backend r2 --prefix books/`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usageError(cmd, "export needs %s", bookArgument)
			case (o.to == "") == (o.toBackend == ""):
				return usageError(cmd, "export needs --to or --to-backend, and not both")
			case len(args) > 1 && o.at != "":
				return usageError(cmd, "--at is for one book")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runBookExport(cmd, o, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.to, "to", "", "the directory or ZIP file")
	flags.StringVar(&o.toBackend, "to-backend", "", "export to the bucket of this backend")
	flags.StringVar(&o.prefix, "prefix", defaultPrefix, "with --to-backend: where the books are")
	flags.StringVar(&o.at, "at", "", "as it was at a revision of the book or an RFC 3339 time")
	flags.IntVar(&o.jobs, "jobs", defaultJobs, "files to fetch at once")
	return cmd
}

// A bookExport says what was written of a book.
type bookExport struct {
	Book      sheaf.Slug   `json:"book_id"`
	Revision  int64        `json:"revision"`
	Manifest  sheaf.Digest `json:"manifest_hash"`
	Written   int          `json:"files_written"`
	Unchanged int          `json:"files_unchanged"`
	Bytes     int64        `json:"bytes_written"`
}

func runBookExport(cmd *cobra.Command, o *bookExportOptions, args []string) (err error) {
	if o.jobs < 1 {
		return usageError(cmd, "--jobs is at least 1")
	}
	at, err := client.ParseMoment(o.at)
	if err != nil {
		return err
	}
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	target, err := o.target(cmd.Context())
	if err != nil {
		return err
	}
	defer func() {
		if endErr := target.end(err == nil); err == nil {
			err = endErr
		}
	}()
	bar := o.showProgress(cmd, "file")
	defer bar.stop()
	trying, giveUp := context.WithCancel(cmd.Context())
	defer giveUp()
	outcome := &tally{giveUp: giveUp}
	exports := []bookExport{}
	for _, book := range args {
		done, err := o.export(cmd, trying, store, book, at, target, bar, outcome)
		if err != nil {
			outcome.fail(cmd, book, err)
			continue
		}
		exports = append(exports, done)
		if o.json {
			continue
		}
		line := fmt.Sprintf("%-20s  written %d, unchanged %d  %s\n", done.Book, done.Written, done.Unchanged, done.Manifest)
		if _, err := io.WriteString(cmd.OutOrStdout(), line); err != nil {
			return err
		}
	}
	bar.stop()
	if o.json {
		if err := printJSON(cmd.OutOrStdout(), exports); err != nil {
			return err
		}
	}
	return outcome.err(cmd.Context())
}

// export writes a book, at one revision of it.
func (o *bookExportOptions) export(cmd *cobra.Command, trying context.Context, store *connection, id string, at client.Moment, to exportTarget, bar *progress, outcome *tally) (bookExport, error) {
	ctx := cmd.Context()
	book, err := store.Book(ctx, id, false)
	if err != nil {
		return bookExport{}, err
	}
	manifest, err := store.Manifest(ctx, id, at)
	if err != nil {
		return bookExport{}, err
	}
	done := bookExport{Book: book.ID, Revision: manifest.Revision, Manifest: manifest.Hash}
	then := client.Moment{Revision: manifest.Revision}
	bytes := int64(0)
	for _, f := range manifest.Files {
		bytes += f.Size
	}
	bar.expect(len(manifest.Files), bytes)
	failed := false
	inOrder(trying, o.jobs, slices.Values(manifest.Files),
		func(f sheaf.ManifestFile) fileExport {
			defer bar.did()
			return exportFile(ctx, store, id, f, then, to, bar)
		},
		func(f sheaf.ManifestFile, result fileExport) {
			switch {
			case result.err != nil:
				failed = true
				outcome.fail(cmd, f.Path, result.err)
			case result.written:
				outcome.succeed(f.Size)
				done.Written++
				done.Bytes += f.Size
			default:
				outcome.succeed(0)
				done.Unchanged++
			}
		})
	if failed || ctx.Err() != nil {
		return done, ctx.Err()
	}
	// At last, so that what was interrupted does not look whole.
	return done, putDescriptor(ctx, book, manifest, to)
}

// putDescriptor writes what is said of a book, where the book has nothing itself.
func putDescriptor(ctx context.Context, book sheaf.Book, manifest sheaf.Manifest, to exportTarget) error {
	if book.Status == sheaf.StatusMigrating { // it is nothing of the book's
		book.Status = sheaf.StatusActive
	}
	text, err := bundle.BookYAML(book)
	if err != nil {
		return err
	}
	name := path.Join(string(book.ID), booktree.FreeDescriptor(manifest.Files))
	return to.put(ctx, name, bytes.NewReader(text), int64(len(text)))
}

// A fileExport says what has become of a file.
type fileExport struct {
	written bool
	err     error
}

func exportFile(ctx context.Context, store *connection, book string, f sheaf.ManifestFile, then client.Moment, to exportTarget, bar *progress) fileExport {
	name := path.Join(book, f.Path)
	same, err := to.has(ctx, name, f.Size, f.Digest)
	if err != nil || same {
		return fileExport{err: err}
	}
	download, err := store.PullFile(ctx, client.Place{Book: book, Path: f.Path}, then)
	if err != nil {
		return fileExport{err: err}
	}
	defer download.Body.Close()
	return fileExport{written: true, err: to.put(ctx, name, bar.count(download.Body), f.Size)}
}
