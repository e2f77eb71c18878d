package catalog

import (
	"fmt"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// What waits for a backend is counted exactly, whatever becomes of it, and by
// the next process too.
func TestUndrainedCounts(t *testing.T) {
	options := Options{Path: t.TempDir() + "/documents.db"}
	c, collection := withCollection(t, options)
	want := func(when string, blobs, bytes int64) {
		t.Helper()
		if got := c.Undrained(collection.Backend); got != (Undrained{blobs, bytes}) {
			t.Errorf("%s: %+v wait, want %d of %d bytes", when, got, blobs, bytes)
		}
	}
	keep := func(content string, after error) {
		t.Helper()
		ref := blob.Ref{
			Backend: collection.Backend, Digest: sheaf.DigestOf([]byte(content)), Size: int64(len(content)),
			Encoding: blob.Identity, StoredSize: int64(len(content)), Inline: []byte(content),
		}
		err := c.Mutate(t.Context(), 0, func(tx *Tx) error {
			if _, err := tx.KeepBlob(ref); err != nil {
				return err
			}
			return after
		})
		if err != after {
			t.Fatal(err)
		}
	}
	list := func(after int64) (found []Blob, through int64) {
		t.Helper()
		err := c.Read(t.Context(), func(v *View) (err error) {
			found, through, err = v.InlineBlobs(collection.Backend, after, 2, 1<<20)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return found, through
	}
	want("at first", 0, 0)
	keep("a", nil)
	keep("bb", nil)
	keep("bb", nil) // known
	keep("ccc", nil)
	keep("dddd", fmt.Errorf("it is rolled back"))
	want("after three", 3, 6)
	mutate(t, c, func(tx *Tx) error {
		_, err := tx.DamageBlob(collection.Backend, sheaf.DigestOf([]byte("ccc")))
		return err
	})
	keep("ccc", nil) // stored again
	want("after one is stored again", 3, 6)

	first, through := list(0)
	if len(first) != 2 || through != first[1].PK {
		t.Fatalf("%d are listed through %d, want two", len(first), through)
	}
	mutate(t, c, func(tx *Tx) error { return tx.DropInline(first) })
	want("after two are moved", 1, 3)
	mutate(t, c, func(tx *Tx) error { return tx.DropInline(first) })
	want("after they are moved again", 1, 3)
	rest, through := list(through)
	if len(rest) != 1 || through != rest[0].PK {
		t.Errorf("%d are left through %d, want one", len(rest), through)
	}
	if none, again := list(through); len(none) != 0 || again != through {
		t.Errorf("%d are listed behind the last, through %d, want %d", len(none), again, through)
	}

	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	var err error
	if c, err = Open(t.Context(), c.options); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	want("for another process", 1, 3)
}
