package library

import (
	"context"
	"io"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// Content is the content of a version, open for reading. It is used by one
// goroutine, which closes it.
type Content struct {
	Document sheaf.Document // with the version's number, digest, size and MIME type
	Backend  string         // where the content is stored
	content  *blob.Content
}

// Gzip is a content as a gzip file, made of the stored bytes as they are.
type Gzip = blob.Gzip

// OpenDocument opens the content of a version of a document, the current one
// when version is 0.
func (s *Session) OpenDocument(ctx context.Context, id sheaf.DocumentID, version int) (*Content, error) {
	s.begin("content.read").on(id)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return nil, err
	}
	head, ref, err := s.library.findContent(ctx, id, version)
	if err != nil {
		return nil, err
	}
	s.at(head.Document)
	return s.library.open(ctx, head, ref)
}

// OpenDocumentAt opens the content that a document had at a moment, also if it
// has been moved to the trash since.
func (s *Session) OpenDocumentAt(ctx context.Context, id sheaf.DocumentID, at Moment) (*Content, error) {
	if at.IsNow() {
		return s.OpenDocument(ctx, id, 0)
	}
	s.begin("content.read").on(id)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return nil, err
	}
	var head catalog.Head
	var ref blob.Ref
	err := s.library.catalog.Snapshot(ctx, func(v *catalog.View) (err error) {
		if head, err = headAt(v, id, at); err != nil || head.Version == 0 {
			return err
		}
		if _, err = readableVersion(v, head, head.Version); err != nil {
			return err
		}
		ref, _, err = v.DocumentRef(head.PK, head.Digest)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.at(head.Document)
	return s.library.open(ctx, head, ref)
}

// open opens the content of a head.
func (l *Library) open(ctx context.Context, head catalog.Head, ref blob.Ref) (*Content, error) {
	if head.Version == 0 {
		return nil, errNoContent
	}
	if ref.Digest.IsZero() {
		return nil, sheaf.Errorf(sheaf.ErrDamaged, "the content of %s, version %d, is not in the store", head.ID, head.Version).
			WithHint("push the same content again to heal it, or read another version")
	}
	content, err := l.blobs.Open(ctx, ref)
	if err != nil {
		return nil, err
	}
	l.used()
	return &Content{Document: head.Document, Backend: ref.Backend, content: content}, nil
}

func (l *Library) findContent(ctx context.Context, id sheaf.DocumentID, number int) (catalog.Head, blob.Ref, error) {
	head, ref, found, err := l.catalog.HeadContent(ctx, id)
	switch {
	case err != nil:
	case head.Purged:
		err = errPurged
	case !found || head.Deleted:
		err = errNoDocument
	case number != 0 && number != head.Version:
		ref, err = l.pastContent(ctx, &head, number)
	}
	return head, ref, err
}

// pastContent makes head describe an older version and returns what is needed to
// read it.
func (l *Library) pastContent(ctx context.Context, head *catalog.Head, number int) (blob.Ref, error) {
	ref, found, err := l.catalog.VersionContent(ctx, head, number)
	if err != nil || found {
		return ref, err
	}
	err = l.catalog.Read(ctx, func(v *catalog.View) error {
		if _, err := readableVersion(v, *head, number); err != nil {
			return err
		}
		return noVersion(v, *head, number)
	})
	return ref, err
}

// Reader returns the plain bytes, an *os.File when a file holds just them. It
// has been verified, or its Read fails before the last bytes when they are not
// what was written.
func (c *Content) Reader() (io.ReadSeeker, error) { return c.content.Reader() }

// Gzip returns the gzip form when the content is stored deflated, else nil.
func (c *Content) Gzip() (*Gzip, error) { return c.content.Gzip() }

// Close ends reading.
func (c *Content) Close() error { return c.content.Close() }
