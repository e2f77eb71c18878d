package catalog

import (
	"encoding/json"

	"github.com/sheaf-dev/sheaf/internal/bundle"
)

// pathKey returns the form in which two paths must not be the same; none for none.
func pathKey(path string) string { return bundle.PathKey(path) }

// HeadAtPath returns what is at a path of a book as it is seen through a layer:
// what the layer has there, else the base.
func (v *View) HeadAtPath(c *Collection, layer, path string) (h Head, found bool, err error) {
	if layer != baseLayer {
		if h, found, err = v.LayerHead(c, layer, path); found || err != nil {
			return h, found, err
		}
	}
	var s headScan
	found, err = v.conn.row(`
		select `+headColumns+` from documents d
		where d.collection = $1 and d.path = $2 and d.path <> '' and d.deleted = 0`, []any{c.PK, path}, s.into()...)
	if err != nil || !found {
		return Head{}, false, err
	}
	h, err = s.head(v.catalog)
	return h, true, err
}

// HeadAtPathThen returns what was at a path at a revision of its book, as it was
// seen through a layer.
func (v *View) HeadAtPathThen(c *Collection, layer, path string, rev int64) (h Head, found bool, err error) {
	for _, in := range seenThrough(layer) {
		h, found, err = v.layeredHead(`s.collection = $1 and s.layer = $3 and s.path = $4 and s.path <> ''
			and s.rev_from <= $5 and s.rev_to > $5`, c, in, path, rev)
		if found || err != nil {
			return h, found, err
		}
	}
	return Head{}, false, nil
}

// seenThrough returns the layers that are looked at through a layer, in order.
func seenThrough(layer string) []string {
	if layer == baseLayer {
		return []string{baseLayer}
	}
	return []string{layer, baseLayer}
}

// HeadsBelow returns all documents of a book's base in a directory and below it,
// in the order of their paths, at most limit.
func (v *View) HeadsBelow(c *Collection, dir string, limit int) (heads []Head, err error) {
	low, high := below(dir)
	err = v.conn.rows(`
		select `+headColumns+` from documents d
		where d.collection = $1 and d.path > $2 and d.path < $3 and d.path <> '' and d.deleted = 0
		order by d.path limit $4`, []any{c.PK, low, high, limit},
		func(scan func(...any) error) error {
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

// below returns between which two strings all paths below a directory are; the
// directory "" is the whole book.
func below(dir string) (low, high string) {
	if dir == "" {
		return "", "\xff" // no UTF-8 text is behind it
	}
	return dir + "/", dir + "0" // the character that follows the slash
}

// PathBlocker returns a path of the base or of a layer that a document at path
// could not stand beside: the same one, one that some system takes for the same,
// a file where path needs a directory, or a file below it. What is at except, or
// below it, does not count; except may be empty.
func (v *View) PathBlocker(c *Collection, layer, path, except string) (blocker string, found bool, err error) {
	key := pathKey(path)
	occupied := []string{key}
	for i := range len(key) {
		if key[i] == '/' {
			occupied = append(occupied, key[:i])
		}
	}
	list, err := json.Marshal(occupied)
	if err != nil {
		return "", false, err
	}
	low, high := below(key)
	exceptLow, exceptHigh := "", ""
	if except != "" {
		exceptLow, exceptHigh = below(except)
	}
	// Not `path <> $4`: SQLite would look at $4 to see whether it may use the index
	// of paths that are not empty, and prepare the query anew for each.
	const elsewhere = ` and not (path = $4) and not (path > $5 and path < $6) limit 1`
	for _, in := range seenThrough(layer) {
		table := `documents where collection = $1 and deleted = 0 and $2 = ''`
		if in != baseLayer {
			table = `states where collection = $1 and layer = $2 and layer <> '' and deleted = 0 and rev_to = 9223372036854775807`
		}
		for _, query := range []string{
			`select path from ` + table + ` and path_key <> '' and path_key in (select value from json_each($3))` + elsewhere,
			`select path from ` + table + ` and path_key <> '' and path_key > $7 and path_key < $8` + elsewhere,
		} {
			found, err = v.conn.row(query, []any{c.PK, in, string(list), except, exceptLow, exceptHigh, low, high}, &blocker)
			if found || err != nil {
				return blocker, found, err
			}
		}
	}
	return "", false, nil
}
