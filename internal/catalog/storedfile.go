package catalog

import (
	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// A StoredFile is a file of a book with what has to be known to send its content
// as it is stored.
type StoredFile struct {
	Path     string
	Document sheaf.DocumentID
	Version  int
	Purged   bool // its content is gone for good
	Blob     Blob // of the content; State says nothing, and StoredSize is 0, unless Known
	Known    bool // whether the store has the content, or had it
}

// StoredFiles lists files of a book as [View.Files] does, with what is known of
// their contents.
func (v *View) StoredFiles(c *Collection, filter FileFilter) ([]StoredFile, error) {
	base, err := v.storedFilesIn(c, baseLayer, filter)
	if err != nil || filter.Layer == baseLayer {
		return base, err
	}
	own, err := v.storedFilesIn(c, filter.Layer, filter)
	if err != nil {
		return nil, err
	}
	return overlaid(base, own, func(f *StoredFile) string { return f.Path }, filter.Limit), nil
}

// overlaid returns the first files of a layer and of the base together, both in
// the order of their paths: of a path that both have, those of the layer.
func overlaid[F any](base, own []F, path func(*F) string, limit int) []F {
	// Of each the first so many are enough to have the first so many of both.
	files := make([]F, 0, min(len(base)+len(own), limit))
	for len(files) < limit && len(base)+len(own) > 0 {
		switch {
		case len(own) == 0 || len(base) > 0 && path(&base[0]) < path(&own[0]):
			files, base = append(files, base[0]), base[1:]
		case len(base) > 0 && path(&base[0]) == path(&own[0]):
			base = base[1:]
			fallthrough
		default:
			files, own = append(files, own[0]), own[1:]
		}
	}
	return files
}

// storedFilesIn lists files that a layer itself has.
func (v *View) storedFilesIn(c *Collection, layer string, filter FileFilter) ([]StoredFile, error) {
	const blobOf = ` left join blobs b on b.digest = `
	low, high := below(filter.Dir)
	args := []any{c.PK, max(low, filter.After), high, filter.Limit, blobDomain}
	query := `
		select d.path, d.id, d.version, 0, d.digest, d.size, coalesce(b.backend, c.backend), b.state, b.crc32, b.encoding, b.stored_size, ` + sealColumns + `
		from documents d
		join collections c on c.pk = d.collection` +
		blobOf + `d.digest and b.backend = ` + home(`d.digest`) + ` and b.domain = $5
		where d.collection = $1 and d.path > $2 and d.path < $3 and d.path <> '' and d.deleted = 0 and d.version > 0
		order by d.path limit $4`
	if layer != baseLayer || filter.Rev != 0 {
		validity := currentLayerState
		args = append(args, layer)
		if filter.Rev != 0 {
			validity = `s.path <> '' and s.deleted = 0 and s.rev_from <= $7 and s.rev_to > $7`
			args = append(args, filter.Rev)
		}
		query = `
			select s.path, d.id, v.n, v.purged, v.digest, v.size, coalesce(b.backend, c.backend), b.state, b.crc32, b.encoding, b.stored_size, ` + sealColumns + `
			from states s
			join documents d on d.pk = s.document and d.purged = 0
			join collections c on c.pk = d.collection
			join versions v on v.document = s.document and v.n = s.version` +
			blobOf + `v.digest and b.backend = ` + home(`v.digest`) + ` and b.domain = $5
			where s.collection = $1 and s.layer = $6 and s.path > $2 and s.path < $3 and ` + validity + `
			order by s.path limit $4`
	}
	files := []StoredFile{}
	err := v.conn.rows(query, args, func(scan func(...any) error) error {
		var f StoredFile
		var digest []byte
		var state, crc, storedSize *int64
		var encoding *string
		var seal sealScan
		err := scan(append([]any{&f.Path, &f.Document, &f.Version, &f.Purged, &digest, &f.Blob.Size, &f.Blob.Backend, &state, &crc, &encoding, &storedSize},
			seal.into()...)...)
		if err != nil {
			return err
		}
		if f.Known = state != nil; f.Known {
			f.Blob.State, f.Blob.CRC32 = BlobState(*state), uint32(*crc)
			f.Blob.Encoding, f.Blob.StoredSize, f.Blob.Seal = blob.Encoding(*encoding), *storedSize, seal.seal()
		}
		f.Blob.Digest, err = digestFrom(digest)
		files = append(files, f)
		return err
	})
	return files, err
}
