package library

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// An upload in two steps waits for its bytes in a staging area, which nothing
// else looks into, and is completed there: its bytes pass through the store as
// any content does, and the transaction that makes them a version ends the
// upload, so that a crash leaves it either open with its bytes, or completed.

// uploadPurpose is what URLs are signed for that bring the bytes of an upload.
const uploadPurpose = "asset.upload"

const (
	uploadIDPrefix = "upl_"
	uploadIDDigits = 24
)

func newUploadID() string {
	var random [uploadIDDigits / 2]byte
	_, _ = rand.Read(random[:]) // never fails
	return uploadIDPrefix + hex.EncodeToString(random[:])
}

// stagedName returns what the bytes of an upload are called in a staging area.
func stagedName(id string) string { return strings.TrimPrefix(id, uploadIDPrefix) }

// errNoUpload is of an id that is none, and of an upload of somebody else.
var errNoUpload = sheaf.Errorf(sheaf.ErrNotFound, "there is no such upload").
	WithHint("begin a new one; uploads that have ended are forgotten after a day")

func parseUploadID(id string) (string, error) {
	digits, ok := strings.CutPrefix(id, uploadIDPrefix)
	if _, err := hex.DecodeString(digits); !ok || err != nil || len(digits) != uploadIDDigits || strings.ToLower(digits) != digits {
		return "", errNoUpload
	}
	return id, nil
}

// A stagingArea is where the bytes of uploads wait: that of a [blob.Presigner],
// or the directory of the store.
type stagingArea interface {
	OpenStaged(ctx context.Context, name string) (io.ReadCloser, blob.Staged, error)
	ListStaged(ctx context.Context, yield func(blob.Staged) error) error
	DeleteStaged(ctx context.Context, name string) error
}

// staging returns the staging area of a name, which is that of its backend, or
// empty for the store's own.
func (l *Library) staging(backend string) (stagingArea, error) {
	if backend == "" {
		return l.assets.staging, nil
	}
	if presigner, ok := l.blobs.Presigner(backend); ok {
		return presigner, nil
	}
	return nil, sheaf.Errorf(sheaf.ErrBackendUnavailable, "the backend %q, which has the bytes of the upload, is not configured any more", backend).
		WithHint("add it to the configuration again")
}

// NewUpload is an asset that is to be uploaded in two steps.
type NewUpload struct {
	AssetPlace
	Size     int64
	MIME     string        // empty: by the filename
	SHA256   *sheaf.Digest // that the bytes have to have; nil: any
	FileHash *sheaf.Digest // of the content that they replace; nil: any
	Message  string
}

// BeginUpload begins an upload in two steps, and says where the bytes are to be
// sent. What would be refused when it is completed is refused here already, as
// far as that can be known. A principal has no more than so many open at once,
// or the error is [sheaf.ErrRateLimited].
func (s *Session) BeginUpload(ctx context.Context, in NewUpload) (sheaf.AssetUpload, error) {
	s.begin("upload.begin").atPath(in.Book, in.path())
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return sheaf.AssetUpload{}, err
	}
	l := s.library
	id, placeErr := l.checkAssetPlace(in.AssetPlace)
	mimeType, mimeErr := checkAssetMIME(in.Type, in.Filename, in.MIME)
	err := sheaf.InvalidFields(placeErr, mimeErr, l.checkUploadSize(in.Size), l.limits.CheckMessage(in.Message))
	if err != nil {
		return sheaf.AssetUpload{}, err
	}
	if in.Size > l.mostAsset() {
		return sheaf.AssetUpload{}, l.errAssetTooLarge(fmt.Sprintf("file_size is %d", in.Size))
	}
	book, err := s.bookToWrite(ctx, id)
	if err != nil {
		return sheaf.AssetUpload{}, err
	}
	if err := l.mayUpload(ctx, book, in); err != nil {
		return sheaf.AssetUpload{}, err
	}
	u := catalog.Upload{
		ID: newUploadID(), Book: book.Name, Path: in.path(), Size: in.Size, MIME: mimeType, SHA256: in.SHA256, FileHash: in.FileHash,
		Message: in.Message, Principal: s.principal.ID, Label: s.principal.Label,
		ExpiresAt: l.now().Add(l.assets.Lifetime).Truncate(time.Second).UTC(),
	}
	var grant *blob.Grant
	// A backend that seals is to see nothing of it, not even while it waits.
	if presigner, ok := l.blobs.Presigner(book.Backend); ok && !l.blobs.Seals(book.Backend) {
		wanted := blob.Upload{Size: u.Size, MIME: u.MIME, Lifetime: l.assets.Lifetime}
		if u.SHA256 != nil {
			wanted.SHA256 = u.SHA256.String()
		}
		if err := l.blobs.Claimed(ctx, book.Backend); err != nil {
			return sheaf.AssetUpload{}, err
		}
		given, err := presigner.PresignPut(ctx, stagedName(u.ID), wanted)
		if err != nil {
			return sheaf.AssetUpload{}, err
		}
		grant, u.Staging, u.ExpiresAt = &given, book.Backend, given.Expires
	}
	answer, err := s.describeUpload(ctx, u, sheaf.UploadWaiting, grant) // which may fail while there is nothing to undo
	if err != nil {
		return sheaf.AssetUpload{}, err
	}
	err = l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		if now, found, err := tx.CurrentCollection(book.Name); err != nil {
			return err
		} else if !found || now.PK != book.PK {
			return l.errNoBook(book.Name) // it was deleted meanwhile
		}
		count, bytes, err := tx.OpenUploadsOf(u.Principal)
		if err != nil {
			return err
		}
		if count >= l.limits.Uploads || bytes+u.Size > l.limits.UploadBytes {
			return sheaf.Errorf(sheaf.ErrRateLimited, "%s has %d open uploads of %d bytes already; the limits are %d and %d bytes",
				u.Principal, count, bytes, l.limits.Uploads, l.limits.UploadBytes).
				WithHint("complete or cancel some, or wait until they expire")
		}
		return tx.AddUpload(u)
	})
	if err != nil {
		return sheaf.AssetUpload{}, err
	}
	l.used()
	return answer, nil
}

func (l *Library) checkUploadSize(size int64) error {
	switch {
	case size <= 0:
		return sheaf.Invalid("file_size", "file_size is the size of the file in bytes")
	case size < l.limits.AssetDirect:
		return sheaf.Invalid("file_size", fmt.Sprintf("a file of %d bytes is sent at once, in binary_data: uploads in two steps begin at %d bytes", size, l.limits.AssetDirect))
	}
	return nil
}

// mayUpload fails if the upload could not be completed as things are.
func (l *Library) mayUpload(ctx context.Context, book *catalog.Collection, in NewUpload) error {
	if err := checkContentLimit(book, in.Size); err != nil {
		return err
	}
	head, err := fileOrNew(book, in.place()).read(ctx, l)
	if err != nil {
		return err
	}
	err = contentChange{expected: in.FileHash}.mayReplace(head, book)
	var refused *refusedWriteError
	if errors.As(err, &refused) && in.FileHash == nil {
		return l.errHashRequired(ctx, refused.head)
	}
	return l.explain(ctx, book, in.place(), l.explainConflict(ctx, err))
}

// describeUpload returns what callers see of an upload. The grant is of the
// backend that it goes to, and known only when it begins.
func (s *Session) describeUpload(ctx context.Context, u catalog.Upload, state sheaf.UploadState, grant *blob.Grant) (sheaf.AssetUpload, error) {
	assetBase, err := s.assetBase(ctx)
	if err != nil {
		return sheaf.AssetUpload{}, err
	}
	base, err := s.base(ctx)
	if err != nil {
		return sheaf.AssetUpload{}, err
	}
	assetType, filename := splitAssetPath(u.Path)
	answer := sheaf.AssetUpload{
		ID: u.ID, BookID: u.Book, Type: assetType, Filename: filename, Path: u.Path, Size: u.Size, MIME: u.MIME,
		Digest: u.SHA256, Document: u.Document, Version: u.Version, State: state, ExpiresAt: u.ExpiresAt, Error: u.Error,
		CDNURL: assetBase + assetURLPath(u.Book, assetType, filename),
	}
	if state == sheaf.UploadWaiting || state == sheaf.UploadReceived {
		answer.CompleteURL = base + "/uploads/" + u.ID + "/complete"
	}
	switch {
	case state != sheaf.UploadWaiting:
	case grant != nil:
		answer.Method, answer.URL, answer.Header = grant.Method, grant.URL, map[string]string{}
		for name := range grant.Header {
			answer.Header[name] = grant.Header.Get(name)
		}
	case u.Staging == "":
		signed, err := s.library.signer.sign(ctx, uploadPurpose, uploadClaims(u), u.ExpiresAt)
		if err != nil {
			return sheaf.AssetUpload{}, err
		}
		query := url.Values{expiresParameter: signed[expiresParameter], signatureParameter: signed[signatureParameter]}
		answer.Method, answer.URL = http.MethodPut, base+"/uploads/"+u.ID+"?"+query.Encode()
		answer.Header = map[string]string{"Content-Type": u.MIME}
	}
	return answer, nil
}

// uploadClaims are what the signature of an upload's URL is about. They are not
// in the URL: the store knows them by the id.
func uploadClaims(u catalog.Upload) url.Values {
	claims := url.Values{"method": {http.MethodPut}, "id": {u.ID}, "size": {strconv.FormatInt(u.Size, 10)}, "type": {u.MIME}}
	if u.SHA256 != nil {
		claims.Set("sha256", u.SHA256.String())
	}
	return claims
}

// uploadOf returns an upload of the session's principal. Administrators see those
// of others too.
func (s *Session) uploadOf(ctx context.Context, id string) (catalog.Upload, error) {
	u, err := s.library.upload(ctx, id)
	if err == nil && u.Principal != s.principal.ID && !s.principal.Scopes.Has(sheaf.ScopeAdmin) {
		err = errNoUpload
	}
	if err == nil {
		s.call.about(func(r *catalog.Access) { r.Stream, r.Path = string(u.Book), u.Path })
	}
	return u, err
}

func (l *Library) upload(ctx context.Context, id string) (u catalog.Upload, err error) {
	if id, err = parseUploadID(id); err != nil {
		return u, err
	}
	err = l.catalog.Read(ctx, func(v *catalog.View) error {
		var found bool
		if u, found, err = v.Upload(id); err == nil && !found {
			err = errNoUpload
		}
		return err
	})
	return u, err
}

// UploadStatus says how far an upload is.
func (s *Session) UploadStatus(ctx context.Context, id string) (sheaf.AssetUpload, error) {
	s.begin("upload.read")
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return sheaf.AssetUpload{}, err
	}
	u, err := s.uploadOf(ctx, id)
	if err != nil {
		return sheaf.AssetUpload{}, err
	}
	state, err := s.library.uploadState(ctx, u)
	if err != nil {
		return sheaf.AssetUpload{}, err
	}
	return s.describeUpload(ctx, u, state, nil)
}

// uploadState says how far an upload is, for which it looks whether the bytes of
// an open one are there.
func (l *Library) uploadState(ctx context.Context, u catalog.Upload) (sheaf.UploadState, error) {
	if u.Outcome != "" {
		return u.Outcome, nil
	}
	area, err := l.staging(u.Staging)
	if err != nil {
		return "", err
	}
	staged, _, err := area.OpenStaged(ctx, stagedName(u.ID))
	switch {
	case err == nil:
		staged.Close()
		return sheaf.UploadReceived, nil
	case sheaf.KindOf(err) != sheaf.ErrNotFound:
		return "", err
	case !l.now().Before(u.ExpiresAt):
		return sheaf.UploadExpired, nil
	}
	return sheaf.UploadWaiting, nil
}

// UploadBytes are the bytes of an upload, as they come to its signed URL.
type UploadBytes struct {
	ID         string
	Parameters url.Values // of the URL
	MIME       string     // empty: the sender does not say
	Length     int64      // -1: the sender does not say
	Body       io.Reader
}

// StageUpload receives the bytes of an upload. The URL is what allows it, nobody
// is asked who they are. What is not exactly what was announced is refused, and
// may be sent again until the URL expires; what was received is not received
// again.
func (s *Session) StageUpload(ctx context.Context, in UploadBytes) (sheaf.AssetUpload, error) {
	s.begin("upload.receive")
	l := s.library
	if !in.Parameters.Has(signatureParameter) {
		if err := s.allow(sheaf.ScopeWrite); err != nil {
			return sheaf.AssetUpload{}, err
		}
		return sheaf.AssetUpload{}, sheaf.Errorf(sheaf.ErrForbidden, "this URL needs the signature that it was given with").
			WithHint("use the upload_url exactly as it was given")
	}
	u, err := l.upload(ctx, in.ID)
	if err != nil {
		return sheaf.AssetUpload{}, err
	}
	s.call.about(func(r *catalog.Access) { r.Stream, r.Path = string(u.Book), u.Path })
	// Completing an upload notes the digest of its bytes, with which its URL was
	// not signed: what has ended is said before the signature is looked at. Only
	// who was given the id can ask.
	if err := checkOpen(u); err != nil {
		return sheaf.AssetUpload{}, err
	}
	signed := uploadClaims(u)
	for name, values := range in.Parameters {
		signed[name] = append(values[:len(values):len(values)], signed[name]...)
	}
	if _, err := l.signer.verify(ctx, uploadPurpose, signed); err != nil {
		return sheaf.AssetUpload{}, err
	}
	if err := sheaf.InvalidFields(checkUploadHeader(u, in)); err != nil {
		return sheaf.AssetUpload{}, err
	}
	release, ok := l.assets.receiving(u.ID)
	if !ok {
		return sheaf.AssetUpload{}, sheaf.Errorf(sheaf.ErrConflict, "somebody else is bringing the bytes of this upload").
			WithHint("wait for the other request, or begin an upload of your own")
	}
	defer release()
	// Only now is it sure that nobody else completes or cancels it.
	if u, err = l.upload(ctx, u.ID); err != nil {
		return sheaf.AssetUpload{}, err
	}
	if err := checkOpen(u); err != nil {
		return sheaf.AssetUpload{}, err
	}
	switch state, err := l.uploadState(ctx, u); {
	case err != nil:
		return sheaf.AssetUpload{}, err
	case state == sheaf.UploadReceived:
		return sheaf.AssetUpload{}, sheaf.Errorf(sheaf.ErrExists, "the bytes of this upload are there already").
			WithHint("complete it with POST /uploads/" + u.ID + "/complete, or read the asset")
	}
	if _, err := l.assets.staging.put(ctx, stagedName(u.ID), in.Body, u.Size, u.SHA256, u.MIME); err != nil {
		return sheaf.AssetUpload{}, err
	}
	return s.describeUpload(ctx, u, sheaf.UploadReceived, nil)
}

// checkOpen fails if an upload has ended.
func checkOpen(u catalog.Upload) error {
	switch u.Outcome {
	case "":
		return nil
	case sheaf.UploadCompleted:
		return sheaf.Errorf(sheaf.ErrExists, "this upload was completed at %s", u.EndedAt.UTC().Format(time.RFC3339)).
			WithHint("the asset is there; begin a new upload to replace it")
	case sheaf.UploadFailed:
		return sheaf.Errorf(sheaf.ErrGone, "this upload failed: %s", u.Error).WithHint("begin a new one")
	}
	return sheaf.Errorf(sheaf.ErrGone, "this upload is %s", u.Outcome).WithHint("begin a new one")
}

// checkUploadHeader compares what a request says of its body with what was
// announced.
func checkUploadHeader(u catalog.Upload, in UploadBytes) error {
	var lengthErr, typeErr error
	if in.Length >= 0 && in.Length != u.Size {
		lengthErr = errUploadLength(in.Length, u.Size)
	}
	if in.MIME != "" {
		if given, _, err := mime.ParseMediaType(in.MIME); err != nil || !sameMIME(given, u.MIME) {
			typeErr = sheaf.Invalid("Content-Type", fmt.Sprintf("the upload was announced as %s, not %q: send Content-Type: %s", u.MIME, sheaf.Clip(in.MIME), u.MIME))
		}
	}
	return sheaf.InvalidFields(lengthErr, typeErr)
}

// CancelUpload ends an open upload and removes its bytes. Cancelling what has
// ended without an asset succeeds.
func (s *Session) CancelUpload(ctx context.Context, id string) (sheaf.AssetUpload, error) {
	s.begin("upload.cancel")
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return sheaf.AssetUpload{}, err
	}
	l := s.library
	u, err := s.uploadOf(ctx, id)
	if err != nil {
		return sheaf.AssetUpload{}, err
	}
	release, err := l.assets.hold(ctx, u.ID)
	if err != nil {
		return sheaf.AssetUpload{}, err
	}
	defer release()
	if u, err = l.upload(ctx, u.ID); err != nil {
		return sheaf.AssetUpload{}, err
	}
	switch u.Outcome {
	case "":
		if err := l.endUpload(ctx, u, sheaf.UploadCancelled, ""); err != nil {
			return sheaf.AssetUpload{}, err
		}
		u.Outcome = sheaf.UploadCancelled
	case sheaf.UploadCompleted:
		return sheaf.AssetUpload{}, checkOpen(u)
	}
	return s.describeUpload(ctx, u, u.Outcome, nil)
}

// endUpload ends an upload of which nothing becomes, and removes its bytes. The
// caller holds it.
func (l *Library) endUpload(ctx context.Context, u catalog.Upload, outcome sheaf.UploadState, why string) error {
	err := l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		_, err := tx.EndUpload(u.ID, outcome, why)
		return err
	})
	if err != nil {
		return err
	}
	return l.dropStaged(ctx, u)
}

// dropStaged removes the bytes of an upload that has ended. The sweeper finds
// those that are left behind.
func (l *Library) dropStaged(ctx context.Context, u catalog.Upload) error {
	area, err := l.staging(u.Staging)
	if err != nil {
		return err
	}
	return area.DeleteStaged(ctx, stagedName(u.ID))
}

// receiving takes an upload for somebody who brings its bytes; ok is false if
// somebody has it. The caller releases it.
func (a *assets) receiving(id string) (release func(), ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy[id] != nil {
		return nil, false
	}
	return a.takeLocked(id), true
}

// hold waits until nobody has an upload, and takes it. The caller releases it.
func (a *assets) hold(ctx context.Context, id string) (release func(), err error) {
	for {
		a.mu.Lock()
		other := a.busy[id]
		if other == nil {
			defer a.mu.Unlock()
			return a.takeLocked(id), nil
		}
		a.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (a *assets) takeLocked(id string) (release func()) {
	done := make(chan struct{})
	a.busy[id] = done
	return func() {
		a.mu.Lock()
		delete(a.busy, id)
		a.mu.Unlock()
		close(done)
	}
}
