package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf/client"
)

const (
	// completeWithin is how long somebody who has pressed Tab waits for the store.
	completeWithin = time.Second
	// completions is how many documents are offered, the newest ones.
	completions = 100
)

// complete says what shells offer for the arguments of cmd and of those below:
// documents and collections of the store where these are asked for, files for
// push, and nothing elsewhere.
func (o *options) complete(cmd *cobra.Command) {
	switch {
	case cmd.Name() == "push", cmd.Name() == "doc-push":
	case strings.Contains(cmd.Use, "<document-id>"):
		cmd.ValidArgsFunction = o.completeDocuments
	case cmd.HasParent() && cmd.Parent().Name() == "collections" && strings.Contains(cmd.Use, "<name>") && cmd.Name() != "create":
		cmd.ValidArgsFunction = o.completeCollections
	default:
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	if cmd.Flags().Lookup("collection") != nil {
		if err := cmd.RegisterFlagCompletionFunc("collection", o.completeCollections); err != nil {
			panic(err) // the flag is there, and has none yet
		}
	}
	for _, below := range cmd.Commands() {
		o.complete(below)
	}
}

// completeDocuments offers documents: the newest ids, with the names behind them.
// What of a name is not printable is escaped: it is shown on a terminal.
func (o *options) completeDocuments(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var found []cobra.Completion
	o.askBriefly(cmd, func(ctx context.Context, store *connection) {
		for doc, err := range store.Query(ctx, client.Filter{PageSize: completions}) {
			if err != nil || len(found) == completions {
				return
			}
			if id := string(doc.ID); strings.HasPrefix(id, begun) && !slices.Contains(args, id) {
				found = append(found, cobra.CompletionWithDesc(id, printable(doc.Name)))
			}
		}
	})
	return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// completeCollections offers the names of collections.
func (o *options) completeCollections(cmd *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var found []cobra.Completion
	o.askBriefly(cmd, func(ctx context.Context, store *connection) {
		collections, err := store.Collections(ctx)
		if err != nil {
			return
		}
		for _, collection := range collections {
			if strings.HasPrefix(string(collection.Name), begun) {
				found = append(found, cobra.CompletionWithDesc(string(collection.Name), printable(collection.Title)))
			}
		}
	})
	return found, cobra.ShellCompDirectiveNoFileComp
}

// askBriefly asks the store something if it answers at once. There is nobody to
// be told why it does not.
func (o *options) askBriefly(cmd *cobra.Command, ask func(context.Context, *connection)) {
	parent := cmd.Context()
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithTimeout(parent, completeWithin)
	defer cancel()
	cmd.SetContext(ctx)
	store, err := o.connect(cmd, false)
	if err != nil {
		return
	}
	defer store.Close()
	ask(ctx, store)
}
