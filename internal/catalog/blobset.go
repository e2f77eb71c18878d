package catalog

import (
	"slices"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// blobSetStatement looks up as many blobs as a pkList names, by their digests.
var blobSetStatement = `select ` + blobColumns + ` from blobs b where b.digest in ` + pkList + ` and b.backend = ? and b.domain = ?`

// BlobSet returns what is known of the blobs of a backend that have one of the
// digests, without their inline bytes. Those that are not known are left out.
func (v *View) BlobSet(backend string, digests []sheaf.Digest) (map[sheaf.Digest]Blob, error) {
	found := make(map[sheaf.Digest]Blob, len(digests))
	for some := range slices.Chunk(digests, pkListSize) {
		args := make([]any, 0, pkListSize+2)
		for i := range some {
			args = append(args, some[i][:])
		}
		args = append(padPKs(args), backend, blobDomain)
		err := v.conn.rows(blobSetStatement, args, func(scan func(...any) error) error {
			b, err := scanBlob(scan)
			if err != nil {
				return err
			}
			found[b.Digest] = b
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// RevTime returns when a stream got a revision; the zero time when it has none
// such.
func (v *View) RevTime(stream string, rev int64) (time.Time, error) {
	var at int64
	found, err := v.conn.row(`select at from log where stream = $1 and rev = $2`, []any{stream, rev}, &at)
	if err != nil || !found {
		return time.Time{}, err
	}
	return fromMillis(at), nil
}
