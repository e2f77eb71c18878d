package mcp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// The SDK makes a connection, a session and a stream of every request, and
// decodes and encodes it several times over, which costs ten times what a tool
// does to read a lesson. So the calls of tools that need none of this are answered
// here. All that is unusual about a request leaves it to the SDK, which knows what
// to say, and so does the newest version of the protocol, whose headers repeat
// what is in the body. TestDirectAnswersAreTheSDKs holds the two together.

// directVersions are the versions of the protocol in which a call is nothing but
// its message.
var directVersions = []string{"", "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"}

// A directCall is a call of a tool that can be answered directly.
type directCall struct {
	id        json.RawMessage
	tool      tool
	arguments json.RawMessage
}

// directCall returns the call that is in a request, and whether it is one that can
// be answered directly.
func (s *Server) directCall(header http.Header, offer *offer, body []byte) (call directCall, ok bool) {
	if !plainHeaders(header) || !json.Valid(body) {
		return directCall{}, false
	}
	message, ok := members(body)
	if !ok || len(message) != 4 {
		return directCall{}, false
	}
	var version, method string
	var params json.RawMessage
	for _, m := range message {
		switch m.name {
		case "jsonrpc":
			version, _ = decodeString(m.value)
		case "id":
			call.id = m.value
		case "method":
			method, _ = decodeString(m.value)
		case "params":
			params = m.value
		}
	}
	// With four members of these names there is none twice, and no other.
	if version != "2.0" || method != "tools/call" || !plainID(call.id) {
		return directCall{}, false
	}
	var name string
	given, ok := members(params)
	if !ok {
		return directCall{}, false
	}
	for _, m := range given {
		switch {
		case m.name == "name" && name == "":
			name, _ = decodeString(m.value)
		case m.name == "arguments" && call.arguments == nil:
			call.arguments = m.value
		case m.name == "_meta" && plainMeta(m.value):
		default:
			return directCall{}, false
		}
	}
	call.tool, ok = offer.tools[name]
	// Of a tool that takes long, whoever asks for it is told its progress.
	return call, ok && !call.tool.long
}

// plainHeaders reports whether the headers of a request are those of every call.
func plainHeaders(header http.Header) bool {
	if !slices.Contains(directVersions, header.Get("Mcp-Protocol-Version")) || header.Get("Content-Type") != "application/json" {
		return false
	}
	accepted := header["Accept"]
	if len(accepted) != 1 || !strings.Contains(accepted[0], "application/json") || !strings.Contains(accepted[0], "text/event-stream") {
		return false
	}
	for _, name := range []string{"Last-Event-Id", "Mcp-Method", "Mcp-Name"} {
		if header[name] != nil {
			return false
		}
	}
	return true
}

// plainID reports whether an id is a short string or a whole number, which is sent
// back as it came.
func plainID(id json.RawMessage) bool {
	if len(id) > 100 {
		return false
	}
	if _, err := strconv.ParseInt(string(id), 10, 64); err == nil {
		return id[0] != '-' || id[1] != '0'
	}
	s, ok := decodeString(id)
	return ok && s == string(id[1:len(id)-1])
}

// plainMeta reports whether what a client says of its call is none of the
// protocol's, but for a token by which it would hear of progress.
func plainMeta(value json.RawMessage) bool {
	meta, ok := members(value)
	return ok && !slices.ContainsFunc(meta, func(m member) bool { return strings.HasPrefix(m.name, "io.modelcontextprotocol/") })
}

// answerDirectly calls the tool and writes its answer.
func (s *Server) answerDirectly(w http.ResponseWriter, r *http.Request, call directCall) {
	defer func() {
		// That of a tool was caught before.
		if caught := recover(); caught != nil {
			s.log.ErrorContext(r.Context(), "panic in a request of an agent", "tool", call.tool.name, "panic", fmt.Sprint(caught), "stack", string(debug.Stack()))
			refuse(w, http.StatusInternalServerError, "internal error")
		}
	}()
	audited := s.beginFor(principal(r.Header, ""), r)
	answer, failed := s.callTool(r.Context(), call.tool, audited, call.arguments, noProgress)

	text := make([]byte, 0, 9*len(answer)/4+256)
	text = append(text, `{"jsonrpc":"2.0","id":`...)
	text = append(text, call.id...)
	text = append(text, `,"result":{"content":[{"type":"text","text":`...)
	text = appendQuoted(text, answer)
	text = append(text, `}]`...)
	if failed {
		text = append(text, `,"isError":true`...)
	} else {
		text = append(text, `,"structuredContent":`...)
		text = append(text, answer...)
	}
	text = append(text, `}}`...)
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-cache, no-transform")
	header.Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write(text)
}
