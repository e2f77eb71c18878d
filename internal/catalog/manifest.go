package catalog

import "github.com/sheaf-dev/sheaf"

// mostManifests is how many manifests of a book are remembered, the newest.
const mostManifests = 10_000

// A BookManifest is what is remembered of the manifest of a book at a revision.
type BookManifest struct {
	Rev   int64
	Hash  sheaf.Digest
	Files int   // how many
	Size  int64 // bytes of all of them
}

// RememberManifest remembers the manifest of a book at a revision, and forgets
// old ones when there are too many.
func (tx *Tx) RememberManifest(c *Collection, m BookManifest) error {
	_, err := tx.exec(`
		insert into manifests (collection, rev, hash, files, size) values ($1, $2, $3, $4, $5)
		on conflict (collection, rev) do nothing`, c.PK, m.Rev, m.Hash[:], m.Files, m.Size)
	if err != nil {
		return err
	}
	_, err = tx.exec(`
		delete from manifests where collection = $1 and rev <= coalesce(
			(select rev from manifests where collection = $1 order by rev desc limit 1 offset $2), 0)`, c.PK, mostManifests)
	return err
}

// ManifestAt returns the manifest of a book at a revision, if it is remembered.
func (v *View) ManifestAt(c *Collection, rev int64) (BookManifest, bool, error) {
	return v.manifest(`rev = $2`, c, rev)
}

// ManifestWith returns the newest manifest of a book with a hash, if one is
// remembered.
func (v *View) ManifestWith(c *Collection, hash sheaf.Digest) (BookManifest, bool, error) {
	return v.manifest(`hash = $2`, c, hash[:])
}

func (v *View) manifest(where string, c *Collection, arg any) (m BookManifest, found bool, err error) {
	var hash []byte
	found, err = v.conn.row(`
		select rev, hash, files, size from manifests where collection = $1 and `+where+` order by rev desc limit 1`,
		[]any{c.PK, arg}, &m.Rev, &hash, &m.Files, &m.Size)
	if err == nil && found {
		m.Hash, err = digestFrom(hash)
	}
	return m, found, err
}
