package library

import (
	"context"
	"fmt"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// A backendCheck is the check of one backend.
type backendCheck struct {
	*check
	sheaf.BackendCheck

	seen     blobSet // those whose objects are listed, with the size that they should have
	failures int     // calls in a row that were not answered
	away     bool    // it is not asked any more
}

// mostFailures is how many calls of a backend may fail in a row before a check
// does without it.
const mostFailures = 3

// A blobSet is a set of blobs by their pks, a bit each.
type blobSet []uint64

func (s *blobSet) add(pk int64) {
	for int64(len(*s)) <= pk/64 {
		*s = append(*s, 0)
	}
	(*s)[pk/64] |= 1 << (pk % 64)
}

func (s blobSet) has(pk int64) bool {
	return pk/64 < int64(len(s)) && s[pk/64]&(1<<(pk%64)) != 0
}

// list compares what the backend lists with the catalog. What is missing in the
// list may have been put since; [backendCheck.object] asks for it.
func (b *backendCheck) list(ctx context.Context) error {
	page := make([]blob.Info, 0, garbageLook)
	var readErr error
	look := func() error {
		readErr = b.library.catalog.Read(ctx, func(v *catalog.View) error { return b.compare(v, page) })
		page = page[:0]
		return readErr
	}
	err := b.library.blobs.List(ctx, b.Name, func(info blob.Info) error {
		if page = append(page, info); len(page) == cap(page) {
			return look()
		}
		return nil
	})
	if readErr == nil && err == nil {
		return look()
	}
	if readErr != nil || ctx.Err() != nil {
		return err
	}
	b.unanswered(err)
	b.away = true
	return nil
}

func (b *backendCheck) compare(v *catalog.View, objects []blob.Info) error {
	for _, object := range objects {
		name, err := sheaf.ParseDigest(string(object.Key))
		if err != nil {
			continue // it is nothing that Sheaf has put there
		}
		b.Objects++
		known, found, err := v.ObjectBlob(b.Name, name)
		switch {
		case err != nil:
			return err
		case !found:
			b.OrphanObjects++
			b.OrphanBytes += object.Size
		case known.ObjectSize() == object.Size:
			b.seen.add(known.PK)
		}
	}
	return nil
}

// unanswered notes that a call of the backend failed, and stops the check of it
// if too many have.
func (b *backendCheck) unanswered(err error) {
	b.Error = publicText(err)
	b.failures++
	b.away = b.failures >= mostFailures
}

// answered notes that a call of the backend was answered, unless its error says
// that it was not, and returns the error.
func (b *backendCheck) answered(err error) error {
	if sheaf.KindOf(err) != sheaf.ErrBackendUnavailable {
		b.failures = 0
	}
	return err
}

// blobs looks at all blobs in slices, so that a long check holds no snapshot of
// the catalog.
func (c *check) blobs(ctx context.Context) error {
	const slice = 256
	for after := int64(0); ; {
		var blobs []catalog.Blob
		err := c.library.catalog.Read(ctx, func(v *catalog.View) error {
			return v.Blobs(after, slice, func(b catalog.Blob) error {
				blobs = append(blobs, b)
				return nil
			})
		})
		if err != nil || len(blobs) == 0 {
			return err
		}
		for _, b := range blobs {
			after = b.PK
			on, configured := c.backends[b.Backend]
			if !b.State.Readable() || !configured { // the catalog's part says what refers to a backend that is not there
				continue
			}
			if err := on.blob(ctx, b); err != nil {
				return err
			}
		}
	}
}

// blob looks at one blob, and has it repaired if that is wanted.
func (b *backendCheck) blob(ctx context.Context, listed catalog.Blob) error {
	name := blobName{listed.Backend, listed.Digest}
	// The row as it is now: the drain may have moved the bytes meanwhile.
	now, err := b.library.blobNow(ctx, name)
	if err != nil || !now.State.Readable() {
		return err
	}
	b.report.Blobs++
	b.Blobs++
	wrong, err := b.look(ctx, now)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case sheaf.KindOf(err) == sheaf.ErrBackendUnavailable:
		b.Unchecked++
		if !b.away && err != errLocked {
			b.unanswered(err)
		}
		return nil
	case err != nil:
		return b.addBlob(ctx, name, err.Error(), mending{})
	case wrong != "":
		return b.mend(ctx, name, wrong)
	}
	return nil
}

// mend has a content repaired, if that is wanted, and reports what is wrong with
// it and what was done.
func (c *check) mend(ctx context.Context, name blobName, wrong string) error {
	var done mending
	if c.repair != nil {
		var err error
		if done, err = c.repair.content(ctx, name); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			done = mending{what: "it could not be repaired: " + publicText(err)}
		}
	}
	return c.addBlob(ctx, name, wrong, done)
}

// look says what is wrong with a blob, "" if nothing is. An error is of looking.
func (b *backendCheck) look(ctx context.Context, now catalog.Blob) (wrong string, err error) {
	locked := b.library.missingKey(now.Ref)
	switch {
	case now.IsInline() && locked == nil:
		b.report.BytesRead += now.StoredSize
		err = b.library.blobs.Verify(ctx, now.Ref)
	case now.IsInline():
	case b.away:
		return "", errBackendAway
	case b.report.Full && locked == nil:
		b.report.BytesRead += now.StoredSize
		err = b.answered(b.library.blobs.Verify(ctx, now.Ref))
	case !b.seen.has(now.PK):
		err = b.answered(b.library.checkObject(ctx, now.Ref))
	}
	if err == nil && locked != nil && (b.report.Full || now.IsInline()) {
		b.Error = publicText(locked)
		return "", errLocked
	}
	switch sheaf.KindOf(err) {
	case sheaf.ErrDamaged, sheaf.ErrNotFound:
		return err.Error(), nil
	case "":
		if now.State == catalog.BlobDamaged {
			return "it was found damaged and put aside, or is to be looked at again", nil
		}
	}
	return "", err
}

// Why a blob was not read.
var (
	errBackendAway = sheaf.Errorf(sheaf.ErrBackendUnavailable, "the backend is away")
	errLocked      = sheaf.Errorf(sheaf.ErrBackendUnavailable, "its master key is not given")
)

// blobNow returns a blob as it is now; the zero Blob, which is not readable, if
// there is none.
func (l *Library) blobNow(ctx context.Context, name blobName) (b catalog.Blob, err error) {
	err = l.catalog.Read(ctx, func(v *catalog.View) (err error) {
		b, _, err = v.Blob(name.backend, name.digest)
		return err
	})
	return b, err
}

func (l *Library) checkObject(ctx context.Context, ref blob.Ref) error {
	info, err := l.blobs.Stat(ctx, ref.Backend, ref.Key())
	switch {
	case sheaf.KindOf(err) == sheaf.ErrNotFound:
		return sheaf.Errorf(sheaf.ErrDamaged, "its object is missing")
	case err == nil && info.Size != ref.ObjectSize():
		return sheaf.Errorf(sheaf.ErrDamaged, "its object has %d bytes, %d were written", info.Size, ref.ObjectSize())
	}
	return err
}

// lostContents looks for contents that versions need and of which the catalog
// knows no blob.
func (c *check) lostContents(ctx context.Context) error {
	var lost []catalog.LostContent
	err := c.library.catalog.Read(ctx, func(v *catalog.View) (err error) {
		lost, err = v.LostContents()
		return err
	})
	if err != nil {
		return err
	}
	for _, content := range lost {
		if err := c.mend(ctx, blobName{content.Backend, content.Digest}, "the catalog does not know where its bytes are"); err != nil {
			return err
		}
	}
	return nil
}

// leftovers counts what is left in the staging area of the backend and of the
// archives in it, and has it removed if that is wanted.
func (b *backendCheck) leftovers(ctx context.Context) error {
	if b.away {
		return nil
	}
	count := func(remove func(context.Context, string) error) func(blob.Staged) error {
		return func(object blob.Staged) error {
			b.Leftovers++
			if b.repair == nil {
				return nil
			}
			return remove(ctx, object.Name)
		}
	}
	var err error
	if b.repair != nil {
		err = b.library.blobs.Claim(ctx, b.Name) // or another store's would be removed
	}
	if area, ok := b.library.blobs.Presigner(b.Name); ok && err == nil {
		err = b.library.staleStaged(ctx, area, count(area.DeleteStaged))
	}
	if place, ok := b.library.blobs.Materializer(b.Name); ok && err == nil {
		err = b.library.staleArchives(ctx, place, count(place.DeleteTemp))
	}
	if err != nil && ctx.Err() == nil {
		b.unanswered(err)
		err = nil
	}
	return err
}

// finish reports that the backend could not be looked at, or not as a whole.
func (b *backendCheck) finish() {
	if b.Error == "" {
		return
	}
	message := fmt.Sprintf("the backend %s could not be checked as a whole: %s", b.Name, b.Error)
	if b.Unchecked > 0 {
		message += fmt.Sprintf("; %d contents on it were not checked", b.Unchecked)
	}
	b.add(sheaf.Problem{Area: "backends", Message: message, Backend: b.Name})
}
