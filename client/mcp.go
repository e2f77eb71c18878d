package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"sync"

	"github.com/sheaf-dev/sheaf"
)

const (
	// maxMessage is how many bytes a message of an agent may have. An answer may have
	// more: what a tool answers is in there twice, once as a text with much escaped.
	maxMessage = 16 << 20

	// maxCalls is how many messages are on their way to the server at once.
	maxCalls = 64
)

// Carry carries the Model Context Protocol between an agent that speaks it over
// stdio, one JSON text a line, and the server. The path is where the server
// answers it, such as "mcp".
//
// It returns when in ends and everything has been answered, or ctx does. A
// message that the server cannot answer, or that is too large for it, is answered
// with an error, so that the agent can go on.
func (c *Client) Carry(ctx context.Context, path string, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &carrier{client: c, path: path, out: out, calls: make(map[string]context.CancelFunc), free: make(chan struct{}, maxCalls)}
	lines := bufio.NewReaderSize(in, 64<<10)
	var err error
	for err == nil {
		var line []byte
		line, err = readLine(lines, maxMessage)
		var long *longLineError
		switch {
		case errors.As(err, &long):
			s.write(rpcError(long.id(), -32600, explain(long.refusal())))
			err = nil
		case len(bytes.TrimSpace(line)) > 0:
			s.accept(ctx, line)
		}
	}
	s.running.Wait()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, s.failure())
}

// readLine reads a line of at most so many bytes. It reads a longer one to its
// end, too, keeps little of it, and fails with a *longLineError.
func readLine(r *bufio.Reader, most int) ([]byte, error) {
	var line []byte
	for {
		piece, err := r.ReadSlice('\n')
		if len(line)+len(piece) > most {
			long := &longLineError{most: most, start: bytes.Clone(line[:min(len(line), longLineEnds)])}
			for long.read(piece); errors.Is(err, bufio.ErrBufferFull); long.read(piece) {
				piece, err = r.ReadSlice('\n')
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, err
			}
			return nil, long
		}
		line = append(line, piece...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// A carrier carries the messages of one agent.
type carrier struct {
	client  *Client
	path    string
	running sync.WaitGroup
	free    chan struct{} // a place for each call on its way

	mu      sync.Mutex
	out     io.Writer
	failed  error                         // of out
	calls   map[string]context.CancelFunc // by the JSON of their ids
	version string                        // of the protocol, once agreed on
	agent   string                        // what the agent calls itself
}

// A message is what a carrier has to know of one.
type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		Name       string          `json:"name"`
		URI        string          `json:"uri"`
		RequestID  json.RawMessage `json:"requestId"`
		Version    string          `json:"protocolVersion"`
		ClientInfo *struct {
			Name string `json:"name"`
		} `json:"clientInfo"`
		Meta struct {
			Version string `json:"io.modelcontextprotocol/protocolVersion"`
		} `json:"_meta"`
	} `json:"params"`
}

// accept sends a message on its way.
func (s *carrier) accept(ctx context.Context, line []byte) {
	var m message
	if json.Unmarshal(line, &m) != nil {
		s.write(rpcError(nil, -32700, "this line is not a JSON-RPC message"))
		return
	}
	if m.Method == "notifications/cancelled" {
		s.mu.Lock()
		cancel := s.calls[string(m.Params.RequestID)]
		s.mu.Unlock()
		if cancel != nil {
			cancel()
		}
		return
	}
	if m.Params.ClientInfo != nil {
		s.mu.Lock()
		s.agent = sheaf.CleanLabel(m.Params.ClientInfo.Name)
		s.mu.Unlock()
	}
	select {
	case s.free <- struct{}{}:
	case <-ctx.Done():
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	if m.ID != nil {
		s.mu.Lock()
		s.calls[string(m.ID)] = cancel
		s.mu.Unlock()
	}
	carry := func() {
		defer func() {
			cancel()
			s.mu.Lock()
			delete(s.calls, string(m.ID))
			s.mu.Unlock()
			<-s.free
		}()
		if err := s.send(ctx, m, line); err != nil && m.ID != nil && ctx.Err() == nil {
			s.write(rpcError(m.ID, -32603, explain(err)))
		}
	}
	if m.Method == "initialize" {
		carry() // what it agrees on is for all that follow
		return
	}
	s.running.Go(carry)
}

// explain returns an error with its hint, which an agent acts on.
func explain(err error) string {
	var e *sheaf.Error
	if errors.As(err, &e) && e.Hint != "" {
		return e.Error() + " (" + e.Hint + ")"
	}
	return err.Error()
}

func rpcError(id json.RawMessage, code int, text string) []byte {
	if id == nil {
		id = json.RawMessage("null")
	}
	answer, err := json.Marshal(map[string]any{
		"jsonrpc": "2.0", "id": id, "error": map[string]any{"code": code, "message": text},
	})
	if err != nil {
		panic(err) // an id that was JSON, and texts
	}
	return answer
}

// send sends a message to the server and writes what comes back.
func (s *carrier) send(ctx context.Context, m message, line []byte) error {
	req, err := s.client.request(ctx, http.MethodPost, s.path, nil, bytes.NewReader(line))
	if err != nil {
		return err
	}
	header := req.Header
	header.Set("Content-Type", "application/json")
	header.Set("Accept", "application/json, text/event-stream")
	s.describe(header, m)
	res, err := s.client.do(req)
	var refused *refusal
	if errors.As(err, &refused) && m.ID != nil {
		s.write(refused.to(m.ID))
		return nil
	}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	mediaType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch mediaType {
	case "application/json":
		answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
		if err != nil {
			return err
		}
		if len(answer) > maxAnswer {
			return sheaf.Errorf(sheaf.ErrTooLarge, "the answer has more than %d bytes", maxAnswer).
				WithHint("ask for less at once, or download it over REST")
		}
		s.learn(m, answer)
		s.write(answer)
		return nil
	case "text/event-stream":
		return s.writeEvents(res.Body)
	}
	if m.ID != nil {
		return fmt.Errorf("the server answers a message of the Model Context Protocol with %q", mediaType)
	}
	return nil
}

// A refusal is an answer of the protocol with a status that is no success, as
// its newer versions have for errors.
type refusal struct {
	message map[string]json.RawMessage
	text    string
}

func (r *refusal) Error() string { return r.text }

// to returns the answer to the request of an id, which the server may not have read.
func (r *refusal) to(id json.RawMessage) []byte {
	r.message["id"] = id
	answer, err := json.Marshal(r.message)
	if err != nil {
		panic(err) // it was JSON
	}
	return answer
}

func parseRefusal(body []byte) (r *refusal, ok bool) {
	r = new(refusal)
	var fault struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &r.message) != nil || r.message["jsonrpc"] == nil || json.Unmarshal(r.message["error"], &fault) != nil {
		return nil, false
	}
	r.text = fault.Message
	return r, true
}

// describe says in headers what the protocol wants to see there, so that what is
// between does not have to read messages.
func (s *carrier) describe(header http.Header, m message) {
	s.mu.Lock()
	version, agent := s.version, s.agent
	s.mu.Unlock()
	if m.Params.Meta.Version != "" {
		version = m.Params.Meta.Version
		header.Set("Mcp-Method", m.Method)
		if name := m.Params.Name; name != "" {
			header.Set("Mcp-Name", name)
		} else if m.Params.URI != "" {
			header.Set("Mcp-Name", m.Params.URI)
		}
	}
	if version != "" {
		header.Set("Mcp-Protocol-Version", version)
	}
	if agent != "" && header.Get("X-Agent-Id") == "" {
		header.Set("X-Agent-Id", agent)
	}
}

// learn keeps what the server has agreed to.
func (s *carrier) learn(m message, answer []byte) {
	if m.Method != "initialize" {
		return
	}
	var agreed struct {
		Result struct {
			Version string `json:"protocolVersion"`
		} `json:"result"`
	}
	if json.Unmarshal(answer, &agreed) == nil {
		s.mu.Lock()
		s.version = agreed.Result.Version
		s.mu.Unlock()
	}
}

// writeEvents writes the messages of a stream of events, in which a message is
// the data of an event.
func (s *carrier) writeEvents(body io.Reader) error {
	lines := bufio.NewReader(body)
	var data []byte
	for {
		line, err := readLine(lines, maxAnswer)
		line = bytes.TrimRight(line, "\r\n")
		if value, isData := bytes.CutPrefix(line, []byte("data:")); isData {
			data = append(data, bytes.TrimPrefix(value, []byte(" "))...)
		} else if len(line) == 0 && len(data) > 0 {
			s.write(data)
			data = nil
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// write writes a message as one line.
func (s *carrier) write(answer []byte) {
	var line bytes.Buffer
	if err := json.Compact(&line, answer); err != nil {
		return // no message at all
	}
	line.WriteByte('\n')
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.out.Write(line.Bytes()); err != nil && s.failed == nil {
		s.failed = err
	}
}

func (s *carrier) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}
