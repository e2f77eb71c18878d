package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// A tool is one operation that agents can call.
type tool struct {
	definition
	fields []field
	input  json.RawMessage // the JSON Schema of its arguments
	output json.RawMessage // of its answer
	long   bool            // it may take long, and tells how far it is

	// call answers with JSON. Its errors are those of the library, and of
	// arguments that are wrong.
	call func(context.Context, *library.Session, json.RawMessage, progress) (json.RawMessage, error)
}

// A definition is what is said of a tool. The first sentence of a description
// has to stand alone: some clients show no more.
type definition struct {
	name, title, description string
	unlisted                 []string // further names, under which it is called and not listed
	toolset                  Toolset
	scope                    sheaf.Scope // without which a caller does not see it

	readOnly    bool // it changes nothing
	destructive bool // it may remove or replace what is there
	idempotent  bool // calling it again with the same arguments changes nothing more
}

// A Toolset is a group of tools that is offered together.
type Toolset string

// The toolsets there are. Books and documents are offered unless somebody asks
// for others.
const (
	ToolsetBooks     Toolset = "books"
	ToolsetDocuments Toolset = "documents"
	ToolsetHistory   Toolset = "history"
	ToolsetReview    Toolset = "review"
	ToolsetAdmin     Toolset = "admin"
)

// newTool makes a tool of a function that takes In, a struct with the fields,
// and answers with Out.
func newTool[In, Out any](d definition, fields []field, call func(context.Context, *library.Session, In) (Out, error)) tool {
	t := newLongTool(d, fields, func(ctx context.Context, session *library.Session, in In, _ progress) (Out, error) {
		return call(ctx, session, in)
	})
	t.long = false
	return t
}

// newLongTool makes a tool of a function that takes long, and tells how far it is.
func newLongTool[In, Out any](d definition, fields []field, call func(context.Context, *library.Session, In, progress) (Out, error)) tool {
	return tool{
		definition: d,
		fields:     fields,
		input:      mustMarshal(object("", "", fields...).schema()),
		output:     answerSchema[Out](),
		long:       true,
		call: func(ctx context.Context, session *library.Session, arguments json.RawMessage, report progress) (json.RawMessage, error) {
			in, err := decodeArguments[In](arguments, fields)
			if err != nil {
				return nil, err
			}
			out, err := call(ctx, session, in, report)
			if err != nil {
				return nil, err
			}
			answer, err := encodeAnswer(out)
			if err != nil {
				return nil, fmt.Errorf("encode the answer of %s: %w", d.name, err)
			}
			return answer, nil
		},
	}
}

// answerSchema returns the schema of a type of answers. Lists are never null,
// and further fields may come with a later version.
func answerSchema[Out any]() json.RawMessage {
	options := &jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[json.RawMessage](): {Type: "object"},
		reflect.TypeFor[sheaf.Digest]():    {Type: "string"},
	}}
	answer, err := jsonschema.For[Out](options)
	if err != nil {
		panic(fmt.Errorf("the schema of an answer: %w", err)) // the types are ours, and tests call every tool
	}
	loosen(answer)
	return mustMarshal(answer)
}

func loosen(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	s.AdditionalProperties = nil
	if len(s.Types) == 2 && s.Types[0] == "null" {
		s.Type, s.Types = s.Types[1], nil
	}
	loosen(s.Items)
	for _, property := range s.Properties {
		loosen(property)
	}
}
