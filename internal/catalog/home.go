package catalog

import (
	"slices"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// home is the backend from which a content of a collection c is read. It is that
// of the collection; but while it moves, the one of both that has the content, or
// has it whole if the other has not, and of two copies that are as good the one
// where new contents go.
//
// It is asked for in the statement that looks for the content: which backend it
// is may change from one statement to the next.
func home(digest string) string {
	return `case c.second when '' then c.backend else coalesce((
		select p.backend from blobs p
		where p.digest = ` + digest + ` and p.domain = '' and p.backend in (c.backend, c.second) and p.state in (1, 4)
		order by p.state, p.backend <> c.backend limit 1), c.backend) end`
}

// bookContent is what is known of the content $1 of the collection $2.
var bookContent = `
	select ` + blobColumns + `, i.bytes
	from collections c
	join blobs b on b.digest = $1 and b.backend = ` + home(`$1`) + ` and b.domain = $3
	left join inline_blobs i on i.blob = b.pk
	where c.pk = $2`

// documentContent is what is known of the content $1 of the document $2.
var documentContent = `
	select ` + blobColumns + `, i.bytes
	from documents d
	join collections c on c.pk = d.collection
	join blobs b on b.digest = $1 and b.backend = ` + home(`$1`) + ` and b.domain = $3
	left join inline_blobs i on i.blob = b.pk
	where d.pk = $2`

// BookRef returns what is needed to read a content of a book, if the store has it.
func (v *View) BookRef(book *Collection, digest sheaf.Digest) (ref blob.Ref, found bool, err error) {
	return v.contentRef(bookContent, digest, book.PK)
}

// DocumentRef returns what is needed to read a content of a document, if the store
// has it. A content is where its document is now, whichever collection had that at
// the time.
func (v *View) DocumentRef(document int64, digest sheaf.Digest) (ref blob.Ref, found bool, err error) {
	return v.contentRef(documentContent, digest, document)
}

func (v *View) contentRef(query string, digest sheaf.Digest, pk int64) (ref blob.Ref, found bool, err error) {
	var b Blob
	into, finish := b.into()
	found, err = v.conn.row(query, []any{digest[:], pk, blobDomain}, append(into, &b.Inline)...)
	if err != nil || !found || !b.State.Readable() {
		return blob.Ref{}, false, err
	}
	err = finish()
	return b.Ref, true, err
}

// contentsStatement looks up the contents of as many versions as a pkList names.
var contentsStatement = `
	with wanted (document, n) as (values ` + strings.Repeat(`(?, ?), `, pkListSize-1) + `(?, ?))
	select ` + blobColumns + `, v.document
	from wanted
	join versions v on v.document = wanted.document and v.n = wanted.n
	join documents d on d.pk = v.document
	join collections c on c.pk = d.collection
	join blobs b on b.digest = v.digest and b.backend = ` + home(`v.digest`) + ` and b.domain = ?`

// ContentBlobs returns what is known of the contents of heads, by the pk of their
// documents, without inline bytes. Those that are not known are left out.
func (v *View) ContentBlobs(heads []Head) (map[int64]Blob, error) {
	found := make(map[int64]Blob, len(heads))
	for some := range slices.Chunk(heads, pkListSize) {
		args := make([]any, 0, 2*pkListSize+1)
		for i := range some {
			args = append(args, some[i].PK, some[i].Version)
		}
		for len(args) < 2*pkListSize {
			args = append(args, nil)
		}
		err := v.conn.rows(contentsStatement, append(args, blobDomain), func(scan func(...any) error) error {
			var document int64
			b, err := scanBlob(scan, &document)
			found[document] = b
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Copies returns the stored forms of a content of a document that may be read,
// with their inline bytes, the best one first. There is more than one only while
// its collection moves.
func (v *View) Copies(id sheaf.DocumentID, digest sheaf.Digest) (copies []Blob, err error) {
	err = v.conn.rows(`
		select `+blobColumns+`, i.bytes
		from documents d
		join collections c on c.pk = d.collection
		join blobs b on b.digest = $2 and b.backend in (c.backend, c.second) and b.domain = $3 and b.state in (1, 4)
		left join inline_blobs i on i.blob = b.pk
		where d.id = $1
		order by b.state, b.backend <> c.backend`, []any{string(id), digest[:], blobDomain},
		func(scan func(...any) error) error {
			var inline []byte
			b, err := scanBlob(scan, &inline)
			b.Inline = inline
			copies = append(copies, b)
			return err
		})
	return copies, err
}
