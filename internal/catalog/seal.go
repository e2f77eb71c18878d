package catalog

import (
	"encoding/hex"

	"github.com/sheaf-dev/sheaf/internal/blob"
)

// sealColumns say how a blob b is sealed.
const sealColumns = `b.object, b.master_key, b.data_key`

// A sealScan scans sealColumns, also of a blob that is not there.
type sealScan struct {
	object    []byte
	masterKey *string
	dataKey   []byte
}

func (s *sealScan) into() []any { return []any{&s.object, &s.masterKey, &s.dataKey} }

// seal returns what was scanned, nil if the blob is not sealed.
func (s *sealScan) seal() *blob.Seal {
	if s.masterKey == nil {
		return nil
	}
	return &blob.Seal{Object: blob.Key(hex.EncodeToString(s.object)), MasterKey: blob.KeyID(*s.masterKey), DataKey: s.dataKey}
}

// sealValues returns what is stored of a seal, in the order of sealColumns.
func sealValues(seal *blob.Seal) []any {
	if seal == nil {
		return []any{nil, nil, nil}
	}
	object, err := hex.DecodeString(string(seal.Object))
	if err != nil {
		panic(err) // package blob makes no such keys
	}
	return []any{object, string(seal.MasterKey), seal.DataKey}
}

// SealedBlobs are the blobs of a backend whose data keys are wrapped by the same
// master key.
type SealedBlobs struct {
	MasterKey blob.KeyID
	Count     int64
}

// SealedBy returns by which master keys the data keys of a backend's blobs are
// wrapped, and how many each.
func (v *View) SealedBy(backend string) ([]SealedBlobs, error) {
	found := []SealedBlobs{}
	err := v.conn.rows(`
		select master_key, count(*) from blobs
		where master_key is not null and backend = $1
		group by master_key order by master_key`, []any{backend},
		func(scan func(...any) error) error {
			var s SealedBlobs
			err := scan(&s.MasterKey, &s.Count)
			found = append(found, s)
			return err
		})
	return found, err
}

// NeededKeys returns the ids of the master keys that wrap data keys of a
// backend's blobs. It takes no longer when there are many blobs.
func (v *View) NeededKeys(backend string) (ids []blob.KeyID, err error) {
	for {
		var last blob.KeyID
		if len(ids) > 0 {
			last = ids[len(ids)-1]
		}
		var next blob.KeyID
		found, err := v.conn.row(`
			select master_key from blobs
			where master_key is not null and backend = $1 and master_key > $2
			order by master_key limit 1`, []any{backend, string(last)}, &next)
		if err != nil || !found {
			return ids, err
		}
		ids = append(ids, next)
	}
}

// CountPlain returns how many blobs of a backend are readable and not sealed, and
// how large what is stored of them is. Contents of no bytes are not counted: there
// is nothing to seal.
func (v *View) CountPlain(backend string) (count, size int64, err error) {
	_, err = v.conn.row(`
		select count(*), coalesce(sum(stored_size), 0) from blobs
		where backend = $1 and master_key is null and stored_size > 0 and state in ($2, $3)`,
		[]any{backend, int(BlobLive), int(BlobDamaged)}, &count, &size)
	return count, size, err
}

// WrappedBy returns blobs of a backend with a pk above after whose data keys are
// wrapped by a master key, in order, at most count.
func (v *View) WrappedBy(backend string, key blob.KeyID, after int64, count int) (blobs []Blob, err error) {
	err = v.conn.rows(`
		select `+blobColumns+` from blobs b
		where b.master_key is not null and b.backend = $1 and b.master_key = $2 and b.pk > $3
		order by b.pk limit $4`, []any{backend, string(key), after, count},
		func(scan func(...any) error) error {
			b, err := scanBlob(scan)
			blobs = append(blobs, b)
			return err
		})
	return blobs, err
}

// A Rewrapping is a new seal of a blob: the same data key, wrapped by another
// master key.
type Rewrapping struct {
	Blob
	Seal blob.Seal
}

// RewrapBlobs stores new seals of blobs, except of those that have other seals by
// now than the blobs say. It returns how many it stored. What readers remember of
// the old seals is still good for as long as they have the old master key.
func (tx *Tx) RewrapBlobs(rewrapped []Rewrapping) (stored int, err error) {
	for _, r := range rewrapped {
		result, err := tx.exec(`update blobs set master_key = $2, data_key = $3 where pk = $1 and data_key = $4`,
			r.PK, string(r.Seal.MasterKey), r.Seal.DataKey, r.Blob.Seal.DataKey)
		if err != nil {
			return 0, err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return 0, err
		}
		stored += int(n)
	}
	return stored, nil
}
