package app_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/app"
	"github.com/sheaf-dev/sheaf/internal/config"
	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

func push(t *testing.T, c *client.Client, text string) sheaf.Document {
	t.Helper()
	document, err := c.Push(t.Context(), client.PushInput{Filename: "note.txt", Body: strings.NewReader(text)})
	if err != nil {
		t.Fatalf("pushing: %v", err)
	}
	return document
}

func wantPull(t *testing.T, c *client.Client, id sheaf.DocumentID, text string) {
	t.Helper()
	download, err := c.Pull(t.Context(), id)
	if err != nil {
		t.Fatalf("pulling: %v", err)
	}
	defer download.Body.Close()
	got, err := io.ReadAll(download.Body)
	if err != nil || string(got) != text {
		t.Errorf("pulled %q, %v, want %q", got, err, text)
	}
}

func wantOwned(t *testing.T, dir string, want bool) {
	t.Helper()
	if owned, err := app.Owned(dir); err != nil || owned != want {
		t.Errorf("Owned: %v, %v, want %v", owned, err, want)
	}
}

func wantAbsent(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v, want it not to exist", path, err)
	}
}

func TestServesByURLAndSocketAndStopsCleanly(t *testing.T) {
	s := sheaftest.Start(t)
	dir := s.Config.Storage.Dir
	document := push(t, s.Client, "hello")
	wantPull(t, s.Client, document.ID, "hello")
	wantOwned(t, dir, true)

	socket := app.SocketPath(dir)
	wantPull(t, bySocket(t, dir), document.ID, "hello")
	if runtime.GOOS != "windows" {
		for path, want := range map[string]os.FileMode{socket: 0o600, filepath.Join(dir, "lock"): 0o600} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
				t.Errorf("mode of %s: %v, %v, want %v", path, info.Mode(), err, want)
			}
		}
	}

	s.Stop()
	wantOwned(t, dir, false)
	wantAbsent(t, socket)
	if _, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://")); err == nil {
		t.Error("a server that has stopped still listens")
	}

	again := s.Restart()
	wantPull(t, again.Client, document.ID, "hello")
}

func TestNewDirectoryIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	c := sheaftest.Config(t)
	c.Storage.Dir = filepath.Join(c.Storage.Dir, "deep", "down")
	a, err := app.Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if info, err := os.Stat(c.Storage.Dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode of a new data directory: %v, %v, want 0700", info.Mode(), err)
	}
}

func TestOwnedLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	wantOwned(t, dir, false)
	wantOwned(t, filepath.Join(dir, "missing"), false)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("after Owned: %v, %v, want an empty directory", entries, err)
	}
}

func TestOneOwner(t *testing.T) {
	s := sheaftest.Start(t)
	open := func() error {
		a, err := app.Open(t.Context(), s.Config, slog.New(slog.DiscardHandler))
		if err == nil {
			a.Close()
		}
		return err
	}
	err := open()
	var e *sheaf.Error
	if !errors.As(err, &e) || e.Kind != sheaf.ErrExists {
		t.Fatalf("a second Open: %v, want exists", err)
	}
	if runtime.GOOS != "windows" {
		if pid := fmt.Sprintf("process %d", os.Getpid()); !strings.Contains(e.Message, pid) {
			t.Errorf("message %q, want it to name %s", e.Message, pid)
		}
		if !strings.Contains(e.Hint, s.URL) {
			t.Errorf("hint %q, want it to name %s", e.Hint, s.URL)
		}
	}
	push(t, s.Client, "the first owner still works")

	s.Stop()
	if err := open(); err != nil {
		t.Errorf("Open once the owner has stopped: %v", err)
	}
}

// A command looks whether the directory is owned while a server starts.
func TestOwnedDoesNotDisturbAStart(t *testing.T) {
	c := sheaftest.Config(t)
	ctx, cancel := context.WithCancel(t.Context())
	looking := make(chan struct{})
	go func() {
		defer close(looking)
		for ctx.Err() == nil {
			app.Owned(c.Storage.Dir)
		}
	}()
	for range 5 {
		a, err := app.Open(t.Context(), c, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Errorf("Open beside Owned: %v", err)
			break
		}
		a.Close()
	}
	cancel()
	<-looking
}

func TestFailedOpenGivesTheDirectoryUp(t *testing.T) {
	c := sheaftest.Config(t)
	catalog := filepath.Join(c.Storage.Dir, "documents.db")
	if err := os.WriteFile(catalog, []byte(strings.Repeat("this is no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if a, err := app.Open(t.Context(), c, slog.New(slog.DiscardHandler)); err == nil {
		a.Close()
		t.Fatal("Open of something else's documents.db succeeded")
	}
	wantOwned(t, c.Storage.Dir, false)
}

func TestSocketOfAKilledProcessIsReplaced(t *testing.T) {
	c := sheaftest.Config(t)
	left, err := net.Listen("unix", filepath.Join(c.Storage.Dir, "sheaf.sock"))
	if err != nil {
		t.Fatal(err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	left.Close()
	sheaftest.StartConfig(t, c)
	dial(t, app.SocketPath(c.Storage.Dir))
}

func TestSocketOfALongDirectory(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows lets only some users make symbolic links")
	}
	c := sheaftest.Config(t)
	c.Storage.Dir = filepath.Join(c.Storage.Dir, strings.Repeat("long", 20), strings.Repeat("longer", 20))
	link := filepath.Join(c.Storage.Dir, "sheaf.sock")
	s := sheaftest.StartConfig(t, c)
	socket := app.SocketPath(c.Storage.Dir)
	dial(t, socket)
	if info, err := os.Stat(filepath.Dir(socket)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory of the socket: %v, %v, want mode 0700", info, err)
	}
	s.Stop()
	wantAbsent(t, socket)
	wantAbsent(t, filepath.Dir(socket))
	wantAbsent(t, link)
}

func dial(t *testing.T, socket string) {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatalf("connecting to the socket: %v", err)
	}
	conn.Close()
}

func TestRefusesStrangers(t *testing.T) {
	for _, host := range []string{"", "0.0.0.0", "::"} {
		c := sheaftest.Config(t)
		c.Server.Host = host
		a, err := app.Open(t.Context(), c, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		err = a.Listen(t.Context())
		var e *sheaf.Error
		if !errors.As(err, &e) || e.Kind != sheaf.ErrForbidden || !strings.Contains(e.Hint, "--allow-open") {
			t.Errorf("listening on %q: %v, want forbidden with a hint at --allow-open", host, err)
		}
		if a.Addr() != nil {
			t.Errorf("listening on %q was refused and took %v", host, a.Addr())
		}
		a.Close()
	}
	s := sheaftest.Start(t, func(c *config.Config) { c.Server.Host, c.Server.AllowOpen = "0.0.0.0", true })
	if !strings.HasPrefix(s.URL, "http://127.0.0.1:") {
		t.Errorf("URL of a server on all addresses: %s, want one that works here", s.URL)
	}
	push(t, s.Client, "from somewhere")
}

func TestPortInUse(t *testing.T) {
	s := sheaftest.Start(t)
	c := sheaftest.Config(t)
	c.Server.Port = s.App.Addr().(*net.TCPAddr).Port
	a, err := app.Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Run(t.Context()); sheaf.KindOf(err) != sheaf.ErrExists {
		t.Errorf("Run on a port in use: %v, want exists", err)
	}
	wantOwned(t, c.Storage.Dir, false)
}

// waitForUpload returns when the server has begun to store an upload. That the
// client could send some of it says little: megabytes wait in the system's
// buffers for a server that has not accepted the connection, and are lost when
// it stops.
func waitForUpload(t *testing.T, c config.Config) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		spooled, err := os.ReadDir(filepath.Join(c.Storage.Dir, "spool"))
		if err != nil {
			t.Fatal(err)
		}
		if len(spooled) > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing of an upload is in the spool after ten seconds")
		}
	}
}

// An upload that was accepted is finished though the server is told to stop.
func TestStopFinishesWhatWasAccepted(t *testing.T) {
	s := sheaftest.Start(t)
	body, feed := io.Pipe()
	pushed := make(chan error, 1)
	var document sheaf.Document
	go func() {
		var err error
		document, err = s.Client.Push(context.Background(), client.PushInput{Filename: "slow.txt", Body: body})
		pushed <- err
	}()
	for range 2 {
		io.WriteString(feed, strings.Repeat("x", 1<<20))
	}
	waitForUpload(t, s.Config)
	stopped := make(chan struct{})
	go func() { defer close(stopped); s.Stop() }()
	for { // until it accepts no more
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			break
		}
		conn.Close()
		time.Sleep(time.Millisecond)
	}
	io.WriteString(feed, "the end")
	feed.Close()
	if err := <-pushed; err != nil {
		t.Fatalf("an upload while the server stops: %v", err)
	}
	<-stopped
	again := s.Restart()
	wantPull(t, again.Client, document.ID, strings.Repeat("x", 2<<20)+"the end")
}

func TestStopCutsOffWhatDoesNotFinish(t *testing.T) {
	s := sheaftest.Start(t, func(c *config.Config) { c.Server.ShutdownTimeout = 100 * time.Millisecond })
	body, feed := io.Pipe()
	pushed := make(chan error, 1)
	go func() {
		_, err := s.Client.Push(context.Background(), client.PushInput{Filename: "endless.txt", Body: body})
		pushed <- err
	}()
	for range 2 {
		io.WriteString(feed, strings.Repeat("x", 1<<20))
	}
	waitForUpload(t, s.Config)
	begin := time.Now()
	s.Stop()
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("stopping took %v, want it soon after the timeout of 100 ms", took)
	}
	feed.Close() // the client reads its source until then
	if err := <-pushed; err == nil {
		t.Error("an upload that was cut off succeeded")
	}
	wantOwned(t, s.Config.Storage.Dir, false)
}

func TestHeadersHaveToArrive(t *testing.T) {
	s := sheaftest.Start(t, func(c *config.Config) { c.Server.HeaderTimeout = 50 * time.Millisecond })
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: ")
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a connection with half a header is still open after ten seconds")
	}
}

func TestConfigurationArrives(t *testing.T) {
	s := sheaftest.Start(t, func(c *config.Config) {
		c.Limits.Content = 10
		c.Storage.InlineLimit = 0
		c.Storage.Backends = map[string]config.Backend{"main": {Kind: config.BackendFS, Dir: "here"}}
		c.Storage.DefaultBackend = "main"
		c.Server.PublicURL = "https://sheaf.example.org"
	})
	_, err := s.Client.Push(t.Context(), client.PushInput{Filename: "long.txt", Body: strings.NewReader("eleven bytes")})
	if sheaf.KindOf(err) != sheaf.ErrTooLarge {
		t.Errorf("pushing more than limits.content: %v, want too_large", err)
	}

	document := push(t, s.Client, "short")
	digest := document.Digest.String()
	if _, err := os.Stat(filepath.Join(s.Config.Storage.Dir, "here", digest[:2], digest)); err != nil {
		t.Errorf("with storage.inline_limit 0 a content is not in its backend at once: %v", err)
	}

	request, err := http.NewRequest("GET", "http://"+s.App.Addr().String()+"/livez", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "sheaf.example.org"
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("a request to the public name: %s, want 200", response.Status)
	}
}

func bySocket(t *testing.T, dir string) *client.Client {
	t.Helper()
	c, err := client.New("http://sheaf", client.WithTransport(client.SocketTransport(app.SocketPath(dir))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Whoever owns a directory is the only way to it, and answers others even if it
// is no server; closing lets them finish.
func TestOwnerAnswersOthersUntilClosed(t *testing.T) {
	c := sheaftest.Config(t)
	a, err := app.Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	other := bySocket(t, c.Storage.Dir)
	wantPull(t, other, push(t, other, "hello").ID, "hello")
	if a.Addr() != nil {
		t.Errorf("an owner that is no server listens on %v", a.Addr())
	}

	body, feed := io.Pipe()
	pushed := make(chan error, 1)
	go func() {
		_, err := other.Push(context.Background(), client.PushInput{Filename: "slow.txt", Body: body})
		pushed <- err
	}()
	io.WriteString(feed, strings.Repeat("x", 2<<20))
	waitForUpload(t, c)
	closed := make(chan error, 1)
	go func() { closed <- a.Close() }()
	for { // until it accepts no more
		conn, err := net.Dial("unix", app.SocketPath(c.Storage.Dir))
		if err != nil {
			break
		}
		conn.Close()
		time.Sleep(time.Millisecond)
	}
	io.WriteString(feed, "the end")
	feed.Close()
	if err := <-pushed; err != nil {
		t.Errorf("an upload while its owner closes: %v", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("closing: %v", err)
	}
	wantAbsent(t, filepath.Join(c.Storage.Dir, "sheaf.sock"))
	wantOwned(t, c.Storage.Dir, false)
}

// Commands own a directory for moments. Whoever has found the socket of one that
// closes is answered, not cut off.
func TestCloseTurnsNobodyAway(t *testing.T) {
	c := sheaftest.Config(t)
	for range 5 {
		a, err := app.Open(t.Context(), c, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		const callers = 20
		outcomes := make(chan error, callers)
		var connected sync.WaitGroup
		for range callers {
			connected.Add(1)
			go func() {
				conn, err := net.Dial("unix", app.SocketPath(c.Storage.Dir))
				connected.Done()
				if err != nil {
					outcomes <- err
					return
				}
				defer conn.Close()
				if _, err := io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: sheaf\r\nConnection: close\r\n\r\n"); err != nil {
					outcomes <- err
					return
				}
				answer, err := io.ReadAll(conn)
				if err == nil && !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") {
					err = fmt.Errorf("the answer is %q", answer)
				}
				outcomes <- err
			}()
		}
		connected.Wait()
		if err := a.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
		for range callers {
			if err := <-outcomes; err != nil {
				t.Errorf("a request to an owner that closes: %v", err)
			}
		}
	}
}

// Background work needs no server: a command that opens the store does its part.
func TestBackgroundDrains(t *testing.T) {
	c := sheaftest.Config(t)
	a, err := app.Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	embedded, err := client.New("http://sheaf", client.WithTransport(client.HandlerTransport(a.Handler())))
	if err != nil {
		t.Fatal(err)
	}
	digest := push(t, embedded, "small").Digest.String()
	object := filepath.Join(c.Storage.Dir, "blobs", digest[:2], digest)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(object); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a small content is not in its backend after ten seconds")
		}
	}
}

func TestGreeting(t *testing.T) {
	s := sheaftest.Start(t)
	first := s.App.Greeting()
	for _, want := range []string{
		s.Config.Storage.Dir, s.URL, s.URL + "/docs",
		"curl -F file=@hello.txt -F tags=first " + s.URL + "/documents",
		"DOCUMENT_SERVER_URL=" + s.URL + " doc-push hello.txt",
		"DOCUMENT_SERVER_URL=" + s.URL + " sheaf push hello.txt",
	} {
		if !strings.Contains(first, want) {
			t.Errorf("the first greeting does not say %q:\n%s", want, first)
		}
	}
	again := s.Restart().App.Greeting()
	if !strings.Contains(again, s.Config.Storage.Dir) || strings.Contains(again, "curl") {
		t.Errorf("a later greeting: want the directory and nothing to try:\n%s", again)
	}
}
