package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

type bookArchiveOptions struct {
	*options
	scope, at, userID string
	output            string
	overwrite         bool
	url               bool
}

func newBookArchiveCommand(shared *options) *cobra.Command {
	o := &bookArchiveOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "archive <book>",
		Short: "Download a book as a ZIP file",
		Long: `Download a book as a ZIP file, in which every file has the path that it has in the
book. It appears only when it has arrived whole and every content in it has been
checked; a file that exists is kept unless --overwrite is given. What a download
that breaks off has brought is kept beside it: the same command goes on from there.
--output - writes to standard output, where nothing is checked but the length.

--url prints a URL instead, from which anybody can download the archive until it
expires, of the revision that the book has now.`,
		Example: `  sheaf book archive ai-native
  sheaf book archive ai-native --scope content --at 42 --output content.zip
  curl -C - -o ai-native.zip "$(sheaf book archive ai-native --url)"`,
		Args: exactly(bookArgument),
		RunE: func(cmd *cobra.Command, args []string) error { return runBookArchive(cmd, o, args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.output, "output", "o", "", "ZIP file to write; - for standard output (default <book>.zip)")
	flags.BoolVar(&o.overwrite, "overwrite", false, "replace a file that exists")
	flags.StringVar(&o.scope, "scope", "", "all, content or assets (default all)")
	flags.StringVar(&o.at, "at", "", "as it was at a revision of the book or an RFC 3339 time")
	flags.StringVar(&o.userID, "user", "", "whose own copies are laid over the book")
	flags.BoolVar(&o.url, "url", false, "print a URL to download it from, for whoever has it")
	return cmd
}

func runBookArchive(cmd *cobra.Command, o *bookArchiveOptions, book string) (err error) {
	at, err := client.ParseMoment(o.at)
	if err != nil {
		return err
	}
	if o.url && (o.output != "" || o.overwrite) {
		return usageError(cmd, "--url downloads nothing, so that there is no --output")
	}
	in := client.BookArchiveInput{Scope: sheaf.ArchiveScope(o.scope), UserID: o.userID, At: at}
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	switch {
	case o.url:
		return o.printLink(cmd, store, book, in)
	case o.output == stdinArgument:
		return streamBookArchive(cmd, store, book, in)
	}
	return o.download(cmd, store, book, in)
}

func (o *bookArchiveOptions) printLink(cmd *cobra.Command, store *connection, book string, in client.BookArchiveInput) error {
	if d := store.directory; d != nil && d.isOwned() && d.cfg.Server.PublicURL == "" {
		return sheaf.Errorf(sheaf.ErrUnavailable, "no server runs on %s that anybody could download from", d.cfg.Storage.Dir).
			WithHint("start one with `sheaf serve`")
	}
	link, err := store.LinkBookArchive(cmd.Context(), book, in)
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(cmd.OutOrStdout(), link)
	}
	for _, problem := range link.Errors {
		o.note(cmd, "not in it: %s: %s", problem.Name, problem.Message)
	}
	o.note(cmd, "%s, %s, until %s", plural(link.Files, "file"), formatSize(link.Size), link.ExpiresAt.Local().Format("2006-01-02 15:04"))
	_, err = io.WriteString(cmd.OutOrStdout(), printable(link.DownloadURL)+"\n")
	return err
}

func streamBookArchive(cmd *cobra.Command, store *connection, book string, in client.BookArchiveInput) error {
	archive, err := store.BookArchive(cmd.Context(), book, in)
	if err != nil {
		return err
	}
	defer archive.Body.Close()
	if _, err := io.Copy(cmd.OutOrStdout(), archive.Body); err != nil {
		return err
	}
	return missingFrom(archive)
}

// download saves the archive as a file.
func (o *bookArchiveOptions) download(cmd *cobra.Command, store *connection, book string, in client.BookArchiveInput) error {
	ctx := cmd.Context()
	output := o.output
	if output == "" {
		output = book + ".zip"
	}
	dir, name := filepath.Split(output)
	if name == "" || isDirectory(output) {
		return usageError(cmd, "--output needs the name of a file, and %s is a directory", output)
	}
	to, err := openLanding(filepath.Clean(dir), o.overwrite)
	if err != nil {
		return err
	}
	defer to.Close()
	if err := to.check(name); err != nil {
		return err
	}
	archive, err := store.BookArchive(ctx, book, in)
	if err != nil {
		return err
	}
	defer archive.Body.Close()
	// What is asked for from here on is this very archive, whatever is written.
	in.At = client.Moment{Revision: archive.Revision}

	bar := o.showProgress(cmd, "archive")
	defer bar.stop()
	got, err := openPartial(to, archive.ETag)
	if err != nil {
		return err
	}
	defer got.Close()
	if err := o.complete(ctx, got, store, book, in, archive, bar); err != nil {
		if kept := got.keep(); kept > 0 && sheaf.KindOf(err) != sheaf.ErrDamaged {
			bar.stop()
			o.note(cmd, "%s of %s have arrived; the same command goes on from there", formatSize(kept), formatSize(archive.Size))
		}
		return err
	}
	if err := got.place(ctx, name, archive.ETag); err != nil {
		return err
	}
	bar.stop()
	if err := o.report(cmd.OutOrStdout(), to.shown(name), archive); err != nil {
		return err
	}
	return missingFrom(archive)
}

// complete fetches what is missing of an archive that has been opened.
func (o *bookArchiveOptions) complete(ctx context.Context, got *partial, store *connection, book string, in client.BookArchiveInput, opened *client.BookArchive, bar *progress) error {
	from, err := got.begin(opened.Size)
	bar.expect(1, opened.Size-from)
	switch {
	case err != nil || from == opened.Size:
		return err
	case from == 0:
		return got.write(0, bar.count(opened.Body))
	}
	opened.Body.Close() // it begins where something is already
	rest, err := store.ResumeBookArchive(ctx, book, in, from, opened.ETag)
	if err != nil {
		return err
	}
	defer rest.Body.Close()
	if rest.ETag != opened.ETag {
		return sheaf.Errorf(sheaf.ErrUnavailable, "the archive has become another one: something in it was purged, or found damaged").
			WithHint("try again")
	}
	return got.write(rest.From, bar.count(rest.Body))
}

// missingFrom says that an archive is not all of the book, if so.
func missingFrom(archive *client.BookArchive) error {
	if archive.Errors == 0 {
		return nil
	}
	return sheaf.Errorf(sheaf.ErrDamaged, "%s not in the archive, because the server cannot read the contents", areManyFiles(archive.Errors)).
		WithHint("ERRORS.txt in the archive says which")
}

func areManyFiles(files int) string {
	if files == 1 {
		return "1 file is"
	}
	return plural(files, "file") + " are"
}

// report prints an archive that was saved.
func (o *bookArchiveOptions) report(out io.Writer, path string, archive *client.BookArchive) error {
	if o.json {
		return printJSONLine(out, struct {
			Path     string       `json:"local_path"`
			Size     int64        `json:"size_bytes"`
			Files    int          `json:"file_count"`
			Errors   int          `json:"errors"`
			Revision int64        `json:"revision"`
			Manifest sheaf.Digest `json:"manifest_hash"`
			ETag     string       `json:"etag"`
		}{path, archive.Size, archive.Documents, archive.Errors, archive.Revision, archive.Manifest, archive.ETag})
	}
	_, err := fmt.Fprintf(out, "Saved to: %s\nFiles: %d\nSize: %s\nRevision: %d\n",
		printable(path), archive.Documents, formatSize(archive.Size), archive.Revision)
	return err
}
