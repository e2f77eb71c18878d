package config

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

// The reference is made from the table of settings, so that it cannot lie.
func TestReference(t *testing.T) {
	const path = "../../docs/configuration.md"
	want := reference()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the settings say; run: go test ./internal/config -update", path)
	}
}

const introduction = `# Configuration

<!-- generated from internal/config/settings.go by: go test ./internal/config -update -->

` + "`sheaf serve`" + ` works with nothing configured. A value comes from the last of these that has it:

1. the default,
2. the file ` + "`sheaf.yaml`" + ` in the working directory, or the one that ` + "`--config` or `SHEAF_CONFIG`" + ` names,
3. an environment variable,
4. a flag.

In the file a key such as ` + "`server.port`" + ` is the entry ` + "`port`" + ` of the section ` + "`server`" + `. Sizes are bytes, or have a
unit (` + "`64KiB`, `1GiB`, `500MB`" + `); durations look like ` + "`30s` or `1m30s`" + `; a list in a variable or a flag is
separated by commas. An unknown key in the file is an error, and so is a bad value anywhere; all of them are reported at once.

` + "```yaml" + `
server:
  port: 8080
storage:
  dir: /srv/sheaf
  backends:                  # where contents live, by the name that answers show as storage_backend
    fs: {kind: fs, dir: blobs}      # files; a relative dir is below storage.dir
    fast: {kind: mem}               # memory, for tests: gone when the process ends
    team: {kind: supabase, url: "https://abc.supabase.co", bucket: books} # and service_key, or its variable
  default_backend: fs        # need not be said when there is one backend only
` + "```" + `

Without ` + "`storage.backends`" + ` there is one, ` + "`fs`" + `, as above. It is the one key without a variable and a flag.

The variables ` + "`SUPABASE_URL`, `SUPABASE_SERVICE_KEY` and `SUPABASE_BUCKET`" + ` together define a backend ` + "`supabase`" + `,
a bucket of Supabase Storage, beside those that there are. They also stand in for what the file does not say of a backend
of that kind, such as the key, which is better kept out of files.
`

func reference() string {
	var b strings.Builder
	b.WriteString(introduction)
	defaults := Default()
	section := ""
	for _, s := range settings() {
		if name, _, _ := strings.Cut(s.key, "."); name != section {
			section = name
			fmt.Fprintf(&b, "\n## %s\n\n| key | default | meaning | value | variables | flags |\n|---|---|---|---|---|---|\n", section)
		}
		v := s.value(&defaults)
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n",
			s.key, code(v.show()), s.help, v.kind, code(s.envNames()...), code(dashed(s.flagNames())...))
	}
	return b.String()
}

func dashed(flags []string) []string {
	for i := range flags {
		flags[i] = "--" + flags[i]
	}
	return flags
}

// code writes each text that is not empty as code.
func code(texts ...string) string {
	var parts []string
	for _, text := range texts {
		if text != "" {
			parts = append(parts, "`"+text+"`")
		}
	}
	return strings.Join(parts, " ")
}
