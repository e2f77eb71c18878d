package mcp_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

// Calls that are answered without the SDK are answered as it does, which the
// header of another version makes answer.
func TestDirectAnswersAreTheSDKs(t *testing.T) {
	s := sheaftest.Start(t)
	session := connect(t, s.URL+"/mcp")
	content := "---\ntitle: \"<Ü> & more\"\n---\n# \u2028 <b>&amp;</b> \\ \"quoted\"\n\ttab \U0001F600\n"
	call[map[string]any](t, session, "write_content", arguments{"book_id": "notes", "path": "a.md", "content": content})
	for _, params := range []string{
		`{"name":"read_content","arguments":{"book_id":"notes","path":"a.md"}}`,
		`{"name":"read_content","arguments":{"params":{"book_id":"notes","path":" a.md ","offset":null}}}`,
		`{"name":"list_books"}`,
		`{"name":"list_books","arguments":null}`,
		`{"name":"list_books","arguments":{"limit":0,"none":1}}`,
		`{"name":"list_books","arguments":[]}`,
		`{"name":"read_content","arguments":{"book_id":"notes","path":"b.md"}}`,
		`{"name":"read_content","arguments":{"book_id":7}}`,
	} {
		for _, id := range []string{"1", "-7", `"a"`, `"<ü>"`} {
			body := `{"jsonrpc":"2.0","id":` + id + `,"method":"tools/call","params":` + params + `}`
			direct, sdks := message(t, s.URL, body), message(t, s.URL, body, "Mcp-Method", "tools/call")
			for _, header := range []string{"Content-Type", "Cache-Control"} {
				if direct.header.Get(header) != sdks.header.Get(header) {
					t.Errorf("%s: %s %q, and of the SDK %q", params, header, direct.header.Get(header), sdks.header.Get(header))
				}
			}
			if direct.status != sdks.status || !sameJSON(t, direct.body, sdks.body) {
				t.Errorf("%s is answered %d %s, and by the SDK %d %s", params, direct.status, direct.body, sdks.status, sdks.body)
			}
		}
	}
	read := message(t, s.URL, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_content","arguments":{"book_id":"notes","path":"a.md"}}}`)
	if bytes.Contains(read.body, []byte(`\u003c`)) || !bytes.Contains(read.body, []byte(`<b>&amp;</b>`)) {
		t.Errorf("what a model reads is escaped: %s", read.body)
	}
	var answer struct {
		Result struct{ StructuredContent struct{ Content string } }
	}
	if err := json.Unmarshal(read.body, &answer); err != nil || answer.Result.StructuredContent.Content != content {
		t.Errorf("read_content: %q, %v, want %q", answer.Result.StructuredContent.Content, err, content)
	}
}

type answered struct {
	status int
	header http.Header
	body   []byte
}

// message sends a message as clients do, with more headers.
func message(t *testing.T, url, body string, headers ...string) answered {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/mcp", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i, pairs := 0, append([]string{"Content-Type", "application/json", "Accept", "application/json, text/event-stream", "Mcp-Protocol-Version", "2025-06-18"}, headers...); i < len(pairs); i += 2 {
		request.Header.Set(pairs[i], pairs[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{response.StatusCode, response.Header, text}
}
