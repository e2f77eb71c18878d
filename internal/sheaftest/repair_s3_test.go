package sheaftest

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/s3test"
	"github.com/sheaf-dev/sheaf/internal/config"
)

// objectFile returns where the S3 server keeps the object of a content.
func objectFile(bucket *s3test.Server, dir string, digest sheaf.Digest) string {
	name := digest.String()
	return filepath.Join(bucket.BucketDir(dir), "blobs", name[:2], name)
}

// What happens to a bucket behind the server's back is found by fsck, while others
// read and write, and repaired from the copy on another backend.
func TestRepairOnS3(t *testing.T) {
	bucket := s3test.Start(t)
	options := bucket.Bucket(t, "repair")
	s := Start(t, onS3(options), func(c *config.Config) {
		c.Storage.Backends["disk"] = config.Backend{Kind: config.BackendFS, Dir: "blobs"}
		c.Storage.ScrubRate = 0
	})
	if _, err := s.Client.CreateCollection(t.Context(), client.CollectionInput{Name: "copies", Backend: "disk"}); err != nil {
		t.Fatal(err)
	}
	push := func(collection string, content []byte, name string) sheaf.Document {
		t.Helper()
		doc, err := s.Client.Push(t.Context(), client.PushInput{Filename: name, Body: bytes.NewReader(content), Collection: collection})
		if err != nil {
			t.Fatalf("push: %v", err)
		}
		return doc
	}
	damages := map[string]func(file string) error{
		"missing": os.Remove,
		"shorter": func(file string) error { return os.Truncate(file, 100) },
		"flipped": func(file string) error {
			stored, err := os.ReadFile(file)
			if err == nil {
				stored[len(stored)/2] ^= 1
				err = os.WriteFile(file, stored, 0o644)
			}
			return err
		},
	}
	contents, docs := map[string][]byte{}, map[string]sheaf.Document{}
	for name := range damages {
		for _, hasCopy := range []string{"with a copy", "without"} {
			id := name + " " + hasCopy
			contents[id] = append(blobtest.Random(200_000), id...)
			docs[id] = push("", contents[id], "a.bin")
			if hasCopy == "with a copy" {
				push("copies", contents[id], "a.bin")
			}
		}
	}
	awaitDrained(t, s)

	// A backend that is away has lost nothing.
	bucket.Stop()
	report, err := s.Client.Repair(t.Context(), false)
	if err != nil || len(report.Problems) != 1 || report.Problems[0].Area != "backends" || report.Problems[0].Backend != "bucket" {
		t.Errorf("fsck while the bucket is away: %+v, %v, want that said and nothing else", report, err)
	}
	bucket = bucket.Restart(t)
	s.Stop()
	options.Endpoint = bucket.Endpoint
	s.Config.Storage.Backends["bucket"] = s3Backend(options)
	s = StartConfig(t, s.Config)
	if report, err := s.Client.Check(t.Context(), false); err != nil || len(report.Problems) > 0 {
		t.Errorf("fsck when the bucket is back: %+v, %v", report, err)
	}

	for id, doc := range docs {
		damage := damages[strings.Fields(id)[0]]
		if err := damage(objectFile(bucket, "repair", doc.Digest)); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			content := append(blobtest.Random(90_000), fmt.Sprint(i)...)
			doc, err := s.Client.Push(t.Context(), client.PushInput{Filename: "b.bin", Body: bytes.NewReader(content)})
			if err != nil {
				t.Errorf("push meanwhile: %v", err)
				return
			}
			if got := pull(t, s, doc.ID); !bytes.Equal(got, content) {
				t.Errorf("pull meanwhile: %d bytes, want %d", len(got), len(content))
			}
		}
	})
	report, err = s.Client.Repair(t.Context(), true)
	close(done)
	others.Wait()
	if err != nil {
		t.Fatal(err)
	}
	repaired := map[sheaf.DocumentID]bool{}
	for _, problem := range report.Problems {
		if problem.Area == "blobs" {
			for _, v := range problem.Versions {
				repaired[v.Document] = problem.Repaired
			}
		}
	}
	for id, doc := range docs {
		hasCopy := strings.HasSuffix(id, "with a copy")
		if got, named := repaired[doc.ID]; !named || got != hasCopy {
			t.Errorf("what is %s: named %t, repaired %t, want %t", id, named, got, hasCopy)
		}
		if !hasCopy {
			push("", contents[id], "a.bin") // as the hint says
		}
		if got := pull(t, s, doc.ID); !bytes.Equal(got, contents[id]) {
			t.Errorf("what was %s: %d bytes, want %d", id, len(got), len(contents[id]))
		}
	}
	if report, err := s.Client.Check(t.Context(), true); err != nil || len(report.Problems) > 0 {
		t.Errorf("fsck after all: %+v, %v", report, err)
	}
}

func pull(t *testing.T, s *Server, id sheaf.DocumentID) []byte {
	t.Helper()
	download, err := s.Client.Pull(t.Context(), id)
	if err != nil {
		t.Errorf("pull: %v", err)
		return nil
	}
	defer download.Body.Close()
	content, err := io.ReadAll(download.Body)
	if err != nil {
		t.Errorf("pull: %v", err)
	}
	return content
}
