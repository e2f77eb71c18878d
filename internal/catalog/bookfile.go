package catalog

import (
	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// A FileFilter selects files of a book.
type FileFilter struct {
	Layer  string // through which the book is looked at
	Dir    string // whose files, and those below it; empty: all
	Prefix string // that paths begin with, whole segments or not
	After  string // only paths behind this one
	Rev    int64  // as it was at this revision; 0: now
	Limit  int

	// EvenPurged lists of the past also documents that have been purged since.
	EvenPurged bool
}

// between returns between which two strings the paths of a filter are.
func (f FileFilter) between() (low, high string) {
	low, high = below(f.Dir)
	if n := len(f.Prefix); n > 0 {
		// Between these two and what begins with the prefix there is no UTF-8 text.
		low = max(low, f.Prefix[:n-1]+string([]byte{f.Prefix[n-1] - 1, 0xff}))
		high = min(high, f.Prefix+"\xff")
	}
	return max(low, f.After), high
}

// Files lists files of a book in the order of their paths.
func (v *View) Files(c *Collection, filter FileFilter) ([]sheaf.BookFile, error) {
	return listFiles(v, c, filter, &describedFile)
}

var describedFile = fileForm[sheaf.BookFile]{
	current:   `d.path, d.id, d.size, d.mime, d.digest, d.version, d.updated_at, 0`,
	then:      `s.path, d.id, v.size, v.mime, v.digest, v.n, l.at, v.purged`,
	thenJoins: ` join log l on l.stream = (select name from collections where pk = $1) and l.rev = s.rev_from`,
	path:      func(f *sheaf.BookFile) string { return f.Path },
	read: func(layer string, scan func(...any) error) (sheaf.BookFile, error) {
		f := sheaf.BookFile{Layer: layer}
		var digest []byte
		var updated int64
		if err := scan(&f.Path, &f.Document, &f.Size, &f.MIME, &digest, &f.Version, &updated, &f.Purged); err != nil {
			return f, err
		}
		f.UpdatedAt = fromMillis(updated)
		var err error
		f.Digest, err = digestFrom(digest)
		return f, err
	},
}

// A FileDigest is the least there is to know of a file of a book.
type FileDigest struct {
	Path   string
	Digest sheaf.Digest
}

// FileDigests lists files of a book as [View.Files] does. It takes about half
// as long.
func (v *View) FileDigests(c *Collection, filter FileFilter) ([]FileDigest, error) {
	return listFiles(v, c, filter, &digestedFile)
}

var digestedFile = fileForm[FileDigest]{
	current: `d.path, d.digest`,
	then:    `s.path, v.digest`,
	path:    func(f *FileDigest) string { return f.Path },
	read: func(_ string, scan func(...any) error) (f FileDigest, err error) {
		var digest []byte
		if err = scan(&f.Path, &digest); err == nil {
			f.Digest, err = digestFrom(digest)
		}
		return f, err
	},
}

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
	return listFiles(v, c, filter, &storedFile)
}

const storedBlob = `coalesce(b.backend, c.backend), b.state, b.crc32, b.encoding, b.stored_size, ` + sealColumns

// joinBlob finds the blob of a digest that is an expression.
func joinBlob(digest string) string {
	return ` join collections c on c.pk = d.collection left join blobs b on b.digest = ` + digest +
		` and b.backend = ` + home(digest) + ` and b.domain = ''`
}

var storedFile = fileForm[StoredFile]{
	current:      `d.path, d.id, d.version, 0, d.digest, d.size, ` + storedBlob,
	currentJoins: joinBlob(`d.digest`),
	then:         `s.path, d.id, v.n, v.purged, v.digest, v.size, ` + storedBlob,
	thenJoins:    joinBlob(`v.digest`),
	path:         func(f *StoredFile) string { return f.Path },
	read: func(_ string, scan func(...any) error) (f StoredFile, err error) {
		var digest []byte
		var state, crc, storedSize *int64
		var encoding *string
		var seal sealScan
		err = scan(append([]any{&f.Path, &f.Document, &f.Version, &f.Purged, &digest, &f.Blob.Size,
			&f.Blob.Backend, &state, &crc, &encoding, &storedSize}, seal.into()...)...)
		if err != nil {
			return f, err
		}
		if f.Known = state != nil; f.Known {
			f.Blob.State, f.Blob.CRC32 = BlobState(*state), uint32(*crc)
			f.Blob.Encoding, f.Blob.StoredSize, f.Blob.Seal = blob.Encoding(*encoding), *storedSize, seal.seal()
		}
		f.Blob.Digest, err = digestFrom(digest)
		return f, err
	},
}

// A fileForm says what a listing reads of each file of a book.
type fileForm[F any] struct {
	// What the base has now are documents d; what was, and what layers have, are
	// states s of documents d with versions v. $1 is the collection.
	current, currentJoins string
	then, thenJoins       string

	path func(*F) string
	read func(layer string, scan func(...any) error) (F, error)
}

// listFiles lists the files that a filter selects, in the order of their paths.
// The result is never nil without an error.
func listFiles[F any](v *View, c *Collection, filter FileFilter, form *fileForm[F]) ([]F, error) {
	base, err := listFilesIn(v, c, baseLayer, filter, form)
	if err != nil || filter.Layer == baseLayer {
		return base, err
	}
	own, err := listFilesIn(v, c, filter.Layer, filter, form)
	if err != nil {
		return nil, err
	}
	return overlaid(base, own, form.path, filter.Limit), nil
}

// listFilesIn lists files that a layer itself has.
func listFilesIn[F any](v *View, c *Collection, layer string, filter FileFilter, form *fileForm[F]) ([]F, error) {
	low, high := filter.between()
	args := []any{c.PK, low, high, filter.Limit}
	var query string
	if layer == baseLayer && filter.Rev == 0 {
		query = `select ` + form.current + ` from documents d` + form.currentJoins + `
			where d.collection = $1 and d.path > $2 and d.path < $3 and d.path <> '' and d.deleted = 0 and d.version > 0
			order by d.path limit $4`
	} else {
		validity := currentLayerState
		args = append(args, layer)
		if filter.Rev != 0 {
			validity = `s.path <> '' and s.deleted = 0 and s.rev_from <= $6 and s.rev_to > $6`
			args = append(args, filter.Rev)
		}
		if filter.Rev == 0 || !filter.EvenPurged {
			validity += ` and d.purged = 0`
		}
		query = `select ` + form.then + ` from states s
			join documents d on d.pk = s.document
			join versions v on v.document = s.document and v.n = s.version` + form.thenJoins + `
			where s.collection = $1 and s.layer = $5 and s.path > $2 and s.path < $3 and ` + validity + `
			order by s.path limit $4`
	}
	files := []F{}
	err := v.conn.rows(query, args, func(scan func(...any) error) error {
		file, err := form.read(layer, scan)
		if err == nil {
			files = append(files, file)
		}
		return err
	})
	return files, err
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
