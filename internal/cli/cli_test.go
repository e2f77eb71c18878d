package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf/client"
)

// ran is what a command has done.
type ran struct {
	code     int
	out, err string
}

// run runs a command line in the working directory, with in as its standard
// input and nothing of the environment that would lead it to a store.
func run(t *testing.T, in string, args ...string) ran {
	t.Helper()
	return runContext(t, t.Context(), in, args...)
}

func runContext(t *testing.T, ctx context.Context, in string, args ...string) ran {
	t.Helper()
	var out, err bytes.Buffer
	code := Main(ctx, args, Streams{In: strings.NewReader(in), Out: &out, Err: &err})
	return ran{code, out.String(), err.String()}
}

// want fails unless the command ended with code and wrote the texts.
func (r ran) want(t *testing.T, code int, out, err string) {
	t.Helper()
	if r.code != code || !strings.Contains(r.out, out) || !strings.Contains(r.err, err) {
		t.Errorf("exit code %d\nstdout: %s\nstderr: %s\nwant %d, %q, %q", r.code, r.out, r.err, code, out, err)
	}
}

// workIn makes a temporary directory the working directory, without a
// configuration from the environment.
func workIn(t *testing.T) string {
	t.Helper()
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "DOCUMENT_") || strings.HasPrefix(name, "SHEAF_") {
			t.Setenv(name, "")
		}
	}
	dir := t.TempDir()
	t.Chdir(dir)
	return dir
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// pushOne stores a file of the working directory in the store and returns its id.
func pushOne(t *testing.T, args ...string) string {
	t.Helper()
	r := run(t, "", append([]string{"sheaf", "push", "--json"}, args...)...)
	var doc struct {
		ID string `json:"document_id"`
	}
	if err := json.Unmarshal([]byte(r.out), &doc); err != nil || r.code != 0 {
		t.Fatalf("push %v: exit code %d, %q, %q", args, r.code, r.out, r.err)
	}
	return doc.ID
}

// listed returns the names of the documents in the store, newest first.
func listed(t *testing.T, args ...string) []string {
	t.Helper()
	r := run(t, "", append([]string{"sheaf", "query", "--json", "--all"}, args...)...)
	var documents []struct{ Name string }
	if err := json.Unmarshal([]byte(r.out), &documents); err != nil || r.code != 0 {
		t.Fatalf("query: exit code %d, %q, %q", r.code, r.out, r.err)
	}
	var names []string
	for _, doc := range documents {
		names = append(names, doc.Name)
	}
	return names
}

// ids returns what query finds in the store, one id a line.
func ids(t *testing.T, args ...string) string {
	t.Helper()
	r := run(t, "", append([]string{"sheaf", "query", "--json", "--all"}, args...)...)
	var documents []struct {
		ID string `json:"document_id"`
	}
	if err := json.Unmarshal([]byte(r.out), &documents); err != nil {
		t.Fatalf("query: %q, %q", r.out, r.err)
	}
	var lines strings.Builder
	for _, doc := range documents {
		lines.WriteString(doc.ID + "\n")
	}
	return lines.String()
}

func TestUsageErrors(t *testing.T) {
	workIn(t)
	for _, test := range []struct {
		args []string
		err  string
	}{
		{[]string{"sheaf", "pusj"}, "did you mean `sheaf push`"},
		{[]string{"sheaf", "admin", "fsk"}, "did you mean `sheaf admin fsck`?"},
		{[]string{"sheaf", "push"}, "push needs a file"},
		{[]string{"sheaf", "push", "--frobnicate"}, "unknown flag: --frobnicate"},
		{[]string{"sheaf", "push", "-"}, "give it a --name"},
		{[]string{"sheaf", "push", "-", "-", "--name", "x"}, "only once"},
		{[]string{"sheaf", "push", "a", "b", "--name", "x"}, "--name is for a single file"},
		{[]string{"sheaf", "push", ".", "--name", "x"}, "--name is for a single file"},
		{[]string{"sheaf", "push", "a", "--jobs", "0"}, "--jobs is at least 1"},
		{[]string{"sheaf", "push", "a", "--timeout", "soon"}, `not "soon"`},
		{[]string{"sheaf", "push", "a", "--url", "x", "--data-dir", "y"}, "name two stores"},
		{[]string{"sheaf", "push", "a", "--url", "localhost"}, `"localhost" is not`},
		{[]string{"sheaf", "pull"}, "pull needs a document id"},
		{[]string{"sheaf", "pull", "x", "doc_", "doc_0123456789ab"}, `"doc_" is not`},
		{[]string{"sheaf", "pull", "doc_0123456789ab", "doc_0123456789ac", "-o", "-"}, "standard output takes one document"},
		{[]string{"sheaf", "query", "word"}, "look for part of a name with --name"},
		{[]string{"sheaf", "query", "--format", "xml"}, "table or json"},
		{[]string{"sheaf", "query", "--limit", "-1"}, "at least 1"},
		{[]string{"sheaf", "query", "--limit", "many"}, "invalid argument"},
		{[]string{"sheaf", "admin", "gc", "--now", "--dry-run"}, "--dry-run or --now, not both"},
		{[]string{"sheaf", "ls", "notes"}, "name the collection with --collection"},
		{[]string{"sheaf", "ls", "--limit", "0"}, "--limit is at least 1"},
		{[]string{"sheaf", "ls", "--at", "0"}, "0\" is neither"},
		{[]string{"sheaf", "tree", "--at", "noon"}, "\"noon\" is neither"},
		{[]string{"sheaf", "cat", "doc_"}, `"doc_" is not`},
		{[]string{"sheaf", "cat", "doc_0123456789ab", "doc_0123456789ab"}, "cat has no use for"},
		{[]string{"sheaf", "cat", "doc_0123456789ab", "--lines", "0"}, `"0" is not`},
		{[]string{"sheaf", "cat", "doc_0123456789ab", "--version", "1", "--at", "1"}, "name two contents"},
		{[]string{"sheaf", "info"}, "info needs a document id"},
		{[]string{"sheaf", "edit", "doc_0123456789ab", "--file", "x", "--file-hash", "y"}, "64 hexadecimal digits"},
		{[]string{"sheaf", "mv", "doc_0123456789ab"}, "mv needs a new name"},
		{[]string{"sheaf", "tag", "doc_0123456789ab"}, "--add, --remove or --set"},
		{[]string{"sheaf", "tag", "doc_0123456789ab", "--set", "a", "--add", "b"}, "--set replaces all tags"},
		{[]string{"sheaf", "rm"}, "rm needs a document id"},
		{[]string{"sheaf", "restore", "doc_0123456789ab", "--version", "0"}, "numbers from 1"},
		{[]string{"sheaf", "restore", "doc_0123456789ab", "doc_0123456789ac", "--version", "1"}, "for a single document"},
		{[]string{"sheaf", "trash", "lis"}, "did you mean `sheaf trash list`?"},
		{[]string{"sheaf", "log", "a", "b"}, "log shows one document"},
		{[]string{"sheaf", "diff", "doc_0123456789ab", "--from", "-1"}, "versions are numbers from 1"},
		{[]string{"sheaf", "collections", "create"}, "create needs a collection's name"},
		{[]string{"sheaf", "collections", "change", "notes"}, "change needs something to change"},
		{[]string{"doc-push"}, "`doc-push --help`"},
		{[]string{`C:\bin\doc-query.exe`, "x"}, ""},
	} {
		r := run(t, "", test.args...)
		r.want(t, 2, "", test.err)
		if !strings.HasPrefix(r.err, "sheaf: ") || r.out != "" {
			t.Errorf("%v: stdout %q, stderr %q", test.args, r.out, r.err)
		}
	}
}

func TestNoStore(t *testing.T) {
	workIn(t)
	if answers(t.Context(), "tcp", strings.TrimPrefix(client.DefaultURL, "http://")) {
		t.Skip("a server runs at " + client.DefaultURL)
	}
	run(t, "", "sheaf", "query").want(t, 7, "", "hint: start a server with `sheaf serve`")
	run(t, "", "sheaf", "query", "--data-dir", "none").want(t, 4, "", "there is no data directory none")
	run(t, "", "sheaf", "query", "--url", "http://127.0.0.1:1").want(t, 7, "", "no server answers at http://127.0.0.1:1: connect: connection refused\nhint: start one with `sheaf serve`")
	if _, err := os.Stat("none"); err == nil {
		t.Error("looking for a store has made one")
	}
}

func TestInterruption(t *testing.T) {
	workIn(t)
	write(t, "a", "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	runContext(t, ctx, "", "sheaf", "push", "a", "--data-dir", "store").want(t, exitInterrupted, "", "sheaf: interrupted\n")
}

func TestVersion(t *testing.T) {
	run(t, "", "sheaf", "version").want(t, 0, " go1.", "")
	run(t, "", "sheaf", "version", "--json").want(t, 0, `"go_version": "go1.`, "")
}

func TestDoctor(t *testing.T) {
	workIn(t)
	r := run(t, "", "sheaf", "doctor", "--data-dir", "store")
	r.want(t, 0, "store will be made when it is needed", "")
	for _, line := range []string{"ok    configuration", "ok    durable writes", "ok    free space", "ok    clock", "ok    server           none; commands open store"} {
		if !strings.Contains(r.out, line) {
			t.Errorf("the doctor does not say %q:\n%s", line, r.out)
		}
	}
	if strings.Contains(r.out, "anonymous") { // files without a name, which the store does not use any more
		t.Errorf("the doctor speaks of what the store does not need:\n%s", r.out)
	}
	write(t, "file", "")
	run(t, "", "sheaf", "doctor", "--data-dir", "file").want(t, 1, "fail  data directory   file is not a directory", "")
	run(t, "", "sheaf", "doctor", "--data-dir", "store", "--url", "").want(t, 0, "", "")
	run(t, "", "sheaf", "doctor", "--url", "http://127.0.0.1:1", "--json").want(t, 1, `"status": "fail"`, "")
	t.Setenv("DOCUMENT_SERVER_PORT", "many")
	run(t, "", "sheaf", "doctor").want(t, 1, "fail  configuration", "")
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 1 {
		t.Errorf("the doctor has left %v, %v", entries, err)
	}
}
