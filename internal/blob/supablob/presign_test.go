package supablob_test

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/supablob/supatest"
)

// use makes the request that a grant is for.
func use(t *testing.T, grant blob.Grant, body io.Reader) (status int, content []byte, header http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), grant.Method, grant.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range grant.Header {
		req.Header[name] = values
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if content, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, content, res.Header
}

func TestPresignedUpload(t *testing.T) {
	backend, storage := start(t)
	content := blobtest.Random(100_000)
	grant, err := backend.PresignPut(t.Context(), "upload-1", blob.Upload{Size: 100_000, MIME: "image/png", Lifetime: 10 * time.Minute})
	if err != nil {
		t.Fatalf("PresignPut: %v", err)
	}
	if lasts := time.Until(grant.Expires); lasts < supatest.UploadLifetime-time.Minute || lasts > supatest.UploadLifetime {
		t.Errorf("the grant lasts %v, want to hear of the backend's two hours", lasts)
	}
	if _, _, err := backend.OpenStaged(t.Context(), "upload-1"); sheaf.KindOf(err) != sheaf.ErrNotFound {
		t.Errorf("OpenStaged before the upload: %v, want not_found", err)
	}
	if status, said, _ := use(t, grant, bytes.NewReader(content)); status != http.StatusOK {
		t.Fatalf("the upload: %d %s", status, said)
	}
	if status, _, _ := use(t, grant, strings.NewReader("others")); status != http.StatusBadRequest {
		t.Errorf("a second upload with the same grant: %d, want 400", status)
	}

	late, err := backend.PresignPut(t.Context(), "upload-2", blob.Upload{Size: 100_000, Lifetime: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	storage.Now = func() time.Time { return late.Expires.Add(2 * time.Second) }
	if status, _, _ := use(t, late, bytes.NewReader(content)); status != http.StatusBadRequest {
		t.Errorf("an upload after the grant has expired: %d, want 400", status)
	}
	if _, _, err := backend.OpenStaged(t.Context(), "upload-2"); sheaf.KindOf(err) != sheaf.ErrNotFound {
		t.Errorf("OpenStaged of a refused upload: %v, want not_found", err)
	}

	body, staged, err := backend.OpenStaged(t.Context(), "upload-1")
	if err != nil {
		t.Fatalf("OpenStaged: %v", err)
	}
	read, err := io.ReadAll(body)
	body.Close()
	if err != nil || !bytes.Equal(read, content) || staged.Size != 100_000 || staged.Name != "upload-1" || staged.Modified.IsZero() {
		t.Errorf("OpenStaged: %d bytes of %+v, %v", len(read), staged, err)
	}
	var names []string
	err = backend.ListStaged(t.Context(), func(s blob.Staged) error {
		names = append(names, s.Name)
		if s.Size != 100_000 || s.Modified.IsZero() {
			t.Errorf("ListStaged: %+v", s)
		}
		return nil
	})
	if err != nil || !slices.Equal(names, []string{"upload-1"}) {
		t.Errorf("ListStaged: %q, %v", names, err)
	}
	err = backend.List(t.Context(), func(info blob.Info) error {
		t.Errorf("List shows the upload as %s", info.Key)
		return nil
	})
	if err != nil {
		t.Errorf("List: %v", err)
	}
	for range 2 {
		if err := backend.DeleteStaged(t.Context(), "upload-1"); err != nil {
			t.Errorf("DeleteStaged: %v", err)
		}
	}
	if _, _, err := backend.OpenStaged(t.Context(), "upload-1"); sheaf.KindOf(err) != sheaf.ErrNotFound {
		t.Errorf("OpenStaged of a deleted upload: %v, want not_found", err)
	}
}

func TestPresignedDownload(t *testing.T) {
	backend, storage := start(t)
	content := blobtest.Random(5000)
	key := blobtest.KeyOf(content)
	if _, err := backend.PresignGet(t.Context(), key, blob.Download{Lifetime: time.Minute}); sheaf.KindOf(err) != sheaf.ErrNotFound {
		t.Errorf("PresignGet of what is not there: %v, want not_found", err)
	}
	if err := backend.Put(t.Context(), key, bytes.NewReader(content), 5000); err != nil {
		t.Fatal(err)
	}
	grant, err := backend.PresignGet(t.Context(), key, blob.Download{Filename: `übung "1" & 2.pdf`, Lifetime: time.Minute})
	if err != nil {
		t.Fatalf("PresignGet: %v", err)
	}
	if lasts := time.Until(grant.Expires); lasts > time.Minute || lasts < 30*time.Second {
		t.Errorf("the grant lasts %v, want a minute", lasts)
	}
	status, read, header := use(t, grant, nil)
	if status != http.StatusOK || !bytes.Equal(read, content) {
		t.Errorf("the download: %d, %d bytes", status, len(read))
	}
	if disposition := header.Get("Content-Disposition"); !strings.Contains(disposition, "%C3%BCbung") {
		t.Errorf("the download's Content-Disposition is %q", disposition)
	}
	storage.Now = func() time.Time { return time.Now().Add(2 * time.Minute) }
	if status, _, _ := use(t, grant, nil); status != http.StatusBadRequest {
		t.Errorf("a download after the grant has expired: %d, want 400", status)
	}
}
