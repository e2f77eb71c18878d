package cli

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

type treeOptions struct {
	*options
	collection string
	at         string
}

func newTreeCommand(shared *options) *cobra.Command {
	o := &treeOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "tree",
		Short: "Show the names of a collection's documents as a tree",
		Long: `Show the names of a collection's documents as a tree: a slash in a name begins a
level, as it does in the names that pushing a directory gives. Each document is
followed by its id.`,
		Args: noArguments("name the collection with --collection"),
		RunE: func(cmd *cobra.Command, _ []string) error { return runTree(cmd, o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.collection, "collection", "", "collection to show (default all of free-standing documents)")
	flags.StringVar(&o.at, "at", "", "show what there was at a revision, or a time such as 2026-01-31 or 2026-01-31T12:00:00Z")
	return cmd
}

func runTree(cmd *cobra.Command, o *treeOptions) (err error) {
	at, err := client.ParseMoment(o.at)
	if err != nil {
		return err
	}
	store, err := o.connect(cmd, false)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	root := &treeNode{}
	for doc, err := range store.Query(cmd.Context(), client.Filter{Collection: o.collection, At: at, PageSize: fullPage}) {
		if err != nil {
			return err
		}
		root.add(doc)
	}
	root.sort()
	out := cmd.OutOrStdout()
	if o.json {
		if root.Children == nil {
			root.Children = []*treeNode{}
		}
		return printJSON(out, root.Children)
	}
	var text strings.Builder
	root.write(&text, "")
	_, err = io.WriteString(out, text.String())
	return err
}

// A treeNode is a level of the names, or a document. What is both is two nodes.
type treeNode struct {
	Name     string           `json:"name"`
	ID       sheaf.DocumentID `json:"document_id,omitempty"` // of a document
	Size     *int64           `json:"size_bytes,omitempty"`  // of a document
	Children []*treeNode      `json:"children,omitempty"`

	levels map[string]*treeNode // the children that are levels
}

// add puts a document at its place below n. Several may have the same name.
func (n *treeNode) add(doc sheaf.Document) {
	segments := strings.Split(doc.Name, "/")
	last := len(segments) - 1
	for _, segment := range segments[:last] {
		level, found := n.levels[segment]
		if !found {
			level = &treeNode{Name: segment}
			if n.levels == nil {
				n.levels = map[string]*treeNode{}
			}
			n.levels[segment] = level
			n.Children = append(n.Children, level)
		}
		n = level
	}
	n.Children = append(n.Children, &treeNode{Name: segments[last], ID: doc.ID, Size: &doc.Size})
}

// sort orders every level by name, then id.
func (n *treeNode) sort() {
	slices.SortFunc(n.Children, func(a, b *treeNode) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return strings.Compare(string(a.ID), string(b.ID))
	})
	for _, level := range n.levels {
		level.sort()
	}
}

// write draws what is below n, each line after indent.
func (n *treeNode) write(b *strings.Builder, indent string) {
	for i, child := range n.Children {
		branch, below := "├── ", "│   "
		if i == len(n.Children)-1 {
			branch, below = "└── ", "    "
		}
		b.WriteString(indent + branch + printable(child.Name))
		if child.ID != "" {
			b.WriteString("  " + string(child.ID) + "\n")
			continue
		}
		b.WriteString("/\n")
		child.write(b, indent+below)
	}
}
