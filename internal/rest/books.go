package rest

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

type listBooksInput struct{ call }

type listBooksOutput struct {
	Link string `header:"Link" doc:"The next page, with rel=\"next\"; absent on the last"`
	Body []sheaf.Book
}

// listBooks lists the registry: GET /books.
func (s *server) listBooks(ctx context.Context, in *listBooksInput) (*listBooksOutput, error) {
	query := in.request.URL.Query()
	limit, limitErr := parseLimit(query.Get("limit"))
	structure, structureErr := parseFlag("structure", query)
	if err := sheaf.InvalidFields(limitErr, structureErr); err != nil {
		return nil, err
	}
	page, err := s.session(in.request).Books(ctx, library.BookQuery{
		Structure: structure, Status: sheaf.CollectionStatus(query.Get("status")), Limit: limit, Cursor: query.Get("cursor"),
	})
	if err != nil {
		return nil, err
	}
	return &listBooksOutput{Link: s.pageBehind(in.request, query, page.Next), Body: page.Books}, nil
}

// pageBehind returns the Link to the page of a cursor, none for none.
func (s *server) pageBehind(r *http.Request, query url.Values, cursor string) string {
	if cursor == "" {
		return ""
	}
	return s.nextPage(r, query, "cursor", cursor)
}

// A bookCreation is the body that makes a book.
type bookCreation struct {
	ID           string            `json:"book_id" doc:"3 to 50 lowercase letters, digits and single hyphens"`
	Title        string            `json:"title,omitempty" doc:"What people call it; the id unless given"`
	Description  string            `json:"description,omitempty" doc:"What it is about"`
	Author       string            `json:"author,omitempty"`
	Version      string            `json:"version,omitempty" doc:"As its author counts"`
	Layout       sheaf.BookLayout  `json:"layout,omitempty" enum:"free,docusaurus,patterns" doc:"Where in it what is to be; free unless given"`
	Patterns     []string          `json:"patterns,omitempty" doc:"Of the layout patterns: globs, one of which every path has to match"`
	PublicAssets bool              `json:"public_assets,omitempty" doc:"Whether its assets are for anyone who knows their URL"`
	Policy       sheaf.WritePolicy `json:"write_policy,omitempty" enum:"upsert,require_hash" doc:"Whether a write has to name the hash that it replaces; upsert unless given"`
	Backend      string            `json:"storage_backend,omitempty" doc:"Where its contents are stored, by a name of the server's configuration; the default one unless given"`
	Limits       limitSettings     `json:"limits,omitzero" doc:"What it may hold; none unless given"`
	Retention    retentionSettings `json:"retention,omitzero" doc:"How long what is no longer current is kept; for ever unless given"`
}

type createBookInput struct{ call }

type createBookOutput struct {
	Location string `header:"Location" doc:"Where it is described"`
	Body     sheaf.Book
}

// createBook makes a book: POST /books.
func (s *server) createBook(ctx context.Context, in *createBookInput) (*createBookOutput, error) {
	var body bookCreation
	if err := s.readJSON(in.writer, in.request, s.mostJSON(), &body); err != nil {
		return nil, err
	}
	book, err := s.session(in.request).CreateBook(ctx, library.NewBook{
		ID: body.ID, Title: body.Title, Description: body.Description, Policy: body.Policy, Backend: body.Backend,
		BookSettings: sheaf.BookSettings{
			Author: body.Author, Version: body.Version, Layout: body.Layout, Patterns: body.Patterns, PublicAssets: body.PublicAssets,
		},
		Limits: sheaf.CollectionLimits(body.Limits), Retention: sheaf.Retention(body.Retention),
	})
	if err != nil {
		return nil, err
	}
	return &createBookOutput{Location: s.base(in.request) + "/books/" + string(book.ID), Body: book}, nil
}

type getBookInput struct{ call }

type bookOutput struct{ Body sheaf.Book }

// getBook describes a book: GET /books/{book}.
func (s *server) getBook(ctx context.Context, in *getBookInput) (*bookOutput, error) {
	structure, err := parseFlag("structure", in.request.URL.Query())
	if err != nil {
		return nil, err
	}
	book, err := s.session(in.request).Book(ctx, in.request.PathValue("book"), structure)
	if err != nil {
		return nil, err
	}
	return &bookOutput{book}, nil
}

// A bookChange is the body that changes a book.
type bookChange struct {
	Title        *string                 `json:"title,omitempty" doc:"What people call it"`
	Description  *string                 `json:"description,omitempty" doc:"What it is about"`
	Author       *string                 `json:"author,omitempty"`
	Version      *string                 `json:"version,omitempty" doc:"As its author counts"`
	Layout       *sheaf.BookLayout       `json:"layout,omitempty" enum:"free,docusaurus,patterns" doc:"Where in it what is to be"`
	Patterns     *[]string               `json:"patterns,omitempty" doc:"Of the layout patterns: globs, one of which every path has to match"`
	PublicAssets *bool                   `json:"public_assets,omitempty" doc:"Whether its assets are for anyone who knows their URL"`
	Policy       *sheaf.WritePolicy      `json:"write_policy,omitempty" enum:"upsert,require_hash" doc:"Whether a write has to name the hash that it replaces"`
	Status       *sheaf.CollectionStatus `json:"status,omitempty" enum:"active,archived" doc:"An archived book cannot be written to until it is active again"`
	Limits       *limitSettings          `json:"limits,omitempty" doc:"What it may hold, all limits together: one that is absent is none. Below what it holds, it can only shrink"`
	Retention    *retentionSettings      `json:"retention,omitempty" doc:"How long what is no longer current is kept, as a whole; {} keeps everything for ever"`
}

type changeBookInput struct{ call }

// changeBook changes a book: PATCH /books/{book}.
func (s *server) changeBook(ctx context.Context, in *changeBookInput) (*bookOutput, error) {
	var body bookChange
	if err := s.readJSON(in.writer, in.request, s.mostJSON(), &body); err != nil {
		return nil, err
	}
	book, err := s.session(in.request).ChangeBook(ctx, in.request.PathValue("book"), library.BookChange{
		CollectionChange: library.CollectionChange{
			Title: body.Title, Description: body.Description, Policy: body.Policy, Status: body.Status,
			Limits: (*sheaf.CollectionLimits)(body.Limits), Retention: (*sheaf.Retention)(body.Retention),
		},
		Author: body.Author, Version: body.Version, Layout: body.Layout, Patterns: body.Patterns, PublicAssets: body.PublicAssets,
	})
	if err != nil {
		return nil, err
	}
	return &bookOutput{book}, nil
}

// parseFileQuery reads which files of a book are asked for.
func parseFileQuery(r *http.Request) (library.FileQuery, error) {
	query := r.URL.Query()
	limit, limitErr := parseLimit(query.Get("limit"))
	at, atErr := parseMoment(query)
	return library.FileQuery{
		Place: library.Place{Book: r.PathValue("book"), Path: query.Get("prefix"), Layer: library.UserLayer(query.Get("user_id"))},
		At:    at, Limit: limit, Cursor: query.Get("cursor"),
	}, sheaf.InvalidFields(limitErr, atErr)
}

type listFilesInput struct{ call }

type listFilesOutput struct {
	Link     string `header:"Link" doc:"The next page, with rel=\"next\"; absent on the last"`
	Revision string `header:"X-Revision" doc:"Of the book, that the page shows"`
	Body     []sheaf.BookFile
}

// listFiles lists files of a book: GET /books/{book}/files.
func (s *server) listFiles(ctx context.Context, in *listFilesInput) (*listFilesOutput, error) {
	q, err := parseFileQuery(in.request)
	if err != nil {
		return nil, err
	}
	page, err := s.session(in.request).BookFiles(ctx, q)
	if err != nil {
		return nil, err
	}
	return &listFilesOutput{
		Link: s.pageBehind(in.request, in.request.URL.Query(), page.Next), Revision: strconv.FormatInt(page.Revision, 10), Body: page.Files,
	}, nil
}

type readBookInput struct{ call }

type readBookOutput struct {
	Link string `header:"Link" doc:"Where to go on, with rel=\"next\"; absent when that was all"`
	Body bookReading
}

type bookReading struct {
	Files    []sheaf.BookText `json:"files" doc:"In the order of their paths"`
	Revision int64            `json:"revision" doc:"Of the book"`
	Bytes    int64            `json:"bytes" doc:"Of all the contents together"`
	Cursor   string           `json:"cursor,omitempty" doc:"To go on with; absent when that was all"`
}

// readBook reads many files: GET /books/{book}/content.
func (s *server) readBook(ctx context.Context, in *readBookInput) (*readBookOutput, error) {
	query := in.request.URL.Query()
	q, err := parseFileQuery(in.request)
	budget, budgetErr := parseNumber(query, "budget", 1, library.DefaultBudget)
	if err := sheaf.InvalidFields(err, budgetErr); err != nil {
		return nil, err
	}
	if !query.Has("limit") {
		q.Limit = s.limits.Page // the budget is what bounds the answer
	}
	reading, err := s.session(in.request).ReadBook(ctx, q, int64(budget))
	if err != nil {
		return nil, err
	}
	return &readBookOutput{
		Link: s.pageBehind(in.request, query, reading.Next),
		Body: bookReading{reading.Texts, reading.Revision, reading.Bytes, reading.Next},
	}, nil
}

// A pathMove is the body that moves something within a book.
type pathMove struct {
	Path     string        `json:"path" doc:"Of a file, or of a directory"`
	NewPath  string        `json:"new_path" doc:"Where there is nothing yet"`
	FileHash *sheaf.Digest `json:"file_hash,omitempty" doc:"The SHA-256 that the file has to have"`
	Message  string        `json:"message,omitempty" doc:"Why the change is made, for the history"`
}

type moveInput struct{ call }

type moveOutput struct{ Body library.Moved }

// move moves a file or a directory: POST /books/{book}/move.
func (s *server) move(ctx context.Context, in *moveInput) (*moveOutput, error) {
	var body pathMove
	if err := s.readJSON(in.writer, in.request, s.mostJSON(), &body); err != nil {
		return nil, err
	}
	moved, err := s.session(in.request).MovePath(ctx, library.PathMove{
		Book: in.request.PathValue("book"), From: body.Path, To: body.NewPath, FileHash: body.FileHash, Message: body.Message,
	})
	if err != nil {
		return nil, err
	}
	return &moveOutput{moved}, nil
}

type validateInput struct{ call }

type validateOutput struct {
	Link string `header:"Link" doc:"The next page, with rel=\"next\"; absent on the last"`
	Body validation
}

type validation struct {
	Layout          sheaf.BookLayout        `json:"layout"`
	Valid           bool                    `json:"valid"`
	FilesChecked    int                     `json:"files_checked"`
	TotalViolations int                     `json:"total_violations" doc:"On all pages"`
	Violations      []sheaf.LayoutViolation `json:"violations" doc:"By path"`
}

// validate compares a book with its layout: GET /books/{book}/validate.
func (s *server) validate(ctx context.Context, in *validateInput) (*validateOutput, error) {
	query := in.request.URL.Query()
	limit, err := parseLimit(query.Get("limit"))
	if err != nil {
		return nil, err
	}
	v, err := s.session(in.request).ValidateBook(ctx, library.ValidationQuery{
		Book: in.request.PathValue("book"), Limit: limit, Cursor: query.Get("cursor"),
	})
	if err != nil {
		return nil, err
	}
	return &validateOutput{
		Link: s.pageBehind(in.request, query, v.Next),
		Body: validation{v.Layout, v.Valid, v.Files, v.Total, v.Violations},
	}, nil
}

type listOverlaysInput struct{ call }

type listOverlaysOutput struct {
	Link string `header:"Link" doc:"The next page, with rel=\"next\"; absent on the last"`
	Body []sheaf.Overlay
}

// listOverlays reports what users have laid over a book: GET /books/{book}/overlays.
func (s *server) listOverlays(ctx context.Context, in *listOverlaysInput) (*listOverlaysOutput, error) {
	query := in.request.URL.Query()
	limit, limitErr := parseLimit(query.Get("limit"))
	stale, staleErr := parseFlag("stale", query)
	if err := sheaf.InvalidFields(limitErr, staleErr); err != nil {
		return nil, err
	}
	page, err := s.session(in.request).Overlays(ctx, library.OverlayQuery{
		Book: in.request.PathValue("book"), StaleOnly: stale, Limit: limit, Cursor: query.Get("cursor"),
	})
	if err != nil {
		return nil, err
	}
	return &listOverlaysOutput{Link: s.pageBehind(in.request, query, page.Next), Body: page.Overlays}, nil
}
