package mcp

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// serve serves tools of a test, which need no store.
func serve(t *testing.T, tools ...tool) string {
	t.Helper()
	server, err := newServer(Options{}, tools, []resource{{
		template: "test://{id}", name: "test", toolset: ToolsetDocuments, scope: sheaf.ScopeRead,
		read: func(context.Context, *library.Session, string) (resourceContent, error) { panic("of a resource") },
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(server)
	t.Cleanup(s.Close)
	return s.URL
}

type nothing struct{}

func readingTool(name string, call func(context.Context, *library.Session, nothing) (nothing, error)) tool {
	return newTool(definition{name: name, toolset: ToolsetDocuments, scope: sheaf.ScopeRead, readOnly: true}, nil, call)
}

// post sends a message in a version of the protocol, the newest or one with the
// handshake, and returns the answer.
func post(ctx context.Context, url, version, method, params string) (int, string, error) {
	body := `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{` + params + `}}`
	if version >= "2026" {
		body = strings.TrimSuffix(body, "}}") + `,"_meta":{"io.modelcontextprotocol/protocolVersion":"` + version +
			`","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json, text/event-stream")
	request.Header.Set("Mcp-Protocol-Version", version)
	if version >= "2026" {
		var named struct{ Name, URI string }
		if err := json.Unmarshal([]byte("{"+params+"}"), &named); err != nil {
			return 0, "", err
		}
		request.Header.Set("Mcp-Method", method)
		request.Header.Set("Mcp-Name", named.Name+named.URI)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, string(answer), err
}

var versions = []string{"2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"}

// A panic ends one request, and says nothing of what is inside.
func TestPanicsAreCaught(t *testing.T) {
	url := serve(t, readingTool("panics", func(context.Context, *library.Session, nothing) (nothing, error) { panic("secret") }))
	for _, version := range versions {
		for method, params := range map[string]string{"tools/call": `"name":"panics","arguments":{}`, "resources/read": `"uri":"test://x"`} {
			_, answer, err := post(t.Context(), url, version, method, params)
			if err != nil || !strings.Contains(answer, "internal error") || strings.Contains(answer, "secret") {
				t.Errorf("%s in %s: %s, %v", method, version, answer, err)
			}
		}
	}
}

// A caller that goes away ends the work.
func TestCancelledCalls(t *testing.T) {
	started, ended := make(chan struct{}), make(chan error, 1)
	url := serve(t, readingTool("waits", func(ctx context.Context, _ *library.Session, _ nothing) (nothing, error) {
		started <- struct{}{}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Second):
		}
		ended <- ctx.Err()
		return nothing{}, ctx.Err()
	}))
	for _, version := range versions {
		for _, token := range []string{"", `,"_meta":{"progressToken":1}`} {
			if token != "" && version >= "2026" {
				continue // post writes the _meta of this version
			}
			ctx, cancel := context.WithCancel(t.Context())
			go post(ctx, url, version, "tools/call", `"name":"waits","arguments":{}`+token)
			<-started
			cancel()
			if err := <-ended; err == nil {
				t.Errorf("the call in %s %s went on", version, token)
			}
		}
	}
}

func TestWhatIsNoCall(t *testing.T) {
	url := serve(t)
	for _, test := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{http.MethodGet, "", "", http.StatusMethodNotAllowed, "agents call here with POST"},
		{http.MethodDelete, "", "", http.StatusMethodNotAllowed, "agents call here with POST"},
		{http.MethodPost, "", strings.Repeat(" ", maxBody+1), http.StatusRequestEntityTooLarge, "at most 16777216 bytes"},
	} {
		request, err := http.NewRequestWithContext(t.Context(), test.method, url+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			JSONRPC string
			Error   struct{ Message string }
		}
		err = json.NewDecoder(response.Body).Decode(&answer)
		response.Body.Close()
		if err != nil || response.StatusCode != test.status || answer.JSONRPC != "2.0" || !strings.Contains(answer.Error.Message, test.want) {
			t.Errorf("%s of %d bytes: %s, %+v, %v; want %d %q", test.method, len(test.body), response.Status, answer, err, test.status, test.want)
		}
		if allow := response.Header.Get("Allow"); test.status == http.StatusMethodNotAllowed && allow != http.MethodPost {
			t.Errorf("%s: allowed is %q", test.method, allow)
		}
	}
}
