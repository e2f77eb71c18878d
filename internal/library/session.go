package library

import (
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// A Session is the library as one principal may use it. It may be used
// concurrently and needs no closing.
type Session struct {
	library   *Library
	principal sheaf.Principal
	call      *Call // that the session is for; nil outside of transports
}

// allow fails unless the principal has the scope.
func (s *Session) allow(scope sheaf.Scope) error {
	if s.principal.Scopes.Has(scope) {
		return nil
	}
	return sheaf.Errorf(sheaf.ErrForbidden, "this needs the scope %q, which %s does not have", scope, s.principal.ID).
		WithHint("use a key with that scope")
}

// An operation is what a method of a session does, on its way to the log or to an
// access record.
type operation struct {
	session *Session
	name    string
	started time.Time
}

// begin begins an operation. Every exported method of a session does that first,
// so that the audit knows what was asked for, also of what is refused.
func (s *Session) begin(name string) operation {
	s.call.about(func(r *catalog.Access) { r.Operation = name })
	return operation{session: s, name: name, started: time.Now()}
}

// on says which document an operation is about.
func (op operation) on(id sheaf.DocumentID) operation {
	op.session.call.about(func(r *catalog.Access) { r.Document = id })
	return op
}

// at says where the document is, once that is known.
func (s *Session) at(d sheaf.Document) {
	s.call.about(func(r *catalog.Access) { r.Stream, r.Path = string(d.Collection), d.Path })
}

// in says which collection, by the name that was given, an operation is about.
func (op operation) in(collection string) operation {
	op.session.call.about(func(r *catalog.Access) { r.Stream = sheaf.Clip(collection) })
	return op
}

// atPath says which path of a book, by what was given, an operation is about.
func (op operation) atPath(book, path string) operation {
	op.session.call.about(func(r *catalog.Access) { r.Stream, r.Path = sheaf.Clip(book), sheaf.Clip(path) })
	return op
}

// entry returns what the log will say of the operation.
func (op operation) entry(parts ...func(*sheaf.LogPayload)) *sheaf.LogPayload {
	op.session.call.logs()
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

// inLayer says of the documents of an entry in which layer they were touched.
func inLayer(layer string) func(*sheaf.LogPayload) {
	return func(p *sheaf.LogPayload) {
		for i := range p.Documents {
			p.Documents[i].Layer = layer
		}
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
