package sheaftest

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/s3test"
	"github.com/sheaf-dev/sheaf/internal/config"
)

// smallUploads makes uploads in two steps begin at 100,000 bytes.
func smallUploads(c *config.Config) { c.Limits.AssetDirect = 100_000 }

func picture(size int) []byte {
	content := blobtest.Random(size)
	copy(content, "\x89PNG\r\n\x1a\n")
	return content
}

func stagedObjects(t *testing.T, bucket *s3test.Server, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(bucket.BucketDir(dir), "staging", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// send makes the request that an upload was granted, with whatever body.
func send(t *testing.T, to sheaf.AssetUpload, content []byte) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), to.Method, to.URL, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range to.Header {
		req.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

func begin(t *testing.T, s *Server, filename string, content []byte, digest *sheaf.Digest) sheaf.AssetUpload {
	t.Helper()
	upload, err := s.Client.BeginUpload(t.Context(), client.UploadInput{
		Book: "book", Type: sheaf.AssetImages, Filename: filename, Size: int64(len(content)), SHA256: digest,
	})
	if err != nil {
		t.Fatal(err)
	}
	return upload
}

// Large assets go to the bucket and come from it, and not through the server,
// which only reads what it makes an asset of.
func TestUploadsToS3(t *testing.T) {
	bucket := s3test.Start(t)
	options := bucket.Bucket(t, "uploads")
	s := Start(t, onS3(options), smallUploads)
	content := picture(11 << 20)
	made, err := s.Client.UploadAsset(t.Context(), client.AssetInput{Book: "book", Type: sheaf.AssetImages, Filename: "map.png", Body: bytes.NewReader(content)})
	if err != nil || made.Digest != sheaf.DigestOf(content) || made.Version != 1 {
		t.Fatalf("the client's upload: %+v, %v", made, err)
	}
	asset, err := s.Client.Asset(t.Context(), "book", sheaf.AssetImages, "map.png")
	if err != nil || !strings.HasPrefix(asset.DownloadURL, options.Endpoint) {
		t.Fatalf("the asset: %+v, %v, want a URL of the bucket", asset, err)
	}
	answer, err := http.Get(asset.DownloadURL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got, err := io.ReadAll(answer.Body); err != nil || !bytes.Equal(got, content) || answer.Header.Get("Content-Type") != "image/png" {
		t.Errorf("the download: %s, %d bytes, %v, %v", answer.Status, len(got), answer.Header, err)
	}

	// In two steps, as an agent does it.
	second := picture(200_000)
	digest := sheaf.DigestOf(second)
	upload := begin(t, s, "second.png", second, &digest)
	signed, err := url.Parse(upload.URL)
	if err != nil || "http://"+signed.Host != options.Endpoint {
		t.Fatalf("the upload leads to %s, %v, want the bucket", upload.URL, err)
	}
	at, err := time.Parse("20060102T150405Z", signed.Query().Get("X-Amz-Date"))
	if expires := at.Add(time.Hour); err != nil || !upload.ExpiresAt.Equal(expires) || signed.Query().Get("X-Amz-Expires") != "3600" {
		t.Errorf("it is said to expire at %v, the signature says %v, %v", upload.ExpiresAt, expires, err)
	}
	if _, err := s.Client.CompleteUpload(t.Context(), upload.ID, nil); sheaf.KindOf(err) != sheaf.ErrConflict {
		t.Errorf("completing what has not arrived: %v, want conflict", err)
	}
	if status := send(t, upload, append(second, 'x')); status < 400 {
		t.Errorf("a byte more: status %d", status)
	}
	other := bytes.Clone(second)
	other[100_000] ^= 1
	if status := send(t, upload, other); status < 400 {
		t.Errorf("other bytes than were announced by their digest: status %d", status)
	}
	if status := send(t, upload, second); status != http.StatusOK {
		t.Fatalf("the bytes that were announced: status %d", status)
	}
	if state, err := s.Client.Upload(t.Context(), upload.ID); err != nil || state.State != sheaf.UploadReceived {
		t.Errorf("once they have arrived: %+v, %v", state, err)
	}
	if change, err := s.Client.CompleteUpload(t.Context(), upload.ID, nil); err != nil || change.Digest != digest || change.Version != 1 {
		t.Errorf("completing it: %+v, %v", change, err)
	}
	if staged := stagedObjects(t, bucket, "uploads"); len(staged) > 0 {
		t.Errorf("after completing, %v is staged", staged)
	}

	// The URL still works until it expires. What comes by it is nobody's.
	if status := send(t, upload, second); status != http.StatusOK {
		t.Fatalf("the same request again: status %d", status)
	}
	if again, err := s.Client.CompleteUpload(t.Context(), upload.ID, nil); err != nil || again.Version != 1 {
		t.Errorf("completing it again: %+v, %v, want what it was", again, err)
	}
	report, err := s.Client.Check(t.Context(), true)
	if err != nil || len(report.Problems) > 0 || report.Backends[0].Leftovers != 1 {
		t.Errorf("fsck: %+v, %v, want one leftover and no problems", report, err)
	}
	if _, err := s.Client.Repair(t.Context(), false); err != nil {
		t.Error(err)
	}
	if staged := stagedObjects(t, bucket, "uploads"); len(staged) > 0 {
		t.Errorf("after a repair, %v is staged", staged)
	}
}

// Bytes that are not what was announced never become a version, whoever has let
// them pass.
func TestWrongUploadsToS3(t *testing.T) {
	bucket := s3test.Start(t)
	s := Start(t, onS3(bucket.Bucket(t, "wrong")), smallUploads)
	content := picture(200_000)
	digest := sheaf.DigestOf(content)
	for name, wrong := range map[string]struct {
		digest *sheaf.Digest
		sent   []byte
		then   func([]byte) []byte // what somebody makes of it in the bucket
	}{
		"no picture":        {nil, blobtest.Random(len(content)), nil},
		"changed meanwhile": {&digest, content, func(b []byte) []byte { b[100_000] ^= 1; return b }},
		"cut meanwhile":     {nil, content, func(b []byte) []byte { return b[:100] }},
	} {
		t.Run(name, func(t *testing.T) {
			upload := begin(t, s, strings.ReplaceAll(name, " ", "-")+".png", content, wrong.digest)
			if status := send(t, upload, wrong.sent); status != http.StatusOK {
				t.Fatalf("PUT: status %d", status)
			}
			staged := stagedObjects(t, bucket, "wrong")
			if len(staged) != 1 {
				t.Fatalf("staged are %v, want one", staged)
			}
			if wrong.then != nil {
				stored, err := os.ReadFile(staged[0])
				if err == nil {
					err = os.WriteFile(staged[0], wrong.then(stored), 0o644)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if change, err := s.Client.CompleteUpload(t.Context(), upload.ID, nil); sheaf.KindOf(err) != sheaf.ErrInvalid {
				t.Errorf("completing it: %+v, %v, want invalid", change, err)
			}
			if _, err := s.Client.Asset(t.Context(), "book", upload.Type, upload.Filename); sheaf.KindOf(err) != sheaf.ErrNotFound {
				t.Errorf("the asset: %v, want not_found", err)
			}
			if state, err := s.Client.Upload(t.Context(), upload.ID); err != nil || state.State != sheaf.UploadFailed || state.Error == "" {
				t.Errorf("the upload: %+v, %v, want it failed, and why", state, err)
			}
			if staged := stagedObjects(t, bucket, "wrong"); len(staged) > 0 {
				t.Errorf("%v is left", staged)
			}
		})
	}
}
