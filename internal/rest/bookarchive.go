package rest

import (
	"context"
	"net/http"
	"net/url"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// signatureParam is in the query of a URL that carries its own permission.
const signatureParam = "signature"

// downloadBook sends a book as a ZIP file: GET and HEAD
// /books/{book}/archive.zip. A signature in the query takes the place of the
// caller's own permission, and then the query is its maker's.
func (s *server) downloadBook(w http.ResponseWriter, r *http.Request) error {
	book, query := r.PathValue("book"), r.URL.Query()
	archive, err := s.openBookArchive(r, book, query)
	if err != nil {
		return err
	}
	defer archive.Close()
	filename := book
	if scope := query.Get("scope"); scope != "" && scope != string(sheaf.ArchiveAll) {
		filename += "-" + scope
	}
	return s.sendArchive(w, r, archive, filename+".zip")
}

func (s *server) openBookArchive(r *http.Request, book string, query url.Values) (*library.Archive, error) {
	if query.Has(signatureParam) {
		return s.session(r).OpenBookArchive(r.Context(), book, query)
	}
	at, err := parseMoment(query)
	if err != nil {
		return nil, err
	}
	return s.session(r).BookArchive(r.Context(), library.BookArchiveQuery{
		Book: book, Scope: sheaf.ArchiveScope(query.Get("scope")), Layer: library.UserLayer(query.Get("user_id")), At: at,
	})
}

// A bookArchiveRequest is the body that asks for a link to an archive.
type bookArchiveRequest struct {
	Format string             `json:"format,omitempty" enum:"zip" doc:"zip, which is all there is"`
	Scope  sheaf.ArchiveScope `json:"scope,omitempty" enum:"all,content,assets" doc:"Everything unless given; assets are what is below assets or static, content is all the rest"`
	At     string             `json:"at,omitempty" doc:"The book as it was at a revision, such as 42, or a time; as it is now unless given"`
	UserID string             `json:"user_id,omitempty" doc:"Whose own copies are laid over the book"`
}

type linkBookInput struct{ call }

type linkBookOutput struct {
	CacheControl string `header:"Cache-Control" doc:"no-store: whoever has the link may download"`
	Body         sheaf.ArchiveLink
}

// linkBook returns a URL of an archive of a book for whoever has it: POST
// /books/{book}/archive.
func (s *server) linkBook(ctx context.Context, in *linkBookInput) (*linkBookOutput, error) {
	var body bookArchiveRequest
	if err := s.readJSON(in.writer, in.request, s.mostJSON(), &body); err != nil {
		return nil, err
	}
	var formatErr, atErr error
	if body.Format != "" && body.Format != sheaf.ArchiveFormat {
		formatErr = sheaf.Invalid("format", "format is "+sheaf.ArchiveFormat)
	}
	var at library.Moment
	if body.At != "" {
		at, atErr = library.ParseMoment(body.At)
	}
	_, scopeErr := sheaf.ParseArchiveScope(string(body.Scope))
	if err := sheaf.InvalidFields(formatErr, scopeErr, atErr); err != nil {
		return nil, err
	}
	link, err := s.session(in.request).LinkBookArchive(ctx, library.BookArchiveQuery{
		Book: in.request.PathValue("book"), Scope: body.Scope, Layer: library.UserLayer(body.UserID), At: at,
	})
	if err != nil {
		return nil, err
	}
	return &linkBookOutput{CacheControl: "no-store", Body: link}, nil
}
