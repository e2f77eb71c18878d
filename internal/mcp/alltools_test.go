package mcp_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

// A toolSchema is what a client knows of the arguments of a tool.
type toolSchema struct {
	Properties map[string]struct{ Type string }
	Required   []string
}

func schemaOf(t *testing.T, tool *sdk.Tool) (schema toolSchema) {
	t.Helper()
	text, err := json.Marshal(tool.InputSchema)
	if err == nil {
		err = json.Unmarshal(text, &schema)
	}
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func allTools(t *testing.T, session *sdk.ClientSession) []*sdk.Tool {
	t.Helper()
	listed, err := session.ListTools(t.Context(), nil)
	if err != nil || len(listed.Tools) < 15 {
		t.Fatalf("%d tools, %v", len(listed.Tools), err)
	}
	return listed.Tools
}

// plausible are arguments for things that need not be there.
var plausible = map[string]any{
	"book_id": "empty-book", "path": "content/01-a.md", "new_path": "content/02-b.md", "content": "text", "query": "word",
	"document_id": "doc_0123456789ab", "filename": "a.png", "edits": []arguments{{"append": "more"}}, "asset_type": "images",
	"pattern": "**", "binary_data": "AAAA", "mime_type": "image/png",
}

// Lists are never null in what tools answer, also when there is nothing to list:
// in a store that is empty, and in a book that is.
func TestNoListIsNull(t *testing.T) {
	for _, withBook := range []bool{false, true} {
		session := connect(t, sheaftest.Start(t).URL+"/mcp")
		if withBook {
			call[sheaf.Book](t, session, "create_book", arguments{"book_id": plausible["book_id"]})
		}
		tools := allTools(t, session)
		// What makes something comes last, so that the others find nothing.
		slices.SortStableFunc(tools, func(a, b *sdk.Tool) int {
			rank := map[bool]int{true: 0, false: 1}
			return rank[a.Annotations.ReadOnlyHint] - rank[b.Annotations.ReadOnlyHint]
		})
		for _, tool := range tools {
			schema := schemaOf(t, tool)
			required, whole := arguments{}, arguments{}
			for name := range schema.Properties {
				value, known := plausible[name]
				if !known {
					continue
				}
				if slices.Contains(schema.Required, name) {
					required[name] = value
				} else if name == "book_id" || name == "path" {
					whole[name] = value
				}
			}
			for _, name := range schema.Required {
				if required[name] == nil {
					t.Errorf("%s needs %s, for which this test has no value", tool.Name, name)
				}
			}
			calls := []arguments{required}
			if len(whole) > 0 {
				for name, value := range required {
					whole[name] = value
				}
				calls = append(calls, whole)
			}
			if _, has := schema.Properties["path"]; has && tool.Annotations.ReadOnlyHint {
				root := arguments{"path": "/"}
				for name, value := range required {
					if name != "path" {
						root[name] = value
					}
				}
				calls = append(calls, root)
			}
			for _, in := range calls {
				result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: tool.Name, Arguments: in})
				if err != nil {
					t.Fatalf("%s: %v", tool.Name, err)
				}
				text := result.Content[0].(*sdk.TextContent).Text
				var answer any
				if err := json.Unmarshal([]byte(text), &answer); err != nil {
					t.Fatalf("%s answers %s: %v", tool.Name, text, err)
				}
				for _, at := range nulls("", answer) {
					t.Errorf("%s %v answers with null at %s: %s", tool.Name, in, at, text)
				}
			}
		}
	}
}

// nulls returns where in a JSON value there is null.
func nulls(at string, value any) (places []string) {
	switch v := value.(type) {
	case nil:
		return []string{at}
	case map[string]any:
		for name, value := range v {
			places = append(places, nulls(at+"."+name, value)...)
		}
	case []any:
		for i, value := range v {
			places = append(places, nulls(fmt.Sprintf("%s[%d]", at, i), value)...)
		}
	}
	return places
}

// Every tool names all that is wrong with a call at once: what is missing, and
// what is of a wrong type.
func TestEveryToolNamesAllInvalidFields(t *testing.T) {
	session := connect(t, sheaftest.Start(t).URL+"/mcp")
	for _, tool := range allTools(t, session) {
		schema := schemaOf(t, tool)
		if len(schema.Required) > 0 {
			wantFields(t, session, tool.Name, arguments{}, schema.Required)
		}
		wrong := arguments{}
		var names []string
		for name, property := range schema.Properties {
			wrong[name] = "neither a number nor anything else"
			if property.Type == "string" {
				wrong[name] = []int{1}
			}
			names = append(names, name)
		}
		wrong["no_such_argument"] = true
		wantFields(t, session, tool.Name, wrong, append(names, "no_such_argument"))
	}
}

// What a schema cannot say is reported together with what it can.
func TestRulesAndSchemasAreReportedTogether(t *testing.T) {
	session := connect(t, sheaftest.Start(t).URL+"/mcp")
	wantFields(t, session, "read_content", arguments{"book_id": "Field Notes", "path": "../a.md", "at": "yesterday", "limit": 0, "hash": 1},
		[]string{"book_id", "path", "at", "limit", "hash"})
	wantFields(t, session, "write_content", arguments{"book_id": "Field Notes", "path": "/a.md", "content": ""},
		[]string{"book_id", "path", "content"})
	// What is as the schema says is left to the library, which knows all the rules.
	wantFields(t, session, "move_content", arguments{"book_id": "Field Notes", "path": "/a.md", "new_path": "../b.md"},
		[]string{"book_id", "path", "new_path"})
}

// wantFields checks that a call is refused for just these fields.
func wantFields(t *testing.T, session *sdk.ClientSession, tool string, in arguments, want []string) {
	t.Helper()
	told := refuse(t, session, tool, in)
	var got []string
	for _, f := range told.Fields {
		got = append(got, f.Field)
	}
	slices.Sort(got)
	want = slices.Sorted(slices.Values(want))
	if told.Code != sheaf.ErrInvalid || !slices.Equal(got, want) {
		t.Errorf("%s %v: %s, fields %v, want %v", tool, in, told.Code, got, want)
	}
}
