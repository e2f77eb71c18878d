package library

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

const (
	// uploadsKept is how long it is known what has become of an upload.
	uploadsKept = 24 * time.Hour

	// sweepInterval is from one look for uploads that have expired to the next,
	// and stagingInterval for bytes in staging areas that belong to none.
	sweepInterval   = time.Minute
	stagingInterval = time.Hour

	// sweepCount is how many expired uploads are looked up at once.
	sweepCount = 100
)

// CompleteUpload makes an asset of the bytes of an upload, once: of a completed
// one it says what has become of it. FileHash takes the place of the one that the
// upload was begun with, so that a conflict does not cost the bytes; nil keeps that.
//
// Bytes that are not what was announced end the upload. Whatever else is in the
// way leaves it open until it expires.
func (s *Session) CompleteUpload(ctx context.Context, id string, fileHash *sheaf.Digest) (AssetChange, error) {
	op := s.begin("asset.upload")
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return AssetChange{}, err
	}
	u, err := s.uploadOf(ctx, id)
	if err != nil {
		return AssetChange{}, err
	}
	base, err := s.assetBase(ctx)
	if err != nil {
		return AssetChange{}, err
	}
	change, err := s.complete(ctx, op, u.ID, fileHash)
	s.library.locate(&change.Asset, base)
	return change, err
}

// errNotOpen is of a transaction that finds the upload ended.
var errNotOpen = errors.New("the upload is not open any more")

// complete completes an upload. The asset in its answer has to be located.
func (s *Session) complete(ctx context.Context, op operation, id string, fileHash *sheaf.Digest) (AssetChange, error) {
	l := s.library
	release, err := l.assets.hold(ctx, id)
	if err != nil {
		return AssetChange{}, err
	}
	defer release()
	u, err := l.upload(ctx, id) // as it is now that nobody else has it
	if err != nil {
		return AssetChange{}, err
	}
	if u.Outcome == sheaf.UploadCompleted {
		return l.completed(ctx, u)
	}
	if err := checkOpen(u); err != nil {
		return AssetChange{}, err
	}
	if fileHash != nil {
		u.FileHash = fileHash
	}
	content, err := l.receiveStaged(ctx, u)
	if sheaf.KindOf(err) == sheaf.ErrInvalid { // the bytes are wrong, and stay so
		if endErr := l.endUpload(ctx, u, sheaf.UploadFailed, err.Error()); endErr != nil {
			return AssetChange{}, endErr
		}
		return AssetChange{}, err
	}
	if err != nil {
		return AssetChange{}, err
	}
	defer content.Close()
	book, err := l.book(string(u.Book))
	if err == nil {
		err = checkWritable(book)
	}
	if err != nil {
		return AssetChange{}, err
	}
	change, err := s.writeAsset(ctx, op, book, AssetWrite{
		AssetPlace: placeOf(u), Content: content, FileHash: u.FileHash, Message: u.Message,
	}, func(tx *catalog.Tx, change sheaf.Change) error {
		ended, err := tx.CompleteUpload(u.ID, change.Document)
		if err == nil && !ended {
			err = errNotOpen
		}
		return err
	})
	if errors.Is(err, errNotOpen) { // it has ended together with its book
		if u, err = l.upload(ctx, id); err == nil {
			err = checkOpen(u)
		}
	}
	if err != nil {
		return AssetChange{}, err
	}
	if err := l.dropStaged(context.WithoutCancel(ctx), u); err != nil {
		l.log.Warn("the bytes of a completed upload are left in their staging area until it is swept", "upload", u.ID, "error", err)
	}
	return change, nil
}

// completed describes what has become of an upload.
func (l *Library) completed(ctx context.Context, u catalog.Upload) (AssetChange, error) {
	book, err := l.book(string(u.Book))
	if err != nil {
		return AssetChange{}, err
	}
	var revision int64
	err = l.catalog.Read(ctx, func(v *catalog.View) (err error) {
		revision, err = v.VersionRev(u.Document, u.Version)
		return err
	})
	if err != nil {
		return AssetChange{}, err
	}
	asset := sheaf.Asset{
		BookID: u.Book, Path: u.Path, DocumentID: u.Document, Version: u.Version, Size: u.Size, MIME: u.MIME, Digest: *u.SHA256,
		UploadedAt: u.EndedAt, UploadedBy: u.Principal, UploadedByLabel: u.Label, Backend: book.Backend,
	}
	change := sheaf.Change{
		Mode: sheaf.ModeUnchanged, Revision: revision, PreviousVersion: u.Version,
		Document: sheaf.Document{ID: u.Document, Collection: u.Book, Path: u.Path, Version: u.Version, Digest: *u.SHA256},
	}
	return AssetChange{change, asset}, nil
}

func placeOf(u catalog.Upload) AssetPlace {
	p := AssetPlace{Book: string(u.Book)}
	p.Type, p.Filename = splitAssetPath(u.Path)
	return p
}

// receiveStaged brings the bytes of an upload into the store, and compares them
// with what was announced: a backend that others have written to has checked
// less. The caller closes what it returns.
func (l *Library) receiveStaged(ctx context.Context, u catalog.Upload) (*Upload, error) {
	area, err := l.staging(u.Staging)
	if err != nil {
		return nil, err
	}
	body, staged, err := area.OpenStaged(ctx, stagedName(u.ID))
	if sheaf.KindOf(err) == sheaf.ErrNotFound {
		return nil, l.errNothingStaged(u)
	}
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if staged.Size != u.Size {
		return nil, errUploadLength(staged.Size, u.Size)
	}
	content, err := l.receiveAsset(ctx, body)
	if err != nil {
		return nil, err
	}
	switch {
	case content.Size() != u.Size:
		err = errUploadLength(content.Size(), u.Size)
	case u.SHA256 != nil && content.Digest() != *u.SHA256:
		err = errUploadDigest(content.Digest(), *u.SHA256)
	default:
		err = content.checkContent(u.MIME)
	}
	if err != nil {
		content.Close()
		return nil, err
	}
	return content, nil
}

func (l *Library) errNothingStaged(u catalog.Upload) error {
	if !l.now().Before(u.ExpiresAt) {
		return sheaf.Errorf(sheaf.ErrGone, "this upload expired at %s without its bytes", u.ExpiresAt.UTC().Format(time.RFC3339)).
			WithHint("begin a new one")
	}
	return sheaf.Errorf(sheaf.ErrConflict, "the bytes of this upload have not arrived yet").
		WithHint("send them to the upload_url first, before " + u.ExpiresAt.UTC().Format(time.RFC3339))
}

// completeUploads completes the uploads to a book whose bytes have arrived, for
// somebody who is about to look at its assets. One that cannot be completed stays
// as it is and holds up nobody: whoever completes it explicitly is told why.
func (l *Library) completeUploads(ctx context.Context, book *catalog.Collection) error {
	return l.completeUploadsTo(ctx, book, "")
}

// completeUploadsTo is completeUploads of one path; of all if it is empty.
func (l *Library) completeUploadsTo(ctx context.Context, book *catalog.Collection, path string) error {
	var open []catalog.Upload
	err := l.catalog.Read(ctx, func(v *catalog.View) (err error) {
		open, err = v.OpenUploads(book.Name, path)
		return err
	})
	if err != nil {
		return err
	}
	for _, u := range open {
		if state, err := l.uploadState(ctx, u); err == nil && state == sheaf.UploadReceived {
			_ = l.completeForUploader(ctx, u)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// completeForUploader completes an upload in the name of whoever began it, who
// was allowed to then.
func (l *Library) completeForUploader(ctx context.Context, u catalog.Upload) error {
	s := l.As(sheaf.Principal{ID: u.Principal, Label: u.Label, Scopes: sheaf.Scopes(sheaf.ScopeWrite)})
	_, err := s.complete(ctx, s.begin("asset.upload"), u.ID, nil)
	return err
}

// explainAsset says of an asset that is not there whether one is on its way.
func (l *Library) explainAsset(ctx context.Context, book *catalog.Collection, p AssetPlace, err error) error {
	if !errors.Is(err, errNoFile) {
		return err
	}
	var open []catalog.Upload
	readErr := l.catalog.Read(ctx, func(v *catalog.View) (err error) {
		open, err = v.OpenUploads(book.Name, p.path())
		return err
	})
	if readErr != nil {
		return readErr
	}
	err = l.explain(ctx, book, p.place(), err)
	var e *sheaf.Error
	if len(open) > 0 && errors.As(err, &e) {
		u := open[len(open)-1]
		return e.WithHint(fmt.Sprintf("the upload %s to it is not completed: send its bytes, or see what POST /uploads/%s/complete answers", u.ID, u.ID))
	}
	return err
}

// sweepUploads ends the uploads that have expired. Bytes that have arrived are not
// lost for that: they are completed now, if they can be.
func (l *Library) sweepUploads(ctx context.Context) (more bool, err error) {
	var errs []error
	var last catalog.Upload
	for swept := sweepCount; swept == sweepCount; { // to the end: some may be of a backend that is away
		var expired []catalog.Upload
		err = l.catalog.Read(ctx, func(v *catalog.View) (err error) {
			expired, err = v.ExpiredUploads(l.now(), last, sweepCount)
			return err
		})
		if err != nil {
			return false, err
		}
		for _, u := range expired {
			errs = append(errs, l.sweepUpload(ctx, u))
			last = u
		}
		swept = len(expired)
	}
	err = l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error { return tx.ForgetUploads(tx.Now().Add(-uploadsKept)) })
	return false, errors.Join(append(errs, err)...)
}

func (l *Library) sweepUpload(ctx context.Context, u catalog.Upload) error {
	state, err := l.uploadState(ctx, u)
	if err != nil {
		return err
	}
	why := ""
	if state == sheaf.UploadReceived {
		err := l.completeForUploader(ctx, u)
		if err == nil || sheaf.KindOf(err).Retryable() || sheaf.KindOf(err) == sheaf.ErrInternal {
			return err
		}
		state, why = sheaf.UploadFailed, err.Error()
	}
	release, ok := l.assets.receiving(u.ID)
	if !ok {
		return nil // its bytes are arriving after all
	}
	defer release()
	if staged, err := l.uploadState(ctx, u); err != nil || staged == sheaf.UploadReceived && why == "" {
		return err // they have arrived meanwhile
	}
	return l.endUpload(ctx, u, state, why)
}

// sweepStaging removes bytes from the staging areas that belong to no open
// upload, as a crash leaves them behind.
func (l *Library) sweepStaging(ctx context.Context) (more bool, err error) {
	var errs []error
	areas := []stagingArea{}
	if l.assets.staging != "" {
		areas = append(areas, l.assets.staging)
	}
	for backend := range l.backends {
		presigner, ok := l.blobs.Presigner(backend)
		if !ok || l.away(backend) {
			continue
		}
		if err := l.blobs.Claim(ctx, backend); err != nil {
			errs = append(errs, err) // what seems to belong to no upload may be of another store's
			continue
		}
		areas = append(areas, presigner)
	}
	for _, area := range areas {
		errs = append(errs, l.staleStaged(ctx, area, func(staged blob.Staged) error { return area.DeleteStaged(ctx, staged.Name) }))
	}
	return false, l.unlessAway(errors.Join(errs...))
}

// staleStaged calls each for the bytes in a staging area that belong to no open
// upload. Nobody brings or completes them meanwhile.
func (l *Library) staleStaged(ctx context.Context, area stagingArea, each func(blob.Staged) error) error {
	return area.ListStaged(ctx, func(staged blob.Staged) error {
		id := uploadIDPrefix + staged.Name
		u, err := l.upload(ctx, id)
		if known := err == nil; known && u.Outcome == "" {
			return nil
		} else if !known && sheaf.KindOf(err) != sheaf.ErrNotFound {
			return err
		}
		release, ok := l.assets.receiving(id)
		if !ok {
			return nil
		}
		defer release()
		return each(staged)
	})
}
