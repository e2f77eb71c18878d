package client_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf/client"
)

// carry carries lines to a handler and returns the answers.
func carry(t *testing.T, in io.Reader, handler http.HandlerFunc) (answers []string) {
	t.Helper()
	c, err := client.New("http://sheaf.test", client.WithTransport(client.HandlerTransport(handler)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := c.Carry(t.Context(), "mcp", in, &out); err != nil {
		t.Fatalf("Carry: %v", err)
	}
	return slices.Collect(strings.Lines(out.String()))
}

// A message that was too large used to end the whole session.
func TestCarryAnswersWhatIsTooLarge(t *testing.T) {
	large := strings.Repeat("A", 17<<20)
	answers := carry(t, strings.NewReader(strings.Join([]string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"id":7,"data":"` + large + `"}}`,
		`{"method":"tools/call","params":{"data":"` + large + `"},"jsonrpc":"2.0","id":"two \" words"}`,
		`{"method":"tools/call","params":{"id":3,"data":"` + large + `","id":4}}`,
		`{"jsonrpc":"2.0","id":5,"method":"ping"}`,
	}, "\n")), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":5,"result":{}}`)
	})
	var got []string
	for _, line := range answers {
		var answer struct {
			ID    json.RawMessage
			Error *struct{ Message string }
		}
		if err := json.Unmarshal([]byte(line), &answer); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if answer.Error == nil {
			got = append(got, string(answer.ID)+" answered")
		} else if strings.Contains(answer.Error.Message, "more than 16777216 bytes") {
			got = append(got, string(answer.ID)+" too large")
		}
	}
	if want := []string{`1 too large`, `"two \" words" too large`, `null too large`, `5 answered`}; !slices.Equal(got, want) {
		t.Errorf("Carry answers %q, want %q", got, want)
	}
}

// What a tool answers is in its answer twice, so that the largest asset that is
// given in one makes an answer larger than any message of an agent.
func TestCarryLargeAnswers(t *testing.T) {
	answer := `{"jsonrpc":"2.0","id":1,"result":{"data":"` + strings.Repeat("A", 28<<20) + `"}}` + "\n"
	for _, kind := range []string{"application/json", "text/event-stream"} {
		got := carry(t, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call"}`), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			if kind == "text/event-stream" {
				_, _ = io.WriteString(w, "data: ")
			}
			_, _ = io.WriteString(w, answer+"\n")
		})
		if len(got) != 1 || got[0] != answer {
			t.Errorf("as %s, an answer of %d bytes is carried as %d lines", kind, len(answer), len(got))
		}
	}
}
