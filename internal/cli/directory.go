package cli

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/app"
	"github.com/sheaf-dev/sheaf/internal/config"
)

// A directory is a data directory that a command uses, through its owner or as
// its owner. The owner may be another command, which ends between two requests
// of this one: whoever is the owner when a connection is made gets it.
type directory struct {
	cfg      config.Config
	log      *slog.Logger
	patience time.Duration // with an owner that does not answer

	closing chan struct{}

	mu    sync.Mutex
	store *app.App // when this process is the owner, then until Close; guarded by mu
}

func newDirectory(cfg config.Config, log *slog.Logger, patience time.Duration) *directory {
	return &directory{cfg: cfg, log: log, patience: patience, closing: make(chan struct{})}
}

// transport finds the owner, or becomes it, and returns the way to it.
func (d *directory) transport(ctx context.Context) (http.RoundTripper, error) {
	conn, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	if conn != nil {
		conn.Close()
		return &http.Transport{
			DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return d.reach(ctx) },
			DisableCompression: true,
			// An owner that ends closes idle connections, and what is sent on one
			// at that moment cannot always be sent again. A new one is accepted
			// and answered, or refused before anything was sent.
			DisableKeepAlives: true,
		}, nil
	}
	return client.HandlerTransport(d.store.Handler()), nil
}

// reach connects to the owner, which may be this process since the last owner
// has gone.
func (d *directory) reach(ctx context.Context) (net.Conn, error) {
	conn, err := d.dial(ctx)
	if conn == nil && err == nil {
		conn, err = d.knock(ctx)
	}
	return conn, err
}

// ownerPoll is how often dial looks whether the owner has begun to answer, or is
// gone.
const ownerPoll = 50 * time.Millisecond

// dial connects to another process that owns the directory or, if there is none,
// becomes the owner and returns nil. An owner that does not answer is starting
// or stopping and is waited for.
func (d *directory) dial(ctx context.Context) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for begin := time.Now(); d.store == nil; {
		select {
		case <-d.closing: // nobody is waiting for this connection any more
			return nil, net.ErrClosed
		default:
		}
		if conn, err := d.knock(ctx); err == nil {
			return conn, nil
		}
		store, err := app.Open(ctx, d.cfg, d.log)
		if err == nil {
			d.store = store
			break
		}
		if sheaf.KindOf(err) != sheaf.ErrExists || time.Since(begin) > d.patience {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-d.closing:
		case <-time.After(ownerPoll):
		}
	}
	return nil, nil
}

// knock connects to the directory's socket.
func (d *directory) knock(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{Timeout: time.Second}
	return dialer.DialContext(ctx, "unix", app.SocketPath(d.cfg.Storage.Dir))
}

// isOwned reports whether this process owns the directory, so that nobody reaches
// the store once the command has ended.
func (d *directory) isOwned() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.store != nil
}

// Close gives the directory up if this process owns it. It is called once, when
// no request is under way.
func (d *directory) Close() error {
	close(d.closing)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.store == nil {
		return nil
	}
	return d.store.Close()
}
