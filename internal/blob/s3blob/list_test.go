package s3blob_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/s3test"
)

// A bucket of several pages, with things in it that are not ours.
func TestListOfPages(t *testing.T) {
	server := s3test.Start(t)
	options := server.Bucket(t, "pages")
	options.Prefix = "ours"
	b := open(t, options)
	write := func(name string) {
		path := filepath.Join(server.BucketDir("pages"), filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const count = 2100 // a page has 1,000
	want := map[blob.Key]bool{}
	for size := range count {
		key := blobtest.KeyOf(blobtest.Random(size))
		want[key] = true
		write("ours/blobs/" + string(key[:2]) + "/" + string(key))
	}
	key := string(blobtest.KeyOf([]byte("foreign")))
	for _, name := range []string{
		"README", "blobs/" + key[:2] + "/" + key, "ours/README", "ours/blobs/README", "ours/blobs/" + key,
		"ours/blobs/zz/" + key, "ours/blobs/" + key[:2] + "/" + strings.ToUpper(key), "ours/blobs/" + key[:2] + "/" + key + ".tmp",
		"ours/staging/" + key, "ours/quarantine/" + key + ".1", "oursblobs/" + key[:2] + "/" + key,
	} {
		write(name)
	}
	err := b.List(t.Context(), func(info blob.Info) error {
		if !want[info.Key] {
			t.Errorf("List: %s, which is not an object or was listed before", info.Key)
		}
		delete(want, info.Key)
		return nil
	})
	if err != nil || len(want) > 0 {
		t.Errorf("List: %v, and %d of %d objects are not listed", err, len(want), count)
	}
}

func TestQuarantineKeepsTheObject(t *testing.T) {
	server := s3test.Start(t)
	b := open(t, server.Bucket(t, "quarantine"))
	content := blobtest.Random(5000)
	key := blobtest.KeyOf(content)
	if err := b.PutBatch(t.Context(), []blob.Small{{Key: key, Bytes: content}}); err != nil {
		t.Fatal(err)
	}
	if err := b.Quarantine(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	aside, err := filepath.Glob(filepath.Join(server.BucketDir("quarantine"), "quarantine", string(key)+".*"))
	if err != nil || len(aside) != 1 {
		t.Fatalf("the quarantine has %v, %v, want one object", aside, err)
	}
	if got, err := os.ReadFile(aside[0]); err != nil || string(got) != string(content) {
		t.Errorf("the object in quarantine has %d bytes, %v", len(got), err)
	}

	// What is given back is what was put aside last; the rest stays.
	later := []byte("what was put there since")
	if err := b.Put(t.Context(), key, bytes.NewReader(later), int64(len(later))); err != nil {
		t.Fatal(err)
	}
	if err := b.Quarantine(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if err := b.Unquarantine(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if info, err := b.Stat(t.Context(), key); err != nil || info.Size != int64(len(later)) {
		t.Errorf("what was given back: %+v, %v; want the %d bytes that were put aside last", info, err, len(later))
	}
	if _, err := os.Stat(aside[0]); err != nil {
		t.Errorf("what was put aside first: %v, want it there", err)
	}
}
