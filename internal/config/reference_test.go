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
  default_backend: fs        # need not be said when there is one backend only
` + "```" + `

Without ` + "`storage.backends`" + ` there is one, ` + "`fs`" + `, as above. It is the one key without a variable and a flag.

A backend with ` + "`encrypt: true`" + ` seals what is stored there from then on. The master keys come from the variable
` + "`SHEAF_MASTER_KEY`" + `, which has no flag and no key in the file, or from the file that ` + "`storage.master_key_file`" + ` names:
each as 64 hexadecimal digits or as base64 of 32 bytes, separated by commas or white space, the current one first. See
[encryption](encryption.md).
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
