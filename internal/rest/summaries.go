package rest

import (
	"context"
	"net/http"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

type listSummariesInput struct{ call }

type listSummariesOutput struct {
	Link string `header:"Link" doc:"The next page, with rel=\"next\"; absent on the last"`
	Body summaryList
}

type summaryList struct {
	Summaries []sheaf.Summary `json:"summaries"`
	Total     int             `json:"total_count" doc:"On all pages"`
}

// listSummaries lists the summaries of a book: GET /books/{book}/summaries.
func (s *server) listSummaries(ctx context.Context, in *listSummariesInput) (*listSummariesOutput, error) {
	query := in.request.URL.Query()
	limit, err := parseLimit(query.Get("limit"))
	if err != nil {
		return nil, err
	}
	page, err := s.session(in.request).Summaries(ctx, library.SummaryQuery{
		Book: in.request.PathValue("book"), Path: query.Get("path"), Only: library.SummaryFilter(query.Get("only")),
		Limit: limit, Cursor: query.Get("cursor"),
	})
	if err != nil {
		return nil, err
	}
	return &listSummariesOutput{
		Link: s.pageBehind(in.request, query, page.Next), Body: summaryList{page.Summaries, page.Total},
	}, nil
}

// readSummary reads a summary: GET /books/{book}/summaries/{path}.
func (s *server) readSummary(w http.ResponseWriter, r *http.Request) error {
	text, err := s.session(r).ReadSummary(r.Context(), r.PathValue("book"), r.PathValue("path"), library.Lines(1, 0))
	if err != nil {
		return err
	}
	w.Header()["Etag"] = []string{contentTag(*text.Digest)}
	return s.writeJSON(w, http.StatusOK, text)
}

// writeSummary writes a summary: PUT /books/{book}/summaries/{path}.
func (s *server) writeSummary(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	condition, err := parseCondition(r.Header, query.Get("file_hash"), query.Get("on_conflict"))
	if err := sheaf.InvalidFields(err, checkWholeBody(r.Header)); err != nil {
		return err
	}
	upload, err := s.receiveContent(w, r)
	if upload != nil {
		defer upload.Close()
	}
	if err != nil {
		return err
	}
	change, err := s.session(r).PutSummary(r.Context(), library.SummaryWrite{
		Book: r.PathValue("book"), Path: r.PathValue("path"), Content: upload, FileHash: condition.fileHash,
		First: condition.first, Existing: condition.existing, Merge: condition.merge, Message: query.Get("message"),
	})
	if err != nil {
		return condition.refused(err)
	}
	change.URL = documentURL(s.base(r), change.ID)
	w.Header()["Etag"] = []string{contentTag(change.Digest)}
	return s.writeJSON(w, http.StatusOK, change)
}

// deleteSummary deletes a summary: DELETE /books/{book}/summaries/{path}.
func (s *server) deleteSummary(w http.ResponseWriter, r *http.Request) error {
	return s.deleteConditionally(w, r, func(fileHash *sheaf.Digest, message string) (library.FileDeletion, error) {
		return s.session(r).DeleteSummary(r.Context(), r.PathValue("book"), r.PathValue("path"), fileHash, message)
	})
}
