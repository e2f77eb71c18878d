package library

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// Where a backend lets others download from it, the archive of a book is written
// into it as a temporary object, so that its downloads do not pass through the
// server. One that is made serves all who ask for the same bytes while it is
// fresh.

const (
	// objectsMade is how many archives are written into backends at once.
	objectsMade = 2

	// objectsInterval is from one look for objects that are over to the next.
	objectsInterval = time.Hour
)

// ArchiveOptions say how archives of books reach who downloads them.
type ArchiveOptions struct {
	LinkTime    time.Duration // for which a link is good; 0: an hour
	Materialize bool          // backends that can give them to others do
	Patience    time.Duration // in which one has to be written into its backend; 0: a minute
}

func (o ArchiveOptions) withDefaults() ArchiveOptions {
	if o.LinkTime == 0 {
		o.LinkTime = time.Hour
	}
	if o.Patience == 0 {
		o.Patience = time.Minute
	}
	return o
}

// Of an object an archive is given out for freshness, and it is removed after
// lifetime, when the last link to it is no good any more. Between the two is time
// for clocks that differ.
func (o ArchiveOptions) freshness() time.Duration { return o.LinkTime * 3 / 4 }
func (o ArchiveOptions) lifetime() time.Duration  { return 2 * o.LinkTime }

// archiveObjects are the archives that this process has written into backends.
type archiveObjects struct {
	options ArchiveOptions
	making  *semaphore.Weighted

	mu    sync.Mutex
	known map[archiveName]*archiveObject // guarded by mu
}

// An archiveName says which bytes lie where.
type archiveName struct {
	backend string
	etag    string
}

// An archiveObject is an archive in a backend. It is there once done is closed,
// unless err says why not.
type archiveObject struct {
	name string
	made time.Time
	done chan struct{}
	err  error
}

func newArchiveObjects(o ArchiveOptions) *archiveObjects {
	return &archiveObjects{options: o, making: semaphore.NewWeighted(objectsMade), known: make(map[archiveName]*archiveObject)}
}

// join returns the object of an archive, and whether the caller has to make it.
func (a *archiveObjects) join(name archiveName, now time.Time) (object *archiveObject, mine bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for other, o := range a.known {
		if now.Sub(o.made) >= a.options.freshness() {
			delete(a.known, other)
		}
	}
	if object = a.known[name]; object != nil {
		return object, false
	}
	// Never the name of an older one: who downloads that must not see this come.
	var unique [8]byte
	_, _ = rand.Read(unique[:]) // never fails
	object = &archiveObject{name: name.etag[:40] + "-" + hex.EncodeToString(unique[:]), made: now, done: make(chan struct{})}
	a.known[name] = object
	return object, true
}

// end says what has become of an object that the caller has made.
func (a *archiveObjects) end(name archiveName, object *archiveObject, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if object.err = err; err != nil && a.known[name] == object {
		delete(a.known, name)
	}
	close(object.done)
}

// forget has an archive made anew whose object turns out to be gone.
func (a *archiveObjects) forget(name archiveName, object string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known := a.known[name]; known != nil && known.name == object {
		delete(a.known, name)
	}
}

// errArchiveTimeout is of an archive that takes too long to be made.
var errArchiveTimeout = sheaf.Errorf(sheaf.ErrTimeout, "Archive generation timed out. Use individual file download tools.").
	WithHint("ask for the content or the assets alone, by scope, or read the files one by one")

// objectLink returns a grant to download an archive from its backend; ok is false
// if that is to be downloaded through the server.
func (l *Library) objectLink(ctx context.Context, archive *Archive, backend, filename string) (grant blob.Grant, ok bool, err error) {
	place, ok := l.blobs.Materializer(backend)
	if !ok || !l.archiveObjects.options.Materialize || l.blobs.Seals(backend) {
		return grant, false, nil
	}
	patient, cancel := context.WithTimeoutCause(ctx, l.archiveObjects.options.Patience, errArchiveTimeout)
	defer cancel()
	name := archiveName{backend, archive.ETag()[1 : 1+64]}
	if err := l.blobs.Claimed(patient, backend); err != nil {
		return grant, true, err
	}
	const attempts = 2 // somebody may have removed the object from the backend
	for range attempts {
		var object string
		if object, err = l.archiveObject(patient, place, archive, name); err == nil {
			grant, err = place.PresignTemp(patient, object, blob.Download{
				Filename: filename, MIME: "application/zip", Lifetime: l.archiveObjects.options.LinkTime,
			})
		}
		if sheaf.KindOf(err) != sheaf.ErrNotFound {
			break
		}
		l.archiveObjects.forget(name, object)
	}
	switch kind := sheaf.KindOf(err); {
	case kind == sheaf.ErrUnsupported, kind == sheaf.ErrTooLarge:
		return grant, false, nil
	case err != nil && ctx.Err() == nil && errors.Is(context.Cause(patient), errArchiveTimeout):
		err = errArchiveTimeout
	}
	return grant, true, err
}

// archiveObject returns the name of an object that is an archive. It is made by
// one of those who want it at the same time.
func (l *Library) archiveObject(ctx context.Context, place blob.Materializer, archive *Archive, name archiveName) (string, error) {
	objects := l.archiveObjects
	for {
		object, mine := objects.join(name, l.now())
		if mine {
			err := l.putArchive(ctx, place, archive, object.name)
			objects.end(name, object, err)
			return object.name, err
		}
		select {
		case <-object.done:
		case <-ctx.Done():
			return "", ctx.Err()
		}
		if object.err == nil {
			return object.name, nil
		}
		// Whoever was making it may have gone away, or had less time left.
		if !errors.Is(object.err, context.Canceled) && !errors.Is(object.err, context.DeadlineExceeded) {
			return "", object.err
		}
	}
}

// putArchive writes an archive into a backend, and makes sure that all of it is
// there.
func (l *Library) putArchive(ctx context.Context, place blob.Materializer, archive *Archive, name string) error {
	if err := l.archiveObjects.making.Acquire(ctx, 1); err != nil {
		return err
	}
	defer l.archiveObjects.making.Release(1)
	reader, writer := io.Pipe()
	writing, cancel := context.WithCancel(ctx)
	written := make(chan struct{})
	go func() {
		defer close(written)
		writer.CloseWithError(archive.WriteRange(writing, writer, 0, archive.Size()))
	}()
	err := place.PutTemp(ctx, name, reader, archive.Size(), "application/zip")
	cancel()
	reader.Close()
	<-written // it reads of what the archive holds
	if err != nil {
		return err
	}
	there, err := place.StatTemp(ctx, name)
	if err == nil && there.Size != archive.Size() {
		err = sheaf.Errorf(sheaf.ErrBackendUnavailable, "the archive has %d bytes, and %d of them arrived in its backend", archive.Size(), there.Size).
			WithHint("try again")
	}
	return err
}

// sweepArchives removes the archives from backends to which no link is good any
// more, whoever has made them.
func (l *Library) sweepArchives(ctx context.Context) (more bool, err error) {
	var errs []error
	for _, backend := range l.backendNames() {
		place, ok := l.blobs.Materializer(backend)
		if !ok || l.away(backend) {
			continue
		}
		err := l.blobs.Claim(ctx, backend)
		if err == nil {
			err = l.staleArchives(ctx, place, func(object blob.Staged) error { return place.DeleteTemp(ctx, object.Name) })
		}
		errs = append(errs, err)
	}
	return false, l.unlessAway(errors.Join(errs...))
}

// staleArchives calls each for the temporary objects of a backend that are over.
func (l *Library) staleArchives(ctx context.Context, place blob.Materializer, each func(blob.Staged) error) error {
	before := l.now().Add(-l.archiveObjects.options.lifetime())
	err := place.ListTemp(ctx, func(object blob.Staged) error {
		if object.Modified.After(before) {
			return nil
		}
		return each(object)
	})
	if sheaf.KindOf(err) == sheaf.ErrUnsupported {
		return nil
	}
	return err
}
