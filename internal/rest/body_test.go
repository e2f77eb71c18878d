package rest

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// Bodies that do not come as they should, for every operation that reads one as
// it is or as JSON; documents_test.go has the same for forms.
func TestBadBodies(t *testing.T) {
	limits := sheaf.DefaultLimits()
	limits.Content = 1 << 20
	for name, operation := range map[string]struct{ method, path, begin string }{
		"write":      {http.MethodPut, "/documents/{id}/content", "new"},
		"edit":       {http.MethodPatch, "/documents/{id}/content", `{"edits":[{"append":"`},
		"change":     {http.MethodPatch, "/documents/{id}", `{"name":"`},
		"restore":    {http.MethodPost, "/documents/{id}/restore", `{"message":"`},
		"create":     {http.MethodPost, "/documents", `{"name":"`},
		"collection": {http.MethodPost, "/collections", `{"name":"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of the time is spent waiting
			s := newServer(t, Options{UploadIdleTimeout: time.Second}, limits)
			doc := s.push("a.txt", "old")
			begin := func(headers string) net.Conn {
				conn := dial(t, s)
				fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s\r\n\r\n",
					operation.method, strings.Replace(operation.path, "{id}", string(doc.ID), 1), headers)
				return conn
			}

			stalled := begin("Content-Length: 1000")
			fmt.Fprint(stalled, operation.begin)
			wantProblem(t, readAnswer(t, stalled), sheaf.ErrTimeout)

			cut := begin("Content-Length: 1000")
			fmt.Fprint(cut, operation.begin)
			cut.(*net.TCPConn).CloseWrite()
			wantProblem(t, readAnswer(t, cut), sheaf.ErrInvalid)

			announced := readAnswer(t, begin("Content-Length: 99999999"))
			wantProblem(t, announced, sheaf.ErrTooLarge)
			if !announced.Close {
				t.Error("the connection is not closed before the body that nobody wants")
			}

			endless := begin("Transfer-Encoding: chunked")
			go func() {
				fmt.Fprintf(endless, "%x\r\n%s\r\n", len(operation.begin), operation.begin)
				chunk := strings.Repeat("x", 1<<16)
				for {
					if _, err := fmt.Fprintf(endless, "%x\r\n%s\r\n", len(chunk), chunk); err != nil {
						return
					}
				}
			}()
			wantProblem(t, readAnswer(t, endless), sheaf.ErrTooLarge)

			if got := s.pull(doc.ID, ""); got != "old" {
				t.Errorf("the content after bad bodies: %q", got)
			}
			wantNothingSpooled(t, s)
		})
	}
}

func TestTooManyWrites(t *testing.T) {
	s := newServer(t, Options{MaxUploads: 1})
	doc := s.push("a.txt", "old")
	conn := dial(t, s)
	fmt.Fprintf(conn, "PUT /documents/%s/content HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nsec", doc.ID)
	for _, write := range []func() response{
		func() response { return s.put(doc.ID, "", "first") },
		func() response {
			return s.send(http.MethodPatch, "/documents/"+string(doc.ID)+"/content", `{"edits":[{"append":"x"}]}`)
		},
	} {
		eventually(t, "the second write is refused", func() bool {
			answer := write()
			if answer.StatusCode == http.StatusOK {
				return false // it came before the first
			}
			wantProblem(t, answer, sheaf.ErrRateLimited)
			return true
		})
	}
	fmt.Fprint(conn, "ond")
	if answer := readAnswer(t, conn); answer.StatusCode != http.StatusOK || s.pull(doc.ID, "") != "second" {
		t.Errorf("the first write: %s: %s", answer.Status, answer.body)
	}
}
