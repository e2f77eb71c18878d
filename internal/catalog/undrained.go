package catalog

import (
	"slices"
	"strconv"
	"sync"
)

// Undrained are the small contents that wait in the catalog for a backend.
type Undrained struct {
	Blobs int64
	Bytes int64 // stored
}

// undrainedCounts are kept of the blobs with inline bytes, so that nobody has to
// count: there may be a million while a backend is away.
type undrainedCounts struct {
	mu sync.Mutex
	of map[string]Undrained // by backend; guarded by mu
}

// load counts what an earlier process has left.
func (u *undrainedCounts) load(c *conn) error {
	u.of = make(map[string]Undrained)
	return c.rows(`
		select b.backend, count(*), sum(b.stored_size)
		from inline_blobs i join blobs b on b.pk = i.blob
		group by b.backend`, nil,
		func(scan func(...any) error) error {
			var backend string
			var n Undrained
			err := scan(&backend, &n.Blobs, &n.Bytes)
			u.of[backend] = n
			return err
		})
}

func (u *undrainedCounts) add(backend string, blobs, bytes int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := u.of[backend]
	u.of[backend] = Undrained{n.Blobs + blobs, n.Bytes + bytes}
}

// Undrained returns what waits for a backend, exactly, at no cost.
func (c *Catalog) Undrained(backend string) Undrained {
	c.undrained.mu.Lock()
	defer c.undrained.mu.Unlock()
	return c.undrained.of[backend]
}

// countUndrained counts blobs that get or lose inline bytes, if the transaction
// is committed.
func (tx *Tx) countUndrained(backend string, blobs, bytes int64) {
	if blobs != 0 {
		tx.AfterCommit(func() { tx.catalog.undrained.add(backend, blobs, bytes) })
	}
}

// InlineBlobs returns live blobs of a backend whose bytes are inline, with them,
// in the order of their arrival: of those with a pk above after at most count,
// and no further one once they have reached bytes. All that arrive later have a
// pk above through, and so do all that there was no room for.
func (v *View) InlineBlobs(backend string, after int64, count int, bytes int64) (found []Blob, through int64, err error) {
	// Before the others, so that what arrives between is not passed over.
	if _, err := v.conn.row(`select coalesce(max(blob), 0) from inline_blobs`, nil, &through); err != nil {
		return nil, 0, err
	}
	var total int64
	err = v.conn.rows(`
		select `+blobColumns+`, i.bytes
		from inline_blobs i join blobs b on b.pk = i.blob
		where i.blob > $1 and b.state = $2 and b.backend = $3
		order by i.blob limit $4`, []any{after, int(BlobLive), backend, count},
		func(scan func(...any) error) error {
			if total >= bytes {
				return nil
			}
			var bytes []byte
			b, err := scanBlob(scan, &bytes)
			b.Inline = bytes
			total += b.StoredSize
			found = append(found, b)
			return err
		})
	if len(found) == count || total >= bytes {
		through = found[len(found)-1].PK
	}
	return found, max(through, after), err
}

// Statements about as many blobs as a pkList names: those of them that are live.
var (
	inlineOf = `from inline_blobs where blob in (select pk from blobs where pk in ` + pkList + ` and state = ` +
		strconv.Itoa(int(BlobLive)) + `)`
	dropStatement  = `delete ` + inlineOf
	aboutStatement = `
		select b.backend, count(*), sum(b.stored_size) from blobs b
		where b.pk in (select blob ` + inlineOf + `) group by b.backend`
)

// DropInline forgets the inline bytes of blobs whose objects are confirmed to be
// in their backend. Blobs that are no longer live keep theirs. A blob that was
// stored again meanwhile has another pk, so that its new bytes are safe.
func (tx *Tx) DropInline(blobs []Blob) error {
	for some := range slices.Chunk(blobs, pkListSize) {
		pks := make([]any, 0, pkListSize)
		for _, b := range some {
			pks = append(pks, b.PK)
		}
		pks = padPKs(pks)
		err := tx.conn.rows(aboutStatement, pks, func(scan func(...any) error) error {
			var backend string
			var n Undrained
			err := scan(&backend, &n.Blobs, &n.Bytes)
			tx.countUndrained(backend, -n.Blobs, -n.Bytes)
			return err
		})
		if err != nil {
			return err
		}
		if _, err := tx.exec(dropStatement, pks...); err != nil {
			return err
		}
	}
	return nil
}
