package app

import (
	"context"
	"net"
	"net/http"
	"sync"

	"github.com/sheaf-dev/sheaf"
)

// An address is where clients reach the store over TCP. An owner of a data
// directory that is no server, such as an agent's `sheaf mcp`, has none until
// somebody needs a URL: then it takes a port of the loopback interface.
type address struct {
	mu       sync.Mutex
	server   net.Listener // of Listen; nil before
	loopback net.Listener // taken because there was no server; nil if it was not needed
	closed   bool         // nothing may be taken any more
}

// listening notes that there is a server.
func (a *address) listening(at net.Listener) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.server = at
}

// close ends taking ports and returns the one that was taken, nil if none was.
// The caller closes it.
func (a *address) close() net.Listener {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	return a.loopback
}

// localURL returns where clients on this machine reach the store. It begins to
// listen where they do not yet.
func (a *App) localURL(ctx context.Context) (string, error) {
	a.address.mu.Lock()
	defer a.address.mu.Unlock()
	switch {
	case a.address.server != nil:
		return urlOf(a.address.server), nil
	case a.address.loopback != nil:
		return urlOf(a.address.loopback), nil
	case a.address.closed:
		return "", sheaf.Errorf(sheaf.ErrUnavailable, "the store is closing").WithHint("try again once it is open again")
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", &sheaf.Error{
			Kind: sheaf.ErrUnavailable, Message: "cannot listen on the loopback interface, so that there are no URLs of this store",
			Hint: "start a server with `sheaf serve`", Err: err,
		}
	}
	a.log.Info("listening for those who are given URLs", "url", urlOf(listener))
	a.address.loopback = listener
	a.serve(a.server, listener)
	return urlOf(listener), nil
}

// libraryAddress returns where callers that came by no address reach the store.
func (a *App) libraryAddress(ctx context.Context) (string, error) {
	if a.config.Server.PublicURL != "" {
		return a.config.Server.PublicURL, nil
	}
	return a.localURL(ctx)
}

// addressOf returns where the sender of a request reaches the whole API: at the
// public URL; at the name the request was sent to, if the server was asked by
// it; or, for those who came by the socket, from within the process, or by the
// address for agents alone, on this machine.
func (a *App) addressOf(r *http.Request) (string, error) {
	accepted, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if a.config.Server.PublicURL == "" && accepted != nil && a.isServerPort(accepted.Port) {
		return "http://" + r.Host, nil
	}
	return a.libraryAddress(r.Context())
}

func (a *App) isServerPort(port int) bool {
	a.address.mu.Lock()
	defer a.address.mu.Unlock()
	return a.address.server != nil && a.address.server.Addr().(*net.TCPAddr).Port == port
}
