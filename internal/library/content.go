package library

import (
	"context"
	"fmt"
	"io"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// Content is the content of a version, open for reading. It is used by one
// goroutine, which closes it.
type Content struct {
	Document sheaf.Document // with the version's number, digest, size and MIME type
	content  *blob.Content
}

// Gzip is a content as a gzip file, made of the stored bytes as they are.
type Gzip = blob.Gzip

// OpenDocument opens the content of a version of a document, the current one
// when version is 0.
func (s *Session) OpenDocument(ctx context.Context, id sheaf.DocumentID, version int) (*Content, error) {
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return nil, err
	}
	document, ref, err := s.library.findContent(ctx, id, version)
	if err != nil {
		return nil, err
	}
	content, err := s.library.blobs.Open(ctx, ref)
	if err != nil {
		return nil, err
	}
	s.library.used()
	return &Content{Document: document, content: content}, nil
}

func (l *Library) findContent(ctx context.Context, id sheaf.DocumentID, number int) (sheaf.Document, blob.Ref, error) {
	head, ref, found, err := l.catalog.HeadContent(ctx, id)
	switch {
	case err != nil:
		return sheaf.Document{}, blob.Ref{}, err
	case !found || head.Deleted:
		return sheaf.Document{}, blob.Ref{}, errNoDocument
	case number != 0 && number != head.Version:
		if ref, err = l.pastContent(ctx, &head, ref.Backend, number); err != nil {
			return sheaf.Document{}, blob.Ref{}, err
		}
	}
	if ref.Digest.IsZero() {
		return sheaf.Document{}, blob.Ref{}, sheaf.Errorf(sheaf.ErrDamaged, "the content of %s, version %d, is not in the store", id, head.Version).
			WithHint("push the same content again to heal it, or read another version")
	}
	return head.Document, ref, nil
}

// pastContent makes head describe an older version and returns what is needed to
// read it.
func (l *Library) pastContent(ctx context.Context, head *catalog.Head, backend string, number int) (ref blob.Ref, err error) {
	err = l.catalog.Read(ctx, func(v *catalog.View) error {
		version, found, err := v.Version(head.PK, number)
		if err != nil {
			return err
		}
		if !found {
			return sheaf.Errorf(sheaf.ErrNotFound, "Version not found: %d", number).
				WithHint(fmt.Sprintf("the document has the versions 1 to %d", head.Version))
		}
		head.Version, head.Digest, head.Size, head.MIME = version.Number, version.Digest, version.Size, version.MIME
		ref, _, err = v.ReadableRef(backend, version.Digest)
		return err
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
