package library

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// A repair makes damaged and missing contents whole. It does nothing that another
// writer, a reader or the background would not do: good bytes are stored as those
// of anybody who brings them, bad ones are put aside as when a reader finds them.
// So it may run while the store is in use.
type repair struct {
	library *Library
	op      operation
}

// A mending is what came of the repair of one thing.
type mending struct {
	what     string // was done; "" for nothing
	repaired bool
}

// content makes one content whole that a check found wrong, if it can be: it may
// have been looked at through a bad network, there may be a second copy where it
// is itself, or one on another backend.
func (r *repair) content(ctx context.Context, name blobName) (mending, error) {
	now, err := r.library.blobNow(ctx, name)
	if err != nil {
		return mending{}, err
	}
	if now.State.Readable() && now.PK != 0 {
		done, err := r.inPlace(ctx, now)
		if err != nil || done.repaired {
			return done, err
		}
		if err := r.putAside(ctx, name); err != nil {
			return mending{}, err
		}
	}
	done, err := r.fromCopy(ctx, name)
	if err != nil || done.repaired {
		return done, err
	}
	return mending{what: "there is no other copy: it is put aside until somebody pushes the same content again"}, nil
}

// inPlace looks whether the bytes of a blob are whole after all: where they should
// be, where a damaged one was put aside, or in the backend if those in the catalog
// are not.
func (r *repair) inPlace(ctx context.Context, b catalog.Blob) (mending, error) {
	l := r.library
	err := l.blobs.Verify(ctx, b.Ref)
	if sheaf.KindOf(err) == sheaf.ErrDamaged && b.Inline != nil {
		return r.fromObject(ctx, b)
	}
	if sheaf.KindOf(err) == sheaf.ErrDamaged && b.State == catalog.BlobDamaged {
		err = l.giveBack(ctx, b.Ref, err)
	}
	switch {
	case err != nil:
		return mending{}, unlessDamaged(err)
	case b.State == catalog.BlobLive:
		return mending{"it is whole when looked at again", true}, nil
	}
	return mending{"it is whole again, and taken back", true}, l.recover(ctx, b.Ref)
}

// fromObject drops the inline bytes of a blob if those that the backend has
// already are whole.
func (r *repair) fromObject(ctx context.Context, b catalog.Blob) (mending, error) {
	object := b.Ref
	object.Inline = nil
	if err := r.library.blobs.Verify(ctx, object); err != nil {
		return mending{}, unlessDamaged(err)
	}
	err := r.library.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		if _, err := tx.RecoverBlob(b.Backend, b.Digest); err != nil {
			return err
		}
		if err := tx.DropInline([]catalog.Blob{b}); err != nil {
			return err
		}
		return r.record(tx, blobName{b.Backend, b.Digest}, "its object")
	})
	return mending{"its bytes in the catalog are dropped, those in the backend are whole", err == nil}, err
}

// unlessDamaged returns an error that says nothing about the bytes.
func unlessDamaged(err error) error {
	if sheaf.KindOf(err) == sheaf.ErrDamaged {
		return nil
	}
	return err
}

// putAside has a blob put aside whose bytes are damaged or missing. Of one that
// was before, something else may have come to lie in its place, which must not be
// taken for what a writer stores.
func (r *repair) putAside(ctx context.Context, name blobName) error {
	l := r.library
	l.suspects.add(name)
	if err := l.settle(ctx, name); err != nil {
		return err
	}
	done, err := take(ctx, l.suspects.dealing)
	if err != nil {
		return err
	}
	defer done()
	l.suspects.add(name) // or a writer would not wait
	defer l.suspects.remove(name)
	if l.pins.has(name) {
		return nil // somebody is just storing it anew
	}
	b, err := l.blobNow(ctx, name)
	if err != nil || b.State != catalog.BlobDamaged || b.Inline != nil {
		return err
	}
	if err := l.blobs.Verify(ctx, b.Ref); err == nil || unlessDamaged(err) != nil {
		return err
	}
	return l.blobs.Quarantine(ctx, name.backend, b.Key())
}

// fromCopy stores a content again from the first good copy there is of it.
func (r *repair) fromCopy(ctx context.Context, name blobName) (mending, error) {
	var errs []error // of copies that could not be looked at
	for _, backend := range r.library.backendNames() {
		spooled, err := r.copyOn(ctx, backend, name)
		if err != nil {
			if ctx.Err() != nil {
				return mending{}, ctx.Err()
			}
			errs = append(errs, err)
		}
		if spooled == nil {
			continue
		}
		if err := r.store(ctx, name, backend, spooled); err != nil {
			return mending{}, err
		}
		if backend == name.backend {
			return mending{"the catalog knows its object again", true}, nil
		}
		return mending{"it is stored again, from the copy on " + backend, true}, nil
	}
	return mending{}, errors.Join(errs...)
}

// copyOn reads the copy of a content that another backend has, or the object on
// its own backend that the catalog has lost; nil if there is none that is good.
func (r *repair) copyOn(ctx context.Context, backend string, name blobName) (*blob.Spooled, error) {
	l := r.library
	b, err := l.blobNow(ctx, blobName{backend, name.digest})
	if err != nil {
		return nil, err
	}
	var spooled *blob.Spooled
	switch {
	case b.PK == 0:
		spooled, err = l.blobs.Salvage(ctx, backend, name.digest)
	case backend != name.backend && b.State.Readable():
		spooled, err = r.receive(ctx, b.Ref)
	}
	switch sheaf.KindOf(err) {
	case sheaf.ErrDamaged, sheaf.ErrNotFound:
		return nil, nil
	}
	return spooled, err
}

// receive reads a copy of a content into the spool.
func (r *repair) receive(ctx context.Context, ref blob.Ref) (*blob.Spooled, error) {
	content, err := r.library.blobs.Open(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	reader, err := content.Reader()
	if err != nil {
		return nil, err
	}
	return r.library.blobs.Receive(ctx, io.LimitReader(reader, ref.Size), -1)
}

// store stores a content as a writer who brings it would, and closes it.
func (r *repair) store(ctx context.Context, name blobName, from string, spooled *blob.Spooled) error {
	l := r.library
	upload := &Upload{spooled: spooled}
	defer upload.Close()
	if upload.Digest() != name.digest {
		return fmt.Errorf("the copy of %s on %s is of another content", name.digest, from)
	}
	ref, err := spooled.RefOn(name.backend)
	if err != nil {
		return err
	}
	_, err = l.store(ctx, upload, ref, func(ref blob.Ref) (known bool, err error) {
		err = l.catalog.Mutate(ctx, int64(len(ref.Inline)), func(tx *catalog.Tx) (err error) {
			if known, err = tx.KeepBlob(ref); err != nil {
				return err
			}
			return r.record(tx, name, from)
		})
		return known, err
	})
	return err
}

// record leaves an entry in the log of the store of what was repaired, and from
// where.
func (r *repair) record(tx *catalog.Tx, name blobName, from string) error {
	op := r.op
	op.name = "blob.repair"
	_, err := tx.Append(sheaf.SystemStream, op.entry(withDetail(map[string]any{
		"digest": name.digest, "storage_backend": name.backend, "from": from,
	})))
	return err
}

// recover marks a blob that was damaged or missing and is whole again as live.
func (l *Library) recover(ctx context.Context, ref blob.Ref) error {
	op := l.As(sheaf.Principal{ID: "system"}).begin("blob.recover")
	return l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		if recovered, err := tx.RecoverBlob(ref.Backend, ref.Digest); err != nil || !recovered {
			return err
		}
		_, err := tx.Append(sheaf.SystemStream, op.entry(withDetail(map[string]any{
			"digest": ref.Digest, "storage_backend": ref.Backend,
		})))
		return err
	})
}
