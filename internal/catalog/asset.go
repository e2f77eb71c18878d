package catalog

import "github.com/sheaf-dev/sheaf"

// An AssetFilter selects assets of a book's base.
type AssetFilter struct {
	Dir   string // whose files, and those below it; empty: the directories of all types
	After string // only paths behind this one
	Limit int
}

// inAssets is true of a document d in a directory of assets: between $2 and $3 if
// there is one that is wanted, else in any.
const inAssets = `d.collection = $1 and d.deleted = 0 and d.version > 0 and d.path > $2 and d.path < $3 and (
	d.path > 'assets/audio/' and d.path < 'assets/audio0' or d.path > 'assets/images/' and d.path < 'assets/images0'
	or d.path > 'assets/slides/' and d.path < 'assets/slides0' or d.path > 'assets/videos/' and d.path < 'assets/videos0')`

// Assets lists assets of a book in the order of their paths. What it says of
// each is what the catalog knows: no type, no filename, no URL.
func (v *View) Assets(c *Collection, filter AssetFilter) ([]sheaf.Asset, error) {
	low, high := filter.bounds()
	assets := []sheaf.Asset{}
	err := v.conn.rows(`
		select d.path, d.id, d.size, d.mime, d.digest, d.version, v.at, v.author, v.label
		from documents d join versions v on v.document = d.pk and v.n = d.version
		where `+inAssets+` order by d.path limit $4`, []any{c.PK, max(low, filter.After), high, filter.Limit},
		func(scan func(...any) error) error {
			a := sheaf.Asset{BookID: c.Name, Backend: c.Backend}
			var digest []byte
			var at int64
			err := scan(&a.Path, &a.DocumentID, &a.Size, &a.MIME, &digest, &a.Version, &at, &a.UploadedBy, &a.UploadedByLabel)
			if err != nil {
				return err
			}
			a.UploadedAt = fromMillis(at)
			a.Digest, err = digestFrom(digest)
			assets = append(assets, a)
			return err
		})
	return assets, err
}

// CountAssets counts the assets that a filter selects, on all pages.
func (v *View) CountAssets(c *Collection, filter AssetFilter) (n int, err error) {
	low, high := filter.bounds()
	_, err = v.conn.row(`select count(*) from documents d where `+inAssets, []any{c.PK, low, high}, &n)
	return n, err
}

func (f AssetFilter) bounds() (low, high string) {
	if f.Dir == "" {
		return below("assets")
	}
	return below(f.Dir)
}
