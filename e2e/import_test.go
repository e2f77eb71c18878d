package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/blob/s3test"
	"github.com/sheaf-dev/sheaf/internal/blob/supablob/supatest"
)

// A book comes back from its archive, and from buckets, as it was.
func TestImportedBooksAreTheSame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bucket := s3test.Start(t).Bucket(t, "shelf")
	project := httptest.NewServer(supatest.New())
	t.Cleanup(project.Close)
	config := filepath.Join(dir, "sheaf.yaml")
	settings := fmt.Sprintf("storage:\n  default_backend: fs\n  backends:\n    fs: {kind: fs, dir: blobs}\n"+
		"    shelf: {kind: s3, endpoint: %q, region: %s, bucket: %s, access_key: %s, secret_key: %s}\n"+
		"    project: {kind: supabase, url: %q, bucket: %s, service_key: %s}\n",
		bucket.Endpoint, bucket.Region, bucket.Bucket, bucket.AccessKey, bucket.SecretKey, project.URL, supatest.Bucket, supatest.ServiceKey)
	if err := os.WriteFile(config, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServer(t, filepath.Join(dir, "store"), "--config", config)
	for path, content := range map[string]string{
		"content/01-Start/about us.md": "# About us\n", "empty.md": "", "static/a+b & c.svg": "<svg/>", "book.yaml": "its own\n",
		"large.md": strings.Repeat("a line of a large file\n", 100_000),
	} {
		if _, err := s.client.PutFile(t.Context(), client.Place{Book: "guide", Path: path}, client.FileInput{Body: strings.NewReader(content)}); err != nil {
			t.Fatal(err)
		}
	}
	manifest, err := s.client.Manifest(t.Context(), "guide", client.Moment{})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get(s.url + "/books/guide/archive.zip")
	if err != nil {
		t.Fatal(err)
	}
	archive, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("the archive: %s, %v", answer.Status, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "guide.zip"), archive, 0o600); err != nil {
		t.Fatal(err)
	}
	sheafCommand := func(args ...string) string {
		t.Helper()
		done, err := run(t.Context(), dir, nil, []string{"SHEAF_CONFIG=" + config}, "sheaf", args...)
		if err != nil || done.exit != 0 {
			t.Fatalf("sheaf %s: %v, exit code %d, %s", strings.Join(args, " "), err, done.exit, done.stderr)
		}
		return done.stdout
	}
	for _, backend := range []string{"shelf", "project"} {
		sheafCommand("book", "export", "guide", "--to-backend", backend, "--url", s.url)
	}
	for name, args := range map[string][]string{
		"an archive":       {"guide.zip", "--data-dir", "from-archive"},
		"a bucket":         {"--from-backend", "shelf", "--data-dir", "from-bucket"},
		"one of a project": {"--from-backend", "project", "--data-dir", "from-project"},
	} {
		for _, again := range []bool{false, true} {
			var imported []struct {
				Created   int          `json:"files_created"`
				Unchanged int          `json:"files_unchanged"`
				Manifest  sheaf.Digest `json:"manifest_hash"`
			}
			if err := json.Unmarshal([]byte(sheafCommand(append([]string{"book", "import", "--json"}, args...)...)), &imported); err != nil {
				t.Fatal(err)
			}
			if len(imported) != 1 || imported[0].Manifest != manifest.Hash || again != (imported[0].Unchanged == manifest.Count) {
				t.Errorf("imported from %s, again %t: %+v, want %d files and the manifest hash %s", name, again, imported, manifest.Count, manifest.Hash)
			}
		}
	}

	// A prefix that is mistaken was an import of nothing, which succeeded in silence.
	for _, args := range [][]string{{"--prefix", "book/"}, {"--book", "other"}} {
		args = append([]string{"book", "import", "--from-backend", "shelf", "--data-dir", "from-nowhere"}, args...)
		nothing, err := run(t.Context(), dir, nil, []string{"SHEAF_CONFIG=" + config}, "sheaf", args...)
		if err != nil || nothing.exit == 0 || !strings.Contains(nothing.stderr, "in the bucket of shelf") {
			t.Errorf("sheaf %s: %v, exit code %d, %s", strings.Join(args, " "), err, nothing.exit, nothing.stderr)
		}
	}

	// Supabase has not all names. It gets the rest of the book, and nothing that
	// would make it look whole.
	_, err = s.client.PutFile(t.Context(), client.Place{Book: "anders", Path: "über uns.md"}, client.FileInput{Body: strings.NewReader("#")})
	if err != nil {
		t.Fatal(err)
	}
	sheafCommand("book", "export", "anders", "--to-backend", "shelf", "--url", s.url)
	refused, err := run(t.Context(), dir, nil, []string{"SHEAF_CONFIG=" + config}, "sheaf", "book", "export", "anders", "--to-backend", "project", "--url", s.url)
	if err != nil || refused.exit == 0 || !strings.Contains(refused.stderr, "Supabase has no objects of names") {
		t.Errorf("a name that Supabase does not take: %v, exit code %d, %s", err, refused.exit, refused.stderr)
	}
	s.stop(t)
}
