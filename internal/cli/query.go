package cli

import (
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

type queryOptions struct {
	*options
	pageFlags
	name       string
	tags       string
	collection string
	format     string
}

const (
	formatTable = "table"
	formatJSON  = "json"
)

func newQueryCommand(shared *options) *cobra.Command {
	o := &queryOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "query",
		Short: "List documents, newest first",
		Example: `  sheaf query --tags design,docs
  sheaf query --name arch --format json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError(cmd, "query takes no arguments, such as %q", args[0]).
					WithHint("look for part of a name with --name, for tags with --tags")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return runQuery(cmd, o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.name, "name", "", "part of the name, in any case of letters")
	flags.StringVar(&o.tags, "tags", "", "tags, separated by commas; documents have all of them")
	flags.StringVar(&o.collection, "collection", "", "collection to look in (default all of free-standing documents)")
	flags.StringVar(&o.format, "format", formatTable, "table or json")
	o.pageFlags.bind(flags, "documents")
	return cmd
}

func runQuery(cmd *cobra.Command, o *queryOptions) (err error) {
	if o.json {
		o.format = formatJSON
	}
	if o.format != formatTable && o.format != formatJSON {
		return usageError(cmd, "--format is table or json, not %q", o.format)
	}
	if err := o.pageFlags.check(cmd); err != nil {
		return err
	}
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)

	filter := client.Filter{Name: o.name, Tags: sheaf.SplitTags(o.tags), Collection: o.collection, PageSize: o.pageSize()}
	found := newListing(store.Query(cmd.Context(), filter), o.pageFlags)
	if o.format == formatJSON {
		err = printDocumentsJSON(cmd.OutOrStdout(), found)
	} else {
		err = printDocumentsTable(cmd.OutOrStdout(), found)
	}
	if err != nil {
		return err
	}
	if found.count == 0 && o.format == formatTable {
		o.note(cmd, "no documents found")
	}
	found.noteMore(cmd, o.options, "documents")
	return cmd.Context().Err()
}

// documentJSON is a document as the query prints it.
type documentJSON struct {
	ID         sheaf.DocumentID `json:"document_id"`
	Name       string           `json:"name"`
	Tags       []string         `json:"tags"`
	Size       int64            `json:"size_bytes"`
	UploadedAt time.Time        `json:"uploaded_at"`
	Checksum   string           `json:"checksum"`
}

func checksum(d sheaf.Digest) string { return "sha256:" + d.String() }

// printDocumentsJSON writes an array, one document after the other as they come.
func printDocumentsJSON(w io.Writer, found *listing[sheaf.Document]) error {
	return printJSONArray(w, func(yield func(documentJSON, error) bool) {
		for doc, err := range found.all {
			if !yield(documentJSON{doc.ID, doc.Name, doc.Tags, doc.Size, doc.UploadedAt, checksum(doc.Digest)}, err) {
				return
			}
		}
	})
}

// printDocumentsTable writes a table, or nothing when nothing was found.
func printDocumentsTable(w io.Writer, found *listing[sheaf.Document]) error {
	rows := table.NewWriter()
	style := table.StyleLight
	style.Format.Header = text.FormatDefault
	rows.SetStyle(style)
	rows.AppendHeader(table.Row{"Document ID", "Name", "Tags", "Uploaded"})
	for doc, err := range found.all {
		if err != nil {
			return err
		}
		rows.AppendRow(table.Row{
			string(doc.ID),
			printable(doc.Name),
			printable(strings.Join(doc.Tags, ",")),
			doc.UploadedAt.UTC().Format(time.DateTime),
		})
	}
	if found.count == 0 {
		return nil
	}
	_, err := io.WriteString(w, rows.Render()+"\n")
	return err
}
