package catalog

import (
	"encoding/json"

	"github.com/sheaf-dev/sheaf"
)

// SetBook stores what a book has beyond a collection.
func (tx *Tx) SetBook(name sheaf.Slug, settings sheaf.BookSettings) error {
	text, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	_, err = tx.exec(`update collections set book = $2 where name = $1`, name, string(text))
	tx.collectionsChanged()
	return err
}
