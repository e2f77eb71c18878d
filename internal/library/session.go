package library

import (
	"time"

	"github.com/sheaf-dev/sheaf"
)

// A Session is the library as one principal may use it. It may be used
// concurrently and needs no closing.
type Session struct {
	library   *Library
	principal sheaf.Principal
}

// allow fails unless the principal has the scope.
func (s *Session) allow(scope sheaf.Scope) error {
	if s.principal.Scopes.Has(scope) {
		return nil
	}
	return sheaf.Errorf(sheaf.ErrForbidden, "this needs the scope %q, which %s does not have", scope, s.principal.ID).
		WithHint("use a key with that scope")
}

// An operation is a call that changes something, on its way to the log.
type operation struct {
	session *Session
	name    string
	started time.Time
}

func (s *Session) begin(name string) operation {
	return operation{session: s, name: name, started: time.Now()}
}

// entry returns what the log will say of the operation.
func (op operation) entry(parts ...func(*sheaf.LogPayload)) *sheaf.LogPayload {
	payload := &sheaf.LogPayload{
		Principal:  op.session.principal.ID,
		Label:      op.session.principal.Label,
		Operation:  op.name,
		Status:     "success",
		DurationUS: time.Since(op.started).Microseconds(),
	}
	for _, part := range parts {
		part(payload)
	}
	return payload
}

func withDocument(id sheaf.DocumentID, before, after *sheaf.LogState) func(*sheaf.LogPayload) {
	return func(p *sheaf.LogPayload) {
		p.Documents = append(p.Documents, sheaf.LogDocument{ID: id, Before: before, After: after})
	}
}

// withOperationID marks the entries of one operation that needs several. It is
// empty where one is enough.
func withOperationID(id string) func(*sheaf.LogPayload) {
	return func(p *sheaf.LogPayload) { p.OperationID = id }
}

func withMessage(message string) func(*sheaf.LogPayload) {
	return func(p *sheaf.LogPayload) { p.Message = message }
}

func withDetail(detail any) func(*sheaf.LogPayload) {
	return func(p *sheaf.LogPayload) { p.Detail = detail }
}
