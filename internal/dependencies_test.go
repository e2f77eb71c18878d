package internal

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Every module that go.mod requires directly has to have a reason.
func TestDependenciesHaveReasons(t *testing.T) {
	page, err := os.ReadFile("../design/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "mod", "edit", "-json").Output()
	if err != nil {
		t.Fatalf("go mod edit -json: %v", err)
	}
	var file struct {
		Require []struct {
			Path, Version string
			Indirect      bool
		}
	}
	if err := json.Unmarshal(out, &file); err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]bool)
	for _, required := range file.Require {
		row := fmt.Sprintf("| `%s` | %s | ", required.Path, required.Version)
		listed[required.Path] = strings.Contains(string(page), row)
		if !required.Indirect && !listed[required.Path] {
			t.Errorf("design/dependencies.md has no row that begins %q", row)
		}
	}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.HasPrefix(cells[1], " `") || strings.Contains(cells[1], "/cmd/") {
			continue // no row of the first table
		}
		if path := strings.Trim(cells[1], " `"); !listed[path] {
			t.Errorf("design/dependencies.md lists %s %s, which go.mod does not require", path, strings.TrimSpace(cells[2]))
		}
	}
}
