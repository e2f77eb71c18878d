package rest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

// collect makes a collection.
func (s *testServer) collect(name string) {
	s.t.Helper()
	read[sheaf.CollectionStats](s.t, s.send(http.MethodPost, "/collections", fmt.Sprintf(`{"name":%q}`, name)))
}

func TestMoveDocument(t *testing.T) {
	s := newServer(t, Options{})
	s.collect("notes")
	doc := s.push("a.txt", "content")
	path := "/documents/" + string(doc.ID)
	before := s.get(path + "/metadata")
	tag := before.Header.Get("Etag")
	answer := s.send(http.MethodPost, path+"/move", `{"collection":"notes","message":"why"}`)
	moved := read[sheaf.Change](t, answer)
	if moved.Mode != sheaf.ModeMoved || moved.Collection != "notes" || moved.PreviousCollection != "default" || moved.URL == "" ||
		answer.Header.Get("Etag") != fmt.Sprintf(`"r%d@notes"`, moved.Revision) {
		t.Errorf("moved: %s, ETag %s", answer.body, answer.Header.Get("Etag"))
	}
	if same := read[sheaf.Change](t, s.send(http.MethodPost, path+"/move", `{"collection":"notes"}`)); same.Mode != sheaf.ModeUnchanged {
		t.Errorf("moved again: %+v", same)
	}
	// Its revision in notes is the one it had in default: the ETag tells them apart.
	if tag != fmt.Sprintf(`"r%d"`, moved.Revision) {
		t.Fatalf("the ETag before was %s, the test needs revision %d", tag, moved.Revision)
	}
	if fresh := s.get(path+"/metadata", "If-None-Match", tag); fresh.StatusCode != http.StatusOK {
		t.Errorf("If-None-Match with the ETag of before the move: %s", fresh.Status)
	}
	wantProblem(t, s.send(http.MethodPatch, path, `{"name":"b"}`, "If-Match", tag), sheaf.ErrPreconditionFailed)
	read[sheaf.Change](t, s.send(http.MethodPatch, path, `{"name":"b"}`, "If-Match", answer.Header.Get("Etag")))
	for _, condition := range []string{`"r1@"`, `"r1@No"`, `"r@notes"`} {
		wantProblem(t, s.send(http.MethodPatch, path, `{"name":"c"}`, "If-Match", condition), sheaf.ErrInvalid)
	}

	var log []logEntry
	for next := path + "/log?limit=1"; next != ""; {
		page := s.get(next)
		log = append(log, read[[]logEntry](t, page)...)
		next = s.nextOf(page)
	}
	if len(log) != 3 || log[1].Operation != "document.move" || log[1].OperationID == "" || log[1].Stream != "notes" || log[2].Stream != "default" {
		t.Errorf("the log: %+v", log)
	}
	wantProblem(t, s.send(http.MethodPost, path+"/move", `{"collection":"nowhere"}`), sheaf.ErrNotFound)
	if p := wantProblem(t, s.send(http.MethodPost, path+"/move", `{"message":"x"}`), sheaf.ErrInvalid); fieldsOf(p) != "[collection]" {
		t.Errorf("a move to nowhere: %s", fieldsOf(p))
	}
	wantProblem(t, s.send(http.MethodPost, "/documents/doc_000000000000/move", `{"collection":"notes"}`), sheaf.ErrNotFound)
}

func TestBulkChanges(t *testing.T) {
	s := newServer(t, Options{})
	s.collect("notes")
	var ids []string
	for i := range 3 {
		ids = append(ids, string(s.push(fmt.Sprintf("%d.txt", i), "x", part{name: "tags", value: "t"}).ID))
	}
	preview := read[sheaf.BulkChange](t, s.send(http.MethodPost, "/documents/batch/tag", `{"filter":{"tags":["t"],"collection":"default"},"add":["u"],"dry_run":true}`))
	if !preview.DryRun || preview.Changed != 3 || len(preview.Documents) != 3 || len(preview.Documents[0].After.Tags) != 2 || len(preview.Documents[0].Before.Tags) != 1 {
		t.Errorf("preview: %+v", preview)
	}
	body := fmt.Sprintf(`{"filter":{"tags":["t"],"collection":"default"},"add":["u"],"selection":%q}`, preview.Selection)
	if done := read[sheaf.BulkChange](t, s.send(http.MethodPost, "/documents/batch/tag", body)); done.Changed != 3 || len(done.Collections) != 1 || done.Collections[0].AuditEntryID == 0 {
		t.Errorf("tagged: %+v", done)
	}
	wantProblem(t, s.send(http.MethodPost, "/documents/batch/tag", body), sheaf.ErrPreconditionFailed)

	named := fmt.Sprintf(`"document_ids":[%q,%q]`, ids[0], ids[1])
	for _, test := range []struct {
		path, body         string
		changed, unchanged int
		mode               sheaf.ChangeMode
	}{
		{"move", `{"collection":"notes",` + named + `}`, 2, 0, sheaf.ModeMoved},
		{"move", `{"collection":"notes",` + named + `}`, 0, 2, sheaf.ModeUnchanged},
		{"delete", `{` + named + `}`, 2, 0, sheaf.ModeDeleted},
		{"delete", `{` + named + `}`, 0, 2, sheaf.ModeUnchanged},
		{"restore", `{"filter":{"collection":"notes"},"message":"back"}`, 2, 0, sheaf.ModeRestored},
		{"tag", `{"set":[],"filter":{"all":true,"after":"2000-01-01T00:00:00Z"}}`, 3, 0, sheaf.ModeUpdated},
	} {
		done := read[sheaf.BulkChange](t, s.send(http.MethodPost, "/documents/batch/"+test.path, test.body))
		if done.Changed != test.changed || done.Unchanged != test.unchanged || done.Documents[0].Mode != test.mode {
			t.Errorf("%s %s: %+v", test.path, test.body, done)
		}
	}
	// In the log of a document an entry is about that document, in that of the
	// collection about all.
	if log := read[[]logEntry](t, s.get("/documents/"+ids[0]+"/log")); len(log[0].Documents) != 1 || string(log[0].Documents[0].ID) != ids[0] {
		t.Errorf("the log of a document: %+v", log[0])
	}
	if log := read[[]logEntry](t, s.get("/collections/notes/log")); len(log[0].Documents) != 2 {
		t.Errorf("the log of the collection: %+v", log[0])
	}
}

func TestBulkErrors(t *testing.T) {
	limits := sheaf.DefaultLimits()
	limits.Bulk = 2
	s := newServer(t, Options{}, limits)
	doc := s.push("a.txt", "x")
	for _, test := range []struct {
		path, body string
		kind       sheaf.ErrorKind
		fields     string
	}{
		{"delete", `{}`, sheaf.ErrInvalid, "[document_ids]"},
		{"delete", `{"filter":{}}`, sheaf.ErrInvalid, "[filter.all]"},
		{"delete", `{"filter":[]}`, sheaf.ErrInvalid, "[filter]"},
		{"delete", `{"filter":{"nmae":"x","tags":"t"}}`, sheaf.ErrInvalid, "[filter.nmae filter.tags]"},
		{"delete", `{"filter":{"before":"yesterday"},"selection":"x"}`, sheaf.ErrInvalid, "[filter.before selection]"},
		{"delete", `{"document_ids":["` + string(doc.ID) + `","x"]}`, sheaf.ErrInvalid, "[document_ids[1]]"},
		{"tag", `{"filter":{"all":true},"colour":"red"}`, sheaf.ErrInvalid, "[colour]"},
		{"tag", `{"filter":{"all":true}}`, sheaf.ErrInvalid, "[add]"},
		{"restore", `{"document_ids":["doc_000000000000","doc_000000000001"]}`, sheaf.ErrNotFound, "[doc_000000000000 doc_000000000001]"},
		{"restore", `{"document_ids":["doc_000000000000","doc_000000000001","doc_000000000002"]}`, sheaf.ErrTooLarge, "[]"},
		{"move", `{"collection":"nowhere","filter":{"all":true}}`, sheaf.ErrNotFound, "[]"},
	} {
		p := wantProblem(t, s.send(http.MethodPost, "/documents/batch/"+test.path, test.body), test.kind)
		if fieldsOf(p) != test.fields {
			t.Errorf("%s %s: fields %s, want %s", test.path, test.body, fieldsOf(p), test.fields)
		}
	}
	p := wantProblem(t, s.send(http.MethodPost, "/documents/batch/tag", `{"colour":1}`), sheaf.ErrInvalid)
	if !strings.Contains(p.Errors[0].Message, "add, remove, set, document_ids") {
		t.Errorf("the fields that there are: %s", p.Errors[0].Message)
	}
}
