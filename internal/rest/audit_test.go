package rest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// audited answers with what the audit has, after all records are written. It
// goes on to the last page: on a busy machine pages are short.
func (s *testServer) audited(query string) []sheaf.AuditEntry {
	s.t.Helper()
	if err := s.library.FlushAudit(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	var entries []sheaf.AuditEntry
	for next := "/audit?" + query; next != ""; {
		page := s.get(next)
		entries, next = append(entries, read[[]sheaf.AuditEntry](s.t, page)...), s.nextOf(page)
	}
	return entries
}

var pathParameter = regexp.MustCompile(`\{[^}]*\}`)

// Every operation leaves its log entry or an access record, whatever becomes of
// it: here each is called with nothing that it needs.
func TestEveryRouteIsAudited(t *testing.T) {
	s := newServer(t, Options{})
	for _, r := range routes() {
		path := pathParameter.ReplaceAllString(r.path, "doc_0123456789ab")
		agent := "agent-of-" + r.id
		status := s.do(r.method, path, nil, "X-Agent-Id", agent).StatusCode
		entries := s.audited("agent_id=" + agent)
		if r.access.public {
			if len(entries) > 0 {
				t.Errorf("%s %s, which everybody may call, leaves %+v", r.method, r.path, entries)
			}
			continue
		}
		if len(entries) != 1 || (entries[0].Status == "success") != (status < 400) || entries[0].Operation == "" {
			t.Errorf("%s %s answers %d and leaves %+v", r.method, r.path, status, entries)
		}
	}
}

// A request that is refused before it reaches the library is found among those of
// the book and path that it names.
func TestRefusedRequestsAreFoundByBookAndPath(t *testing.T) {
	s := newServer(t, Options{})
	for path, target := range map[string]string{
		"week-1/a.md":         "GET /books/field-notes/content/week-1%2Fa.md?at=yesterday",
		"assets/images/b.png": "PUT /books/field-notes/assets/images/b.png?sha256=none",
		"":                    "GET /books/field-notes/files?limit=none",
	} {
		method, url, _ := strings.Cut(target, " ")
		status := s.do(method, url, nil, "X-Agent-Id", "of "+path).StatusCode
		entries := s.audited("book_id=field-notes&status=error&agent_id=" + strings.ReplaceAll("of "+path, " ", "+"))
		if status != http.StatusUnprocessableEntity || len(entries) != 1 || entries[0].Path != path {
			t.Errorf("%s answers %d and leaves %+v", target, status, entries)
		}
	}
}

// A panic, and an answer that is cut off, are failures too.
func TestCutOffAnswersAreAudited(t *testing.T) {
	l, _, _ := newLibrary(t, sheaf.DefaultLimits())
	for id, boom := range map[string]any{"abort": http.ErrAbortHandler, "panic": "boom"} {
		handler, err := newHandler(Options{Library: l}, []route{{
			method: http.MethodGet, path: "/boom", id: id, access: needs(sheaf.ScopeRead),
			serve: streaming(func(*server, http.ResponseWriter, *http.Request) error { panic(boom) }),
		}})
		if err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() { _ = recover() }()
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://localhost/boom", nil))
		}()
		if err := l.FlushAudit(t.Context()); err != nil {
			t.Fatal(err)
		}
		page, err := l.As(sheaf.Local("")).AuditLog(t.Context(), library.AuditQuery{Operations: []string{id}})
		if err != nil || len(page.Entries) != 1 || page.Entries[0].Status != sheaf.CallFailed {
			t.Errorf("%s leaves %+v, %v", id, page.Entries, err)
		}
	}
}

func TestAuditOverHTTP(t *testing.T) {
	s := newServer(t, Options{})
	doc := s.push("notes.md", "one")
	for range 130 {
		s.pull(doc.ID, "")
	}
	s.put(doc.ID, "?file_hash="+strings.Repeat("0", 64), "two", "X-Agent-Id", "hasty")

	conflicts := s.audited("status=conflict,denied&agent_id=hasty&document_id=" + string(doc.ID))
	if len(conflicts) != 1 || conflicts[0].Operation != "content.write" || conflicts[0].BookID != "default" || conflicts[0].Transport != "rest" {
		t.Errorf("the conflict is %+v", conflicts)
	}
	const query = "operation_type=content.read,document.create&book_id=default"
	s.audited(query)
	first := s.get("/audit?limit=1000&" + query)
	s.pull(doc.ID, "") // what is new does not move what comes next
	s.audited("")
	entries := read[[]sheaf.AuditEntry](t, first)
	next := s.nextOf(first)
	if len(entries) == 0 || len(entries) > 100 || next == "" {
		t.Fatalf("the first page has %d entries, and then %q", len(entries), next)
	}
	for following := next; following != ""; { // a busy machine makes pages short
		answer := s.get(following)
		entries, following = append(entries, read[[]sheaf.AuditEntry](t, answer)...), s.nextOf(answer)
	}
	last := entries[len(entries)-1]
	if len(entries) != 131 || last.Operation != "document.create" || last.FileHashAfter != doc.Digest.String() {
		t.Errorf("the pages have %d entries, the last is %+v", len(entries), last)
	}
	_, token, _ := strings.Cut(next, "continuation_token=")
	token, _, _ = strings.Cut(token, "&")
	for query, field := range map[string]string{
		"status=lost":                                          "[status]",
		"date_range=yesterday":                                 "[date_range]",
		"date_range=2026-01-01&from=x":                         "[from]",
		"document_id=nine&status=lost":                         "[status document_id]",
		"continuation_token=zz":                                "[continuation_token]",
		"limit=0&until=never":                                  "[until limit]",
		"status=error&continuation_token=" + token:             "[continuation_token]",
		"from=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z": "[until]",
	} {
		if got := fieldsOf(wantProblem(t, s.get("/audit?"+query), sheaf.ErrInvalid)); got != field {
			t.Errorf("%s: the fields %s are wrong, want %s", query, got, field)
		}
	}
	today := conflicts[0].Timestamp.Format("2006-01-02")
	if found := s.audited("date_range=" + today + ",1999-12-31"); len(found) < 100 {
		t.Errorf("today has %d entries", len(found))
	}
	if found := s.audited("date_range=1999-12-31,2000-01-01"); len(found) != 0 {
		t.Errorf("long ago has %d entries", len(found))
	}
	verified := read[sheaf.AuditVerification](t, s.do(http.MethodPost, "/audit/verify", nil))
	if text, _ := json.Marshal(verified); verified.Entries != 2 || string(text) != `{"streams":1,"entries":2,"files":0,"lines":0,"problems":[]}` {
		t.Errorf("the verification says %s", text)
	}
}
