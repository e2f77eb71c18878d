package client

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/sheaf-dev/sheaf"
)

// A Download is a document's content on its way here.
type Download struct {
	ID       sheaf.DocumentID
	Name     string
	Filename string // as it was uploaded: not to be trusted as a local path
	MIME     string
	Size     int64        // -1 when the server does not say
	Digest   sheaf.Digest // what Body will be checked against

	// Body reads the content. Its end is io.EOF only when all bytes have arrived
	// and have the Digest; otherwise it is an error of the kind damaged or
	// unavailable. The caller closes it.
	Body io.ReadCloser
}

// A PullOption selects another content than the current one.
type PullOption func(query url.Values)

// OfVersion selects a version by its number; 0 is the current one.
func OfVersion(number int) PullOption {
	return func(query url.Values) { setVersion(query, "version", number) }
}

// AsOf selects the content that the document had at a moment.
func AsOf(at Moment) PullOption { return at.set }

// Pull opens the content of a document.
func (c *Client) Pull(ctx context.Context, id sheaf.DocumentID, options ...PullOption) (*Download, error) {
	query := url.Values{}
	for _, option := range options {
		option(query)
	}
	req, err := c.request(ctx, http.MethodGet, documentPath(id), query, nil)
	if err != nil {
		return nil, err
	}
	return c.download(req)
}

// download opens the content that a request is for.
func (c *Client) download(req *http.Request) (*Download, error) {
	req.Header.Set("Accept-Encoding", "identity") // the digest is that of the plain content
	res, err := c.do(req)
	if err != nil {
		return nil, err
	}
	digest, ok := contentDigest(res.Header)
	if !ok {
		res.Body.Close()
		return nil, &sheaf.Error{
			Kind:    sheaf.ErrInternal,
			Message: fmt.Sprintf("the answer of %s has no digest to check the content against", c.base.Host),
			Hint:    "check that the URL is that of a Sheaf server, and that no proxy removes Repr-Digest and ETag",
		}
	}
	id := sheaf.DocumentID(res.Header.Get("X-Document-Id"))
	return &Download{
		ID:       id,
		Name:     extendedHeader(res.Header, "X-Document-Name"),
		Filename: extendedHeader(res.Header, "X-Document-Filename"),
		MIME:     res.Header.Get("Content-Type"),
		Size:     res.ContentLength,
		Digest:   digest,
		Body:     &verifiedBody{body: c.resuming(req, res), hash: sha256.New(), id: id, want: digest, size: res.ContentLength},
	}, nil
}

// contentDigest returns the SHA-256 that an answer announces: in Repr-Digest
// (RFC 9530), else as its ETag.
func contentDigest(header http.Header) (sheaf.Digest, bool) {
	for field := range strings.SplitSeq(header.Get("Repr-Digest"), ",") {
		encoded, found := strings.CutPrefix(strings.TrimSpace(field), "sha-256=:")
		if !found {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(encoded, ":"))
		if err == nil && len(raw) == sha256.Size {
			return sheaf.Digest(raw), true
		}
	}
	digest, err := sheaf.ParseDigest(strings.Trim(header.Get("ETag"), `"`))
	return digest, err == nil
}

// extendedHeader returns a field whose value may not be ASCII: its twin with a *
// (RFC 8187) wins.
func extendedHeader(header http.Header, field string) string {
	if encoded, found := strings.CutPrefix(header.Get(field+"*"), "UTF-8''"); found {
		if value, err := url.PathUnescape(encoded); err == nil {
			return value
		}
	}
	return header.Get(field)
}

// verifiedBody is a content that ends well only if it is what was announced.
type verifiedBody struct {
	body io.ReadCloser
	hash hash.Hash
	id   sheaf.DocumentID
	want sheaf.Digest
	size int64 // -1 when unknown
	read int64
}

func (b *verifiedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.hash.Write(p[:n])
	b.read += int64(n)
	switch {
	case err == io.EOF:
		if got := sheaf.Digest(b.hash.Sum(nil)); got != b.want {
			return n, &sheaf.Error{
				Kind:    sheaf.ErrDamaged,
				Message: fmt.Sprintf("%s arrived with SHA-256 %s, but it is %s", b.id, got, b.want),
				Hint:    "try again; if it stays so, `sheaf admin fsck --full` on the server finds damaged contents",
			}
		}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return n, &sheaf.Error{
			Kind:    sheaf.ErrUnavailable,
			Message: fmt.Sprintf("the server broke off %s after %d of %d bytes", b.id, b.read, b.size),
			Hint:    "try again; if it stays so, `sheaf admin fsck --full` on the server finds damaged contents",
			Err:     err,
		}
	}
	return n, err
}

func (b *verifiedBody) Close() error { return b.body.Close() }
