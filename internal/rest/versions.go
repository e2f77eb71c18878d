package rest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
	"github.com/sheaf-dev/sheaf/internal/markup"
)

type listVersionsInput struct{ call }

type listVersionsOutput struct {
	Link string `header:"Link" doc:"The next page, with rel=\"next\"; absent on the last"`
	Body []sheaf.Version
}

// listVersions lists the contents a document has had: GET /documents/{id}/versions.
func (s *server) listVersions(ctx context.Context, in *listVersionsInput) (*listVersionsOutput, error) {
	id, err := documentID(in.request)
	if err != nil {
		return nil, err
	}
	query := in.request.URL.Query()
	before, beforeErr := parseNumber(query, "before", 1, 0)
	limit, limitErr := parseNumber(query, "limit", 1, library.DefaultPage)
	if err := sheaf.InvalidFields(beforeErr, limitErr); err != nil {
		return nil, err
	}
	versions, err := s.session(in.request).Versions(ctx, id, before, limit)
	if err != nil {
		return nil, err
	}
	out := &listVersionsOutput{Body: versions}
	if s.isFull(len(versions), limit) {
		if last := versions[len(versions)-1].Number; last > 1 {
			out.Link = s.nextPage(in.request, query, "before", strconv.Itoa(last))
		}
	}
	return out, nil
}

// isFull reports whether a page has as many rows as it may have, so that there
// may be another.
func (s *server) isFull(rows, limit int) bool { return rows > 0 && rows >= min(limit, s.limits.Page) }

// nextPage returns the Link to the page of a listing that begins behind a row.
func (s *server) nextPage(r *http.Request, query url.Values, parameter, row string) string {
	query.Set(parameter, row)
	return fmt.Sprintf(`<%s%s?%s>; rel="next"`, s.base(r), r.URL.EscapedPath(), query.Encode())
}

type getVersionInput struct{ call }

type getVersionOutput struct {
	Body sheaf.Version
}

// getVersion describes a version: GET /documents/{id}/versions/{number}.
func (s *server) getVersion(ctx context.Context, in *getVersionInput) (*getVersionOutput, error) {
	id, err := documentID(in.request)
	if err != nil {
		return nil, err
	}
	number, err := parseNumber(url.Values{"version": {in.request.PathValue("version")}}, "version", 1, 0)
	if err != nil {
		return nil, err
	}
	version, err := s.session(in.request).Version(ctx, id, number)
	if err != nil {
		return nil, err
	}
	return &getVersionOutput{version}, nil
}

// compareVersions says in which lines two versions differ: GET
// /documents/{id}/diff.
func (s *server) compareVersions(w http.ResponseWriter, r *http.Request) error {
	id, err := documentID(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	from, fromErr := parseNumber(query, "from", 1, 0)
	to, toErr := parseNumber(query, "to", 1, 0)
	lines, contextErr := parseNumber(query, "context", 0, markup.DefaultContext)
	unified, formatErr := wantsUnified(query.Get("format"), r.Header["Accept"])
	if err := sheaf.InvalidFields(fromErr, toErr, contextErr, formatErr); err != nil {
		return err
	}
	comparison, err := s.session(r).Compare(r.Context(), id, from, to, lines)
	if err != nil {
		return err
	}
	w.Header().Set("Vary", "Accept")
	if !unified {
		return s.writeJSON(w, http.StatusOK, comparison)
	}
	var diff strings.Builder
	if err := markup.WriteUnified(&diff, comparison.Comparison, comparison.OldLabel, comparison.NewLabel); err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", diffType)
	header.Set("Content-Length", strconv.Itoa(diff.Len()))
	header["Content-Security-Policy"] = sandboxPolicy
	s.limitSending(w, int64(diff.Len()))
	_, _ = w.Write([]byte(diff.String())) // there is nobody left to be told
	return nil
}

// diffType is the media type of a unified diff.
const diffType = "text/x-diff; charset=utf-8"

// wantsUnified reports whether a comparison is asked for as a unified diff: by
// the parameter "format" or, without it, by an Accept that prefers text.
func wantsUnified(format string, accept []string) (bool, error) {
	switch format {
	case "json":
		return false, nil
	case "unified":
		return true, nil
	case "":
		return acceptsText(accept), nil
	}
	return false, sheaf.Invalid("format", fmt.Sprintf("format has to be json or unified, %q is neither", sheaf.Clip(format)))
}

// acceptsText reports whether the lines of an Accept header name a text, and
// rank it higher than JSON if they name that too. A range such as */* ranks nothing.
func acceptsText(lines []string) bool {
	text, structured := 0.0, 0.0
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			mediaType, params, _ := strings.Cut(item, ";")
			switch strings.ToLower(strings.TrimSpace(mediaType)) {
			case "text/x-diff", "text/x-patch", "text/plain":
				text = max(text, quality(params))
			case "application/json":
				structured = quality(params)
			}
		}
	}
	return text > structured
}

// A restoration is the body that restores a document.
type restoration struct {
	Version  *int   `json:"version,omitempty" minimum:"1" doc:"The version whose content it has again"`
	Revision *int64 `json:"revision,omitempty" minimum:"1" doc:"The revision at which it was all that it is again, name and tags included"`
	Message  string `json:"message,omitempty" doc:"Why the change is made, for the history"`
}

type restoreDocumentInput struct{ call }

// restoreDocument makes a document what it was: POST /documents/{id}/restore.
func (s *server) restoreDocument(ctx context.Context, in *restoreDocumentInput) (*changeOutput, error) {
	id, err := documentID(in.request)
	if err != nil {
		return nil, err
	}
	var body restoration
	if err := s.readJSON(in.writer, in.request, s.mostJSON(), &body); err != nil {
		return nil, err
	}
	target := library.Restoration{Message: body.Message}
	var versionErr, revisionErr error
	if body.Version != nil {
		if target.Version = *body.Version; target.Version < 1 {
			versionErr = sheaf.Invalid("version", "version has to be a number from 1")
		}
	}
	if body.Revision != nil {
		if target.Revision = *body.Revision; target.Revision < 1 {
			revisionErr = sheaf.Invalid("revision", "revision has to be a number from 1")
		}
	}
	if err := sheaf.InvalidFields(versionErr, revisionErr); err != nil {
		return nil, err
	}
	change, err := s.session(in.request).RestoreDocument(ctx, id, target)
	if err != nil {
		return nil, err
	}
	return s.changed(in.call, change), nil
}
