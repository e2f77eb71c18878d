package library_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// Requests with one key that arrive at the same moment make one document, or one
// of each file of a batch, whichever comes first; another content is refused.
func TestOneKeyAtOnce(t *testing.T) {
	const callers = 12
	type outcome = keyedOutcome
	for what, create := range map[string]func(s *store, content string) outcome{
		"single": func(s *store, content string) outcome {
			doc, err := s.As(sheaf.Local("agent")).CreateDocument(s.t.Context(),
				library.NewDocument{Content: s.receive(content), Filename: "a.txt", IdempotencyKey: "key"})
			return outcome{content, []sheaf.DocumentID{doc.ID}, err}
		},
		"each of a batch": func(s *store, content string) outcome { return createBatchWithKey(s, content, false) },
		"all of a batch":  func(s *store, content string) outcome { return createBatchWithKey(s, content, true) },
	} {
		s := open(t)
		outcomes := make([]outcome, callers)
		var calling sync.WaitGroup
		for i := range callers {
			calling.Go(func() { outcomes[i] = create(s, []string{"one", "other"}[i%2]) })
		}
		calling.Wait()
		var won *outcome
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
			continue
		}
		for _, o := range outcomes {
			if o.content == won.content && o.err != nil {
				t.Errorf("%s: the same request with the same key: %v", what, o.err)
			}
		}
		if all, err := s.Documents(t.Context(), library.DocumentQuery{Limit: 100}); err != nil || len(all.Documents) != len(won.ids) {
			t.Errorf("%s: %d documents, %v, want %d", what, len(all.Documents), err, len(won.ids))
		}
	}
}

// A keyedOutcome is what became of a request with a key.
type keyedOutcome struct {
	content string
	ids     []sheaf.DocumentID
	err     error
}

// createBatchWithKey makes two documents of a content.
func createBatchWithKey(s *store, content string, atomic bool) keyedOutcome {
	file := func(name string) library.NewFile {
		return library.NewFile{NewDocument: library.NewDocument{Content: s.receive(content + name), Filename: name}}
	}
	made, err := s.As(sheaf.Local("agent")).CreateDocuments(s.t.Context(), library.NewDocuments{
		Files: []library.NewFile{file("a.txt"), file("b.txt")}, Atomic: atomic, IdempotencyKey: "key",
	})
	out := keyedOutcome{content: content, err: err}
	for _, m := range made {
		out.ids = append(out.ids, m.Document.ID)
		if m.Err != nil {
			out.err = m.Err
		}
	}
	return out
}
