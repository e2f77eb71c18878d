package library_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// record makes a call as a transport does.
func (s *store) record(principal sheaf.Principal, do func(*library.Session) error) {
	s.t.Helper()
	call := s.Begin(principal, "test")
	if err := do(call.Session()); err != nil {
		call.Fail(err)
	}
	call.End("unknown")
}

// audited returns what the audit has, the newest first.
func (s *store) audited(q library.AuditQuery) (entries []sheaf.AuditEntry) {
	s.t.Helper()
	if err := s.FlushAudit(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	for {
		page, err := s.AuditLog(s.t.Context(), q)
		if err != nil {
			s.t.Fatal(err)
		}
		entries = append(entries, page.Entries...)
		if q.Token = page.Next; q.Token == "" {
			return entries
		}
	}
}

// What a caller asks for is known by its name also when it is refused. A method
// that forgets to begin its operation fails here.
func TestEveryMethodIsRecorded(t *testing.T) {
	s := open(t)
	doc := s.create("kept")
	stranger := sheaf.Principal{ID: "agent:stranger", Label: "curious"}
	names := make(map[string]string)
	for name := range neededScopes {
		s.record(stranger, func(session *library.Session) error { return callMethod(t, session, name, doc.ID) })
		found := s.audited(library.AuditQuery{Agents: []string{stranger.ID}, Limit: 1})
		if len(found) == 0 {
			t.Fatalf("Session.%s leaves nothing", name)
		}
		e := found[0]
		if e.Operation == "unknown" || !strings.Contains(e.Operation, ".") {
			t.Errorf("Session.%s is recorded as %q", name, e.Operation)
		}
		if e.Status != sheaf.CallDenied || e.ErrorCode != sheaf.ErrForbidden || e.Label != "curious" || e.Transport != "test" || e.ErrorMessage == "" {
			t.Errorf("Session.%s, refused, is recorded as %+v", name, e)
		}
		method, _ := reflect.TypeFor[*library.Session]().MethodByName(name)
		takesID := slices.ContainsFunc(parameters(method.Type), func(p reflect.Type) bool { return p == reflect.TypeFor[sheaf.DocumentID]() })
		if takesID && name != "Trash" && (e.Document != doc.ID || e.BookID != "default") {
			t.Errorf("Session.%s of %s is recorded as of %q in %q", name, doc.ID, e.Document, e.BookID)
		}
		names[name] = e.Operation
	}
	if total := len(s.audited(library.AuditQuery{Agents: []string{stranger.ID}})); total != len(names) {
		t.Errorf("%d calls leave %d entries", len(names), total)
	}
}

func parameters(method reflect.Type) (types []reflect.Type) {
	for i := range method.NumIn() {
		types = append(types, method.In(i))
	}
	return types
}

// A call leaves its log entry or an access record, one of the two.
func TestCallsLeaveOneEntry(t *testing.T) {
	s := open(t)
	doc := s.create("one\n")
	me := sheaf.Local("me")
	write := func(content string, read sheaf.Digest) {
		s.record(me, func(session *library.Session) error {
			upload := s.receive(content)
			_, err := session.WriteContent(t.Context(), doc.ID, library.ContentWrite{Content: upload, FileHash: &read, Message: "why"})
			return err
		})
	}
	write("two\n", doc.Digest)
	write("two\n", sheaf.DigestOf([]byte("two\n")))
	write("three\n", doc.Digest)
	s.record(me, func(session *library.Session) error {
		content, err := session.OpenDocument(t.Context(), doc.ID, 0)
		if err == nil {
			content.Close()
		}
		return err
	})
	s.record(me, func(session *library.Session) error {
		_, err := session.OpenDocument(t.Context(), "doc_000000000000", 0)
		return err
	})
	s.record(me, func(*library.Session) error { return errors.New("secret") })
	s.record(me, func(*library.Session) error { return context.Canceled })

	entries := s.audited(library.AuditQuery{Agents: []string{"me"}})
	slices.Reverse(entries)
	want := []struct {
		operation, status string
		code              sheaf.ErrorKind
		logged            bool
	}{
		{"content.write", "success", "", true},
		{"content.write", "success", "", false}, // the same bytes: nothing to log
		{"content.write", "conflict", sheaf.ErrConflict, false},
		{"content.read", "success", "", false},
		{"content.read", "error", sheaf.ErrNotFound, false},
		{"unknown", "error", sheaf.ErrInternal, false},
		{"unknown", "error", sheaf.ErrUnavailable, false},
	}
	if len(entries) != len(want) {
		t.Fatalf("%d calls leave %d entries: %+v", len(want), len(entries), entries)
	}
	for i, w := range want {
		e := entries[i]
		if e.Operation != w.operation || e.Status != w.status || e.ErrorCode != w.code || (e.Hash != "") != w.logged || e.AgentID != "local" {
			t.Errorf("call %d: %+v, want %+v", i, e, w)
		}
		if strings.Contains(e.ErrorMessage, "secret") || (e.ErrorMessage == "") != (w.code == "") {
			t.Errorf("call %d: the message %q", i, e.ErrorMessage)
		}
	}
	first := entries[0]
	if first.FileHashBefore != doc.Digest.String() || first.FileHashAfter != sheaf.DigestOf([]byte("two\n")).String() ||
		first.Version != 2 || first.Document != doc.ID || first.BookID != "default" || first.Rev != 3 || first.Message != "why" {
		t.Errorf("the write is described as %+v", first)
	}
}

// Readers see the log, and of the reads only their own.
func TestAuditOfOthersNeedsAdmin(t *testing.T) {
	s := open(t)
	doc := s.create("one")
	for _, id := range []string{"agent:a", "agent:b"} {
		s.record(sheaf.Principal{ID: id, Scopes: sheaf.Scopes(sheaf.ScopeRead)}, func(session *library.Session) error {
			_, err := session.Document(t.Context(), doc.ID)
			return err
		})
	}
	if all := s.audited(library.AuditQuery{}); len(all) != 4 {
		t.Errorf("an administrator sees %d entries, want 4", len(all))
	}
	reader := s.As(sheaf.Principal{ID: "agent:a", Scopes: sheaf.Scopes(sheaf.ScopeRead)})
	page, err := reader.AuditLog(t.Context(), library.AuditQuery{})
	if err != nil {
		t.Fatal(err)
	}
	var saw []string
	for _, e := range page.Entries {
		saw = append(saw, e.AgentID+" "+e.Operation)
	}
	if want := []string{"agent:a document.read", "local document.create", "system collection.create"}; !slices.Equal(saw, want) {
		t.Errorf("a reader sees %q, want %q", saw, want)
	}
}

// A store that cannot record still answers, and says later how much it has not
// recorded; what is not sampled is not kept, errors always are.
func TestRecordingNeverHoldsUp(t *testing.T) {
	s := open(t, func(s *setup) { s.audit.Sampling = 0 })
	doc := s.create("one")
	read := func(id sheaf.DocumentID) {
		s.record(sheaf.Local("me"), func(session *library.Session) error {
			_, err := session.Document(t.Context(), id)
			return err
		})
	}
	for range 10 {
		read(doc.ID)
	}
	read("doc_000000000000")
	if kept := s.audited(library.AuditQuery{Agents: []string{"me"}}); len(kept) != 1 || kept[0].Status != sheaf.CallFailed {
		t.Errorf("of ten reads and an error without sampling are kept %+v", kept)
	}
	begin := time.Now()
	for range 40_000 {
		read("doc_000000000000")
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("40,000 reads that nobody writes down took %v", took)
	}
	kept := len(s.audited(library.AuditQuery{Agents: []string{"me"}, Limit: 100}))
	if kept < 10_000 || kept >= 40_000 {
		t.Errorf("of 40,000 errors in a moment %d are kept, want as many as the queue has room for", kept)
	}
}

// A flood of calls leaves no more records than somebody allows, and one of
// successes does not keep errors out.
func TestFloodsLeaveFewRecords(t *testing.T) {
	s := open(t, func(s *setup) { s.audit.Rate = 1 })
	doc := s.create("one")
	for i := range 400 {
		id := doc.ID
		if i >= 200 {
			id = "doc_000000000000"
		}
		s.record(sheaf.Local("me"), func(session *library.Session) error {
			_, err := session.Document(t.Context(), id)
			return err
		})
	}
	kept := make(map[string]int)
	for _, e := range s.audited(library.AuditQuery{Agents: []string{"me"}}) {
		kept[e.Status]++
	}
	for _, status := range []string{sheaf.CallSucceeded, sheaf.CallFailed} {
		if n := kept[status]; n < 5 || n > 30 {
			t.Errorf("of 200 calls in a moment %d records of %s are kept, want about the five that may come at once", n, status)
		}
	}
}

// What could not be written is written later.
func TestRecordsOutliveAFailedWrite(t *testing.T) {
	s := open(t)
	s.record(sheaf.Local("me"), func(session *library.Session) error {
		_, err := session.Documents(t.Context(), library.DocumentQuery{Limit: 1})
		return err
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 { // until the writer has not taken it before it was withdrawn
		if err := s.FlushAudit(ctx); err == nil {
			break
		}
	}
	if kept := s.audited(library.AuditQuery{Agents: []string{"me"}}); len(kept) != 1 || kept[0].Operation != "document.list" {
		t.Errorf("after a write that failed: %+v", kept)
	}
}

// Records are forgotten after their time, log entries never.
func TestAccessRecordsAreForgotten(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	s := open(t, func(s *setup) {
		s.clock = clock
		s.audit = library.AuditOptions{Sampling: 1, Retention: 24 * time.Hour}
	})
	look := func() {
		err := s.catalog.Mutate(t.Context(), 0, func(tx *catalog.Tx) error {
			return tx.AddAccess(catalog.Access{At: now, Principal: "me", Operation: "content.read", Status: sheaf.CallSucceeded})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s.create("one")
	look()
	now = now.Add(20 * time.Hour)
	look()
	now = now.Add(10 * time.Hour)
	for _, job := range s.Background() {
		if job.Name == "old access records" {
			if more, err := job.Run(t.Context()); err != nil || more {
				t.Errorf("forgetting: more %t, %v", more, err)
			}
		}
	}
	var left []string
	for _, e := range s.audited(library.AuditQuery{}) {
		left = append(left, e.Operation)
	}
	if want := []string{"content.read", "document.create", "collection.create"}; !slices.Equal(left, want) {
		t.Errorf("after 30 hours with a retention of 24 there are %q, want %q", left, want)
	}
}
