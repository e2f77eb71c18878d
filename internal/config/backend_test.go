package config

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

func TestS3BackendOfTheFile(t *testing.T) {
	got, err := load(t, `
storage:
  backends:
    media-files:
      kind: s3
      endpoint: https://minio.example.org/
      region: eu-central-1
      bucket: media
      prefix: sheaf/2026
      access_key: id
      path_style: false
`, []string{"SHEAF_STORAGE_BACKENDS_MEDIA_FILES_SECRET_KEY=sesame", "SHEAF_STORAGE_BACKENDS_MEDIA_FILES_BUCKET=other"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Backend{"media-files": {Kind: BackendS3, Bucket: "other", S3: S3{
		Endpoint: "https://minio.example.org", Region: "eu-central-1", Prefix: "sheaf/2026",
		AccessKey: "id", SecretKey: "sesame", VirtualHost: true,
	}}}
	if !reflect.DeepEqual(got.Storage.Backends, want) || got.Storage.DefaultBackend != "media-files" {
		t.Errorf("got %+v, default %s; want %+v", got.Storage.Backends, got.Storage.DefaultBackend, want)
	}
}

var r2Variables = []string{
	"R2_ACCESS_KEY_ID=id", "R2_SECRET_ACCESS_KEY=sesame",
	"R2_ENDPOINT=https://account.r2.cloudflarestorage.com/books", "R2_BUCKET=books",
}

func TestR2NeedsOnlyItsVariables(t *testing.T) {
	want := Backend{Kind: BackendS3, Bucket: "books", S3: S3{
		Endpoint: "https://account.r2.cloudflarestorage.com", Region: "auto", AccessKey: "id", SecretKey: "sesame",
	}}
	for _, test := range []struct {
		yaml     string
		more     []string
		backends int
		standard string
	}{
		{"", nil, 2, "fs"},
		{"", []string{"SHEAF_STORAGE_DEFAULT_BACKEND=r2"}, 2, "r2"},
		{"storage: {backends: {main: {kind: mem}}}", nil, 2, "main"},
		{"storage: {backends: {r2: {kind: mem}}}", nil, 1, "r2"},
	} {
		got, err := load(t, test.yaml, append(test.more, r2Variables...))
		if err != nil {
			t.Errorf("%q: %v", test.yaml, err)
			continue
		}
		if !reflect.DeepEqual(got.Storage.Backends["r2"], want) {
			t.Errorf("%q: r2 is %+v, want %+v", test.yaml, got.Storage.Backends["r2"], want)
		}
		if len(got.Storage.Backends) != test.backends || got.Storage.DefaultBackend != test.standard {
			t.Errorf("%q: %d backends, default %s; want %d, %s", test.yaml, len(got.Storage.Backends), got.Storage.DefaultBackend, test.backends, test.standard)
		}
	}
}

func TestPartOfTheVariablesOfR2(t *testing.T) {
	_, err := load(t, "", []string{"R2_BUCKET=books", "R2_ENDPOINT=https://example.org"})
	if err == nil || !strings.Contains(err.Error(), "R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY: is missing: the backend r2 needs it beside R2_ENDPOINT, R2_BUCKET") {
		t.Errorf("with a part of the variables: %v, want what is missing by name", err)
	}
}

// Backends of all kinds can be encrypted, and those that variables replace stay
// encrypted.
func TestEncryptedBackends(t *testing.T) {
	r2 := []string{"R2_ACCESS_KEY_ID=a", "R2_SECRET_ACCESS_KEY=s", "R2_ENDPOINT=https://r2.example", "R2_BUCKET=b"}
	const file = `
storage:
  backends:
    disk: {kind: fs, dir: blobs, encrypt: true}
    fast: {kind: mem, encrypt: true}
    plain: {kind: mem}
    media: {kind: s3, region: auto, bucket: b, access_key: a, secret_key: s, encrypt: true}
    team: {kind: supabase, url: "https://team.example", bucket: b, service_key: s, encrypt: true}
    r2: {kind: s3, region: auto, bucket: b, access_key: a, secret_key: s, encrypt: true}
  default_backend: disk
`
	got, err := load(t, file, r2)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range got.Storage.Backends {
		if b.Encrypt != (name != "plain") {
			t.Errorf("the backend %s: encrypted is %t", name, b.Encrypt)
		}
	}
	got, err = load(t, "", append(r2, "SHEAF_STORAGE_BACKENDS_R2_ENCRYPT=true"))
	if err != nil || !got.Storage.Backends["r2"].Encrypt || got.Storage.Backends["fs"].Encrypt {
		t.Errorf("by a variable: %+v, %v", got.Storage.Backends, err)
	}
}

// What a backend of variables has beside what they say can be said as of any other.
func TestMoreOfABackendOfVariables(t *testing.T) {
	r2 := []string{"R2_ACCESS_KEY_ID=a", "R2_SECRET_ACCESS_KEY=s", "R2_ENDPOINT=https://r2.example", "R2_BUCKET=b"}
	got, err := load(t, "", append(r2, "SHEAF_STORAGE_BACKENDS_R2_REGION=weur", "SHEAF_STORAGE_BACKENDS_R2_PREFIX=sheaf"))
	if b := got.Storage.Backends["r2"]; err != nil || b.S3.Region != "weur" || b.S3.Prefix != "sheaf" || b.Bucket != "b" {
		t.Errorf("region and prefix by variables: %+v, %v", b, err)
	}
	const file = `{storage: {backends: {fs: {kind: fs, dir: blobs}, r2: {kind: fs, dir: elsewhere}}, default_backend: fs}}`
	if got, err = load(t, file, r2); err != nil || got.Storage.Backends["r2"].Kind != BackendS3 {
		t.Errorf("in the place of an entry of another kind: %+v, %v", got.Storage.Backends["r2"], err)
	}
	_, err = load(t, "", append(r2, "SHEAF_STORAGE_BACKENDS_R2_DIR=blobs"))
	if err == nil || !strings.Contains(err.Error(), "SHEAF_STORAGE_BACKENDS_R2_DIR: is a setting of fs backends") {
		t.Errorf("a directory of an s3 backend: %v", err)
	}
}

func TestBackendsThatCannotBe(t *testing.T) {
	_, err := load(t, `
storage:
  backends:
    bare: {kind: s3}
    wrong: {kind: s3, dir: blobs, region: auto, bucket: b, access_key: a, secret_key: s, endpoint: nowhere}
    disk: {kind: fs, dir: blobs, bucket: b}
    slip: {kind: mem, path_stile: true}
  default_backend: disk
`, []string{"SHEAF_STORAGE_BACKENDS_BARE_PATH_STYLE=maybe"})
	var e *sheaf.Error
	if !errors.As(err, &e) || e.Kind != sheaf.ErrInvalid {
		t.Fatalf("Load: %v, want an invalid", err)
	}
	for _, want := range []sheaf.FieldError{
		{Field: "storage.backends.bare (sheaf.yaml line 4)", Message: "has no region: "},
		{Field: "storage.backends.bare (sheaf.yaml line 4)", Message: "has no bucket: "},
		{Field: "storage.backends.bare (sheaf.yaml line 4)", Message: "has no access_key: "},
		{Field: "storage.backends.bare (sheaf.yaml line 4)", Message: "has no secret_key: "},
		{Field: "SHEAF_STORAGE_BACKENDS_BARE_PATH_STYLE", Message: "neither true nor false"},
		{Field: "storage.backends.wrong.dir (sheaf.yaml line 5)", Message: "is a setting of fs backends, and this one is of the kind s3"},
		{Field: "storage.backends.wrong.endpoint (sheaf.yaml line 5)", Message: "is not a URL"},
		{Field: "storage.backends.disk.bucket (sheaf.yaml line 6)", Message: "is a setting of s3 and supabase backends"},
		{Field: "storage.backends.slip.path_stile (sheaf.yaml line 7)", Message: "did you mean path_style?"},
	} {
		found := false
		for _, f := range e.Fields {
			found = found || f.Field == want.Field && strings.Contains(f.Message, want.Message)
		}
		if !found {
			t.Errorf("%s: no error with %q in %v", want.Field, want.Message, e.Fields)
		}
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	c, err := load(t, "", r2Variables)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("started", "config", c, "secret", c.Storage.Backends["r2"].S3.SecretKey)
	for _, shown := range []string{fmt.Sprintf("%v", c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), log.String()} {
		if strings.Contains(shown, "sesame") {
			t.Errorf("the configuration shows a secret: %s", shown)
		}
	}
	if c.Storage.Backends["r2"].S3.SecretKey.Reveal() != "sesame" {
		t.Error("Reveal does not return the secret")
	}
}
