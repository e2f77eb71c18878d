package catalog

import "github.com/sheaf-dev/sheaf"

// SummarySources are what a version of a summary was made from.
type SummarySources struct {
	Digest sheaf.Digest // of the digests of all lessons

	// Where and when those lessons were: beside the summary at Path, seen through
	// Layer, at the revision Rev of the collection.
	CollectionPK int64
	Layer, Path  string
	Rev          int64
}

// AddSummarySources stores what a new version of a summary was made from.
func (tx *Tx) AddSummarySources(document int64, version int, s SummarySources) error {
	_, err := tx.exec(`
		insert into summary_sources (document, version, digest, collection, layer, path, rev)
		values ($1, $2, $3, $4, $5, $6, $7)`,
		document, version, s.Digest[:], s.CollectionPK, s.Layer, s.Path, s.Rev)
	return err
}

// SummarySources returns what a version of a summary was made from. That is not
// known of one that was no summary when it was written.
func (v *View) SummarySources(document sheaf.DocumentID, version int) (s SummarySources, found bool, err error) {
	var digest []byte
	found, err = v.conn.row(`
		select s.digest, s.collection, s.layer, s.path, s.rev
		from summary_sources s join documents d on d.pk = s.document
		where d.id = $1 and s.version = $2`, []any{string(document), version},
		&digest, &s.CollectionPK, &s.Layer, &s.Path, &s.Rev)
	if err == nil && found {
		s.Digest, err = digestFrom(digest)
	}
	return s, found, err
}
