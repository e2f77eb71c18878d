package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

type lsOptions struct {
	*options
	pageFlags
	collection string
	at         string
}

func newLsCommand(shared *options) *cobra.Command {
	o := &lsOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the documents of a collection, newest first",
		Long: `List the documents of a collection, newest first: id, size, upload and name.

Without --collection, those of all collections of free-standing documents are
listed. With --at, what there was then; a revision needs --collection, since every
collection counts its own.`,
		Example: `  sheaf ls --collection field-notes
  sheaf ls --all --at 2026-01-31T12:00:00Z`,
		Args: noArguments("name the collection with --collection; `sheaf query` looks for names and tags"),
		RunE: func(cmd *cobra.Command, _ []string) error { return runLs(cmd, o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.collection, "collection", "", "collection to list (default all of free-standing documents)")
	flags.StringVar(&o.at, "at", "", "list what there was at a revision, or a time such as 2026-01-31 or 2026-01-31T12:00:00Z")
	o.pageFlags.bind(flags, "documents")
	return cmd
}

func runLs(cmd *cobra.Command, o *lsOptions) (err error) {
	if err := o.pageFlags.check(cmd); err != nil {
		return err
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
	found := newListing(store.Query(cmd.Context(), client.Filter{Collection: o.collection, At: at, PageSize: o.pageSize()}), o.pageFlags)
	if err := printDocuments(cmd.OutOrStdout(), found, o.json); err != nil {
		return err
	}
	found.noteMore(cmd, o.options, "documents")
	return nil
}

// printDocuments writes a listing as it comes: one line a document, or a JSON
// array with all that is known of each.
func printDocuments(w io.Writer, found *listing[sheaf.Document], asJSON bool) error {
	if asJSON {
		return printJSONArray(w, found.all)
	}
	for doc, err := range found.all {
		if err != nil {
			return err
		}
		_, err := fmt.Fprintf(w, "%s  %9s  %s  %s\n", doc.ID, formatSize(doc.Size), doc.UploadedAt.UTC().Format(time.DateTime), printable(doc.Name))
		if err != nil {
			return err
		}
	}
	return nil
}
