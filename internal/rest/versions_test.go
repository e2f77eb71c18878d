package rest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

func TestVersions(t *testing.T) {
	s := newServer(t, Options{})
	doc := s.push("a.txt", "1\n")
	for n := 2; n <= 5; n++ {
		read[sheaf.Change](t, s.put(doc.ID, fmt.Sprintf("?message=write+%d", n), fmt.Sprintf("%d\n", n)))
	}
	path := "/documents/" + string(doc.ID) + "/versions"
	var seen []int
	next, pages := path+"?limit=2", 0
	for ; next != ""; pages++ {
		page := s.get(next)
		for _, version := range read[[]sheaf.Version](t, page) {
			seen = append(seen, version.Number)
		}
		next = s.nextOf(page)
	}
	if fmt.Sprint(seen) != "[5 4 3 2 1]" || pages != 3 {
		t.Errorf("versions: %v on %d pages", seen, pages)
	}
	if third := read[sheaf.Version](t, s.get(path+"/3")); third.Number != 3 || third.Message != "write 3" || third.Digest != sheaf.DigestOf([]byte("3\n")) {
		t.Errorf("version 3: %+v", third)
	}
	wantProblem(t, s.get(path+"/6"), sheaf.ErrNotFound)
	wantProblem(t, s.get(path+"/99999999999999999999"), sheaf.ErrNotFound)
	for _, wrong := range []string{"/0", "/-1", "/two"} {
		if p := wantProblem(t, s.get(path+wrong), sheaf.ErrInvalid); fieldsOf(p) != "[version]" {
			t.Errorf("versions%s: %s", wrong, fieldsOf(p))
		}
	}
	if p := wantProblem(t, s.get(path+"?before=x&limit=0"), sheaf.ErrInvalid); fieldsOf(p) != "[before limit]" {
		t.Errorf("wrong page: %s", fieldsOf(p))
	}
	wantProblem(t, s.get("/documents/doc_000000000000/versions"), sheaf.ErrNotFound)
	wantProblem(t, s.get("/documents/doc_000000000000/versions/1"), sheaf.ErrNotFound)
}

func TestDiff(t *testing.T) {
	s := newServer(t, Options{})
	doc := s.push("a.txt", "one\ntwo\nthree\n")
	s.put(doc.ID, "", "one\n2\nthree\n")
	s.put(doc.ID, "", "one\n2\nthree\nfour")
	path := "/documents/" + string(doc.ID) + "/diff"

	latest := read[sheaf.VersionComparison](t, s.get(path))
	if latest.From != 2 || latest.To != 3 || latest.Added != 1 || latest.Removed != 0 || len(latest.Hunks) != 1 {
		t.Errorf("diff: %+v", latest)
	}
	if same := read[sheaf.VersionComparison](t, s.get(path+"?from=2&to=2")); same.Hunks == nil || len(same.Hunks) != 0 {
		t.Errorf("diff of a version and itself: %+v", same)
	}
	const unified = "--- a.txt (version 1)\t\n+++ a.txt (version 3)\t\n@@ -2 +2 @@\n-two\n+2\n@@ -3,0 +4 @@\n+four\n\\ No newline at end of file\n"
	for _, answer := range []response{
		s.get(path + "?from=1&to=3&context=0&format=unified"),
		s.get(path+"?from=1&to=3&context=0", "Accept", "text/x-diff"),
		s.get(path+"?from=1&to=3&context=0", "Accept", "text/plain"),
	} {
		if string(answer.body) != unified || answer.Header.Get("Content-Type") != "text/x-diff; charset=utf-8" || answer.Header.Get("Vary") != "Accept" {
			t.Errorf("unified: %s %v %q", answer.Status, answer.Header, answer.body)
		}
	}
	if back := read[sheaf.VersionComparison](t, s.get(path+"?from=3&to=1", "Accept", "application/json, text/plain, */*")); back.Removed != 2 || back.Added != 1 {
		t.Errorf("diff backwards: %+v", back)
	}
	if p := wantProblem(t, s.get(path+"?from=0&to=x&context=-1&format=html"), sheaf.ErrInvalid); fieldsOf(p) != "[from to context format]" {
		t.Errorf("wrong parameters: %s", fieldsOf(p))
	}
	wantProblem(t, s.get(path+"?from=9"), sheaf.ErrNotFound)

	binary := s.push("b.bin", "\x00\x01")
	s.put(binary.ID, "", "\x00\x02")
	if c := read[sheaf.VersionComparison](t, s.get("/documents/"+string(binary.ID)+"/diff")); !c.Binary || len(c.Hunks) != 0 {
		t.Errorf("diff of what is no text: %+v", c)
	}
}

func TestRestore(t *testing.T) {
	s := newServer(t, Options{})
	doc := s.push("a.txt", "one", part{name: "tags", value: "early"})
	path := "/documents/" + string(doc.ID)
	created := read[documentMetadata](t, s.get(path+"/metadata"))
	s.put(doc.ID, "", "two")
	s.send(http.MethodPatch, path, `{"name":"renamed","tags":["late"]}`)

	answer := s.send(http.MethodPost, path+"/restore", `{"version":1,"message":"back"}`)
	restored := read[sheaf.Change](t, answer)
	if restored.Mode != sheaf.ModeRestored || restored.Name != "renamed" || restored.Digest != doc.Digest || s.pull(doc.ID, "") != "one" ||
		answer.Header.Get("Etag") != fmt.Sprintf(`"r%d"`, restored.Revision) || restored.URL == "" {
		t.Errorf("restored to version 1: %s", answer.body)
	}
	whole := read[sheaf.Change](t, s.send(http.MethodPost, path+"/restore", fmt.Sprintf(`{"revision":%d}`, created.Revision)))
	if whole.Name != "a.txt" || fmt.Sprint(whole.Tags) != "[early]" {
		t.Errorf("restored to revision %d: %+v", created.Revision, whole)
	}
	// Any change is undone by the revision that its answer names.
	undone := read[sheaf.Change](t, s.send(http.MethodPost, path+"/restore", fmt.Sprintf(`{"revision":%d}`, whole.PreviousRevision)))
	if undone.Name != "renamed" || fmt.Sprint(undone.Tags) != "[late]" {
		t.Errorf("undone: %+v", undone)
	}
	for body, fields := range map[string]string{
		`{"version":0,"revision":-1}`: "[version revision]", `{"version":1,"revision":1}`: "[version]", `{"version":"1"}`: "[version]", `{"to":1}`: "[to]",
	} {
		if p := wantProblem(t, s.send(http.MethodPost, path+"/restore", body), sheaf.ErrInvalid); fieldsOf(p) != fields {
			t.Errorf("restore %s: wrong are %s, want %s", body, fieldsOf(p), fields)
		}
	}
	wantProblem(t, s.send(http.MethodPost, path+"/restore", `{"version":9}`), sheaf.ErrNotFound)
	wantProblem(t, s.do(http.MethodPost, "/documents/doc_000000000000/restore", nil), sheaf.ErrNotFound)
}

func TestLog(t *testing.T) {
	s := newServer(t, Options{})
	doc := s.push("a.txt", "one", part{name: "message", value: "first"})
	path := "/documents/" + string(doc.ID)
	s.push("b.txt", "other")
	s.send(http.MethodPatch, path, `{"name":"renamed","message":"second"}`, "X-Agent-Id", "renamer")
	s.do(http.MethodDelete, path, nil)

	answer := s.get(path + "/log")
	entries := read[[]logEntry](t, answer)
	if len(entries) != 3 {
		t.Fatalf("log: %s", answer.body)
	}
	renaming := entries[1]
	if entries[0].Operation != "document.delete" || entries[2].Operation != "document.create" || renaming.Operation != "document.change" ||
		renaming.Message != "second" || renaming.Label != "renamer" || renaming.Principal != "local" || renaming.Status != "success" ||
		renaming.Stream != "default" || renaming.Timestamp.IsZero() || len(renaming.Documents) != 1 ||
		renaming.Documents[0].Before.Name != "a.txt" || renaming.Documents[0].After.Name != "renamed" {
		t.Errorf("log: %s", answer.body)
	}

	var all []logEntry
	for next := "/collections/default/log?limit=2"; next != ""; {
		page := s.get(next)
		all = append(all, read[[]logEntry](t, page)...)
		next = s.nextOf(page)
	}
	if len(all) != 5 { // the collection's creation, two documents, a change, a deletion
		t.Fatalf("the log of the collection has %d entries, want 5: %+v", len(all), all)
	}
	for i, entry := range all[:4] {
		if entry.Revision != int64(5-i) || entry.Prev != all[i+1].Hash {
			t.Errorf("entry %d: revision %d, prev %s, want the hash of the one before, %s", i, entry.Revision, entry.Prev, all[i+1].Hash)
		}
	}
	if first := all[4]; first.Operation != "collection.create" || !first.Prev.IsZero() || first.Documents == nil || !strings.Contains(string(first.Detail), `"kind":"documents"`) {
		t.Errorf("the first entry: %+v, detail %s", first, first.Detail)
	}
	if p := wantProblem(t, s.get(path+"/log?before=0&limit=x"), sheaf.ErrInvalid); fieldsOf(p) != "[before limit]" {
		t.Errorf("wrong page: %s", fieldsOf(p))
	}
	wantProblem(t, s.get("/documents/doc_000000000000/log"), sheaf.ErrNotFound)
	wantProblem(t, s.get("/collections/nowhere/log"), sheaf.ErrNotFound)
}
