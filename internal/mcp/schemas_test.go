package mcp

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

var update = flag.Bool("update", false, "write testdata/tools anew")

// mostTokens is what the tools that are offered by default may cost a model, at
// four bytes a token: every conversation begins with them.
const mostTokens = 6000

// What agents see of each tool is kept in testdata/tools: a change there changes
// what models do.
func TestToolSchemas(t *testing.T) {
	dir := filepath.Join("testdata", "tools")
	bytesByDefault := 0
	known := make(map[string]bool)
	for _, tool := range tools(sheaf.DefaultLimits()) {
		known[tool.name+".json"] = true
		listed, err := json.MarshalIndent(tool.sdkTool(), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, '\n')
		file := filepath.Join(dir, tool.name+".json")
		if *update {
			if err := os.WriteFile(file, listed, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		kept, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(kept, listed) {
			t.Errorf("%s is not as in %s (%v); if it is meant to change: go test ./internal/mcp -update", tool.name, file, err)
		}
		if tool.toolset == ToolsetBooks || tool.toolset == ToolsetDocuments {
			bytesByDefault += len(tool.name) + len(tool.description) + len(tool.input)
		}
		for _, schema := range [][]byte{tool.input, tool.output} {
			for _, bad := range []string{`"null"`, `"oneOf"`, `"anyOf"`, `"allOf"`, `"$ref"`} {
				if bytes.Contains(schema, []byte(bad)) {
					t.Errorf("%s has %s in its schema %s", tool.name, bad, schema)
				}
			}
		}
		if first, _, _ := strings.Cut(tool.description, ". "); len(first) < 20 {
			t.Errorf("%s: the first sentence %q does not stand alone", tool.name, first)
		}
	}
	if tokens := bytesByDefault / 4; tokens > mostTokens {
		t.Errorf("the default tools cost %d tokens, the budget is %d", tokens, mostTokens)
	} else {
		t.Logf("the default tools cost %d of %d tokens", tokens, mostTokens)
	}
	if len(instructions) > 2000 {
		t.Errorf("the instructions have %d characters, the limit is 2000", len(instructions))
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !known[file.Name()] {
			t.Errorf("%s is of a tool that there is not", file.Name())
		}
	}
}
