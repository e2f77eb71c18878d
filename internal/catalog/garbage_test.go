package catalog

import (
	"fmt"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// Blobs on their way out are found once each, however few are asked for at a time
// and whenever they got there, and without sorting all of them for every few.
func TestBlobsInTransit(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	c, collection := withCollection(t, Options{Clock: func() time.Time { return now }})
	const blobs = 20
	for i := range blobs {
		now = now.Add(time.Duration(i%3/2) * time.Second) // some share a time
		content := fmt.Sprint(blobs - i)
		if _, err := create(t.Context(), c, collection, "document", nil, []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range blobs {
		now = now.Add(time.Duration(i%3/2) * time.Second)
		mutate(t, c, func(tx *Tx) error {
			b, _, err := tx.Blob(collection.Backend, sheaf.DigestOf([]byte(fmt.Sprint(i+1))))
			if err != nil {
				return err
			}
			return tx.setBlobState(b, BlobCondemned)
		})
	}
	for count := 1; count <= blobs; count += 3 {
		found := map[int64]int{}
		err := c.Read(t.Context(), func(v *View) error {
			for after := (BlobUse{}); ; {
				some, err := v.BlobsInTransit(collection.Backend, BlobCondemned, now, after, count)
				if err != nil || len(some) == 0 {
					return err
				}
				after = some[len(some)-1]
				for _, b := range some {
					found[b.PK]++
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		for pk, times := range found {
			if times != 1 {
				t.Errorf("%d at a time: blob %d was found %d times", count, pk, times)
			}
		}
		if len(found) != blobs {
			t.Errorf("%d at a time: %d blobs were found, want %d", count, len(found), blobs)
		}
	}
	wantUnsorted(t, c, `select b.pk from blobs b `+inTransit, int(BlobCondemned), 0, 0, millis(now), collection.Backend, 10)
}

// Collecting garbage must not make the store forget what people read.
func TestGarbageLeavesOthersRemembered(t *testing.T) {
	c, collection := withCollection(t, Options{})
	read, gone := makeDrained(t, c, collection, "read"), makeDrained(t, c, collection, "gone")
	for _, h := range []Head{read, gone} {
		if _, _, _, err := c.HeadContent(t.Context(), h.ID); err != nil {
			t.Fatal(err)
		}
	}
	mutate(t, c, func(tx *Tx) error {
		b, _, err := tx.Blob(collection.Backend, gone.Digest)
		if err != nil {
			return err
		}
		return tx.setBlobState(b, BlobCondemned)
	})
	if _, ok := c.heads.get(read.ID); !ok {
		t.Error("a document is forgotten because the blob of another is condemned")
	}
	if _, ok := c.heads.get(gone.ID); ok {
		t.Error("a document is remembered although its blob is condemned")
	}
}
