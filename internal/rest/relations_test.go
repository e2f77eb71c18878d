package rest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

func TestRelations(t *testing.T) {
	s := newServer(t, Options{})
	parent, child, other := s.push("parent.txt", "p"), s.push("child.txt", "c"), s.push("other.txt", "o")
	path := func(id sheaf.DocumentID) string { return "/documents/" + string(id) + "/relations" }
	relate := func(id sheaf.DocumentID, relation string, other sheaf.DocumentID, note string) response {
		return s.send(http.MethodPost, path(id), fmt.Sprintf(`{"type":%q,"document_id":%q,"note":%q}`, relation, other, note))
	}
	if got := string(s.get(path(parent.ID)).body); strings.TrimSpace(got) != "[]" {
		t.Errorf("no relations: %s, want an empty list", got)
	}
	made := read[sheaf.RelationChange](t, relate(child.ID, "parent", parent.ID, "first"))
	if made.Mode != sheaf.ModeCreated || made.ID != parent.ID || made.Name != "parent.txt" || made.Note != "first" || made.Revision == 0 {
		t.Errorf("made: %+v", made)
	}
	if again := read[sheaf.RelationChange](t, relate(parent.ID, "child", child.ID, "second")); again.Mode != sheaf.ModeUpdated || again.PreviousNote != "first" {
		t.Errorf("another note: %+v", again)
	}
	read[sheaf.RelationChange](t, relate(parent.ID, "related", other.ID, ""))
	relations := read[[]sheaf.Relation](t, s.get(path(parent.ID)))
	if len(relations) != 2 || relations[0].Type != sheaf.RelationChild || relations[0].Note != "second" || relations[1].Type != sheaf.RelationRelated {
		t.Errorf("relations: %+v", relations)
	}

	wantProblem(t, relate(child.ID, "parent", other.ID, ""), sheaf.ErrExists)
	wantProblem(t, relate(parent.ID, "parent", child.ID, ""), sheaf.ErrExists)
	wantProblem(t, relate(parent.ID, "child", "doc_0123456789ab", ""), sheaf.ErrNotFound)
	wantProblem(t, relate("doc_0123456789ab", "child", child.ID, ""), sheaf.ErrNotFound)
	wantProblem(t, s.get(path("doc_0123456789ab")), sheaf.ErrNotFound)
	wantProblem(t, s.get("/documents/x/relations"), sheaf.ErrNotFound)
	if p := wantProblem(t, s.send(http.MethodPost, path(parent.ID), `{"type":"uncle","document_id":"x","note":"\u0000"}`), sheaf.ErrInvalid); fieldsOf(p) != "[type document_id note]" {
		t.Errorf("wrong fields: %s", fieldsOf(p))
	}
	for _, wrong := range []string{"/uncle/" + string(child.ID), "/child/x"} {
		wantProblem(t, s.do(http.MethodDelete, path(parent.ID)+wrong, nil), sheaf.ErrInvalid)
	}
	gone := s.do(http.MethodDelete, path(parent.ID)+"/related/"+string(other.ID), nil)
	if removed := read[sheaf.RelationChange](t, gone); removed.Mode != sheaf.ModeDeleted || removed.ID != other.ID {
		t.Errorf("removed: %+v", removed)
	}
	wantProblem(t, s.do(http.MethodDelete, path(parent.ID)+"/related/"+string(other.ID), nil), sheaf.ErrNotFound)

	// A parent is deleted alone, unless its children are asked for.
	alone := s.do(http.MethodDelete, "/documents/"+string(parent.ID)+"?with_children=false", nil)
	if deleted := read[deletion](t, alone); deleted.Message != "Document deleted successfully" || strings.Contains(string(alone.body), "below") {
		t.Errorf("deleted alone: %s", alone.body)
	}
	if relations := read[[]sheaf.Relation](t, s.get(path(child.ID))); len(relations) != 1 || !relations[0].Deleted {
		t.Errorf("the relations of the child: %+v, want the parent, deleted", relations)
	}
	s.do(http.MethodPost, "/documents/"+string(parent.ID)+"/restore", nil)
	wantProblem(t, s.do(http.MethodDelete, "/documents/"+string(parent.ID)+"?with_children=perhaps", nil), sheaf.ErrInvalid)
	all := read[deletion](t, s.do(http.MethodDelete, "/documents/"+string(parent.ID)+"?with_children=true", nil))
	if all.ID != parent.ID || len(all.Below) != 1 || all.Below[0].ID != child.ID || all.Below[0].PreviousRevision == 0 {
		t.Errorf("deleted with children: %+v", all)
	}
	wantProblem(t, s.get("/documents/"+string(child.ID)), sheaf.ErrNotFound)
	childless := s.do(http.MethodDelete, "/documents/"+string(other.ID)+"?with_children", nil)
	if !strings.Contains(string(childless.body), `"below":[]`) {
		t.Errorf("deleted with children that it has not: %s", childless.body)
	}
}
