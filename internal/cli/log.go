package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

type logOptions struct {
	*options
	pageFlags
	collection string
}

func newLogCommand(shared *options) *cobra.Command {
	o := &logOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "log [document-id]",
		Short: "Show what was done with a document, or in a collection",
		Long: `Show what was done with a document, or in a collection, the newest first: the
revision, the time, who did it, what it was, and the message if there is one.
Without either, it is the collection ` + string(sheaf.DefaultCollection) + `.`,
		Example: `  sheaf log doc_0123456789ab
  sheaf log --collection field-notes --limit 10`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError(cmd, "log shows one document")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runLog(cmd, o, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.collection, "collection", "", "show what was done in this collection")
	o.pageFlags.bind(flags, "entries")
	return cmd
}

func runLog(cmd *cobra.Command, o *logOptions, args []string) (err error) {
	if err := o.pageFlags.check(cmd); err != nil {
		return err
	}
	var id sheaf.DocumentID
	switch {
	case len(args) > 0 && o.collection != "":
		return usageError(cmd, "log shows a document or a collection, not both")
	case len(args) > 0:
		if id, err = oneDocument(args); err != nil {
			return err
		}
	case o.collection == "":
		o.collection = string(sheaf.DefaultCollection)
	}
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	entries := store.DocumentLog(cmd.Context(), id, o.pageSize())
	if id == "" {
		entries = store.CollectionLog(cmd.Context(), o.collection, o.pageSize())
	}
	found := newListing(entries, o.pageFlags)
	out := cmd.OutOrStdout()
	if o.json {
		if err := printJSONArray(out, found.all); err != nil {
			return err
		}
	} else {
		for entry, err := range found.all {
			if err != nil {
				return err
			}
			if _, err := io.WriteString(out, entryText(entry)); err != nil {
				return err
			}
		}
	}
	found.noteMore(cmd, o.options, "entries")
	return nil
}

// entryText returns a log entry for people: a line, one more for each document
// that was touched, and the message.
func entryText(e client.LogEntry) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%6d  %s  %s  %s\n", e.Revision, e.At.UTC().Format(time.DateTime), printable(by(e.Principal, e.Label)), e.Operation)
	const indent = "        "
	for _, doc := range e.Documents {
		b.WriteString(indent + string(doc.ID) + "  " + printable(touched(doc)) + "\n")
	}
	for _, relation := range relationsOf(e) {
		b.WriteString(indent + printable(relation) + "\n")
	}
	for line := range strings.Lines(e.Message) {
		b.WriteString(indent + printable(strings.TrimRight(line, "\r\n")) + "\n")
	}
	return b.String()
}

// relationsOf says what an entry tells of relations that began, changed or ended.
func relationsOf(e client.LogEntry) (lines []string) {
	type relation struct {
		Type     string `json:"type"`
		Document string `json:"document_id"`
		Other    string `json:"other_id"`
		Note     string `json:"note_after"`
	}
	var detail struct {
		relation
		Ended []relation `json:"relations"` // by a purge
	}
	if len(e.Detail) == 0 || json.Unmarshal(e.Detail, &detail) != nil {
		return nil // a detail of another kind, or of a version of Sheaf to come
	}
	line := func(r relation) string { return fmt.Sprintf("%s  %s %s", r.Document, r.Type, r.Other) }
	if detail.Other != "" {
		text := line(detail.relation)
		if detail.Note != "" {
			text += "; " + detail.Note
		}
		lines = append(lines, text)
	}
	for _, ended := range detail.Ended {
		lines = append(lines, line(ended)+"; ended")
	}
	return lines
}

// touched says what became of a document: its name, and what is another now.
func touched(doc sheaf.LogDocument) string {
	before, after := doc.Before, doc.After
	switch {
	case before == nil && after == nil:
		return ""
	case before == nil:
		return after.Name
	case after == nil:
		return before.Name
	}
	parts := []string{after.Name}
	changed := func(what string, is bool) {
		if is {
			parts = append(parts, what)
		}
	}
	changed(fmt.Sprintf("to %s, from %s", after.Collection, before.Collection), before.Collection != after.Collection)
	changed("was "+before.Name, before.Name != after.Name)
	changed(fmt.Sprintf("version %d, was %d", after.Version, before.Version), before.Version != after.Version)
	changed("tags "+strings.Join(after.Tags, ","), strings.Join(before.Tags, ",") != strings.Join(after.Tags, ","))
	changed("description", before.Description != after.Description)
	changed("metadata", string(before.Metadata) != string(after.Metadata))
	return strings.Join(parts, "; ")
}
