package catalog

import (
	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
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

// Version returns one version of a document.
func (v *View) Version(document int64, n int) (version sheaf.Version, found bool, err error) {
	var digest []byte
	var at int64
	found, err = v.conn.row(`
		select n, digest, size, mime, author, label, message, at
		from versions where document = $1 and n = $2`, []any{document, n},
		&version.Number, &digest, &version.Size, &version.MIME, &version.Author, &version.Label, &version.Message, &at)
	if err != nil || !found {
		return sheaf.Version{}, false, err
	}
	version.At = fromMillis(at)
	version.Digest, err = digestFrom(digest)
	return version, true, err
}

// ReadableRef returns what is needed to read a content, if the store has it.
func (v *View) ReadableRef(backend string, digest sheaf.Digest) (ref blob.Ref, found bool, err error) {
	b, found, err := v.Blob(backend, digest)
	if err != nil || !found || !b.State.Readable() {
		return blob.Ref{}, false, err
	}
	return b.Ref, true, nil
}
