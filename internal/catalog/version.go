package catalog

import (
	"github.com/sheaf-dev/sheaf"
)

// AddVersion stores a content of a document. It sets v.At.
func (tx *Tx) AddVersion(document int64, v *sheaf.Version) error {
	v.At = tx.Now()
	_, err := tx.exec(`
		insert into versions (document, n, digest, size, mime, author, label, message, at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		document, v.Number, v.Digest[:], v.Size, v.MIME, v.Author, v.Label, v.Message, tx.now)
	return err
}

const versionColumns = `n, digest, size, mime, author, label, message, at, purged`

func scanVersion(scan func(...any) error) (version sheaf.Version, err error) {
	var digest []byte
	var at int64
	err = scan(&version.Number, &digest, &version.Size, &version.MIME, &version.Author, &version.Label, &version.Message, &at, &version.Purged)
	if err != nil {
		return sheaf.Version{}, err
	}
	version.At = fromMillis(at)
	version.Digest, err = digestFrom(digest)
	return version, err
}

// Version returns one version of a document.
func (v *View) Version(document int64, n int) (version sheaf.Version, found bool, err error) {
	err = v.conn.rows(`select `+versionColumns+` from versions where document = $1 and n = $2`, []any{document, n},
		func(scan func(...any) error) (err error) {
			found = true
			version, err = scanVersion(scan)
			return err
		})
	return version, found, err
}

// LastVersion returns the highest version number of a document, 0 when it has
// had no content yet.
func (v *View) LastVersion(document int64) (n int, err error) {
	_, err = v.conn.row(`select coalesce(max(n), 0) from versions where document = $1`, []any{document}, &n)
	return n, err
}
