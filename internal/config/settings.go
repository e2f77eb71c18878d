package config

import "strings"

// A setting is one value of the configuration and all its names.
type setting struct {
	key   string // in sheaf.yaml: section.name
	help  string // one line, for --help and the reference
	value func(*Config) value

	shortFlag string // a further flag, such as port for server.port
	seedEnv   string // a further variable, overridden by the setting's own
}

// flagNames returns the setting's flags, such as port and server-port, the
// shortest first.
func (s setting) flagNames() []string {
	name := strings.NewReplacer(".", "-", "_", "-").Replace(s.key)
	if s.shortFlag == "" {
		return []string{name}
	}
	return []string{s.shortFlag, name}
}

// envNames returns the setting's environment variables. A later one overrides
// an earlier one.
func (s setting) envNames() []string {
	name := "SHEAF_" + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
	if s.seedEnv == "" {
		return []string{name}
	}
	return []string{s.seedEnv, name}
}

// backendsKey is the one key that is no setting: it holds a map, which backend.go
// knows how to read.
const backendsKey = "storage.backends"

const (
	anyInt   = 1<<31 - 1
	anyBytes = 1<<63 - 1
)

// settings returns the table of all settings, in the order of the reference.
func settings() []setting {
	return []setting{
		{
			key:       "server.host",
			help:      "address to listen on; beyond loopback only with server.allow_open",
			value:     func(c *Config) value { return text(&c.Server.Host) },
			shortFlag: "host", seedEnv: "DOCUMENT_SERVER_HOST",
		}, {
			key:       "server.port",
			help:      "port to listen on; 0 takes a free one",
			value:     func(c *Config) value { return integer(&c.Server.Port, 0, 65535) },
			shortFlag: "port", seedEnv: "DOCUMENT_SERVER_PORT",
		}, {
			key:   "server.allowed_hosts",
			help:  "host names, besides the loopback ones, that requests may be addressed to",
			value: func(c *Config) value { return list(&c.Server.AllowedHosts) },
		}, {
			key:   "server.public_url",
			help:  "URL at which clients reach the server, when a proxy stands before it",
			value: func(c *Config) value { return webURL(&c.Server.PublicURL) },
		}, {
			key:       "server.allow_open",
			help:      "listen beyond loopback although there are no keys: whoever can connect may do everything",
			value:     func(c *Config) value { return boolean(&c.Server.AllowOpen) },
			shortFlag: "allow-open",
		}, {
			key:   "server.header_timeout",
			help:  "time in which a request's header has to arrive",
			value: func(c *Config) value { return duration(&c.Server.HeaderTimeout) },
		}, {
			key:   "server.upload_idle_timeout",
			help:  "time after which an upload that sends nothing is given up; there is no limit on the whole",
			value: func(c *Config) value { return duration(&c.Server.UploadIdleTimeout) },
		}, {
			key:   "server.download_grace",
			help:  "time that every download has, besides a second per 64 KiB; a slower reader is disconnected",
			value: func(c *Config) value { return duration(&c.Server.DownloadGrace) },
		}, {
			key:   "server.shutdown_timeout",
			help:  "time that requests have to finish when the server stops",
			value: func(c *Config) value { return duration(&c.Server.ShutdownTimeout) },
		}, {
			key:   "server.max_uploads",
			help:  "uploads at the same time; more are asked to try again",
			value: func(c *Config) value { return integer(&c.Server.MaxUploads, 1, anyInt) },
		}, {
			key:       "storage.dir",
			help:      "directory of the data",
			value:     func(c *Config) value { return nonEmpty(&c.Storage.Dir) },
			shortFlag: "data-dir", seedEnv: "DOCUMENT_STORAGE_DIR",
		}, {
			key:   "storage.inline_limit",
			help:  "stored size up to which a content is committed within the catalog and moved to its backend later; 0 puts every one there first",
			value: func(c *Config) value { return size(&c.Storage.InlineLimit, 0, 64<<10) },
		}, {
			key:   "storage.deflate_limit",
			help:  "size up to which a content is stored compressed if that makes it smaller; 0 compresses nothing",
			value: func(c *Config) value { return size(&c.Storage.DeflateLimit, 0, anyBytes) },
		}, {
			key:   "storage.scrub_rate",
			help:  "stored bytes a second that are read again in the background to find damage; 0 reads none",
			value: func(c *Config) value { return size(&c.Storage.ScrubRate, 0, anyBytes) },
		}, {
			key:   "storage.batch_memory",
			help:  "memory in which all batches together hold small contents until they are committed; more of them wait in files",
			value: func(c *Config) value { return size(&c.Storage.BatchMemory, 0, 1<<40) },
		}, {
			key:   "storage.archive_memory",
			help:  "memory that all archives take up together while they are made and downloaded, about a kilobyte for each document; who finds it taken is asked to come again",
			value: func(c *Config) value { return size(&c.Storage.ArchiveMemory, 1, 1<<40) },
		}, {
			key:   "storage.undrained_blobs",
			help:  "small contents that wait in the catalog for one backend; while more would, writes to it are refused",
			value: func(c *Config) value { return integer(&c.Storage.UndrainedBlobs, 1, anyInt) },
		}, {
			key:   "storage.undrained_bytes",
			help:  "size of the small contents that wait in the catalog for one backend; while it would be more, writes to it are refused",
			value: func(c *Config) value { return size(&c.Storage.UndrainedBytes, 1, anyBytes) },
		}, {
			key:   "storage.backend_idle_timeout",
			help:  "time after which a request to a remote backend is given up in which nothing moves; there is no limit on the whole",
			value: func(c *Config) value { return duration(&c.Storage.BackendIdleTimeout) },
		}, {
			key:   "storage.backend_retry_pause",
			help:  "pause before a request to a remote backend that failed is tried again, twice as long each time; one that keeps failing is left alone for ten to three hundred such pauses",
			value: func(c *Config) value { return duration(&c.Storage.BackendRetryPause) },
		}, {
			key:   "storage.default_backend",
			help:  "backend of new collections, one of " + backendsKey,
			value: func(c *Config) value { return nonEmpty(&c.Storage.DefaultBackend) },
		}, {
			key:       "storage.master_key_file",
			help:      "file with the master keys of encrypted backends, the current one first, that only its owner may read; instead of the variable SHEAF_MASTER_KEY, which holds the keys themselves",
			value:     func(c *Config) value { return text(&c.Storage.MasterKeyFile) },
			shortFlag: "master-key-file", seedEnv: masterKeyFileEnv,
		}, {
			key:   "catalog.readers",
			help:  "database connections for reading",
			value: func(c *Config) value { return integer(&c.Catalog.Readers, 1, 64) },
		}, {
			key:   "catalog.batch_count",
			help:  "writes that share one transaction, at most",
			value: func(c *Config) value { return integer(&c.Catalog.BatchCount, 1, anyInt) },
		}, {
			key:   "catalog.batch_bytes",
			help:  "bytes of contents in one transaction, at most",
			value: func(c *Config) value { return size(&c.Catalog.BatchBytes, 1, 1<<30) },
		}, {
			key:   "catalog.batch_delay",
			help:  "time for which a transaction takes in further writes that are waiting",
			value: func(c *Config) value { return duration(&c.Catalog.BatchDelay) },
		}, {
			key:   "books.auto_create",
			help:  "whether writing to a book that is not there makes it, for callers who may create collections",
			value: func(c *Config) value { return boolean(&c.Books.AutoCreate) },
		}, {
			key:   "books.archive_link_time",
			help:  "how long a URL is good from which anybody who has it downloads an archive of a book",
			value: func(c *Config) value { return duration(&c.Books.ArchiveLinkTime) },
		}, {
			key:   "books.archive_objects",
			help:  "whether backends that others can download from are given archives of books to hold for them as temporary objects; else their downloads pass through the server",
			value: func(c *Config) value { return boolean(&c.Books.ArchiveObjects) },
		}, {
			key:   "books.archive_patience",
			help:  "time in which an archive has to be written into its backend as a temporary object",
			value: func(c *Config) value { return duration(&c.Books.ArchivePatience) },
		}, {
			key:   "search.deadline",
			help:  "time after which a search answers with what it has found",
			value: func(c *Config) value { return duration(&c.Search.Deadline) },
		}, {
			key:   "search.workers",
			help:  "contents on this machine that all searches together look through at once; 0 leaves one processor to others",
			value: func(c *Config) value { return integer(&c.Search.Workers, 0, 1024) },
		}, {
			key:   "search.remote_reads",
			help:  "contents in object stores that all searches together look through at once",
			value: func(c *Config) value { return integer(&c.Search.RemoteReads, 1, 1024) },
		}, {
			key:     "assets.cdn_url",
			help:    "what the URLs of assets begin with, when a CDN stands before the server; that of the server unless given",
			value:   func(c *Config) value { return webURL(&c.Assets.CDNURL) },
			seedEnv: "SHEAF_CDN_URL",
		}, {
			key:   "assets.url_lifetime",
			help:  "time for which URLs of uploads and downloads are good that carry their own permission",
			value: func(c *Config) value { return duration(&c.Assets.URLLifetime) },
		}, {
			key:   "gc.enabled",
			help:  "apply the retention of collections and reclaim garbage in the background",
			value: func(c *Config) value { return boolean(&c.Garbage.Enabled) },
		}, {
			key:   "gc.interval",
			help:  "time from one garbage collection to the next",
			value: func(c *Config) value { return duration(&c.Garbage.Interval) },
		}, {
			key:   "gc.grace",
			help:  "time for which contents that nothing refers to are kept; longer than a backup takes",
			value: func(c *Config) value { return duration(&c.Garbage.Grace) },
		}, {
			key:   "moves.grace",
			help:  "time for which the backend that a collection has moved from keeps its copy, so that the move can be rolled back",
			value: func(c *Config) value { return duration(&c.Moves.Grace) },
		}, {
			key:   "moves.parallel",
			help:  "contents that a move to another backend copies at the same time",
			value: func(c *Config) value { return integer(&c.Moves.Parallel, 1, 1000) },
		}, {
			key:   "mcp.listen",
			help:  "further host:port that serves agents at /mcp and nothing else, such as 127.0.0.1:8000",
			value: func(c *Config) value { return hostPort(&c.MCP.Listen) },
		}, {
			key:   "mcp.toolsets",
			help:  "tools for agents that ask for no others: books, documents, history, review, admin; books and documents unless given",
			value: func(c *Config) value { return list(&c.MCP.Toolsets) },
		}, {
			key:   "mcp.read_only",
			help:  "offer agents only tools that change nothing, whatever they ask for",
			value: func(c *Config) value { return boolean(&c.MCP.ReadOnly) },
		}, {
			key:     "limits.content",
			help:    "size of a content",
			value:   func(c *Config) value { return size(&c.Limits.Content, 1, anyBytes) },
			seedEnv: "DOCUMENT_MAX_SIZE",
		}, {
			key:   "limits.name",
			help:  "bytes of a name or filename",
			value: func(c *Config) value { return integer(&c.Limits.Name, 1, 4096) },
		}, {
			key:   "limits.description",
			help:  "characters of a description",
			value: func(c *Config) value { return integer(&c.Limits.Description, 0, anyInt) },
		}, {
			key:   "limits.tags",
			help:  "tags of one document",
			value: func(c *Config) value { return integer(&c.Limits.Tags, 0, 4096) },
		}, {
			key:   "limits.tag",
			help:  "characters of a tag",
			value: func(c *Config) value { return integer(&c.Limits.Tag, 1, 4096) },
		}, {
			key:   "limits.metadata",
			help:  "bytes of a document's metadata as JSON",
			value: func(c *Config) value { return integer(&c.Limits.Metadata, 2, anyInt) },
		}, {
			key:   "limits.path",
			help:  "bytes of a path",
			value: func(c *Config) value { return integer(&c.Limits.Path, 1, 1<<16) },
		}, {
			key:   "limits.segment",
			help:  "bytes of one segment of a path",
			value: func(c *Config) value { return integer(&c.Limits.Segment, 1, 1<<16) },
		}, {
			key:   "limits.message",
			help:  "characters of the message of a change",
			value: func(c *Config) value { return integer(&c.Limits.Message, 0, anyInt) },
		}, {
			key:   "limits.page",
			help:  "documents of one page of a listing",
			value: func(c *Config) value { return integer(&c.Limits.Page, 1, 100_000) },
		}, {
			key:   "limits.note",
			help:  "characters of the note of a relation",
			value: func(c *Config) value { return integer(&c.Limits.Note, 0, anyInt) },
		}, {
			key:   "limits.relations",
			help:  "relations of one document",
			value: func(c *Config) value { return integer(&c.Limits.Relations, 0, 100_000) },
		}, {
			key:   "limits.tree",
			help:  "documents that are looked at along relations, to find a cycle or what is deleted with a parent",
			value: func(c *Config) value { return integer(&c.Limits.Tree, 1, 100_000) },
		}, {
			key:   "limits.archive_ids",
			help:  "documents that one request for an archive names by their ids",
			value: func(c *Config) value { return integer(&c.Limits.ArchiveIDs, 1, 100_000) },
		}, {
			key:   "limits.archive_documents",
			help:  "documents of one archive; its description takes about a kilobyte of memory for each while it is sent",
			value: func(c *Config) value { return integer(&c.Limits.ArchiveDocuments, 1, anyInt) },
		}, {
			key:   "limits.batch_files",
			help:  "files that one request stores as a batch",
			value: func(c *Config) value { return integer(&c.Limits.BatchFiles, 1, 100_000) },
		}, {
			key:   "limits.batch_bytes",
			help:  "size of the contents of a batch together",
			value: func(c *Config) value { return size(&c.Limits.BatchBytes, 1, anyBytes) },
		}, {
			key:   "limits.bulk_documents",
			help:  "documents that one call tags, moves, deletes or restores",
			value: func(c *Config) value { return integer(&c.Limits.Bulk, 1, 100_000) },
		}, {
			key:   "limits.pattern",
			help:  "bytes of a regular expression",
			value: func(c *Config) value { return integer(&c.Limits.Pattern, 1, 1<<16) },
		}, {
			key:   "limits.matches",
			help:  "lines that one search with a regular expression answers with",
			value: func(c *Config) value { return integer(&c.Limits.Matches, 1, 100_000) },
		}, {
			key:   "limits.context_lines",
			help:  "lines that a search with a regular expression shows before and behind each",
			value: func(c *Config) value { return integer(&c.Limits.ContextLines, 0, 1000) },
		}, {
			key:   "limits.searched_size",
			help:  "size up to which a content is searched with a regular expression; it is held in memory",
			value: func(c *Config) value { return size(&c.Limits.Searched, 1, 1<<30) },
		}, {
			key:   "limits.asset",
			help:  "size of an asset of a book",
			value: func(c *Config) value { return size(&c.Limits.Asset, 1, anyBytes) },
		}, {
			key:   "limits.asset_direct",
			help:  "size from which an asset is not sent within a call of a tool, but uploaded in two steps",
			value: func(c *Config) value { return size(&c.Limits.AssetDirect, 1, 11<<20) },
		}, {
			key:   "limits.uploads",
			help:  "uploads in two steps that one caller has open",
			value: func(c *Config) value { return integer(&c.Limits.Uploads, 1, anyInt) },
		}, {
			key:   "limits.upload_bytes",
			help:  "size of the uploads in two steps together that one caller has open",
			value: func(c *Config) value { return size(&c.Limits.UploadBytes, 1, anyBytes) },
		}, {
			key:   "audit.access_retention",
			help:  "time for which reads, refusals and conflicts are kept; 0s keeps them for ever",
			value: func(c *Config) value { return durationOrNone(&c.Audit.AccessRetention) },
		}, {
			key:   "audit.read_sampling",
			help:  "share of the successful reads that are recorded, from 0 for none to 1 for all",
			value: func(c *Config) value { return share(&c.Audit.ReadSampling) },
		}, {
			key:   "audit.access_rate",
			help:  "records a second, of successes and of failures each, on average; further calls are counted only; 0 for no limit",
			value: func(c *Config) value { return integer(&c.Audit.AccessRate, 0, anyInt) },
		}, {
			key:   "log.level",
			help:  "least severity of what is logged",
			value: func(c *Config) value { return level(&c.Log.Level) },
		}, {
			key:   "log.format",
			help:  "form of the log's lines",
			value: func(c *Config) value { return choice(&c.Log.Format, LogText, LogJSON) },
		}, {
			key:   "runtime.gogc",
			help:  "growth of the heap, in percent, between two collections; the variable GOGC wins",
			value: func(c *Config) value { return integer(&c.Runtime.GOGC, 1, 10_000) },
		}, {
			key:   "runtime.memory_limit",
			help:  "memory near which collections become more frequent, 0 for none; the variable GOMEMLIMIT wins",
			value: func(c *Config) value { return size(&c.Runtime.MemoryLimit, 0, anyBytes) },
		},
	}
}
