package rest

import (
	"encoding/json"
	"fmt"
	"maps"
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
	content map[string]func() (*jsonschema.Resolved, error) // by media type; nil: not JSON
}

// readDescription reads the OpenAPI document of a server. Servers of tests differ
// in nothing that it says, so it is read from the first.
func (s *testServer) readDescription() *description {
	s.t.Helper()
	descriptions.Do(func() { descriptions.all = parseDescription(s.t, s.get("/openapi.json").body) })
	return descriptions.all
}

var descriptions struct {
	sync.Once
	all *description
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
	// Every schema comes with those of the components. That is much to resolve, and
	// most tests need few.
	resolved := map[string]func() (*jsonschema.Resolved, error){}
	resolve := func(schema map[string]any) func() (*jsonschema.Resolved, error) {
		key := fmt.Sprint(schema)
		if resolved[key] == nil {
			resolved[key] = sync.OnceValues(func() (*jsonschema.Resolved, error) {
				root := map[string]any{"$defs": api.Components.Schemas}
				maps.Copy(root, schema)
				text, err := json.Marshal(root)
				if err != nil {
					return nil, err
				}
				var parsed jsonschema.Schema
				if err := json.Unmarshal(text, &parsed); err != nil {
					return nil, err
				}
				return parsed.Resolve(nil)
			})
		}
		return resolved[key]
	}

	d := &description{mux: http.NewServeMux(), operations: map[string]describedOperation{}}
	for _, r := range routes() {
		if r.hidden {
			continue
		}
		operation := describedOperation{answers: map[string]describedAnswer{}, kinds: map[string]bool{}}
		for status, response := range api.Paths[r.path][strings.ToLower(r.method)].Responses {
			answer := describedAnswer{headers: map[string]bool{}, content: map[string]func() (*jsonschema.Resolved, error){}}
			for name := range response.Headers { // of a reference only the name matters here
				answer.headers[http.CanonicalHeaderKey(name)] = true
			}
			for mediaType, content := range response.Content {
				answer.content[mediaType] = nil
				if mediaType == "application/json" || mediaType == problemType {
					answer.content[mediaType] = resolve(content.Schema)
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
	resolve, ok := described.content[mediaType]
	if _, any := described.content["*/*"]; !ok && !any {
		complain("as %s", mediaType)
	}
	if resolve == nil {
		return
	}
	schema, err := resolve()
	if err != nil {
		t.Fatalf("the schema of %s %s: %v", pattern, mediaType, err)
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
