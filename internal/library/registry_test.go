package library_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// The views follow the catalog, whoever changes what in them.
func TestRegistryViews(t *testing.T) {
	s := open(t)
	dir := s.setup.dir
	if _, err := s.CreateBook(t.Context(), library.NewBook{ID: "ai-native", Title: "AI native"}); err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(dir, "books", "gone")
	if err := os.MkdirAll(stale, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(stale, "book.yaml"), filepath.Join(dir, "registry.yaml")} {
		if err := os.WriteFile(name, []byte("edited: by hand"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.runBackground()
	view := func(name, text string) {
		t.Helper()
		eventually(t, name+" says "+text, func() bool {
			content, err := os.ReadFile(filepath.Join(dir, name))
			return err == nil && strings.Contains(string(content), text)
		})
	}
	view("registry.yaml", "title: AI native")
	view("books/ai-native/book.yaml", "title: AI native")
	archived := sheaf.StatusArchived
	if _, err := s.ChangeCollection(t.Context(), "ai-native", library.CollectionChange{Status: &archived}); err != nil {
		t.Fatal(err)
	}
	view("registry.yaml", "status: archived")
	view("books/ai-native/book.yaml", "status: archived")
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Errorf("the view of a book that is not there: %v", err)
	}
	file, err := os.Open(filepath.Join(dir, "registry.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if entries, err := bundle.ReadRegistry(file); err != nil || len(entries) != 1 || entries[0].Status != "archived" {
		t.Errorf("the registry is read as %+v, %v", entries, err)
	}
}
