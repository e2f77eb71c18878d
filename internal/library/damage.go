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

// ReportDamage takes note of a blob whose stored bytes are not what was written,
// to be put aside in the background. It is what the blob store calls from
// whatever reads, before the reader learns of it, and it does not wait.
func (l *Library) ReportDamage(ref blob.Ref, err error) {
	if l.suspects.add(blobName{ref.Backend, ref.Digest}) {
		l.log.Error("a stored content is damaged", "digest", ref.Digest, "backend", ref.Backend, "error", err)
	}
}

// A blobName is what a blob is known by.
type blobName struct {
	backend string
	digest  sheaf.Digest
}

// suspects are the blobs that a reader found damaged and that nobody has dealt
// with since. Until then the catalog says that they are live, and a writer must
// not take them for copies of what it brings.
type suspects struct {
	wake chan struct{} // of the job that deals with them

	mu    sync.Mutex
	names map[blobName]struct{} // guarded by mu
	added uint64                // how many ever were; guarded by mu

	// dealing holds a token while somebody deals with one of them.
	dealing chan struct{}
}

// maxSuspects bounds what is noted, should a whole disk go bad. What is more is
// found again by the next reader.
const maxSuspects = 1 << 16

func newSuspects() *suspects {
	return &suspects{wake: make(chan struct{}, 1), names: make(map[blobName]struct{}), dealing: make(chan struct{}, 1)}
}

// add reports whether the blob was not suspected before.
func (s *suspects) add(name blobName) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.names[name]; known {
		return false
	}
	s.added++
	if len(s.names) < maxSuspects {
		s.names[name] = struct{}{}
		wake(s.wake)
	}
	return true
}

func (s *suspects) has(name blobName) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.names[name]
	return known
}

// count returns how many blobs were ever suspected.
func (s *suspects) count() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.added
}

func (s *suspects) remove(name blobName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.names, name)
}

// all returns those there are now.
func (s *suspects) all() []blobName {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.names))
}

// settleSuspects deals with every suspected blob. One that cannot be dealt with
// now does not keep it from the others.
func (l *Library) settleSuspects(ctx context.Context) (more bool, err error) {
	var errs []error
	for _, name := range l.suspects.all() {
		errs = append(errs, l.settle(ctx, name))
	}
	return false, errors.Join(errs...)
}

// settle makes sure that a blob which is suspected of damage is healthy, or put
// aside so that the next writer of the content stores it again.
func (l *Library) settle(ctx context.Context, name blobName) error {
	select {
	case l.suspects.dealing <- struct{}{}:
		defer func() { <-l.suspects.dealing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if !l.suspects.has(name) {
		return nil // somebody else was first
	}
	b, damaged, err := l.isDamaged(ctx, name)
	if err == nil && damaged {
		err = l.quarantine(ctx, name, b.Key())
	}
	if err == nil {
		l.suspects.remove(name)
	}
	return err
}

// isDamaged returns a blob as it is now, and whether it is live and damaged: since
// it was reported, somebody may have put it aside and a writer may have healed it.
func (l *Library) isDamaged(ctx context.Context, name blobName) (b catalog.Blob, damaged bool, err error) {
	err = l.catalog.Read(ctx, func(v *catalog.View) (err error) {
		b, _, err = v.Blob(name.backend, name.digest)
		return err
	})
	if err != nil || b.State != catalog.BlobLive {
		return b, false, err
	}
	looks := 1
	if _, remote := l.blobs.Condition(name.backend); remote && !b.IsInline() {
		looks = damageLooks
	}
	for look := 1; ; look++ {
		err = l.blobs.Verify(ctx, b.Ref)
		if sheaf.KindOf(err) != sheaf.ErrDamaged {
			return b, false, err
		}
		if look == looks {
			return b, true, nil
		}
		// That an object is missing, or of another size, nothing on the way makes up.
		if sheaf.KindOf(l.checkObject(ctx, b.Ref)) == sheaf.ErrDamaged {
			return b, true, nil
		}
		select {
		case <-time.After(damagePause):
		case <-ctx.Done():
			return b, false, ctx.Err()
		}
	}
}

// A remote object is damaged when it is read as damaged some times in a row, and
// some time apart: what spoils it on the way passes.
const (
	damageLooks = 3
	damagePause = 2 * time.Second
)

// quarantine puts a damaged blob aside, so that it is never served and the next
// upload of the same content heals it, and records which documents it hits.
//
// The bytes go first. Were they still there when the catalog says that a writer
// has to store the content again, they would be taken for what it stores.
func (l *Library) quarantine(ctx context.Context, name blobName, object blob.Key) error {
	op := l.As(sheaf.Principal{ID: "system"}).begin("blob.quarantine")
	if err := l.blobs.Quarantine(ctx, name.backend, object); err != nil {
		return err
	}
	return l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		marked, err := tx.DamageBlob(name.backend, name.digest)
		if err != nil || !marked {
			return err
		}
		affected, err := tx.Affected(name.backend, name.digest)
		if err != nil {
			return err
		}
		_, err = tx.Append(sheaf.SystemStream, op.entry(withDetail(map[string]any{
			"digest": name.digest, "storage_backend": name.backend, "affected": affected,
		})))
		return err
	})
}
