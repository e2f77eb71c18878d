package client

import (
	"context"
	"net"
	"net/http"
)

// SocketTransport returns a transport to the server that listens on the Unix
// socket at path, whatever host a request names.
func SocketTransport(path string) http.RoundTripper {
	t := networkTransport()
	t.Proxy = nil
	t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return t
}
