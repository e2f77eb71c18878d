package library

import (
	"context"
	"errors"
	"slices"
	"strings"
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
	UndrainedBlobs int64     // small contents that wait in the catalog for their backend
}

// BackendHealth is the state of one backend.
type BackendHealth struct {
	Name, Kind string
	Status     string // "ok" or "unavailable"
	Detail     string // what is wrong
}

// Health asks every part whether it answers. It needs no session: probes have no key.
func (l *Library) Health(ctx context.Context) Health {
	h := Health{Status: "ok", Ready: true, Catalog: "ok", Backends: []BackendHealth{}}
	if ms := l.lastOperation.Load(); ms != 0 {
		h.LastOperation = time.UnixMilli(ms).UTC()
	}
	err := l.catalog.Read(ctx, func(v *catalog.View) (err error) {
		h.UndrainedBlobs, err = v.InlineCount()
		return err
	})
	if err != nil {
		h.Status, h.Ready, h.Catalog = "degraded", false, publicText(err)
	}
	if err := l.catalog.WriteError(); err != nil && h.Ready {
		h.Status, h.Catalog = "degraded", publicText(err)
	}
	for name, kind := range l.backends {
		backend := BackendHealth{Name: name, Kind: kind, Status: "ok"}
		// An object that cannot exist: the answer "not found" is one.
		_, err := l.blobs.Stat(ctx, name, blob.Key(sheaf.Digest{}.String()))
		if err != nil && sheaf.KindOf(err) != sheaf.ErrNotFound {
			h.Status, backend.Status, backend.Detail = "degraded", "unavailable", publicText(err)
		} else if err := l.blobs.Locked(name); err != nil {
			h.Status, backend.Status, backend.Detail = "degraded", "unavailable", publicText(err)
		}
		h.Backends = append(h.Backends, backend)
	}
	slices.SortFunc(h.Backends, func(a, b BackendHealth) int { return strings.Compare(a.Name, b.Name) })
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
