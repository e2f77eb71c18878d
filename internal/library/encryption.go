package library

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

const (
	rotationBatch = 256             // blobs that one transaction gives new seals
	rotationTime  = 2 * time.Second // after which a part of a rotation ends
)

// lockBackends finds the backends whose blobs are sealed by master keys that are
// not given, and sees to it that nothing is sealed there by another one, which
// would most likely be a mistake.
func (l *Library) lockBackends(ctx context.Context) error {
	return l.catalog.Read(ctx, func(v *catalog.View) error {
		for backend := range l.backends {
			missing, err := l.missingKeys(v, backend)
			if err != nil {
				return err
			}
			if len(missing) > 0 {
				l.blobs.Lock(backend, missing...)
			}
			if err := l.blobs.Locked(backend); err != nil {
				l.log.Error("a backend is locked", "backend", backend, "error", err)
			}
		}
		return nil
	})
}

func (l *Library) missingKeys(v *catalog.View, backend string) (missing []blob.KeyID, err error) {
	needed, err := v.NeededKeys(backend)
	for _, id := range needed {
		if !l.blobs.Keys().Has(id) {
			missing = append(missing, id)
		}
	}
	return missing, err
}

// missingKey returns the error of reading a blob that is sealed by a master key
// which is not given; nil of any other.
func (l *Library) missingKey(ref blob.Ref) error {
	if ref.Seal == nil || l.blobs.Keys().Has(ref.Seal.MasterKey) {
		return nil
	}
	return l.blobs.Locked(ref.Backend)
}

// Encryption says what of the store is sealed, and by which master keys. It
// counts every blob.
func (s *Session) Encryption(ctx context.Context) (report sheaf.EncryptionReport, err error) {
	s.begin("keys.list")
	if err := s.allow(sheaf.ScopeAdmin); err != nil {
		return report, err
	}
	l := s.library
	keys := l.blobs.Keys()
	report = sheaf.EncryptionReport{CurrentKey: string(keys.Current()), Keys: []string{}, Backends: []sheaf.BackendEncryption{}}
	for _, id := range keys.IDs() {
		report.Keys = append(report.Keys, string(id))
	}
	err = l.catalog.Read(ctx, func(v *catalog.View) error {
		for _, name := range slices.Sorted(maps.Keys(l.backends)) {
			backend := sheaf.BackendEncryption{Name: name, Encrypt: l.blobs.Seals(name), Sealed: []sheaf.SealedBlobs{}}
			if err := l.blobs.Locked(name); err != nil {
				backend.Problem = publicText(err)
			}
			sealed, err := v.SealedBy(name)
			if err != nil {
				return err
			}
			for _, by := range sealed {
				backend.Sealed = append(backend.Sealed, sheaf.SealedBlobs{Key: string(by.MasterKey), Blobs: by.Count, Given: keys.Has(by.MasterKey)})
			}
			if backend.PlainBlobs, backend.PlainBytes, err = v.CountPlain(name); err != nil {
				return err
			}
			report.Backends = append(report.Backends, backend)
		}
		return nil
	})
	return report, err
}

// RotateKeys wraps data keys that an older master key wraps by the current one:
// as many as it can in about two seconds, so that it is called again until
// nothing remains. No content is rewritten. Cut off at any moment, the rotation
// goes on with the next call; until nothing remains, the older master keys are
// needed.
func (s *Session) RotateKeys(ctx context.Context) (report sheaf.KeyRotation, err error) {
	op := s.begin("keys.rotate")
	if err := s.allow(sheaf.ScopeAdmin); err != nil {
		return report, err
	}
	l := s.library
	current := l.blobs.Keys().Current()
	if current == "" {
		return report, sheaf.Errorf(sheaf.ErrInvalid, "there is no master key to rotate to").
			WithHint("give the new master key first and the old ones after it, and start the server again")
	}
	report = sheaf.KeyRotation{CurrentKey: string(current), Missing: []string{}}
	r := rotation{library: l, op: op, current: current, report: &report, end: time.Now().Add(rotationTime)}
	for _, backend := range slices.Sorted(maps.Keys(l.backends)) {
		if err := r.backend(ctx, backend); err != nil {
			return report, err
		}
	}
	l.used()
	return report, nil
}

// A rotation is a part of one.
type rotation struct {
	library *Library
	op      operation
	current blob.KeyID
	report  *sheaf.KeyRotation
	end     time.Time
}

// backend rewraps the data keys of a backend's blobs, and counts what remains.
func (r *rotation) backend(ctx context.Context, backend string) error {
	var sealed []catalog.SealedBlobs
	err := r.library.catalog.Read(ctx, func(v *catalog.View) (err error) {
		sealed, err = v.SealedBy(backend)
		return err
	})
	if err != nil {
		return err
	}
	for _, by := range sealed {
		if by.MasterKey == r.current {
			continue
		}
		r.report.Remaining += by.Count
		if !r.library.blobs.Keys().Has(by.MasterKey) {
			if id := string(by.MasterKey); !slices.Contains(r.report.Missing, id) {
				r.report.Missing = append(r.report.Missing, id)
			}
			continue
		}
		if err := r.rewrapAll(ctx, backend, by.MasterKey); err != nil {
			return err
		}
	}
	return nil
}

// rewrapAll rewraps the data keys that one master key wraps, until the end of the
// part.
func (r *rotation) rewrapAll(ctx context.Context, backend string, key blob.KeyID) error {
	for after := int64(0); time.Now().Before(r.end); {
		var blobs []catalog.Blob
		err := r.library.catalog.Read(ctx, func(v *catalog.View) (err error) {
			blobs, err = v.WrappedBy(backend, key, after, rotationBatch)
			return err
		})
		if err != nil || len(blobs) == 0 {
			return err
		}
		after = blobs[len(blobs)-1].PK
		if err := r.rewrap(ctx, backend, blobs); err != nil {
			return err
		}
	}
	return nil
}

func (r *rotation) rewrap(ctx context.Context, backend string, blobs []catalog.Blob) error {
	var rewrapped []catalog.Rewrapping
	for _, b := range blobs {
		seal, err := r.library.blobs.Rewrap(b.Ref)
		switch {
		case sheaf.KindOf(err) == sheaf.ErrDamaged: // one that is lost must not hold up the others
			r.report.Failed++
		case err != nil:
			return err
		default:
			rewrapped = append(rewrapped, catalog.Rewrapping{Blob: b, Seal: seal})
		}
	}
	if len(rewrapped) == 0 {
		return nil
	}
	return r.library.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		stored, err := tx.RewrapBlobs(rewrapped)
		if err != nil || stored == 0 {
			return err
		}
		_, err = tx.Append(sheaf.SystemStream, r.op.entry(withDetail(map[string]any{
			"storage_backend": backend, "key": r.current, "rewrapped": stored,
		})))
		if err == nil {
			r.report.Rewrapped += int64(stored)
			r.report.Remaining -= int64(stored)
		}
		return err
	})
}
