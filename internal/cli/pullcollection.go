package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/bundle"
)

// collectionPulls returns what to fetch of a collection, in the order of creation,
// and under which paths: the same as in its archive. What is fetched is what was
// listed, whatever is written meanwhile.
func (o *pullOptions) collectionPulls(cmd *cobra.Command, store *connection, at client.Moment) ([]pulling, error) {
	var documents []sheaf.Document
	empty := 0
	for doc, err := range store.Query(cmd.Context(), client.Filter{Collection: o.collection, At: at, PageSize: fullPage}) {
		switch {
		case err != nil:
			return nil, err
		case doc.Version == 0:
			empty++
		default:
			documents = append(documents, doc)
		}
	}
	if empty > 0 {
		o.note(cmd, "left out %s without content", plural(empty, "document"))
	}
	slices.Reverse(documents)
	names := make([]string, len(documents))
	for i, doc := range documents {
		names[i] = bundle.NameOf(doc)
	}
	wanted := make([]pulling, len(documents))
	for i, path := range bundle.UniqueNames(names) {
		local, err := treePath(path)
		if err != nil {
			return nil, err // does not happen: the paths are safe everywhere
		}
		content := client.OfVersion(documents[i].Version)
		if at != (client.Moment{}) {
			content = client.AsOf(at) // also of a document that is in the trash by now
		}
		wanted[i] = pulling{id: documents[i].ID, name: local, content: content}
	}
	return wanted, nil
}
