package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// Options say how a catalog is opened. Zero values mean the defaults.
type Options struct {
	Path          string // of the SQLite file; made if missing
	Log           *slog.Logger
	Readers       int              // read-only connections, default 4
	BatchCount    int              // mutations of one transaction at most, default 256
	BatchBytes    int64            // inline bytes of one transaction at most, default 8 MiB
	BatchDuration time.Duration    // for which a transaction takes in further mutations, default 20 ms
	QueueLength   int              // mutations that may wait, default 4,096; more wait at the door
	Clock         func() time.Time // default time.Now
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Readers == 0 {
		o.Readers = 4
	}
	if o.BatchCount == 0 {
		o.BatchCount = 256
	}
	if o.BatchBytes == 0 {
		o.BatchBytes = 8 << 20
	}
	if o.BatchDuration == 0 {
		o.BatchDuration = 20 * time.Millisecond
	}
	if o.QueueLength == 0 {
		o.QueueLength = 4096
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return o
}

// A Catalog is an open catalog. Its methods may be called concurrently. One
// process at a time may have it open for writing.
type Catalog struct {
	options Options
	writeDB *sql.DB
	readDB  *sql.DB
	writer  *writer
	closing sync.Once
	closed  error // the outcome of closing

	long sync.Mutex // held during a longSnapshot

	readers     chan *conn // those that are not in use
	readerCount int

	collections collectionCache
	heads       *headCache
	rewritten   atomic.Uint64 // see Rewritten
	undrained   undrainedCounts
}

// Rewritten counts the commits after which a past revision may not be what it
// was: contents of it were purged, or are stored another way, or not at all any
// more. What was made of a past revision is good for as long as the count is what
// it was before that was read.
func (c *Catalog) Rewritten() uint64 { return c.rewritten.Load() }

// Open opens the catalog, making or migrating its schema as needed. The context
// bounds opening only. A catalog of a newer Sheaf is refused.
func Open(ctx context.Context, options Options) (*Catalog, error) {
	options = options.withDefaults()
	heads, err := newHeadCache()
	if err != nil {
		return nil, err
	}
	c := &Catalog{options: options, readers: make(chan *conn, options.Readers), heads: heads}
	opened := false
	defer func() {
		if !opened {
			c.closeConnections()
		}
	}()

	// What the engine would create, everybody on the machine could read.
	file, err := os.OpenFile(options.Path, os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open catalog: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("open catalog: %w", err)
	}
	source, err := dataSource(options.Path, false)
	if err != nil {
		return nil, err
	}
	if c.writeDB, err = sql.Open(driverName, source); err != nil {
		return nil, err
	}
	c.writeDB.SetMaxOpenConns(1)
	if err := migrate(ctx, c.writeDB, options); err != nil {
		return nil, err
	}
	writeConn, err := newConn(ctx, c.writeDB)
	if err != nil {
		return nil, fmt.Errorf("open catalog %s: %w", options.Path, translate(err))
	}

	if source, err = dataSource(options.Path, true); err != nil {
		return nil, err
	}
	if c.readDB, err = sql.Open(driverName, source); err != nil {
		return nil, err
	}
	for range options.Readers {
		reader, err := newConn(ctx, c.readDB)
		if err != nil {
			return nil, fmt.Errorf("open catalog %s: %w", options.Path, translate(err))
		}
		c.readers <- reader
		c.readerCount++
	}

	if c.writer, err = newWriter(writeConn, c, options); err != nil {
		return nil, fmt.Errorf("open catalog %s: %w", options.Path, err)
	}
	if err := c.collections.load(writeConn); err != nil {
		return nil, fmt.Errorf("open catalog %s: %w", options.Path, err)
	}
	if err := countBooks(c, writeConn); err != nil {
		return nil, fmt.Errorf("count the books of %s: %w", options.Path, err)
	}
	if err := c.undrained.load(writeConn); err != nil {
		return nil, fmt.Errorf("open catalog %s: %w", options.Path, err)
	}
	opened = true
	go c.writer.run()
	return c, nil
}

// Close waits for mutations that were accepted and for views in use, then closes
// the catalog.
func (c *Catalog) Close() error {
	c.closing.Do(func() {
		c.writer.stop()
		c.closed = c.closeConnections()
	})
	return c.closed
}

func (c *Catalog) closeConnections() error {
	var errs []error
	for range c.readerCount {
		reader := <-c.readers
		errs = append(errs, reader.close())
	}
	if c.readDB != nil {
		errs = append(errs, c.readDB.Close())
	}
	if c.writer != nil {
		errs = append(errs, c.writer.conn.close())
	}
	if c.writeDB != nil {
		errs = append(errs, c.writeDB.Close())
	}
	return errors.Join(errs...)
}

// A View reads the catalog. It is valid during the call that it is passed to and
// used by one goroutine.
type View struct {
	conn    *conn
	catalog *Catalog
}

// Read calls fn with a view. Each statement sees the newest commit, so that two
// of them may see different ones. The context bounds waiting for a connection.
func (c *Catalog) Read(ctx context.Context, fn func(*View) error) error {
	select {
	case reader := <-c.readers:
		defer func() { c.readers <- reader }()
		return fn(&View{conn: reader, catalog: c})
	case <-ctx.Done():
		return ctx.Err()
	}
}

// longSnapshot is Snapshot for work of minutes, on a connection of its own, so
// that it takes none from others. One runs at a time.
func (c *Catalog) longSnapshot(ctx context.Context, fn func(*View) error) error {
	if !c.long.TryLock() {
		return sheaf.Errorf(sheaf.ErrRateLimited, "a check is running already").WithHint("wait until it has finished")
	}
	defer c.long.Unlock()
	own, err := newConn(ctx, c.readDB)
	if err != nil {
		return translate(err)
	}
	defer own.close()
	return (&View{conn: own, catalog: c}).inTransaction(fn)
}

// Snapshot calls fn with a view in which every statement sees the same commit.
// It should not take long: the log cannot be reclaimed meanwhile.
func (c *Catalog) Snapshot(ctx context.Context, fn func(*View) error) error {
	return c.Read(ctx, func(v *View) error { return v.inTransaction(fn) })
}

func (v *View) inTransaction(fn func(*View) error) (err error) {
	if _, err := v.conn.exec(`begin`); err != nil {
		return err
	}
	defer func() {
		if _, rollback := v.conn.exec(`rollback`); err == nil {
			err = rollback
		}
	}()
	return fn(v)
}

// millis is the stored form of a time.
func millis(t time.Time) int64 { return t.UnixMilli() }

// fromMillis is the time of a stored form, in UTC.
func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// digestFrom reads a digest column.
func digestFrom(b []byte) (d sheaf.Digest, err error) {
	if len(b) != len(d) {
		return d, fmt.Errorf("a digest in the catalog has %d bytes", len(b))
	}
	copy(d[:], b)
	return d, nil
}
