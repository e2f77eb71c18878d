package client

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sheaf-dev/sheaf"
)

// BookInput is a book to be created.
type BookInput struct {
	ID          string `json:"book_id"`         // required
	Title       string `json:"title,omitempty"` // the id when empty
	Description string `json:"description,omitempty"`
	sheaf.BookSettings
	Policy    sheaf.WritePolicy      `json:"write_policy,omitempty"`    // upsert when empty
	Backend   string                 `json:"storage_backend,omitempty"` // the default one when empty
	Limits    sheaf.CollectionLimits `json:"limits,omitzero"`
	Retention sheaf.Retention        `json:"retention,omitzero"` // keeps everything when zero
}

// CreateBook makes an empty book.
func (c *Client) CreateBook(ctx context.Context, in BookInput) (sheaf.Book, error) {
	return c.sendBook(ctx, http.MethodPost, "books", in)
}

// BookChange says what to change of a book. What is nil stays.
type BookChange struct {
	CollectionChange
	Author       *string           `json:"author,omitempty"`
	Version      *string           `json:"version,omitempty"`
	Layout       *sheaf.BookLayout `json:"layout,omitempty"`
	Patterns     *[]string         `json:"patterns,omitempty"`
	PublicAssets *bool             `json:"public_assets,omitempty"`
}

// ChangeBook changes what is said of a book and what may be done with it.
func (c *Client) ChangeBook(ctx context.Context, id string, in BookChange) (sheaf.Book, error) {
	return c.sendBook(ctx, http.MethodPatch, bookPath(id), in)
}

func (c *Client) sendBook(ctx context.Context, method, path string, in any) (sheaf.Book, error) {
	var book sheaf.Book
	req, err := c.requestJSON(ctx, method, path, in)
	if err != nil {
		return book, err
	}
	_, err = c.getJSON(req, &book)
	return book, err
}

// Books yields the books, by id, on request with their structures. With a status
// it yields only those that have it. An error is the last thing it yields.
func (c *Client) Books(ctx context.Context, structure bool, status sheaf.CollectionStatus) iter.Seq2[sheaf.Book, error] {
	query := url.Values{}
	setText(query, "status", string(status))
	if structure {
		query.Set("structure", "true")
	}
	return pages[sheaf.Book](ctx, c, "books", query)
}

// Book describes a book, on request with its structure.
func (c *Client) Book(ctx context.Context, id string, structure bool) (sheaf.Book, error) {
	query := url.Values{}
	if structure {
		query.Set("structure", "true")
	}
	var book sheaf.Book
	req, err := c.request(ctx, http.MethodGet, bookPath(id), query, nil)
	if err != nil {
		return book, err
	}
	_, err = c.getJSON(req, &book)
	return book, err
}

// FilesInput selects files of a book.
type FilesInput struct {
	Prefix   string // a directory, or a file; empty: all
	UserID   string // whose own copies are laid over the book; empty: nobody's
	At       Moment
	PageSize int // files per request; 0 leaves that to the server
}

// Files yields files of a book in the order of their paths. An error is the last
// thing it yields.
func (c *Client) Files(ctx context.Context, book string, in FilesInput) iter.Seq2[sheaf.BookFile, error] {
	query := limitQuery(in.PageSize)
	setText(query, "prefix", in.Prefix)
	setText(query, "user_id", in.UserID)
	in.At.set(query)
	return pages[sheaf.BookFile](ctx, c, bookPath(book)+"/files", query)
}

// A Place is a path in a book.
type Place struct {
	Book, Path string
	UserID     string // whose own copy is meant; empty: what everyone sees
}

// url returns the path below the server's URL, and its query.
func (p Place) url() (string, url.Values, error) {
	escaped, err := escapePath(p.Path)
	if err != nil {
		return "", nil, err
	}
	query := url.Values{}
	setText(query, "user_id", p.UserID)
	return bookPath(p.Book) + "/content" + escaped, query, nil
}

// escapePath returns a path of a book as a URL has it, with a slash before it.
func escapePath(path string) (escaped string, err error) {
	for segment := range strings.SplitSeq(path, "/") {
		// These would lead elsewhere before any server could refuse them.
		if segment == "" || segment == "." || segment == ".." {
			return "", sheaf.Invalid("path", "a path is relative to its book, and no segment of it is empty, . or ..")
		}
		escaped += "/" + url.PathEscape(segment)
	}
	return escaped, nil
}

// PullFile opens what is at a path of a book, or was at a moment.
func (c *Client) PullFile(ctx context.Context, at Place, then Moment) (*Download, error) {
	path, query, err := at.url()
	if err != nil {
		return nil, err
	}
	then.set(query)
	req, err := c.request(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return nil, err
	}
	return c.download(req)
}

// FileInput is a content for a path of a book.
type FileInput struct {
	Body io.Reader // required; streamed as that of a [PushInput]

	// FileHash is the digest of the content that the author had read; nil: the
	// new content replaces whatever there is, which a book may refuse.
	FileHash   *sheaf.Digest
	First      bool // fail with [sheaf.ErrPreconditionFailed] unless there is nothing at the path
	Existing   bool // fail likewise unless there is something; only without FileHash and First
	OnConflict OnConflict
	Message    string
}

// PutFile writes what is at a path of a book, and makes what is not there. It is
// refused as [Client.PutContent] is.
func (c *Client) PutFile(ctx context.Context, at Place, in FileInput) (sheaf.Change, error) {
	path, query, err := at.url()
	if err != nil {
		return sheaf.Change{}, err
	}
	return c.putFile(ctx, path, query, in)
}

func (c *Client) putFile(ctx context.Context, path string, query url.Values, in FileInput) (sheaf.Change, error) {
	if in.FileHash != nil {
		setText(query, "file_hash", in.FileHash.String())
	}
	setText(query, "on_conflict", string(in.OnConflict))
	setText(query, "message", in.Message)
	req, err := c.request(ctx, http.MethodPut, path, query, nil)
	if err != nil {
		return sheaf.Change{}, err
	}
	switch {
	case in.First:
		req.Header.Set("If-None-Match", "*")
	case in.Existing:
		req.Header.Set("If-Match", "*")
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

// EditFile applies edits to what is at a path of a book, all of them or none.
func (c *Client) EditFile(ctx context.Context, at Place, in EditInput) (Edited, error) {
	var edited Edited
	path, query, err := at.url()
	if err != nil {
		return edited, err
	}
	req, err := c.requestJSON(ctx, http.MethodPatch, path, in)
	if err != nil {
		return edited, err
	}
	req.URL.RawQuery = query.Encode()
	if _, err := c.getJSON(req, &edited); err != nil {
		return Edited{}, err
	}
	c.absolute(&edited.Document)
	return edited, nil
}

// A FileDeletion is the answer to a deletion by path.
type FileDeletion struct {
	Existed      bool             `json:"existed"` // whether there was anything
	Path         string           `json:"path"`
	Document     sheaf.DocumentID `json:"document_id,omitempty"`
	Version      int              `json:"version,omitempty"`
	Revision     int64            `json:"revision,omitempty"`
	AuditEntryID int64            `json:"audit_entry_id,omitempty"`
}

// DeleteFile moves what is at a path of a book to the trash, or removes a user's
// copy. That nothing is there is no error.
func (c *Client) DeleteFile(ctx context.Context, at Place, fileHash *sheaf.Digest, message string) (FileDeletion, error) {
	path, query, err := at.url()
	if err != nil {
		return FileDeletion{}, err
	}
	return c.deleteFile(ctx, path, query, fileHash, message)
}

func (c *Client) deleteFile(ctx context.Context, path string, query url.Values, fileHash *sheaf.Digest, message string) (deletion FileDeletion, err error) {
	if fileHash != nil {
		setText(query, "file_hash", fileHash.String())
	}
	setText(query, "message", message)
	req, err := c.request(ctx, http.MethodDelete, path, query, nil)
	if err != nil {
		return deletion, err
	}
	_, err = c.getJSON(req, &deletion)
	return deletion, err
}

// MoveInput gives a file of a book another path, or all files of a directory.
type MoveInput struct {
	Path     string        `json:"path"`
	NewPath  string        `json:"new_path"`
	FileHash *sheaf.Digest `json:"file_hash,omitempty"` // that the file has to have; nil: any
	Message  string        `json:"message,omitempty"`
}

// Moved is the answer to a move.
type Moved struct {
	Path         string      `json:"path"`
	NewPath      string      `json:"new_path"`
	Files        []MovedFile `json:"files"`
	Overlays     int         `json:"overlays"` // copies of users that moved along
	Revision     int64       `json:"revision"`
	AuditEntryID int64       `json:"audit_entry_id"`
	SummaryLeft  string      `json:"summary_left"` // the path of the lesson's summary if that could not move along
}

// MovedFile is one file that moved.
type MovedFile struct {
	Document sheaf.DocumentID `json:"document_id"`
	Path     string           `json:"path"`
	NewPath  string           `json:"new_path"`
}

// MoveFiles moves a file or a directory of a book.
func (c *Client) MoveFiles(ctx context.Context, book string, in MoveInput) (Moved, error) {
	var moved Moved
	req, err := c.requestJSON(ctx, http.MethodPost, bookPath(book)+"/move", in)
	if err != nil {
		return moved, err
	}
	_, err = c.getJSON(req, &moved)
	return moved, err
}

// A Validation says which paths of a book are not as its layout wants them.
type Validation struct {
	Layout     sheaf.BookLayout        `json:"layout"`
	Valid      bool                    `json:"valid"`
	Files      int                     `json:"files_checked"`
	Total      int                     `json:"total_violations"`
	Violations []sheaf.LayoutViolation `json:"violations"` // at most as many as were asked for
}

// ValidateBook compares a book with its layout and returns the first violations.
func (c *Client) ValidateBook(ctx context.Context, book string, limit int) (Validation, error) {
	var v Validation
	query := url.Values{}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	req, err := c.request(ctx, http.MethodGet, bookPath(book)+"/validate", query, nil)
	if err != nil {
		return v, err
	}
	_, err = c.getJSON(req, &v)
	return v, err
}

// Overlays yields what users have laid over a book, or only that whose base has
// moved on. An error is the last thing it yields.
func (c *Client) Overlays(ctx context.Context, book string, staleOnly bool) iter.Seq2[sheaf.Overlay, error] {
	query := url.Values{}
	if staleOnly {
		query.Set("stale", "true")
	}
	return pages[sheaf.Overlay](ctx, c, bookPath(book)+"/overlays", query)
}

func bookPath(id string) string { return "books/" + url.PathEscape(id) }

// setText sets a parameter unless it is empty.
func setText(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}
