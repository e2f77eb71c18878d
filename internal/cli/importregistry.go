package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/bundle"
)

func newImportRegistryCommand(shared *options) *cobra.Command {
	o := &bookOptions{options: shared}
	return &cobra.Command{
		Use:   "import-registry <file>",
		Short: "Create and change books as a registry.yaml or a book.yaml says",
		Long: `Create and change books as a registry.yaml or a book.yaml says, such as those that a
server writes into its data directory. Books that it does not name stay as they are,
and so does what is in the books; where a book is stored is not taken from it. Limits
and a retention that it says nothing of stay, too.`,
		Args: exactly("a registry.yaml"),
		RunE: func(cmd *cobra.Command, args []string) error { return runImportRegistry(cmd, o, args) },
	}
}

func runImportRegistry(cmd *cobra.Command, o *bookOptions, args []string) error {
	file, err := os.Open(args[0])
	if err != nil {
		return missing(err)
	}
	defer file.Close()
	entries, err := bundle.ReadRegistry(file)
	if err != nil {
		return err
	}
	// Before anything is changed: half an import is worse than none.
	for _, entry := range entries {
		if err := checkEntry(entry); err != nil {
			return err
		}
	}
	return o.withStore(cmd, true, func(ctx context.Context, store *connection) error {
		books := []sheaf.Book{}
		for _, entry := range entries {
			book, err := importBook(ctx, store, entry)
			if err != nil {
				return fmt.Errorf("%s: %w", entry.ID, err)
			}
			books = append(books, book)
			if !o.json {
				if err := o.tell(cmd, nil, "%s", bookLine(book)); err != nil {
					return err
				}
			}
		}
		if o.json {
			return printJSON(cmd.OutOrStdout(), books)
		}
		return nil
	})
}

// checkEntry refuses what a book cannot be imported as.
func checkEntry(entry bundle.BookEntry) error {
	switch sheaf.CollectionStatus(entry.Status) {
	case "", sheaf.StatusActive, sheaf.StatusArchived, sheaf.StatusMigrating:
	default:
		return sheaf.Invalid("status", fmt.Sprintf("%s has the status %q; a book can be imported as %s or %s",
			entry.ID, sheaf.Clip(entry.Status), sheaf.StatusActive, sheaf.StatusArchived))
	}
	var retentionErr error
	if entry.Retention != nil {
		retentionErr = sheaf.Retention(*entry.Retention).Check()
	}
	_, err := sheaf.ParseSlug("book_id", entry.ID)
	return sheaf.InvalidFields(err, retentionErr)
}

// importBook creates a book, or changes it if it is there.
func importBook(ctx context.Context, store *connection, entry bundle.BookEntry) (sheaf.Book, error) {
	settings := sheaf.BookSettings{
		Author: entry.Author, Version: entry.Version, Layout: sheaf.BookLayout(entry.Layout),
		Patterns: entry.Patterns, PublicAssets: entry.PublicAssets,
	}
	policy, status := sheaf.WritePolicy(entry.WritePolicy), sheaf.CollectionStatus(entry.Status)
	if status == sheaf.StatusMigrating { // it was moving to another backend when that was written
		status = sheaf.StatusActive
	}
	in := client.BookInput{
		ID: entry.ID, Title: entry.Title, Description: entry.Description, BookSettings: settings, Policy: policy,
	}
	setBounds(&in, entry)
	book, err := store.CreateBook(ctx, in)
	change := client.BookChange{}
	switch {
	case err == nil && (status == "" || status == sheaf.StatusActive):
		return book, nil
	case err == nil:
		change.Status = &status
	case sheaf.KindOf(err) == sheaf.ErrExists:
		change = client.BookChange{
			CollectionChange: client.CollectionChange{Description: &entry.Description},
			Author:           &settings.Author, Version: &settings.Version, PublicAssets: &settings.PublicAssets,
		}
		if entry.Title != "" {
			change.Title = &entry.Title
		}
		if policy != "" {
			change.Policy = &policy
		}
		if status != "" {
			change.Status = &status
		}
		if entry.Limits != nil {
			change.Limits = &in.Limits
		}
		if entry.Retention != nil {
			change.Retention = &in.Retention
		}
		if settings.Layout != "" {
			patterns := append([]string{}, settings.Patterns...)
			change.Layout, change.Patterns = &settings.Layout, &patterns
		}
	default:
		return sheaf.Book{}, err
	}
	return store.ChangeBook(ctx, entry.ID, change)
}

// setBounds gives a book that is to be created the limits and the retention that
// are said of it.
func setBounds(in *client.BookInput, entry bundle.BookEntry) {
	if entry.Limits != nil {
		in.Limits = sheaf.CollectionLimits(*entry.Limits)
	}
	if entry.Retention != nil {
		in.Retention = sheaf.Retention(*entry.Retention)
	}
}
