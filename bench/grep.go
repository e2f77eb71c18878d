package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sheaf-dev/sheaf/client"
)

// greps compares searches of a book that has the sources of Go with a bare scan
// of the files by as many goroutines as there are processors, which does no more
// than to read each and match its lines, and with grep(1).
func (b *bench) greps(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("find the sources of Go: %w", err)
	}
	src := filepath.Join(strings.TrimSpace(string(out)), "src")
	dir, err := os.MkdirTemp(b.dir, "grep-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server, err := b.startProfiled(dir, "grep")
	if err != nil {
		return err
	}
	defer server.stop()
	c, err := client.New(server.url)
	if err != nil {
		return err
	}
	files, size, err := writeBook(ctx, c, src)
	if err != nil {
		return err
	}
	if err := server.drained(ctx); err != nil {
		return err
	}
	fmt.Printf("\n| grep in %d files, %.0f MB | lines | files searched | sheaf ms | CPU ms | bare scan ms | grep -rnE ms | ratio to the bare scan |\n", len(files), float64(size)/(1<<20))
	fmt.Println("|---|---|---|---|---|---|---|---|")
	for _, pattern := range []string{"ErrUnexpectedEOF is returned", "no such text", "func.*Context", "(?i)deadline exceeded", "[0-9]{7,}", "foo|bar|baz", "e"} {
		var took, cpu, bare, gnu []float64
		lines, searched := 0, 0
		for range b.rounds + 1 {
			before, err := server.cpu()
			if err != nil {
				return err
			}
			begin := time.Now()
			found, err := c.Grep(ctx, client.GrepInput{BooksSearched: client.BooksSearched{Book: "golang"}, Pattern: pattern})
			if err != nil {
				return err
			}
			took = append(took, float64(time.Since(begin).Microseconds())/1000)
			after, err := server.cpu()
			if err != nil {
				return err
			}
			cpu = append(cpu, float64((after-before).Microseconds())/1000)
			lines, searched = found.TotalMatches, found.FilesSearched
			begin = time.Now()
			if err := scanBare(files[:searched], pattern); err != nil {
				return err
			}
			bare = append(bare, float64(time.Since(begin).Microseconds())/1000)
			begin = time.Now()
			_ = exec.CommandContext(ctx, "grep", "-rnIE", strings.TrimPrefix(pattern, "(?i)"), src).Run() // it fails when nothing is found
			gnu = append(gnu, float64(time.Since(begin).Microseconds())/1000)
		}
		// The first round reads what no process has read before.
		took, cpu, bare, gnu = took[1:], cpu[1:], bare[1:], gnu[1:]
		fmt.Printf("| `%s` | %d | %d | %.1f | %.0f | %.1f | %.1f | %.2f |\n", strings.ReplaceAll(pattern, "|", `\|`), lines, searched,
			median(took), median(cpu), median(bare), median(gnu), median(took)/median(bare))
	}
	return nil
}

// writeBook writes the files of a tree into a book, in the order of their paths.
func writeBook(ctx context.Context, c *client.Client, dir string) (files []string, size int64, err error) {
	err = filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		files = append(files, file)
		info, err := entry.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	next := make(chan string)
	var writers sync.WaitGroup
	var failed atomic.Pointer[error]
	for range 16 {
		writers.Go(func() {
			for file := range next {
				content, err := os.ReadFile(file)
				if err == nil {
					path := filepath.ToSlash(strings.TrimPrefix(file, dir+string(filepath.Separator)))
					_, err = c.PutFile(ctx, client.Place{Book: "golang", Path: path}, client.FileInput{Body: bytes.NewReader(content)})
				}
				if err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	for _, file := range files {
		next <- file
	}
	close(next)
	writers.Wait()
	if err := failed.Load(); err != nil {
		return nil, 0, *err
	}
	return files, size, nil
}

// scanBare matches the lines of files.
func scanBare(files []string, pattern string) error {
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	literal, whole := expression.LiteralPrefix()
	var at, lines atomic.Int64
	var failed atomic.Pointer[error]
	var scanners sync.WaitGroup
	for range 2 {
		scanners.Go(func() {
			for i := at.Add(1) - 1; i < int64(len(files)); i = at.Add(1) - 1 {
				text, err := os.ReadFile(files[i])
				if err != nil {
					failed.Store(&err)
					return
				}
				if whole && !bytes.Contains(text, []byte(literal)) {
					continue
				}
				for line := range bytes.Lines(text) {
					if expression.Match(line) {
						lines.Add(1)
					}
				}
			}
		})
	}
	scanners.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}
