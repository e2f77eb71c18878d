package e2e

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A command that has to work on a directory without a server owns it for as long
// as it runs, which may be long. Others are answered meanwhile, through it, and
// none is left behind when it ends.
func TestCommandsShareADirectoryWithoutAServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	sheaf := func(stdin io.Reader, arguments ...string) (command, error) {
		return run(ctx, dir, stdin, nil, "sheaf", append(arguments, "--data-dir", "store", "--timeout", "20")...)
	}
	if ended, err := sheaf(strings.NewReader("before"), "push", "-", "--name", "before.txt"); err != nil || ended.exit != 0 {
		t.Fatalf("a push: %+v, %v", ended, err)
	}

	stdin, feed := io.Pipe()
	slow := make(chan error, 1)
	go func() {
		ended, err := sheaf(stdin, "push", "-", "--name", "slow.txt")
		if err == nil && ended.exit != 0 {
			err = fmt.Errorf("exit code %d: %s", ended.exit, ended.stderr)
		}
		slow <- err
	}()
	content := strings.Repeat("slowly ", 100_000)
	io.WriteString(feed, content)
	awaitSpool(t, filepath.Join(dir, "store"))

	begin := time.Now()
	ended, err := sheaf(nil, "query")
	if err != nil || ended.exit != 0 || !strings.Contains(ended.stdout, "before.txt") {
		t.Errorf("a query beside a long push: %+v, %v", ended, err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("a query beside a long push took %v: it waited for the push to end", took)
	}
	// One of another command's own begins while the first is the owner, and ends after it.
	stdin2, feed2 := io.Pipe()
	second := make(chan error, 1)
	go func() {
		ended, err := sheaf(stdin2, "push", "-", "--name", "second.txt")
		if err == nil && ended.exit != 0 {
			err = fmt.Errorf("exit code %d: %s", ended.exit, ended.stderr)
		}
		second <- err
	}()
	io.WriteString(feed2, content)
	feed.Close()
	io.WriteString(feed2, content)
	feed2.Close()
	for what, outcome := range map[string]chan error{"the long push": slow, "the push through it": second} {
		if err := <-outcome; err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}

	// Many at once: each is the owner or finds one, whoever ends meanwhile.
	const commands = 12
	outcomes := make(chan error, commands)
	for n := range commands {
		go func() {
			ended, err := sheaf(strings.NewReader("x"), "push", "-", "--name", fmt.Sprintf("many-%d.txt", n))
			if err == nil && ended.exit != 0 {
				err = fmt.Errorf("exit code %d: %s", ended.exit, ended.stderr)
			}
			outcomes <- err
		}()
	}
	for range commands {
		if err := <-outcomes; err != nil {
			t.Errorf("one of many pushes: %v", err)
		}
	}
	ended, err = sheaf(nil, "query", "--format", "json")
	if got := strings.Count(ended.stdout, `"document_id"`); err != nil || got != 3+commands {
		t.Errorf("%d documents, %v, want %d: %s", got, err, 3+commands, ended.stderr)
	}
	wantGivenUp(t, filepath.Join(dir, "store"))
}

// awaitSpool returns when an upload has begun to be stored.
func awaitSpool(t *testing.T, dataDir string) {
	t.Helper()
	for deadline := time.Now().Add(answerPatience); ; time.Sleep(5 * time.Millisecond) {
		if spooled, err := os.ReadDir(filepath.Join(dataDir, "spool")); err == nil && len(spooled) > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing of an upload is in the spool")
		}
	}
}
