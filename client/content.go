package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/sheaf-dev/sheaf"
)

// OnConflict says what becomes of a write when somebody else wrote since its
// author read.
type OnConflict string

const (
	ConflictFails  OnConflict = "fail"  // nothing is stored; also what the empty OnConflict means
	ConflictMerges OnConflict = "merge" // both writes are merged if that is clean, else nothing is stored
)

// ContentInput is a new content of a document.
type ContentInput struct {
	Body     io.Reader // required; streamed as that of a [PushInput]
	Filename string    // empty: the document keeps its filename and MIME type

	// FileHash is the digest of the content that the author had read; nil: the
	// new content replaces whatever there is, which a collection may refuse.
	FileHash   *sheaf.Digest
	First      bool // fail with [sheaf.ErrPreconditionFailed] unless the document is without content
	OnConflict OnConflict
	Message    string
}

// PutContent gives a document a new content, its next version.
//
// When it is refused for what the document contains by now, the error is of the
// kind conflict or hash_required, and its Conflict says what there is and how
// the two can be merged. A write is never repeated by itself: when the
// connection breaks, look at the document's versions, or write again with the
// same FileHash, which stores nothing twice.
func (c *Client) PutContent(ctx context.Context, id sheaf.DocumentID, in ContentInput) (sheaf.Change, error) {
	query := url.Values{}
	set := func(key, value string) {
		if value != "" {
			query.Set(key, value)
		}
	}
	if in.FileHash != nil {
		set("file_hash", in.FileHash.String())
	}
	set("on_conflict", string(in.OnConflict))
	set("filename", in.Filename)
	set("message", in.Message)
	req, err := c.request(ctx, http.MethodPut, documentPath(id, "content"), query, nil)
	if err != nil {
		return sheaf.Change{}, err
	}
	if in.First {
		req.Header.Set("If-None-Match", "*")
	}
	content := newUpload(in.Body)
	content.attach(req)
	change, err := c.getChange(req)
	if err != nil {
		return change, content.explain(err)
	}
	if change.Mode == sheaf.ModeMerged {
		return change, nil // another content than was sent, as it should be
	}
	return change, content.compare(0, change.Document)
}

// EditInput changes a text document at some places.
type EditInput struct {
	Edits      []sheaf.Edit  `json:"edits"`
	FileHash   *sheaf.Digest `json:"file_hash,omitempty"` // of the content the edits were made for; nil: whatever it is now
	OnConflict OnConflict    `json:"on_conflict,omitempty"`
	DryRun     bool          `json:"dry_run,omitempty"` // say what would change, and store nothing
	Message    string        `json:"message,omitempty"`
}

// Edited is the answer to an edit: the change, and in what the contents differ.
type Edited struct {
	sheaf.Change
	Diff    sheaf.Comparison `json:"diff"`
	Unified string           `json:"unified"` // the same, as patch reads it
}

// Edit applies edits to a document's text, all of them or none.
func (c *Client) Edit(ctx context.Context, id sheaf.DocumentID, in EditInput) (Edited, error) {
	var edited Edited
	req, err := c.requestJSON(ctx, http.MethodPatch, documentPath(id, "content"), in)
	if err != nil {
		return edited, err
	}
	if _, err := c.getJSON(req, &edited); err != nil {
		return Edited{}, err
	}
	c.absolute(&edited.Document)
	return edited, nil
}

// ExcerptInput selects a part of a text: lines, counted from 1, or characters,
// counted from 0. Exactly one of FirstLine and Chars is set.
type ExcerptInput struct {
	FirstLine int // 0: characters are meant
	LastLine  int // 0: to the end

	Chars *CharRange

	Version int // 0: the current one
	At      Moment
}

// A CharRange is a run of characters of a text.
type CharRange struct {
	Start int // counted from 0
	Count int // 0: to the end
}

// An Excerpt is a part of a text.
type Excerpt struct {
	Text  string `json:"text"`            // bytes that are not valid UTF-8 are U+FFFD
	Start int    `json:"start"`           // the first line, counted from 1, or character, counted from 0
	Count int    `json:"count"`           // of lines or characters
	More  bool   `json:"more"`            // whether the text goes on behind it
	Total *int   `json:"total,omitempty"` // lines or characters of the whole text; nil if its end was not reached

	// Next is the character, counted from 0, to read on from when the excerpt
	// ends within a line, because that line alone is more than the server sends
	// at once. It is 0 otherwise.
	Next int `json:"next,omitempty"`

	Version int          `json:"version"`
	Digest  sheaf.Digest `json:"checksum_sha256"` // of the whole content
}

// Excerpt reads a part of a document's text, as much of it as the server sends
// at once. Nothing checks it against the digest: only [Client.Pull] can.
func (c *Client) Excerpt(ctx context.Context, id sheaf.DocumentID, in ExcerptInput) (Excerpt, error) {
	var excerpt Excerpt
	query := url.Values{}
	switch {
	case in.Chars != nil && in.Chars.Count > 0:
		query.Set("chars", fmt.Sprintf("%d+%d", in.Chars.Start, in.Chars.Count))
	case in.Chars != nil:
		query.Set("chars", fmt.Sprintf("%d-", in.Chars.Start))
	case in.LastLine > 0:
		query.Set("lines", fmt.Sprintf("%d-%d", in.FirstLine, in.LastLine))
	default:
		query.Set("lines", fmt.Sprintf("%d-", in.FirstLine))
	}
	setVersion(query, "version", in.Version)
	in.At.set(query)
	req, err := c.request(ctx, http.MethodGet, documentPath(id, "content"), query, nil)
	if err != nil {
		return excerpt, err
	}
	_, err = c.getJSON(req, &excerpt)
	return excerpt, err
}
