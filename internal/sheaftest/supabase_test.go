package sheaftest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/supablob"
	"github.com/sheaf-dev/sheaf/internal/blob/supablob/supatest"
	"github.com/sheaf-dev/sheaf/internal/config"
)

// supabaseBackend returns the configuration of a backend in a Supabase project.
func supabaseBackend(url string) config.Backend {
	return config.Backend{Kind: config.BackendSupabase, Bucket: supatest.Bucket, Supabase: config.Supabase{URL: url, ServiceKey: supatest.ServiceKey}}
}

// The test of a backend in a Supabase project says what is wrong with it, and
// expects nothing that Supabase cannot do.
func TestBackendTestOfSupabase(t *testing.T) {
	storage := supatest.New()
	project := httptest.NewServer(storage)
	t.Cleanup(project.Close)
	late := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(-5*time.Minute).UTC().Format(http.TimeFormat))
		storage.ServeHTTP(w, r)
	}))
	t.Cleanup(late.Close)
	site := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(site.Close)
	changed := func(change func(*config.Backend)) config.Backend {
		b := supabaseBackend(project.URL)
		change(&b)
		return b
	}
	s := Start(t, func(c *config.Config) {
		c.Storage.Backends["good"] = supabaseBackend(project.URL)
		c.Storage.Backends["other-key"] = changed(func(b *config.Backend) { b.Supabase.ServiceKey = "wrong" })
		c.Storage.Backends["other-bucket"] = changed(func(b *config.Backend) { b.Bucket = "elsewhere" })
		c.Storage.Backends["late"] = supabaseBackend(late.URL)
		c.Storage.Backends["site"] = supabaseBackend(site.URL)
		c.Storage.Backends["nobody"] = supabaseBackend("http://127.0.0.1:1")
	})
	for backend, want := range map[string]string{
		"good":         "write ok, stat ok, read ok, range ok, list ok, clock ok, presign_get ok, presign_put ok, delete ok",
		"late":         "write ok, stat ok, read ok, range ok, list ok, clock failed clock, presign_get ok, presign_put ok, delete ok",
		"other-key":    failsBy("credentials"),
		"other-bucket": failsBy("bucket"),
		"site":         failsBy("endpoint"),
		"nobody":       failsBy("unreachable"),
	} {
		test, err := s.Client.TestBackend(t.Context(), backend)
		if err != nil {
			t.Errorf("test of %s: %v", backend, err)
			continue
		}
		var steps []string
		for _, step := range test.Steps {
			text := fmt.Sprintf("%s %s", step.Step, step.Status)
			if step.Fault != "" {
				text += " " + step.Fault
			}
			steps = append(steps, text)
			if step.Status == sheaf.StepFailed && (step.Message == "" || step.Hint == "") {
				t.Errorf("test of %s: %s says not what to do: %+v", backend, step.Step, step)
			}
			if text := fmt.Sprint(step); strings.Contains(text, supatest.ServiceKey) || strings.Contains(text, "token=") {
				t.Errorf("test of %s: %s tells a secret: %+v", backend, step.Step, step)
			}
		}
		if got := strings.Join(steps, ", "); got != want || test.OK != (backend == "good") {
			t.Errorf("test of %s: ok %t, %s; want %s", backend, test.OK, got, want)
		}
	}
	if left := storage.Objects(); len(left) != 0 {
		t.Errorf("the tests leave %q", left)
	}
}

// Supabase takes any bytes that are sent to the URL of an upload, for longer than
// was asked for. Only those that were announced become an asset, and whoever is
// given the asset hears its type, which the backend's answer does not have.
func TestUploadsToSupabase(t *testing.T) {
	storage := supatest.New()
	project := httptest.NewServer(storage)
	t.Cleanup(project.Close)
	s := Start(t, func(c *config.Config) {
		c.Storage.Backends = map[string]config.Backend{"supabase": supabaseBackend(project.URL)}
		c.Storage.DefaultBackend = "supabase"
		c.Limits.AssetDirect = 1000
		c.Storage.BackendRetryPause = time.Millisecond
	})
	if _, err := s.Client.CreateBook(t.Context(), client.BookInput{ID: "a-book"}); err != nil {
		t.Fatal(err)
	}
	image := append([]byte("\x89PNG\r\n\x1a\n"), blobtest.Random(200_000)...)
	flipped := bytes.Clone(image)
	flipped[100_000] ^= 1
	noImage := append([]byte("<html>"), image[6:]...)
	digest, noDigest := sheaf.DigestOf(image), (*sheaf.Digest)(nil)
	begin := func(name string, announced *sheaf.Digest) sheaf.AssetUpload {
		t.Helper()
		upload, err := s.Client.BeginUpload(t.Context(), client.UploadInput{
			Book: "a-book", Type: sheaf.AssetImages, Filename: name, Size: int64(len(image)), SHA256: announced,
		})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(upload.URL, project.URL) || time.Until(upload.ExpiresAt) < supatest.UploadLifetime-time.Minute {
			t.Errorf("the upload goes to %s until %s, want the project for its two hours", upload.URL, upload.ExpiresAt)
		}
		return upload
	}
	send := func(upload sheaf.AssetUpload, content []byte) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), upload.Method, upload.URL, bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "text/html") // whatever the store has said
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("sending the bytes: %s", answer.Status)
		}
	}
	for what, wrong := range map[string]struct {
		sent      []byte
		announced *sheaf.Digest
	}{
		"too few":     {image[:1000], noDigest},
		"too many":    {append(bytes.Clone(image), 'x'), noDigest},
		"other bytes": {flipped, &digest},
		"no image":    {noImage, noDigest},
	} {
		upload := begin("wrong.png", wrong.announced)
		send(upload, wrong.sent)
		if _, err := s.Client.CompleteUpload(t.Context(), upload.ID, nil); sheaf.KindOf(err) != sheaf.ErrInvalid {
			t.Errorf("completing an upload of %s: %v, want invalid", what, err)
		}
		if _, err := s.Client.Asset(t.Context(), "a-book", sheaf.AssetImages, "wrong.png"); sheaf.KindOf(err) != sheaf.ErrNotFound {
			t.Errorf("the asset after an upload of %s: %v, want not_found", what, err)
		}
	}

	upload := begin("right.png", &digest)
	send(upload, image)
	if _, err := s.Client.CompleteUpload(t.Context(), upload.ID, nil); err != nil {
		t.Fatal(err)
	}
	send(upload, noImage) // the grant is still good, and its name empty again
	asset, err := s.Client.Asset(t.Context(), "a-book", sheaf.AssetImages, "right.png")
	if err != nil || asset.MIME != "image/png" || asset.Digest != digest || !strings.HasPrefix(asset.DownloadURL, project.URL) {
		t.Fatalf("the asset: %+v, %v", asset, err)
	}
	wantAt(t, asset.DownloadURL, image)

	// Without the project there is still the asset, with a URL that says more.
	project.Close()
	asset, err = s.Client.Asset(t.Context(), "a-book", sheaf.AssetImages, "right.png")
	if err != nil || !strings.HasPrefix(asset.DownloadURL, s.URL) {
		t.Errorf("the asset while the backend is away: %+v, %v", asset, err)
	}
}

func wantAt(t *testing.T, url string, content []byte) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got, err := io.ReadAll(answer.Body); err != nil || !bytes.Equal(got, content) {
		t.Errorf("what is there to download: %s, %d bytes, %v; want %d", answer.Status, len(got), err, len(content))
	}
}

// An archive of a book in a Supabase bucket lies there, for as long as nobody takes
// it away, and is made anew then.
func TestBookArchiveInSupabase(t *testing.T) {
	storage := supatest.New()
	project := httptest.NewServer(storage)
	t.Cleanup(project.Close)
	s := Start(t, func(c *config.Config) {
		c.Storage.Backends = map[string]config.Backend{"supabase": supabaseBackend(project.URL)}
		c.Storage.DefaultBackend = "supabase"
	})
	contents := bookOfAllForms(t, s)
	awaitDrained(t, s)
	bucket, err := supablob.New(supablob.Options{URL: project.URL, ServiceKey: supatest.ServiceKey, Bucket: supatest.Bucket})
	if err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"at first", "after it was taken away"} {
		link, err := s.Client.LinkBookArchive(t.Context(), "book", client.BookArchiveInput{})
		if err != nil || !strings.HasPrefix(link.DownloadURL, project.URL) {
			t.Fatalf("%s: the link is %s, %v, want one of the bucket", when, link.DownloadURL, err)
		}
		wantArchiveAt(t, link, contents)
		var temporary []string
		err = bucket.ListTemp(t.Context(), func(object blob.Staged) error {
			temporary = append(temporary, object.Name)
			return nil
		})
		if err != nil || len(temporary) != 1 {
			t.Fatalf("%s: the temporary objects are %q, %v, want one", when, temporary, err)
		}
		if err := bucket.DeleteTemp(t.Context(), temporary[0]); err != nil {
			t.Fatal(err)
		}
	}
}
