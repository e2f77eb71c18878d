package catalog

import (
	"fmt"
	"sync"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

// makeDrained creates a document whose bytes have left the catalog, so that its
// head may be remembered.
func makeDrained(t testing.TB, c *Catalog, collection *Collection, name string) Head {
	t.Helper()
	h, err := create(t.Context(), c, collection, name, nil, []byte(name))
	if err != nil {
		t.Fatal(err)
	}
	err = c.Mutate(t.Context(), 0, func(tx *Tx) error {
		blobs, _, err := tx.InlineBlobs(collection.Backend, 0, 100, 1<<20)
		if err != nil {
			return err
		}
		return tx.DropInline(blobs)
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// While a document is changed again and again, no reader may see it go back: not
// even for the moment between a commit and its acknowledgement.
func TestHeadsNeverGoBack(t *testing.T) {
	c, collection := withCollection(t, Options{})
	h := makeDrained(t, c, collection, "0")
	stop := make(chan struct{})
	var readers sync.WaitGroup
	var shared struct {
		sync.Mutex
		latest int64
	}
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				shared.Lock()
				before := shared.latest
				shared.Unlock()
				head, _, _, err := c.HeadContent(t.Context(), h.ID)
				if err != nil {
					t.Error(err)
					return
				}
				shared.Lock()
				if head.Rev < before {
					t.Errorf("a read gave revision %d after another had given %d", head.Rev, before)
				}
				shared.latest = max(shared.latest, head.Rev)
				shared.Unlock()
			}
		})
	}
	for i := range 300 {
		after, err := change(t.Context(), c, h.ID, func(h *Head) { h.Name = fmt.Sprint(i + 1) })
		if err != nil {
			t.Fatal(err)
		}
		head, _, _, err := c.HeadContent(t.Context(), h.ID)
		if err != nil {
			t.Fatal(err)
		}
		if head.Rev < after.Rev {
			t.Fatalf("after revision %d was acknowledged, %d was read", after.Rev, head.Rev)
		}
	}
	close(stop)
	readers.Wait()
}

// A blob that was found damaged is read again every time, until it is whole.
func TestDamagedBlobIsNotRemembered(t *testing.T) {
	c, collection := withCollection(t, Options{})
	h := makeDrained(t, c, collection, "x")
	digest := sheaf.DigestOf([]byte("x"))
	read := func() {
		t.Helper()
		_, ref, found, err := c.HeadContent(t.Context(), h.ID)
		if err != nil || !found || ref.Digest != digest {
			t.Fatalf("the content of the head: %v, found %t, %v", ref, found, err)
		}
	}
	mark := func(change func(*Tx, string, sheaf.Digest) (bool, error)) {
		t.Helper()
		err := c.Mutate(t.Context(), 0, func(tx *Tx) error {
			if changed, err := change(tx, collection.Backend, digest); err != nil || !changed {
				return fmt.Errorf("marking the blob: %t, %w", changed, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	read()
	mark((*Tx).DamageBlob)
	if _, ok := c.heads.get(h.ID); ok {
		t.Error("the head is still remembered after its blob was found damaged")
	}
	read()
	if _, ok := c.heads.get(h.ID); ok {
		t.Error("the head of a damaged blob was remembered")
	}
	mark((*Tx).RecoverBlob)
	read()
	if _, ok := c.heads.get(h.ID); !ok {
		t.Error("the head is not remembered after its blob was recovered")
	}
}

// A past version is remembered only as long as its document and its blob stay as
// they were.
func TestVersionsAreRemembered(t *testing.T) {
	c, collection := withCollection(t, Options{})
	h := makeDrained(t, c, collection, "x")
	read := func() (remembered bool) {
		t.Helper()
		head, _, _, err := c.HeadContent(t.Context(), h.ID)
		if err != nil {
			t.Fatal(err)
		}
		_, remembered = c.heads.version(versionName{h.ID, 1}, head.Rev)
		ref, found, err := c.VersionContent(t.Context(), &head, 1)
		if err != nil || !found || head.Version != 1 || head.Size != 1 || head.Digest != sheaf.DigestOf([]byte("x")) || ref.Digest != head.Digest {
			t.Fatalf("version 1: %+v of %+v, found %t, %v", ref, head, found, err)
		}
		if _, found, err := c.VersionContent(t.Context(), &head, 2); found || err != nil {
			t.Fatalf("version 2: found %t, %v", found, err)
		}
		return remembered
	}
	mutate := func(fn func(*Tx) error) {
		t.Helper()
		if err := c.Mutate(t.Context(), 0, fn); err != nil {
			t.Fatal(err)
		}
	}
	if read() || !read() {
		t.Error("a version that was read is not remembered, and only then")
	}
	if _, err := change(t.Context(), c, h.ID, func(h *Head) { h.Name = "renamed" }); err != nil {
		t.Fatal(err)
	}
	if read() || !read() {
		t.Error("a version of a document that was changed is remembered")
	}
	mutate(func(tx *Tx) error {
		b, _, err := tx.Blob(collection.Backend, sheaf.DigestOf([]byte("x")))
		if err != nil {
			return err
		}
		return tx.setBlobState(b, BlobCondemned)
	})
	if _, ok := c.heads.version(versionName{h.ID, 1}, h.Rev+1); ok {
		t.Error("a version is remembered whose blob is condemned")
	}
}
