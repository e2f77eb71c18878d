package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestGeneratedClient generates a client from api/openapi.yaml with a program of
// others, and uses a server through it.
func TestGeneratedClient(t *testing.T) {
	skipWithoutSignals(t)
	t.Parallel()
	document, err := filepath.Abs("../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	module := filepath.Join(work, "openapi-client")
	if err := os.CopyFS(module, os.DirFS("../tools/openapi-client")); err != nil {
		t.Fatal(err)
	}
	generated := filepath.Join(module, "sheafapi")
	if err := os.MkdirAll(generated, 0o755); err != nil {
		t.Fatal(err)
	}
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = module
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, output)
		}
	}
	run("go", "tool", "oapi-codegen", "-generate", "types,client", "-package", "sheafapi",
		"-o", filepath.Join(generated, "sheafapi.go"), document)
	client := filepath.Join(work, "client")
	run("go", "build", "-o", client, ".")

	s := startServer(t, filepath.Join(work, "store"))
	run(client, s.url)
}
