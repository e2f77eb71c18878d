package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

type tagOptions struct {
	*options
	selectionFlags
	add, remove, set string
	message          string
}

func newTagCommand(shared *options) *cobra.Command {
	o := &tagOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "tag [document-id]...",
		Short: "Change the tags of documents",
		Long: `Change the tags of documents. Tags are separated by commas. "-" reads ids from
standard input, the first word of each line.

Tags are added and removed even if somebody else changes others meanwhile.

` + selectionHelp,
		Example: `  sheaf tag doc_0123456789ab --add reviewed --remove draft,new
  sheaf tag --collection notes --tags draft --add stale --dry-run
  sheaf tag doc_0123456789ab --set ""`,
		Args: documentsOrFlags(&o.selectionFlags),
		RunE: func(cmd *cobra.Command, args []string) error { return runTag(cmd, o, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.add, "add", "", "tags to add")
	flags.StringVar(&o.remove, "remove", "", "tags to remove")
	flags.StringVar(&o.set, "set", "", "tags to have instead of those there are; empty for none")
	o.selectionFlags.bind(flags)
	flags.StringVarP(&o.message, "message", "m", "", "why, for the history")
	return cmd
}

func runTag(cmd *cobra.Command, o *tagOptions, args []string) error {
	replaces := cmd.Flags().Changed("set")
	switch {
	case replaces && (o.add != "" || o.remove != ""):
		return usageError(cmd, "--set replaces all tags: leave out --add and --remove")
	case !replaces && o.add == "" && o.remove == "":
		return usageError(cmd, "tag needs --add, --remove or --set")
	}
	if o.given() || o.dryRun {
		tags := client.TagInput{Add: trimmedTags(o.add), Remove: trimmedTags(o.remove)}
		if replaces {
			set := trimmedTags(o.set)
			tags = client.TagInput{Set: &set}
		}
		return o.changeSelected(cmd, &o.selectionFlags, args, func(ctx context.Context, store *connection, in client.BulkInput) (sheaf.BulkChange, error) {
			in.Message = o.message
			return store.TagDocuments(ctx, in, tags)
		})
	}
	return o.changeEach(cmd, args, func(ctx context.Context, store *connection, id sheaf.DocumentID) (changed, error) {
		if replaces {
			tags := trimmedTags(o.set)
			return wholly(store.Change(ctx, id, client.ChangeInput{Tags: &tags, Message: o.message}))
		}
		return wholly(o.retag(ctx, store, id))
	})
}

// retag adds and removes tags. When the document changes between reading its
// tags and writing them, it begins again.
func (o *tagOptions) retag(ctx context.Context, store *connection, id sheaf.DocumentID) (sheaf.Change, error) {
	const attempts = 10
	for attempt := 1; ; attempt++ {
		state, err := store.Metadata(ctx, id, client.Moment{})
		if err != nil {
			return sheaf.Change{}, err
		}
		remove := trimmedTags(o.remove)
		tags := slices.DeleteFunc(slices.Clone(state.Tags), func(tag string) bool { return slices.Contains(remove, tag) })
		tags = append(tags, trimmedTags(o.add)...) // the store keeps each once
		change, err := store.Change(ctx, id, client.ChangeInput{Tags: &tags, Message: o.message, Revision: state.Revision, Collection: state.Collection})
		if sheaf.KindOf(err) != sheaf.ErrPreconditionFailed || attempt == attempts {
			return change, err
		}
	}
}

// trimmedTags returns the tags of a flag, never nil.
func trimmedTags(flag string) []string {
	tags := []string{}
	for _, tag := range sheaf.SplitTags(flag) {
		if tag = strings.TrimSpace(tag); tag != "" {
			tags = append(tags, tag)
		}
	}
	return tags
}
