package catalog

import (
	"fmt"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// A BlobState is where a blob is in its life.
type BlobState int

const (
	BlobPending   BlobState = iota // being put into the backend; the sweep of orphans leaves it alone
	BlobLive                       // readable
	BlobCondemned                  // referenced by nothing; a writer may revive it
	BlobDeleting                   // being removed; a writer waits and puts it again
	BlobDamaged                    // found damaged or missing; readers try it all the same, a writer stores it again
)

// A Blob is a blob as the catalog has it.
type Blob struct {
	PK    int64
	State BlobState
	blob.Ref
}

// Domains of blobs. A content has one blob on a backend, sealed or not, in the
// domain of blobs. In that of leftovers is what is being deleted of a content
// that has a blob, too: an object that is not the blob's. While it is there, no
// blob gets that object's name.
const (
	blobDomain     = ""
	leftoverDomain = "leftover"
)

const blobColumns = `b.pk, b.state, b.backend, b.digest, b.size, b.crc32, b.encoding, b.stored_size, ` + sealColumns

// into returns where to scan blobColumns; finish has to be called after the scan.
func (b *Blob) into() (into []any, finish func() error) {
	var digest []byte
	var seal sealScan
	return append([]any{&b.PK, &b.State, &b.Backend, &digest, &b.Size, &b.CRC32, &b.Encoding, &b.StoredSize}, seal.into()...),
		func() (err error) {
			b.Seal = seal.seal()
			b.Digest, err = digestFrom(digest)
			return err
		}
}

// Blob returns what is known of a blob, with its inline bytes while the catalog
// holds them.
func (v *View) Blob(backend string, digest sheaf.Digest) (b Blob, found bool, err error) {
	into, finish := b.into()
	found, err = v.conn.row(`
		select `+blobColumns+`, i.bytes
		from blobs b left join inline_blobs i on i.blob = b.pk
		where b.digest = $1 and b.backend = $2 and b.domain = $3`,
		[]any{digest[:], backend, blobDomain}, append(into, &b.Inline)...)
	if err != nil || !found {
		return Blob{}, false, err
	}
	return b, true, finish()
}

// Readable reports whether a blob in that state may have stored bytes worth reading.
func (s BlobState) Readable() bool { return s == BlobLive || s == BlobDamaged }

// Blobs calls each for blobs with a pk above after, in order, without inline
// bytes: for count of them, or for all when count is negative.
func (v *View) Blobs(after int64, count int, each func(Blob) error) error {
	return v.conn.rows(`select `+blobColumns+` from blobs b where b.pk > $1 order by b.pk limit $2`, []any{after, count},
		func(scan func(...any) error) error {
			b, err := scanBlob(scan)
			if err != nil {
				return err
			}
			return each(b)
		})
}

// LastBlob returns the largest pk of a blob, 0 when there is none.
func (v *View) LastBlob() (pk int64, err error) {
	_, err = v.conn.row(`select coalesce(max(pk), 0) from blobs`, nil, &pk)
	return pk, err
}

// scanBlob scans blobColumns, and then whatever is given.
func scanBlob(scan func(...any) error, more ...any) (b Blob, err error) {
	into, finish := b.into()
	if err := scan(append(into, more...)...); err != nil {
		return Blob{}, err
	}
	return b, finish()
}

// ReserveBlob makes a pending row for a blob that is about to be put into its
// backend, so that nothing sweeps the object away before its document commits.
// It reports whether the blob is live already, in which case there is nothing to
// put. It fails with [ErrDeleting].
//
// What is to be put is the blob as reserved. It differs from ref in its seal if
// somebody else may be just putting the same content: whoever puts first, what is
// in the backend then is what the catalog says.
func (tx *Tx) ReserveBlob(ref blob.Ref) (reserved blob.Ref, live bool, err error) {
	if inserted, err := tx.insertBlob(ref, BlobPending); inserted || err != nil {
		return ref, false, err
	}
	have, found, err := tx.Blob(ref.Backend, ref.Digest)
	if err != nil {
		return ref, false, err
	}
	if !found {
		return ref, false, ErrDeleting
	}
	switch have.State {
	case BlobLive:
		return ref, true, nil
	case BlobCondemned:
		return ref, true, tx.setBlobState(have, BlobLive)
	case BlobPending:
		// Whether a backend seals does not change while others may be putting.
		if have.Seal != nil && ref.Seal != nil {
			ref.Seal = have.Seal
		}
		return ref, false, tx.replaceBlob(have, ref, BlobPending)
	case BlobDamaged:
		return ref, false, tx.replaceBlob(have, ref, BlobPending)
	}
	return ref, false, ErrDeleting
}

// ErrDeleting says that garbage collection is just removing a content from its
// backend. It has to be put again once that is done.
var ErrDeleting = sheaf.Errorf(sheaf.ErrUnavailable, "this content is just being removed from the store").WithHint("try again in a second")

// KeepBlob makes the blob of a document that is being committed live: a placed
// one, for which [Tx.ReserveBlob] made a row, or an inline one, whose bytes are
// stored here. One that is live and in its backend already is left as it is, and
// known says so: nothing of what is at hand was stored. It fails with [ErrDeleting].
func (tx *Tx) KeepBlob(ref blob.Ref) (known bool, err error) {
	inline := ref.IsInline()
	if inline {
		if inserted, err := tx.insertBlob(ref, BlobLive); inserted || err != nil {
			return false, err
		}
	}
	have, found, err := tx.Blob(ref.Backend, ref.Digest)
	switch {
	case err != nil:
		return false, err
	case !found && inline:
		return false, ErrDeleting
	case !found:
		return false, fmt.Errorf("the blob %s was not reserved", ref.Digest)
	case have.State == BlobLive:
		return !have.IsInline(), nil
	case have.State == BlobCondemned:
		return true, tx.setBlobState(have, BlobLive)
	case have.State == BlobDeleting:
		return false, ErrDeleting
	case inline:
		return false, tx.replaceBlob(have, ref, BlobLive)
	case have.State == BlobPending:
		return false, tx.setBlobState(have, BlobLive)
	}
	return false, sheaf.Errorf(sheaf.ErrUnavailable, "the stored copy of this content was just found damaged").WithHint("try again: it will be stored anew")
}

// ReviveBlob makes a blob that is deleting live again, with inline bytes: then it
// does not matter whether its object is there. What was left from before it was
// sealed is not deleted any more, either. It reports false if the blob is not
// deleting. Nobody may be deleting its object meanwhile.
func (tx *Tx) ReviveBlob(ref blob.Ref) (revived bool, err error) {
	if !ref.IsInline() {
		return false, nil
	}
	_, err = tx.exec(`delete from blobs where digest = $1 and backend = $2 and domain = $3`, ref.Digest[:], ref.Backend, leftoverDomain)
	if err != nil {
		return false, err
	}
	have, found, err := tx.Blob(ref.Backend, ref.Digest)
	if err != nil || !found || have.State != BlobDeleting {
		return false, err
	}
	return true, tx.replaceBlob(have, ref, BlobLive)
}

// Deleting returns what is being deleted of a content on a backend: its blob, and
// what was left from before that was sealed.
func (tx *Tx) Deleting(backend string, digest sheaf.Digest) (deleting []Blob, err error) {
	err = tx.conn.rows(`select `+blobColumns+` from blobs b where b.digest = $1 and b.backend = $2 and b.state = $3`,
		[]any{digest[:], backend, int(BlobDeleting)}, func(scan func(...any) error) error {
			b, err := scanBlob(scan)
			deleting = append(deleting, b)
			return err
		})
	return deleting, err
}

// insertBlob makes the row of a blob, and reports false if there is one already, or
// while an object is being deleted that has the name which the blob's would have.
func (tx *Tx) insertBlob(ref blob.Ref, state BlobState) (inserted bool, err error) {
	return tx.insertBlobIn(blobDomain, ref, state)
}

func (tx *Tx) insertBlobIn(domain string, ref blob.Ref, state BlobState) (inserted bool, err error) {
	pk := tx.counters.blob + 1
	result, err := tx.exec(`
		insert into blobs (pk, digest, backend, domain, state, state_at, size, crc32, encoding, stored_size, object, master_key, data_key)
		select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
		where $11 is not null or not exists (select 1 from blobs where digest = $2 and backend = $3 and domain = $14)
		on conflict (digest, backend, domain) do nothing`,
		append(append([]any{pk, ref.Digest[:], ref.Backend, domain, int(state), tx.now, ref.Size, int64(ref.CRC32), string(ref.Encoding), ref.StoredSize},
			sealValues(ref.Seal)...), leftoverDomain)...)
	if err != nil {
		return false, err
	}
	if n, err := result.RowsAffected(); n == 0 || err != nil {
		return false, err
	}
	tx.counters.blob = pk
	return true, tx.insertInline(pk, ref)
}

func (tx *Tx) insertInline(pk int64, ref blob.Ref) error {
	if len(ref.Inline) == 0 {
		return nil // the empty content needs no bytes anywhere
	}
	tx.countUndrained(ref.Backend, 1, ref.StoredSize)
	_, err := tx.exec(`insert into inline_blobs (blob, bytes) values ($1, $2)`, pk, ref.Inline)
	return err
}

// replaceBlob stores a content again that is known and not readable. The new
// bytes may be encoded another way, and get a row of their own.
func (tx *Tx) replaceBlob(have Blob, ref blob.Ref, state BlobState) error {
	result, err := tx.exec(`delete from inline_blobs where blob = $1`, have.PK)
	if err != nil {
		return err
	}
	deleted, err := result.RowsAffected()
	if err != nil {
		return err
	}
	tx.countUndrained(have.Backend, -deleted, -deleted*have.StoredSize)
	if _, err := tx.exec(`delete from blobs where pk = $1`, have.PK); err != nil {
		return err
	}
	tx.touched.all = true
	inserted, err := tx.insertBlob(ref, state)
	if err == nil && !inserted {
		err = ErrDeleting
	}
	return err
}

func (tx *Tx) setBlobState(b Blob, state BlobState) error {
	if state != BlobLive {
		tx.touched.digests = append(tx.touched.digests, b.Digest)
	}
	_, err := tx.exec(`update blobs set state = $2, state_at = $3 where pk = $1`, b.PK, int(state), tx.now)
	return err
}

// DamageBlob marks a live blob as damaged, so that the next writer of the content
// stores it again. It reports whether it did: another reader may have been first.
func (tx *Tx) DamageBlob(backend string, digest sheaf.Digest) (marked bool, err error) {
	return tx.changeBlob(backend, digest, BlobLive, BlobDamaged)
}

// RecoverBlob marks a damaged blob, whose stored bytes have turned out to be
// right again, as live. It reports whether it was marked as damaged.
func (tx *Tx) RecoverBlob(backend string, digest sheaf.Digest) (recovered bool, err error) {
	return tx.changeBlob(backend, digest, BlobDamaged, BlobLive)
}

func (tx *Tx) changeBlob(backend string, digest sheaf.Digest, from, to BlobState) (changed bool, err error) {
	have, found, err := tx.Blob(backend, digest)
	if err != nil || !found || have.State != from {
		return false, err
	}
	tx.touched.all = true
	return true, tx.setBlobState(have, to)
}

// ReadableRef returns what is needed to read a content of a backend, if that has it.
func (v *View) ReadableRef(backend string, digest sheaf.Digest) (ref blob.Ref, found bool, err error) {
	b, found, err := v.Blob(backend, digest)
	if err != nil || !found || !b.State.Readable() {
		return blob.Ref{}, false, err
	}
	return b.Ref, true, nil
}

// Affected returns the documents that have, or had, a content in a backend.
func (v *View) Affected(backend string, digest sheaf.Digest) ([]sheaf.DocumentID, error) {
	ids := []sheaf.DocumentID{}
	err := v.conn.rows(`
		select distinct d.id from versions v
		join documents d on d.pk = v.document
		join collections c on c.pk = d.collection
		where v.digest = $1 and $2 in (c.backend, c.second)`, []any{digest[:], backend},
		func(scan func(...any) error) error {
			var id sheaf.DocumentID
			err := scan(&id)
			ids = append(ids, id)
			return err
		})
	return ids, err
}
