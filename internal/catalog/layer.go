package catalog

import (
	"github.com/sheaf-dev/sheaf"
)

// currentLayerState selects, of the states s, what layers have now. Its words
// are those of the index states_layer_path.
const currentLayerState = `s.layer <> '' and s.path <> '' and s.deleted = 0 and s.rev_to = 9223372036854775807`

// LayerHead returns what a layer itself has at a path of a book.
func (v *View) LayerHead(c *Collection, layer, path string) (Head, bool, error) {
	return v.layeredHead(`s.collection = $1 and s.layer = $3 and s.path = $4 and `+currentLayerState, c, layer, path)
}

// layeredHead returns the document of a state that is not deleted. Where names
// the book as $1, the layer as $3 and the rest of the arguments from $4 on.
func (v *View) layeredHead(where string, c *Collection, layer string, args ...any) (h Head, found bool, err error) {
	err = v.layeredHeads(where, c, layer, args, func(read Head) error {
		h, found = read, true
		return nil
	})
	return h, found, err
}

func (v *View) layeredHeads(where string, c *Collection, layer string, args []any, each func(Head) error) error {
	return v.conn.rows(`
		select `+pastColumns+`, s.layer, s.base
		from states s
		join documents d on d.pk = s.document and d.purged = 0
		join log l on l.stream = $2 and l.rev = s.rev_from
		left join versions v on v.document = s.document and v.n = s.version
		where s.deleted = 0 and `+where, append([]any{c.PK, string(c.Name), layer}, args...),
		func(scan func(...any) error) error {
			var s headScan
			var base []byte
			if err := scan(append(s.into(), &s.Layer, &base)...); err != nil {
				return err
			}
			h, err := s.head(v.catalog)
			if err == nil && base != nil {
				h.Base, err = digestFrom(base)
			}
			if err != nil {
				return err
			}
			return each(h)
		})
}

// nullableDigest returns a digest for a column that has null for none.
func nullableDigest(d sheaf.Digest) any {
	if d.IsZero() {
		return nil
	}
	return d[:]
}

// UpdateLayer stores what a document is in the layer after.Layer from its
// collection's next revision on; before is what is seen there now. The first
// state in a layer remembers the content of the base that it was made over. The
// base stays as it is. It sets after.Rev, after.UpdatedAt and after.Base.
func (tx *Tx) UpdateLayer(before Head, after *Head) error {
	rev, err := tx.NextRev(string(before.Collection))
	if err != nil {
		return err
	}
	after.Rev, after.UpdatedAt = rev, tx.Now()
	if before.Layer != after.Layer {
		after.Base = before.Digest
	}
	_, err = tx.exec(`
		update states set rev_to = $3 where document = $1 and layer = $2 and rev_to = 9223372036854775807`,
		before.PK, after.Layer, rev)
	if err != nil {
		return err
	}
	return tx.openState(after)
}

// LayersOf returns what layers have now of a document.
func (v *View) LayersOf(c *Collection, document int64) (heads []Head, err error) {
	err = v.layeredHeads(`s.collection = $1 and s.layer <> $3 and s.document = $4 and `+currentLayerState,
		c, baseLayer, []any{document}, func(h Head) error {
			heads = append(heads, h)
			return nil
		})
	return heads, err
}

// removeFromLayers deletes what layers have of a document, from a revision on.
func (tx *Tx) removeFromLayers(document, rev int64) error {
	_, err := tx.exec(`
		insert into states (document, layer, stay, rev_from, rev_to, collection, base, version, path, path_key, name, filename,
			description, tags, metadata, deleted)
		select document, layer, stay, $2, rev_to, collection, base, version, path, path_key, name, filename,
			description, tags, metadata, 1
		from states where document = $1 and layer <> '' and deleted = 0 and rev_to = 9223372036854775807`, document, rev)
	if err != nil {
		return err
	}
	_, err = tx.exec(`
		update states set rev_to = $2
		where document = $1 and layer <> '' and deleted = 0 and rev_to = 9223372036854775807`, document, rev)
	return err
}

// LayersOver returns what layers have now of a document at a path.
func (v *View) LayersOver(c *Collection, document int64, path string) (heads []Head, err error) {
	err = v.layeredHeads(`s.collection = $1 and s.layer <> $3 and s.document = $4 and s.path = $5 and `+currentLayerState,
		c, baseLayer, []any{document, path}, func(h Head) error {
			heads = append(heads, h)
			return nil
		})
	return heads, err
}

// An OverlayRow is what a layer has at a path, and what the base has there.
type OverlayRow struct {
	sheaf.BookFile
	MadeOver, Current sheaf.Digest // zero: nothing
}

// Overlays lists what layers of a book have, by layer and path: those behind a
// layer's path, or from the start, and at most limit.
func (v *View) Overlays(c *Collection, afterLayer, afterPath string, limit int) ([]OverlayRow, error) {
	if afterLayer == baseLayer {
		_, afterPath = below("") // behind all states of the base, which come first
	}
	rows := []OverlayRow{}
	err := v.conn.rows(`
		select s.layer, s.path, d.id, v.size, v.mime, v.digest, v.n, l.at, s.base,
			(select b.digest from documents b where b.collection = s.collection and b.path = s.path and b.path <> '' and b.deleted = 0)
		from states s
		join documents d on d.pk = s.document and d.purged = 0
		join versions v on v.document = s.document and v.n = s.version
		join log l on l.stream = $2 and l.rev = s.rev_from
		where s.collection = $1 and (s.layer, s.path) > ($3, $4) and `+currentLayerState+`
		order by s.layer, s.path limit $5`, []any{c.PK, string(c.Name), afterLayer, afterPath, limit},
		func(scan func(...any) error) error {
			var row OverlayRow
			var digest, base, current []byte
			var updated int64
			err := scan(&row.Layer, &row.Path, &row.Document, &row.Size, &row.MIME, &digest, &row.Version, &updated, &base, &current)
			if err != nil {
				return err
			}
			row.UpdatedAt = fromMillis(updated)
			for _, d := range []struct {
				from []byte
				into *sheaf.Digest
			}{{digest, &row.Digest}, {base, &row.MadeOver}, {current, &row.Current}} {
				if d.from != nil {
					if *d.into, err = digestFrom(d.from); err != nil {
						return err
					}
				}
			}
			rows = append(rows, row)
			return nil
		})
	return rows, err
}
