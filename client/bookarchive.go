package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/sheaf-dev/sheaf"
)

// BookArchiveInput says which files of a book an archive has.
type BookArchiveInput struct {
	Scope  sheaf.ArchiveScope // empty: all
	UserID string             // whose own copies are laid over the book; empty: nobody's
	At     Moment
}

func (in BookArchiveInput) query() url.Values {
	query := url.Values{}
	setText(query, "scope", string(in.Scope))
	setText(query, "user_id", in.UserID)
	in.At.set(query)
	return query
}

// A BookArchive is a ZIP file of a book on its way here.
type BookArchive struct {
	Archive
	Revision int64        // of the book: asked for with it, the archive has the same bytes again
	Manifest sheaf.Digest // of the files that should be in it
	From     int64        // the offset in the archive at which Body begins
}

// BookArchive opens the archive of a book. When the connection breaks it goes on
// where it was, as long as the server has the same archive.
func (c *Client) BookArchive(ctx context.Context, book string, in BookArchiveInput) (*BookArchive, error) {
	return c.bookArchive(ctx, book, in, nil)
}

// ResumeBookArchive opens the rest of an archive of which so many bytes are there,
// fewer than it has: or all of another, if the server has not the one with the
// ETag any more. From says which it is.
func (c *Client) ResumeBookArchive(ctx context.Context, book string, in BookArchiveInput, from int64, etag string) (*BookArchive, error) {
	return c.bookArchive(ctx, book, in, func(header http.Header) {
		header.Set("Range", "bytes="+strconv.FormatInt(from, 10)+"-")
		header.Set("If-Range", etag)
	})
}

func (c *Client) bookArchive(ctx context.Context, book string, in BookArchiveInput, ask func(http.Header)) (*BookArchive, error) {
	req, err := c.request(ctx, http.MethodGet, bookPath(book)+"/archive.zip", in.query(), nil)
	if err != nil {
		return nil, err
	}
	if ask != nil {
		ask(req.Header)
	}
	res, err := c.do(req)
	if err != nil {
		return nil, err
	}
	from, size := partOf(res)
	a := &BookArchive{Archive: *c.readArchive(req, res), From: from}
	a.Size = size
	a.Revision, _ = strconv.ParseInt(res.Header.Get("X-Revision"), 10, 64)
	a.Manifest, _ = sheaf.ParseDigest(res.Header.Get("X-Manifest-Hash"))
	return a, nil
}

// LinkBookArchive returns a URL from which whoever has it can download an archive
// of a book, until it expires.
func (c *Client) LinkBookArchive(ctx context.Context, book string, in BookArchiveInput) (sheaf.ArchiveLink, error) {
	var link sheaf.ArchiveLink
	at := url.Values{}
	in.At.set(at)
	req, err := c.requestJSON(ctx, http.MethodPost, bookPath(book)+"/archive", struct {
		Scope  sheaf.ArchiveScope `json:"scope,omitempty"`
		At     string             `json:"at,omitempty"`
		UserID string             `json:"user_id,omitempty"`
	}{in.Scope, at.Get("at"), in.UserID})
	if err != nil {
		return link, err
	}
	_, err = c.getJSON(req, &link)
	return link, err
}
