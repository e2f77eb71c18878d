package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

// relationFlags name the other document of a relation, by what it is to the one
// that is spoken of.
type relationFlags struct{ parent, child, related, predecessor, successor string }

func (f *relationFlags) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.parent, "parent", "", "id of its parent")
	flags.StringVar(&f.child, "child", "", "id of a child of it")
	flags.StringVar(&f.related, "related", "", "id of a document that is related otherwise")
	flags.StringVar(&f.predecessor, "predecessor", "", "id of a document that came before it")
	flags.StringVar(&f.successor, "successor", "", "id of a document that came after it")
}

// relation returns what is given, which has to be one.
func (f *relationFlags) relation(cmd *cobra.Command) (relation sheaf.RelationType, other sheaf.DocumentID, err error) {
	for _, given := range []struct {
		relation sheaf.RelationType
		id       string
	}{
		{sheaf.RelationParent, f.parent},
		{sheaf.RelationChild, f.child},
		{sheaf.RelationRelated, f.related},
		{sheaf.RelationPredecessor, f.predecessor},
		{sheaf.RelationSuccessor, f.successor},
	} {
		if !cmd.Flags().Changed(string(given.relation)) {
			continue
		}
		if relation != "" {
			return "", "", usageError(cmd, "--%s and --%s name two relations", relation, given.relation)
		}
		relation = given.relation
		if other, err = sheaf.ParseDocumentID(given.id); err != nil {
			return "", "", err
		}
	}
	if relation == "" {
		return "", "", usageError(cmd, "%s needs the other document: --parent, --child, --related, --predecessor or --successor", cmd.Name())
	}
	return relation, other, nil
}

func newRelationsCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "relations <document-id>",
		Short: "List what a document is related to",
		Long: `List what a document is related to: its parent, its children, what came before and
after it, and what else is related. ` + "`sheaf relate` and `sheaf unrelate`" + ` change that.`,
		Args: exactly(documentIDArgument),
		RunE: func(cmd *cobra.Command, args []string) error { return runRelations(cmd, o, args) },
	}
}

func runRelations(cmd *cobra.Command, o *options, args []string) (err error) {
	id, err := oneDocument(args)
	if err != nil {
		return err
	}
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	relations, err := store.Relations(cmd.Context(), id)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if o.json {
		return printJSON(out, relations)
	}
	for _, relation := range relations {
		if _, err := io.WriteString(out, relationLine(relation)); err != nil {
			return err
		}
	}
	return nil
}

// relationLine returns a relation for people, on one line.
func relationLine(r sheaf.Relation) string {
	line := fmt.Sprintf("%-11s  %s  %s", r.Type, r.ID, r.Name)
	if r.Deleted {
		line += "  (in the trash)"
	}
	if r.Note != "" {
		line += "  " + r.Note
	}
	return printable(line) + "\n"
}

func newRelateCommand(shared *options) *cobra.Command {
	var other relationFlags
	var note string
	cmd := &cobra.Command{
		Use:   "relate <document-id>",
		Short: "Say how a document is related to another one",
		Long: `Say how a document is related to another one. If they are related so already, the
note becomes the one given. A document has at most one parent.`,
		Example: `  sheaf relate doc_0123456789ab --parent doc_ba9876543210
  sheaf relate doc_0123456789ab --predecessor doc_ba9876543210 --note "the first edition"`,
		Args: exactly(documentIDArgument),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runRelate(cmd, shared, args, other, func(ctx context.Context, store *connection, id sheaf.DocumentID, relation sheaf.RelationType, other sheaf.DocumentID) (sheaf.RelationChange, error) {
				return store.Relate(ctx, id, client.RelationInput{Type: relation, Other: other, Note: note})
			})
		},
	}
	other.bind(cmd)
	cmd.Flags().StringVar(&note, "note", "", "what there is to say of it")
	return cmd
}

func newUnrelateCommand(shared *options) *cobra.Command {
	var other relationFlags
	cmd := &cobra.Command{
		Use:     "unrelate <document-id>",
		Short:   "End a relation of a document",
		Example: `  sheaf unrelate doc_0123456789ab --parent doc_ba9876543210`,
		Args:    exactly(documentIDArgument),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runRelate(cmd, shared, args, other, func(ctx context.Context, store *connection, id sheaf.DocumentID, relation sheaf.RelationType, other sheaf.DocumentID) (sheaf.RelationChange, error) {
				return store.Unrelate(ctx, id, relation, other)
			})
		},
	}
	other.bind(cmd)
	return cmd
}

// runRelate changes a relation of a document and prints it.
func runRelate(cmd *cobra.Command, o *options, args []string, flags relationFlags,
	change func(context.Context, *connection, sheaf.DocumentID, sheaf.RelationType, sheaf.DocumentID) (sheaf.RelationChange, error)) (err error) {
	id, err := oneDocument(args)
	if err != nil {
		return err
	}
	relation, other, err := flags.relation(cmd)
	if err != nil {
		return err
	}
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	done, err := change(cmd.Context(), store, id, relation, other)
	if err != nil {
		return err
	}
	if o.json {
		return printJSONLine(cmd.OutOrStdout(), done)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%-9s  %s", done.Mode, relationLine(done.Relation))
	return err
}
