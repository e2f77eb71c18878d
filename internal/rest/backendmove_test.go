package rest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

// newMoveServer returns a server with the backends fs, other and third, and a book
// on the first.
func newMoveServer(t *testing.T) *testServer {
	t.Helper()
	l, _, dir := newLibrary(t, sheaf.DefaultLimits(), "other", "third")
	s := serve(t, Options{}, l, dir)
	read[sheaf.Change](t, s.do(http.MethodPut, "/books/go-book/content/a.md", strings.NewReader("a content")))
	return s
}

const movePath = "/collections/go-book/backend"

// advance takes steps of all moves until there is nothing to do at once.
func (s *testServer) advance() {
	s.t.Helper()
	for more := true; more; {
		var err error
		if more, err = s.library.AdvanceMoves(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
	}
}

// A move from its plan to its end, and what its routes say in each phase.
func TestBackendMove(t *testing.T) {
	s := newMoveServer(t)
	wantProblem(t, s.get(movePath), sheaf.ErrNotFound)
	plan := read[sheaf.MovePlan](t, s.get(movePath+"/plan?storage_backend=other"))
	if want := (sheaf.MovePlan{Collection: "go-book", From: "fs", To: "other", Documents: 1, Versions: 1, Contents: 1, Bytes: 9}); plan != want {
		t.Errorf("the plan is %+v, want %+v", plan, want)
	}
	wantProblem(t, s.get(movePath), sheaf.ErrNotFound) // a plan begins nothing

	wanted := `{"storage_backend":"other","grace_seconds":3600}`
	move := read[sheaf.BackendMove](t, s.send(http.MethodPost, movePath, wanted))
	if move.Phase != sheaf.MoveCopying || move.Status != sheaf.StatusMigrating || move.From != "fs" || move.To != "other" || move.AlreadyMoving ||
		move.ID == "" || move.Contents != 1 || move.Bytes != 9 || move.GraceSeconds != 3600 || move.SwitchedAt != nil || move.KeepUntil != nil {
		t.Errorf("it begins as %+v", move)
	}
	again := read[sheaf.BackendMove](t, s.send(http.MethodPost, movePath, wanted))
	if !again.AlreadyMoving || again.ID != move.ID {
		t.Errorf("begun again it is %+v, want the one that is under way", again)
	}
	if p := wantProblem(t, s.send(http.MethodPost, movePath, `{"storage_backend":"third"}`), sheaf.ErrExists); p.Hint == "" {
		t.Errorf("a second move: %+v, want a hint", p)
	}
	wantProblem(t, s.get(movePath+"/plan?storage_backend=third"), sheaf.ErrExists)
	if p := wantProblem(t, s.do(http.MethodPost, movePath+"/finish", nil), sheaf.ErrPreconditionFailed); !strings.Contains(p.Detail, "copying") {
		t.Errorf("finishing it too early: %+v, want the phase it is in", p)
	}
	if status := read[sheaf.CollectionStats](t, s.get("/collections/go-book")).Status; status != sheaf.StatusMigrating {
		t.Errorf("the collection is %s", status)
	}

	s.advance()
	move = read[sheaf.BackendMove](t, s.get(movePath))
	if move.Phase != sheaf.MoveKept || move.Status != sheaf.StatusActive || move.Copied != 1 || move.CopiedBytes != 9 ||
		move.SwitchedAt == nil || move.KeepUntil == nil || move.EndedAt != nil || move.Problem != "" {
		t.Errorf("once all is there it is %+v", move)
	}
	if finished := read[sheaf.BackendMove](t, s.do(http.MethodPost, movePath+"/finish", nil)); finished.Phase != sheaf.MoveKept || finished.GraceSeconds != 0 {
		t.Errorf("finished it is %+v", finished)
	}
	s.advance()
	if move = read[sheaf.BackendMove](t, s.get(movePath)); move.Phase != sheaf.MoveDone || move.EndedAt == nil || move.KeepUntil != nil {
		t.Errorf("at its end it is %+v", move)
	}
	for what, answer := range map[string]response{
		"rolling back": s.do(http.MethodDelete, movePath, nil), "finishing": s.do(http.MethodPost, movePath+"/finish", nil),
	} {
		if p := wantProblem(t, answer, sheaf.ErrNotFound); p.Hint == "" {
			t.Errorf("%s what is over: %+v, want a hint", what, p)
		}
	}
	if p := wantProblem(t, s.send(http.MethodPost, movePath, `{"storage_backend":"other"}`), sheaf.ErrInvalid); fieldsOf(p) != "[storage_backend]" {
		t.Errorf("to where it is: %+v", p)
	}
	if got := string(s.get("/books/go-book/content/a.md").body); got != "a content" {
		t.Errorf("the content is %q", got)
	}
}

// A move is rolled back in each of its phases, and once is enough.
func TestBackendMoveRolledBack(t *testing.T) {
	for _, advanced := range []bool{false, true} {
		s := newMoveServer(t)
		move := read[sheaf.BackendMove](t, s.send(http.MethodPost, movePath, `{"storage_backend":"other","grace_seconds":60}`))
		if advanced {
			s.advance()
		}
		for range 2 {
			back := read[sheaf.BackendMove](t, s.do(http.MethodDelete, movePath, nil))
			if back.Phase != sheaf.MoveReturning || back.ID != move.ID || back.From != "fs" || back.To != "other" || back.Status != sheaf.StatusMigrating {
				t.Errorf("rolled back it is %+v", back)
			}
		}
		wantProblem(t, s.do(http.MethodPost, movePath+"/finish", nil), sheaf.ErrPreconditionFailed)
		wantProblem(t, s.send(http.MethodPost, movePath, `{"storage_backend":"other"}`), sheaf.ErrExists)
		wantProblem(t, s.send(http.MethodPost, movePath, `{"storage_backend":"fs"}`), sheaf.ErrExists)
		s.advance()
		if back := read[sheaf.BackendMove](t, s.get(movePath)); back.Phase != sheaf.MoveRolledBack || back.EndedAt == nil || back.Status != sheaf.StatusActive {
			t.Errorf("at its end it is %+v", back)
		}
		wantProblem(t, s.do(http.MethodDelete, movePath, nil), sheaf.ErrNotFound)
		if again := read[sheaf.BackendMove](t, s.send(http.MethodPost, movePath, `{"storage_backend":"third"}`)); again.ID == move.ID || again.To != "third" || again.Copied != 0 {
			t.Errorf("another move is %+v", again)
		}
	}
}

// What a move cannot be told, all of it at once, and nothing begins.
func TestBackendMoveRefusals(t *testing.T) {
	s := newMoveServer(t)
	for body, fields := range map[string]string{
		`{}`:                         "[storage_backend]",
		`{"storage_backend":""}`:     "[storage_backend]",
		`{"storage_backend":"moon"}`: "[storage_backend]",
		`{"storage_backend":"fs"}`:   "[storage_backend]",
		`{"storage_backend":"../x","grace_seconds":-1}`:                            "[storage_backend grace_seconds]",
		`{"storage_backend":"other","grace_seconds":31622401}`:                     "[grace_seconds]",
		`{"storage_backend":"other","grace_seconds":18446744074}`:                  "[grace_seconds]", // more nanoseconds than an integer has
		`{"storage_backend":"other","grace_seconds":9223372036854775807}`:          "[grace_seconds]",
		`{"storage_backend":"other","grace_seconds":-9223372036854775808}`:         "[grace_seconds]",
		`{"storage_backend":"other","grace":5}`:                                    "[grace]",
		`{"storage_backend":7,"grace_seconds":"long"}`:                             "[storage_backend grace_seconds]",
		`{"storage_backend":"` + strings.Repeat("x", 300) + `","grace_seconds":1}`: "[storage_backend]",
	} {
		if p := wantProblem(t, s.send(http.MethodPost, movePath, body), sheaf.ErrInvalid); fieldsOf(p) != fields {
			t.Errorf("the fields of %.100s are said to be %s, want %s: %s", body, fieldsOf(p), fields, p.Detail)
		}
	}
	for _, body := range []string{``, `[]`, `"other"`, `{"storage_backend"`} {
		wantProblem(t, s.send(http.MethodPost, movePath, body), sheaf.ErrInvalid)
	}
	for _, query := range []string{"", "?storage_backend=", "?storage_backend=moon", "?storage_backend=fs", "?storage_backend=%00"} {
		if p := wantProblem(t, s.get(movePath+"/plan"+query), sheaf.ErrInvalid); fieldsOf(p) != "[storage_backend]" {
			t.Errorf("the fields of a plan with %q are said to be %s", query, fieldsOf(p))
		}
	}
	for name, kind := range map[string]sheaf.ErrorKind{"nowhere": sheaf.ErrNotFound, "NoSlug": sheaf.ErrInvalid} {
		path := "/collections/" + name + "/backend"
		for what, answer := range map[string]response{
			"begin": s.send(http.MethodPost, path, `{"storage_backend":"other"}`), "show": s.get(path), "roll back": s.do(http.MethodDelete, path, nil),
			"finish": s.do(http.MethodPost, path+"/finish", nil), "plan": s.get(path + "/plan?storage_backend=other"),
		} {
			t.Run(what+" "+name, func(t *testing.T) { wantProblem(t, answer, kind) })
		}
	}
	for what, answer := range map[string]response{
		"show": s.get(movePath), "roll back": s.do(http.MethodDelete, movePath, nil), "finish": s.do(http.MethodPost, movePath+"/finish", nil),
	} {
		t.Run(what+" what does not move", func(t *testing.T) { wantProblem(t, answer, sheaf.ErrNotFound) })
	}
	if status := read[sheaf.CollectionStats](t, s.get("/collections/go-book")).Status; status != sheaf.StatusActive {
		t.Errorf("the collection is %s", status)
	}
}

// An archived book can be moved, and stays archived.
func TestBackendMoveOfAnArchivedBook(t *testing.T) {
	s := newMoveServer(t)
	read[sheaf.CollectionStats](t, s.send(http.MethodPatch, "/collections/go-book", `{"status":"archived"}`))
	if move := read[sheaf.BackendMove](t, s.send(http.MethodPost, movePath, `{"storage_backend":"other","grace_seconds":60}`)); move.Status != sheaf.StatusArchived {
		t.Errorf("it begins as %+v", move)
	}
	wantProblem(t, s.do(http.MethodPut, "/books/go-book/content/b.md", strings.NewReader("b")), sheaf.ErrArchived)
	s.advance()
	if move := read[sheaf.BackendMove](t, s.get(movePath)); move.Phase != sheaf.MoveKept || move.Status != sheaf.StatusArchived {
		t.Errorf("once all is there it is %+v", move)
	}
}
