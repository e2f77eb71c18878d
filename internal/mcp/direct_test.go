package mcp

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/sheaf-dev/sheaf/internal/library"
)

// What is unusual about a call leaves it to the SDK.
func TestWhatIsAnsweredDirectly(t *testing.T) {
	s, err := newServer(Options{}, []tool{
		readingTool("reads", func(context.Context, *library.Session, nothing) (nothing, error) { return nothing{}, nil }),
		{definition: readingTool("works", nil).definition, long: true, input: []byte(`{"type":"object"}`), output: []byte(`{"type":"object"}`)},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	offer := s.offerOf(view{toolsets: string(ToolsetDocuments), scopes: principal(http.Header{}, "").Scopes})
	usual := func(change ...string) http.Header {
		header := http.Header{}
		for i, pairs := 0, append([]string{"Content-Type", "application/json", "Accept", "application/json, text/event-stream", "Mcp-Protocol-Version", "2025-06-18"}, change...); i < len(pairs); i += 2 {
			header.Set(pairs[i], pairs[i+1])
		}
		return header
	}
	message := func(id, params string) string {
		return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":%s}`, id, params)
	}
	for _, test := range []struct {
		what   string
		header http.Header
		body   string
		want   bool
	}{
		{"as usual", usual(), message("1", `{"name":"reads","arguments":{}}`), true},
		{"an id that is a text", usual(), message(`"a-1"`, `{"name":"reads","arguments":{}}`), true},
		{"without arguments", usual(), message("1", `{"name":"reads"}`), true},
		{"a token of no use", usual(), message("1", `{"name":"reads","_meta":{"progressToken":1,"client/own":"x"}}`), true},
		{"in another order", usual(), `{ "params": {"arguments":{}, "name":"reads"}, "method": "tools/call", "id": 7, "jsonrpc": "2.0" }`, true},
		{"no version", usual("Mcp-Protocol-Version", ""), message("1", `{"name":"reads"}`), true},

		{"the newest version", usual("Mcp-Protocol-Version", "2026-07-28"), message("1", `{"name":"reads"}`), false},
		{"an unknown version", usual("Mcp-Protocol-Version", "2020-01-01"), message("1", `{"name":"reads"}`), false},
		{"another type", usual("Content-Type", "text/plain"), message("1", `{"name":"reads"}`), false},
		{"does not take events", usual("Accept", "application/json"), message("1", `{"name":"reads"}`), false},
		{"an event to go on from", usual("Last-Event-ID", "1"), message("1", `{"name":"reads"}`), false},
		{"the newest version's header", usual("Mcp-Method", "tools/call"), message("1", `{"name":"reads"}`), false},
		{"a long tool", usual(), message("1", `{"name":"works"}`), false},
		{"an unknown tool", usual(), message("1", `{"name":"none"}`), false},
		{"no tool", usual(), message("1", `{}`), false},
		{"the protocol's meta", usual(), message("1", `{"name":"reads","_meta":{"io.modelcontextprotocol/protocolVersion":"2025-06-18"}}`), false},
		{"more params", usual(), message("1", `{"name":"reads","task":{}}`), false},
		{"two names", usual(), message("1", `{"name":"reads","name":"reads"}`), false},
		{"an id of null", usual(), message("null", `{"name":"reads"}`), false},
		{"an id with a fraction", usual(), message("1.5", `{"name":"reads"}`), false},
		{"an id with escapes", usual(), message(`"\u0061"`, `{"name":"reads"}`), false},
		{"a notification", usual(), `{"jsonrpc":"2.0","method":"tools/call","params":{"name":"reads"}}`, false},
		{"two ids", usual(), `{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/call","params":{"name":"reads"}}`, false},
		{"another method", usual(), `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"name":"reads"}}`, false},
		{"another version of JSON-RPC", usual(), `{"jsonrpc":"1.0","id":1,"method":"tools/call","params":{"name":"reads"}}`, false},
		{"a batch", usual(), "[" + message("1", `{"name":"reads"}`) + "]", false},
		{"no JSON", usual(), message("1", `{"name":"reads","arguments":{]}`), false},
		{"two messages", usual(), message("1", `{"name":"reads"}`) + message("1", `{"name":"reads"}`), false},
	} {
		if _, ok := s.directCall(test.header, offer, []byte(test.body)); ok != test.want {
			t.Errorf("%s: answered directly: %v, want %v", test.what, ok, test.want)
		}
	}
}
