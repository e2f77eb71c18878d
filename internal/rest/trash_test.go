package rest

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

func TestTrash(t *testing.T) {
	s := newServer(t, Options{})
	doc := s.push("a.txt", "content")
	path := "/documents/" + string(doc.ID)
	before := read[documentMetadata](t, s.get(path+"/metadata"))
	gone := read[deletion](t, s.do(http.MethodDelete, path, nil))
	if gone.ID != doc.ID || gone.PreviousRevision != before.Revision || gone.Revision <= before.Revision || gone.AuditEntryID == 0 {
		t.Errorf("deletion: %+v", gone)
	}
	for _, answer := range []response{
		s.get(path), s.get(path + "/content"), s.get(path + "/metadata"), s.put(doc.ID, "", "x"),
		s.send(http.MethodPatch, path, `{"name":"x"}`), s.send(http.MethodPatch, path+"/content", `{"edits":[{"append":"x"}]}`),
	} {
		wantProblem(t, answer, sheaf.ErrNotFound)
	}
	// Its history can be read all the same.
	if versions := read[[]sheaf.Version](t, s.get(path+"/versions")); len(versions) != 1 {
		t.Errorf("versions of a deleted document: %+v", versions)
	}
	listed := read[[]sheaf.Document](t, s.get("/trash"))
	if len(listed) != 1 || listed[0].ID != doc.ID || listed[0].URL == "" {
		t.Errorf("trash: %+v", listed)
	}
	restored := read[sheaf.Change](t, s.do(http.MethodPost, path+"/restore", nil))
	if restored.Mode != sheaf.ModeRestored || s.pull(doc.ID, "") != "content" {
		t.Errorf("restored: %+v", restored)
	}
	if same := read[sheaf.Change](t, s.do(http.MethodPost, path+"/restore", nil)); same.Mode != sheaf.ModeUnchanged {
		t.Errorf("restored again: %+v", same)
	}
	wantProblem(t, s.do(http.MethodPost, path+"/purge", nil), sheaf.ErrExists)
}

func TestTrashPages(t *testing.T) {
	s := newServer(t, Options{})
	read[sheaf.CollectionStats](t, s.send(http.MethodPost, "/collections", `{"name":"elsewhere"}`))
	var want []string
	for i := range 5 {
		doc := s.push(fmt.Sprintf("%d.txt", i), "x")
		s.do(http.MethodDelete, "/documents/"+string(doc.ID), nil)
		want = append([]string{doc.Name}, want...)
	}
	other := s.push("other.txt", "x", part{name: "collection", value: "elsewhere"})
	s.do(http.MethodDelete, "/documents/"+string(other.ID), nil)
	var got []string
	for next := "/trash?limit=2"; next != ""; {
		page := s.get(next)
		for _, doc := range read[[]sheaf.Document](t, page) {
			got = append(got, doc.Name)
		}
		next = s.nextOf(page)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("trash: %v, want %v", got, want)
	}
	if docs := read[[]sheaf.Document](t, s.get("/trash?collection=elsewhere")); len(docs) != 1 || docs[0].ID != other.ID {
		t.Errorf("the other trash: %+v", docs)
	}
	if p := wantProblem(t, s.get("/trash?after=x&limit=0"), sheaf.ErrInvalid); fieldsOf(p) != "[limit after]" {
		t.Errorf("wrong page: %s", fieldsOf(p))
	}
	wantProblem(t, s.get("/trash?collection=nowhere"), sheaf.ErrNotFound)
}

// A purged document is gone in every operation on it, except for what the log says.
func TestPurge(t *testing.T) {
	s := newServer(t, Options{})
	doc := s.push("a.txt", "content")
	path := "/documents/" + string(doc.ID)
	s.do(http.MethodDelete, path, nil)
	if purged := read[sheaf.Change](t, s.do(http.MethodPost, path+"/purge", nil)); purged.Mode != sheaf.ModePurged {
		t.Errorf("purge: %+v", purged)
	}
	for name, answer := range map[string]response{
		"download": s.get(path), "version": s.get(path + "?version=1"), "past": s.get(path + "?at=2"), "content": s.get(path + "/content?lines=1"),
		"metadata": s.get(path + "/metadata"), "past metadata": s.get(path + "/metadata?at=2"),
		"versions": s.get(path + "/versions"), "one version": s.get(path + "/versions/1"), "diff": s.get(path + "/diff"),
		"write": s.put(doc.ID, "", "x"), "edit": s.send(http.MethodPatch, path+"/content", `{"edits":[{"append":"x"}]}`),
		"change": s.send(http.MethodPatch, path, `{"name":"x"}`), "restore": s.do(http.MethodPost, path+"/restore", nil),
		"delete": s.do(http.MethodDelete, path, nil), "purge": s.do(http.MethodPost, path+"/purge", nil),
	} {
		t.Run(name, func(t *testing.T) { wantProblem(t, answer, sheaf.ErrGone) })
	}
	if listed := read[[]sheaf.Document](t, s.get("/trash")); len(listed) != 0 {
		t.Errorf("trash after a purge: %+v", listed)
	}
	if entries := read[[]logEntry](t, s.get(path+"/log")); len(entries) == 0 || entries[0].Operation != "document.purge" {
		t.Errorf("log after a purge: %+v", entries)
	}
}

// Whoever deletes what they have read may say what that was; If-Match was once
// ignored.
func TestDeleteIfMatch(t *testing.T) {
	s := newServer(t, Options{})
	doc := s.push("a.txt", "one")
	path := "/documents/" + string(doc.ID)
	contentTag, stateTag := s.get(path).Header.Get("Etag"), s.get(path+"/metadata").Header.Get("Etag")
	s.put(doc.ID, "", "two")
	for _, tag := range []string{contentTag, stateTag} {
		for _, query := range []string{"", "?with_children=true"} {
			wantProblem(t, s.do(http.MethodDelete, path+query, nil, "If-Match", tag), sheaf.ErrPreconditionFailed)
		}
	}
	wantProblem(t, s.do(http.MethodDelete, path, nil, "If-Match", "two"), sheaf.ErrInvalid)
	for _, part := range []string{"", "/metadata", "*"} {
		tag := "*"
		if part != "*" {
			tag = s.get(path + part).Header.Get("Etag")
		}
		if answer := s.do(http.MethodDelete, path, nil, "If-Match", tag); answer.StatusCode != http.StatusOK {
			t.Errorf("a deletion with If-Match %s: %s: %s", tag, answer.Status, answer.body)
		}
		s.send(http.MethodPost, path+"/restore", "{}")
	}
}
