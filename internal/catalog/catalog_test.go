package catalog

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// open opens a catalog on a file of the test's own.
func open(t testing.TB, options Options) *Catalog {
	t.Helper()
	if options.Path == "" {
		options.Path = filepath.Join(t.TempDir(), "documents.db")
	}
	c, err := Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close the catalog: %v", err)
		}
	})
	return c
}

// withCollection opens a catalog with one collection of documents.
func withCollection(t testing.TB, options Options) (*Catalog, *Collection) {
	c := open(t, options)
	return c, addCollection(t, c, "default", sheaf.KindDocuments)
}

func addCollection(t testing.TB, c *Catalog, name sheaf.Slug, kind sheaf.CollectionKind) *Collection {
	t.Helper()
	err := c.Mutate(t.Context(), 0, func(tx *Tx) error {
		err := tx.CreateCollection(sheaf.Collection{Name: name, Kind: kind, Backend: "fs", Status: sheaf.StatusActive, Policy: sheaf.PolicyUpsert})
		if err != nil {
			return err
		}
		_, err = tx.Append(string(name), &sheaf.LogPayload{Operation: "collection.create", Status: "success"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	collection, ok := c.Collection(name)
	if !ok {
		t.Fatalf("the collection %s is not there after it was created", name)
	}
	return collection
}

// create stores a document the way the library does.
func create(ctx context.Context, c *Catalog, collection *Collection, name string, tags []string, content []byte) (h Head, err error) {
	ref := blob.Ref{Backend: collection.Backend, Digest: sheaf.DigestOf(content), Size: int64(len(content)),
		Encoding: blob.Identity, StoredSize: int64(len(content)), Inline: content}
	err = c.Mutate(ctx, int64(len(content)), func(tx *Tx) error {
		if _, err := tx.KeepBlob(ref); err != nil {
			return err
		}
		h = Head{CollectionPK: collection.PK, Document: sheaf.Document{
			Collection: collection.Name, Name: name, Filename: name, Tags: tags, Metadata: []byte("{}"),
			Version: 1, Digest: ref.Digest, Size: ref.Size, MIME: "text/plain"}}
		if err := tx.CreateDocument(&h); err != nil {
			return err
		}
		if err := tx.AddVersion(h.PK, &sheaf.Version{Number: 1, Digest: h.Digest, Size: h.Size, MIME: h.MIME, Author: "test"}); err != nil {
			return err
		}
		_, err := tx.Append(string(h.Collection), &sheaf.LogPayload{Principal: "test", Operation: "document.create", Status: "success",
			Documents: []sheaf.LogDocument{{ID: h.ID, After: h.LogState()}}})
		return err
	})
	return h, err
}

// checkClean fails the test if the catalog contradicts itself.
func checkClean(t testing.TB, c *Catalog) {
	t.Helper()
	_, err := c.Check(t.Context(), true, func(area, message string, _ ...sheaf.DocumentID) {
		t.Errorf("check of the %s: %s", area, message)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCreateAndRead(t *testing.T) {
	c, collection := withCollection(t, Options{})
	made, err := create(t.Context(), c, collection, "a.md", []string{"x", "y"}, []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	h, ref, found, err := c.HeadContent(t.Context(), made.ID)
	if err != nil || !found {
		t.Fatalf("the head of %s: found %t, %v", made.ID, found, err)
	}
	if h.Name != "a.md" || fmt.Sprint(h.Tags) != "[x y]" || h.Rev != 2 || string(ref.Inline) != "hello" {
		t.Errorf("the head reads as %+v with %q", h, ref.Inline)
	}
	checkClean(t, c)
}

func BenchmarkCreate(b *testing.B) {
	c, collection := withCollection(b, Options{})
	b.SetParallelism(8) // times GOMAXPROCS
	b.RunParallel(func(pb *testing.PB) {
		content := make([]byte, 10<<10)
		random := rand.NewChaCha8([32]byte{byte(time.Now().UnixNano())})
		for pb.Next() {
			random.Read(content)
			if _, err := create(b.Context(), c, collection, "report-2026.md", []string{"design", "v2"}, append([]byte(nil), content...)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
