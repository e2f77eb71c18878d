package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

type collectionOptions struct {
	*options
	title, description, policy string
	backend                    string
	limits                     limitFlags
	retention                  sheaf.Retention
}

func newCollectionsCommand(shared *options) *cobra.Command {
	o := &collectionOptions{options: shared}
	list := func(cmd *cobra.Command, _ []string) error { return runCollectionsList(cmd, o) }
	cmd := &cobra.Command{
		Use:   "collections",
		Short: "List, create, change, archive and delete collections",
		Long: `List, create, change, archive and delete collections. Without a command, they are listed,
with what they hold.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: list,
	}
	const name = "a collection's name"
	bind := func(cmd *cobra.Command) *cobra.Command {
		flags := cmd.Flags()
		flags.StringVar(&o.title, "title", "", "what people call it")
		flags.StringVar(&o.description, "description", "", "what it is for")
		flags.StringVar(&o.policy, "write-policy", "", "upsert, or require_hash: a write has to name the content it replaces")
		o.limits.bind(flags)
		bindRetention(flags, &o.retention)
		return cmd
	}
	create := bind(&cobra.Command{
		Use:     "create <name>",
		Short:   "Create a collection",
		Example: `  sheaf collections create field-notes --title "Field notes" --write-policy require_hash`,
		Args:    exactly(name),
		RunE:    func(cmd *cobra.Command, args []string) error { return runCollectionsCreate(cmd, o, args) },
	})
	bindBackend(create, &o.backend)
	cmd.AddCommand(
		&cobra.Command{Use: "list", Short: "List the collections", Args: noArguments("`sheaf ls --collection` lists documents"), RunE: list},
		create,
		bind(&cobra.Command{
			Use:   "change <name>",
			Short: "Change a collection's title, description, write policy, limits or retention",
			Args:  exactly(name),
			RunE:  func(cmd *cobra.Command, args []string) error { return runCollectionsChange(cmd, o, args) },
		}),
		&cobra.Command{
			Use:   "archive <name>",
			Short: "Make a collection read-only",
			Args:  exactly(name),
			RunE: func(cmd *cobra.Command, args []string) error {
				return runCollectionsStatus(cmd, o, args, sheaf.StatusArchived)
			},
		},
		&cobra.Command{
			Use:   "unarchive <name>",
			Short: "Make an archived collection writable again",
			Args:  exactly(name),
			RunE: func(cmd *cobra.Command, args []string) error {
				return runCollectionsStatus(cmd, o, args, sheaf.StatusActive)
			},
		},
		newCollectionsDeleteCommand(shared),
	)
	return cmd
}

func runCollectionsList(cmd *cobra.Command, o *collectionOptions) (err error) {
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	collections, err := store.Collections(cmd.Context())
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if o.json {
		return printJSON(out, collections)
	}
	for _, c := range collections {
		if _, err := io.WriteString(out, collectionLine(c)); err != nil {
			return err
		}
	}
	return nil
}

// collectionLine returns a collection for people, on one line.
func collectionLine(c sheaf.CollectionStats) string {
	line := fmt.Sprintf("%-20s  %s, %s", c.Name, plural(int(c.Documents), "document"), formatSize(c.SizeBytes))
	if c.Trashed > 0 {
		line += fmt.Sprintf(", %d in the trash", c.Trashed)
	}
	if c.Status != sheaf.StatusActive {
		line += ", " + string(c.Status)
	}
	if c.Policy != sheaf.PolicyUpsert {
		line += ", " + string(c.Policy)
	}
	line += limitsText(c.Limits)
	line += retentionText(c.Retention)
	if c.Title != string(c.Name) && c.Title != "" {
		line += "  " + c.Title
	}
	return printable(line) + "\n"
}

func runCollectionsCreate(cmd *cobra.Command, o *collectionOptions, args []string) error {
	var limits sheaf.CollectionLimits
	if err := o.limits.set(cmd.Flags(), &limits); err != nil {
		return err
	}
	return o.withCollection(cmd, true, func(ctx context.Context, store *connection) (sheaf.CollectionStats, error) {
		return store.CreateCollection(ctx, client.CollectionInput{
			Name: args[0], Title: o.title, Description: o.description, Policy: sheaf.WritePolicy(o.policy), Backend: o.backend,
			Limits: limits, Retention: o.retention,
		})
	})
}

func runCollectionsChange(cmd *cobra.Command, o *collectionOptions, args []string) error {
	var change client.CollectionChange
	flags := cmd.Flags()
	if flags.Changed("title") {
		change.Title = &o.title
	}
	if flags.Changed("description") {
		change.Description = &o.description
	}
	if flags.Changed("write-policy") {
		policy := sheaf.WritePolicy(o.policy)
		change.Policy = &policy
	}
	if err := o.limits.set(flags, new(sheaf.CollectionLimits)); err != nil {
		return err
	}
	limits := o.limits.changed(flags)
	if change == (client.CollectionChange{}) && !limits && !retentionGiven(flags) {
		return usageError(cmd, "change needs something to change, such as --title or --trash-days; --help lists all")
	}
	return o.withCollection(cmd, false, func(ctx context.Context, store *connection) (sheaf.CollectionStats, error) {
		if limits { // those that are not given stay
			now, err := store.Collection(ctx, args[0])
			if err != nil {
				return now, err
			}
			change.Limits = &now.Limits
			if err := o.limits.set(flags, change.Limits); err != nil {
				return now, err
			}
		}
		if err := mergeRetention(ctx, store, flags, args[0], o.retention, &change); err != nil {
			return sheaf.CollectionStats{}, err
		}
		return store.ChangeCollection(ctx, args[0], change)
	})
}

func runCollectionsStatus(cmd *cobra.Command, o *collectionOptions, args []string, status sheaf.CollectionStatus) error {
	return o.withCollection(cmd, false, func(ctx context.Context, store *connection) (sheaf.CollectionStats, error) {
		return store.ChangeCollection(ctx, args[0], client.CollectionChange{Status: &status})
	})
}

// withCollection connects to the store, changes a collection and prints it.
func (o *collectionOptions) withCollection(cmd *cobra.Command, creates bool, change func(context.Context, *connection) (sheaf.CollectionStats, error)) (err error) {
	store, err := o.connect(cmd, creates)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	collection, err := change(cmd.Context(), store)
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(cmd.OutOrStdout(), collection)
	}
	_, err = io.WriteString(cmd.OutOrStdout(), collectionLine(collection))
	return err
}
