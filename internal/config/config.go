// Package config says how a server of Sheaf is configured: one struct, its
// defaults, and where values come from. A later source overrides an earlier one:
//
//	the defaults, sheaf.yaml, environment variables, flags
//
// The table in settings.go names every setting once; its key in sheaf.yaml, its
// variable, its flag and its line in docs/configuration.md all follow from it.
package config

import (
	"log/slog"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// A Config is a whole, valid configuration when it comes from [Load] or
// [Default]. It is not changed afterwards.
type Config struct {
	Server  Server
	Storage Storage
	Catalog Catalog
	Books   Books
	Search  Search
	Assets  Assets
	Garbage Garbage
	Moves   Moves
	MCP     MCP
	Limits  sheaf.Limits
	Audit   Audit
	Log     Log
	Runtime Runtime
}

// Server says where and how a server listens.
type Server struct {
	Host              string // an address or a name of this machine; empty: all its addresses
	Port              int    // 0: any free one
	AllowedHosts      []string
	PublicURL         string // without a trailing slash; empty: what the request was sent to
	AllowOpen         bool
	HeaderTimeout     time.Duration
	UploadIdleTimeout time.Duration
	DownloadGrace     time.Duration
	ShutdownTimeout   time.Duration
	MaxUploads        int
}

// Storage says where the data lives.
type Storage struct {
	Dir                string        // of the catalog, the spool, the lock and the socket
	InlineLimit        int64         // stored bytes
	DeflateLimit       int64         // plain bytes
	ScrubRate          int64         // stored bytes a second
	BatchMemory        int64         // bytes
	ArchiveMemory      int64         // bytes
	UndrainedBlobs     int           // of each backend
	UndrainedBytes     int64         // stored, of each backend
	BackendIdleTimeout time.Duration // of calls to remote backends
	BackendRetryPause  time.Duration // before the first retry of one
	Backends           map[string]Backend
	DefaultBackend     string // a key of Backends
	MasterKeys         Secret // as text, the current one first; empty: see MasterKeyFile
	MasterKeyFile      string // that holds the master keys; empty: there is none
}

// Books says how books come to be, and how they leave.
type Books struct {
	AutoCreate      bool          // by the first write to them, if the writer may
	ArchiveLinkTime time.Duration // for which a link to an archive is good
	ArchiveObjects  bool          // archives lie in backends that others can download from
	ArchivePatience time.Duration // in which they have to be written there
}

// Search bounds what all searches together take from others.
type Search struct {
	Deadline    time.Duration // of one search
	Workers     int           // contents on this machine at once; 0: one fewer than processors, at least 1
	RemoteReads int           // contents elsewhere at once
}

// Assets says where assets of books are uploaded to and read.
type Assets struct {
	CDNURL      string        // what their URLs begin with, without a trailing slash; empty: that of the server
	URLLifetime time.Duration // of URLs that carry their own permission
}

// Catalog tunes the database and its one writer.
type Catalog struct {
	Readers    int           // connections
	BatchCount int           // writes in one transaction, at most
	BatchBytes int64         // inline bytes in one transaction, at most
	BatchDelay time.Duration // for which a transaction takes in further writes
}

// Audit says what is kept of calls that leave no log entry.
type Audit struct {
	AccessRetention time.Duration // 0: for ever
	ReadSampling    float64       // the share of successful reads, from 0 to 1
	AccessRate      int           // records a second, of successes and of failures each; 0: no limit
}

// Garbage says when what nothing refers to is removed.
type Garbage struct {
	Enabled  bool          // in the background; on demand it is removed in any case
	Interval time.Duration // between collections
	Grace    time.Duration // for which it is kept all the same
}

// Moves says how collections move to other backends.
type Moves struct {
	Grace    time.Duration // for which the old backend keeps its copy
	Parallel int           // contents that are copied at the same time
}

// MCP says what agents see over the Model Context Protocol.
type MCP struct {
	Listen   string   // a further host:port that serves /mcp only; empty: none
	Toolsets []string // offered to who asks for no others; empty: books and documents
	ReadOnly bool
}

// Log says what the log shows, and how.
type Log struct {
	Level  slog.Level
	Format string // LogText or LogJSON
}

// Formats of the log.
const (
	LogText = "text"
	LogJSON = "json"
)

// Runtime tunes the garbage collector of the process.
type Runtime struct {
	GOGC        int   // percent, as in the variable GOGC
	MemoryLimit int64 // bytes, soft; 0: none
}

// Default returns the configuration of a server that configures nothing.
func Default() Config {
	return Config{
		Server: Server{
			Host:              "127.0.0.1",
			Port:              8766,
			HeaderTimeout:     10 * time.Second,
			UploadIdleTimeout: 60 * time.Second,
			DownloadGrace:     60 * time.Second,
			ShutdownTimeout:   30 * time.Second,
			MaxUploads:        256,
		},
		Storage: Storage{
			Dir:                ".document-storage",
			InlineLimit:        64 << 10,
			DeflateLimit:       16 << 20,
			ScrubRate:          4 << 20,
			BatchMemory:        64 << 20,
			ArchiveMemory:      256 << 20,
			UndrainedBlobs:     1_000_000,
			UndrainedBytes:     4 << 30,
			BackendIdleTimeout: 10 * time.Second,
			BackendRetryPause:  100 * time.Millisecond,
			Backends:           map[string]Backend{"fs": {Kind: BackendFS, Dir: "blobs"}},
			DefaultBackend:     "fs",
		},
		Catalog: Catalog{
			Readers:    4,
			BatchCount: 256,
			BatchBytes: 8 << 20,
			BatchDelay: 20 * time.Millisecond,
		},
		Books:   Books{AutoCreate: true, ArchiveLinkTime: time.Hour, ArchiveObjects: true, ArchivePatience: time.Minute},
		Search:  Search{Deadline: 10 * time.Second, RemoteReads: 16},
		Assets:  Assets{URLLifetime: time.Hour},
		Garbage: Garbage{Enabled: true, Interval: time.Hour, Grace: 24 * time.Hour},
		Moves:   Moves{Grace: 7 * 24 * time.Hour, Parallel: 4},
		Limits:  sheaf.DefaultLimits(),
		Audit:   Audit{AccessRetention: 30 * 24 * time.Hour, ReadSampling: 1, AccessRate: 200},
		Log:     Log{Level: slog.LevelInfo, Format: LogText},
		Runtime: Runtime{GOGC: 400, MemoryLimit: 1 << 30},
	}
}
