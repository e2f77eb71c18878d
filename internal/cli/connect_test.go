package cli

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/app"
	"github.com/sheaf-dev/sheaf/internal/config"
	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

func TestTarget(t *testing.T) {
	workIn(t)
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, answering, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	const silent = "1" // a port that nobody listens on
	here := config.Default().Storage.Dir
	for _, test := range []struct {
		name  string
		flags options
		env   map[string]string
		file  string // sheaf.yaml
		store bool   // .document-storage is here
		want  target
	}{
		{"--url", options{url: "http://flag"}, map[string]string{"DOCUMENT_SERVER_URL": "http://env", "DOCUMENT_STORAGE_DIR": "env"}, "", true, target{url: "http://flag"}},
		{"--data-dir", options{dataDir: "flag"}, map[string]string{"DOCUMENT_SERVER_URL": "http://env", "DOCUMENT_STORAGE_DIR": "env"}, "", true, target{dir: "flag"}},
		{"variable with a URL", options{}, map[string]string{"DOCUMENT_SERVER_URL": "http://env", "DOCUMENT_STORAGE_DIR": "env"}, "", true, target{url: "http://env"}},
		{"variable with a directory", options{}, map[string]string{"DOCUMENT_STORAGE_DIR": "env", "DOCUMENT_SERVER_PORT": answering}, "", true, target{dir: "env"}},
		{"variable with the default directory", options{}, map[string]string{"DOCUMENT_STORAGE_DIR": here, "DOCUMENT_SERVER_PORT": answering}, "", false, target{dir: here}},
		{"configuration file", options{}, map[string]string{"DOCUMENT_SERVER_PORT": answering}, "storage: {dir: file}", true, target{dir: "file"}},
		{"server", options{}, map[string]string{"DOCUMENT_SERVER_PORT": answering}, "", true, target{url: server.URL}},
		{"server that listens everywhere", options{}, map[string]string{"DOCUMENT_SERVER_PORT": answering, "DOCUMENT_SERVER_HOST": "0.0.0.0"}, "", true, target{url: server.URL}},
		{"directory here", options{}, map[string]string{"DOCUMENT_SERVER_PORT": silent}, "", true, target{dir: here}},
		{"nothing", options{}, map[string]string{"DOCUMENT_SERVER_PORT": silent}, "", false, target{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			workIn(t)
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			if test.file != "" {
				write(t, "sheaf.yaml", test.file)
			}
			if test.store {
				if err := os.Mkdir(here, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			got, _, err := test.flags.target(t.Context())
			if got != test.want || (err != nil) != (test.want == target{}) {
				t.Errorf("target: %+v, %v; want %+v", got, err, test.want)
			}
		})
	}
}

// A data directory that a server owns is used through that server; without one
// the command opens it, and gives it up at its end.
func TestOneOwner(t *testing.T) {
	workIn(t)
	write(t, "a.txt", "a")
	configuration := sheaftest.Config(t)
	dir := configuration.Storage.Dir
	pushOne(t, "--data-dir", dir, "a.txt")
	if owned, err := app.Owned(dir); owned || err != nil {
		t.Fatalf("the command still owns the directory: %t, %v", owned, err)
	}
	server := sheaftest.StartConfig(t, configuration)
	pushOne(t, "--data-dir", dir, "a.txt")
	pushOne(t, "--url", server.URL, "a.txt")
	if names := listed(t, "--data-dir", dir); len(names) != 3 {
		t.Errorf("through the socket there are %v, want three documents", names)
	}
	run(t, "", "sheaf", "doctor", "--data-dir", dir).want(t, 0, "sheaf.sock is ok", "")
	server.Stop()
	if names := listed(t, "--data-dir", dir); len(names) != 3 {
		t.Errorf("after the server there are %v, want three documents", names)
	}
}

// An owner may end between two requests of a command that it has answered. The
// command goes on as the owner.
func TestOwnerGoesMeanwhile(t *testing.T) {
	configuration := sheaftest.Config(t)
	first, err := app.Open(t.Context(), configuration, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	directory := newDirectory(configuration, slog.New(slog.DiscardHandler), 10*time.Second)
	transport, err := directory.transport(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.DefaultURL, client.WithTransport(transport))
	if err != nil {
		t.Fatal(err)
	}
	for _, filename := range []string{"before.txt", "after.txt", "again.txt"} {
		// A body that can be read once only, as that of a pipe.
		body := io.MultiReader(strings.NewReader(filename))
		if _, err := c.Push(t.Context(), client.PushInput{Filename: filename, Body: body}); err != nil {
			t.Errorf("pushing %s: %v", filename, err)
		}
		if err := first.Close(); err != nil { // again and again, which does nothing
			t.Errorf("closing the first owner: %v", err)
		}
	}
	c.Close()
	if err := directory.Close(); err != nil {
		t.Errorf("giving the directory up: %v", err)
	}
	if owned, err := app.Owned(configuration.Storage.Dir); owned || err != nil {
		t.Errorf("the directory is owned at the end: %t, %v", owned, err)
	}
	if names := listed(t, "--data-dir", configuration.Storage.Dir); len(names) != 3 {
		t.Errorf("there are %v, want three documents", names)
	}
}

// Two commands that need the same directory at once both get it.
func TestOwnersTakeTurns(t *testing.T) {
	workIn(t)
	write(t, "a.txt", "a")
	const commands = 4
	done := make(chan ran, commands)
	for range commands {
		go func() { done <- run(t, "", "sheaf", "push", "a.txt", "--data-dir", "store") }()
	}
	for range commands {
		if r := <-done; r.code != 0 {
			t.Errorf("push beside others: exit code %d: %s", r.code, r.err)
		}
	}
	if names := listed(t, "--data-dir", "store"); len(names) != commands {
		t.Errorf("there are %v, want %d documents", names, commands)
	}
}

// A server that is named is used or missed, and never replaced by a directory.
func TestURLNeverEmbeds(t *testing.T) {
	workIn(t)
	write(t, "a.txt", "a")
	pushOne(t, "--data-dir", config.Default().Storage.Dir, "a.txt")
	t.Setenv("DOCUMENT_SERVER_URL", "http://127.0.0.1:1")
	r := run(t, "", "sheaf", "query")
	r.want(t, 7, "", "no server answers")
	if strings.Contains(r.out, "a.txt") {
		t.Error("the directory here was used instead of the server")
	}
}
