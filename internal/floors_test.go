// Package internal holds no code, only the test of what may import what.
package internal

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/sheaf-dev/sheaf"

// floors are the floors of ARCHITECTURE.md. A package imports from lower floors
// only, so that it can be read, tested and changed without knowing what is above.
// A new package finds its place here first.
var floors = map[string]int{
	"": 0, // package sheaf

	"client":              1,
	"internal/blob":       1,
	"internal/bundle":     1,
	"internal/config":     1,
	"internal/durable":    1,
	"internal/grep":       1,
	"internal/lineartest": 1,
	"internal/markup":     1,

	"internal/agentconfig":  2,
	"internal/blob/fsblob":  2,
	"internal/blob/memblob": 2,
	"internal/blob/s3blob":  2,
	"internal/catalog":      2,
	"internal/auditfile":    2,
	"internal/booktree":     2,

	"internal/jobs":                   3,
	"internal/blob/blobtest":          3,
	"internal/blob/s3test":            3,
	"internal/blob/resilient":         2,
	"internal/blob/supablob":          2,
	"internal/blob/supablob/supatest": 3,

	"internal/library":          4,
	"internal/sheaftest/faults": 4, // bad days of backends, for tests

	"internal/mcp":  5,
	"internal/rest": 5,

	"internal/app": 6,

	"internal/cli":       7,
	"internal/sheaftest": 7,

	"bench":     8,
	"cmd/sheaf": 8,
}

// testsOnly are the packages without code of their own: theirs may import all.
var testsOnly = map[string]bool{"internal": true, "e2e": true}

type listedPackage struct {
	ImportPath string
	Imports    []string // without those of its tests
}

func TestImportsGoDownwards(t *testing.T) {
	seen := make(map[string]bool)
	for _, p := range listPackages(t) {
		name := local(p.ImportPath)
		seen[name] = true
		if testsOnly[name] {
			if len(p.Imports) > 0 {
				t.Errorf("%s has code: give it a floor", p.ImportPath)
			}
			continue
		}
		floor, ok := floors[name]
		if !ok {
			t.Errorf("%s has no floor: decide where it belongs and add it to the table", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			if imported != module && !strings.HasPrefix(imported, module+"/") {
				if floor == 0 && strings.Contains(strings.Split(imported, "/")[0], ".") {
					t.Errorf("package sheaf imports %s: it imports the standard library only", imported)
				}
				continue
			}
			below, ok := floors[local(imported)]
			switch {
			case !ok:
				t.Errorf("%s imports %s, which has no floor", name, local(imported))
			case below >= floor:
				t.Errorf("%s on floor %d imports %s on floor %d: imports go downwards", name, floor, local(imported), below)
			case floor == 5 && strings.HasPrefix(local(imported), "internal/blob"), floor == 5 && local(imported) == "internal/catalog":
				t.Errorf("%s imports %s: a transport calls the library, which has the rules", name, local(imported))
			}
		}
	}
	for name := range floors {
		if !seen[name] {
			t.Errorf("%s/%s has a floor and does not exist", module, name)
		}
	}
}

// local returns the import path of a package within the module.
func local(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
}

// listPackages returns the packages of the module.
func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	list := exec.Command("go", "list", "-json=ImportPath,Imports", module+"/...")
	out, err := list.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v: %s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var packages []listedPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages = append(packages, p)
	}
}
