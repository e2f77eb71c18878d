package rest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

func TestCollections(t *testing.T) {
	s := newServer(t, Options{})
	answer := s.send(http.MethodPost, "/collections", `{"name":"field-notes","title":"Field notes","description":"from outside","write_policy":"require_hash"}`)
	made := read[sheaf.CollectionStats](t, answer)
	if made.Name != "field-notes" || made.Title != "Field notes" || made.Description != "from outside" || made.Policy != sheaf.PolicyRequireHash ||
		made.Status != sheaf.StatusActive || made.Kind != sheaf.KindDocuments || made.CreatedAt.IsZero() ||
		answer.Header.Get("Location") != s.URL+"/collections/field-notes" {
		t.Errorf("created: %s, Location %s", answer.body, answer.Header.Get("Location"))
	}
	wantProblem(t, s.send(http.MethodPost, "/collections", `{"name":"field-notes"}`), sheaf.ErrExists)
	p := wantProblem(t, s.send(http.MethodPost, "/collections", `{"name":"X","title":"a\nb","write_policy":"never"}`), sheaf.ErrInvalid)
	if fieldsOf(p) != "[name title write_policy]" {
		t.Errorf("wrong fields: %s", fieldsOf(p))
	}
	wantProblem(t, s.do(http.MethodPost, "/collections", nil), sheaf.ErrInvalid)

	s.push("a.txt", "12345", part{name: "collection", value: "field-notes"})
	trashed := s.push("b.txt", "123", part{name: "collection", value: "field-notes"})
	s.do(http.MethodDelete, "/documents/"+string(trashed.ID), nil)
	stats := read[sheaf.CollectionStats](t, s.get("/collections/field-notes"))
	if stats.Documents != 1 || stats.SizeBytes != 5 || stats.Trashed != 1 || stats.Revision < 4 {
		t.Errorf("stats: %+v", stats)
	}
	var names []sheaf.Slug
	for _, collection := range read[[]sheaf.CollectionStats](t, s.get("/collections")) {
		names = append(names, collection.Name)
	}
	if fmt.Sprint(names) != "[default field-notes]" {
		t.Errorf("collections: %v", names)
	}

	changed := read[sheaf.CollectionStats](t, s.send(http.MethodPatch, "/collections/field-notes", `{"title":"Notes","write_policy":"upsert"}`))
	if changed.Title != "Notes" || changed.Policy != sheaf.PolicyUpsert || changed.Description != "from outside" || changed.Documents != 1 {
		t.Errorf("changed: %+v", changed)
	}
	if p := wantProblem(t, s.send(http.MethodPatch, "/collections/field-notes", `{"name":"x","status":1}`), sheaf.ErrInvalid); fieldsOf(p) != "[name status]" {
		t.Errorf("wrong fields of a change: %s", fieldsOf(p))
	}
	if p := wantProblem(t, s.send(http.MethodPatch, "/collections/field-notes", `{"status":"migrating","title":"\u0007"}`), sheaf.ErrInvalid); fieldsOf(p) != "[title status]" {
		t.Errorf("wrong values of a change: %s", fieldsOf(p))
	}
	wantProblem(t, s.get("/collections/nowhere"), sheaf.ErrNotFound)
	wantProblem(t, s.send(http.MethodPatch, "/collections/nowhere", `{}`), sheaf.ErrNotFound)
}

// An archived collection refuses every write, and can be read.
func TestArchivedCollection(t *testing.T) {
	s := newServer(t, Options{})
	read[sheaf.CollectionStats](t, s.send(http.MethodPost, "/collections", `{"name":"old"}`))
	in := part{name: "collection", value: "old"}
	doc, trashed := s.push("a.txt", "content", in), s.push("b.txt", "x", in)
	path := "/documents/" + string(doc.ID)
	s.do(http.MethodDelete, "/documents/"+string(trashed.ID), nil)
	if archived := read[sheaf.CollectionStats](t, s.send(http.MethodPatch, "/collections/old", `{"status":"archived"}`)); archived.Status != sheaf.StatusArchived {
		t.Errorf("archived: %+v", archived)
	}
	for name, answer := range map[string]response{
		"upload":      s.post(part{"file", "c.txt", "x"}, in),
		"placeholder": s.send(http.MethodPost, "/documents", `{"name":"c","collection":"old"}`),
		"change":      s.send(http.MethodPatch, path, `{"name":"x"}`),
		"write":       s.put(doc.ID, "", "x"),
		"edit":        s.send(http.MethodPatch, path+"/content", `{"edits":[{"append":"x"}]}`),
		"delete":      s.do(http.MethodDelete, path, nil),
		"restore":     s.send(http.MethodPost, path+"/restore", `{"version":1}`),
		"undelete":    s.do(http.MethodPost, "/documents/"+string(trashed.ID)+"/restore", nil),
		"purge":       s.do(http.MethodPost, "/documents/"+string(trashed.ID)+"/purge", nil),
	} {
		t.Run(name, func(t *testing.T) {
			if p := wantProblem(t, answer, sheaf.ErrArchived); !strings.Contains(p.Detail, "old") || p.Hint == "" {
				t.Errorf("problem: %+v", p)
			}
		})
	}
	if got := s.pull(doc.ID, ""); got != "content" {
		t.Errorf("content of an archived document: %q", got)
	}
	read[sheaf.CollectionStats](t, s.send(http.MethodPatch, "/collections/old", `{"status":"active"}`))
	read[sheaf.Change](t, s.put(doc.ID, "", "new"))
}

// Limits are set, shown, and kept to.
func TestCollectionLimits(t *testing.T) {
	s := newServer(t, Options{})
	made := read[sheaf.CollectionStats](t, s.send(http.MethodPost, "/collections", `{"name":"small","limits":{"max_documents":1,"max_content_bytes":5}}`))
	if made.Limits != (sheaf.CollectionLimits{Documents: 1, Content: 5}) {
		t.Errorf("created: %+v", made.Limits)
	}
	in := part{name: "collection", value: "small"}
	wantProblem(t, s.post(part{"file", "a.txt", "123456"}, in), sheaf.ErrTooLarge)
	doc := s.push("a.txt", "12345", in)
	wantProblem(t, s.post(part{"file", "b.txt", "1"}, in), sheaf.ErrQuota)
	wantProblem(t, s.send(http.MethodPost, "/documents", `{"name":"b","collection":"small"}`), sheaf.ErrQuota)

	changed := read[sheaf.CollectionStats](t, s.send(http.MethodPatch, "/collections/small", `{"limits":{"max_bytes":6}}`))
	if changed.Limits != (sheaf.CollectionLimits{Bytes: 6}) {
		t.Errorf("changed: %+v, want the limits as a whole", changed.Limits)
	}
	wantProblem(t, s.put(doc.ID, "", "1234567"), sheaf.ErrQuota)
	read[sheaf.Change](t, s.put(doc.ID, "", "123"))
	read[sheaf.Change](t, s.put(doc.ID, "", "456"))
	read[sheaf.CollectionStats](t, s.send(http.MethodPatch, "/collections/small", `{"limits":{"max_bytes":3}}`))
	path := "/documents/" + string(doc.ID)
	wantProblem(t, s.send(http.MethodPost, path+"/restore", `{"version":1}`), sheaf.ErrQuota)
	wantProblem(t, s.send(http.MethodPatch, path+"/content", `{"edits":[{"append":"x"}]}`), sheaf.ErrQuota)
	for body, fields := range map[string]string{
		`{"limits":{"max_bytes":-1,"max_documents":-2}}`: "[limits.max_documents limits.max_bytes]",
		`{"limits":{"max":1}}`:                           "[limits.max]",
		`{"limits":7}`:                                   "[limits]",
		`{"limits":{"max_bytes":"1GB"}}`:                 "[limits.max_bytes]",
	} {
		if p := wantProblem(t, s.send(http.MethodPatch, "/collections/small", body), sheaf.ErrInvalid); fieldsOf(p) != fields {
			t.Errorf("%s: wrong fields %s, want %s", body, fieldsOf(p), fields)
		}
	}
}

func TestDeleteCollection(t *testing.T) {
	s := newServer(t, Options{})
	read[sheaf.CollectionStats](t, s.send(http.MethodPost, "/collections", `{"name":"old"}`))
	doc := s.push("a.txt", "content", part{name: "collection", value: "old"})
	wantProblem(t, s.do(http.MethodDelete, "/collections/old", nil), sheaf.ErrExists)
	wantProblem(t, s.do(http.MethodDelete, "/collections/old?confirm=old", nil), sheaf.ErrExists)
	for _, query := range []string{"?with_documents=true", "?with_documents&confirm=older", "?with_documents=perhaps&confirm=old"} {
		wantProblem(t, s.do(http.MethodDelete, "/collections/old"+query, nil), sheaf.ErrInvalid)
	}
	wantProblem(t, s.do(http.MethodDelete, "/collections/default?with_documents=true&confirm=default", nil), sheaf.ErrInvalid)
	deleted := read[sheaf.CollectionDeletion](t, s.do(http.MethodDelete, "/collections/old?with_documents=true&confirm=old", nil))
	if deleted.Name != "old" || deleted.Purged != 1 || deleted.Revision == 0 || deleted.AuditEntryID == 0 {
		t.Errorf("deleted: %+v", deleted)
	}
	wantProblem(t, s.get("/documents/"+string(doc.ID)), sheaf.ErrGone)
	for _, path := range []string{"/collections/old", "/collections/old/log", "/documents?collection=old", "/trash?collection=old"} {
		wantProblem(t, s.get(path), sheaf.ErrNotFound)
	}
	wantProblem(t, s.do(http.MethodDelete, "/collections/old", nil), sheaf.ErrNotFound)
	read[sheaf.CollectionStats](t, s.send(http.MethodPost, "/collections", `{"name":"old"}`))
	read[sheaf.CollectionDeletion](t, s.do(http.MethodDelete, "/collections/old", nil))
}
