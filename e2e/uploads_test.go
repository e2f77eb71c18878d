package e2e

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

// An upload whose bytes were acknowledged survives the death of the server
// between that and its completion; half an upload leaves nothing.
func TestUploadsSurviveAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startServer(t, dir)
	content := make([]byte, 11<<20)
	rand.NewChaCha8([32]byte{2}).Read(content)
	copy(content, "\x89PNG\r\n\x1a\n")
	digest := sheaf.DigestOf(content)
	begin := func(filename string) sheaf.AssetUpload {
		upload, err := s.client.BeginUpload(t.Context(), client.UploadInput{
			Book: "field-notes", Type: sheaf.AssetImages, Filename: filename, Size: int64(len(content)), SHA256: &digest,
		})
		if err != nil {
			t.Fatal(err)
		}
		return upload
	}
	arrived, half := begin("arrived.png"), begin("half.png")
	put, err := http.NewRequest(http.MethodPut, arrived.URL, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(put)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("PUT: %s", answer.Status)
	}
	if err := os.WriteFile(filepath.Join(dir, "uploads", half.ID[len("upl_"):]+".part"), content[:1000], 0o600); err != nil {
		t.Fatal(err)
	}
	s.kill()
	<-s.ended

	s = startServer(t, dir)
	if state, err := s.client.Upload(t.Context(), arrived.ID); err != nil || state.State != sheaf.UploadReceived {
		t.Errorf("what has arrived is %+v, %v", state, err)
	}
	if state, err := s.client.Upload(t.Context(), half.ID); err != nil || state.State != sheaf.UploadWaiting {
		t.Errorf("half an upload is %+v, %v", state, err)
	}
	made, err := s.client.CompleteUpload(t.Context(), arrived.ID, nil)
	if err != nil || made.Digest != digest || made.Version != 1 {
		t.Errorf("completing it: %+v, %v", made, err)
	}
	s.kill()
	<-s.ended

	s = startServer(t, dir)
	again, err := s.client.CompleteUpload(t.Context(), arrived.ID, nil)
	if err != nil || again.DocumentID != made.DocumentID || again.Version != 1 {
		t.Errorf("completing it again: %+v, %v", again, err)
	}
	s.stop(t)
}
