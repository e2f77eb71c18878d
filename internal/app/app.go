// Package app puts a store together: from a configuration to a catalog, a blob
// store, a library and a handler over one data directory, which has one owner at
// a time. Nothing registers itself; what is wired is what is written here.
package app

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/config"
	"github.com/sheaf-dev/sheaf/internal/durable"
	"github.com/sheaf-dev/sheaf/internal/jobs"
	"github.com/sheaf-dev/sheaf/internal/library"
	"github.com/sheaf-dev/sheaf/internal/mcp"
	"github.com/sheaf-dev/sheaf/internal/rest"
)

// Names in a data directory, besides the lock and the socket.
const (
	catalogName = "documents.db"
	spoolName   = "spool"
	auditName   = ".audit" // a file of a day each
	uploadsName = "uploads"
)

// An App is an open store and the owner of its data directory. Until Close it
// does its background work and answers other processes on the directory's socket.
type App struct {
	config config.Config // with Storage.Dir absolute
	log    *slog.Logger
	fresh  bool // there was no catalog before Open

	ownership *ownership
	catalog   *catalog.Catalog
	library   *library.Library
	handler   http.Handler
	agents    http.Handler // /mcp alone

	stopBackground func() // returns when it has stopped
	hurryBackends  func() // makes calls of remote backends that do not move end soon

	server      *http.Server
	agentServer *http.Server       // of agents, on an address of their own
	connections atomic.Int64       // that server has open
	cutOff      context.CancelFunc // ends the requests that server is answering
	failed      chan error         // what ended a listener; has room for all
	socket      *socketListener    // nil where there can be none
	tcp         net.Listener       // nil until Listen
	agentTCP    net.Listener       // nil until Listen, and if there is no such address
	address     address

	closing sync.Once
	closed  error // the outcome of closing
}

// Open opens the store that the configuration describes, making it if there is
// none, and starts its background work. From then on other processes reach it on
// the data directory's socket, whether or not it is to be a server: there is no
// other way to a directory that somebody owns. The context bounds opening only.
//
// If another process owns the data directory, the error is of kind exists.
func Open(ctx context.Context, cfg config.Config, log *slog.Logger) (*App, error) {
	dir, err := filepath.Abs(cfg.Storage.Dir)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	cfg.Storage.Dir = dir
	if err := durable.MakeDirs(dir); err != nil {
		return nil, sheaf.Errorf(sheaf.ErrInvalid, "cannot make the data directory: %w", err).
			WithHint("name one that can be written with --data-dir or DOCUMENT_STORAGE_DIR")
	}
	a := &App{config: cfg, log: log}
	if a.ownership, err = own(ctx, dir); err != nil {
		return nil, err
	}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// open opens what lies in the data directory, which this process owns.
func (a *App) open(ctx context.Context) error {
	keys, sealed, err := masterKeys(a.config.Storage)
	if err != nil {
		return err
	}
	ending, hurry := context.WithCancel(context.Background())
	a.hurryBackends = hurry
	backends, kinds, err := openBackends(ending, a.config.Storage)
	if err != nil {
		return err
	}
	blobs, err := blob.NewStore(blob.Options{
		SpoolDir:     a.path(spoolName),
		InlineLimit:  int(noneIfZero(a.config.Storage.InlineLimit)),
		DeflateLimit: noneIfZero(a.config.Storage.DeflateLimit),
		Backends:     backends,
		Keys:         keys,
		Sealed:       sealed,
		Owner:        a.markOf,
		OnDamage:     func(ref blob.Ref, err error) { a.library.ReportDamage(ref, err) },
	})
	if err != nil {
		return err
	}
	_, err = os.Stat(a.path(catalogName))
	a.fresh = errors.Is(err, fs.ErrNotExist)
	a.catalog, err = catalog.Open(ctx, catalog.Options{
		Path:          a.path(catalogName),
		Log:           a.log,
		Readers:       a.config.Catalog.Readers,
		BatchCount:    a.config.Catalog.BatchCount,
		BatchBytes:    a.config.Catalog.BatchBytes,
		BatchDuration: a.config.Catalog.BatchDelay,
	})
	if err != nil {
		return err
	}
	a.library, err = library.Open(ctx, library.Options{
		Catalog:         a.catalog,
		Blobs:           blobs,
		Backends:        kinds,
		DefaultBackend:  a.config.Storage.DefaultBackend,
		Limits:          a.config.Limits,
		ScrubRate:       a.config.Storage.ScrubRate,
		BatchMemory:     a.config.Storage.BatchMemory,
		ArchiveMemory:   a.config.Storage.ArchiveMemory,
		UndrainedBlobs:  int64(a.config.Storage.UndrainedBlobs),
		UndrainedBytes:  a.config.Storage.UndrainedBytes,
		AutoCreateBooks: a.config.Books.AutoCreate,
		ViewsDir:        a.config.Storage.Dir,
		Archives: library.ArchiveOptions{
			LinkTime: a.config.Books.ArchiveLinkTime, Materialize: a.config.Books.ArchiveObjects, Patience: a.config.Books.ArchivePatience,
		},
		Search: library.SearchOptions{
			Deadline: a.config.Search.Deadline,
			Workers:  a.config.Search.Workers,
			Remote:   a.config.Search.RemoteReads,
		},
		Assets: library.AssetOptions{
			CDNURL: a.config.Assets.CDNURL, Lifetime: a.config.Assets.URLLifetime, StagingDir: a.path(uploadsName),
		},
		Garbage: garbageOptions(a.config.Garbage),
		Moves:   library.MoveOptions{Grace: a.config.Moves.Grace, Parallel: a.config.Moves.Parallel},
		Audit: library.AuditOptions{
			Retention: a.config.Audit.AccessRetention,
			Sampling:  a.config.Audit.ReadSampling,
			Rate:      a.config.Audit.AccessRate,
			Dir:       a.path(auditName),
		},
		Address: a.libraryAddress,
		Log:     a.log,
	})
	if err != nil {
		return err
	}
	agents, err := mcp.New(mcp.Options{
		Library: a.library, Log: a.log, Version: Version(),
		Toolsets: toolsets(a.config.MCP.Toolsets), ReadOnly: a.config.MCP.ReadOnly,
		Address: a.addressOf,
	})
	if err != nil {
		return err
	}
	options := rest.Options{
		MCP:               agents,
		Library:           a.library,
		Log:               a.log,
		Version:           Version(),
		BaseURL:           a.config.Server.PublicURL,
		Address:           a.addressOf,
		LoopbackOnly:      !a.config.Server.AllowOpen,
		AllowedHosts:      allowedHosts(a.config.Server),
		UploadIdleTimeout: a.config.Server.UploadIdleTimeout,
		DownloadGrace:     a.config.Server.DownloadGrace,
		MaxUploads:        a.config.Server.MaxUploads,
	}
	if a.handler, err = rest.New(options); err != nil {
		return err
	}
	if a.agents, err = rest.NewMCP(options); err != nil {
		return err
	}
	a.startBackground()
	a.serveSocket()
	return nil
}

// markOf returns what this store marks a backend of the name with, as its own.
func (a *App) markOf(ctx context.Context, backend string) ([]byte, error) {
	secret, err := a.catalog.Secret(ctx, "backends")
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(backend))
	return []byte(hex.EncodeToString(mac.Sum(nil))), nil
}

// noneIfZero turns the configuration's "none" into that of package blob, for
// which 0 is the default.
func noneIfZero(limit int64) int64 {
	if limit == 0 {
		return -1
	}
	return limit
}

// garbageOptions turns the configuration's switch into that of the library, for
// which an interval of 0 is none.
func garbageOptions(garbage config.Garbage) library.GarbageOptions {
	if !garbage.Enabled {
		garbage.Interval = 0
	}
	return library.GarbageOptions{Interval: garbage.Interval, Grace: garbage.Grace}
}

func toolsets(names []string) (toolsets []mcp.Toolset) {
	for _, name := range names {
		toolsets = append(toolsets, mcp.Toolset(name))
	}
	return toolsets
}

// allowedHosts returns the names that requests may be addressed to. A proxy
// passes on the name in the public URL.
func allowedHosts(server config.Server) []string {
	hosts := server.AllowedHosts
	if public, err := url.Parse(server.PublicURL); err == nil && public.Hostname() != "" {
		hosts = append(hosts[:len(hosts):len(hosts)], public.Hostname())
	}
	return hosts
}

func (a *App) startBackground() {
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		jobs.Run(ctx, a.log, a.library.Background()...)
	}()
	a.stopBackground = func() {
		cancel()
		<-stopped
	}
}

// path returns the path of a name in the data directory.
func (a *App) path(name string) string { return filepath.Join(a.config.Storage.Dir, name) }

// Handler answers the requests of a server, or of the same process.
func (a *App) Handler() http.Handler { return a.handler }

// Library returns the store itself, for benchmarks and tests that go below the
// transports.
func (a *App) Library() *library.Library { return a.library }

// Close accepts no more requests, gives those it has accepted the configured
// time to finish, whoever sent them, ends the background work and gives up the
// data directory. What follows the first call returns its outcome.
func (a *App) Close() error {
	a.closing.Do(func() {
		var errs []error
		if a.hurryBackends != nil {
			a.hurryBackends()
		}
		if a.server != nil {
			errs = append(errs, a.stopServing())
		}
		if a.stopBackground != nil {
			a.stopBackground()
		}
		if a.library != nil {
			if err := a.library.FlushAudit(context.Background()); err != nil {
				a.log.Error("the last access records are lost, or not exported yet", "error", err)
			}
		}
		if a.catalog != nil {
			errs = append(errs, a.catalog.Close())
		}
		errs = append(errs, a.ownership.release())
		a.closed = errors.Join(errs...)
	})
	return a.closed
}
