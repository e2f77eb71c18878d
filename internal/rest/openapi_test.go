package rest

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
)

var update = flag.Bool("update", false, "write api/openapi.yaml anew")

const golden = "../../api/openapi.yaml"

func TestOpenAPIGolden(t *testing.T) {
	s := newServer(t, Options{Version: "0.0.0"})
	got := s.get("/openapi.yaml").body
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the API is not the one in api/openapi.yaml; if it is meant to change: go test ./internal/rest -run OpenAPIGolden -update")
	}
}

type openAPI struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		OperationID string
		RequestBody struct {
			Content map[string]struct {
				Schema struct {
					Properties map[string]any
				}
			}
		}
		Responses map[string]struct {
			Content map[string]any
		}
	}
	Components struct{ Schemas map[string]any }
}

func readOpenAPI(t *testing.T, s *testServer) openAPI {
	t.Helper()
	var api openAPI
	if err := json.Unmarshal(s.get("/openapi.json").body, &api); err != nil {
		t.Fatal(err)
	}
	return api
}

func TestOpenAPIDescribesEveryRoute(t *testing.T) {
	s := newServer(t, Options{})
	api := readOpenAPI(t, s)
	if !strings.HasPrefix(api.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %s, want 3.1", api.OpenAPI)
	}
	for _, r := range routes() {
		operation, ok := api.Paths[r.path][strings.ToLower(r.method)]
		if ok == r.hidden {
			t.Errorf("%s %s is described: %v", r.method, r.path, ok)
		}
		if r.hidden {
			continue
		}
		if operation.OperationID != r.id {
			t.Errorf("%s %s: operationId %q, want %q", r.method, r.path, operation.OperationID, r.id)
		}
		for status, response := range operation.Responses {
			if status[0] < '4' {
				continue
			}
			if _, ok := response.Content[problemType]; !ok {
				t.Errorf("%s %s: %s is not answered with a problem", r.method, r.path, status)
			}
		}
	}
	form := api.Paths["/documents"]["post"].RequestBody.Content["multipart/form-data"].Schema.Properties
	for _, field := range []string{"file", "name", "tags", "description", "collection", "path", "metadata", "message"} {
		if form[field] == nil {
			t.Errorf("the form has no %s", field)
		}
	}
	for _, name := range []string{"ErrorModel", "ErrorDetail"} {
		if api.Components.Schemas[name] != nil {
			t.Errorf("the schema %s of the framework is described", name)
		}
	}
}

func TestDocsPage(t *testing.T) {
	s := newServer(t, Options{})
	answer := s.get("/docs")
	page := string(answer.body)
	policy := answer.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("Content-Security-Policy: %q", policy)
	}
	for _, r := range routes() {
		if shown := strings.Contains(page, `id="`+r.id+`"`); shown == r.hidden {
			t.Errorf("%s %s is on the page: %v", r.method, r.path, shown)
		}
	}
	for _, forbidden := range []string{"<script", "http://", "https://", "style=", "onclick", "ZgotmplZ"} {
		if strings.Contains(page, forbidden) {
			t.Errorf("the page has %s", forbidden)
		}
	}
	// The policy allows the style by the hash of exactly these bytes.
	if !strings.Contains(page, "<style>"+docsStyle+"</style>") {
		t.Error("the page's style is not the one that the policy allows")
	}
}

func TestHealth(t *testing.T) {
	s := newServer(t, Options{Version: "1.2.3"})
	s.push("a.txt", "x")
	var state map[string]any
	answer := s.get("/health")
	if err := json.Unmarshal(answer.body, &state); err != nil {
		t.Fatal(err)
	}
	if state["status"] != "ok" || state["version"] != "1.2.3" || state["last_operation_at"] == nil || state["undrained_blobs"] != 1.0 {
		t.Errorf("health: %s", answer.body)
	}
	if backends, _ := state["backends"].([]any); len(backends) != 1 {
		t.Errorf("backends: %s", answer.body)
	}
	for _, path := range []string{"/livez", "/readyz"} {
		if probe := s.get(path); probe.StatusCode != 200 || string(probe.body) != "ok\n" {
			t.Errorf("%s: %s %q", path, probe.Status, probe.body)
		}
	}
}

func TestAdministration(t *testing.T) {
	s := newServer(t, Options{})
	s.push("a.txt", "x")
	s.push("b.bin", randomText(200_000))
	for _, query := range []string{"", "?full=false", "?full=true", "?full"} {
		answer := s.do(http.MethodPost, "/admin/fsck"+query, nil)
		var report sheaf.CheckReport
		if err := json.Unmarshal(answer.body, &report); err != nil || report.Documents != 2 || report.Problems == nil || len(report.Problems) > 0 {
			t.Errorf("fsck%s: %s, %v", query, answer.body, err)
		}
		if full := strings.HasSuffix(query, "full") || strings.HasSuffix(query, "true"); report.Full != full {
			t.Errorf("fsck%s: full is %v", query, report.Full)
		}
	}
	if p := wantProblem(t, s.do(http.MethodPost, "/admin/fsck?full=perhaps", nil), sheaf.ErrInvalid); fieldsOf(p) != "[full]" {
		t.Errorf("full=perhaps: %+v", p)
	}
	var plan sheaf.GarbagePlan
	if answer := s.get("/admin/gc"); json.Unmarshal(answer.body, &plan) != nil || plan != (sheaf.GarbagePlan{}) {
		t.Errorf("gc: %s", answer.body)
	}
}
