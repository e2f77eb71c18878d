package cli

import (
	"encoding/json"
	"io"
	"iter"
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
	name   string
	tags   string
	format string
	limit  int
	all    bool
}

const (
	formatTable = "table"
	formatJSON  = "json"

	defaultLimit = 50
	fullPage     = 1000 // the most documents that servers send at once
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
	flags.StringVar(&o.format, "format", formatTable, "table or json")
	flags.IntVar(&o.limit, "limit", defaultLimit, "most documents to list")
	flags.BoolVar(&o.all, "all", false, "list all documents, however many")
	return cmd
}

func runQuery(cmd *cobra.Command, o *queryOptions) (err error) {
	if o.json {
		o.format = formatJSON
	}
	switch {
	case o.format != formatTable && o.format != formatJSON:
		return usageError(cmd, "--format is table or json, not %q", o.format)
	case o.limit < 1:
		return usageError(cmd, "--limit is at least 1")
	case o.all:
		o.limit = 0
	}
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)

	filter := client.Filter{Name: o.name, Tags: sheaf.SplitTags(o.tags), PageSize: fullPage}
	if o.limit > 0 {
		filter.PageSize = min(o.limit, fullPage)
	}
	found := &listing{documents: store.Query(cmd.Context(), filter), limit: o.limit}
	if o.format == formatJSON {
		err = printDocumentsJSON(cmd.OutOrStdout(), found)
	} else {
		err = printDocumentsTable(cmd.OutOrStdout(), found)
	}
	switch {
	case err != nil:
		return err
	case found.more:
		o.note(cmd, "there are more documents; --all lists them, --limit so many")
	case found.count == 0 && o.format == formatTable:
		o.note(cmd, "no documents found")
	}
	return cmd.Context().Err()
}

// A listing is the documents found, up to a limit, and whether there are more.
type listing struct {
	documents iter.Seq2[sheaf.Document, error]
	limit     int // 0: none

	count int
	more  bool
	err   error
}

// all yields the documents and leaves the rest of the listing's fields as the
// last one finds them.
func (l *listing) all(yield func(sheaf.Document) bool) {
	for doc, err := range l.documents {
		if err != nil {
			l.err = err
			return
		}
		if l.limit > 0 && l.count == l.limit {
			l.more = true
			return
		}
		l.count++
		if !yield(doc) {
			return
		}
	}
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
func printDocumentsJSON(w io.Writer, found *listing) error {
	separator := "[\n  "
	for doc := range found.all {
		row, err := marshalIndented(documentJSON{doc.ID, doc.Name, doc.Tags, doc.Size, doc.UploadedAt, checksum(doc.Digest)})
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, separator+row); err != nil {
			return err
		}
		separator = ",\n  "
	}
	end := "\n]\n"
	if found.count == 0 {
		end = "[]\n"
	}
	if found.err != nil {
		return found.err // what was written is no JSON, as it should be
	}
	_, err := io.WriteString(w, end)
	return err
}

// marshalIndented returns v as JSON that stands one step in.
func marshalIndented(v any) (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("  ", "  ")
	err := enc.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// printDocumentsTable writes a table, or nothing when nothing was found.
func printDocumentsTable(w io.Writer, found *listing) error {
	rows := table.NewWriter()
	style := table.StyleLight
	style.Format.Header = text.FormatDefault
	rows.SetStyle(style)
	rows.AppendHeader(table.Row{"Document ID", "Name", "Tags", "Uploaded"})
	for doc := range found.all {
		rows.AppendRow(table.Row{
			string(doc.ID),
			printable(doc.Name),
			printable(strings.Join(doc.Tags, ",")),
			doc.UploadedAt.UTC().Format(time.DateTime),
		})
	}
	if found.err != nil || found.count == 0 {
		return found.err
	}
	_, err := io.WriteString(w, rows.Render()+"\n")
	return err
}
