package cli

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

func newBookChangeCommand(shared *options) *cobra.Command {
	o := &bookOptions{options: shared}
	var status string
	cmd := &cobra.Command{
		Use:   "change <book>",
		Short: "Change what is said of a book, and what may be done with it",
		Long: `Change what is said of a book, and what may be done with it. What is not given stays.
An archived book refuses every write until it is active again.`,
		Example: `  sheaf book change ai-native --author Ada --max-size 500MB
  sheaf book change ai-native --status archived`,
		Args: exactly(bookArgument),
		RunE: func(cmd *cobra.Command, args []string) error { return runBookChange(cmd, o, args, status) },
	}
	o.bindSettings(cmd)
	cmd.Flags().StringVar(&status, "status", "", "active, or archived: read-only")
	return cmd
}

func runBookChange(cmd *cobra.Command, o *bookOptions, args []string, status string) error {
	flags := cmd.Flags()
	change := o.change(flags)
	if flags.Changed("status") {
		change.Status = (*sheaf.CollectionStatus)(&status)
	}
	if err := o.limits.set(flags, new(sheaf.CollectionLimits)); err != nil {
		return err
	}
	limits, retention := o.limits.changed(flags), retentionGiven(flags)
	if change == (client.BookChange{}) && !limits && !retention {
		return usageError(cmd, "change needs something to change, such as --title or --status; --help lists all")
	}
	return o.withStore(cmd, false, func(ctx context.Context, store *connection) error {
		if limits { // those that are not given stay
			now, err := store.Book(ctx, args[0], false)
			if err != nil {
				return err
			}
			change.Limits = &now.Limits
			if err := o.limits.set(flags, change.Limits); err != nil {
				return err
			}
		}
		if err := mergeRetention(ctx, store, flags, args[0], o.Retention, &change.CollectionChange); err != nil {
			return err
		}
		book, err := store.ChangeBook(ctx, args[0], change)
		if err != nil {
			return err
		}
		return o.tell(cmd, book, "%s", bookLine(book))
	})
}

// change returns what the flags change of a book, but for its limits and its
// retention, which are merged with what they are.
func (o *bookOptions) change(flags *pflag.FlagSet) (change client.BookChange) {
	for name, text := range map[string]struct {
		given *string
		into  **string
	}{
		"title":        {&o.Title, &change.Title},
		"description":  {&o.Description, &change.Description},
		"author":       {&o.Author, &change.Author},
		"book-version": {&o.Version, &change.Version},
	} {
		if flags.Changed(name) {
			*text.into = text.given
		}
	}
	if flags.Changed("layout") {
		change.Layout = (*sheaf.BookLayout)(&o.layout)
		if *change.Layout != sheaf.LayoutPatterns {
			change.Patterns = &[]string{} // which are of that layout only
		}
	}
	if flags.Changed("pattern") {
		change.Patterns = &o.Patterns
	}
	if flags.Changed("public-assets") {
		change.PublicAssets = &o.PublicAssets
	}
	if flags.Changed("write-policy") {
		change.Policy = (*sheaf.WritePolicy)(&o.policy)
	}
	return change
}
