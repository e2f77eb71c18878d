package library

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// Health is the state of a store at a glance.
type Health struct {
	Status         string // "ok", or "degraded" when a part does not answer
	Ready          bool   // whether requests can be served; small ones can while a backend is away
	Catalog        string // "ok", or what is wrong
	Backends       []BackendHealth
	LastOperation  time.Time // of the latest call that succeeded; zero when there was none since the start
	UndrainedBlobs int64     // small contents that wait in the catalog for their backends
}

// BackendHealth is the state of one backend.
type BackendHealth struct {
	Name, Kind string
	Status     string // "ok", "failing" while calls fail and are still made, or "unavailable"
	Detail     string // what is wrong

	// What waits in the catalog for it.
	UndrainedBlobs, UndrainedBytes int64

	// Of a remote backend, since the start; zero where there was none.
	LastOperation time.Time // the latest call that was answered
	LastError     string    // of the latest that failed
	LastErrorAt   time.Time
}

const (
	// healthTimeout is how long a backend has to answer who asks for its health.
	healthTimeout = 3 * time.Second

	// healthKnown is for how long the answer of a remote backend to anything
	// counts as one: health is asked for often, and requests cost money.
	healthKnown = 10 * time.Second
)

// Health asks every part whether it answers. It needs no session: probes have no key.
func (l *Library) Health(ctx context.Context) Health {
	h := Health{Status: "ok", Ready: true, Catalog: "ok", Backends: []BackendHealth{}}
	if ms := l.lastOperation.Load(); ms != 0 {
		h.LastOperation = time.UnixMilli(ms).UTC()
	}
	err := l.catalog.Read(ctx, func(v *catalog.View) error {
		_, err := v.LastBlob()
		return err
	})
	if err != nil {
		h.Status, h.Ready, h.Catalog = "degraded", false, publicText(err)
	}
	if err := l.catalog.WriteError(); err != nil && h.Ready {
		h.Status, h.Catalog = "degraded", publicText(err)
	}
	h.Backends = l.backendsHealth(ctx)
	for _, b := range h.Backends {
		h.UndrainedBlobs += b.UndrainedBlobs
		if b.Status != string(blob.StateOK) {
			h.Status = "degraded"
		}
	}
	return h
}

// backendsHealth asks all backends at once, so that who asks waits for the
// slowest only.
func (l *Library) backendsHealth(ctx context.Context) []BackendHealth {
	names := slices.Sorted(maps.Keys(l.backends))
	healths := make([]BackendHealth, len(names))
	var asking sync.WaitGroup
	for i, name := range names {
		asking.Go(func() { healths[i] = l.backendHealth(ctx, name) })
	}
	asking.Wait()
	return healths
}

func (l *Library) backendHealth(ctx context.Context, name string) BackendHealth {
	waiting := l.catalog.Undrained(name)
	h := BackendHealth{
		Name: name, Kind: l.backends[name], Status: string(blob.StateOK),
		UndrainedBlobs: waiting.Blobs, UndrainedBytes: waiting.Bytes,
	}
	condition, monitored := l.blobs.Condition(name)
	known := monitored && time.Since(condition.SucceededAt) < healthKnown
	if !known {
		ctx, cancel := context.WithTimeout(ctx, healthTimeout)
		defer cancel()
		if _, err := l.blobs.Stat(ctx, name, nowhere); err != nil && sheaf.KindOf(err) != sheaf.ErrNotFound {
			h.Status, h.Detail = string(blob.StateUnavailable), publicText(err)
		}
		condition, _ = l.blobs.Condition(name)
	}
	if err := l.blobs.Locked(name); err != nil && h.Status == string(blob.StateOK) {
		h.Status, h.Detail = string(blob.StateUnavailable), publicText(err)
	}
	if !monitored {
		return h
	}
	if condition.State != blob.StateOK {
		h.Detail = condition.Failure
	}
	if h.Status == string(blob.StateOK) {
		h.Status = string(condition.State)
	}
	h.LastOperation, h.LastError, h.LastErrorAt = condition.SucceededAt, condition.Failure, condition.FailedAt
	return h
}

// publicText returns what may be said of an error to whoever asks.
func publicText(err error) string {
	var e *sheaf.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "it does not answer; the server's log says why"
}
