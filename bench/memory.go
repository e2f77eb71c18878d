package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"encoding/json"
)

// memory reports the resident set of a server with an empty store, and by how
// much pushing and pulling 1 GB raises its peak.
func (b *bench) memory(ctx context.Context) error {
	dir, err := os.MkdirTemp(b.dir, "memory-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	sheaf, err := startSheaf(b.binary, filepath.Join(dir, "sheaf"))
	if err != nil {
		return err
	}
	defer sheaf.stop()
	time.Sleep(2 * time.Second)
	idle, err := sheaf.memoryKB("VmRSS")
	if err != nil {
		return err
	}
	fmt.Println("\n| memory | MB | wanted |")
	fmt.Println("|---|---|---|")
	fmt.Printf("| idle, empty store | %.1f | 40 |\n", float64(idle)/1024)

	const size = 1 << 30
	var id string
	steps := []struct {
		name string
		run  func() error
	}{
		{"push 1 GB", func() (err error) { id, err = pushStream(ctx, sheaf.url, size); return err }},
		{"pull 1 GB", func() error { return pullStream(ctx, sheaf.url+"/documents/"+id, size) }},
	}
	for _, step := range steps {
		if err := sheaf.resetPeak(); err != nil {
			return err
		}
		if err := step.run(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		peak, err := sheaf.memoryKB("VmHWM")
		if err != nil {
			return err
		}
		fmt.Printf("| %s, above idle | %.1f | 32 |\n", step.name, float64(peak-idle)/1024)
	}
	return nil
}

func pushStream(ctx context.Context, url string, size int64) (id string, err error) {
	empty := newForm(nil, "large.bin")
	body := io.MultiReader(
		strings.NewReader(string(empty.body[:empty.content])),
		io.LimitReader(rand.Reader, size),
		strings.NewReader(string(empty.body[empty.content:])))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/documents", body)
	if err != nil {
		return "", err
	}
	request.ContentLength = int64(len(empty.body)) + size
	request.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var answer struct {
		ID   string `json:"document_id"`
		Size int64  `json:"size_bytes"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK || answer.Size != size {
		return "", fmt.Errorf("%s, %d bytes stored", response.Status, answer.Size)
	}
	return answer.ID, nil
}

func pullStream(ctx context.Context, url string, size int64) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	n, err := io.Copy(io.Discard, response.Body)
	if err == nil && n != size {
		err = fmt.Errorf("%s, %d bytes", response.Status, n)
	}
	return err
}
