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

// CountBook counts what is in a book. It looks at the path of every file.
func (v *View) CountBook(c *Collection) (counts sheaf.BookCounts, err error) {
	_, err = v.conn.row(`
		with files as (
			select size, substr(path, 1, 7) in ('assets/', 'static/') as asset,
				(path like '%.md' or path like '%.mdx') and path not like '%.summary.md' as lesson
			from documents where collection = $1 and deleted = 0 and path <> '' and version > 0)
		select count(*) filter (where lesson and not asset), count(*) filter (where asset), count(*), coalesce(sum(size), 0)
		from files`, []any{c.PK}, &counts.Lessons, &counts.Assets, &counts.Files, &counts.Size)
	return counts, err
}
