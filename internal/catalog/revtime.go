package catalog

import "time"

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
