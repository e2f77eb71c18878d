package app_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

// An address for agents serves them and nothing else, and no page of strangers.
func TestAddressOfAgents(t *testing.T) {
	configuration := sheaftest.Config(t)
	configuration.MCP.Listen = "127.0.0.1:0"
	configuration.MCP.ReadOnly = true
	s := sheaftest.StartConfig(t, configuration)
	url := "http://" + s.App.AgentAddr().String()
	const list = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	for _, test := range []struct {
		path, header, value string
		status              int
		want                string
	}{
		{"/mcp", "", "", http.StatusOK, `"name":"search"`},
		{"/mcp/x/documents/readonly", "", "", http.StatusOK, `"name":"search"`},
		{"/mcp", "X-MCP-Toolsets", "admin", http.StatusOK, `"tools":[]`},
		{"/mcp", "X-MCP-Toolsets", "no", http.StatusBadRequest, "there is no toolset"},
		{"/mcp", "Origin", "https://evil.example", http.StatusForbidden, "may not call"},
		{"/mcp", "Host", "evil.example", http.StatusForbidden, "is not a name of this server"},
		{"/documents", "", "", http.StatusNotFound, "agents are served at /mcp"},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+test.path, strings.NewReader(list))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Accept", "application/json, text/event-stream")
		if test.header == "Host" {
			request.Host = test.value
		} else if test.header != "" {
			request.Header.Set(test.header, test.value)
		}
		status, answer := exchange(t, request)
		if status != test.status || !strings.Contains(answer, test.want) || strings.Contains(answer, "push_document") {
			t.Errorf("%s with %s %s: %d, %s; want %d and %s", test.path, test.header, test.value, status, answer, test.status, test.want)
		}
	}
}

func exchange(t *testing.T, request *http.Request) (status int, answer string) {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}
