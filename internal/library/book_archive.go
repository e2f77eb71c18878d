package library

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// A BookArchiveQuery says of which files of a book an archive is.
type BookArchiveQuery struct {
	Book  string
	Scope sheaf.ArchiveScope // empty: all
	Layer string             // of [UserLayer], through which the book is looked at; empty: the base
	At    Moment             // as it was then
}

// BookArchive lays out the archive of a book. The files have the paths that they
// have in the book; book.yaml says what is said of the book. No content is read.
// Whoever asks for the same revision again has the same bytes, whatever is
// written since, for as long as nothing of it is purged or found damaged.
func (s *Session) BookArchive(ctx context.Context, q BookArchiveQuery) (*Archive, error) {
	s.begin("archive.read").in(q.Book)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return nil, err
	}
	archive, err := s.library.bookArchive(ctx, q)
	if err == nil {
		s.library.used()
	}
	return archive, err
}

func (l *Library) bookArchive(ctx context.Context, q BookArchiveQuery) (*Archive, error) {
	_, idErr := parseBookID(q.Book)
	scope, scopeErr := sheaf.ParseArchiveScope(string(q.Scope))
	if err := sheaf.InvalidFields(idErr, scopeErr, checkLayer(q.Layer)); err != nil {
		return nil, err
	}
	book, err := l.book(q.Book)
	if err != nil {
		return nil, err
	}
	key := layoutKey{book: book.PK, layer: q.Layer, scope: scope}
	err = l.catalog.Snapshot(ctx, func(v *catalog.View) (err error) {
		if q.At.IsNow() {
			key.revision, err = v.LatestRev(string(book.Name))
		} else {
			key.revision, err = q.At.revision(v, string(book.Name))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if key.revision == 0 {
		return nil, sheaf.Errorf(sheaf.ErrNotFound, "Book not found: %s", book.Name).WithHint("it was not there at that time")
	}
	layout, err := l.bookLayouts.get(ctx, key, func(layout *bookLayout) error {
		return l.layOutBook(ctx, book, layout)
	})
	if err != nil {
		return nil, err
	}
	return &Archive{
		Documents: layout.documents, Modified: layout.modified, Errors: layout.errors,
		Revision: key.revision, Manifest: layout.manifest,
		library: l, zip: layout.zip, remote: l.isRemote(book),
		release: func() { l.bookLayouts.release(layout) },
	}, nil
}

// What an archive of a book has beside its files. Where the book has something
// there itself, they are in the directory .sheaf, or in a numbered one in that.
const archiveBook = bookFile

// Bytes that a file takes up beside its path while the archive of a book is laid
// out: as the catalog gives it, in the manifest and in the archive.
const bookLayoutMemory = 1 << 10

// layoutPage is how many files are read at once while others wait for a turn.
const layoutPage = 5000

// layOutBook makes the archive of a book that a layout is to be.
func (l *Library) layOutBook(ctx context.Context, book *catalog.Collection, layout *bookLayout) error {
	end, err := l.archives.beginLayout(ctx)
	if err != nil {
		return err
	}
	defer end()
	key := layout.key
	var files []catalog.StoredFile
	var described []byte
	err = l.catalog.Snapshot(ctx, func(v *catalog.View) (err error) {
		if layout.modified, err = v.RevTime(string(book.Name), key.revision); err != nil {
			return err
		}
		then, err := bookThen(v, book, key.revision)
		if err != nil {
			return err
		}
		if described, err = bundle.BookYAML(then); err != nil {
			return err
		}
		files, err = l.storedFiles(ctx, v, book, key, &layout.memory)
		return err
	})
	if err != nil {
		return err
	}
	if err := layout.fill(l, files, described); err != nil {
		return err
	}
	layout.memory.keep(archivedMemory * int64(len(files)))
	return nil
}

// storedFiles reads the files of an archive of a book, in the order of their paths.
func (l *Library) storedFiles(ctx context.Context, v *catalog.View, book *catalog.Collection, key layoutKey, memory *archiveShare) ([]catalog.StoredFile, error) {
	latest, err := v.LatestRev(string(book.Name))
	if err != nil {
		return nil, err
	}
	filter := catalog.FileFilter{Layer: key.layer, Limit: layoutPage}
	if key.revision != latest {
		filter.Rev = key.revision // of the latest the same is to be had faster
	}
	list := func(filter *catalog.FileFilter) ([]catalog.StoredFile, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return v.StoredFiles(book, *filter)
	}
	var files []catalog.StoredFile
	for page, err := range filePages(filter, func(f *catalog.StoredFile) string { return f.Path }, list) {
		if err != nil {
			return nil, err
		}
		var more int64
		for i := range page {
			f := &page[i]
			if key.scope == sheaf.ArchiveAll || (key.scope == sheaf.ArchiveAssets) == isAsset(f.Path) {
				files = append(files, *f)
				more += bookLayoutMemory + int64(len(f.Path))
			}
		}
		if len(files) > l.limits.ArchiveDocuments {
			return nil, sheaf.Errorf(sheaf.ErrTooLarge, "the archive would have more than %d files, which is the limit", l.limits.ArchiveDocuments).
				WithHint("download the content and the assets apart, by scope; the limit is the setting limits.archive_documents")
		}
		if err := memory.grow(more); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// fill makes the ZIP file. It depends on nothing but the files, what is known of
// their contents, and what is said of the book.
func (layout *bookLayout) fill(l *Library, files []catalog.StoredFile, described []byte) (err error) {
	all := make([]bundle.File, 0, len(files))
	entries := make([]bundle.Entry, 0, len(files)+2)
	for i := range files {
		f := &files[i]
		file := bundle.File{Path: f.Path, Size: f.Blob.Size, Digest: f.Blob.Digest, Document: f.Document, Version: f.Version}
		all = append(all, file)
		problem := l.unreadable(f.Blob, f.Known)
		if f.Purged {
			problem = expiredVersion
		}
		if problem != "" {
			layout.errors = append(layout.errors, sheaf.ArchiveError{ID: f.Document, Name: f.Path, Version: f.Version, Message: problem})
			continue
		}
		entries = append(entries, bundle.Entry{
			File: file, CRC32: f.Blob.CRC32, Encoding: bundle.Encoding(f.Blob.Encoding), StoredSize: f.Blob.StoredSize,
		})
	}
	layout.manifest = bundle.ManifestHash(all)
	layout.documents = len(entries)
	entries = append(entries, bundle.Literal(freePath(all, archiveBook), described))
	if len(layout.errors) > 0 {
		// When a content was found damaged, or healed, is no change of the book.
		layout.modified = time.Time{}
		entries = append(entries, bundle.Literal(freePath(all, archiveErrors), describeErrors(layout.errors)))
	}
	layout.zip, err = bundle.NewArchive(entries)
	return err
}

// freePath returns where an archive can have an entry of its own that would be
// at path, if the book has nothing there that any system takes for the same.
func freePath(files []bundle.File, path string) string {
	dir := ""
	for n := 1; ; n++ {
		if isFree(files, dir+path) {
			return dir + path
		}
		if dir = archiveDir + "/"; n > 1 {
			dir += strconv.Itoa(n) + "/"
		}
	}
}

// isFree reports whether there can be a file at a path beside others.
func isFree(files []bundle.File, path string) bool {
	key := bundle.PathKey(path)
	for i := range files {
		other := files[i].Path
		if other[0]|0x20 != key[0]|0x20 && other[0] < 0x80 {
			continue // as nearly all are
		}
		other = bundle.PathKey(other)
		if other == key || strings.HasPrefix(other, key+"/") || strings.HasPrefix(key, other+"/") {
			return false
		}
	}
	return true
}

// bookThen returns what was said of a book at a revision.
func bookThen(v *catalog.View, c *catalog.Collection, revision int64) (sheaf.Book, error) {
	book := bookOf(c)
	said, found, err := v.LatestOf(string(c.Name), revision, "book.create", "book.change", "collection.change")
	if err != nil || !found {
		return book, err
	}
	var then struct {
		Title       string                 `json:"title"`
		Description string                 `json:"description"`
		Backend     string                 `json:"storage_backend"`
		Status      sheaf.CollectionStatus `json:"status"`
		Policy      sheaf.WritePolicy      `json:"write_policy"`
		Limits      sheaf.CollectionLimits `json:"limits"`
		Retention   sheaf.Retention        `json:"retention"`
		Settings    *sheaf.BookSettings    `json:"book"` // nil in an entry that is about the collection only
	}
	if err := readDetail(said, &then); err != nil {
		return book, err
	}
	book.Title, book.Description, book.Backend = then.Title, then.Description, then.Backend
	book.Status, book.Policy = then.Status, then.Policy
	book.Limits, book.Retention = then.Limits, then.Retention
	if then.Settings == nil {
		said, found, err = v.LatestOf(string(c.Name), revision, "book.create", "book.change")
		if err != nil || !found {
			return book, err
		}
		if err := readDetail(said, &then); err != nil {
			return book, err
		}
	}
	if then.Settings != nil {
		book.BookSettings = *then.Settings
	}
	return book, nil
}

// readDetail reads what an entry of the log says of its operation alone.
func readDetail(entry sheaf.LogEntry, into any) error {
	var payload struct {
		Detail json.RawMessage `json:"detail"`
	}
	err := json.Unmarshal(entry.Payload, &payload)
	if err == nil && len(payload.Detail) > 0 {
		err = json.Unmarshal(payload.Detail, into)
	}
	if err != nil {
		return fmt.Errorf("read the detail of entry %d of the log: %w", entry.ID, err)
	}
	return nil
}

// bookArchives is the purpose of URLs that archives of books are downloaded from.
const bookArchives = "book archive"

// LinkBookArchive returns a URL from which whoever has it can download an archive
// of a book, for as long as [ArchiveOptions] say. It is of the revision that the
// moment is now, and of nobody else's layer. Where the book's backend lets others
// download, the archive is there when the answer comes, and the URL is the
// backend's; one that takes too long to be made is [sheaf.ErrTimeout].
func (s *Session) LinkBookArchive(ctx context.Context, q BookArchiveQuery) (sheaf.ArchiveLink, error) {
	s.begin("archive.link").in(q.Book)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return sheaf.ArchiveLink{}, err
	}
	started := time.Now()
	for attempt := 1; ; attempt++ {
		link, err := s.linkBookArchive(ctx, q)
		// What was found damaged while the archive was made, the next one is without.
		if sheaf.KindOf(err) == sheaf.ErrDamaged && attempt < linkAttempts {
			continue
		}
		if err == nil {
			s.library.used()
		}
		link.Seconds = time.Since(started).Seconds()
		return link, err
	}
}

// linkAttempts is how often an archive is begun again because a content in it
// turns out to be damaged.
const linkAttempts = 5

func (s *Session) linkBookArchive(ctx context.Context, q BookArchiveQuery) (sheaf.ArchiveLink, error) {
	l := s.library
	archive, err := l.bookArchive(ctx, q)
	if err != nil {
		return sheaf.ArchiveLink{}, err
	}
	defer archive.Close()
	book, err := l.book(q.Book)
	if err != nil {
		return sheaf.ArchiveLink{}, err
	}
	scope, err := sheaf.ParseArchiveScope(string(q.Scope))
	if err != nil {
		return sheaf.ArchiveLink{}, err
	}
	link := sheaf.ArchiveLink{
		Format: sheaf.ArchiveFormat, Size: archive.Size(), Megabytes: math.Round(float64(archive.Size())/1e4) / 100,
		Files: archive.Documents, Manifest: archive.Manifest, Revision: archive.Revision,
		Errors: append([]sheaf.ArchiveError{}, archive.Errors...),
	}
	grant, ok, err := l.objectLink(ctx, archive, book.Backend, archiveFilename(q.Book, scope))
	if err != nil {
		return sheaf.ArchiveLink{}, err
	}
	if ok {
		link.DownloadURL, link.ExpiresAt = grant.URL, grant.Expires.UTC()
		return link, nil
	}
	claims := url.Values{
		"book": {q.Book}, "at": {strconv.FormatInt(archive.Revision, 10)}, "scope": {string(scope)},
		"manifest": {archive.Manifest.String()}, "by": {s.principal.ID},
	}
	if q.Layer != "" {
		claims.Set("user_id", strings.TrimPrefix(q.Layer, userLayer))
	}
	expires := l.now().Add(l.archiveObjects.options.LinkTime).Truncate(time.Second)
	signed, err := l.signer.sign(ctx, bookArchives, claims, expires)
	if err != nil {
		return sheaf.ArchiveLink{}, err
	}
	signed.Del("book") // it is in the path
	base, err := s.base(ctx)
	if err != nil {
		return sheaf.ArchiveLink{}, err
	}
	link.DownloadURL, link.ExpiresAt = base+"/books/"+url.PathEscape(q.Book)+"/archive.zip?"+signed.Encode(), expires.UTC()
	return link, nil
}

// archiveFilename returns what the archive of a book is saved as.
func archiveFilename(book string, scope sheaf.ArchiveScope) string {
	if scope != sheaf.ArchiveAll {
		book += "-" + string(scope)
	}
	return book + ".zip"
}

// OpenBookArchive lays out the archive that a link of [Session.LinkBookArchive]
// is for, from the parameters that the URL has. Nothing is asked of the caller:
// the signature says what they may do. What they do is done for who asked for the
// link. An archive some of whose documents were purged since is [sheaf.ErrGone].
func (s *Session) OpenBookArchive(ctx context.Context, book string, signed url.Values) (*Archive, error) {
	s.begin("archive.read").in(book)
	l := s.library
	claims := url.Values{}
	for name, values := range signed {
		claims[name] = values
	}
	claims["book"] = append([]string{book}, signed["book"]...) // one more is one too many
	if _, err := l.signer.verify(ctx, bookArchives, claims); err != nil {
		return nil, err
	}
	s.call.about(func(r *catalog.Access) { r.Principal = claims.Get("by") })
	at, err := ParseMoment(claims.Get("at"))
	if err != nil {
		return nil, err
	}
	archive, err := l.bookArchive(ctx, BookArchiveQuery{
		Book: book, Scope: sheaf.ArchiveScope(claims.Get("scope")), Layer: UserLayer(claims.Get("user_id")), At: at,
	})
	if err != nil {
		return nil, err
	}
	if archive.Manifest.String() != claims.Get("manifest") {
		archive.Close()
		return nil, sheaf.Errorf(sheaf.ErrGone, "some of what this URL is for was purged since").
			WithHint("ask for a new URL: its archive is without that")
	}
	l.used()
	return archive, nil
}

// isRemote reports whether contents of a book may be elsewhere than in files of
// this machine.
func (l *Library) isRemote(book *catalog.Collection) bool {
	return !l.blobs.IsLocal(book.Backend) || book.Second != "" && !l.blobs.IsLocal(book.Second)
}
