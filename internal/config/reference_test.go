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
    media:                          # a bucket of AWS, MinIO, Supabase and others that speak S3
      kind: s3
      region: eu-central-1
      bucket: sheaf-media
      access_key: AKIAEXAMPLE       # and the secret key by SHEAF_STORAGE_BACKENDS_MEDIA_SECRET_KEY
    team: {kind: supabase, url: "https://abc.supabase.co", bucket: books} # and the service key by its variable
  default_backend: fs        # need not be said when there is one backend only
` + "```" + `

Without ` + "`storage.backends`" + ` there is one, ` + "`fs`" + `, as above.

A backend with ` + "`encrypt: true`" + ` seals what is stored there from then on. The master keys come from the variable
` + "`SHEAF_MASTER_KEY`" + `, which has no flag and no key in the file, or from the file that ` + "`storage.master_key_file`" + ` names:
each as 64 hexadecimal digits or as base64 of 32 bytes, separated by commas or white space, the current one first. See
[encryption](encryption.md).
`

func reference() string {
	var b strings.Builder
	b.WriteString(introduction)
	b.WriteString(backendsReference())
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

const backendsIntroduction = `
## Backends

An entry of ` + "`storage.backends`" + ` has a kind, which is one of %s, and what its kind needs:

| key | kind | needed | meaning | value |
|---|---|---|---|---|
`

const backendsVariables = `
Each of them can also come from a variable, which keeps secrets out of the file: that of the key ` + "`secret_key`" + ` of a
backend ` + "`media`" + ` is ` + "`SHEAF_STORAGE_BACKENDS_MEDIA_SECRET_KEY`" + `. There are no flags, because others on the machine can read
those. Secrets are never printed.

Some backends are there as soon as their variables are, without an entry in the file, which they replace. All
variables of one are needed. What they do not say, such as the prefix in the bucket, ` + "`SHEAF_STORAGE_BACKENDS_R2_PREFIX`" + ` and
its like do. A backend that an entry has encrypted stays encrypted when they replace that. To store new collections there,
name it as ` + "`storage.default_backend`" + `.

| backend | kind | variables |
|---|---|---|
`

// backendsReference describes the one key that holds a map.
func backendsReference() string {
	var b strings.Builder
	fmt.Fprintf(&b, backendsIntroduction, code(backendKinds...))
	for _, field := range backendFields() {
		needed := "yes"
		if field.optional {
			needed = "no"
		}
		kinds := code(field.kinds...)
		if field.kinds == nil {
			kinds = "all"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", code(field.key), kinds, needed, field.help, field.value(&Backend{}).kind)
	}
	b.WriteString(backendsVariables)
	for _, defined := range backendsOfVariables {
		var variables []string
		for _, variable := range defined.variables {
			variables = append(variables, variable.name)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", code(defined.name), code(defined.kind), code(variables...))
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
