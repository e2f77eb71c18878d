package catalog

import (
	"time"

	"github.com/sheaf-dev/sheaf"
)

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

// VersionRev returns the revision of its collection at which a document got a
// version in its base layer; 0 when it has none such.
func (v *View) VersionRev(id sheaf.DocumentID, version int) (rev int64, err error) {
	_, err = v.conn.row(`
		select coalesce(min(s.rev_from), 0) from documents d
		join states s on s.document = d.pk and s.layer = '' and s.version = $2
		where d.id = $1`, []any{string(id), version}, &rev)
	return rev, err
}
