package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/blob/s3test"
)

// onS3 returns the flags of a server whose one backend is a bucket.
func onS3(t *testing.T, gateway *s3test.Server, bucket string) []string {
	t.Helper()
	options := gateway.Bucket(t, bucket)
	file := filepath.Join(t.TempDir(), "sheaf.yaml")
	err := os.WriteFile(file, fmt.Appendf(nil,
		"limits: {asset_direct: 100000}\nstorage: {default_backend: s3, backends: {s3: {kind: s3, endpoint: %q, region: %s, bucket: %s, access_key: %s, secret_key: %s}}}\n",
		options.Endpoint, options.Region, options.Bucket, options.AccessKey, options.SecretKey), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"--config", file}
}

// A server that is killed between an upload to the bucket and its completion, and
// while it completes it, neither loses nor doubles it, and leaves nothing behind.
func TestPresignedUploadsSurviveAKill(t *testing.T) {
	t.Parallel()
	gateway := s3test.Start(t)
	dir, flags := t.TempDir(), onS3(t, gateway, "killed")
	s := startServer(t, dir, flags...)
	content := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{3}).Read(content)
	copy(content, "\x89PNG\r\n\x1a\n")
	var uploads []sheaf.AssetUpload
	for i := range 4 {
		content[100] = byte(i)
		digest := sheaf.DigestOf(content)
		upload, err := s.client.BeginUpload(t.Context(), client.UploadInput{
			Book: "field-notes", Type: sheaf.AssetImages, Filename: fmt.Sprintf("%d.png", i), Size: int64(len(content)), SHA256: &digest,
		})
		if err != nil {
			t.Fatal(err)
		}
		put, err := http.NewRequest(upload.Method, upload.URL, bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range upload.Header {
			put.Header.Set(name, value)
		}
		answer, err := http.DefaultClient.Do(put)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("PUT: %s", answer.Status)
		}
		uploads = append(uploads, upload)
	}
	for i, upload := range uploads {
		killed := s
		if i > 0 { // the first is killed before, the others meanwhile
			go killed.client.CompleteUpload(t.Context(), upload.ID, nil)
			time.Sleep(time.Duration(i-1) * 10 * time.Millisecond)
		}
		killed.kill()
		s = startServer(t, dir, flags...)
		made, err := s.client.CompleteUpload(t.Context(), upload.ID, nil)
		if err != nil || made.Digest != *upload.Digest || made.Version != 1 {
			t.Errorf("completing upload %d after the kill: %+v, %v", i, made, err)
		}
	}
	report, err := s.client.Repair(t.Context(), true)
	if err != nil || len(report.Problems) > 0 || report.Documents != int64(len(uploads)) || report.Versions != int64(len(uploads)) {
		t.Errorf("fsck: %+v, %v, want %d documents of one version each and no problems", report, err, len(uploads))
	}
	staged, err := filepath.Glob(filepath.Join(gateway.BucketDir("killed"), "staging", "*"))
	if err != nil || len(staged) > 0 {
		t.Errorf("staged are %v, %v, want nothing", staged, err)
	}
	s.stop(t)
}
