package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"github.com/sheaf-dev/sheaf"
)

// An ArchiveSelection says which documents an archive has: those with the IDs or,
// without any, those that the filter selects. The filter's At is for both, and
// its PageSize means nothing.
type ArchiveSelection struct {
	IDs    []sheaf.DocumentID
	Filter Filter
}

// An Archive is a ZIP file of documents on its way here.
type Archive struct {
	Filename  string // that the server proposes: not to be trusted as a local path
	Size      int64  // -1 when the server does not say
	ETag      string // the same for the same bytes
	Documents int    // how many are in it
	Errors    int    // how many are not, because the server cannot read them: ERRORS.txt in it says which

	// Body reads the archive. Its end is io.EOF only when all bytes have arrived;
	// otherwise it is an error of the kind unavailable. The caller closes it.
	Body io.ReadCloser
}

// mostIDsInURL is how many ids a URL has at most: some proxies take only a few
// kilobytes.
const mostIDsInURL = 200

// Archive opens the archive of the documents selected. When the connection breaks
// it goes on where it was, as long as the server has the same archive; not so
// with more than 200 ids, which are sent in a way that cannot be repeated in part.
func (c *Client) Archive(ctx context.Context, selection ArchiveSelection) (*Archive, error) {
	req, err := c.archiveRequest(ctx, selection)
	if err != nil {
		return nil, err
	}
	res, err := c.do(req)
	if err != nil {
		return nil, err
	}
	return c.readArchive(req, res), nil
}

// readArchive returns the archive, or the rest of it, that is the answer to a
// request.
func (c *Client) readArchive(req *http.Request, res *http.Response) *Archive {
	body := res.Body
	if req.Method == http.MethodGet {
		body = c.resuming(req, res)
	}
	a := &Archive{Size: res.ContentLength, ETag: res.Header.Get("ETag"), Body: &archiveBody{body: body, size: res.ContentLength}}
	if _, parameters, err := mime.ParseMediaType(res.Header.Get("Content-Disposition")); err == nil {
		a.Filename = parameters["filename"]
	}
	a.Documents, _ = strconv.Atoi(res.Header.Get("X-Archive-Documents"))
	a.Errors, _ = strconv.Atoi(res.Header.Get("X-Archive-Errors"))
	return a
}

func (c *Client) archiveRequest(ctx context.Context, selection ArchiveSelection) (*http.Request, error) {
	const path = "documents/batch/download"
	if len(selection.IDs) <= mostIDsInURL {
		query := selection.Filter.query()
		query.Del("limit")
		for _, id := range selection.IDs {
			query.Add("id", string(id))
		}
		return c.request(ctx, http.MethodGet, path, query, nil)
	}
	filters := selection.Filter
	filters.At, filters.PageSize = Moment{}, 0
	if len(filters.query()) > 0 {
		return nil, sheaf.Invalid("id", "name documents by their ids, or select them by filters, not both")
	}
	at := url.Values{}
	selection.Filter.At.set(at)
	return c.requestJSON(ctx, http.MethodPost, path, struct {
		IDs []sheaf.DocumentID `json:"document_ids"`
		At  string             `json:"at,omitempty"`
	}{selection.IDs, at.Get("at")})
}

// archiveBody is an archive that ends well only when all of it has arrived.
type archiveBody struct {
	body io.ReadCloser
	size int64 // -1 when unknown
	read int64
}

// Read implements [io.Reader].
func (b *archiveBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.read += int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = &sheaf.Error{
			Kind:    sheaf.ErrUnavailable,
			Message: fmt.Sprintf("the server broke off the archive after %d of %d bytes", b.read, b.size),
			Hint:    "try again: the archive is without what the server has found damaged meanwhile, and ERRORS.txt in it says what that is",
			Err:     err,
		}
	}
	return n, err
}

// Close implements [io.Closer].
func (b *archiveBody) Close() error { return b.body.Close() }
