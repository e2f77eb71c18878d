package mcp

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

// The tables of tools in docs/mcp.md are made from the registry.
func TestDocumentedTools(t *testing.T) {
	const file, begin, end = "../../docs/mcp.md", "go test ./internal/mcp -update -->\n", "<!-- end -->"
	var tables strings.Builder
	for _, toolset := range knownToolsets {
		var rows strings.Builder
		for _, tool := range tools(sheaf.DefaultLimits()) {
			if tool.toolset != toolset {
				continue
			}
			var arguments []string
			for _, f := range tool.fields {
				name := "`" + f.name + "`"
				if f.required {
					name = "**" + name + "**"
				}
				arguments = append(arguments, name)
			}
			changes := "yes"
			if tool.readOnly {
				changes = ""
			}
			fmt.Fprintf(&rows, "| `%s` | %s | %s | %s |\n", tool.name, tool.description, strings.Join(arguments, ", "), changes)
		}
		if rows.Len() > 0 {
			fmt.Fprintf(&tables, "\nThe toolset `%s`:\n\n| tool | | arguments (**required**) | changes something |\n|---|---|---|---|\n%s", toolset, &rows)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, hasBegin := strings.Cut(string(text), begin)
	_, after, hasEnd := strings.Cut(rest, end)
	if !hasBegin || !hasEnd {
		t.Fatalf("%s has no place for the tools", file)
	}
	want := before + begin + tables.String() + "\n" + end + after
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(text) != want {
		t.Errorf("the tools in %s are not those of the registry; go test ./internal/mcp -update", file)
	}
}
