package mcp

import (
	"errors"
	"slices"

	"github.com/sheaf-dev/sheaf"
)

// A failure is what an agent is told of an error.
type failure struct {
	Error failureDetail `json:"error"`
}

type failureDetail struct {
	Code     sheaf.ErrorKind      `json:"code"`
	Message  string               `json:"message"`
	Hint     string               `json:"hint,omitempty"`
	Fields   []sheaf.FieldError   `json:"fields,omitempty"`
	Conflict *sheaf.WriteConflict `json:"conflict,omitempty"`
}

// describeFailure returns what an agent is told, and whether the error is none
// of ours to be told: its text stays in the server's log.
func describeFailure(err error) (f failure, internal bool) {
	var e *sheaf.Error
	if !errors.As(err, &e) {
		return failure{failureDetail{
			Code: sheaf.ErrInternal, Message: "internal error", Hint: "the server's log says more; try again, or tell whoever runs the server",
		}}, true
	}
	return failure{failureDetail{Code: e.Kind, Message: e.Error(), Hint: e.Hint, Fields: e.Fields, Conflict: e.Conflict}}, false
}

// renameField returns an error in which a field that REST has is the argument that
// a tool has in its place.
func renameField(err error, field, argument string) error {
	var e *sheaf.Error
	if !errors.As(err, &e) || !slices.ContainsFunc(e.Fields, func(f sheaf.FieldError) bool { return f.Field == field }) {
		return err
	}
	renamed := *e
	renamed.Fields = slices.Clone(e.Fields)
	for i := range renamed.Fields {
		if renamed.Fields[i].Field == field {
			renamed.Fields[i].Field = argument
		}
	}
	return &renamed
}
