package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/sheaf-dev/sheaf/client"
)

// An archived is what an archive is made of: the documents of a collection, which
// are at paths where it is a book.
type archived struct {
	name       string
	collection string
	book       bool
	url        string // of its archive, below the server's
}

// archives measures the archives there are.
func (b *bench) archives(ctx context.Context) error {
	for _, a := range []archived{
		{"archive of 500 files", "default", false, "/collections/default/archive.zip"},
		{"archive of a book of 500 files", "field-notes", true, "/collections/field-notes/archive.zip"},
	} {
		if b.wants(a.name) {
			if err := b.archive(ctx, a); err != nil {
				return fmt.Errorf("%s: %w", a.name, err)
			}
		}
	}
	return nil
}

// archive measures the download of 500 files, 200 MB, as one ZIP file: what an
// agent's workspace may be. 350 are text, which deflates, and 150 are random, as
// pictures and compressed data are; either kind makes half of the bytes. Sizes of
// a kind vary by a factor of 19.
func (b *bench) archive(ctx context.Context, a archived) error {
	dir, err := os.MkdirTemp(b.dir, "archive-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	files := filepath.Join(dir, "files")
	data := filepath.Join(dir, "sheaf")
	if err := b.fillWorkspace(ctx, a, files, data); err != nil {
		return err
	}

	var cold, warm, zips []archiveRun
	for round := range b.rounds {
		// Another process has verified nothing yet: its first archive is the dearest.
		server, err := b.startProfiled(data, a.name)
		if err != nil {
			return err
		}
		first, err := downloadArchive(ctx, server, a.url)
		if err == nil {
			var second archiveRun
			second, err = downloadArchive(ctx, server, a.url)
			cold, warm = append(cold, first), append(warm, second)
		}
		server.stop()
		if err != nil {
			return err
		}
		if round%2 == 0 { // it takes long, and varies little
			zipped, err := runZip(ctx, dir, files)
			if errors.Is(err, exec.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			zips = append(zips, zipped)
		}
	}
	fmt.Printf("\n| %s, 200 MB, as a ZIP | first byte ms | whole s | CPU s | peak resident MB | MB |\n", a.name)
	fmt.Println("|---|---|---|---|---|---|")
	fmt.Println("| wanted | 50 | 1 | | 64 | |")
	printArchiveRuns("first of a process", cold)
	printArchiveRuns("again", warm)
	if len(zips) > 0 {
		printArchiveRuns("zip -6", zips)
	}
	return nil
}

// An archiveRun is what one archive took.
type archiveRun struct {
	firstByte, whole, cpu time.Duration
	size                  int64
	peakKB                int64 // 0: not measured
}

func printArchiveRuns(name string, runs []archiveRun) {
	middle := func(value func(archiveRun) float64) float64 {
		var values []float64
		for _, r := range runs {
			values = append(values, value(r))
		}
		return median(values)
	}
	resident := "" // of zip nobody asks
	if kb := middle(func(r archiveRun) float64 { return float64(r.peakKB) }); kb > 0 {
		resident = fmt.Sprintf("%.1f", kb/1024)
	}
	fmt.Printf("| %s | %.1f | %.2f | %.2f | %s | %.1f |\n", name,
		middle(func(r archiveRun) float64 { return float64(r.firstByte.Microseconds()) / 1000 }),
		middle(func(r archiveRun) float64 { return r.whole.Seconds() }),
		middle(func(r archiveRun) float64 { return r.cpu.Seconds() }),
		resident,
		middle(func(r archiveRun) float64 { return float64(r.size) / 1e6 }))
}

// fillWorkspace makes the files, and a store with the same.
func (b *bench) fillWorkspace(ctx context.Context, a archived, files, data string) error {
	server, err := startSheaf(b.binary, data)
	if err != nil {
		return err
	}
	defer server.stop()
	if err := os.MkdirAll(files, 0o755); err != nil {
		return err
	}
	c, err := client.New(server.url)
	if err != nil {
		return err
	}
	defer c.Close()
	if a.book {
		agent := newCaller(server.url)
		defer agent.close()
		if _, err := agent.call(ctx, "create_book", map[string]any{"book_id": a.collection}); err != nil {
			return err
		}
	}
	random := mathrand.New(mathrand.NewPCG(500, 200))
	const text, other, half = 350, 150, 100_000_000
	for i := range text + other {
		share := 0.1 + 1.8*random.Float64()
		name, content := fmt.Sprintf("%03d.md", i), []byte(nil)
		if i%10 < 7 {
			content = prose(int(share * half / text))
		} else {
			name, content = fmt.Sprintf("%03d.bin", i), randomBytes(int(share*half/other))
		}
		if err := os.WriteFile(filepath.Join(files, name), content, 0o644); err != nil {
			return err
		}
		in := client.PushInput{Filename: name, Body: bytes.NewReader(content), Collection: a.collection}
		if a.book {
			in.Path = fmt.Sprintf("content/%02d/%s", i/50, name)
		}
		if _, err := c.Push(ctx, in); err != nil {
			return err
		}
	}
	return server.drained(ctx)
}

// downloadArchive reads an archive to its end.
func downloadArchive(ctx context.Context, s *server, url string) (run archiveRun, err error) {
	if err := s.resetPeak(); err != nil {
		return run, err
	}
	cpu, err := s.cpu()
	if err != nil {
		return run, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+url, nil)
	if err != nil {
		return run, err
	}
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	started := time.Now()
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return run, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return run, fmt.Errorf("the archive: %s", response.Status)
	}
	buf := make([]byte, 256<<10)
	if _, err := io.ReadFull(response.Body, buf[:1]); err != nil {
		return run, err
	}
	run.firstByte = time.Since(started)
	run.size, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{response.Body}, buf)
	run.whole = time.Since(started)
	run.size++
	if err == nil && run.size != response.ContentLength {
		err = fmt.Errorf("the archive: %d bytes of %d", run.size, response.ContentLength)
	}
	if err != nil {
		return run, err
	}
	after, err := s.cpu()
	if err != nil {
		return run, err
	}
	run.cpu = after - cpu
	run.peakKB, err = s.memoryKB("VmHWM")
	return run, err
}

// runZip packs the files into a pipe, as a server would that runs the program.
func runZip(ctx context.Context, dir, files string) (run archiveRun, err error) {
	cmd := exec.CommandContext(ctx, "zip", "-6", "-q", "-r", "-", filepath.Base(files))
	cmd.Dir = dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		return run, err
	}
	started := time.Now()
	if err := cmd.Start(); err != nil {
		return run, err
	}
	first := make([]byte, 1)
	if _, err = io.ReadFull(out, first); err == nil {
		run.firstByte = time.Since(started)
		run.size, err = io.Copy(io.Discard, out)
		run.size++
	}
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return run, err
	}
	run.whole = time.Since(started)
	run.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return run, nil
}
