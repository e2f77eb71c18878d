package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
)

// A comparison sets one kind of request against another, on one server.
type comparison struct {
	name        string
	connections int
	than        string // what it is compared with
	wanted      float64
	loads       func(ctx context.Context, s *server, connections int) (than, load load, err error)
}

// comparisons measures what versions cost: writing one against a first push, and
// reading a past one against the current one.
func (b *bench) comparisons(ctx context.Context) error {
	all := []comparison{
		{"put 4 KB with If-Match", 16, "push 4 KB", 0.8, putAndPush(4 << 10)},
		{"past version, 4 KB", 16, "head, 4 KB", 1 / 1.2, pastAndHead(4 << 10)},
		{"past version, 1 MB", 16, "head, 1 MB", 1 / 1.2, pastAndHead(1 << 20)},
	}
	header := false
	for _, c := range all {
		if !b.wants(c.name) {
			continue
		}
		if !header {
			fmt.Println("\n| benchmark | connections | per s | compared with | per s | ratio | wanted | CPU µs | CPU µs of that |")
			fmt.Println("|---|---|---|---|---|---|---|---|---|")
			header = true
		}
		if err := b.compare(ctx, c); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

func (b *bench) compare(ctx context.Context, c comparison) error {
	dir, err := os.MkdirTemp(b.dir, "compare-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server, err := b.startProfiled(filepath.Join(dir, "sheaf"), c.name)
	if err != nil {
		return err
	}
	defer server.stop()
	thanLoad, ownLoad, err := c.loads(ctx, server, c.connections)
	if err != nil {
		return err
	}
	var own, than, ratios, ownCPU, thanCPU []float64
	for round := range b.rounds + 1 {
		thanResult, ownResult, err := inTurn(ctx, round, server, server, thanLoad, ownLoad, b.duration)
		if err != nil {
			return err
		}
		if round == 0 {
			continue // warms up
		}
		own, than = append(own, ownResult.perSecond()), append(than, thanResult.perSecond())
		ratios = append(ratios, ownResult.perSecond()/thanResult.perSecond())
		ownCPU, thanCPU = append(ownCPU, ownResult.cpuEach()), append(thanCPU, thanResult.cpuEach())
	}
	fmt.Printf("| %s | %d | %.0f | %s | %.0f | %.2f | %.2f | %.0f | %.0f |\n", c.name, c.connections,
		median(own), c.than, median(than), median(ratios), c.wanted, median(ownCPU), median(thanCPU))
	return nil
}

// putAndPush returns loads that push new documents, and that write new versions of
// one document for each connection, each naming the content it replaces.
func putAndPush(size int) func(context.Context, *server, int) (load, load, error) {
	return func(_ context.Context, s *server, connections int) (push, put load, err error) {
		type document struct {
			url, etag string
			content   []byte
		}
		documents := make([]document, connections)
		for i := range documents {
			content := randomBytes(size)
			id, err := upload(s.url, content, "a.bin")
			if err != nil {
				return load{}, load{}, err
			}
			documents[i] = document{s.url + "/documents/" + id + "/content", etagOf(content), content}
		}
		push = pushLoad(s.url, connections, randomBytes(size), "a.bin")
		push.afterwards = s.drained
		put = load{connections: connections, afterwards: s.drained, request: func(worker int) (*http.Request, error) {
			d := &documents[worker]
			copy(d.content, strconv.AppendUint(nil, mathrand.Uint64(), 36))
			request, err := http.NewRequest(http.MethodPut, d.url, bytes.NewReader(d.content))
			if err != nil {
				return nil, err
			}
			request.Header.Set("If-Match", d.etag)
			d.etag = etagOf(d.content)
			return request, nil
		}}
		return push, put, nil
	}
}

func etagOf(content []byte) string {
	digest := sha256.Sum256(content)
	return `"` + hex.EncodeToString(digest[:]) + `"`
}

// pastAndHead returns loads that read the current contents of documents, and those
// that were replaced.
func pastAndHead(size int) func(context.Context, *server, int) (load, load, error) {
	return func(ctx context.Context, s *server, connections int) (head, past load, err error) {
		const documents = 32
		var current, replaced []string
		for range documents {
			id, err := upload(s.url, randomBytes(size), "a.bin")
			if err != nil {
				return load{}, load{}, err
			}
			if err := putContent(ctx, s.url+"/documents/"+id+"/content", randomBytes(size)); err != nil {
				return load{}, load{}, err
			}
			current, replaced = append(current, id), append(replaced, id+"?version=1")
		}
		if err := s.drained(ctx); err != nil {
			return load{}, load{}, err
		}
		return pullLoad(s.url, connections, current, "identity"), pullLoad(s.url, connections, replaced, "identity"), nil
	}
}

func putContent(ctx context.Context, url string, content []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, url, bytes.NewReader(content))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("PUT %s: %s", url, response.Status)
	}
	return nil
}
