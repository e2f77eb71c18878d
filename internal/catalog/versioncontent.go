package catalog

import (
	"context"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// A versionName names a version of a document.
type versionName struct {
	document sheaf.DocumentID
	number   int
}

// A cachedVersion is what is remembered of a version that was read. It is worth
// nothing once its document has another revision than then.
type cachedVersion struct {
	rev  int64
	mime string
	ref  blob.Ref
}

// VersionContent makes head, as [Catalog.HeadContent] has returned it, describe
// another version of its document, and returns what is needed to read that.
// Ref.Digest is zero when the content is not in the store; without found there is
// no such version that can be read, and head is as it was.
func (c *Catalog) VersionContent(ctx context.Context, head *Head, number int) (ref blob.Ref, found bool, err error) {
	name := versionName{head.ID, number}
	if cached, ok := c.heads.version(name, head.Rev); ok {
		head.Version, head.Digest, head.Size, head.MIME = number, cached.ref.Digest, cached.ref.Size, cached.mime
		return cached.ref, true, nil
	}
	generation := c.heads.now()
	version := *head
	var state BlobState
	err = c.Read(ctx, func(v *View) (err error) {
		ref, state, found, err = v.versionContent(&version, number)
		return err
	})
	if err != nil || !found {
		return blob.Ref{}, false, err
	}
	*head = version
	if state == BlobLive && !ref.IsInline() {
		c.heads.putVersion(generation, name, cachedVersion{head.Rev, head.MIME, ref})
	}
	return ref, true, nil
}

func (v *View) versionContent(head *Head, number int) (ref blob.Ref, state BlobState, found bool, err error) {
	var digest []byte
	var encoding *string
	var crc, stored *int64
	var known *BlobState
	var seal sealScan
	found, err = v.conn.row(`
		select v.digest, v.size, v.mime, coalesce(b.backend, ''), b.state, b.crc32, b.encoding, b.stored_size, i.bytes, `+sealColumns+`
		from versions v
		join documents d on d.pk = v.document
		join collections c on c.pk = d.collection
		left join blobs b on b.digest = v.digest and b.backend = `+home(`v.digest`)+` and b.domain = ''
		left join inline_blobs i on i.blob = b.pk
		where v.document = $1 and v.n = $2 and v.purged = 0`,
		[]any{head.PK, number},
		append([]any{&digest, &head.Size, &head.MIME, &ref.Backend, &known, &crc, &encoding, &stored, &ref.Inline}, seal.into()...)...)
	if err != nil || !found {
		return blob.Ref{}, 0, false, err
	}
	head.Version = number
	if head.Digest, err = digestFrom(digest); err != nil {
		return blob.Ref{}, 0, false, err
	}
	if known == nil || !known.Readable() {
		return blob.Ref{}, 0, true, nil
	}
	ref.Digest, ref.Size = head.Digest, head.Size
	ref.CRC32, ref.Encoding, ref.StoredSize = uint32(*crc), blob.Encoding(*encoding), *stored
	ref.Seal = seal.seal()
	return ref, *known, true, nil
}
