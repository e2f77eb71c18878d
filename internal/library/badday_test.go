package library_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/resilient"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// openRemote opens a store over a backend that can be out of reach, wrapped as
// remote backends are.
func openRemote(t *testing.T, backend blob.Backend, changes ...func(*setup)) *store {
	wrapped := resilient.Wrap(backend, resilient.Options{Name: fs})
	return open(t, append(changes, func(set *setup) { set.backend = wrapped })...)
}

// While a remote backend is away, small contents wait, up to a bound at which
// writes are refused and say why. When it is back they are moved without anybody
// asking, and that it was away is on record.
func TestUndrainedBound(t *testing.T) {
	t.Parallel()
	backend := newRemoteBackend()
	s := openRemote(t, backend, func(set *setup) { set.undrainedBlobs = 20 })
	backend.down.Store(true)
	var docs []sheaf.Document
	for i := range 20 {
		docs = append(docs, s.create(fmt.Sprint("small content ", i)))
	}
	s.runBackground()
	eventually(t, "the backend is known to be away", func() bool { return s.Health(t.Context()).Backends[0].Status == "unavailable" })
	_, err := s.try("one too many")
	wantKind(t, "one more small document", err, sheaf.ErrBackendUnavailable)
	if !strings.Contains(err.Error(), "storage.undrained_blobs") {
		t.Errorf("one more small document: %v, want the limit named", err)
	}
	s.create("") // which needs no bytes anywhere
	for i, doc := range docs {
		s.wantRead(doc.ID, fmt.Sprint("small content ", i))
	}
	began := time.Now()
	_, err = s.try(string(blobtest.Random(200_000)))
	wantKind(t, "a large document", err, sheaf.ErrBackendUnavailable)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a large document is refused after %v, want at once", took)
	}
	health := s.Health(t.Context()).Backends[0]
	if health.UndrainedBlobs != 20 || health.UndrainedBytes == 0 || !strings.Contains(health.LastError, "network is down") || health.LastErrorAt.IsZero() {
		t.Errorf("health: %+v, want 20 undrained blobs and what the backend said last", health)
	}

	watched := func() int {
		entries, err := s.AuditLog(t.Context(), library.AuditQuery{Operations: []string{"backend.watch"}})
		if err != nil {
			t.Fatal(err)
		}
		return len(entries.Entries)
	}
	eventually(t, "the audit says that the backend is away", func() bool { return watched() == 1 })
	backend.down.Store(false)
	eventually(t, "what waits is moved", func() bool { return s.Health(t.Context()).UndrainedBlobs == 0 })
	s.create("there is room again")
	for i, doc := range docs {
		s.wantRead(doc.ID, fmt.Sprint("small content ", i))
	}
	eventually(t, "the audit says that the backend came back", func() bool { return watched() == 2 })
}

// A drain that is behind has writes wait for a moment; it does not refuse them.
func TestDrainBehind(t *testing.T) {
	t.Parallel()
	backend := newRemoteBackend()
	s := openRemote(t, backend, func(set *setup) { set.undrainedBlobs = 5 })
	s.runBackground()
	for i := range 40 {
		s.create(fmt.Sprint("small content ", i))
	}
}

// A backend that is away is not asked again and again by the drain, however many
// writes there are.
func TestDrainLeavesAlone(t *testing.T) {
	t.Parallel()
	backend := &countingBackend{remoteBackend: newRemoteBackend()}
	backend.down.Store(true)
	s := openRemote(t, backend)
	s.runBackground()
	s.create("the first")
	eventually(t, "the backend is known to be away", func() bool { return s.Health(t.Context()).Backends[0].Status == "unavailable" })
	before := backend.calls.Load()
	began := time.Now()
	for i := range 300 {
		s.create(fmt.Sprint("small content ", i))
	}
	if calls, most := backend.calls.Load()-before, 10+int64(time.Since(began)/time.Second); calls > most {
		t.Errorf("300 writes made %d calls of a backend that is away, want %d at most", calls, most)
	}
}

// A countingBackend counts calls.
type countingBackend struct {
	*remoteBackend
	calls atomic.Int64
}

func (b *countingBackend) Put(ctx context.Context, key blob.Key, body io.Reader, size int64) error {
	b.calls.Add(1)
	return b.remoteBackend.Put(ctx, key, body, size)
}

func (b *countingBackend) Stat(ctx context.Context, key blob.Key) (blob.Info, error) {
	b.calls.Add(1)
	return b.remoteBackend.Stat(ctx, key)
}

// A network that spoils what it carries makes whole objects look damaged. They
// are put aside at worst, and come back by themselves.
func TestSpoiledOnTheWay(t *testing.T) {
	t.Parallel()
	remote := newRemoteBackend()
	backend := &spoiling{Backend: remote, aside: map[blob.Key][]byte{}}
	s := openRemote(t, backend)
	content := string(blobtest.Random(300_000))
	doc := s.create(content)
	backend.spoils.Store(true)
	if _, err := s.read(doc.ID); err == nil {
		t.Fatal("spoiled bytes are served")
	}
	backend.spoils.Store(false)
	s.wantRead(doc.ID, content) // it is not put aside for one bad day

	backend.spoils.Store(true)
	if _, err := s.read(doc.ID); err == nil {
		t.Fatal("spoiled bytes are served")
	}
	s.runBackground()
	eventually(t, "what looks damaged for long is put aside", func() bool {
		b, _ := s.blob(doc.Digest)
		return b.State == catalog.BlobDamaged
	})
	s = s.reopen(func(set *setup) { set.scrubRate = 1 << 30 })
	backend.spoils.Store(false)
	s.runBackground()
	eventually(t, "the copy that was put aside is back", func() bool {
		b, _ := s.blob(doc.Digest)
		return b.State == catalog.BlobLive
	})
	s.wantRead(doc.ID, content)
	s.wantWhole()
}

// A spoiling backend is on the far side of a network that flips bits.
type spoiling struct {
	blob.Backend
	spoils atomic.Bool
	aside  map[blob.Key][]byte // of the one job that puts aside and gives back
}

func (b *spoiling) Open(ctx context.Context, key blob.Key, offset, length int64) (io.ReadCloser, error) {
	body, err := b.Backend.Open(ctx, key, offset, length)
	if err != nil || !b.spoils.Load() {
		return body, err
	}
	return struct {
		io.Reader
		io.Closer
	}{spoiled{body}, body}, nil
}

// A spoiled body has a bit flipped in all that is read at once.
type spoiled struct{ io.Reader }

func (s spoiled) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if n > 0 {
		p[n/2] ^= 1
	}
	return n, err
}

func (b *spoiling) Quarantine(ctx context.Context, key blob.Key) error {
	body, err := b.Backend.Open(ctx, key, 0, -1)
	if err != nil {
		return nil
	}
	defer body.Close()
	if b.aside[key], err = io.ReadAll(body); err != nil {
		return err
	}
	return b.Delete(ctx, key)
}

func (b *spoiling) Unquarantine(ctx context.Context, key blob.Key) error {
	content, ok := b.aside[key]
	if !ok {
		return sheaf.Errorf(sheaf.ErrNotFound, "nothing was put aside")
	}
	return b.Put(ctx, key, strings.NewReader(string(content)), int64(len(content)))
}
