package library

import (
	"context"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// digestParameter pins a URL of an asset to the content with a digest.
const digestParameter = "sha256"

// downloadPurpose is what URLs are signed for that read an asset.
const downloadPurpose = "asset.download"

// assetURLPath returns the path of an asset's URL.
func assetURLPath(book sheaf.Slug, of sheaf.AssetType, filename string) string {
	var escaped strings.Builder
	escaped.WriteString("/books/" + string(book) + "/assets/" + string(of))
	for segment := range strings.SplitSeq(filename, "/") {
		escaped.WriteString("/" + url.PathEscape(segment))
	}
	return escaped.String()
}

// grantDownload gives an asset a URL from which whoever has it may read its
// current content for a while: one of the backend's own where it makes such URLs
// and has the bytes as they are, neither deflated nor sealed, so that they do not
// pass through the store. A backend that cannot be asked for one just now, or does
// not find the content, keeps nobody from hearing of the asset: the store's own
// URL says what is wrong.
func (s *Session) grantDownload(ctx context.Context, book *catalog.Collection, a *sheaf.Asset) error {
	l := s.library
	var ref blob.Ref
	err := l.catalog.Read(ctx, func(v *catalog.View) (err error) {
		ref, _, err = v.BookRef(book, a.Digest)
		return err
	})
	if err != nil {
		return err
	}
	if presigner, ok := l.blobs.Presigner(ref.Backend); ok {
		if !ref.Digest.IsZero() && !ref.IsInline() && ref.Encoding == blob.Identity && ref.Seal == nil {
			grant, err := presigner.PresignGet(ctx, ref.Key(), blob.Download{Filename: path.Base(a.Filename), MIME: a.MIME, Lifetime: l.assets.Lifetime})
			if err == nil {
				a.DownloadURL, a.DownloadExpiresAt = grant.URL, &grant.Expires
				return nil
			}
			if kind := sheaf.KindOf(err); kind != sheaf.ErrNotFound && kind != sheaf.ErrBackendUnavailable {
				return err
			}
		}
	}
	base, err := s.base(ctx)
	if err != nil {
		return err
	}
	expires := l.now().Add(l.assets.Lifetime).Truncate(time.Second).UTC()
	claims := url.Values{"book": {string(a.BookID)}, "type": {string(a.Type)}, "filename": {a.Filename}, digestParameter: {a.Digest.String()}}
	signed, err := l.signer.sign(ctx, downloadPurpose, claims, expires)
	if err != nil {
		return err
	}
	for _, inPath := range []string{"book", "type", "filename"} {
		signed.Del(inPath)
	}
	a.DownloadURL = base + assetURLPath(a.BookID, a.Type, a.Filename) + "?" + signed.Encode()
	a.DownloadExpiresAt = &expires
	return nil
}

// An AssetRequest is a request for the content of an asset by its URL, from
// whoever has that.
type AssetRequest struct {
	AssetPlace
	Parameters url.Values // of the URL
}

// An OpenAsset is the content of an asset, for whoever has asked for its URL.
type OpenAsset struct {
	*Content
	Pinned  bool      // the URL is of this content for good
	Expires time.Time // until when the URL is good; zero: for ever, for anyone
}

// OpenAsset opens what a URL of an asset leads to. Anyone may read the assets of
// a book with public assets; of others it takes a URL that is signed, which is
// what the caller may do then: nobody is asked who they are.
func (s *Session) OpenAsset(ctx context.Context, in AssetRequest) (*OpenAsset, error) {
	s.begin("asset.read").atPath(in.Book, in.path())
	l := s.library
	expires, err := s.mayOpen(ctx, in)
	if err != nil {
		return nil, err
	}
	var pinned *sheaf.Digest
	var digestErr error
	if given := in.Parameters.Get(digestParameter); given != "" {
		digest, err := sheaf.ParseDigest(given)
		pinned, digestErr = &digest, aboutField(digestParameter, err)
	}
	_, placeErr := l.checkAssetPlace(in.AssetPlace)
	if err := sheaf.InvalidFields(placeErr, digestErr); err != nil {
		return nil, err
	}
	book, err := l.book(in.Book)
	if err != nil {
		return nil, err
	}
	if err := l.completeUploadsTo(ctx, book, in.path()); err != nil {
		return nil, err
	}
	head, ref, err := l.contentAt(ctx, book, in.place(), Moment{})
	if err == nil && pinned != nil && head.Digest != *pinned {
		ref, err = l.pinnedContent(ctx, &head, *pinned)
	}
	if err != nil {
		return nil, l.explainAsset(ctx, book, in.AssetPlace, err)
	}
	s.at(head.Document)
	content, err := l.open(ctx, head, ref)
	if err != nil {
		return nil, err
	}
	return &OpenAsset{Content: content, Pinned: pinned != nil, Expires: expires}, nil
}

// mayOpen fails unless the URL of a request is good, and returns until when.
func (s *Session) mayOpen(ctx context.Context, in AssetRequest) (expires time.Time, err error) {
	if in.Parameters.Has(signatureParameter) {
		claims := url.Values{}
		for name, values := range in.Parameters {
			claims[name] = values
		}
		claims["book"], claims["type"], claims["filename"] = []string{in.Book}, []string{string(in.Type)}, []string{in.Filename}
		return s.library.signer.verify(ctx, downloadPurpose, claims)
	}
	if book, ok := s.library.catalog.Collection(sheaf.Slug(in.Book)); ok && book.Kind == sheaf.KindBook && book.Book.PublicAssets {
		return time.Time{}, nil
	}
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return time.Time{}, err
	}
	if _, err := s.library.book(in.Book); err != nil {
		return time.Time{}, err
	}
	return time.Time{}, sheaf.Errorf(sheaf.ErrForbidden, "the assets of %s are not public: this URL needs a signature", sheaf.Clip(in.Book)).
		WithHint("use the download_url that get_asset gives, or set public_assets of the book")
}

// pinnedContent makes head describe the version of a document that has a digest.
func (l *Library) pinnedContent(ctx context.Context, head *catalog.Head, digest sheaf.Digest) (blob.Ref, error) {
	var number int
	err := l.catalog.Read(ctx, func(v *catalog.View) (err error) {
		number, _, err = v.LatestVersionWith(head.PK, digest)
		return err
	})
	if err != nil {
		return blob.Ref{}, err
	}
	if number == 0 {
		return blob.Ref{}, sheaf.Errorf(sheaf.ErrNotFound, "the asset has never had a content with the SHA-256 %s", digest).
			WithHint("leave " + digestParameter + " out for the current one, which has " + head.Digest.String())
	}
	return l.pastContent(ctx, head, number)
}
