package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/app"
)

// A heldReader gives half of what it has, says so, and waits before the rest.
type heldReader struct {
	half, rest io.Reader
	atHalf     chan struct{} // closed at half
	goOn       chan struct{}
}

func newHeldReader(content []byte, goOn chan struct{}) *heldReader {
	middle := len(content) / 2
	return &heldReader{
		half: bytes.NewReader(content[:middle]), rest: bytes.NewReader(content[middle:]),
		atHalf: make(chan struct{}), goOn: goOn,
	}
}

// Read implements [io.Reader].
func (r *heldReader) Read(p []byte) (int, error) {
	if n, err := r.half.Read(p); err == nil {
		return n, nil
	}
	select {
	case <-r.atHalf:
	default:
		close(r.atHalf)
		<-r.goOn
	}
	return r.rest.Read(p)
}

// pushOutcome is how a push ended.
type pushOutcome struct {
	doc sheaf.Document
	err error
}

// pushHeld begins to push contents, and returns when half of each is on its way.
func pushHeld(t *testing.T, c *client.Client, contents [][]byte, goOn chan struct{}) []chan pushOutcome {
	t.Helper()
	outcomes := make([]chan pushOutcome, len(contents))
	for i, content := range contents {
		body := newHeldReader(content, goOn)
		outcomes[i] = make(chan pushOutcome, 1)
		go func() {
			doc, err := c.Push(context.WithoutCancel(t.Context()), client.PushInput{Filename: fmt.Sprintf("held-%d.bin", i), Body: body})
			outcomes[i] <- pushOutcome{doc, err}
		}()
		<-body.atHalf
	}
	return outcomes
}

// awaitRefusal waits until nobody accepts connections at the server's address.
func awaitRefusal(t *testing.T, s *serverProcess) {
	t.Helper()
	address := strings.TrimPrefix(s.url, "http://")
	const patience = 10 * time.Second
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		conn.Close()
		if time.Now().After(deadline) {
			t.Fatalf("a server that was asked to end still accepts connections after %v", patience)
		}
	}
}

// wantGivenUp checks that nobody holds the data directory any more.
func wantGivenUp(t *testing.T, dataDir string) {
	t.Helper()
	if _, err := os.Lstat(filepath.Join(dataDir, "sheaf.sock")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket of a server that has ended: %v, want it not to exist", err)
	}
	if owned, err := app.Owned(dataDir); owned || err != nil {
		t.Errorf("the data directory of a server that has ended is owned: %v, %v, want false", owned, err)
	}
}

func skipWithoutSignals(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows cannot ask a process to end")
	}
}

// TestShutdownFinishesWhatItAccepted asks a server to end while uploads and a
// download are half way. They are finished, and nothing else is begun.
func TestShutdownFinishesWhatItAccepted(t *testing.T) {
	skipWithoutSignals(t)
	t.Parallel()
	dataDir := filepath.Join(t.TempDir(), "store")
	s := startServer(t, dataDir)

	random := rand.NewChaCha8([32]byte{1})
	big := make([]byte, 64<<20) // more than the sockets between here and there hold
	random.Read(big)
	stored, err := s.client.Push(t.Context(), client.PushInput{Filename: "big.bin", Body: bytes.NewReader(big)})
	if err != nil {
		t.Fatal(err)
	}
	download, err := s.client.Pull(t.Context(), stored.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer download.Body.Close()

	var contents [][]byte
	for _, size := range []int{2, 10 << 10, 64 << 10, 300 << 10, 2 << 20, 20 << 20} {
		content := make([]byte, size)
		random.Read(content)
		contents = append(contents, content)
	}
	goOn := make(chan struct{})
	outcomes := pushHeld(t, s.client, contents, goOn)

	s.terminate(t)
	awaitRefusal(t, s)
	select {
	case <-s.ended:
		t.Fatalf("the server ended with code %d while %d uploads were half way", s.cmd.ProcessState.ExitCode(), len(outcomes))
	case <-time.After(200 * time.Millisecond):
	}
	close(goOn)

	var accepted []sheaf.Document
	for i, outcome := range outcomes {
		o := <-outcome
		if o.err != nil {
			t.Errorf("the upload of %d bytes that was half way when the server was asked to end: %v", len(contents[i]), o.err)
			continue
		}
		if want := sheaf.DigestOf(contents[i]); o.doc.Digest != want {
			t.Errorf("the upload of %d bytes was stored with SHA-256 %s, want %s", len(contents[i]), o.doc.Digest, want)
		}
		accepted = append(accepted, o.doc)
	}
	hash := sha256.New()
	if n, err := io.Copy(hash, download.Body); err != nil || sheaf.Digest(hash.Sum(nil)) != stored.Digest {
		t.Errorf("the download that was half way gave %d bytes and ended with %v, want all %d", n, err, len(big))
	}
	download.Body.Close()
	s.wantEnd(t)
	wantGivenUp(t, dataDir)

	again := startServer(t, dataDir)
	for _, doc := range accepted {
		d := document{id: doc.ID, content: content{digest: doc.Digest}}
		if found, err := d.get(t.Context(), again.client); err != nil || !found {
			t.Errorf("%s, which was finished while the server ended, after the next start: found %v, %v", doc.Filename, found, err)
		}
	}
	wantWhole(t, again, 1+len(accepted))
	again.stop(t)
}

// TestShutdownCutsOffWhatDoesNotFinish asks a server to end while an upload
// stalls. It waits for that as long as it is told to, and leaves nothing of it.
func TestShutdownCutsOffWhatDoesNotFinish(t *testing.T) {
	skipWithoutSignals(t)
	t.Parallel()
	dataDir := filepath.Join(t.TempDir(), "store")
	const timeout = time.Second
	s := startServer(t, dataDir, "--server-shutdown-timeout", timeout.String())
	goOn := make(chan struct{})
	outcomes := pushHeld(t, s.client, [][]byte{make([]byte, 2<<20)}, goOn)

	begin := time.Now()
	s.terminate(t)
	s.wantEnd(t)
	if took := time.Since(begin); took < timeout {
		t.Errorf("the server ended after %v although an upload was half way, want it to wait for %v", took, timeout)
	}
	close(goOn)
	if o := <-outcomes[0]; o.err == nil {
		t.Errorf("an upload that was cut off was acknowledged as %s", o.doc.ID)
	}
	wantGivenUp(t, dataDir)

	again := startServer(t, dataDir)
	wantWhole(t, again, 0)
	again.stop(t)
	for _, dir := range []string{"spool", filepath.Join("blobs", "tmp")} {
		if entries, err := os.ReadDir(filepath.Join(dataDir, dir)); err != nil || len(entries) > 0 {
			t.Errorf("in %s after an upload was cut off: %v, %v, want nothing", dir, entries, err)
		}
	}
}

// wantWhole checks a store in full, and how many documents it has.
func wantWhole(t *testing.T, s *serverProcess, documents int) {
	t.Helper()
	report, err := s.client.Check(t.Context(), true)
	if err != nil || len(report.Problems) > 0 || report.Documents != int64(documents) {
		t.Errorf("fsck: %+v, %v, want %d documents and no problems", report, err, documents)
	}
}
