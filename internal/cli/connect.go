package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/app"
	"github.com/sheaf-dev/sheaf/internal/config"
)

// A connection is a client of the store that a command uses.
type connection struct {
	*client.Client
	directory *directory // nil when a URL is used
}

// Close gives the store's directory up if this process owns it, once it has
// answered what others have asked.
func (c *connection) Close() error {
	c.Client.Close()
	if c.directory == nil {
		return nil
	}
	return c.directory.Close()
}

// A target says how a command reaches its store: exactly one of the two.
type target struct {
	url string
	dir string // a data directory: its owner by its socket, or nobody's and opened here
}

// connect opens the way to the store that a command works on. The first that
// applies decides:
//
//  1. --url: that server.
//  2. --data-dir: that directory.
//  3. DOCUMENT_SERVER_URL: that server.
//  4. DOCUMENT_STORAGE_DIR or the configuration names a data directory: that one.
//  5. A server answers where one listens that was not told otherwise,
//     http://127.0.0.1:8766: that server.
//  6. .document-storage is in the working directory: that one.
//
// Otherwise there is no store, which is an error.
//
// A data directory has one owner, the process that holds its lock. A command
// that is to use a directory calls its owner over the socket in it, and becomes
// the owner for as long as it runs if there is none, so that it is its turn to
// answer others. A URL never does that: who names a server wants that server. Only a command that creates documents makes
// a directory that does not exist.
func (o *options) connect(cmd *cobra.Command, creates bool) (*connection, error) {
	silence, err := o.silence()
	if err != nil {
		return nil, err
	}
	to, cfg, err := o.target(cmd.Context())
	if err != nil {
		return nil, err
	}
	settings := []client.Option{client.WithTimeout(silence)}
	if to.url != "" {
		c, err := client.New(to.url, settings...)
		if err != nil {
			return nil, err
		}
		return &connection{Client: c}, nil
	}
	if _, err := os.Stat(to.dir); errors.Is(err, fs.ErrNotExist) && !creates {
		return nil, sheaf.Errorf(sheaf.ErrNotFound, "there is no data directory %s", to.dir).
			WithHint("`sheaf push` and `sheaf serve` make one")
	}
	log := app.NewLogger(config.Log{Level: slog.LevelWarn, Format: cfg.Log.Format}, cmd.ErrOrStderr())
	directory := newDirectory(cfg, log, silence)
	transport, err := directory.transport(cmd.Context())
	if err != nil {
		return nil, err
	}
	// The host tells nothing here; documents get the URL that they have once
	// `sheaf serve` runs.
	c, err := client.New("http://"+listenAddress(cfg.Server), append(settings, client.WithTransport(transport))...)
	if err != nil {
		return nil, errors.Join(err, directory.Close())
	}
	return &connection{Client: c, directory: directory}, nil
}

// target applies the rule of connect.
func (o *options) target(ctx context.Context) (target, config.Config, error) {
	var cfg config.Config
	if o.url != "" && o.dataDir != "" {
		return target{}, cfg, sheaf.Errorf(sheaf.ErrInvalid, "--url and --%s name two stores", dataDirFlag).
			WithHint("leave one of them out")
	}
	if url := o.url; url != "" {
		return target{url: url}, cfg, nil
	}
	if url := os.Getenv(urlVariable); url != "" && o.dataDir == "" {
		return target{url: url}, cfg, nil
	}
	cfg, err := o.config()
	if err != nil {
		return target{}, cfg, err
	}
	dir := target{dir: cfg.Storage.Dir}
	if o.namesDirectory(cfg) {
		return dir, cfg, nil
	}
	if address := listenAddress(cfg.Server); answers(ctx, "tcp", address) {
		return target{url: "http://" + address}, cfg, nil
	}
	if info, err := os.Stat(cfg.Storage.Dir); err == nil && info.IsDir() {
		return dir, cfg, nil
	}
	return target{}, cfg, &sheaf.Error{
		Kind:    sheaf.ErrUnavailable,
		Message: fmt.Sprintf("no server answers at http://%s, and there is no %s here", listenAddress(cfg.Server), cfg.Storage.Dir),
		Hint:    "start a server with `sheaf serve`, or name a store with --url or --" + dataDirFlag,
	}
}

// namesDirectory reports whether somebody said where the data is, be it where it
// would be anyway.
func (o *options) namesDirectory(cfg config.Config) bool {
	for _, variable := range []string{"DOCUMENT_STORAGE_DIR", "SHEAF_STORAGE_DIR"} {
		if os.Getenv(variable) != "" {
			return true
		}
	}
	return o.dataDir != "" || cfg.Storage.Dir != config.Default().Storage.Dir
}

// listenAddress returns where this machine reaches the server that `sheaf serve`
// would start.
func listenAddress(server config.Server) string {
	host := server.Host
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = config.Default().Server.Host
	}
	return net.JoinHostPort(host, strconv.Itoa(server.Port))
}

// answers reports whether something accepts connections at address.
func answers(ctx context.Context, network, address string) bool {
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
