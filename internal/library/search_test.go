package library_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

func TestSearch(t *testing.T) {
	s := open(t)
	push := func(name, content, description string, tags ...string) sheaf.DocumentID {
		t.Helper()
		doc, err := s.CreateDocument(t.Context(), library.NewDocument{
			Content: s.receive(content), Filename: "f.txt", Name: name, Description: description, Tags: tags,
		})
		if err != nil {
			t.Fatal(err)
		}
		return doc.ID
	}
	inText := push("one", "alpha\nBETA gamma alpha\n", "")
	inName := push("Beta Report", "nothing", "", "alpha")
	long := push("long", strings.Repeat("x", 64<<10-3)+"straße and alpha\nend", "")
	push("binary", "alpha\x00beta", "")
	deleted := push("beta", "alpha", "")
	if _, err := s.DeleteDocument(t.Context(), deleted); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]sheaf.DocumentID{
		"Alpha  beta": {inName, inText},
		"alpha":       {inName, long, inText},
		"STRASSE":     {},
		"Straße":      {long},
		"report":      {inName},
		"gammaalpha":  {},
	} {
		found, err := s.Search(t.Context(), library.SearchQuery{Text: text, Limit: 10})
		if err != nil || found.Scanned != 4 || found.Truncated || found.Found != len(want) || found.Hits == nil {
			t.Errorf("searching %q: %+v, %v", text, found, err)
		}
		var got []sheaf.DocumentID
		for _, hit := range found.Hits {
			got = append(got, hit.Document.ID)
			if hit.Document.ID == inText && text == "Alpha  beta" && (hit.Line != 2 || hit.Excerpt != "BETA gamma alpha") {
				t.Errorf("searching %q: line %d, %q", text, hit.Line, hit.Excerpt)
			}
		}
		if strings.Join(strs(got), " ") != strings.Join(strs(want), " ") {
			t.Errorf("searching %q finds %v, want %v", text, got, want)
		}
	}
	if found, err := s.Search(t.Context(), library.SearchQuery{Text: "alpha", Limit: 1}); err != nil || len(found.Hits) != 1 || found.Found != 3 {
		t.Errorf("one of several: %+v, %v", found, err)
	}

	// Its own time ends it with what there is, its caller's with an error.
	found, err := s.Search(t.Context(), library.SearchQuery{Text: "alpha", Limit: 1, Time: time.Nanosecond})
	if err != nil || !found.Truncated {
		t.Errorf("without time: %+v, %v", found, err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Search(cancelled, library.SearchQuery{Text: "alpha", Limit: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled search: %v", err)
	}
	for _, q := range []library.SearchQuery{
		{Text: "", Limit: 1}, {Text: " \n", Limit: 1}, {Text: "a", Limit: 0}, {Text: strings.Repeat("a", 1001), Limit: 1},
		{Text: strings.Repeat("ab c d e f g h i j k l m n o p q r s t u v w x y z 1 2 3 4 5 6 7 8 9 ", 1), Limit: 1},
	} {
		_, err := s.Search(t.Context(), q)
		wantKind(t, "Search of "+sheaf.Clip(q.Text), err, sheaf.ErrInvalid)
	}
}

func strs(ids []sheaf.DocumentID) (texts []string) {
	for _, id := range ids {
		texts = append(texts, string(id))
	}
	return texts
}
