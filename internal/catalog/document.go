package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// A Head is the current state of a document in its collection's base, or in the
// layer that Document.Layer names, with what is known of its current content.
type Head struct {
	PK int64 // in the order of creation; 0: it is yet to be made
	sheaf.Document
	CollectionPK int64
	Stay         int          // how often it had been moved to another collection
	Rev          int64        // of the collection, that made the current state
	Base         sheaf.Digest // in a layer: the base's content it was made over; zero: there was none
	Deleted      bool         // in the trash, or purged, or LayerOnly
	LayerOnly    bool         // as what the base has: it has never had it
	Purged       bool         // its contents are gone for good
	Expired      bool         // of a past state: its version is purged, the document is not
}

const headColumns = `d.pk, d.id, d.collection, d.path, d.name, d.filename, d.description, d.tags, d.metadata,
	d.version, d.digest, d.size, d.mime, d.created_at, d.updated_at, d.stay, d.rev, d.deleted, d.purged, 0`

// headScan holds what headColumns are scanned into before it is made a Head.
type headScan struct {
	Head
	tags             string
	metadata         string
	digest           []byte
	created, updated int64
	deleted          int
}

func (s *headScan) into() []any {
	return []any{&s.PK, &s.ID, &s.CollectionPK, &s.Path, &s.Name, &s.Filename, &s.Description, &s.tags, &s.metadata,
		&s.Version, &s.digest, &s.Size, &s.MIME, &s.created, &s.updated, &s.Stay, &s.Rev, &s.deleted, &s.Purged, &s.Expired}
}

func (s *headScan) head(c *Catalog) (Head, error) {
	collection, ok := c.collections.all.Load().byPK[s.CollectionPK]
	if !ok {
		return Head{}, fmt.Errorf("the document %s is in a collection that does not exist (%d)", s.ID, s.CollectionPK)
	}
	s.Collection = collection.Name
	s.Deleted, s.LayerOnly = s.deleted != 0, s.deleted == layerOnly
	s.UploadedAt, s.UpdatedAt = fromMillis(s.created), fromMillis(s.updated)
	s.Metadata = json.RawMessage(s.metadata)
	var err error
	if s.Digest, err = digestFrom(s.digest); err != nil {
		return Head{}, err
	}
	s.Tags, err = decodeTags(s.tags)
	return s.Head, err
}

func encodeTags(tags []string) string {
	if len(tags) == 0 {
		return "[]"
	}
	text, err := json.Marshal(tags)
	if err != nil {
		panic(err) // strings always have a JSON form
	}
	return string(text)
}

// decodeTags is never nil without an error.
func decodeTags(text string) ([]string, error) {
	tags := []string{}
	if text == "[]" {
		return tags, nil
	}
	if err := json.Unmarshal([]byte(text), &tags); err != nil {
		return nil, fmt.Errorf("decode the tags %q: %w", text, err)
	}
	return tags, nil
}

// Head returns a document, deleted ones included.
func (v *View) Head(id sheaf.DocumentID) (h Head, found bool, err error) {
	var s headScan
	found, err = v.conn.row(`select `+headColumns+` from documents d where d.id = $1 and d.deleted <> 2`, []any{string(id)}, s.into()...)
	if err != nil || !found {
		return Head{}, false, err
	}
	h, err = s.head(v.catalog)
	return h, true, err
}

// heads returns the documents of a query for headColumns. The result is never nil.
func (v *View) heads(query string, args ...any) ([]Head, error) {
	heads := []Head{}
	err := v.conn.rows(query, args, func(scan func(...any) error) error {
		var s headScan
		if err := scan(s.into()...); err != nil {
			return err
		}
		h, err := s.head(v.catalog)
		heads = append(heads, h)
		return err
	})
	return heads, err
}

// HeadContent returns a document with what is needed to read its current
// content. Ref.Digest is zero when that is not in the store. Slices of
// the result are shared and must not be changed.
func (c *Catalog) HeadContent(ctx context.Context, id sheaf.DocumentID) (h Head, ref blob.Ref, found bool, err error) {
	if cached, ok := c.heads.get(id); ok {
		return cached.head, cached.ref, true, nil
	}
	return c.readContent(ctx, func(v *View) (Head, blob.Ref, BlobState, bool, error) { return v.headContent(id) })
}

// HeadContentAtPath is HeadContent of what is at a path of a book's base.
func (c *Catalog) HeadContentAtPath(ctx context.Context, book *Collection, path string) (h Head, ref blob.Ref, found bool, err error) {
	if cached, ok := c.heads.getAt(bookPath{book.PK, path}); ok {
		return cached.head, cached.ref, true, nil
	}
	return c.readContent(ctx, func(v *View) (Head, blob.Ref, BlobState, bool, error) {
		return v.contentWhere(`d.collection = $1 and d.path = $2 and d.path <> '' and d.deleted = 0`, book.PK, path)
	})
}

// readContent reads what HeadContent returns, and remembers it.
func (c *Catalog) readContent(ctx context.Context, read func(*View) (Head, blob.Ref, BlobState, bool, error)) (h Head, ref blob.Ref, found bool, err error) {
	generation := c.heads.now()
	var state BlobState
	err = c.Read(ctx, func(v *View) (err error) {
		h, ref, state, found, err = read(v)
		return err
	})
	if err == nil && found && state == BlobLive && !ref.IsInline() {
		c.heads.put(generation, cachedHead{h, ref})
	}
	return h, ref, found, err
}

func (v *View) headContent(id sheaf.DocumentID) (h Head, ref blob.Ref, state BlobState, found bool, err error) {
	return v.contentWhere(`d.id = $1 and d.deleted <> 2`, string(id))
}

// contentWhere is headContent of the one document that a condition selects.
func (v *View) contentWhere(where string, args ...any) (h Head, ref blob.Ref, state BlobState, found bool, err error) {
	var s headScan
	var encoding *string
	var crc, stored *int64
	var known *BlobState
	var seal sealScan
	found, err = v.conn.row(`
		select `+headColumns+`, coalesce(b.backend, c.backend), b.state, b.crc32, b.encoding, b.stored_size, i.bytes, `+sealColumns+`
		from documents d
		join collections c on c.pk = d.collection
		left join blobs b on b.digest = d.digest and b.backend = `+home(`d.digest`)+` and b.domain = ''
		left join inline_blobs i on i.blob = b.pk
		where `+where,
		args, slices.Concat(s.into(), []any{&ref.Backend, &known, &crc, &encoding, &stored, &ref.Inline}, seal.into())...)
	if err != nil || !found {
		return Head{}, blob.Ref{}, 0, false, err
	}
	if h, err = s.head(v.catalog); err != nil {
		return Head{}, blob.Ref{}, 0, false, err
	}
	if known != nil && known.Readable() {
		state = *known
		ref.Digest, ref.Size = h.Digest, h.Size
		ref.CRC32, ref.Encoding, ref.StoredSize = uint32(*crc), blob.Encoding(*encoding), *stored
		ref.Seal = seal.seal()
	}
	return h, ref, state, true, nil
}

// layerOnly is in documents.deleted of a document that the base has never had.
const layerOnly = 2

// CreateDocument stores a new document as the state of its collection's next
// revision, and makes its id. One with a layer is in that layer only. It sets
// PK, ID, Rev, UploadedAt and UpdatedAt.
func (tx *Tx) CreateDocument(h *Head) error {
	rev, err := tx.NextRev(string(h.Collection))
	if err != nil {
		return err
	}
	h.PK, h.Rev, h.UploadedAt, h.UpdatedAt = tx.counters.document+1, rev, tx.Now(), tx.Now()
	base, deleted := *h, 0
	if h.Layer != baseLayer {
		base, deleted = Head{}, layerOnly
	}
	for made := false; !made; {
		h.ID = sheaf.NewDocumentID()
		result, err := tx.exec(`
			insert into documents (pk, id, collection, path, path_key, name, filename, description, tags, metadata,
				version, digest, size, mime, created_at, updated_at, rev, deleted)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16, $17)
			on conflict (id) do nothing`,
			h.PK, string(h.ID), h.CollectionPK, h.Path, pathKey(h.Path), h.Name, h.Filename, h.Description, encodeTags(h.Tags), string(h.Metadata),
			base.Version, base.Digest[:], base.Size, h.MIME, tx.now, rev, deleted)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return err
		}
		made = n == 1
	}
	tx.counters.document = h.PK
	tx.addUse(h.CollectionPK, h.use())
	tx.count(h, 1)
	return tx.openState(h)
}

// UpdateDocument stores what a document is from the next revision of its
// collection on; before is what [View.Head] returned in this transaction. It sets
// after.Rev and after.UpdatedAt. With a document its versions are purged, what
// layers have of it is deleted, and its relations are removed.
//
// A document whose CollectionPK is another one afterwards has moved: its state
// in the old collection ends with that one's next revision, so that both streams
// need an entry. UpdateDocument sets after.Stay too.
func (tx *Tx) UpdateDocument(before Head, after *Head) error {
	until, err := tx.NextRev(string(before.Collection))
	if err != nil {
		return err
	}
	after.Rev, after.Stay, after.UpdatedAt = until, before.Stay, tx.Now()
	if after.CollectionPK != before.CollectionPK {
		after.Stay++
		if after.Rev, err = tx.NextRev(string(after.Collection)); err != nil {
			return err
		}
	}
	tx.touched.documents = append(tx.touched.documents, before.ID)
	_, err = tx.exec(`
		update documents set path = $2, name = $3, filename = $4, description = $5, tags = $6, metadata = $7,
			version = $8, digest = $9, size = $10, mime = $11, updated_at = $12, collection = $13, stay = $14, rev = $15,
			deleted = $16, purged = $17, path_key = $18
		where pk = $1`,
		before.PK, after.Path, after.Name, after.Filename, after.Description, encodeTags(after.Tags), string(after.Metadata),
		after.Version, after.Digest[:], after.Size, after.MIME, tx.now, after.CollectionPK, after.Stay, after.Rev,
		after.Deleted, after.Purged, pathKey(after.Path))
	if err != nil {
		return err
	}
	tx.moveUse(&before, after)
	tx.count(&before, -1)
	tx.count(after, 1)
	if after.Purged && !before.Purged {
		tx.touched.past = true
		if err := tx.removeRelations(before.PK); err != nil {
			return err
		}
		if err := tx.removeFromLayers(before.PK, until); err != nil {
			return err
		}
		if _, err := tx.exec(`update versions set purged = 1 where document = $1 and purged = 0`, before.PK); err != nil {
			return err
		}
	}
	if listedOtherwise(before, *after) {
		if err := tx.markListingChange(before); err != nil {
			return err
		}
	}
	_, err = tx.exec(`update states set rev_to = $5 where document = $1 and layer = $2 and stay = $3 and rev_from = $4`,
		before.PK, baseLayer, before.Stay, before.Rev, until)
	if err != nil {
		return err
	}
	return tx.openState(after)
}

// baseLayer is the layer of what everyone sees.
const baseLayer = ""

func (tx *Tx) openState(h *Head) error {
	_, err := tx.exec(`
		insert into states (document, layer, stay, rev_from, rev_to, collection, base, version, path, path_key, name, filename, description, tags, metadata, deleted)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		h.PK, h.Layer, h.Stay, h.Rev, int64(forever), h.CollectionPK, nullableDigest(h.Base), h.Version, h.Path, pathKey(h.Path), h.Name, h.Filename, h.Description,
		encodeTags(h.Tags), string(h.Metadata), h.Deleted)
	return err
}

// LogState returns what the log says of the document as it is.
func (h *Head) LogState() *sheaf.LogState {
	state := &sheaf.LogState{
		Version: h.Version, Digest: h.Digest, Path: h.Path, Name: h.Name, Filename: h.Filename,
		Description: h.Description, Tags: h.Tags, Deleted: h.Deleted,
	}
	if string(h.Metadata) != "{}" {
		state.Metadata = h.Metadata
	}
	return state
}
