package e2e

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

const plugin = "../plugins/sheaf"

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader([]byte(readFile(t, path))))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

var exactVersion = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+$`)

// The plugin is as the reference of Claude Code's plugins says: the manifest in
// .claude-plugin, everything else beside it, and the name in small letters and
// hyphens.
func TestPlugin(t *testing.T) {
	var manifest struct {
		Name, Version, Description, Homepage, Repository, License string
		Author                                                    struct{ Name, URL string }
		Keywords                                                  []string
	}
	readJSON(t, filepath.Join(plugin, ".claude-plugin", "plugin.json"), &manifest)
	if manifest.Name != filepath.Base(plugin) || !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(manifest.Name) ||
		!exactVersion.MatchString(manifest.Version) || manifest.Description == "" || manifest.Author.Name == "" || manifest.License != "Apache-2.0" {
		t.Errorf("plugin.json says %+v", manifest)
	}
	files, err := os.ReadDir(filepath.Join(plugin, ".claude-plugin"))
	if err != nil || len(files) != 1 {
		t.Errorf(".claude-plugin holds %v, %v; only the manifest may be there", files, err)
	}
	var servers struct {
		Servers map[string]struct {
			Command string
			Args    []string
		} `json:"mcpServers"`
	}
	readJSON(t, filepath.Join(plugin, ".mcp.json"), &servers)
	if server := servers.Servers["sheaf"]; len(servers.Servers) != 1 || server.Command != "sheaf" || !reflect.DeepEqual(server.Args, []string{"mcp"}) {
		t.Errorf(".mcp.json says %+v", servers)
	}
}

// A plugin is copied to where it is installed, without what it links to: the
// skill in it is a copy, which has to be that of skills/.
func TestPluginHasTheSkill(t *testing.T) {
	if copied, original := tree(t, filepath.Join(plugin, "skills", "document-sync")), tree(t, skill); !reflect.DeepEqual(copied, original) {
		t.Errorf("the skill in the plugin is not that of %s: cp -r skills/document-sync plugins/sheaf/skills/", skill)
	}
}

// tree returns the contents of all files in a directory, with their modes.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files[path] = info.Mode().String() + readFile(t, filepath.Join(dir, path))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// What the MCP registry wants of a server.json, from its schema of 2025-12-11
// and its rules for publishing.
func TestRegistryEntry(t *testing.T) {
	var entry struct {
		Schema                                        string `json:"$schema"`
		Name, Title, Description, Version, WebsiteURL string
		Repository                                    struct{ URL, Source string }
	}
	readJSON(t, "../server.json", &entry)
	if entry.Schema != "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json" {
		t.Errorf("the schema is %s", entry.Schema)
	}
	if len(entry.Name) > 200 || !regexp.MustCompile(`^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$`).MatchString(entry.Name) || !strings.HasPrefix(entry.Name, "io.github.sheaf-dev/") {
		t.Errorf("the name is %s", entry.Name)
	}
	for what, text := range map[string]string{"title": entry.Title, "description": entry.Description} {
		if len(text) == 0 || len(text) > 100 {
			t.Errorf("the %s has %d characters, want 1 to 100", what, len(text))
		}
	}
	if !exactVersion.MatchString(entry.Version) || entry.Repository.URL == "" || entry.Repository.Source != "github" || !strings.HasPrefix(entry.WebsiteURL, "https://") {
		t.Errorf("server.json says %+v", entry)
	}
}
