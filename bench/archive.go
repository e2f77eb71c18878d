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
)

// archives measures the download of 500 files, 200 MB, as one ZIP file: what an
// agent's workspace may be. 350 are text, which deflates, and 150 are random, as
// pictures and compressed data are; either kind makes half of the bytes. Sizes of
// a kind vary by a factor of 19.
func (b *bench) archives(ctx context.Context) error {
	dir, err := os.MkdirTemp(b.dir, "archive-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	files := filepath.Join(dir, "files")
	data := filepath.Join(dir, "sheaf")
	if err := b.fillWorkspace(ctx, files, data); err != nil {
		return err
	}

	cold, warm := map[string][]archiveRun{}, map[string][]archiveRun{}
	var zips []archiveRun
	for round := range b.rounds {
		for _, of := range archivesOf {
			// Another process has verified nothing yet: its first archive is the dearest.
			server, err := b.startProfiled(data, "archive")
			if err != nil {
				return err
			}
			first, err := downloadArchive(ctx, server, of.path)
			if err == nil {
				var second archiveRun
				second, err = downloadArchive(ctx, server, of.path)
				cold[of.name], warm[of.name] = append(cold[of.name], first), append(warm[of.name], second)
			}
			server.stop()
			if err != nil {
				return err
			}
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
	fmt.Println("\n| ZIP of 500 files, 200 MB | first byte ms | whole s | CPU s | peak resident MB | MB |")
	fmt.Println("|---|---|---|---|---|---|")
	fmt.Println("| wanted | 50 | 1 | | 64 | |")
	for _, of := range archivesOf {
		printArchiveRuns(of.name+", first of a process", cold[of.name])
		printArchiveRuns(of.name+", again", warm[of.name])
	}
	if len(zips) > 0 {
		printArchiveRuns("zip -6", zips)
	}
	return nil
}

// archivesOf are the archives that are measured: the same files, once as free
// documents, once at paths.
var archivesOf = []struct{ name, path string }{
	{"collection", "/collections/default/archive.zip"},
	{"book", "/books/workspace/archive.zip"},
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
func (b *bench) fillWorkspace(ctx context.Context, files, data string) error {
	server, err := startSheaf(b.binary, data)
	if err != nil {
		return err
	}
	defer server.stop()
	if err := os.MkdirAll(files, 0o755); err != nil {
		return err
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
		if _, err := upload(server.url, content, name); err != nil {
			return err
		}
		if err := putFile(ctx, server.url+"/books/workspace/content/"+name, content); err != nil {
			return err
		}
	}
	return server.drained(ctx)
}

// putFile writes a file of a book.
func putFile(ctx context.Context, url string, content []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, url, bytes.NewReader(content))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
		return errors.Join(err, fmt.Errorf("%s: %s", url, response.Status))
	}
	return nil
}

// downloadArchive reads an archive to its end.
func downloadArchive(ctx context.Context, s *server, path string) (run archiveRun, err error) {
	if err := s.resetPeak(); err != nil {
		return run, err
	}
	cpu, err := s.cpu()
	if err != nil {
		return run, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
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
