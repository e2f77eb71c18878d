package library_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// neededScopes says what every method of a session needs. A method that is not
// here fails the test: decide who may call it, check it there, then list it.
var neededScopes = map[string]sheaf.Scope{
	"AddSummary":       sheaf.ScopeWrite,
	"Archive":          sheaf.ScopeRead,
	"Asset":            sheaf.ScopeRead,
	"Assets":           sheaf.ScopeRead,
	"AuditLog":         sheaf.ScopeRead,
	"Backends":         sheaf.ScopeAdmin,
	"BeginBatch":       sheaf.ScopeWrite,
	"BeginUpload":      sheaf.ScopeWrite,
	"Book":             sheaf.ScopeRead,
	"BookArchive":      sheaf.ScopeRead,
	"BookFiles":        sheaf.ScopeRead,
	"Books":            sheaf.ScopeRead,
	"CancelUpload":     sheaf.ScopeWrite,
	"ChangeBook":       sheaf.ScopeCreate,
	"ChangeCollection": sheaf.ScopeCreate,
	"ChangeDocument":   sheaf.ScopeWrite,
	"Check":            sheaf.ScopeAdmin,
	"CollectGarbage":   sheaf.ScopeAdmin,
	"Collection":       sheaf.ScopeRead,
	"CollectionLog":    sheaf.ScopeRead,
	"CollectionMove":   sheaf.ScopeRead,
	"Collections":      sheaf.ScopeRead,
	"Compare":          sheaf.ScopeRead,
	"CompleteUpload":   sheaf.ScopeWrite,
	"CreateBook":       sheaf.ScopeCreate,
	"CreateCollection": sheaf.ScopeCreate,
	"CreateDocument":   sheaf.ScopeWrite,
	"CreateDocuments":  sheaf.ScopeWrite,
	"DeleteAtPath":     sheaf.ScopeWrite,
	"DeleteCollection": sheaf.ScopeCreate,
	"DeleteDocument":   sheaf.ScopeWrite,
	"DeleteDocuments":  sheaf.ScopeWrite,
	"DeleteSummary":    sheaf.ScopeWrite,
	"DeleteTree":       sheaf.ScopeWrite,
	"Document":         sheaf.ScopeRead,
	"DocumentAt":       sheaf.ScopeRead,
	"DocumentLog":      sheaf.ScopeRead,
	"Documents":        sheaf.ScopeRead,
	"EditAtPath":       sheaf.ScopeWrite,
	"EditContent":      sheaf.ScopeWrite,
	"FinishMove":       sheaf.ScopeAdmin,
	"Encryption":       sheaf.ScopeAdmin,
	"Glob":             sheaf.ScopeRead,
	"Grep":             sheaf.ScopeRead,
	"LinkBookArchive":  sheaf.ScopeRead,
	"Manifest":         sheaf.ScopeRead,
	"MoveCollection":   sheaf.ScopeAdmin,
	"MoveDocument":     sheaf.ScopeWrite,
	"MoveDocuments":    sheaf.ScopeWrite,
	"MovePath":         sheaf.ScopeWrite,
	"OpenAsset":        sheaf.ScopeRead,
	"OpenAtPath":       sheaf.ScopeRead,
	"OpenDocument":     sheaf.ScopeRead,
	"OpenDocumentAt":   sheaf.ScopeRead,
	"Overlays":         sheaf.ScopeRead,
	"PlanBuild":        sheaf.ScopeRead,
	"PlanGarbage":      sheaf.ScopeAdmin,
	"PlanMove":         sheaf.ScopeAdmin,
	"Repair":           sheaf.ScopeAdmin,
	"PurgeDocument":    sheaf.ScopeWrite,
	"PutAsset":         sheaf.ScopeWrite,
	"PutContent":       sheaf.ScopeWrite,
	"ReadAsset":        sheaf.ScopeRead,
	"PutSummary":       sheaf.ScopeWrite,
	"ReadAtPath":       sheaf.ScopeRead,
	"ReadContent":      sheaf.ScopeRead,
	"ReadBook":         sheaf.ScopeRead,
	"ReadSummary":      sheaf.ScopeRead,
	"Receive":          sheaf.ScopeWrite,
	"ReceiveAsset":     sheaf.ScopeWrite,
	"Relate":           sheaf.ScopeWrite,
	"Search":           sheaf.ScopeRead,
	"TestBackend":      sheaf.ScopeAdmin,
	"Relations":        sheaf.ScopeRead,
	"RestoreDocument":  sheaf.ScopeWrite,
	"RollBackMove":     sheaf.ScopeAdmin,
	"RestoreDocuments": sheaf.ScopeWrite,
	"RotateKeys":       sheaf.ScopeAdmin,
	"StageUpload":      sheaf.ScopeWrite,
	"TagDocuments":     sheaf.ScopeWrite,
	"Trash":            sheaf.ScopeRead,
	"Unrelate":         sheaf.ScopeWrite,
	"UploadStatus":     sheaf.ScopeWrite,
	"Summaries":        sheaf.ScopeRead,
	"UpdateSummary":    sheaf.ScopeWrite,
	"ValidateBook":     sheaf.ScopeRead,
	"VerifyAudit":      sheaf.ScopeAdmin,
	"Version":          sheaf.ScopeRead,
	"Versions":         sheaf.ScopeRead,
	"WriteContent":     sheaf.ScopeWrite,
}

// bySignature are the methods that need no scope: what they were asked for with
// says what the caller may do, or they refuse.
var bySignature = map[string]bool{"OpenBookArchive": true}

func TestEveryMethodChecksItsScope(t *testing.T) {
	s := open(t)
	doc := s.create("kept")
	everything := []sheaf.Scope{sheaf.ScopeRead, sheaf.ScopeWrite, sheaf.ScopeCreate, sheaf.ScopeAdmin}
	sessions := reflect.TypeFor[*library.Session]()
	for i := range sessions.NumMethod() {
		name := sessions.Method(i).Name
		if bySignature[name] {
			err := callMethod(t, s.As(sheaf.Principal{ID: "agent:curious"}), name, doc.ID)
			wantKind(t, "Session."+name+" without a signature", err, sheaf.ErrForbidden)
			continue
		}
		needed, ok := neededScopes[name]
		if !ok {
			t.Errorf("the method Session.%s is not in the table of needed scopes", name)
			continue
		}
		var others []sheaf.Scope
		for _, scope := range everything {
			if scope != needed {
				others = append(others, scope)
			}
		}
		for _, scopes := range []sheaf.ScopeSet{0, sheaf.Scopes(others...)} {
			err := callMethod(t, s.As(sheaf.Principal{ID: "agent:curious", Scopes: scopes}), name, doc.ID)
			wantKind(t, "Session."+name+" without the scope "+needed.String(), err, sheaf.ErrForbidden)
			if err != nil && (!strings.Contains(err.Error(), needed.String()) || !strings.Contains(err.Error(), "agent:curious")) {
				t.Errorf("Session.%s: %q, want it to name the scope %s and the caller", name, err, needed)
			}
		}
	}
	s.wantRead(doc.ID, "kept")
}

// callMethod calls a method with the context of the test, the id where one is
// asked for, and otherwise nothing. It returns the method's error.
func callMethod(t *testing.T, session *library.Session, name string, id sheaf.DocumentID) error {
	t.Helper()
	method := reflect.ValueOf(session).MethodByName(name)
	var args []reflect.Value
	for i := range method.Type().NumIn() {
		in := method.Type().In(i)
		switch {
		case method.Type().IsVariadic() && i == method.Type().NumIn()-1:
		case reflect.TypeOf(t.Context()).AssignableTo(in):
			args = append(args, reflect.ValueOf(t.Context()))
		case in == reflect.TypeOf(id):
			args = append(args, reflect.ValueOf(id))
		default:
			args = append(args, reflect.Zero(in))
		}
	}
	out := method.Call(args)
	err, ok := out[len(out)-1].Interface().(error)
	if !ok && !out[len(out)-1].IsNil() {
		t.Fatalf("Session.%s does not return an error last", name)
	}
	return err
}

// The scopes that a method needs are enough for it.
func TestScopesSuffice(t *testing.T) {
	s := open(t)
	writer := s.As(sheaf.Principal{ID: "agent:writer", Scopes: sheaf.Scopes(sheaf.ScopeWrite)})
	upload, err := writer.Receive(t.Context(), strings.NewReader("content"))
	if err != nil {
		t.Fatalf("Receive by a writer: %v", err)
	}
	defer upload.Close()
	doc, err := writer.CreateDocument(t.Context(), library.NewDocument{Content: upload, Filename: "a.txt"})
	if err != nil {
		t.Fatalf("CreateDocument by a writer: %v", err)
	}
	reader := s.As(sheaf.Principal{ID: "agent:reader", Scopes: sheaf.Scopes(sheaf.ScopeRead)})
	if _, err := reader.Document(t.Context(), doc.ID); err != nil {
		t.Errorf("Document by a reader: %v", err)
	}
	if _, err := writer.DeleteDocument(t.Context(), doc.ID); err != nil {
		t.Errorf("DeleteDocument by a writer: %v", err)
	}
	creator := s.As(sheaf.Principal{ID: "agent:creator", Scopes: sheaf.Scopes(sheaf.ScopeCreate)})
	if made, err := creator.CreateCollection(t.Context(), library.NewCollection{Name: "field-notes"}); err != nil || made.Name != "field-notes" {
		t.Errorf("CreateCollection by a creator: %s, %v", made.Name, err)
	}
	title := "Notes"
	if made, err := creator.ChangeCollection(t.Context(), "field-notes", library.CollectionChange{Title: &title}); err != nil || made.Title != title {
		t.Errorf("ChangeCollection by a creator: %q, %v", made.Title, err)
	}
	admin := s.As(sheaf.Principal{ID: "admin", Scopes: sheaf.Scopes(sheaf.ScopeAdmin)})
	if _, err := admin.Check(t.Context(), true); err != nil {
		t.Errorf("Check by an administrator: %v", err)
	}
}
