package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/blob/s3test"
)

// A server is killed again and again while a book moves to another backend and
// agents write it: it goes on by itself when it is started again, and in the end
// all that was acknowledged is on the new backend alone.
func TestMoveSurvivesKills(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]func(*testing.T) string{
		"directory": func(*testing.T) string { return "{kind: fs, dir: elsewhere}" },
		"bucket": func(t *testing.T) string {
			bucket := s3test.Start(t).Bucket(t, "books")
			return fmt.Sprintf("{kind: s3, endpoint: %q, region: %s, bucket: %s, access_key: %s, secret_key: %s}",
				bucket.Endpoint, bucket.Region, bucket.Bucket, bucket.AccessKey, bucket.SecretKey)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMoveTest(t, target(t))
			m.start()
			for i := range 150 {
				size := 2000
				if i%3 == 0 {
					size = 200_000
				}
				m.write(fmt.Sprintf("before/%d.bin", i), size)
			}
			if _, err := m.server.client.MoveCollection(t.Context(), "book", client.BackendMoveInput{Backend: "target"}); err != nil {
				t.Fatal(err)
			}
			for round := range 4 {
				var writing sync.WaitGroup
				ctx, stop := context.WithCancel(t.Context())
				writing.Go(func() {
					for i := 0; ctx.Err() == nil; i++ {
						m.try(ctx, fmt.Sprintf("during/%d/%d.bin", round, i), 100+70_000*(i%2))
					}
				})
				time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond) // at any moment
				m.server.kill()
				stop()
				writing.Wait()
				m.start()
			}
			if t.Failed() {
				return
			}
			m.await(func(move sheaf.BackendMove) bool { return move.Phase == sheaf.MoveKept })
			m.write("after.bin", 100_000)
			if _, err := m.server.client.FinishMove(t.Context(), "book"); err != nil {
				t.Fatal(err)
			}
			m.await(func(move sheaf.BackendMove) bool { return move.Phase == sheaf.MoveDone })
			for range 2 {
				if _, err := m.server.client.CollectGarbage(t.Context(), true); err != nil {
					t.Fatal(err)
				}
			}
			m.wantEverything()
			if left := filesBelow(t, filepath.Join(m.dir, "blobs")); left != 0 {
				t.Errorf("%d files are left on the old backend", left)
			}
			report, err := m.server.client.Check(t.Context(), true)
			if err != nil || len(report.Problems) > 0 {
				t.Errorf("fsck: %+v, %v", report.Problems, err)
			}
			m.server.stop(t)
		})
	}
}

// A server is killed in each phase of a move to an encrypted backend, and while that
// is rolled back and finished, under the load of agents who go on as soon as it is
// there again.
func TestMoveToAnEncryptedBackendSurvivesKills(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "master.key")
	if err := os.WriteFile(key, []byte(strings.Repeat("5eed", 16)), 0o600); err != nil {
		t.Fatal(err)
	}
	m := newMoveTest(t, "{kind: fs, dir: elsewhere, encrypt: true}\n  master_key_file: "+key)
	m.start()
	for i := range 120 {
		m.write(fmt.Sprintf("before/%d.bin", i), 2000+200_000*(i%2))
	}
	m.leisure.Store(int64(2 * time.Millisecond)) // so that something is left to settle
	rest := m.agents(3)
	restartIn := func(phase sheaf.MovePhase) {
		t.Helper()
		m.server.kill()
		m.start()
		if now, err := m.server.client.CollectionMove(t.Context(), "book"); err != nil {
			t.Fatal(err)
		} else {
			t.Logf("killed while %s, %s once it is back", phase, now.Phase)
		}
	}
	begin := func() {
		t.Helper()
		if _, err := m.server.client.MoveCollection(t.Context(), "book", client.BackendMoveInput{Backend: "target"}); err != nil {
			t.Fatal(err)
		}
	}
	begin()
	restartIn(m.await(func(move sheaf.BackendMove) bool { return move.Copied > 0 }).Phase)
	restartIn(m.await(func(move sheaf.BackendMove) bool { return move.Phase != sheaf.MoveCopying }).Phase) // settling, if it is quick
	m.leisure.Store(int64(10 * time.Millisecond))
	restartIn(m.await(func(move sheaf.BackendMove) bool { return move.Phase == sheaf.MoveKept }).Phase)
	for i := range 40 { // which only the new backend has
		m.write(fmt.Sprintf("kept/%d.bin", i), 100_000)
	}
	if _, err := m.server.client.RollBackMove(t.Context(), "book"); err != nil {
		t.Fatal(err)
	}
	restartIn(sheaf.MoveReturning)
	m.await(func(move sheaf.BackendMove) bool { return move.Phase == sheaf.MoveRolledBack })
	begin()
	m.await(func(move sheaf.BackendMove) bool { return move.Phase == sheaf.MoveKept })
	if _, err := m.server.client.FinishMove(t.Context(), "book"); err != nil {
		t.Fatal(err)
	}
	restartIn(sheaf.MoveKept)
	m.await(func(move sheaf.BackendMove) bool { return move.Phase == sheaf.MoveDone })
	rest()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		health, err := m.server.client.Health(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if health.UndrainedBlobs == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d small contents still wait for their backend", health.UndrainedBlobs)
		}
	}
	for range 2 {
		if _, err := m.server.client.CollectGarbage(t.Context(), true); err != nil {
			t.Fatal(err)
		}
	}
	m.wantEverything()
	if left := filesBelow(t, filepath.Join(m.dir, "blobs")); left != 0 {
		t.Errorf("%d files are left on the old backend", left)
	}
	m.wantNothingReadable(filepath.Join(m.dir, "elsewhere"))
	report, err := m.server.client.Check(t.Context(), true)
	if err != nil || len(report.Problems) > 0 {
		t.Errorf("fsck: %+v, %v", report.Problems, err)
	}
	for _, backend := range report.Backends {
		if backend.OrphanObjects > 0 {
			t.Errorf("%d objects on %s are of nothing", backend.OrphanObjects, backend.Name)
		}
	}
	m.server.stop(t)
}

// agents begins to write with some agents, who go on when the server is away, until
// they are told to rest.
func (m *moveTest) agents(n int) (rest func()) {
	ctx, stop := context.WithCancel(m.Context())
	var writing sync.WaitGroup
	for agent := range n {
		writing.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				_ = m.try(ctx, fmt.Sprintf("agent-%d/%d.bin", agent, i), 100+70_000*(i%3/2))
				time.Sleep(time.Duration(m.leisure.Load()))
			}
		})
	}
	return func() { stop(); writing.Wait() }
}

// secret begins every content.
const secret = "not for everybody's eyes"

func (m *moveTest) wantNothingReadable(dir string) {
	m.Helper()
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		stored, err := os.ReadFile(path)
		if bytes.Contains(stored, []byte(secret)) {
			m.Errorf("%s can be read", path)
		}
		return err
	})
	if err != nil {
		m.Error(err)
	}
	for path, content := range m.written {
		name := sheaf.DigestOf(content).String()
		if _, err := os.Stat(filepath.Join(dir, name[:2], name)); err == nil {
			m.Errorf("the object of %s has its digest as its name", path)
		}
	}
}

type moveTest struct {
	*testing.T
	dir     string
	config  string
	server  *serverProcess // for the test itself
	leisure atomic.Int64   // nanoseconds between the writes of an agent

	mu      sync.Mutex
	client  *client.Client    // of the server that runs; guarded by mu
	written map[string][]byte // what was acknowledged; guarded by mu
}

func newMoveTest(t *testing.T, target string) *moveTest {
	m := &moveTest{T: t, dir: t.TempDir(), written: make(map[string][]byte)}
	m.config = filepath.Join(t.TempDir(), "sheaf.yaml")
	settings := "storage:\n  backends:\n    fs: {kind: fs, dir: blobs}\n    target: " + target + "\n  default_backend: fs\n"
	if err := os.WriteFile(m.config, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *moveTest) start() {
	m.Helper()
	m.server = startServer(m.T, m.dir, "--config", m.config)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.client = m.server.client
}

func (m *moveTest) write(path string, size int) {
	m.Helper()
	if err := m.try(m.Context(), path, size); err != nil {
		m.Fatalf("writing %s: %v", path, err)
	}
}

// try writes a file, which fails when the server is killed meanwhile.
func (m *moveTest) try(ctx context.Context, path string, size int) error {
	content := make([]byte, size)
	random := rand.NewChaCha8(sheaf.DigestOf([]byte(path)))
	_, _ = random.Read(content) // it never fails
	copy(content, secret)
	m.mu.Lock()
	to := m.client
	m.mu.Unlock()
	_, err := to.PutFile(ctx, client.Place{Book: "book", Path: path}, client.FileInput{Body: bytes.NewReader(content)})
	if err == nil {
		m.mu.Lock()
		m.written[path] = content
		m.mu.Unlock()
	}
	return err
}

func (m *moveTest) await(done func(sheaf.BackendMove) bool) sheaf.BackendMove {
	m.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
		move, err := m.server.client.CollectionMove(m.Context(), "book")
		if err != nil {
			m.Fatal(err)
		}
		if done(move) {
			return move
		}
		if time.Now().After(deadline) {
			m.Fatalf("after two minutes the move is %+v", move)
		}
	}
}

func (m *moveTest) wantEverything() {
	m.Helper()
	for path, want := range m.written {
		file, err := m.server.client.PullFile(m.Context(), client.Place{Book: "book", Path: path}, client.Moment{})
		if err != nil {
			m.Errorf("reading %s: %v", path, err)
			continue
		}
		got, err := io.ReadAll(file.Body)
		file.Body.Close()
		if err != nil || !bytes.Equal(got, want) {
			m.Errorf("%s has %d bytes, %v, want the %d that were acknowledged", path, len(got), err, len(want))
		}
	}
}

// filesBelow counts the files of a backend that are not its mark.
func filesBelow(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && !isMark(path) {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
