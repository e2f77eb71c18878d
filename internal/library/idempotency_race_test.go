package library_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// Requests with one key that arrive at the same moment make one document, or one
// of each file of a batch, whichever comes first; another content is refused. The
// files of a batch that is not all or nothing are won one by one.
func TestOneKeyAtOnce(t *testing.T) {
	const callers = 12
	for what, create := range map[string]func(s *store, content string) []keyedOutcome{
		"single": func(s *store, content string) []keyedOutcome {
			doc, err := s.As(sheaf.Local("agent")).CreateDocument(s.t.Context(),
				library.NewDocument{Content: s.receive(content), Filename: "a.txt", IdempotencyKey: "key"})
			return []keyedOutcome{{content, []sheaf.DocumentID{doc.ID}, err}}
		},
		"each of a batch": func(s *store, content string) (each []keyedOutcome) {
			made, err := createBatchWithKey(s, content, false)
			if err != nil {
				s.t.Errorf("a batch of which each is on its own: %v", err)
			}
			for _, m := range made {
				each = append(each, keyedOutcome{content, []sheaf.DocumentID{m.Document.ID}, m.Err})
			}
			return each
		},
		"all of a batch": func(s *store, content string) []keyedOutcome {
			made, err := createBatchWithKey(s, content, true)
			all := keyedOutcome{content: content, err: err}
			for _, m := range made {
				all.ids = append(all.ids, m.Document.ID)
			}
			return []keyedOutcome{all}
		},
	} {
		s := open(t)
		outcomes := make([][]keyedOutcome, callers)
		var calling sync.WaitGroup
		for i := range callers {
			calling.Go(func() { outcomes[i] = create(s, []string{"one", "other"}[i%2]) })
		}
		calling.Wait()
		made := 0
		for part := range outcomes[0] {
			var same []keyedOutcome
			for _, parts := range outcomes {
				same = append(same, parts[part])
			}
			made += wantOneWinner(t, what, same)
		}
		if all, err := s.Documents(t.Context(), library.DocumentQuery{Limit: 100}); err != nil || len(all.Documents) != made {
			t.Errorf("%s: %d documents, %v, want %d", what, len(all.Documents), err, made)
		}
	}
}

// A keyedOutcome is what became of what was asked for with a key, whole or not
// at all.
type keyedOutcome struct {
	content string
	ids     []sheaf.DocumentID
	err     error
}

// wantOneWinner checks that one content was stored once, and answered to all who
// asked for it, and that the others were refused. It returns how many documents
// were made.
func wantOneWinner(t *testing.T, what string, outcomes []keyedOutcome) int {
	t.Helper()
	var won *keyedOutcome
	for i := range outcomes {
		switch o := &outcomes[i]; {
		case o.err != nil:
			wantKind(t, what+": another content with the key", o.err, sheaf.ErrInvalid)
		case won == nil:
			won = o
		case o.content != won.content || fmt.Sprint(o.ids) != fmt.Sprint(won.ids):
			t.Errorf("%s: one key made %v of %q and %v of %q", what, won.ids, won.content, o.ids, o.content)
		}
	}
	if won == nil {
		t.Errorf("%s: nobody has made a document", what)
		return 0
	}
	for _, o := range outcomes {
		if o.content == won.content && o.err != nil {
			t.Errorf("%s: the same request with the same key: %v", what, o.err)
		}
	}
	return len(won.ids)
}

// createBatchWithKey makes two documents of a content.
func createBatchWithKey(s *store, content string, atomic bool) ([]library.CreatedDocument, error) {
	file := func(name string) library.NewFile {
		return library.NewFile{NewDocument: library.NewDocument{Content: s.receive(content + name), Filename: name}}
	}
	return s.As(sheaf.Local("agent")).CreateDocuments(s.t.Context(), library.NewDocuments{
		Files: []library.NewFile{file("a.txt"), file("b.txt")}, Atomic: atomic, IdempotencyKey: "key",
	})
}
