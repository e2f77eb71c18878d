package library

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// AssetOptions say how assets are uploaded and where they are read.
type AssetOptions struct {
	CDNURL     string        // what URLs of assets begin with, without a final slash; empty: where the caller reaches the store
	Lifetime   time.Duration // of URLs that carry their own permission; 0: an hour
	StagingDir string        // where uploads wait to be completed whose backend has no place for that; empty: nowhere
}

// defaultLifetime is that of URLs that carry their own permission.
const defaultLifetime = time.Hour

// assets are what the library keeps for assets while it is open.
type assets struct {
	AssetOptions
	staging stagingDir

	mu   sync.Mutex
	busy map[string]chan struct{} // uploads that somebody receives or completes, by id; closed when that is done
}

func newAssets(o AssetOptions) *assets {
	if o.Lifetime == 0 {
		o.Lifetime = defaultLifetime
	}
	return &assets{AssetOptions: o, staging: stagingDir(o.StagingDir), busy: map[string]chan struct{}{}}
}

// An AssetPlace is where an asset is: at assets/TYPE/FILENAME of a book's base.
type AssetPlace struct {
	Book     string
	Type     sheaf.AssetType
	Filename string // below the directory of the type; it may be in directories there
}

func (p AssetPlace) path() string { return path.Join("assets", string(p.Type)) + "/" + p.Filename }

func (p AssetPlace) place() Place { return Place{Book: p.Book, Path: p.path()} }

// checkAssetPlace checks where an asset is to be, or is.
func (l *Library) checkAssetPlace(p AssetPlace) (sheaf.Slug, error) {
	id, idErr := parseBookID(p.Book)
	var typeErr error
	if !isAssetType(p.Type) {
		typeErr = errAssetType(p.Type)
	}
	nameErr := l.limits.CheckPath(p.Filename)
	if nameErr == nil && typeErr == nil {
		nameErr = l.limits.CheckPath(p.path()) // which is longer
	}
	return id, sheaf.InvalidFields(idErr, typeErr, aboutField("filename", nameErr))
}

func errAssetType(t sheaf.AssetType) error {
	return sheaf.Invalid("asset_type", fmt.Sprintf("asset_type is one of %s, not %q", joinAssetTypes(), sheaf.Clip(string(t))))
}

// An AssetWrite is a content for an asset.
type AssetWrite struct {
	AssetPlace
	MIME    string        // as its sender says; empty: by the filename
	SHA256  *sheaf.Digest // that the content has to have; nil: any
	Content *Upload       // still the caller's to close

	FileHash *sheaf.Digest // of the content that it replaces; nil: any
	First    bool          // there has to be nothing
	Existing bool          // there has to be a content
	Message  string
}

// An AssetChange is the answer to a new content of an asset.
type AssetChange struct {
	sheaf.Change
	Asset sheaf.Asset
}

// ReceiveAsset reads the content of an asset, as [Session.Receive] does, and no
// more of it than an asset may have.
func (s *Session) ReceiveAsset(ctx context.Context, body io.Reader) (*Upload, error) {
	s.begin("asset.receive")
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return nil, err
	}
	return s.library.receiveAsset(ctx, body)
}

func (l *Library) receiveAsset(ctx context.Context, body io.Reader) (*Upload, error) {
	spooled, err := l.blobs.Receive(ctx, body, l.mostAsset())
	if sheaf.KindOf(err) == sheaf.ErrTooLarge {
		return nil, l.errAssetTooLarge("it has more")
	}
	if err != nil {
		return nil, err
	}
	return &Upload{spooled: spooled}, nil
}

// mostAsset returns how many bytes an asset may have.
func (l *Library) mostAsset() int64 { return min(l.limits.Asset, l.limits.Content) }

func (l *Library) errAssetTooLarge(why string) error {
	return sheaf.Errorf(sheaf.ErrTooLarge, "an asset has at most %d bytes; %s", l.mostAsset(), why).
		WithHint("make it smaller, or raise limits.asset in the server's configuration")
}

// PutAsset makes a content that has arrived an asset, or its next version. It is
// refused as [Session.PutContent] is, and when the type, or the content, is none
// of that kind of asset.
func (s *Session) PutAsset(ctx context.Context, in AssetWrite) (AssetChange, error) {
	op := s.begin("asset.upload").atPath(in.Book, in.path())
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return AssetChange{}, err
	}
	id, placeErr := s.library.checkAssetPlace(in.AssetPlace)
	mimeType, mimeErr := checkAssetMIME(in.Type, in.Filename, in.MIME)
	var contentErr error
	if in.Content == nil {
		contentErr = sheaf.Invalid("content", "content is missing")
	}
	if err := sheaf.InvalidFields(placeErr, mimeErr, contentErr, s.library.limits.CheckMessage(in.Message)); err != nil {
		return AssetChange{}, err
	}
	if in.Content.Size() > s.library.mostAsset() {
		return AssetChange{}, s.library.errAssetTooLarge(fmt.Sprintf("this one has %d", in.Content.Size()))
	}
	if err := sheaf.InvalidFields(in.Content.checkDigest(in.SHA256), in.Content.checkContent(mimeType)); err != nil {
		return AssetChange{}, err
	}
	book, err := s.bookToWrite(ctx, id)
	if err != nil {
		return AssetChange{}, err
	}
	base, err := s.assetBase(ctx)
	if err != nil {
		return AssetChange{}, err
	}
	change, err := s.writeAsset(ctx, op, book, in, nil)
	s.library.locate(&change.Asset, base)
	return change, err
}

// checkDigest fails unless a content has the digest that was announced, if any was.
func (u *Upload) checkDigest(announced *sheaf.Digest) error {
	if announced == nil || *announced == u.Digest() {
		return nil
	}
	return sheaf.Invalid("sha256", fmt.Sprintf("the content has the SHA-256 %s, not %s: it was changed on the way, or another file was meant", u.Digest(), *announced))
}

// writeAsset writes a content that was checked. What is also to be done is done
// in the same transaction. The asset in the answer has to be located.
func (s *Session) writeAsset(ctx context.Context, op operation, book *catalog.Collection, in AssetWrite, also func(*catalog.Tx, sheaf.Change) error) (AssetChange, error) {
	change, _, err := s.writeMerging(ctx, contentChange{
		op: op, target: fileOrNew(book, in.place()), content: in.Content, first: in.First, existing: in.Existing, message: in.Message, also: also,
	}, in.FileHash, false)
	if err != nil {
		return AssetChange{}, s.library.explain(ctx, book, in.place(), err)
	}
	asset := sheaf.Asset{
		BookID: book.Name, Path: change.Path, DocumentID: change.ID, Version: change.Version, Size: change.Size, MIME: change.MIME,
		Digest: change.Digest, UploadedAt: change.UpdatedAt, UploadedBy: s.principal.ID, UploadedByLabel: s.principal.Label, Backend: book.Backend,
	}
	if change.Mode == sheaf.ModeUnchanged { // somebody else may have uploaded it
		known, err := s.library.assetAt(context.WithoutCancel(ctx), book, in.AssetPlace)
		if err == nil && known.Digest == change.Digest {
			asset = known
		}
	}
	return AssetChange{change, asset}, nil
}

// assetBase returns what URLs of assets begin with.
func (s *Session) assetBase(ctx context.Context) (string, error) {
	if url := s.library.assets.CDNURL; url != "" {
		return url, nil
	}
	return s.base(ctx)
}

// splitAssetPath returns the type and the filename of the asset at a path.
func splitAssetPath(path string) (of sheaf.AssetType, filename string) {
	directory, filename, _ := strings.Cut(strings.TrimPrefix(path, "assets/"), "/")
	return sheaf.AssetType(directory), filename
}

// locate says of an asset that the catalog knows what follows from its path.
func (l *Library) locate(a *sheaf.Asset, base string) {
	a.Type, a.Filename = splitAssetPath(a.Path)
	if book, ok := l.catalog.Collection(a.BookID); ok {
		a.Public = book.Book.PublicAssets
	}
	a.CDNURL = base + assetURLPath(a.BookID, a.Type, a.Filename)
	a.PinnedURL = a.CDNURL + "?" + digestParameter + "=" + a.Digest.String()
}

// assetAt returns the asset at a place as the catalog knows it.
func (l *Library) assetAt(ctx context.Context, book *catalog.Collection, p AssetPlace) (asset sheaf.Asset, err error) {
	err = l.catalog.Snapshot(ctx, func(v *catalog.View) error {
		head, err := at(v, book, p.place())
		if err != nil {
			return err
		}
		if head.Version == 0 {
			return errNoFile
		}
		version, _, err := v.Version(head.PK, head.Version)
		asset = sheaf.Asset{
			BookID: book.Name, Path: head.Path, DocumentID: head.ID, Version: head.Version, Size: head.Size, MIME: head.MIME,
			Digest: head.Digest, UploadedAt: version.At, UploadedBy: version.Author, UploadedByLabel: version.Label, Backend: book.Backend,
		}
		return err
	})
	return asset, err
}

// Asset describes an asset, with a URL to download it.
func (s *Session) Asset(ctx context.Context, p AssetPlace) (sheaf.Asset, error) {
	s.begin("asset.read").atPath(p.Book, p.path())
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return sheaf.Asset{}, err
	}
	asset, _, err := s.asset(ctx, p)
	return asset, err
}

func (s *Session) asset(ctx context.Context, p AssetPlace) (sheaf.Asset, *catalog.Collection, error) {
	l := s.library
	if _, err := l.checkAssetPlace(p); err != nil {
		return sheaf.Asset{}, nil, err
	}
	book, err := l.book(p.Book)
	if err != nil {
		return sheaf.Asset{}, nil, err
	}
	if err := l.completeUploadsTo(ctx, book, p.path()); err != nil {
		return sheaf.Asset{}, nil, err
	}
	asset, err := l.assetAt(ctx, book, p)
	if err != nil {
		return sheaf.Asset{}, nil, l.explainAsset(ctx, book, p, err)
	}
	base, err := s.assetBase(ctx)
	if err != nil {
		return sheaf.Asset{}, nil, err
	}
	l.locate(&asset, base)
	if err := s.grantDownload(ctx, book, &asset); err != nil {
		return sheaf.Asset{}, nil, err
	}
	l.used()
	return asset, book, nil
}

// ReadAsset describes an asset as [Session.Asset] does, and reads its content,
// unless that is as large as what is uploaded in two steps: then there is none.
func (s *Session) ReadAsset(ctx context.Context, p AssetPlace) (sheaf.Asset, []byte, error) {
	s.begin("asset.read").atPath(p.Book, p.path())
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return sheaf.Asset{}, nil, err
	}
	asset, book, err := s.asset(ctx, p)
	if err != nil || asset.Size >= s.library.limits.AssetDirect {
		return asset, nil, err
	}
	head, ref, err := s.library.contentAt(ctx, book, p.place(), Moment{})
	if err == nil && head.Digest != asset.Digest {
		err = sheaf.Errorf(sheaf.ErrUnavailable, "the asset was changed while it was read").WithHint("try again")
	}
	if err != nil {
		return asset, nil, s.library.explain(ctx, book, p.place(), err)
	}
	content, err := s.library.open(ctx, head, ref)
	if err != nil {
		return asset, nil, err
	}
	defer content.Close()
	text, err := content.text()
	return asset, []byte(text), err
}

// AssetQuery selects assets of a book.
type AssetQuery struct {
	Book   string
	Type   sheaf.AssetType // empty: all
	Limit  int
	Cursor string // from the page before; empty: the first page
}

// An AssetPage is a page of assets.
type AssetPage struct {
	Assets []sheaf.Asset // in the order of their paths; never nil
	Total  int           // on all pages
	Next   string        // the cursor of the next page; empty: there is none
}

// Assets lists assets of a book.
func (s *Session) Assets(ctx context.Context, q AssetQuery) (AssetPage, error) {
	s.begin("asset.list").in(q.Book)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return AssetPage{}, err
	}
	l := s.library
	limit, limitErr := l.pageSize(q.Limit)
	conditions := fmt.Sprintf("assets of %q %q", q.Book, q.Type)
	after, cursorErr := decodePlace(q.Cursor, conditions, 1)
	var typeErr error
	filter := catalog.AssetFilter{After: after[0], Limit: limit}
	if q.Type != "" {
		filter.Dir = "assets/" + string(q.Type)
		if !isAssetType(q.Type) {
			typeErr = errAssetType(q.Type)
		}
	}
	if err := sheaf.InvalidFields(typeErr, limitErr, cursorErr); err != nil {
		return AssetPage{}, err
	}
	book, err := l.book(q.Book)
	if err != nil {
		return AssetPage{}, err
	}
	base, err := s.assetBase(ctx)
	if err != nil {
		return AssetPage{}, err
	}
	if err := l.completeUploads(ctx, book); err != nil {
		return AssetPage{}, err
	}
	var page AssetPage
	err = l.catalog.Snapshot(ctx, func(v *catalog.View) (err error) {
		if page.Assets, err = v.Assets(book, filter); err != nil {
			return err
		}
		page.Total, err = v.CountAssets(book, filter)
		return err
	})
	if err != nil {
		return AssetPage{}, err
	}
	for i := range page.Assets {
		l.locate(&page.Assets[i], base)
	}
	if len(page.Assets) == limit {
		page.Next = encodePlace(conditions, page.Assets[limit-1].Path)
	}
	l.used()
	return page, nil
}
