package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// tree compares one command that pushes the sources of Go with a shell loop that
// starts a command for each file.
func (b *bench) tree(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("find the sources of Go: %w", err)
	}
	src := filepath.Join(strings.TrimSpace(string(out)), "src")
	files, size, err := measureTree(src)
	if err != nil {
		return err
	}
	push := filepath.Join(b.dir, "doc-push")
	if err := os.Symlink(b.binary, push); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	loop := fmt.Sprintf(`find %q -type f -print0 | xargs -0 -n1 -P4 %q >/dev/null`, src, push)
	fmt.Printf("\n| push of %d files, %.0f MB | s | files/s |\n|---|---|---|\n", files, float64(size)/(1<<20))
	var together, each time.Duration
	for _, measured := range []struct {
		name    string
		command []string
		took    *time.Duration
	}{
		{"tree, `sheaf push DIR`", []string{b.binary, "push", "--quiet", src}, &together},
		{"tree, `xargs -n1 -P4 doc-push`", []string{"sh", "-c", loop}, &each},
	} {
		if *measured.took, err = b.pushTree(ctx, measured.command, files); err != nil {
			return fmt.Errorf("%s: %w", measured.name, err)
		}
		fmt.Printf("| %s | %.1f | %.0f |\n", measured.name, measured.took.Seconds(), float64(files)/measured.took.Seconds())
	}
	fmt.Printf("\nratio %.1f, wanted 3.0\n", each.Seconds()/together.Seconds())
	return nil
}

func measureTree(dir string) (files int, size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		files++
		size += info.Size()
		return err
	})
	return files, size, err
}

// pushTree runs a command against a fresh server, and returns how long it took
// until all that it pushed was stored where it stays.
func (b *bench) pushTree(ctx context.Context, command []string, files int) (time.Duration, error) {
	dir, err := os.MkdirTemp(b.dir, "tree-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	var environment []string
	if b.profile != "" {
		environment = append(environment, "SHEAF_CPU_PROFILE="+b.profile+sanitized(filepath.Base(command[0]))+".prof")
	}
	sheaf, err := startSheaf(b.binary, filepath.Join(dir, "sheaf"), environment...)
	if err != nil {
		return 0, err
	}
	defer sheaf.stop()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "DOCUMENT_SERVER_URL="+sheaf.url)
	cmd.Stderr = os.Stderr
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, err
	}
	if err := sheaf.drained(ctx); err != nil {
		return 0, err
	}
	return time.Since(begin), sheaf.wantDocuments(files)
}
