//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
)

// A server whose disk is full refuses what it cannot keep, serves what it has, and
// goes on where it was as soon as there is room.
func TestFullDisk(t *testing.T) {
	for name, disk := range map[string]struct {
		start func(*testing.T) *smallDisk
		kinds []sheaf.ErrorKind // of a refused change that is small
	}{
		"file system": {startOnSmallFileSystem, []sheaf.ErrorKind{sheaf.ErrDiskFull}},
		// The nearest to it that no system refuses to a test. SQLite does not say
		// why a file cannot grow.
		"files": {startWithSmallFiles, []sheaf.ErrorKind{sheaf.ErrDiskFull, sheaf.ErrUnavailable}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testFullDisk(t, disk.start(t), disk.kinds)
		})
	}
}

// A smallDisk is what a server's data is on.
type smallDisk struct {
	server  *serverProcess
	dataDir string // as this process sees it
	fill    func() // up to the last byte
	free    func()
}

func testFullDisk(t *testing.T, disk *smallDisk, kinds []sheaf.ErrorKind) {
	c := disk.server.client
	large := func() string { return string(blobtest.Random(3 << 20)) }
	docs := []sheaf.Document{
		pushText(t, c, "small.txt", "small"),
		pushText(t, c, "large.bin", large()),
		pushText(t, c, "large.txt", strings.Repeat("0123456789abcdef", 1<<17)),
	}
	disk.fill()

	var pushes sync.WaitGroup
	for i := range 12 {
		pushes.Go(func() {
			content, allowed := fmt.Sprint("refused ", i), kinds
			switch i % 3 {
			case 1:
				content, allowed = large(), []sheaf.ErrorKind{sheaf.ErrDiskFull}
			case 2:
				content, allowed = strings.Repeat("fedcba9876543210", 1<<18), []sheaf.ErrorKind{sheaf.ErrDiskFull}
			}
			_, err := c.Push(t.Context(), client.PushInput{Filename: "refused.bin", Body: strings.NewReader(content)})
			if !slices.Contains(allowed, sheaf.KindOf(err)) || !hasHint(err) {
				t.Errorf("pushing %d bytes to a full disk: %v, want %s with a hint", len(content), err, allowed)
			}
		})
	}
	pushes.Wait()
	if _, err := c.Delete(t.Context(), docs[0].ID); !slices.Contains(kinds, sheaf.KindOf(err)) {
		t.Errorf("deleting on a full disk: %v, want %s", err, kinds)
	}
	for _, doc := range docs {
		wantPull(t, c, doc)
	}
	wantDocuments(t, c, len(docs))
	if spooled, err := os.ReadDir(filepath.Join(disk.dataDir, "spool")); err != nil || len(spooled) > 0 {
		t.Errorf("the spool has %d files, %v, after pushes that were refused, want none", len(spooled), err)
	}

	disk.free()
	docs = append(docs, pushText(t, c, "small.txt", "once there is room"), pushText(t, c, "large.bin", large()))
	if _, err := c.Delete(t.Context(), docs[0].ID); err != nil {
		t.Errorf("deleting once there is room: %v", err)
	}
	docs = docs[1:]
	for _, doc := range docs {
		wantPull(t, c, doc)
	}
	wantDocuments(t, c, len(docs))
	// Moving small contents to their files failed too, and is tried again.
	for deadline := time.Now().Add(startPatience); ; time.Sleep(100 * time.Millisecond) {
		health, err := c.Health(t.Context())
		if err == nil && health.UndrainedBlobs == 0 && health.Status == "ok" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the health once there is room: %+v, %v, want ok with everything in its place", health, err)
		}
	}
	if report, err := c.Check(t.Context(), true); err != nil || len(report.Problems) > 0 || report.Documents != int64(len(docs)+1) {
		t.Errorf("the check once there is room: %+v, %v, want no problems and %d documents", report, err, len(docs)+1)
	}
	if plan, err := c.PlanGarbage(t.Context()); err != nil || plan != (sheaf.GarbagePlan{}) {
		t.Errorf("the garbage once there is room: %+v, %v, want none", plan, err)
	}
	disk.server.stop(t)
}

func hasHint(err error) bool {
	var e *sheaf.Error
	return errors.As(err, &e) && e.Hint != ""
}

func wantDocuments(t *testing.T, c *client.Client, want int) {
	t.Helper()
	got := 0
	for _, err := range c.Query(t.Context(), client.Filter{}) {
		if err != nil {
			t.Errorf("listing: %v", err)
			return
		}
		got++
	}
	if got != want {
		t.Errorf("%d documents, want %d", got, want)
	}
}

// startOnSmallFileSystem starts a server in a mount namespace of its own, with its
// data on a file system in memory. Being root of a user namespace, it needs no
// rights here.
func startOnSmallFileSystem(t *testing.T) *smallDisk {
	mountPoint := t.TempDir()
	const mount = `mount -t tmpfs -o size=24m,mode=0700 tmpfs "$0" && exec "$@"`
	inNamespace := func(cmd *exec.Cmd) *exec.Cmd {
		inside := exec.Command("/bin/sh", append([]string{"-c", mount, mountPoint, cmd.Path}, cmd.Args[1:]...)...)
		inside.Dir, inside.Env = cmd.Dir, cmd.Env
		inside.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
		return inside
	}
	if out, err := inNamespace(exec.Command("/bin/true")).CombinedOutput(); err != nil {
		t.Skipf("this system lets a test mount nothing (%v: %s); the test with small files covers the same", err, out)
	}
	s := launch(t, inNamespace(serveCommand(filepath.Join(mountPoint, "data"))))
	s.wantServing(t)
	// The mount is visible through a process in the namespace only.
	mounted := filepath.Join(fmt.Sprintf("/proc/%d/root", s.cmd.Process.Pid), mountPoint)
	ballast := filepath.Join(mounted, "ballast")
	return &smallDisk{
		server:  s,
		dataDir: filepath.Join(mounted, "data"),
		fill: func() {
			t.Helper()
			file, err := os.Create(ballast)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			for page := make([]byte, 4096); err == nil; {
				_, err = file.Write(page)
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("filling the disk: %v", err)
			}
		},
		free: func() {
			t.Helper()
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
		},
	}
}

// startWithSmallFiles starts a server whose files can be kept from growing.
func startWithSmallFiles(t *testing.T) *smallDisk {
	dataDir := t.TempDir()
	s := startServer(t, dataDir)
	limit := func(size uint64) {
		t.Helper()
		var files unix.Rlimit
		if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_FSIZE, nil, &files); err != nil {
			t.Fatal(err)
		}
		files.Cur = min(size, files.Max)
		if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_FSIZE, &files, nil); err != nil {
			t.Fatal(err)
		}
	}
	return &smallDisk{
		server: s, dataDir: dataDir,
		fill: func() { t.Helper(); limit(16 << 10) },
		free: func() { t.Helper(); limit(unix.RLIM_INFINITY) },
	}
}
