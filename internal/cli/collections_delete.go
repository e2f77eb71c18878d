package cli

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
)

type collectionsDeleteOptions struct {
	*options
	withDocuments bool
	confirm       string
}

func newCollectionsDeleteCommand(shared *options) *cobra.Command {
	o := &collectionsDeleteOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "delete <name>",
		Short: "Delete a collection",
		Long: `Delete a collection that holds no documents and has none in its trash.

With --with-documents, all of them, with all their versions, are removed for good
first. That needs the collection's name once more: with --confirm, or typed when
asked for on a terminal. While it goes on, the collection refuses writes; if it is
interrupted, deleting the collection again finishes it.`,
		Example: `  sheaf collections delete drafts
  sheaf collections delete drafts --with-documents --confirm drafts`,
		Args: exactly("a collection's name"),
		RunE: func(cmd *cobra.Command, args []string) error { return runCollectionsDelete(cmd, o, args) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.withDocuments, "with-documents", false, "remove the documents in it for good: this cannot be undone")
	flags.StringVar(&o.confirm, "confirm", "", "the collection's name once more, for --with-documents")
	return cmd
}

func runCollectionsDelete(cmd *cobra.Command, o *collectionsDeleteOptions, args []string) (err error) {
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	var deletion sheaf.CollectionDeletion
	if o.withDocuments {
		var confirm string
		if confirm, err = o.confirmation(cmd, store, args[0]); err != nil {
			return err
		}
		deletion, err = store.PurgeCollection(cmd.Context(), args[0], confirm)
	} else {
		deletion, err = store.DeleteCollection(cmd.Context(), args[0])
	}
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if o.json {
		return printJSON(out, deletion)
	}
	text := string(deletion.Name) + "  deleted"
	if deletion.Purged > 0 {
		text += ", " + plural(int(deletion.Purged), "document") + " purged"
	}
	_, err = io.WriteString(out, printable(text)+"\n")
	return err
}

// confirmation returns the name that was typed to confirm: with the flag, else
// on the terminal.
func (o *collectionsDeleteOptions) confirmation(cmd *cobra.Command, store *connection, name string) (string, error) {
	if cmd.Flags().Changed("confirm") || !isTerminal(cmd.InOrStdin()) {
		return o.confirm, nil
	}
	collection, err := store.Collection(cmd.Context(), name)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "This removes %s for good, and %d in the trash. Type the name of the collection to go on: ",
		plural(int(collection.Documents), "document"), collection.Trashed)
	line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("read the confirmation: %w", err)
	}
	return strings.TrimSpace(line), nil
}
