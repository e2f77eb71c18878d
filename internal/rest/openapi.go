package rest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

const apiDescription = "Sheaf stores documents for AI agents and the people who work with them. " +
	"Errors are application/problem+json (RFC 9457); their code says what a program can act on, their hint what to try next. " +
	"X-Agent-Id on any request names the agent that sends it, for the history."

// newAPI returns a huma API without routes of its own: no $schema in answers,
// no docs page that loads scripts from elsewhere.
func (s *server) newAPI(mux *http.ServeMux) huma.API {
	api := humago.New(mux, huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:       "Sheaf",
				Version:     s.version,
				Description: apiDescription,
				License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry(schemaPrefix, huma.DefaultSchemaNamer),
				Headers: commonHeaders,
			},
		},
		Formats:       map[string]huma.Format{"application/json": s.jsonFormat(), "json": s.jsonFormat()},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{s.transformErrors},
	})
	schemas := api.OpenAPI().Components.Schemas
	schemas.Schema(reflect.TypeFor[problemDetails](), true, "")
	for _, answer := range []reflect.Type{
		reflect.TypeFor[sheaf.Document](), reflect.TypeFor[sheaf.Change](),
		reflect.TypeFor[sheaf.VersionComparison](), reflect.TypeFor[excerpt](), reflect.TypeFor[batchAnswer](),
		reflect.TypeFor[fileDeletion](), reflect.TypeFor[editedDocument](),
		reflect.TypeFor[manifestAnswer](), reflect.TypeFor[sheaf.SummaryText](),
	} {
		schemas.Schema(answer, true, "")
	}
	return api
}

// jsonFormat is huma's, sent within a time.
func (s *server) jsonFormat() huma.Format {
	format := huma.DefaultJSONFormat
	format.Marshal = func(w io.Writer, v any) error {
		return huma.DefaultJSONFormat.Marshal(limitedWriter{s, w.(http.ResponseWriter)}, v)
	}
	return format
}

// A limitedWriter limits the time of each Write, of which an encoder of JSON
// makes one.
type limitedWriter struct {
	server *server
	answer http.ResponseWriter
}

// Write implements [io.Writer]. It does not fail: there is nobody left to be told.
func (w limitedWriter) Write(p []byte) (int, error) {
	w.server.limitSending(w.answer, int64(len(p)))
	w.answer.Write(p)
	return len(p), nil
}

const (
	schemaPrefix  = "#/components/schemas/"
	problemRef    = schemaPrefix + "ProblemDetails"
	documentRef   = schemaPrefix + "Document"
	changeRef     = schemaPrefix + "Change"
	comparisonRef = schemaPrefix + "VersionComparison"
	excerptRef    = schemaPrefix + "Excerpt"
	editedRef     = schemaPrefix + "EditedDocument"
	deletionRef   = schemaPrefix + "FileDeletion"
	summaryRef    = schemaPrefix + "SummaryText"
	manifestRef   = schemaPrefix + "ManifestAnswer"
)

// commonHeaders are those of every answer. The guard sets them.
var commonHeaders = map[string]*huma.Param{
	"X-Request-Id":           headerOf("Names the request in the server's log"),
	"X-Content-Type-Options": headerOf("nosniff: the Content-Type is what it says"),
}

// commonErrors are those of every operation: of the guard and of ourselves.
var commonErrors = []sheaf.ErrorKind{sheaf.ErrForbidden, sheaf.ErrInternal}

// kinds returns all errors that the operation may answer with.
func (r route) kinds() []sheaf.ErrorKind {
	kinds := slices.Concat(r.errors, commonErrors)
	if r.body == nil && !slices.Contains(kinds, sheaf.ErrInvalid) {
		kinds = append(kinds, sheaf.ErrInvalid) // of refuseBody
	}
	return kinds
}

// operation returns the route as OpenAPI describes it.
func (r route) operation(m *mounting) *huma.Operation {
	operation := &huma.Operation{
		Method:      r.method,
		Path:        r.path,
		OperationID: r.id,
		Summary:     r.summary,
		Description: r.description,
		Parameters:  r.parameters,
		Hidden:      r.hidden,
		Responses:   map[string]*huma.Response{},
		Extensions:  map[string]any{"x-scope": r.access.String()},
	}
	if r.group != "" {
		operation.Tags = []string{r.group}
	}
	if r.body != nil {
		operation.RequestBody = r.body(m)
	}
	for status, response := range r.success {
		operation.Responses[status] = response
	}
	codes := map[int][]sheaf.ErrorKind{}
	for _, kind := range r.kinds() {
		codes[kind.HTTPStatus()] = append(codes[kind.HTTPStatus()], kind)
	}
	for status, kinds := range codes {
		operation.Responses[strconv.Itoa(status)] = problemResponse(status, kinds)
	}
	return operation
}

// describeCommonHeaders adds to every answer the headers that all have.
func describeCommonHeaders(operation *huma.Operation) {
	for _, response := range operation.Responses {
		headers := maps.Clone(response.Headers)
		if headers == nil {
			headers = map[string]*huma.Param{}
		}
		for name := range commonHeaders {
			headers[name] = &huma.Param{Ref: "#/components/headers/" + name}
		}
		response.Headers = headers
	}
}

func problemResponse(status int, kinds []sheaf.ErrorKind) *huma.Response {
	description := "code: "
	for i, kind := range kinds {
		if i > 0 {
			description += " or "
		}
		description += string(kind)
	}
	response := &huma.Response{
		Description: description,
		Headers:     map[string]*huma.Param{},
		Content:     map[string]*huma.MediaType{problemType: {Schema: &huma.Schema{Ref: problemRef}}},
	}
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		response.Headers["Retry-After"] = headerOf("After how many seconds it is worth trying again")
	case http.StatusRequestedRangeNotSatisfiable:
		response.Headers["Content-Range"] = headerOf("bytes */ and the size of the content")
	}
	return response
}

func jsonContent(ref string) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Ref: ref}}}
}

func okText() *huma.Response {
	return &huma.Response{Description: "ok", Headers: map[string]*huma.Param{"Cache-Control": headerOf("no-store")}, Content: map[string]*huma.MediaType{"text/plain": {Schema: textSchema()}}}
}

func textSchema() *huma.Schema { return &huma.Schema{Type: huma.TypeString} }

func timeSchema() *huma.Schema { return &huma.Schema{Type: huma.TypeString, Format: "date-time"} }

func limitSchema() *huma.Schema {
	one := 1.0
	return &huma.Schema{Type: huma.TypeInteger, Minimum: &one, Default: library.DefaultPage}
}

func queryParam(name, description string, schema *huma.Schema) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: description, Schema: schema}
}

func headerParam(name, description string) *huma.Param {
	return &huma.Param{Name: name, In: "header", Description: description, Schema: textSchema()}
}

func numberParam(name, description string, least float64) *huma.Param {
	return queryParam(name, description, &huma.Schema{Type: huma.TypeInteger, Minimum: &least})
}

func limitParam(rows string) *huma.Param {
	return queryParam("limit", "How many "+rows+" a page has; above 1,000 is 1,000", limitSchema())
}

func atParam() *huma.Param {
	return queryParam("at", "What there was at a moment: a revision of the collection that the document is in, such as 42, or a time, such as 2025-01-31T12:00:00Z, which also finds it where it was before a move", textSchema())
}

func headerOf(description string) *huma.Param {
	return &huma.Param{Description: description, Schema: textSchema()}
}

func documentIDParam() *huma.Param {
	return &huma.Param{
		Name: "document_id", In: "path", Required: true, Description: "The document's id",
		Schema: &huma.Schema{Type: huma.TypeString, Pattern: documentIDPattern, Examples: []any{"doc_0123456789ab"}},
	}
}

const documentIDPattern = "^doc_[0-9a-f]{12}$"

func downloadParams() []*huma.Param {
	return []*huma.Param{
		documentIDParam(),
		numberParam("version", "An earlier content, by its number; the current one unless given", 1),
		atParam(),
		headerParam("Range", "Parts of the content, such as bytes=0-1023"),
		headerParam("If-Range", "Send the whole content instead of the range when it is another one now"),
		headerParam("If-None-Match", "Answer 304 when the content still has this ETag"),
		headerParam("If-Match", "Answer 412 unless the content has this ETag"),
	}
}

func downloadHeaders() map[string]*huma.Param {
	return map[string]*huma.Param{
		"X-Document-Id": headerOf("The document's id"),
		// Their twins with a star have no entries: generated clients would have two
		// fields of one name.
		"X-Document-Name":     headerOf("Its name, percent-encoded where it is not printable ASCII; then X-Document-Name* has it in UTF-8, as RFC 8187 encodes it"),
		"X-Document-Filename": headerOf("Its filename in the same way, with a twin X-Document-Filename*"),
		"Content-Disposition": headerOf("attachment, with the filename"),
		"Content-Length":      headerOf("The number of bytes that follow"),
		"Content-Encoding":    headerOf("gzip, when the content is stored in a form that allows it and Accept-Encoding asks for it"),
		"ETag":                headerOf(`The content's SHA-256 in quotes; with "-gzip" behind it for the gzip form`),
		"Last-Modified":       headerOf("When the document changed last"),
		"Accept-Ranges":       headerOf("bytes, for the plain form"),
		"Repr-Digest":         headerOf("The SHA-256 of the bytes of this form (RFC 9530)"),

		"Cache-Control":           cachingHeader(),
		"Content-Security-Policy": sandboxHeader(),
		"Vary":                    varyHeader(),
	}
}

func cachingHeader() *huma.Param {
	return headerOf("private, no-cache: it may be kept, and has to be asked about each time")
}

func sandboxHeader() *huma.Param {
	return headerOf("sandbox: a browser that shows the content runs nothing of it")
}

func varyHeader() *huma.Param { return headerOf("The headers of the request that the form depends on") }

// rangeHeaders are those of an answer with a part of a content.
func rangeHeaders() map[string]*huma.Param {
	headers := downloadHeaders()
	headers["Content-Range"] = headerOf("Which bytes follow, and the size of the content; of several ranges each part has its own")
	return headers
}

func downloadResponses() map[string]*huma.Response {
	content := map[string]*huma.MediaType{"*/*": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
	return map[string]*huma.Response{
		"200": {Description: "The content", Headers: downloadHeaders(), Content: content},
		"206": {Description: "The ranges asked for", Headers: rangeHeaders(), Content: content},
		"304": {Description: "The content still has the ETag of If-None-Match", Headers: downloadHeaders()},
	}
}

// headResponses are those of a download without its content.
func headResponses() map[string]*huma.Response { return withoutContent(downloadResponses()) }

func withoutContent(of map[string]*huma.Response) map[string]*huma.Response {
	responses := map[string]*huma.Response{}
	for status, response := range of {
		responses[status] = &huma.Response{Description: response.Description, Headers: response.Headers}
	}
	return responses
}

func downloadErrors() []sheaf.ErrorKind {
	return []sheaf.ErrorKind{
		sheaf.ErrInvalid, sheaf.ErrNotFound, sheaf.ErrGone, sheaf.ErrNotAcceptable, sheaf.ErrPreconditionFailed, sheaf.ErrRange,
		sheaf.ErrDamaged, sheaf.ErrBackendUnavailable,
	}
}

// documentation is what is made of the finished description of the API, each
// form when somebody asks for it first: together they cost more than everything
// else that a process does to open a store, and most never show them.
type documentation struct {
	json, yaml, page func() ([]byte, error)
}

// document finishes the description when all routes are mounted. Nothing changes
// it afterwards.
func (m *mounting) document() {
	api := m.api.OpenAPI()
	finishSchemas(api.Components.Schemas.Map(), m.requests)
	for _, path := range api.Paths {
		for _, operation := range []*huma.Operation{path.Get, path.Head, path.Post, path.Put, path.Patch, path.Delete} {
			if operation != nil {
				describeCommonHeaders(operation)
			}
		}
		if path.Get == nil {
			continue
		}
		for _, response := range path.Get.Responses {
			for _, content := range response.Content {
				neverNull(content.Schema)
			}
		}
	}
	table := m.table
	m.built.json = sync.OnceValues(func() ([]byte, error) { return json.Marshal(api) })
	m.built.yaml = sync.OnceValues(api.YAML)
	m.built.page = sync.OnceValues(func() ([]byte, error) { return renderDocs(table, api) })
}

// openAPIDocument mounts the OpenAPI document in one of its two forms.
func openAPIDocument(contentType string) mounter {
	return func(m *mounting, operation *huma.Operation) {
		built := m.built
		m.handle(operation, func(_ *server, w http.ResponseWriter, _ *http.Request) error {
			encode := built.json
			if contentType == "application/yaml" {
				encode = built.yaml
			}
			body, err := encode()
			if err != nil {
				return fmt.Errorf("encode the OpenAPI document: %w", err)
			}
			writeDocumentation(w, contentType, body)
			return nil
		})
	}
}

func writeDocumentation(w http.ResponseWriter, contentType string, body []byte) {
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("Cache-Control", "no-cache")
	w.Write(body)
}
