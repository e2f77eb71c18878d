package sheaftest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/s3test"
	"github.com/sheaf-dev/sheaf/internal/blob/supablob/supatest"
	"github.com/sheaf-dev/sheaf/internal/config"
	"github.com/sheaf-dev/sheaf/internal/sheaftest/faults"
)

// The same variables for a second server, or two names for one bucket, and garbage
// collection of each deleted what the other had stored, for it knew nothing of
// it. Who comes second is refused now, before anything of it is there to lose.
func TestNobodySharesABackend(t *testing.T) {
	storage := supatest.New()
	project := httptest.NewServer(storage)
	t.Cleanup(project.Close)
	byAnotherName := faults.Start(t, project.URL).URL()
	on := func(url string) func(*config.Config) {
		return func(c *config.Config) {
			c.Storage.Backends = map[string]config.Backend{"bucket": supabaseBackend(url)}
			c.Storage.DefaultBackend = "bucket"
			c.Storage.BackendRetryPause = time.Millisecond
		}
	}
	first := Start(t, on(project.URL), func(c *config.Config) {
		c.Storage.Backends["again"] = supabaseBackend(byAnotherName)
		c.Storage.Backends["disk"] = config.Backend{Kind: config.BackendFS, Dir: "disk"}
	})
	second := Start(t, on(project.URL))

	content := blobtest.Random(200_000)
	doc, err := first.Client.Push(t.Context(), client.PushInput{Filename: "kept.bin", Body: bytes.NewReader(content)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = second.Client.Push(t.Context(), client.PushInput{Filename: "refused.bin", Body: bytes.NewReader(blobtest.Random(200_000))})
	if sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
		t.Errorf("a push of the second store: %v, want backend_unavailable", err)
	}
	if _, err := first.Client.MoveCollection(t.Context(), "default", client.BackendMoveInput{Backend: "again"}); sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
		t.Errorf("a move to the same place by another name: %v, want backend_unavailable", err)
	}
	before := storage.Objects()
	for _, s := range []*Server{first, second} {
		if _, err := s.Client.CollectGarbage(t.Context(), true); sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
			t.Errorf("garbage collection with a backend that is another's: %v, want backend_unavailable", err)
		}
	}
	if after := storage.Objects(); len(after) != len(before) {
		t.Errorf("%d objects after garbage collection, want %d", len(after), len(before))
	}
	pulled, err := first.Client.Pull(t.Context(), doc.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer pulled.Body.Close()
	if got, err := io.ReadAll(pulled.Body); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the first store's content: %d bytes, %v", len(got), err)
	}

	// The same store after a restart is no other.
	first = first.Restart()
	if _, err := first.Client.Push(t.Context(), client.PushInput{Filename: "more.bin", Body: bytes.NewReader(blobtest.Random(200_000))}); err != nil {
		t.Errorf("a push after a restart: %v", err)
	}
	check, err := first.Client.Check(t.Context(), true)
	if err != nil || len(check.Problems) != 0 {
		t.Errorf("the check: %+v, %v", check.Problems, err)
	}
}

// A bucket was emptied under a running store and given to another one. The first
// had seen its mark there once, and its garbage collection would have deleted what
// the other one stored.
func TestABucketChangesHands(t *testing.T) {
	server := s3test.Start(t)
	bucket := server.Bucket(t, "handed-on")
	first, second := Start(t, onS3(bucket)), Start(t, onS3(bucket))
	push := func(s *Server) error {
		_, err := s.Client.Push(t.Context(), client.PushInput{Filename: "some.bin", Body: bytes.NewReader(blobtest.Random(200_000))})
		return err
	}
	if err := push(first); err != nil {
		t.Fatal(err)
	}
	empty := func() {
		files, err := filepath.Glob(filepath.Join(server.BucketDir("handed-on"), "*"))
		for _, file := range files {
			err = errors.Join(err, os.RemoveAll(file))
		}
		if err != nil || len(files) == 0 {
			t.Fatalf("emptying the bucket of %q: %v", files, err)
		}
	}
	empty()
	if _, err := first.Client.CollectGarbage(t.Context(), true); err != nil {
		t.Errorf("garbage collection in a bucket that is empty: %v", err)
	}
	if err := push(second); sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
		t.Errorf("the mark was not put back: another store was told %v, want backend_unavailable", err)
	}

	empty()
	if err := push(second); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Client.CollectGarbage(t.Context(), true); sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
		t.Errorf("garbage collection in a bucket that is another's now: %v, want backend_unavailable", err)
	}
	check, err := second.Client.Check(t.Context(), true)
	if err != nil || len(check.Problems) != 0 {
		t.Errorf("the check of the second store: %+v, %v", check.Problems, err)
	}
	_, err = first.Client.Push(t.Context(), client.PushInput{Filename: "another.bin", Body: bytes.NewReader(blobtest.Random(300_000))})
	if sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
		t.Errorf("a push of the first store after that: %v, want backend_unavailable", err)
	}
}

// A store that was refused a bucket, because it is another's, must not take the
// uploads that wait there for remains of its own: their URLs were given out, and
// their bytes are nowhere else.
func TestUploadsInABucketOfAnother(t *testing.T) {
	server := s3test.Start(t)
	bucket := server.Bucket(t, "uploads-of-another")
	first, second := Start(t, onS3(bucket), smallUploads), Start(t, onS3(bucket), smallUploads)
	content := picture(200_000)
	upload := begin(t, first, "waits.png", content, nil)
	if status := send(t, upload, content); status != http.StatusOK {
		t.Fatalf("PUT: status %d", status)
	}
	if _, err := second.Client.Repair(t.Context(), false); err != nil {
		t.Errorf("a repair of the second store: %v, want that it says what it could not look at", err)
	}
	_, err := second.Client.BeginUpload(t.Context(), client.UploadInput{
		Book: "book", Type: sheaf.AssetImages, Filename: "refused.png", Size: int64(len(content)),
	})
	if sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
		t.Errorf("an upload to the second store: %v, want backend_unavailable", err)
	}
	if made, err := first.Client.CompleteUpload(t.Context(), upload.ID, nil); err != nil || made.Digest != sheaf.DigestOf(content) {
		t.Errorf("completing the upload: %+v, %v", made, err)
	}
}
