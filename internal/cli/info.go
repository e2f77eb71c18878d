package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

type infoOptions struct {
	*options
	at       string
	versions bool
}

func newInfoCommand(shared *options) *cobra.Command {
	o := &infoOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "info <document-id>",
		Short: "Show what is known of a document",
		Args:  exactly(documentIDArgument),
		RunE:  func(cmd *cobra.Command, args []string) error { return runInfo(cmd, o, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.at, "at", "", "show what it was at a revision, or a time such as 2026-01-31 or 2026-01-31T12:00:00Z")
	flags.BoolVar(&o.versions, "versions", false, "list the contents that it has had, too")
	return cmd
}

// describedDocument is what info prints as JSON.
type describedDocument struct {
	client.DocumentState
	Relations []sheaf.Relation `json:"relations,omitempty"`
	Versions  []sheaf.Version  `json:"versions,omitempty"`
}

func runInfo(cmd *cobra.Command, o *infoOptions, args []string) (err error) {
	id, err := oneDocument(args)
	if err != nil {
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
	var described describedDocument
	if described.DocumentState, err = store.Metadata(cmd.Context(), id, at); err != nil {
		return err
	}
	if o.at == "" { // relations are of now
		if described.Relations, err = store.Relations(cmd.Context(), id); err != nil {
			return err
		}
	}
	if o.versions {
		for version, err := range store.Versions(cmd.Context(), id) {
			if err != nil {
				return err
			}
			described.Versions = append(described.Versions, version)
		}
	}
	out := cmd.OutOrStdout()
	if o.json {
		return printJSON(out, described)
	}
	_, err = io.WriteString(out, described.text())
	return err
}

// text returns what is known of a document for people. What it lacks is left out.
func (d describedDocument) text() string {
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-12s %s\n", name+":", printable(value))
		}
	}
	field("Document ID", string(d.ID))
	field("Name", d.Name)
	if d.Filename != d.Name {
		field("Filename", d.Filename)
	}
	field("Collection", string(d.Collection))
	field("Tags", strings.Join(d.Tags, ", "))
	for i, line := range strings.Split(d.Description, "\n") {
		if i == 0 {
			field("Description", line)
		} else {
			fmt.Fprintf(&b, "%-12s %s\n", "", printable(line))
		}
	}
	if metadata := string(d.Metadata); metadata != "{}" {
		field("Metadata", metadata)
	}
	if d.Version == 0 {
		field("Content", "none yet")
	} else {
		field("Size", formatSize(d.Size))
		field("Type", d.MIME)
		field("Checksum", checksum(d.Digest))
		field("Version", fmt.Sprint(d.Version))
	}
	field("Revision", fmt.Sprint(d.Revision))
	field("Uploaded", d.UploadedAt.UTC().Format(time.DateTime))
	field("Updated", d.UpdatedAt.UTC().Format(time.DateTime))
	field("URL", d.URL)
	if len(d.Relations) > 0 {
		b.WriteString("\n")
	}
	for _, r := range d.Relations {
		b.WriteString(relationLine(r))
	}
	if len(d.Versions) > 0 {
		b.WriteString("\n")
	}
	for _, v := range d.Versions {
		line := fmt.Sprintf("version %d  %s  %9s  %s", v.Number, v.At.UTC().Format(time.DateTime), formatSize(v.Size), by(v.Author, v.Label))
		if v.Message != "" {
			line += "  " + v.Message
		}
		b.WriteString(printable(line) + "\n")
	}
	return b.String()
}

// by returns who did something: the principal, and what it calls itself.
func by(principal, label string) string {
	if label == "" {
		return principal
	}
	return principal + " (" + label + ")"
}
