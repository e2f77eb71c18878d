package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/sheaf-dev/sheaf"
)

const (
	idleTimeout    = 2 * time.Minute // of a connection between two requests
	maxHeaderBytes = 64 << 10
)

// serveSocket begins to answer on the data directory's socket.
func (a *App) serveSocket() {
	requests, cutOff := context.WithCancel(context.Background())
	a.cutOff = cutOff
	a.failed = make(chan error, 4)
	a.server = a.newServer(requests, a.handler)
	a.agentServer = a.newServer(requests, a.agents)
	socket, err := listenSocket(a.config.Storage.Dir)
	if err != nil {
		a.log.Warn("no socket in the data directory: other commands have to wait until this one ends, or reach a server by its URL", "error", err)
		return
	}
	a.socket = socket
	a.serve(a.server, socket)
}

// newServer returns a server whose requests end with the context.
func (a *App) newServer(requests context.Context, handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: a.config.Server.HeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
		BaseContext:       func(net.Listener) context.Context { return requests },
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				a.connections.Add(1)
			case http.StateClosed, http.StateHijacked:
				a.connections.Add(-1)
			}
		},
	}
}

func (a *App) serve(server *http.Server, listener net.Listener) {
	go func() { a.failed <- server.Serve(listener) }()
}

// Listen begins to listen where the configuration says, and refuses to do so
// where strangers could connect. Connections wait until Run answers them. Close
// ends it.
func (a *App) Listen(ctx context.Context) (err error) {
	address := net.JoinHostPort(a.config.Server.Host, strconv.Itoa(a.config.Server.Port))
	if a.tcp, err = a.listen(ctx, address, "--host", "--port"); err != nil {
		return err
	}
	if address := a.config.MCP.Listen; address != "" {
		if a.agentTCP, err = a.listen(ctx, address, "--mcp-listen", "--mcp-listen"); err != nil {
			return errors.Join(err, a.tcp.Close())
		}
	}
	a.address.listening(a.tcp)
	a.ownership.announce(a.LocalURL())
	return nil
}

// listen begins to listen on an address, which two flags have set.
func (a *App) listen(ctx context.Context, address, hostFlag, portFlag string) (net.Listener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, sheaf.Errorf(sheaf.ErrInvalid, "cannot listen on %s: %w", address, err).
			WithHint("name an address of this machine with " + hostFlag)
	}
	if !resolved.IP.IsLoopback() && !a.config.Server.AllowOpen {
		return nil, sheaf.Errorf(sheaf.ErrForbidden, "refusing to listen on %s: the store has no keys, so that whoever can connect could read and change everything", address).
			WithHint("listen on 127.0.0.1, or add --allow-open if everybody who can reach this address may do that")
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", resolved.String())
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, sheaf.Errorf(sheaf.ErrExists, "cannot listen on %s: another program does", address).
			WithHint("choose another port with " + portFlag + "; 0 takes a free one")
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return listener, nil
}

// Addr returns the address that Listen took, and nil before.
func (a *App) Addr() net.Addr {
	if a.tcp == nil {
		return nil
	}
	return a.tcp.Addr()
}

// AgentAddr returns the address that serves agents only, and nil before Listen
// and if there is none.
func (a *App) AgentAddr() net.Addr {
	if a.agentTCP == nil {
		return nil
	}
	return a.agentTCP.Addr()
}

// URL returns where clients reach the server, without a trailing slash. It is
// known after Listen.
func (a *App) URL() string {
	if a.config.Server.PublicURL != "" {
		return a.config.Server.PublicURL
	}
	return a.LocalURL()
}

// LocalURL returns where clients on this machine reach the server, which no
// proxy stands before. It is known after Listen.
func (a *App) LocalURL() string { return urlOf(a.tcp) }

func urlOf(listener net.Listener) string {
	address := listener.Addr().(*net.TCPAddr)
	host := address.IP.String()
	if address.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(address.Port))
}

// Run answers requests, after Listen if that was not called before, until ctx
// ends. Then it accepts no more, gives those it has accepted the configured time
// to finish, and closes the App. It returns nil when that was all.
func (a *App) Run(ctx context.Context) error {
	if a.tcp == nil {
		if err := a.Listen(ctx); err != nil {
			return errors.Join(err, a.Close())
		}
	}
	a.serve(a.server, a.tcp)
	if a.agentTCP != nil {
		a.serve(a.agentServer, a.agentTCP)
		a.log.Info("serving agents", "url", "http://"+a.agentTCP.Addr().String()+"/mcp")
	}
	a.log.Info("serving", "url", a.LocalURL(), "data", a.config.Storage.Dir)

	var err error
	select {
	case <-ctx.Done():
		a.log.Info("stopping")
	case err = <-a.failed:
		err = fmt.Errorf("serve: %w", err)
	}
	err = errors.Join(err, a.Close())
	a.log.Info("stopped")
	return err
}

// lateTime is how long a connection that has been accepted before the end may
// still bring its request.
const lateTime = time.Second

// stopServing ends listening and lets requests finish. Those that do not in the
// configured time are cut off.
func (a *App) stopServing() error {
	begin := time.Now()
	var err error
	for _, listener := range []net.Listener{a.tcp, a.agentTCP, a.address.close()} {
		if listener == nil {
			continue
		}
		// It is closed already when Run could not go on serving it.
		if closeErr := listener.Close(); !errors.Is(closeErr, net.ErrClosed) {
			err = errors.Join(err, closeErr)
		}
	}
	if a.socket != nil {
		a.socket.retire()
	}
	// Shutdown drops the requests that it finds half read, or sent and not read
	// yet: whoever connected just before waits for an answer. Without keep-alive
	// connections close by themselves once they are answered.
	servers := []*http.Server{a.server, a.agentServer}
	for _, server := range servers {
		server.SetKeepAlivesEnabled(false)
	}
	for a.connections.Load() > 0 && time.Since(begin) < min(lateTime, a.config.Server.ShutdownTimeout) {
		time.Sleep(time.Millisecond)
	}
	deadline, cancel := context.WithDeadline(context.Background(), begin.Add(a.config.Server.ShutdownTimeout))
	defer cancel()
	defer a.cutOff()
	for _, server := range servers {
		switch shutdownErr := server.Shutdown(deadline); {
		case errors.Is(shutdownErr, context.DeadlineExceeded):
			a.log.Warn("requests that did not finish in time are cut off", "timeout", a.config.Server.ShutdownTimeout)
			a.cutOff()
			server.Close()
		case !errors.Is(shutdownErr, net.ErrClosed): // of the listeners closed above
			err = errors.Join(err, shutdownErr)
		}
	}
	return err
}
