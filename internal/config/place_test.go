package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Two backends at one place destroyed each other's contents: garbage collection
// of the one found objects that it knew nothing of, those of the other.
func TestNoTwoBackendsAtOnePlace(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "blobs"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("blobs", filepath.Join(dir, "link")); err != nil {
		t.Skip("no symbolic links here")
	}
	const s3 = "kind: s3, region: r, access_key: a, secret_key: s, "
	for _, test := range []struct {
		one, two string
		refused  bool
	}{
		{"kind: fs, dir: blobs", "kind: fs, dir: other/../blobs/", true},
		{"kind: fs, dir: blobs", "kind: fs, dir: " + filepath.Join(dir, "blobs"), true},
		{"kind: fs, dir: blobs", "kind: fs, dir: link", true},
		{"kind: fs, dir: blobs", "kind: fs, dir: blobs/below", false},
		{"kind: mem", "kind: mem", false},
		{s3 + "bucket: b", s3 + "bucket: b, encrypt: true", true},
		{s3 + "bucket: b, endpoint: 'https://s3.example.org'", s3 + "bucket: b, endpoint: 'https://S3.example.org/'", true},
		{s3 + "bucket: b", s3 + "bucket: b, prefix: p", false},
		{s3 + "bucket: b", s3 + "bucket: c", false},
		{"kind: supabase, url: 'https://a.example.org', service_key: s, bucket: b", "kind: supabase, url: 'https://a.example.org/', service_key: t, bucket: b", true},
	} {
		file := "storage: {dir: " + dir + ", default_backend: one, backends: {one: {" + test.one + "}, two: {" + test.two + "}}}"
		_, err := load(t, file, []string{"SHEAF_MASTER_KEY=" + strings.Repeat("12", 32)})
		switch {
		case !test.refused && err != nil:
			t.Errorf("%s and %s: %v, want no error", test.one, test.two, err)
		case test.refused && (err == nil || !strings.Contains(err.Error(), "where the backend one is already")):
			t.Errorf("%s and %s: %v, want a refusal", test.one, test.two, err)
		}
	}
}
