package rest

import (
	"net/http"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// A manifestAnswer is the manifest of a book, or how it differs from another.
type manifestAnswer struct {
	sheaf.ManifestSummary
	Files   []sheaf.ManifestFile `json:"files,omitzero" doc:"All of them, by path; absent with since"`
	Changes *sheaf.BuildChanges  `json:"changes,omitempty" doc:"With since: how the manifest differs from that one"`
}

// getManifest says what is in a book: GET /books/{book}/manifest.
func (s *server) getManifest(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	at, atErr := parseMoment(query)
	var since *sheaf.Digest
	var sinceErr error
	if query.Has("since") {
		digest, err := sheaf.ParseDigest(query.Get("since"))
		if since = &digest; err != nil {
			sinceErr = sheaf.Invalid("since", err.Error())
		}
	}
	if err := sheaf.InvalidFields(atErr, sinceErr); err != nil {
		return err
	}
	session, book := s.session(r), r.PathValue("book")
	if since != nil {
		plan, err := session.PlanBuild(r.Context(), library.BuildQuery{Book: book, Since: since, At: at})
		if err != nil {
			return err
		}
		return s.writeJSON(w, http.StatusOK, manifestAnswer{ManifestSummary: plan.ManifestSummary, Changes: &plan.BuildChanges})
	}
	manifest, err := session.Manifest(r.Context(), book, at)
	if err != nil {
		return err
	}
	tag := contentTag(manifest.Hash)
	w.Header()["Etag"] = []string{tag}
	switch checkPreconditions(r.Header, tag, []string{tag}, time.Time{}) {
	case failed:
		return sheaf.Errorf(sheaf.ErrPreconditionFailed, "the book has another manifest than the one that the request asks for").
			WithHint("its hash is " + manifest.Hash.String() + " now")
	case notModified:
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return s.writeJSON(w, http.StatusOK, manifestAnswer{ManifestSummary: manifest.ManifestSummary, Files: manifest.Files})
}
