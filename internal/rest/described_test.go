package rest

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
)

// A description is what the OpenAPI document says of the answers of every
// operation. Every answer that a test gets is checked against it.
type description struct {
	mux        *http.ServeMux // knows which pattern serves a request
	operations map[string]describedOperation
}

type describedOperation struct {
	answers map[string]describedAnswer // by status
	kinds   map[string]bool            // "404 not_found", of problems
}

type describedAnswer struct {
	headers map[string]bool
	content map[string]*jsonschema.Resolved // by media type; nil: not JSON
}

// descriptions has what was read already, by the document: nearly all servers of
// tests have the same.
var descriptions sync.Map

// readDescription reads an OpenAPI document.
func readDescription(t testing.TB, document []byte) *description {
	t.Helper()
	if known, ok := descriptions.Load(string(document)); ok {
		return known.(*description)
	}
	d := parseDescription(t, document)
	descriptions.Store(string(document), d)
	return d
}

func parseDescription(t testing.TB, document []byte) *description {
	t.Helper()
	var api struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Headers map[string]any
				Content map[string]struct{ Schema map[string]any }
			}
		}
		Components struct{ Schemas map[string]map[string]any }
	}
	// The schemas of the components are those of a JSON Schema when they are in
	// its definitions.
	document = []byte(strings.ReplaceAll(string(document), "#/components/schemas/", "#/$defs/"))
	if err := json.Unmarshal(document, &api); err != nil {
		t.Fatal(err)
	}
	for _, schema := range api.Components.Schemas {
		refuseUnknownFields(schema)
	}
	compiled := map[string]*jsonschema.Resolved{}
	compile := func(schema map[string]any) *jsonschema.Resolved {
		key := fmt.Sprint(schema)
		if compiled[key] != nil {
			return compiled[key]
		}
		root := map[string]any{"$defs": api.Components.Schemas}
		for keyword, value := range schema {
			root[keyword] = value
		}
		text, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		var parsed jsonschema.Schema
		if err := json.Unmarshal(text, &parsed); err != nil {
			t.Fatalf("a schema of the description: %v", err)
		}
		if compiled[key], err = parsed.Resolve(nil); err != nil {
			t.Fatalf("a schema of the description: %v", err)
		}
		return compiled[key]
	}

	d := &description{mux: http.NewServeMux(), operations: map[string]describedOperation{}}
	for _, r := range routes() {
		if r.hidden {
			continue
		}
		operation := describedOperation{answers: map[string]describedAnswer{}, kinds: map[string]bool{}}
		for status, response := range api.Paths[r.path][strings.ToLower(r.method)].Responses {
			answer := describedAnswer{headers: map[string]bool{}, content: map[string]*jsonschema.Resolved{}}
			for name := range response.Headers { // of a reference only the name matters here
				answer.headers[http.CanonicalHeaderKey(name)] = true
			}
			for mediaType, content := range response.Content {
				answer.content[mediaType] = nil
				if mediaType == "application/json" || mediaType == problemType {
					answer.content[mediaType] = compile(content.Schema)
				}
			}
			operation.answers[status] = answer
		}
		for _, kind := range r.kinds() {
			operation.kinds[fmt.Sprint(kind.HTTPStatus(), " ", kind)] = true
		}
		pattern := pattern(r.method, r.path)
		d.mux.Handle(pattern, http.NotFoundHandler())
		d.operations[pattern] = operation
	}
	return d
}

// refuseUnknownFields makes a schema refuse what it does not describe: a client
// may not, so that fields can be added, but then they have to be described.
func refuseUnknownFields(schema any) {
	switch schema := schema.(type) {
	case map[string]any:
		for _, inner := range schema {
			refuseUnknownFields(inner)
		}
		if _, ok := schema["properties"].(map[string]any); ok && schema["additionalProperties"] == nil {
			schema["additionalProperties"] = false
		}
	case []any:
		for _, inner := range schema {
			refuseUnknownFields(inner)
		}
	}
}

// unremarkable are the headers that every HTTP server sends.
var unremarkable = []string{"Connection", "Content-Length", "Content-Type", "Date"}

// check fails the test unless an answer is described: its status, its headers,
// its media type and its JSON; of a problem the code too.
func (d *description) check(t testing.TB, answer response) {
	t.Helper()
	_, pattern := d.mux.Handler(answer.Request)
	operation, ok := d.operations[pattern]
	if !ok {
		return
	}
	complain := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s %s answers %d "+format+", which is not described",
			slices.Concat([]any{answer.Request.Method, answer.Request.URL, answer.StatusCode}, args)...)
	}
	described, ok := operation.answers[strconv.Itoa(answer.StatusCode)]
	if !ok {
		complain("%s", answer.body)
		return
	}
	for name := range answer.Header {
		name = strings.TrimSuffix(name, "*") // a twin is described with the other
		if !described.headers[name] && !slices.Contains(unremarkable, name) {
			complain("with the header %s", name)
		}
	}
	if len(answer.body) == 0 {
		return
	}
	mediaType, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil {
		complain("with the Content-Type %q", answer.Header.Get("Content-Type"))
		return
	}
	schema, ok := described.content[mediaType]
	if _, any := described.content["*/*"]; !ok && !any {
		complain("as %s", mediaType)
	}
	if schema == nil {
		return
	}
	var value any
	if err := json.Unmarshal(answer.body, &value); err != nil {
		t.Errorf("%s %s answers %s, which is not JSON", answer.Request.Method, answer.Request.URL, answer.body)
	} else if err := schema.Validate(value); err != nil {
		complain("%s (%v)", answer.body, err)
	}
	if mediaType == problemType {
		code, _ := value.(map[string]any)["code"].(string)
		if kind := fmt.Sprint(answer.StatusCode, " ", code); !operation.kinds[kind] {
			complain("%s", code)
		}
	}
}
