package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A load sends requests over a fixed number of connections.
type load struct {
	connections int
	request     func(worker int) (*http.Request, error)
	check       func(body []byte) error     // of every answer; nil: only its length counts
	afterwards  func(context.Context) error // counted in; may be nil
}

// A result is what a load measured.
type result struct {
	requests int
	elapsed  time.Duration
	cpu      time.Duration // of the server
}

func (r result) perSecond() float64 { return float64(r.requests) / r.elapsed.Seconds() }

// cpuEach returns the server's processor time of one request in microseconds.
func (r result) cpuEach() float64 { return float64(r.cpu.Microseconds()) / float64(r.requests) }

// run sends requests one after the other on every connection for the duration.
// Any answer but 200 with the length it announced ends it with an error.
func (l load) run(ctx context.Context, duration time.Duration) (result, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: l.connections, MaxConnsPerHost: l.connections, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var requests atomic.Int64
	var workers sync.WaitGroup
	started := time.Now()
	for worker := range l.connections {
		workers.Go(func() {
			buf := make([]byte, 256<<10)
			for time.Since(started) < duration && ctx.Err() == nil {
				if err := l.send(ctx, client, worker, buf); err != nil {
					cancel(err)
					return
				}
				requests.Add(1)
			}
		})
	}
	workers.Wait()
	if err := context.Cause(ctx); err != nil {
		return result{}, err
	}
	if l.afterwards != nil {
		if err := l.afterwards(ctx); err != nil {
			return result{}, err
		}
	}
	return result{requests: int(requests.Load()), elapsed: time.Since(started)}, nil
}

func (l load) send(ctx context.Context, client *http.Client, worker int, buf []byte) error {
	request, err := l.request(worker)
	if err != nil {
		return err
	}
	response, err := client.Do(request.WithContext(ctx))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
		return fmt.Errorf("%s %s: %s: %s", request.Method, request.URL, response.Status, text)
	}
	if l.check != nil {
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return err
		}
		return l.check(body)
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{response.Body}, buf)
	if err == nil && response.ContentLength >= 0 && n != response.ContentLength {
		err = fmt.Errorf("%s: %d bytes of %d", request.URL, n, response.ContentLength)
	}
	return err
}

const boundary = "sheaf-bench-boundary"

// A form is a multipart upload whose content differs in every request.
type form struct {
	body    []byte
	content int // where the content begins
}

func newForm(content []byte, filename string) form {
	var b bytes.Buffer
	fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=%q\r\nContent-Type: application/octet-stream\r\n\r\n", boundary, filename)
	at := b.Len()
	b.Write(content)
	for name, value := range map[string]string{"name": "Benchmark " + filename, "tags": "design,v2"} {
		fmt.Fprintf(&b, "\r\n--%s\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s", boundary, name, value)
	}
	fmt.Fprintf(&b, "\r\n--%s--\r\n", boundary)
	return form{b.Bytes(), at}
}

// pushLoad uploads contents of the size given, none of them twice.
func pushLoad(url string, connections int, content []byte, filename string) load {
	forms := make([]form, connections)
	for i := range forms {
		forms[i] = newForm(content, filename)
	}
	return load{connections: connections, request: func(worker int) (*http.Request, error) {
		f := forms[worker]
		stamp := strconv.AppendUint(nil, mathrand.Uint64(), 36)
		copy(f.body[f.content:f.content+len(content)], stamp)
		request, err := http.NewRequest(http.MethodPost, url+"/documents", bytes.NewReader(f.body))
		if err == nil {
			request.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
		}
		return request, err
	}}
}

// pullLoad downloads the given documents in turn.
func pullLoad(url string, connections int, ids []string, acceptEncoding string) load {
	next := make([]int, connections)
	return load{connections: connections, request: func(worker int) (*http.Request, error) {
		id := ids[(worker+next[worker])%len(ids)]
		next[worker]++
		request, err := http.NewRequest(http.MethodGet, url+"/documents/"+id, nil)
		if err == nil && acceptEncoding != "" {
			request.Header.Set("Accept-Encoding", acceptEncoding)
		}
		return request, err
	}}
}

// upload stores one content and returns its id.
func upload(url string, content []byte, filename string) (id string, err error) {
	f := newForm(content, filename)
	response, err := http.Post(url+"/documents", "multipart/form-data; boundary="+boundary, bytes.NewReader(f.body))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var answer struct {
		ID string `json:"document_id"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK || answer.ID == "" {
		return "", fmt.Errorf("upload to %s: %s", url, response.Status)
	}
	return answer.ID, nil
}

func randomBytes(size int) []byte {
	b := make([]byte, size)
	rand.Read(b)
	return b
}

// prose returns text that deflates about as well as English does.
func prose(size int) []byte {
	words := strings.Fields(`the store keeps every version of a document and the log says who wrote it
		when why and after reading what so that an agent may write without fear while people review merge
		undo and prove each change across collections books lessons summaries assets archives and layers`)
	random := mathrand.New(mathrand.NewPCG(1, uint64(size)))
	var b bytes.Buffer
	for b.Len() < size {
		word := words[random.IntN(len(words))]
		if random.IntN(6) == 0 {
			word += strconv.Itoa(random.IntN(10000))
		}
		b.WriteString(word)
		if random.IntN(12) == 0 {
			b.WriteString(".\n")
		} else {
			b.WriteByte(' ')
		}
	}
	return b.Bytes()[:size]
}
