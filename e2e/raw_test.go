package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/config"
	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

// What a client library would never send is written to the connection as it is.

// answerPatience is how long an answer may take that has to come.
const answerPatience = 20 * time.Second

// startApp starts the whole app in this process, where the race detector sees it.
func startApp(t *testing.T, changes ...func(*config.Config)) *sheaftest.Server {
	t.Helper()
	quiet := func(c *config.Config) { c.Log.Level = 12 } // errors of clients are expected here
	return sheaftest.Start(t, append([]func(*config.Config){quiet}, changes...)...)
}

// A rawConn is a connection to a server on which a test says what it likes.
type rawConn struct {
	net.Conn
	t        testing.TB
	reader   *bufio.Reader
	received bytes.Buffer // everything that came, as it came
}

func dialRaw(t testing.TB, url string) *rawConn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &rawConn{Conn: conn, t: t}
	c.reader = bufio.NewReader(io.TeeReader(conn, &c.received))
	return c
}

// send writes a text. The server may have closed the connection by then.
func (c *rawConn) send(format string, args ...any) {
	fmt.Fprintf(c.Conn, format, args...)
}

// A rawAnswer is an answer with the head of it as it was sent.
type rawAnswer struct {
	*http.Response
	head string
	body []byte
}

// answer reads the next answer.
func (c *rawConn) answer(method string) rawAnswer {
	c.t.Helper()
	c.SetReadDeadline(time.Now().Add(answerPatience))
	c.received.Reset()
	response, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("reading an answer: %v after %q", err, c.received.String())
	}
	head, _, _ := strings.Cut(c.received.String(), "\r\n\r\n")
	body, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatalf("reading the body of an answer: %v", err)
	}
	response.Body.Close()
	return rawAnswer{response, head, body}
}

// wantClosed fails unless the server closes the connection soon.
func (c *rawConn) wantClosed(what string) {
	c.t.Helper()
	c.SetReadDeadline(time.Now().Add(answerPatience))
	if _, err := io.Copy(io.Discard, c.reader); errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Errorf("%s: the connection is still open after %v", what, answerPatience)
	}
}

// abort ends the connection at once, as when a process is killed: what was not
// sent is lost.
func (c *rawConn) abort() {
	c.Conn.(*net.TCPConn).SetLinger(0)
	c.Close()
}

// ask sends one request on a connection of its own.
func ask(t testing.TB, url, method, target string, headers ...string) rawAnswer {
	t.Helper()
	conn := dialRaw(t, url)
	conn.send("%s %s HTTP/1.1\r\nConnection: close\r\n%s\r\n", method, target, headerLines(url, headers))
	return conn.answer(method)
}

// headerLines writes headers, with Host unless it is among them.
func headerLines(url string, headers []string) string {
	lines := strings.Join(headers, "\r\n")
	if lines != "" {
		lines += "\r\n"
	}
	if !strings.Contains("\r\n"+lines, "\r\nHost:") {
		lines = "Host: " + strings.TrimPrefix(url, "http://") + "\r\n" + lines
	}
	return lines
}

const boundary = "b0undary"

// uploadHead is the head of a request that uploads a form; length is that of the
// body, negative for a chunked one.
func uploadHead(length int, headers ...string) string {
	how := fmt.Sprintf("Content-Length: %d", length)
	if length < 0 {
		how = "Transfer-Encoding: chunked"
	}
	if len(headers) == 0 {
		headers = []string{"Content-Type: multipart/form-data; boundary=" + boundary}
	}
	return "POST /documents HTTP/1.1\r\n" + headerLines("http://localhost", append(headers, how)) + "\r\n"
}

// formFile and formValue are parts of a form, formEnd its end.
func formFile(filename, content string) string {
	return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + filename + "\"\r\n\r\n" + content + "\r\n"
}

func formValue(name, value string) string {
	return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
}

const formEnd = "--" + boundary + "--\r\n"

// upload sends a whole form and returns the answer.
func upload(t testing.TB, url, form string, headers ...string) rawAnswer {
	t.Helper()
	conn := dialRaw(t, url)
	// Beside reading: the server may answer before it has all of it.
	go conn.send("%s%s", uploadHead(len(form), headers...), form)
	return conn.answer(http.MethodPost)
}

// pushText stores a document by the client, which has to succeed.
func pushText(t testing.TB, c *client.Client, filename, content string) sheaf.Document {
	t.Helper()
	doc, err := c.Push(t.Context(), client.PushInput{Filename: filename, Body: strings.NewReader(content)})
	if err != nil {
		t.Fatalf("pushing %s: %v", filename, err)
	}
	return doc
}

// wantProblem fails unless an answer is the problem of a kind with a hint or
// fields to act on.
func wantProblem(t testing.TB, what string, answer rawAnswer, kind sheaf.ErrorKind) {
	t.Helper()
	var problem struct {
		Status int
		Code   sheaf.ErrorKind
		Detail string
	}
	if err := json.Unmarshal(answer.body, &problem); err != nil {
		t.Errorf("%s: %s with %q, want a problem of the kind %s", what, answer.Status, answer.body, kind)
		return
	}
	if problem.Code != kind || answer.StatusCode != kind.HTTPStatus() || problem.Status != answer.StatusCode || problem.Detail == "" {
		t.Errorf("%s: %s, %s, want %d and the kind %s", what, answer.Status, answer.body, kind.HTTPStatus(), kind)
	}
	if got := answer.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("%s: Content-Type %q, want that of a problem", what, got)
	}
}

// wantNothingLeft fails if the store has a document, or anything that came with
// one that was refused.
func wantNothingLeft(t testing.TB, s *sheaftest.Server) {
	t.Helper()
	wantNoLeftovers(t, s)
	report, err := s.Client.Check(t.Context(), true)
	if err != nil || report.Documents != 0 || report.Blobs != 0 || report.LogEntries != 1 {
		t.Errorf("a store in which nothing was stored: %+v, %v", report, err)
	}
}

// wantNoLeftovers fails if the store is not whole, has garbage or has something
// in its spool. What the server is just giving up is waited for.
func wantNoLeftovers(t testing.TB, s *sheaftest.Server) {
	t.Helper()
	for deadline := time.Now().Add(answerPatience); ; time.Sleep(5 * time.Millisecond) {
		spooled, err := os.ReadDir(filepath.Join(s.Config.Storage.Dir, "spool"))
		if err == nil && len(spooled) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("the spool still has %d files, %v, want none", len(spooled), err)
			break
		}
	}
	if plan, err := s.Client.PlanGarbage(t.Context()); err != nil || plan != (sheaf.GarbagePlan{}) {
		t.Errorf("the garbage: %+v, %v, want none", plan, err)
	}
	if report, err := s.Client.Check(t.Context(), true); err != nil || len(report.Problems) > 0 {
		t.Errorf("the check: %+v, %v, want no problems", report.Problems, err)
	}
}
