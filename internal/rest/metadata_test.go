package rest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

func TestPlaceholder(t *testing.T) {
	s := newServer(t, Options{})
	created := s.send(http.MethodPost, "/documents", `{"name":"Plan","filename":"plan.md","tags":["a"," b"],"metadata":{"k":1},"message":"first"}`)
	doc := read[sheaf.Document](t, created)
	if doc.Version != 0 || doc.Size != 0 || doc.Name != "Plan" || doc.Filename != "plan.md" || fmt.Sprint(doc.Tags) != "[a b]" ||
		doc.MIME != "text/markdown" && !strings.HasPrefix(doc.MIME, "text/markdown;") || string(doc.Metadata) != `{"k":1}` {
		t.Errorf("placeholder: %s", created.body)
	}
	if want := s.URL + "/documents/" + string(doc.ID); created.Header.Get("Location") != want || doc.URL != want {
		t.Errorf("Location: %q, want %q", created.Header.Get("Location"), want)
	}
	path := "/documents/" + string(doc.ID)
	for _, path := range []string{path, path + "/content", path + "/content?lines=1-", path + "/diff"} {
		if p := wantProblem(t, s.get(path), sheaf.ErrNotFound); p.Detail != "the document has no content yet" {
			t.Errorf("%s: %q", path, p.Detail)
		}
	}
	if versions := s.get(path + "/versions"); strings.TrimSpace(string(versions.body)) != "[]" {
		t.Errorf("versions of a placeholder: %s", versions.body)
	}
	// In a table of design, a document without content has no hash to be given.
	wantProblem(t, s.put(doc.ID, "?file_hash="+strings.Repeat("0", 64), "x"), sheaf.ErrNotFound)
	written := read[sheaf.Change](t, s.put(doc.ID, "", "# Plan\n", "If-None-Match", "*"))
	// Of two that write the first content, the second one overwrites nothing.
	wantProblem(t, s.put(doc.ID, "?on_conflict=merge", "# Another\n", "If-None-Match", "*"), sheaf.ErrPreconditionFailed)
	if written.Version != 1 || written.PreviousVersion != 0 || s.pull(doc.ID, "") != "# Plan\n" {
		t.Errorf("first content: %+v", written)
	}
	if p := wantProblem(t, s.send(http.MethodPost, "/documents", `{"tags":["a,b"],"metadata":[],"collection":"X"}`), sheaf.ErrInvalid); fieldsOf(p) != "[name tags metadata collection]" {
		t.Errorf("wrong fields of a placeholder: %s", fieldsOf(p))
	}
	again := []string{"Idempotency-Key", "plan-b"}
	first := read[sheaf.Document](t, s.send(http.MethodPost, "/documents", `{"name":"b"}`, again...))
	if second := read[sheaf.Document](t, s.send(http.MethodPost, "/documents", `{"name":"b"}`, again...)); second.ID != first.ID {
		t.Errorf("the same key made %s and %s", first.ID, second.ID)
	}
}

func TestChangeDocument(t *testing.T) {
	s := newServer(t, Options{})
	doc := s.push("a.txt", "content", part{name: "tags", value: "one"}, part{name: "description", value: "old"})
	path := "/documents/" + string(doc.ID)

	before := s.get(path + "/metadata")
	tag := before.Header.Get("Etag")
	described := read[documentMetadata](t, before)
	if tag != fmt.Sprintf(`"r%d"`, described.Revision) || described.Name != "a.txt" || described.URL != s.URL+path {
		t.Errorf("metadata: %s, ETag %s", before.body, tag)
	}
	if same := s.get(path+"/metadata", "If-None-Match", tag); same.StatusCode != http.StatusNotModified || len(same.body) > 0 || same.Header.Get("Etag") != tag {
		t.Errorf("If-None-Match: %s with %q", same.Status, same.body)
	}

	answer := s.send(http.MethodPatch, path, `{"name":"B","tags":[],"metadata":{"k":1},"message":"why"}`, "If-Match", tag)
	change := read[sheaf.Change](t, answer)
	if change.Name != "B" || len(change.Tags) != 0 || change.Description != "old" || string(change.Metadata) != `{"k":1}` || change.Mode != sheaf.ModeUpdated ||
		change.Version != 1 || change.PreviousRevision != described.Revision || change.AuditEntryID == 0 || change.URL != s.URL+path ||
		answer.Header.Get("Etag") != fmt.Sprintf(`"r%d"`, change.Revision) {
		t.Errorf("change: %s", answer.body)
	}
	wantProblem(t, s.send(http.MethodPatch, path, `{"name":"C"}`, "If-Match", tag), sheaf.ErrPreconditionFailed)
	if fresh := s.get(path+"/metadata", "If-None-Match", tag); fresh.StatusCode != http.StatusOK {
		t.Errorf("If-None-Match of an older revision: %s", fresh.Status)
	}
	if same := read[sheaf.Change](t, s.send(http.MethodPatch, path, `{"name":"B"}`, "If-Match", "*")); same.Mode != sheaf.ModeUnchanged || same.Revision != change.Revision {
		t.Errorf("the same name again: %+v", same)
	}
	for _, condition := range []string{`"` + doc.Digest.String() + `"`, "r1", `"r0"`, `W/"r1"`, `"r1", "r2"`, ""} {
		if p := wantProblem(t, s.send(http.MethodPatch, path, `{"name":"C"}`, "If-Match", condition), sheaf.ErrInvalid); fieldsOf(p) != "[If-Match]" {
			t.Errorf("If-Match: %s: %s", condition, fieldsOf(p))
		}
	}
	p := wantProblem(t, s.send(http.MethodPatch, path, `{"name":"","tags":["a,b"],"metadata":[1],"description":"\u0000"}`), sheaf.ErrInvalid)
	if fieldsOf(p) != "[name description tags metadata]" {
		t.Errorf("fields that are wrong: %s", fieldsOf(p))
	}
	if p := wantProblem(t, s.send(http.MethodPatch, path, `{"nmae":"x","tags":"a"}`), sheaf.ErrInvalid); fieldsOf(p) != "[nmae tags]" || !strings.Contains(p.Errors[0].Message, "name, description") {
		t.Errorf("unknown and mistyped fields: %+v", p.Errors)
	}
	wantProblem(t, s.send(http.MethodPatch, "/documents/doc_000000000000", `{"name":"x"}`), sheaf.ErrNotFound)
}

// Reads of the past: by revision and by time, in every operation that takes at.
func TestPastStates(t *testing.T) {
	s := newServer(t, Options{})
	doc := s.push("a.txt", "one", part{name: "tags", value: "early"})
	path := "/documents/" + string(doc.ID)
	created := read[documentMetadata](t, s.get(path+"/metadata"))
	renamed := read[sheaf.Change](t, s.send(http.MethodPatch, path, `{"name":"renamed","tags":["late"]}`))
	written := read[sheaf.Change](t, s.put(doc.ID, "", "two"))
	deleted := read[deletion](t, s.do(http.MethodDelete, path, nil))

	for _, test := range []struct {
		at            int64
		name, content string
	}{
		{created.Revision, "a.txt", "one"},
		{renamed.Revision, "renamed", "one"},
		{written.Revision, "renamed", "two"},
	} {
		at := fmt.Sprintf("?at=%d", test.at)
		if got := s.pull(doc.ID, at); got != test.content {
			t.Errorf("content%s: %q, want %q", at, got, test.content)
		}
		if got := s.pull(doc.ID, "/content"+at); got != test.content {
			t.Errorf("/content%s: %q, want %q", at, got, test.content)
		}
		if got := read[excerpt](t, s.get(path+"/content"+at+"&chars=0%2B2")); got.Text != test.content[:2] {
			t.Errorf("excerpt%s: %q", at, got.Text)
		}
		if head := s.do(http.MethodHead, path+at, nil); head.Header.Get("X-Document-Name") != test.name {
			t.Errorf("HEAD%s: %s %q", at, head.Status, head.Header.Get("X-Document-Name"))
		}
		if got := read[documentMetadata](t, s.get(path+"/metadata"+at)); got.Name != test.name || got.Revision != test.at {
			t.Errorf("metadata%s: %s at r%d, want %s", at, got.Name, got.Revision, test.name)
		}
		if docs := read[[]sheaf.Document](t, s.get("/documents"+at+"&collection=default")); len(docs) != 1 || docs[0].Name != test.name {
			t.Errorf("listing%s: %+v, want %s", at, docs, test.name)
		}
	}
	for _, path := range []string{path, path + "/metadata"} {
		for _, at := range []int64{created.Revision - 1, deleted.Revision} {
			wantProblem(t, s.get(fmt.Sprintf("%s?at=%d", path, at)), sheaf.ErrNotFound)
		}
	}
	long := "2999-01-01T00:00:00Z"
	if docs := read[[]sheaf.Document](t, s.get("/documents?at="+long)); len(docs) != 0 {
		t.Errorf("listing at a time behind the deletion: %+v", docs)
	}
	wantProblem(t, s.get(path+"?at=1999-01-01T00:00:00Z"), sheaf.ErrNotFound)
	for query, fields := range map[string]string{
		path + "?at=now": "[at]", path + "?at=1&version=1": "[at]", path + "?at=x&version=y": "[version at]",
		path + "/metadata?at=0": "[at]", "/documents?at=1": "[at]", "/documents?at=x&limit=0&before=y": "[before at limit]",
	} {
		if p := wantProblem(t, s.get(query), sheaf.ErrInvalid); fieldsOf(p) != fields {
			t.Errorf("%s: wrong are %s, want %s", query, fieldsOf(p), fields)
		}
	}
}
