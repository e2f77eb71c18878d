package rest

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html
var docsTemplate string

//go:embed docs.css
var docsStyle string

// docsPage mounts the page that describes the API to people. It is one file of
// HTML without scripts, made when it is asked for first.
func docsPage(m *mounting, operation *huma.Operation) {
	built := m.built
	style := sha256.Sum256([]byte(docsStyle))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(style[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	m.handle(operation, func(_ *server, w http.ResponseWriter, _ *http.Request) error {
		page, err := built.page()
		if err != nil {
			return err
		}
		w.Header().Set("Content-Security-Policy", policy)
		writeDocumentation(w, "text/html; charset=utf-8", page)
		return nil
	})
}

type docsGroup struct {
	Name       string
	Operations []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary, Description, Access string

	Parameters []docsField
	Fields     []docsField // of the body
	Responses  []docsField
}

type docsField struct {
	Name, In, Type, Description string
	Required                    bool
}

// renderDocs makes the page of the operations in the table, in its order.
func renderDocs(table []route, api *huma.OpenAPI) ([]byte, error) {
	var groups []docsGroup
	for _, r := range table {
		if r.hidden {
			continue
		}
		if len(groups) == 0 || groups[len(groups)-1].Name != r.group {
			groups = append(groups, docsGroup{Name: r.group})
		}
		group := &groups[len(groups)-1]
		group.Operations = append(group.Operations, describeOperation(r, operationAt(api.Paths[r.path], r.method), api.Components.Schemas))
	}
	page, err := template.New("docs").Parse(docsTemplate)
	if err != nil {
		return nil, fmt.Errorf("parse the docs page: %w", err)
	}
	var out bytes.Buffer
	err = page.Execute(&out, map[string]any{
		"Info":   api.Info,
		"Style":  template.CSS(docsStyle),
		"Groups": groups,
	})
	if err != nil {
		return nil, fmt.Errorf("render the docs page: %w", err)
	}
	return out.Bytes(), nil
}

func operationAt(path *huma.PathItem, method string) *huma.Operation {
	switch method {
	case http.MethodGet:
		return path.Get
	case http.MethodHead:
		return path.Head
	case http.MethodPost:
		return path.Post
	case http.MethodPut:
		return path.Put
	case http.MethodPatch:
		return path.Patch
	}
	return path.Delete
}

func describeOperation(r route, operation *huma.Operation, schemas huma.Registry) docsOperation {
	out := docsOperation{
		ID: r.id, Method: r.method, Path: r.path, Summary: r.summary, Description: r.description, Access: r.access.String(),
	}
	for _, p := range operation.Parameters {
		out.Parameters = append(out.Parameters, docsField{p.Name, p.In, typeName(p.Schema), p.Description, p.Required})
	}
	if operation.RequestBody != nil {
		for _, contentType := range slices.Sorted(maps.Keys(operation.RequestBody.Content)) {
			schema := operation.RequestBody.Content[contentType].Schema
			if schema.Ref != "" {
				schema = schemas.SchemaFromRef(schema.Ref)
			}
			for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
				property := schema.Properties[name]
				out.Fields = append(out.Fields, docsField{
					name, contentType, typeName(property), property.Description, slices.Contains(schema.Required, name),
				})
			}
		}
	}
	for _, status := range slices.Sorted(maps.Keys(operation.Responses)) {
		response := operation.Responses[status]
		var types []string
		for _, contentType := range slices.Sorted(maps.Keys(response.Content)) {
			types = append(types, contentType+" "+typeName(response.Content[contentType].Schema))
		}
		out.Responses = append(out.Responses, docsField{Name: status, Type: strings.Join(types, ", "), Description: response.Description})
	}
	return out
}

// typeName returns a schema's type in a word or two.
func typeName(schema *huma.Schema) string {
	switch {
	case schema == nil:
		return ""
	case schema.Ref != "":
		return schema.Ref[strings.LastIndexByte(schema.Ref, '/')+1:]
	case schema.Type == huma.TypeArray:
		return "list of " + typeName(schema.Items)
	case schema.Format != "":
		return schema.Format
	}
	return schema.Type
}
