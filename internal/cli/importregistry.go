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
and so does what is in the books; where a book is stored is not taken from it.`,
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
	for i, entry := range entries {
		if sheaf.CollectionStatus(entry.Status) == sheaf.StatusMigrating { // then, and where that was
			entries[i].Status, entry.Status = string(sheaf.StatusActive), string(sheaf.StatusActive)
		}
		if status := sheaf.CollectionStatus(entry.Status); status != "" && status != sheaf.StatusActive && status != sheaf.StatusArchived {
			return sheaf.Invalid("status", fmt.Sprintf("%s has the status %q; a book can be imported as %s or %s",
				entry.ID, sheaf.Clip(entry.Status), sheaf.StatusActive, sheaf.StatusArchived))
		}
		if _, err := sheaf.ParseSlug("book_id", entry.ID); err != nil {
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

// importBook creates a book, or changes it if it is there.
func importBook(ctx context.Context, store *connection, entry bundle.BookEntry) (sheaf.Book, error) {
	settings := sheaf.BookSettings{
		Author: entry.Author, Version: entry.Version, Layout: sheaf.BookLayout(entry.Layout),
		Patterns: entry.Patterns, PublicAssets: entry.PublicAssets,
	}
	policy, status := sheaf.WritePolicy(entry.WritePolicy), sheaf.CollectionStatus(entry.Status)
	book, err := store.CreateBook(ctx, client.BookInput{
		ID: entry.ID, Title: entry.Title, Description: entry.Description, BookSettings: settings, Policy: policy,
	})
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
		if settings.Layout != "" {
			patterns := append([]string{}, settings.Patterns...)
			change.Layout, change.Patterns = &settings.Layout, &patterns
		}
	default:
		return sheaf.Book{}, err
	}
	return store.ChangeBook(ctx, entry.ID, change)
}
