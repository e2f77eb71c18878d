// Package sheaftest runs real servers for tests: the whole app on a temporary
// directory, listening on a port of its own.
package sheaftest

import (
	"context"
	"sync"
	"testing"

	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/app"
	"github.com/sheaf-dev/sheaf/internal/config"
)

// A Server is a running server. It stops at the end of its test.
type Server struct {
	App    *app.App
	Config config.Config
	URL    string // on this machine, without a trailing slash
	Client *client.Client

	t    testing.TB
	stop func() error // any number of calls, from any goroutine, return the outcome
}

// Config returns the default configuration with a temporary data directory and
// any free port.
func Config(t testing.TB) config.Config {
	t.Helper()
	c := config.Default()
	c.Storage.Dir = t.TempDir()
	c.Server.Port = 0
	return c
}

// Start starts a server, its configuration that of Config with the changes. The
// test fails if it does not start, or does not stop cleanly.
func Start(t testing.TB, changes ...func(*config.Config)) *Server {
	t.Helper()
	c := Config(t)
	for _, change := range changes {
		change(&c)
	}
	return StartConfig(t, c)
}

// StartConfig starts a server with a configuration, such as that of one that
// was stopped before.
func StartConfig(t testing.TB, c config.Config) *Server {
	t.Helper()
	a, err := app.Open(t.Context(), c, app.NewLogger(c.Log, t.Output()))
	if err != nil {
		t.Fatalf("opening the app: %v", err)
	}
	if err := a.Listen(t.Context()); err != nil {
		a.Close()
		t.Fatalf("listening: %v", err)
	}
	s := &Server{App: a, Config: c, URL: a.LocalURL(), t: t}
	if s.Client, err = client.New(s.URL); err != nil {
		a.Close()
		t.Fatalf("client of %s: %v", s.URL, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	outcome := make(chan error, 1)
	go func() { outcome <- a.Run(ctx) }()
	s.stop = sync.OnceValue(func() error {
		cancel()
		s.Client.Close()
		return <-outcome
	})
	t.Cleanup(s.Stop)
	return s
}

// Stop stops the server gracefully and returns when it has stopped. It may be
// called again, and by several goroutines at once.
func (s *Server) Stop() {
	s.t.Helper()
	if err := s.stop(); err != nil {
		s.t.Errorf("the server stopped with %v, want no error", err)
	}
}

// Restart stops the server and starts another on the same data.
func (s *Server) Restart() *Server {
	s.t.Helper()
	s.Stop()
	return StartConfig(s.t, s.Config)
}
