package catalog

import (
	"slices"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// Garbage is a blob that nothing refers to goes through states: live, condemned
// in one transaction, deleting in a later one, and then it has no row. Each
// transition asks again, in its own transaction, whether something refers to the
// blob by now; what was found in a view is no more than a candidate.

// referenced is true of a blob b that a version needs: one that can be read, in a
// document that is not purged, of a collection on the blob's backend, or on its way
// there or from there.
const referenced = `exists (
	select 1 from versions v
	join documents d on d.pk = v.document
	join collections c on c.pk = d.collection
	where v.digest = b.digest and v.purged = 0 and d.purged = 0 and b.backend in (c.backend, c.second))`

// A BlobUse is a blob, and whether a version needs its content.
type BlobUse struct {
	Blob
	StateAt    time.Time // since when it is in its state
	Referenced bool
	Undrained  bool // its bytes are inline
}

// BlobUses returns blobs with a pk above after, in order, at most count.
func (v *View) BlobUses(after int64, count int) ([]BlobUse, error) {
	return v.blobUses(`where b.pk > $1 order by b.pk limit $2`, after, count)
}

// BlobsInTransit returns blobs of a backend that are in a state other than live,
// and have been since a time at the latest: at most count, those that have been
// in it for the longest first, and of those only the ones after the blob given.
// It takes no longer when there are many others.
func (v *View) BlobsInTransit(backend string, state BlobState, since time.Time, after BlobUse, count int) ([]BlobUse, error) {
	return v.blobUses(inTransit, int(state), millis(after.StateAt), after.PK, millis(since), backend, count)
}

// inTransit goes along the index blobs_in_transit.
const inTransit = `
	where b.state <> 1 and b.state = $1 and (b.state_at, b.pk) > ($2, $3) and b.state_at <= $4 and b.backend = $5
	order by b.state_at, b.pk limit $6`

func (v *View) blobUses(where string, args ...any) ([]BlobUse, error) {
	var found []BlobUse
	err := v.conn.rows(`select `+blobColumns+`, b.state_at, `+referenced+`, exists (select 1 from inline_blobs i where i.blob = b.pk) from blobs b `+where, args,
		func(scan func(...any) error) error {
			var use BlobUse
			var at int64
			var err error
			use.Blob, err = scanBlob(scan, &at, &use.Referenced, &use.Undrained)
			use.StateAt = fromMillis(at)
			found = append(found, use)
			return err
		})
	return found, err
}

// blobUse returns a blob as this transaction sees it.
func (tx *Tx) blobUse(pk int64) (use BlobUse, found bool, err error) {
	uses, err := tx.blobUses(`where b.pk = $1`, pk)
	if err != nil || len(uses) == 0 {
		return BlobUse{}, false, err
	}
	return uses[0], true, nil
}

// CondemnBlobs condemns those of the candidates that are live and that nothing
// refers to. InUse says of which a writer may be about to. Those that wait for the
// drain stay until it has moved them: it must not have to deal with garbage. It
// returns how many were condemned.
func (tx *Tx) CondemnBlobs(candidates []BlobUse, inUse func(Blob) bool) (condemned int, err error) {
	for _, candidate := range candidates {
		now, found, err := tx.blobUse(candidate.PK)
		if err != nil {
			return 0, err
		}
		if !found || now.State != BlobLive || now.Referenced || now.Undrained || inUse(now.Blob) {
			continue
		}
		if err := tx.setBlobState(now.Blob, BlobCondemned); err != nil {
			return 0, err
		}
		condemned++
	}
	return condemned, nil
}

// ClaimGarbage takes those of the candidates that are to be deleted: condemned or
// pending, since a time at the latest, with nothing that refers to them, and not
// in use by a writer. Nobody can revive what it returns; the caller deletes the
// objects, and then calls [Tx.ForgetBlobs].
func (tx *Tx) ClaimGarbage(candidates []BlobUse, since time.Time, inUse func(Blob) bool) (claimed []Blob, err error) {
	for _, candidate := range candidates {
		now, found, err := tx.blobUse(candidate.PK)
		if err != nil {
			return nil, err
		}
		garbage := found && (now.State == BlobCondemned || now.State == BlobPending) && !now.StateAt.After(since)
		if !garbage || now.Referenced || inUse(now.Blob) {
			continue
		}
		if err := tx.setBlobState(now.Blob, BlobDeleting); err != nil {
			return nil, err
		}
		claimed = append(claimed, now.Blob)
	}
	return claimed, nil
}

// StillDeleting returns those of some blobs that are deleting.
func (tx *Tx) StillDeleting(candidates []BlobUse) (deleting []Blob, err error) {
	for _, candidate := range candidates {
		now, found, err := tx.blobUse(candidate.PK)
		if err != nil {
			return nil, err
		}
		if found && now.State == BlobDeleting {
			deleting = append(deleting, now.Blob)
		}
	}
	return deleting, nil
}

// ClaimOrphans takes those of some objects of which the catalog knows nothing: no
// blob, and no version that would need them. Each gets a row that is deleting, so
// that a writer of the content waits. Then the caller goes on as after
// [Tx.ClaimGarbage].
func (tx *Tx) ClaimOrphans(objects []blob.Ref) (claimed []Blob, err error) {
	for _, object := range objects {
		domain, err := tx.orphanDomain(object)
		if err != nil {
			return nil, err
		}
		inserted, err := tx.insertBlobIn(domain, object, BlobDeleting)
		if err != nil {
			return nil, err
		}
		if !inserted {
			continue
		}
		now, _, err := tx.blobUse(tx.counters.blob)
		switch {
		case err != nil:
			return nil, err
		case now.Referenced && domain == blobDomain: // a version has lost its blob's row, and here are its bytes
			err = tx.ForgetBlobs([]Blob{now.Blob})
		default:
			claimed = append(claimed, now.Blob)
		}
		if err != nil {
			return nil, err
		}
	}
	return claimed, nil
}

// ForgetBlobs removes the rows of blobs that are deleting, once their objects are
// gone.
func (tx *Tx) ForgetBlobs(blobs []Blob) error {
	for some := range slices.Chunk(blobs, pkListSize) {
		pks := make([]any, 0, pkListSize)
		for _, b := range some {
			pks = append(pks, b.PK)
		}
		_, err := tx.exec(`delete from blobs where pk in `+pkList+` and state = ?`, append(padPKs(pks), int(BlobDeleting))...)
		if err != nil {
			return err
		}
	}
	return nil
}

// orphanDomain returns where an orphan gets its row. One that bears the name of a
// content whose blob is sealed, and so has another object, is a leftover from
// before: nobody will want it again.
func (tx *Tx) orphanDomain(object blob.Ref) (domain string, err error) {
	have, found, err := tx.Blob(object.Backend, object.Digest)
	if err != nil || !found || have.Seal == nil {
		return blobDomain, err
	}
	return leftoverDomain, nil
}

// KnowsObject reports whether an object in a backend is that of a blob, in
// whatever state. Name is its key, which reads like a digest also when it is
// none.
func (v *View) KnowsObject(backend string, name sheaf.Digest) (known bool, err error) {
	var one int
	return v.conn.row(`
		select 1 from blobs where digest = $1 and backend = $2 and object is null
		union all
		select 1 from blobs where object = $1 and backend = $2
		limit 1`,
		[]any{name[:], backend}, &one)
}

// CountBlobs returns how many blobs are in a state other than live.
func (v *View) CountBlobs(state BlobState) (n int64, err error) {
	_, err = v.conn.row(`select count(*) from blobs where state <> 1 and state = $1`, []any{int(state)}, &n)
	return n, err
}
