package rest

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

// {"dry_run":true} to POST /admin/gc was once ignored, and garbage collected.
func TestBodiesWhereNoneIsTaken(t *testing.T) {
	s := newServer(t, Options{})
	doc := s.push("a.txt", "content")
	for _, r := range routes() {
		if r.body != nil || r.hidden {
			continue
		}
		path := strings.NewReplacer("{document_id}", string(doc.ID), "{name}", "default", "{number}", "1").Replace(r.path)
		for form, body := range map[string]io.Reader{
			"a length": strings.NewReader(`{"dry_run":true}`),
			"chunks":   io.MultiReader(strings.NewReader(`{"dry_run":true}`)), // whose length nobody knows
		} {
			answer := s.do(r.method, path, body, "Content-Type", "application/json")
			if answer.StatusCode != http.StatusUnprocessableEntity {
				t.Errorf("%s %s with a body of %s: %s", r.method, r.path, form, answer.Status)
			}
		}
	}
	if got := s.pull(doc.ID, ""); got != "content" {
		t.Errorf("the document is %q after all that was refused", got)
	}
	problem := wantProblem(t, s.send(http.MethodPost, "/admin/gc", `{}`), sheaf.ErrInvalid)
	if fieldsOf(problem) != "[body]" || !strings.Contains(problem.Hint, "query are now") {
		t.Errorf("the refusal of a body: %+v", problem)
	}
	// An empty one of a length that was not announced is none.
	if answer := s.do(http.MethodPost, "/admin/gc", io.MultiReader()); answer.StatusCode != http.StatusOK {
		t.Errorf("an empty body in chunks: %s: %s", answer.Status, answer.body)
	}
}
