package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sheaf-dev/sheaf/client"
)

// agents measures calls of tools.
func (b *bench) agents(ctx context.Context) error {
	if err := b.tools(ctx); err != nil {
		return err
	}
	if b.wants("100 agents") {
		if err := b.manyAgents(ctx); err != nil {
			return err
		}
	}
	if b.wants("list_books") {
		return b.registry(ctx)
	}
	return nil
}

// tools measures reading and writing a lesson of 4 KB against a bare tool that
// echoes as much.
func (b *bench) tools(ctx context.Context) error {
	const connections, lessons = 16, 32
	content := string(prose(4 << 10))
	read := func(_ string, bare, sheaf *server) (bareLoad, sheafLoad load, err error) {
		caller := newCaller(sheaf.url)
		defer caller.close()
		for i := range lessons {
			if _, err := caller.call(ctx, "write_content", lesson(i, content)); err != nil {
				return load{}, load{}, err
			}
		}
		if err := sheaf.drained(ctx); err != nil {
			return load{}, load{}, err
		}
		sheafLoad = toolLoad(sheaf.url, connections, "read_content", func(int) any {
			return map[string]any{"book_id": "field-notes", "path": lessonPath(mathrand.IntN(lessons))}
		})
		return echoLoad(bare.url, connections, content), sheafLoad, nil
	}
	write := func(_ string, bare, sheaf *server) (bareLoad, sheafLoad load, err error) {
		// Each connection is an agent with a lesson of its own, who sends what it
		// wrote last with its next write.
		read := make([]string, connections)
		sheafLoad = toolLoad(sheaf.url, connections, "write_content", func(worker int) any {
			next := lesson(worker, strconv.FormatUint(mathrand.Uint64(), 36)+content[16:])
			if read[worker] != "" {
				next["file_hash"] = read[worker]
			}
			read[worker] = strings.Trim(etagOf([]byte(next["content"].(string))), `"`)
			return next
		})
		sheafLoad.afterwards = sheaf.drained
		return echoLoad(bare.url, connections, content), sheafLoad, nil
	}
	header := false
	for _, t := range []struct {
		name   string
		wanted float64
		loads  func(string, *server, *server) (load, load, error)
	}{
		{"tool read_content 4 KB", 0.85, read},
		{"tool write_content 4 KB", 0.6, write},
	} {
		if !b.wants(t.name) {
			continue
		}
		if !header {
			printDuels()
			header = true
		}
		if err := b.duel(ctx, t.name, connections, t.wanted, t.loads); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return nil
}

func lesson(i int, content string) map[string]any {
	return map[string]any{"book_id": "field-notes", "path": lessonPath(i), "content": content}
}

// echoLoad calls the bare tool.
func echoLoad(url string, connections int, content string) load {
	return toolLoad(url, connections, "echo", func(int) any { return map[string]any{"content": content} })
}

// toolLoad calls a tool, each time with what arguments returns.
func toolLoad(url string, connections int, tool string, arguments func(worker int) any) load {
	return load{
		connections: connections,
		request:     func(worker int) (*http.Request, error) { return toolRequest(url, tool, arguments(worker)) },
		check:       func(body []byte) error { _, err := toolAnswer(body); return err },
	}
}

// toolRequest makes the request that clients of the protocol send for a call.
func toolRequest(url, tool string, arguments any) (*http.Request, error) {
	body, err := json.Marshal(map[string]any{
		"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": map[string]any{"name": tool, "arguments": arguments},
	})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(http.MethodPost, url+"/mcp", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json, text/event-stream")
	request.Header.Set("Mcp-Protocol-Version", "2025-06-18")
	return request, nil
}

// errTool begins every answer that is an error.
var errTool = errors.New("a tool has failed")

// toolAnswer returns what a tool has answered. Reading it whole would cost the
// load more than the server: the members are found by their names, which come
// quoted, and so not in any text.
func toolAnswer(body []byte) (structured []byte, err error) {
	if bytes.Contains(body, []byte(`"isError":true`)) || bytes.Contains(body, []byte(`"error":{`)) {
		return nil, fmt.Errorf("%w: %s", errTool, body)
	}
	_, structured, ok := bytes.Cut(body, []byte(`"structuredContent":`))
	if !ok {
		return nil, fmt.Errorf("%w: no answer in %s", errTool, body)
	}
	return structured, nil
}

// A caller is an agent with a connection of its own.
type caller struct {
	url    string
	client *http.Client
}

func newCaller(url string) *caller {
	return &caller{url: url, client: &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1, MaxIdleConnsPerHost: 1, DisableCompression: true}}}
}

func (c *caller) close() { c.client.CloseIdleConnections() }

// call calls a tool and returns its answer, which begins the bytes.
func (c *caller) call(ctx context.Context, tool string, arguments any) ([]byte, error) {
	request, err := toolRequest(c.url, tool, arguments)
	if err != nil {
		return nil, err
	}
	response, err := c.client.Do(request.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	return toolAnswer(body)
}

// manyAgents lets a hundred agents write at once, each its own lessons, and reads
// all of them back.
func (b *bench) manyAgents(ctx context.Context) error {
	const agents, calls = 100, 20
	dir, err := os.MkdirTemp(b.dir, "agents-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server, err := b.startProfiled(filepath.Join(dir, "sheaf"), "100 agents")
	if err != nil {
		return err
	}
	defer server.stop()
	content := func(round, i int) string { return fmt.Sprintf("# Lesson %d of round %d\n\n%s", i, round, prose(4<<10)) }

	fmt.Println("\n| 100 agents, 20 writes each | writes/s | p50 ms | p99 ms | worst ms | errors | lost |")
	fmt.Println("|---|---|---|---|---|---|---|")
	for round := range b.rounds {
		var mu sync.Mutex
		var times []float64
		var errs []error
		var working sync.WaitGroup
		started := time.Now()
		for agent := range agents {
			working.Go(func() {
				c := newCaller(server.url)
				defer c.close()
				for call := range calls {
					i := agent*calls + call
					begun := time.Now()
					_, err := c.call(ctx, "write_content", lesson(i, content(round, i)))
					took := time.Since(begun)
					mu.Lock()
					times = append(times, milliseconds(took))
					if err != nil {
						errs = append(errs, err)
					}
					mu.Unlock()
				}
			})
		}
		working.Wait()
		elapsed := time.Since(started)
		lost := 0
		reader := newCaller(server.url)
		for i := range agents * calls {
			answer, err := reader.call(ctx, "read_content", map[string]any{"book_id": "field-notes", "path": lessonPath(i)})
			want, marshalErr := json.Marshal(content(round, i))
			if err := errors.Join(err, marshalErr); err != nil && !errors.Is(err, errTool) {
				return err
			}
			if !bytes.Contains(answer, want) {
				lost++
			}
		}
		reader.close()
		slices.Sort(times)
		fmt.Printf("| round %d | %.0f | %.2f | %.2f | %.2f | %d | %d |\n", round+1, agents*calls/elapsed.Seconds(),
			times[len(times)/2], times[len(times)*99/100], times[len(times)-1], len(errs), lost)
		if len(errs) > 0 {
			return errs[0]
		}
	}
	return nil
}

// registry measures list_books, alone and while the books change.
func (b *bench) registry(ctx context.Context) error {
	const books, files = 50, 500
	dir, err := os.MkdirTemp(b.dir, "registry-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server, err := b.startProfiled(filepath.Join(dir, "sheaf"), "list_books")
	if err != nil {
		return err
	}
	defer server.stop()
	if err := fillBooks(ctx, server.url, books, files); err != nil {
		return err
	}
	if err := server.drained(ctx); err != nil {
		return err
	}
	agent := newCaller(server.url)
	defer agent.close()
	fmt.Printf("\n| list_books, %d books of %d files | p50 ms | p99 ms | wanted |\n", books, files)
	fmt.Println("|---|---|---|---|")
	for _, kind := range []struct {
		name   string
		before func(i int) error
	}{
		{"nothing changes", func(int) error { return nil }},
		{"a book changes before each", func(i int) error {
			return writeLesson(ctx, agent, i%books, fmt.Sprintf("content/new-%d.md", i))
		}},
		{"every book changes before each", func(i int) error {
			for book := range books {
				if err := writeLesson(ctx, agent, book, fmt.Sprintf("content/newer-%d.md", i)); err != nil {
					return err
				}
			}
			return nil
		}},
	} {
		var times []float64
		for i := range 100 {
			if err := kind.before(i); err != nil {
				return err
			}
			started := time.Now()
			answer, err := agent.call(ctx, "list_books", map[string]any{"limit": books})
			times = append(times, milliseconds(time.Since(started)))
			if err == nil && bytes.Count(answer, []byte(`"book_id"`)) != books {
				err = fmt.Errorf("list_books: %s", answer)
			}
			if err != nil {
				return err
			}
		}
		slices.Sort(times)
		fmt.Printf("| %s | %.2f | %.2f | 10 |\n", kind.name, times[len(times)/2], times[len(times)*99/100])
	}
	return nil
}

func bookID(i int) string { return fmt.Sprintf("book-%02d", i) }

func writeLesson(ctx context.Context, agent *caller, book int, path string) error {
	_, err := agent.call(ctx, "write_content", map[string]any{"book_id": bookID(book), "path": path, "content": "# " + path})
	return err
}

// fillBooks makes books with lessons and assets in them.
func fillBooks(ctx context.Context, url string, books, files int) error {
	c, err := client.New(url)
	if err != nil {
		return err
	}
	defer c.Close()
	agent := newCaller(url)
	defer agent.close()
	for book := range books {
		if _, err := agent.call(ctx, "create_book", map[string]any{"book_id": bookID(book)}); err != nil {
			return err
		}
		in := client.BatchInput{Collection: bookID(book), Atomic: true}
		for i := range files {
			path := fmt.Sprintf("content/%02d-Part/%02d-Chapter/%03d-lesson.md", i/100, i/10, i)
			if i%10 == 0 {
				path = fmt.Sprintf("static/images/%03d.png", i)
			}
			in.Files = append(in.Files, client.PushInput{
				Path: path, Filename: filepath.Base(path), Body: strings.NewReader(fmt.Sprintf("book %d, file %d", book, i)),
			})
		}
		if _, err := c.PushBatch(ctx, in); err != nil {
			return err
		}
	}
	return nil
}
