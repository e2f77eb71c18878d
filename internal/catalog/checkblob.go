package catalog

import (
	"time"

	"github.com/sheaf-dev/sheaf"
)

// ObjectBlob returns the blob, in whatever state, whose object in a backend has a
// name, which reads like a digest also when it is none. It is without inline bytes.
func (v *View) ObjectBlob(backend string, name sheaf.Digest) (b Blob, found bool, err error) {
	err = v.conn.rows(`
		select `+blobColumns+` from blobs b where b.digest = $1 and b.backend = $2 and b.object is null
		union all
		select `+blobColumns+` from blobs b where b.object = $1 and b.backend = $2
		limit 1`, []any{name[:], backend},
		func(scan func(...any) error) (err error) {
			found = true
			b, err = scanBlob(scan)
			return err
		})
	return b, found, err
}

// A LostContent is a content that a version needs and of which there is no blob.
type LostContent struct {
	Backend string
	Digest  sheaf.Digest
	Size    int64
}

// LostContents returns the contents that versions need and that have no blob, in
// whatever state, where they should: on the backend of their collection or, while
// that moves, on the other one.
func (v *View) LostContents() (lost []LostContent, err error) {
	err = v.conn.rows(`
		select distinct c.backend, v.digest, v.size from versions v
		join documents d on d.pk = v.document
		join collections c on c.pk = d.collection
		left join blobs b on b.digest = v.digest and b.backend in (c.backend, c.second) and b.domain = $1
		where d.purged = 0 and v.purged = 0 and b.pk is null
		order by c.backend, v.digest`, []any{blobDomain},
		func(scan func(...any) error) error {
			var one LostContent
			var digest []byte
			if err := scan(&one.Backend, &digest, &one.Size); err != nil {
				return err
			}
			var err error
			one.Digest, err = digestFrom(digest)
			lost = append(lost, one)
			return err
		})
	return lost, err
}

// AffectedVersions returns the versions that have a content in a backend, at most
// count, those of the oldest documents first.
func (v *View) AffectedVersions(backend string, digest sheaf.Digest, count int) (affected []sheaf.AffectedVersion, err error) {
	err = v.conn.rows(`
		select d.id, c.name, d.path, d.name, v.n from versions v
		join documents d on d.pk = v.document
		join collections c on c.pk = d.collection
		where v.digest = $1 and $2 in (c.backend, c.second) and v.purged = 0 and d.purged = 0
		order by d.pk, v.n limit $3`, []any{digest[:], backend, count},
		func(scan func(...any) error) error {
			var a sheaf.AffectedVersion
			err := scan(&a.Document, &a.Collection, &a.Path, &a.Name, &a.Version)
			affected = append(affected, a)
			return err
		})
	return affected, err
}

// NewestOf returns when the newest entry of some operations was made, whatever
// its stream; the zero time if there is none. There should be few of them.
func (v *View) NewestOf(operations ...string) (newest time.Time, err error) {
	for _, operation := range operations {
		var at int64
		found, err := v.conn.row(`select at from log where op = $1 order by id desc limit 1`, []any{operation}, &at)
		if err != nil {
			return time.Time{}, err
		}
		if t := fromMillis(at); found && t.After(newest) {
			newest = t
		}
	}
	return newest, nil
}
