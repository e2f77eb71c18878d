package bundle_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
)

func TestRegistryIsReadAsItWasWritten(t *testing.T) {
	books := []sheaf.Book{
		{ID: "ai-native", Limits: sheaf.CollectionLimits{Documents: 1000, Bytes: 1 << 40, Content: 5},
			Retention: sheaf.Retention{TrashDays: 30, HistoryDays: 90, HistoryVersions: 3},
			Title:     "AI: native \"x\"\n", Status: sheaf.StatusArchived, Policy: sheaf.PolicyUpsert, Backend: "fs",
			CreatedAt:    time.UnixMilli(1_700_000_000_123).UTC(),
			BookSettings: sheaf.BookSettings{Author: "Ädä", Version: "1.10", Layout: sheaf.LayoutPatterns, Patterns: []string{"a/**"}, PublicAssets: true}},
		{ID: "second", Title: "yes"},
	}
	text, err := bundle.RegistryYAML(books)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := bundle.ReadRegistry(strings.NewReader(string(text)))
	if err != nil || len(entries) != 2 || !reflect.DeepEqual(entries[0], bundle.EntryOf(books[0])) || entries[1].Title != "yes" {
		t.Errorf("read %+v, %v, of\n%s", entries, err, text)
	}
	one, err := bundle.BookYAML(books[0])
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := bundle.ReadRegistry(strings.NewReader(string(one))); err != nil || len(entries) != 1 || entries[0].ID != "ai-native" {
		t.Errorf("read %+v, %v, of\n%s", entries, err, one)
	}
}

func TestRegistryThatIsNone(t *testing.T) {
	for name, text := range map[string]string{
		"no YAML":        "books: [",
		"an unknown key": "books:\n- book_id: abc\n  colour: red\n",
		"no id":          "books:\n- title: abc\n",
		"a book twice":   "books:\n- book_id: abc\n- book_id: abc\n",
		"nothing":        "",
		"a list":         "- a\n- b\n",
		"an alias bomb":  "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nbooks: [*b,*b]\n",
	} {
		if _, err := bundle.ReadRegistry(strings.NewReader(text)); sheaf.KindOf(err) != sheaf.ErrInvalid {
			t.Errorf("%s: %v, want %s", name, err, sheaf.ErrInvalid)
		}
	}
}
