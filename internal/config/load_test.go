package config

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/sheaf-dev/sheaf"
)

// load loads from a sheaf.yaml with the text (none if empty), variables and
// command-line arguments, in a directory that has nothing else.
func load(t *testing.T, yaml string, environ []string, args ...string) (Config, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if yaml != "" {
		if err := os.WriteFile("sheaf.yaml", []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	BindFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatalf("parsing the flags %q: %v", args, err)
	}
	return Load(Sources{Environ: environ, Flags: flags})
}

func TestNothingConfiguredIsTheDefault(t *testing.T) {
	got, err := load(t, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := Default(); !reflect.DeepEqual(got, want) {
		t.Errorf("Load of nothing:\n%+v, want\n%+v", got, want)
	}
}

// Every setting has to be settable by all its names, and by no other's.
func TestEverySettingByEveryName(t *testing.T) {
	samples := map[string]string{
		"text": "elsewhere", "number": "7", boolKind: "true", "duration": "1m30s", "size": "1234", "number from 0 to 1": "0.25",
		listKind: "a.example,b.example", "URL": "https://sheaf.example.org", "host:port": "127.0.0.1:8000",
		"debug, info, warn, error": "debug", "text, json": "json",
	}
	for _, s := range settings() {
		changed := Default()
		sample, ok := samples[s.value(&changed).kind]
		if !ok {
			t.Fatalf("%s: no sample of the kind %q", s.key, s.value(&changed).kind)
		}
		if s.key == "storage.default_backend" {
			sample = "fs"
		}
		if err := s.value(&changed).set(sample); err != nil {
			t.Fatalf("%s: the sample %q is refused: %v", s.key, sample, err)
		}
		check := func(how string, got Config, err error) {
			t.Helper()
			if err != nil {
				t.Errorf("%s by %s: %v", s.key, how, err)
			} else if !reflect.DeepEqual(got, changed) {
				t.Errorf("%s by %s: %+v, want %+v", s.key, how, got, changed)
			}
		}
		section, name, _ := strings.Cut(s.key, ".")
		got, err := load(t, section+":\n  "+name+": "+sample+"\n", nil)
		check("sheaf.yaml", got, err)
		for _, variable := range s.envNames() {
			got, err := load(t, "", []string{variable + "=" + sample})
			check(variable, got, err)
		}
		for _, flag := range s.flagNames() {
			got, err := load(t, "", nil, "--"+flag+"="+sample)
			check("--"+flag, got, err)
		}
	}
}

func TestLaterSourcesOverride(t *testing.T) {
	const yaml = "server: {port: 1}\n"
	seed, own := "DOCUMENT_SERVER_PORT=2", "SHEAF_SERVER_PORT=3"
	tests := []struct {
		name    string
		environ []string
		args    []string
		want    int
	}{
		{"file", nil, nil, 1},
		{"seed's variable over file", []string{seed}, nil, 2},
		{"own variable over seed's", []string{own, seed}, nil, 3},
		{"flag over all", []string{own, seed}, []string{"--port", "4"}, 4},
		{"empty variable is absent", []string{"SHEAF_SERVER_PORT="}, nil, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := load(t, yaml, test.environ, test.args...)
			if err != nil {
				t.Fatal(err)
			}
			if got.Server.Port != test.want {
				t.Errorf("port %d, want %d", got.Server.Port, test.want)
			}
		})
	}
}

func TestBadValueIsReportedThoughOverridden(t *testing.T) {
	_, err := load(t, "server: {allow_open: maybe}\n", nil, "--allow-open")
	if err == nil || !strings.Contains(err.Error(), "server.allow_open (sheaf.yaml line 1)") {
		t.Errorf("a bad value that a flag overrides: %v, want it reported", err)
	}
}

func TestWholeFile(t *testing.T) {
	got, err := load(t, `
# what a small team might write
server:
  allowed_hosts: [sheaf.example.org, files.example.org]
  public_url: https://sheaf.example.org/
  upload_idle_timeout: 2m
storage:
  dir: /srv/sheaf
  backends:
    disk: {kind: fs, dir: blobs}
    big:
      kind: fs
      dir: /mnt/big
  default_backend: big
limits:
  content: 5GiB
  tags:
log:
  level: warn
`, []string{"SHEAF_LOG_FORMAT=json"}, "--allow-open", "--server-allowed-hosts=a.example", "--server-allowed-hosts=b.example")
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Server.AllowOpen = true
	want.Server.AllowedHosts = []string{"a.example", "b.example"}
	want.Server.PublicURL = "https://sheaf.example.org"
	want.Server.UploadIdleTimeout = 2 * time.Minute
	want.Storage.Dir = "/srv/sheaf"
	want.Storage.Backends = map[string]Backend{"disk": {Kind: BackendFS, Dir: "blobs"}, "big": {Kind: BackendFS, Dir: "/mnt/big"}}
	want.Storage.DefaultBackend = "big"
	want.Limits.Content = 5 << 30
	want.Log = Log{Level: slog.LevelWarn, Format: LogJSON}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
	for name, dir := range map[string]string{"disk": "/srv/sheaf/blobs", "big": "/mnt/big"} {
		if d := got.Storage.BackendDir(got.Storage.Backends[name]); d != filepath.FromSlash(dir) {
			t.Errorf("directory of the backend %s: %s, want %s", name, d, dir)
		}
	}
}

func TestTheOnlyBackendIsTheDefault(t *testing.T) {
	got, err := load(t, "storage: {backends: {main: {kind: mem}}}\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Storage.DefaultBackend != "main" {
		t.Errorf("default backend %q, want main", got.Storage.DefaultBackend)
	}
}

func TestAllThatIsWrongIsReportedByItsName(t *testing.T) {
	_, err := load(t, `
server:
  prot: 8080
  host: [a, b]
  port: 70000
  port: 8080
limit: {content: 1}
log: verbose
storage:
  default_backend: r2
  backends:
    Main: {kind: fs, dir: blobs}
    tape: {kind: tape}
    disk: {kind: fs, path: /srv}
`, []string{"DOCUMENT_MAX_SIZE=big", "SHEAF_CATALOG_BATCH_DELAY=-1s", "SHEAF_SERVER_PUBLIC_URL=sheaf.example.org"}, "--port=http", "--log-level=loud")
	var e *sheaf.Error
	if !errors.As(err, &e) || e.Kind != sheaf.ErrInvalid {
		t.Fatalf("Load: %v, want an invalid", err)
	}
	got := make(map[string]string)
	for _, f := range e.Fields {
		got[f.Field] += f.Message
	}
	want := map[string]string{
		"server.prot (sheaf.yaml line 3)":                 "did you mean server.port?",
		"server.host (sheaf.yaml line 4)":                 "is not a single value",
		"server.port (sheaf.yaml line 5)":                 `"70000" is not a number from 0 to 65535`,
		"server.port (sheaf.yaml line 6)":                 "is given twice",
		"limit (sheaf.yaml line 7)":                       "did you mean limits?",
		"log (sheaf.yaml line 8)":                         "is not a mapping",
		"storage.default_backend (sheaf.yaml line 10)":    `"r2" is not one of the backends: disk, tape`,
		"storage.backends.Main (sheaf.yaml line 12)":      "is not a name",
		"storage.backends.tape.kind (sheaf.yaml line 13)": `"tape" is not one of fs, mem`,
		"storage.backends.disk.path (sheaf.yaml line 14)": "is not a setting of a backend",
		"storage.backends.disk (sheaf.yaml line 14)":      "has no dir",
		"DOCUMENT_MAX_SIZE":                               `"big" is not a size`,
		"SHEAF_CATALOG_BATCH_DELAY":                       `"-1s" is not a duration longer than nothing`,
		"SHEAF_SERVER_PUBLIC_URL":                         "is not a URL",
		"--port":                                          `"http" is not a number`,
		"--log-level":                                     `"loud" is not one of debug, info, warn, error`,
	}
	for name, message := range want {
		if !strings.Contains(got[name], message) {
			t.Errorf("%s: %q, want %q in it", name, got[name], message)
		}
	}
	for name, message := range got {
		if _, ok := want[name]; !ok && name != "storage.backends.tape (sheaf.yaml line 13)" {
			t.Errorf("unexpected: %s: %s", name, message)
		}
	}
}

// The names to choose from are told, unless there are none.
func TestNoBackends(t *testing.T) {
	_, err := load(t, "storage: {backends: {Main: {kind: mem}}}\n", nil)
	if err == nil || !strings.Contains(err.Error(), `there is no backend "fs": storage.backends names none`) {
		t.Errorf("with no backend but one that is refused: %v", err)
	}
}

func TestFileIsFound(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other.yaml")
	if err := os.WriteFile(other, []byte("server: {port: 2}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const here = "server: {port: 1}\n"
	if c, err := load(t, here, nil); err != nil || c.Server.Port != 1 {
		t.Errorf("with sheaf.yaml here: port %d, %v, want 1", c.Server.Port, err)
	}
	if c, err := load(t, here, []string{"SHEAF_CONFIG=" + other}); err != nil || c.Server.Port != 2 {
		t.Errorf("with SHEAF_CONFIG: port %d, %v, want 2", c.Server.Port, err)
	}
	if c, err := load(t, here, []string{"SHEAF_CONFIG=nowhere"}, "--config", other); err != nil || c.Server.Port != 2 {
		t.Errorf("with --config: port %d, %v, want 2", c.Server.Port, err)
	}
	if _, err := load(t, here, []string{"SHEAF_CONFIG=nowhere.yaml"}); sheaf.KindOf(err) != sheaf.ErrInvalid {
		t.Errorf("with a file that is not there: %v, want an invalid", err)
	}
	if _, err := load(t, "server: [", nil); sheaf.KindOf(err) != sheaf.ErrInvalid {
		t.Errorf("with a file that is not YAML: %v, want an invalid", err)
	}
}

func TestSize(t *testing.T) {
	good := map[string]int64{
		"0": 0, "1073741824": 1 << 30, "1GiB": 1 << 30, " 64 kib ": 64 << 10, "500MB": 500e6, "2TB": 2e12, "12B": 12,
	}
	for text, want := range good {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q): %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "GiB", "-1", "1.5GiB", "1e9", "10PiB", "9999999TiB", "0x10"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q): %d, want an error", text, got)
		}
	}
	for n, want := range map[int64]string{0: "0", 1000: "1000", 1 << 20: "1MiB", 3 << 29: "1536MiB"} {
		if got := FormatSize(n); got != want {
			t.Errorf("FormatSize(%d): %q, want %q", n, got, want)
		}
	}
}

func FuzzFile(f *testing.F) {
	f.Add([]byte("server: {port: 1}\nstorage: {backends: {a: {kind: mem}}}\n"))
	f.Add([]byte("a: &a {b: *a}\nserver: *a\n"))
	f.Add([]byte("- 1\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		l := loader{config: Default(), settings: settings(), origins: make(map[string]string)}
		if err := l.parse("sheaf.yaml", content); err != nil && sheaf.KindOf(err) != sheaf.ErrInvalid {
			t.Errorf("parse(%q): %v, want an invalid", content, err)
		}
	})
}
