package rest

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// documentProperties says of the fields of a document what their types do not.
var documentProperties = map[string]struct{ description, pattern string }{
	"document_id":         {"Names the document for good", documentIDPattern},
	"name":                {"What people call it", ""},
	"original_filename":   {"As it was uploaded, without directories", ""},
	"tags":                {"In the order given, each once", ""},
	"size_bytes":          {"The size of the content", ""},
	"checksum_sha256":     {"The SHA-256 of the content; zeros before it has one", "^[0-9a-f]{64}$"},
	"uploaded_at":         {"When it was created; never changes", ""},
	"updated_at":          {"When its content or description changed last", ""},
	"path":                {"Where in a book it is; absent elsewhere", ""},
	"layer":               {"Whose own copy it is, such as user:ada; absent for what everyone sees", ""},
	"collection":          {"That it is in; of a document in a bulk change, that it was in before", ""},
	"version":             {"The number of its current content, from 1; 0 before it has one", ""},
	"metadata":            {"A JSON object of its author's", ""},
	"url":                 {"Where it is served", ""},
	"mode":                {"What the change did: created, updated, unchanged, merged, deleted, restored, purged or moved", ""},
	"revision":            {"Of the collection, that made the document what it is", ""},
	"previous_revision":   {"Of the document before; restoring it undoes the change", ""},
	"previous_version":    {"The number of the content before", ""},
	"previous_collection": {"Where a document that was moved was before; moving it back undoes that", ""},
	"audit_entry_id":      {"Of the change in the log; absent when nothing was changed", ""},
}

// bulkProperties does the same for the fields of a bulk change.
var bulkProperties = map[string]string{
	"action":       "What is done: tag, move, delete or restore",
	"dry_run":      "Nothing was changed; this is what would be",
	"matched":      "How many documents were selected",
	"changed":      "How many of them were changed, or would be",
	"unchanged":    "How many of them were so already",
	"selection":    "Names the documents selected, each in the state it was in before; send it with the next call to be sure of them",
	"documents":    "All that were selected, with what was changed of them, before and after",
	"collections":  "The revision of each collection that was changed, with its entry in the log; empty in a preview",
	"operation_id": "What the entries in the log have in common, when there are several",
}

// finishSchemas says in the schemas what huma cannot know. Requests are the names
// of those that bodies of requests have.
func finishSchemas(schemas map[string]*huma.Schema, requests map[string]bool) {
	// huma registers the schema of its own errors, which nobody gets to see.
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	for name, schema := range schemas {
		if schema.Properties["document_id"] != nil {
			describeDocument(schema)
		}
		if name == "BulkChange" {
			for field, description := range bulkProperties {
				schema.Properties[field].Description = description
			}
		}
		// Answers will have further fields, which must not break a client. In a
		// request an unknown field is a mistake.
		if !requests[name] {
			schema.AdditionalProperties = nil
		}
		for name, property := range schema.Properties {
			neverNull(property)
			if name == "metadata" || name == "detail" && property.Type == "" {
				property.Type = huma.TypeObject
			}
		}
	}
}

// describeDocument describes the fields of a document in a schema that has them.
func describeDocument(schema *huma.Schema) {
	for name, property := range schema.Properties {
		known, ok := documentProperties[name]
		if !ok {
			continue
		}
		property.Pattern = known.pattern
		if property.Description == "" {
			property.Description = known.description
		}
	}
}

// neverNull says that a list is empty rather than null. In huma that is a
// variable for the whole process.
func neverNull(schema *huma.Schema) {
	if schema != nil && schema.Type == huma.TypeArray {
		schema.Nullable = false
		neverNull(schema.Items)
	}
}

// uploadBody describes the two bodies that createDocument reads.
func uploadBody(m *mounting) *huma.RequestBody {
	limits := m.limits
	form := formSchema(uploadFields(limits))
	form.Properties[fileField] = &huma.Schema{
		Type: huma.TypeString, Format: "binary",
		Description: fmt.Sprintf("The content, with a filename; at most %d bytes", limits.Content),
	}
	body := jsonBody[documentCreation](true)(m)
	body.Content["multipart/form-data"] = &huma.MediaType{Schema: form}
	return body
}

// formSchema describes a form with these fields and something to be said of its
// files.
func formSchema(fields []formField) *huma.Schema {
	form := &huma.Schema{
		Type:       huma.TypeObject,
		Required:   []string{fileField},
		Properties: map[string]*huma.Schema{},
		// Other fields are refused, so that a misspelt one is not lost.
		AdditionalProperties: false,
	}
	for _, field := range fields {
		form.Properties[field.name] = &huma.Schema{
			Type:        huma.TypeString,
			Description: field.description + "; at most " + field.limitText,
		}
	}
	return form
}

// contentBody describes a body that is a content as it is.
func contentBody(*mounting) *huma.RequestBody {
	content := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"*/*": content}}
}

// jsonBody describes a JSON body of type T, which readJSON reads.
func jsonBody[T any](required bool) func(*mounting) *huma.RequestBody {
	return func(m *mounting) *huma.RequestBody {
		schemas := m.api.OpenAPI().Components.Schemas
		schema := schemas.Schema(reflect.TypeFor[T](), true, "")
		m.ofRequest(schemas, schema)
		return &huma.RequestBody{Required: required, Content: jsonContent(schema.Ref)}
	}
}

// ofRequest remembers the schemas that a body refers to.
func (m *mounting) ofRequest(schemas huma.Registry, schema *huma.Schema) {
	if schema == nil {
		return
	}
	if schema.Ref != "" {
		m.requests[strings.TrimPrefix(schema.Ref, schemaPrefix)] = true
		schema = schemas.SchemaFromRef(schema.Ref)
	}
	m.ofRequest(schemas, schema.Items)
	for _, property := range schema.Properties {
		m.ofRequest(schemas, property)
	}
}
