package catalog

import (
	"fmt"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// mutate runs a mutation that must succeed.
func mutate(t testing.TB, c *Catalog, apply func(*Tx) error) {
	t.Helper()
	if err := c.Mutate(t.Context(), 0, apply); err != nil {
		t.Fatal(err)
	}
}

// The drain lists blobs, puts them into their backend, and then drops their
// inline bytes. What was condemned and revived, or damaged and stored again, in
// between was not put, so that its bytes must stay.
func TestDropInlineKeepsWhatWasNotPut(t *testing.T) {
	c, collection := withCollection(t, Options{})
	contents := []string{"first", "revived", "damaged", "last"}
	for _, content := range contents {
		if _, err := create(t.Context(), c, collection, content, nil, []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	state := func(content string, state BlobState) func(*Tx) error {
		return func(tx *Tx) error {
			b, found, err := tx.Blob(collection.Backend, sheaf.DigestOf([]byte(content)))
			if err != nil || !found {
				return fmt.Errorf("the blob of %q: found %t, %w", content, found, err)
			}
			return tx.setBlobState(b, state)
		}
	}
	mutate(t, c, state("revived", BlobCondemned))
	var listed []Blob
	err := c.Read(t.Context(), func(v *View) (err error) {
		listed, _, err = v.InlineBlobs(collection.Backend, 0, 100, 1<<20)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(listed) != 3 {
		t.Fatalf("%d blobs are to be drained, want the 3 that are live", len(listed))
	}
	mutate(t, c, state("revived", BlobLive))
	mutate(t, c, state("damaged", BlobDamaged))
	if _, err := create(t.Context(), c, collection, "again", nil, []byte("damaged")); err != nil {
		t.Fatal(err)
	}
	mutate(t, c, func(tx *Tx) error { return tx.DropInline(listed) })

	for content, inline := range map[string]bool{"first": false, "revived": true, "damaged": true, "last": false} {
		err := c.Read(t.Context(), func(v *View) error {
			b, found, err := v.Blob(collection.Backend, sheaf.DigestOf([]byte(content)))
			if err != nil || !found {
				return fmt.Errorf("the blob of %q: found %t, %w", content, found, err)
			}
			if got := b.Inline != nil; got != inline || b.State != BlobLive {
				t.Errorf("the blob of %q is in state %d and inline: %t, want it live and %t", content, b.State, got, inline)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	checkClean(t, c)
}

func TestReserveBlob(t *testing.T) {
	c, collection := withCollection(t, Options{})
	ref := blob.Ref{Backend: collection.Backend, Digest: sheaf.DigestOf([]byte("large")), Size: 5, Encoding: blob.Identity, StoredSize: 5}
	reserve := func(wantLive bool) {
		t.Helper()
		mutate(t, c, func(tx *Tx) error {
			_, live, err := tx.ReserveBlob(ref)
			if live != wantLive {
				t.Errorf("reserving the blob says it is live: %t, want %t", live, wantLive)
			}
			return err
		})
	}
	keep := func() {
		t.Helper()
		mutate(t, c, func(tx *Tx) error {
			_, err := tx.KeepBlob(ref)
			return err
		})
	}
	reserve(false)
	reserve(false) // somebody else, at the same time or after a crash
	keep()
	reserve(true)
	mutate(t, c, func(tx *Tx) error {
		_, err := tx.DamageBlob(ref.Backend, ref.Digest)
		return err
	})
	reserve(false)
	keep()
	reserve(true)
}

func TestKeepBlobNeedsAReservation(t *testing.T) {
	c, collection := withCollection(t, Options{})
	ref := blob.Ref{Backend: collection.Backend, Digest: sheaf.DigestOf([]byte("large")), Size: 5, Encoding: blob.Identity, StoredSize: 5}
	err := c.Mutate(t.Context(), 0, func(tx *Tx) error {
		_, err := tx.KeepBlob(ref)
		return err
	})
	if err == nil {
		t.Error("a blob that is neither inline nor reserved was kept")
	}
}
