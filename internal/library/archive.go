package library

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/bundle"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// What an archive has beside the contents of documents.
const (
	archiveDir      = ".sheaf"
	archiveManifest = archiveDir + "/manifest.json" // always there
	archiveErrors   = "ERRORS.txt"                  // when contents are missing
)

// An ArchiveSelection says which documents an archive has: those that are named,
// or those that the query finds. Limit and Cursor of the query mean nothing; At
// is for both, and its revision is of the one collection that all are in.
type ArchiveSelection struct {
	IDs   []sheaf.DocumentID // nil: those of the query
	Query DocumentQuery
}

// An Archive is a ZIP file of documents, computed when it is read. What is in it
// was settled when it was made: documents that change meanwhile are in it as they
// were, and reading fails if one of those contents is not there any more. It may
// be used concurrently. Whoever made it closes it: all archives together have no
// more memory than [Options].ArchiveMemory.
//
// A document has the path that [bundle.NameOf] gives, made unique in the order of
// creation. One without content has an entry in the manifest only.
type Archive struct {
	Documents int       // how many have their content in it
	Modified  time.Time // no later change has affected it; zero when that is not known

	// Errors are documents whose contents should be in it and cannot be read.
	Errors []sheaf.ArchiveError

	// Of a book: at which revision it is, and what it should have, as
	// [bundle.ManifestHash] has it.
	Revision int64
	Manifest sheaf.Digest

	library *Library
	zip     *bundle.Archive
	remote  bool   // some of its contents may be elsewhere than in files of this machine
	release func() // gives back what the archive holds
	closing sync.Once
}

// Archive lays out the archive of the documents selected. No content is read.
// When the others that are in use leave no room for it, the error is
// [sheaf.ErrRateLimited].
func (s *Session) Archive(ctx context.Context, selection ArchiveSelection) (archive *Archive, err error) {
	s.begin("archive.read").in(selection.Query.Collection)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return nil, err
	}
	find, err := s.library.archiveFinder(selection)
	if err != nil {
		return nil, err
	}
	end, err := s.library.archives.beginLayout(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	memory := archiveShare{room: s.library.archives}
	a := &Archive{library: s.library, release: memory.free}
	defer func() {
		if err != nil {
			a.Close()
		}
	}()
	var heads []catalog.Head
	var blobs map[int64]catalog.Blob
	err = s.library.catalog.Snapshot(ctx, func(v *catalog.View) error {
		if heads, a.Modified, err = find(ctx, v, &memory); err != nil {
			return err
		}
		blobs, err = v.ContentBlobs(heads)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err = a.layOut(heads, blobs, &memory); err != nil {
		return nil, err
	}
	s.library.used()
	return a, nil
}

// An archiveFinder finds the documents of an archive, in the memory of its share,
// and when they, or which they are, changed last.
type archiveFinder func(context.Context, *catalog.View, *archiveShare) ([]catalog.Head, time.Time, error)

// archiveFinder checks a selection and returns what finds its documents.
func (l *Library) archiveFinder(selection ArchiveSelection) (archiveFinder, error) {
	q := selection.Query
	q.Limit, q.Cursor = l.limits.Page, ""
	if selection.IDs == nil {
		filter, _, _, err := l.checkQuery(q)
		return func(ctx context.Context, v *catalog.View, memory *archiveShare) ([]catalog.Head, time.Time, error) {
			return l.findAll(ctx, v, memory, filter, q.At)
		}, err
	}
	ids := selection.IDs
	switch {
	case q.Name != "" || len(q.Tags) > 0 || q.Collection != "" || !q.Before.IsZero() || !q.After.IsZero():
		return nil, sheaf.Invalid("document_ids", "name documents by their ids, or select them by filters, not both")
	case len(ids) == 0:
		return nil, sheaf.Invalid("document_ids", "there is no document id")
	case len(ids) > l.limits.ArchiveIDs:
		return nil, sheaf.Errorf(sheaf.ErrTooLarge, "%d documents are named, the limit is %d", len(ids), l.limits.ArchiveIDs).
			WithHint("select them by collection or tags, or download several archives")
	}
	return func(ctx context.Context, v *catalog.View, memory *archiveShare) ([]catalog.Head, time.Time, error) {
		heads, modified, err := findNamed(ctx, v, ids, q.At)
		if err == nil {
			err = memory.add(heads)
		}
		return heads, modified, err
	}, nil
}

// findAll returns the documents that pass a filter.
func (l *Library) findAll(ctx context.Context, v *catalog.View, memory *archiveShare, filter catalog.DocumentFilter, at Moment) (heads []catalog.Head, modified time.Time, err error) {
	for _, collection := range filter.Collections {
		changed, err := lastChange(v, string(collection.Name), at)
		if err != nil {
			return nil, modified, err
		}
		if changed.After(modified) {
			modified = changed
		}
	}
	for from := (*catalog.Position)(nil); ; {
		page, next, err := listAt(ctx, v, filter, at, from, l.limits.Page)
		if err != nil {
			return nil, modified, err
		}
		heads = append(heads, page...)
		if len(heads) > l.limits.ArchiveDocuments {
			return nil, modified, sheaf.Errorf(sheaf.ErrTooLarge, "the archive would have more than %d documents, which is the limit", l.limits.ArchiveDocuments).
				WithHint("select fewer with name, tags, before or after; the limit is the setting limits.archive_documents")
		}
		if err := memory.add(page); err != nil {
			return nil, modified, err
		}
		if next == nil {
			return heads, modified, nil
		}
		from = next
	}
}

// lastChange returns when a collection changed last, up to a moment.
func lastChange(v *catalog.View, stream string, at Moment) (time.Time, error) {
	latest := v.LatestRev
	if !at.IsNow() {
		latest = func(stream string) (int64, error) { return at.revision(v, stream) }
	}
	rev, err := latest(stream)
	if err != nil {
		return time.Time{}, err
	}
	return v.RevTime(stream, rev)
}

// findNamed returns the documents with the ids, each once, or an error that names
// all that are not there.
func findNamed(ctx context.Context, v *catalog.View, ids []sheaf.DocumentID, at Moment) (heads []catalog.Head, modified time.Time, err error) {
	seen := make(map[sheaf.DocumentID]bool, len(ids))
	var missing []sheaf.FieldError
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		if err := ctx.Err(); err != nil {
			return nil, modified, err
		}
		head, err := headAt(v, id, at)
		switch sheaf.KindOf(err) {
		case "":
		case sheaf.ErrNotFound, sheaf.ErrGone:
			missing = append(missing, sheaf.FieldError{Field: "document_ids", Message: fmt.Sprintf("%s: %s", id, err)})
			continue
		default:
			return nil, modified, err
		}
		if len(heads) > 0 && at.Revision != 0 && head.CollectionPK != heads[0].CollectionPK {
			return nil, modified, sheaf.Invalid("at", "revisions are of one collection, and the documents are of several: ask for a time")
		}
		heads = append(heads, head)
		if head.UpdatedAt.After(modified) {
			modified = head.UpdatedAt
		}
	}
	if len(missing) > 0 {
		return nil, modified, &sheaf.Error{
			Kind:    sheaf.ErrNotFound,
			Message: fmt.Sprintf("%d of the %d documents are not there", len(missing), len(seen)),
			Hint:    "leave them out, or look for them in the trash",
			Fields:  missing,
		}
	}
	return heads, modified, nil
}

// layOut makes the ZIP file. It depends on nothing but the documents, what is
// known of their contents and which of these are damaged.
func (a *Archive) layOut(heads []catalog.Head, blobs map[int64]catalog.Blob, memory *archiveShare) error {
	l := a.library
	slices.SortFunc(heads, func(a, b catalog.Head) int {
		return cmp.Or(a.UploadedAt.Compare(b.UploadedAt), cmp.Compare(a.ID, b.ID))
	})
	var m manifest
	names := make([]string, 0, len(heads))
	entries := make([]bundle.Entry, 0, len(heads)+2)
	for i := range heads {
		head := &heads[i]
		if head.Version == 0 {
			m.WithoutContent = append(m.WithoutContent, head.Document)
			continue
		}
		b, found := blobs[head.PK]
		problem := l.unreadable(b, found)
		if head.Expired {
			problem = expiredVersion
		}
		if problem != "" {
			a.Errors = append(a.Errors, sheaf.ArchiveError{ID: head.ID, Name: head.Name, Version: head.Version, Message: problem})
			continue
		}
		a.remote = a.remote || !l.blobs.IsLocal(b.Backend)
		names = append(names, bundle.NameOf(head.Document))
		m.Documents = append(m.Documents, archivedDocument{Document: head.Document})
		entries = append(entries, bundle.Entry{
			File:       bundle.File{Size: b.Size, Digest: b.Digest, Document: head.ID, Version: head.Version},
			CRC32:      b.CRC32,
			Encoding:   bundle.Encoding(b.Encoding),
			StoredSize: b.StoredSize,
		})
	}
	for i, path := range bundle.UniqueNames(names, archiveDir, archiveManifest, archiveErrors) {
		entries[i].Path, m.Documents[i].Path = path, path
	}
	a.Documents = len(entries)
	m.Errors = a.Errors
	text, err := m.encode()
	if err != nil {
		return err
	}
	entries = append(entries, bundle.Literal(archiveManifest, text))
	if len(a.Errors) > 0 {
		// When a content was found damaged, or healed, is no change of a document.
		a.Modified = time.Time{}
		entries = append(entries, bundle.Literal(archiveErrors, describeErrors(a.Errors)))
	}
	a.zip, err = bundle.NewArchive(entries)
	memory.keep(archivedMemory*int64(len(entries)) + int64(len(text)))
	return err
}

// unreadable says why a content cannot be read, as far as that is known; "" when
// it is fine.
func (l *Library) unreadable(b catalog.Blob, found bool) string {
	switch {
	case !found || !b.State.Readable():
		return "the content is not in the store any more"
	case b.State == catalog.BlobDamaged || l.suspects.has(blobName{b.Backend, b.Digest}):
		return "the stored content is damaged; push the same content again to heal it"
	}
	return ""
}

// expiredVersion says why a content is not there that retention has taken.
const expiredVersion = "the version was removed: its collection does not keep every version for ever"

// A manifest says what is in an archive, and what is not; all in the order of
// creation.
type manifest struct {
	Documents      []archivedDocument
	WithoutContent []sheaf.Document // those that have none yet
	Errors         []sheaf.ArchiveError
}

// An archivedDocument is a document with the path of its content in the archive.
type archivedDocument struct {
	Path string `json:"path"`
	sheaf.Document
}

// encode returns the manifest as JSON, one document on a line.
func (m manifest) encode() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(`{"documents":`)
	documents := writeLines(&b, m.Documents)
	b.WriteString(",\n" + `"without_content":`)
	empty := writeLines(&b, m.WithoutContent)
	b.WriteString(",\n" + `"errors":`)
	unread := writeLines(&b, m.Errors)
	b.WriteString("}\n")
	if err := errors.Join(documents, empty, unread); err != nil {
		return nil, fmt.Errorf("encode the manifest of an archive: %w", err)
	}
	return b.Bytes(), nil
}

// writeLines writes a JSON array, each element on a line.
func writeLines[T any](b *bytes.Buffer, list []T) error {
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	separator := "[\n"
	for i := range list {
		b.WriteString(separator)
		if err := encoder.Encode(&list[i]); err != nil { // ends the line
			return err
		}
		separator = ","
	}
	if len(list) == 0 {
		b.WriteByte('[')
	}
	b.WriteByte(']')
	return nil
}

// describeErrors returns the text for people that says what is missing.
func describeErrors(problems []sheaf.ArchiveError) []byte {
	var b bytes.Buffer
	b.WriteString("These documents are not in this archive, because their contents cannot be read:\n\n")
	for _, p := range problems {
		fmt.Fprintf(&b, "%s, version %d, %s: %s\n", p.ID, p.Version, p.Name, p.Message)
	}
	return b.Bytes()
}

// Close gives the memory of the archive back to others; it is not to be read any
// more then. It may be called more than once.
func (a *Archive) Close() { a.closing.Do(a.release) }

// Size returns the length of the archive in bytes.
func (a *Archive) Size() int64 { return a.zip.Size() }

// ETag returns a strong validator, quoted: archives with the same one have the
// same bytes.
func (a *Archive) ETag() string { return a.zip.ETag() }

// WriteRange writes length bytes of the archive from offset on. A stored file
// reaches the [io.ReaderFrom] of w as an [io.LimitedReader] of an [os.File], so
// that the kernel can send it. When a content is not, or no longer, what it was
// when the archive was made, the error comes before the last of its bytes.
func (a *Archive) WriteRange(ctx context.Context, w io.Writer, offset, length int64) error {
	free, ok := func() {}, false
	if a.remote { // or the kernel can send them all
		free, ok = a.library.roomAhead()
	}
	if !ok {
		return a.zip.WriteRange(ctx, w, offset, length, a.open)
	}
	defer free()
	return a.zip.WriteRangeAhead(ctx, w, offset, length, a.open, bundle.ReadAhead{
		Fetch:   a.fetch,
		Entries: aheadEntries,
		Memory:  aheadMemory,
	})
}

// From a remote backend entries are read ahead, as many at once and in so many
// bytes of memory for each download.
const (
	aheadEntries = 8
	aheadMemory  = 8 << 20
)

// roomAhead takes the memory in which one download reads ahead, which the caller
// frees. It is not ok when there is none: then entries are read in their turn.
func (l *Library) roomAhead() (free func(), ok bool) {
	room := l.archives
	if room.total == 0 {
		return func() {}, true
	}
	return func() { room.memory.Release(aheadMemory) }, room.memory.TryAcquire(aheadMemory)
}

// open is the [bundle.Opener].
func (a *Archive) open(ctx context.Context, e bundle.Entry, offset int64) (io.ReadCloser, error) {
	ref, err := a.find(ctx, e)
	if err != nil {
		return nil, err
	}
	return a.library.blobs.OpenStored(ctx, ref, offset)
}

// fetch reads an entry ahead.
func (a *Archive) fetch(ctx context.Context, e bundle.Entry) ([]byte, error) {
	ref, err := a.find(ctx, e)
	if err != nil {
		return nil, err
	}
	return a.library.blobs.ReadStored(ctx, ref)
}

// find returns what is needed to read an entry. The bytes that were inline when
// the archive was made may be in their backend now, and others may have taken
// their place; while a collection moves, one of its backends may have a content
// in another form.
func (a *Archive) find(ctx context.Context, e bundle.Entry) (blob.Ref, error) {
	var copies []catalog.Blob
	err := a.library.catalog.Read(ctx, func(v *catalog.View) (err error) {
		copies, err = v.Copies(e.Document, e.Digest)
		return err
	})
	if err != nil {
		return blob.Ref{}, err
	}
	for _, b := range copies {
		if bundle.Encoding(b.Encoding) == e.Encoding && b.StoredSize == e.StoredSize {
			return b.Ref, nil
		}
	}
	return blob.Ref{}, sheaf.Errorf(sheaf.ErrUnavailable, "the content of %s is not stored any more as it was when the archive was begun", e.Document).
		WithHint("download the archive again")
}
