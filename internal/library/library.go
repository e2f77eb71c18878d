// Package library holds every rule of Sheaf: who may do what, what a document
// may be, what a write does to history. Transports decode a request, call one
// method of a [Session], and encode the answer.
//
// A Session is made by [Library.As] and by nothing else, so that nothing can be
// done without saying who does it.
package library

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// Options are what a Library works with. The library closes none of it.
type Options struct {
	Catalog         *catalog.Catalog
	Blobs           *blob.Store
	Backends        map[string]string // the kind of each backend, by its name
	DefaultBackend  string            // of the default collection when it is made
	Limits          sheaf.Limits
	ScrubRate       int64  // stored bytes a second that are read again in the background; 0: none
	BatchMemory     int64  // bytes in which all batches together hold small contents until they are committed
	ArchiveMemory   int64  // bytes that all archives in use take up together; 0: no bound
	UndrainedBlobs  int64  // small contents that may wait for one backend; 0: no bound
	UndrainedBytes  int64  // stored bytes that they may have; 0: no bound
	AutoCreateBooks bool   // a write to a book that is not there makes it
	ViewsDir        string // where registry.yaml and books are written; empty: nowhere
	Archives        ArchiveOptions
	Search          SearchOptions
	Assets          AssetOptions
	Garbage         GarbageOptions
	Moves           MoveOptions
	Audit           AuditOptions
	Address         Address          // of callers that came by none; nil: there is none
	Clock           func() time.Time // nil: time.Now
	Log             *slog.Logger
}

// AuditOptions say what is kept of calls that leave no log entry, and where the
// audit is exported to.
type AuditOptions struct {
	Retention time.Duration // of access records; 0: for ever
	Sampling  float64       // the share of successful reads that are recorded, from 0 to 1
	Rate      int           // records a second, of successes and of failures each; 0: no limit
	Dir       string        // of the daily files; empty: none
}

// A Library is an open store. Its methods may be called concurrently.
type Library struct {
	catalog  *catalog.Catalog
	blobs    *blob.Store
	backends map[string]string
	limits   sheaf.Limits
	log      *slog.Logger

	scrubRate      int64
	defaultBackend string // of new collections

	autoCreateBooks bool
	views           *views

	lastOperation  atomic.Int64      // Unix milliseconds of the latest call that succeeded, 0 for none
	drains         map[string]*drain // by backend
	indexable      chan struct{}     // woken when a document was made or changed
	suspects       *suspects
	merges         *turns
	batchMemory    *semaphore.Weighted
	batchOpen      *semaphore.Weighted // files of the spool
	archives       *archiveRoom
	wholeBooks     *semaphore.Weighted // of wholeBooksAtOnce
	scans          *scanRoom
	searchTime     time.Duration
	bookLayouts    *bookLayouts
	archiveObjects *archiveObjects
	garbage        *garbage
	moves          *moves
	pins           *pins

	now    func() time.Time
	signer urlSigner

	address Address // nil: there is none
	assets  *assets

	audit   AuditOptions
	access  *accessRecords
	exports *exporter // nil where nothing is exported
}

// Open returns the library of a catalog and its blobs. It makes the default
// collection if there is none.
func Open(ctx context.Context, o Options) (*Library, error) {
	search := o.Search.withDefaults()
	l := &Library{
		catalog:        o.Catalog,
		blobs:          o.Blobs,
		backends:       o.Backends,
		limits:         o.Limits,
		log:            o.Log,
		scrubRate:      o.ScrubRate,
		defaultBackend: o.DefaultBackend,
		drains:         make(map[string]*drain, len(o.Backends)),
		indexable:      make(chan struct{}, 1),
		suspects:       newSuspects(),
		merges:         newTurns(),
		batchMemory:    semaphore.NewWeighted(o.BatchMemory),
		batchOpen:      semaphore.NewWeighted(mostBatchOpen),
		archives:       newArchiveRoom(o.ArchiveMemory),
		wholeBooks:     semaphore.NewWeighted(wholeBooksAtOnce),
		scans:          newScanRoom(search),
		searchTime:     search.Deadline,
		garbage:        newGarbage(o.Garbage),
		moves:          newMoves(o.Moves),
		pins:           newPins(),
		address:        o.Address,
		assets:         newAssets(o.Assets),
		audit:          o.Audit,
		access:         newAccessRecords(o.Audit, o.Log),

		autoCreateBooks: o.AutoCreateBooks,
		views:           newViews(o.ViewsDir),

		archiveObjects: newArchiveObjects(o.Archives.withDefaults()),
	}
	l.bookLayouts = newBookLayouts(l.archives, func() storeState {
		return storeState{rewritten: l.catalog.Rewritten(), suspected: l.suspects.count()}
	})
	if l.now = o.Clock; l.now == nil {
		l.now = time.Now
	}
	l.signer = urlSigner{now: l.now, key: func(ctx context.Context) ([]byte, error) {
		return l.catalog.Secret(ctx, signingSecret)
	}}
	if o.Audit.Dir != "" {
		l.exports = &exporter{catalog: o.Catalog, dir: o.Audit.Dir, clock: l.now}
	}
	for backend := range o.Backends {
		l.drains[backend] = &drain{
			library: l, backend: backend, wake: make(chan struct{}, 1), mostBlobs: o.UndrainedBlobs, mostBytes: o.UndrainedBytes,
		}
	}
	if err := l.lockBackends(ctx); err != nil {
		return nil, fmt.Errorf("look which master keys are needed: %w", err)
	}
	if _, ok := l.catalog.Collection(sheaf.DefaultCollection); !ok {
		if err := l.createDefaultCollection(ctx, o.DefaultBackend); err != nil {
			return nil, fmt.Errorf("create the default collection: %w", err)
		}
	}
	for _, collection := range l.catalog.AllCollections() {
		for _, backend := range neededBackends(collection) {
			if _, ok := l.backends[backend]; !ok {
				return nil, sheaf.Errorf(sheaf.ErrInvalid, "the collection %s is stored on the backend %q, which is not configured", collection.Name, backend).
					WithHint("add it under storage.backends in sheaf.yaml")
			}
		}
	}
	return l, nil
}

// Limits are the limits in force.
func (l *Library) Limits() sheaf.Limits { return l.limits }

// As returns a session of a principal. It costs nothing.
func (l *Library) As(principal sheaf.Principal) *Session {
	return &Session{library: l, principal: principal}
}

// used notes that an operation has succeeded.
func (l *Library) used() { l.lastOperation.Store(time.Now().UnixMilli()) }

// wake tells a background job that there is work, without waiting for it.
func wake(job chan struct{}) {
	select {
	case job <- struct{}{}:
	default:
	}
}

func (l *Library) createDefaultCollection(ctx context.Context, backend string) error {
	s := l.As(sheaf.Principal{ID: "system", Scopes: sheaf.Scopes(sheaf.ScopeCreate)})
	op := s.begin("collection.create")
	return l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		collection := sheaf.Collection{
			Name:    sheaf.DefaultCollection,
			Kind:    sheaf.KindDocuments,
			Title:   "Documents",
			Backend: backend,
			Status:  sheaf.StatusActive,
			Policy:  sheaf.PolicyUpsert,
		}
		if err := tx.CreateCollection(collection); err != nil {
			return err
		}
		return appendCollection(tx, op, collection)
	})
}
