package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
	"github.com/sheaf-dev/sheaf/internal/markup"
)

// A writeCondition says what a write knows of the content it replaces.
type writeCondition struct {
	fileHash *sheaf.Digest // nil: nothing
	first    bool          // there is none: If-None-Match: *
	existing bool          // there is one, whichever: If-Match: *
	merge    bool
	isHeader bool // whether it came as If-Match, whose failure is 412 and not 409
}

// parseCondition reads the condition of a write from If-Match, from If-None-Match
// or from the parameters of those names, which stand in the query or in the body.
func parseCondition(header http.Header, fileHash, onConflict string) (c writeCondition, err error) {
	var hashErr, headerErr, noneErr, conflictErr error
	if fileHash != "" {
		digest, err := sheaf.ParseDigest(strings.TrimSpace(fileHash))
		if err != nil {
			hashErr = sheaf.Invalid("file_hash", err.Error())
		}
		c.fileHash = &digest
	}
	if lines := header["If-Match"]; len(lines) > 0 {
		c.isHeader = true
		digest, err := parseContentTag(strings.Join(lines, ","))
		switch {
		case err != nil:
			headerErr = err
		case c.fileHash != nil:
			headerErr = sheaf.Invalid("file_hash", "give file_hash or If-Match, not both")
		default:
			c.fileHash, c.existing = digest, digest == nil
		}
	}
	if lines := header["If-None-Match"]; len(lines) > 0 {
		c.first = true
		switch {
		case strings.TrimSpace(strings.Join(lines, ",")) != "*":
			noneErr = sheaf.Invalid("If-None-Match", "If-None-Match of a write can only be *, for a document without content").
				WithHint("name the content that is replaced with If-Match")
		case c.fileHash != nil:
			noneErr = sheaf.Invalid("If-None-Match", "give file_hash or If-None-Match, not both")
		}
	}
	switch onConflict {
	case "", "fail":
	case "merge":
		c.merge = true
	default:
		conflictErr = sheaf.Invalid("on_conflict", fmt.Sprintf("on_conflict has to be merge or fail, %q is neither", sheaf.Clip(onConflict)))
	}
	return c, sheaf.InvalidFields(hashErr, headerErr, noneErr, conflictErr)
}

// parseContentTag reads an ETag that a download had, of either form of the
// content; nil for *, which any content matches.
func parseContentTag(tag string) (*sheaf.Digest, error) {
	tag = strings.TrimSpace(tag)
	if tag == "*" {
		return nil, nil
	}
	inner, isOpened := strings.CutPrefix(tag, `"`)
	inner, isClosed := strings.CutSuffix(inner, `"`)
	digest, err := sheaf.ParseDigest(strings.TrimSuffix(inner, gzipTagSuffix))
	if err != nil || !isOpened || !isClosed {
		return nil, sheaf.Invalid("If-Match", "If-Match has to be one ETag of the content, its SHA-256 in double quotes").
			WithHint("take the ETag of GET /documents/{document_id}")
	}
	return &digest, nil
}

// refused gives an error of a write the kind that goes with how the condition
// was said.
func (c writeCondition) refused(err error) error {
	var e *sheaf.Error
	if !c.isHeader || !errors.As(err, &e) || e.Kind != sheaf.ErrConflict {
		return err
	}
	failed := *e
	failed.Kind = sheaf.ErrPreconditionFailed
	return &failed
}

// writeContent gives a document a new content: PUT /documents/{id}/content.
func (s *server) writeContent(w http.ResponseWriter, r *http.Request) error {
	id, err := documentID(r)
	if err != nil {
		return err
	}
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
	change, err := s.session(r).WriteContent(r.Context(), id, library.ContentWrite{
		Content:  upload,
		Filename: query.Get("filename"),
		FileHash: condition.fileHash,
		First:    condition.first,
		Existing: condition.existing,
		Merge:    condition.merge,
		Message:  query.Get("message"),
	})
	if err != nil {
		return condition.refused(err)
	}
	change.URL = documentURL(s.base(r), id)
	w.Header()["Etag"] = []string{contentTag(change.Digest)}
	return s.writeJSON(w, http.StatusOK, change)
}

// receiveContent receives the body as a content. The caller closes it, also when
// there is an error.
func (s *server) receiveContent(w http.ResponseWriter, r *http.Request) (upload *library.Upload, err error) {
	if err := tooLong(w, r, s.limits.Content, fmt.Sprintf("a content is %d", s.limits.Content)); err != nil {
		return nil, err
	}
	session := s.session(r)
	err = s.receive(w, r, func(body io.Reader) (err error) {
		content := &failingReader{from: body}
		if upload, err = session.Receive(r.Context(), content); content.err != nil {
			return cutOff(content.err)
		}
		return err
	})
	return upload, err
}

// checkWholeBody refuses a body that is not the content as it is, byte for byte.
func checkWholeBody(header http.Header) error {
	if coding := header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return sheaf.Errorf(sheaf.ErrUnsupported, "a body with the Content-Encoding %q is not unpacked", sheaf.Clip(coding)).
			WithHint("send the content as it is, without Content-Encoding")
	}
	if header.Get("Content-Range") != "" {
		return sheaf.Invalid("Content-Range", "a content is written as a whole, not in ranges").
			WithHint("send all of it without Content-Range, or edit it with PATCH")
	}
	return nil
}

// cutOff returns the error of a body that ended with err.
func cutOff(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errCutOff
	}
	var e *sheaf.Error
	if errors.As(err, &e) {
		return e
	}
	return &sheaf.Error{Kind: sheaf.ErrInvalid, Message: "the body cannot be read to its end", Err: err}
}

// mostEdits bounds, in bytes, a body with edits.
const mostEdits = 16 << 20

// A contentEdit is the body that edits a content.
type contentEdit struct {
	Edits      []sheaf.Edit `json:"edits" doc:"All of them are made, or none; each sees the text as the ones before it left it"`
	FileHash   string       `json:"file_hash,omitempty" doc:"The SHA-256 of the content the edits were made for; the current one unless given"`
	OnConflict string       `json:"on_conflict,omitempty" enum:"fail,merge" doc:"When the document has another content by now: fail, or merge if that is clean"`
	DryRun     bool         `json:"dry_run,omitempty" doc:"Say what would change, and store nothing"`
	Message    string       `json:"message,omitempty" doc:"Why the change is made, for the history"`
}

type editContentInput struct{ call }

type editContentOutput struct {
	ETag string `header:"ETag" doc:"Of the content: its SHA-256 in quotes"`
	Body editedDocument
}

type editedDocument struct {
	sheaf.Change
	Diff    sheaf.Comparison `json:"diff" doc:"In which lines the content before the edits and behind them differ"`
	Unified string           `json:"unified" doc:"The same as a unified diff"`
}

// editContent edits a text in place: PATCH /documents/{id}/content.
func (s *server) editContent(ctx context.Context, in *editContentInput) (*editContentOutput, error) {
	id, err := documentID(in.request)
	if err != nil {
		return nil, err
	}
	edit, condition, leave, err := s.readEdit(in.writer, in.request)
	if err != nil {
		return nil, err
	}
	defer leave()
	edited, err := s.session(in.request).EditContent(ctx, id, edit)
	if err != nil {
		return nil, condition.refused(err)
	}
	answer, err := s.describeEdit(in.request, edited)
	if err != nil {
		return nil, err
	}
	return &editContentOutput{ETag: contentTag(edited.Digest), Body: answer}, nil
}

// readEdit reads the body of an edit, for which it takes a place among the
// requests that hold much in memory: the caller leaves it.
func (s *server) readEdit(w http.ResponseWriter, r *http.Request) (edit library.ContentEdit, condition writeCondition, leave func(), err error) {
	if leave, err = s.enter(); err != nil {
		return edit, condition, nil, err
	}
	var body contentEdit
	bodyErr := s.readJSON(w, r, mostEdits, &body)
	condition, err = parseCondition(r.Header, body.FileHash, body.OnConflict)
	if condition.first && err == nil {
		err = sheaf.Invalid("If-None-Match", "an edit changes a content that is there: leave out If-None-Match")
	}
	if err := sheaf.InvalidFields(bodyErr, err); err != nil {
		leave()
		return edit, condition, nil, err
	}
	return library.ContentEdit{
		Edits:    body.Edits,
		FileHash: condition.fileHash,
		Merge:    condition.merge,
		DryRun:   body.DryRun,
		Message:  body.Message,
	}, condition, leave, nil
}

// describeEdit returns the answer to an edit.
func (s *server) describeEdit(r *http.Request, edited library.Edited) (editedDocument, error) {
	var unified strings.Builder
	err := markup.WriteUnified(&unified, edited.Diff, edited.Filename+" (before)", edited.Filename+" (after)")
	edited.URL = documentURL(s.base(r), edited.ID)
	return editedDocument{Change: edited.Change, Diff: edited.Diff, Unified: unified.String()}, err
}

// readContent streams a content, or answers with a part of it: GET and HEAD
// /documents/{id}/content.
func (s *server) readContent(w http.ResponseWriter, r *http.Request) error {
	if r.URL.RawQuery == "" {
		return s.download(w, r)
	}
	passage, found, err := parsePassage(r.URL.Query())
	switch {
	case err != nil:
		return err
	case !found:
		return s.download(w, r)
	}
	return s.sendExcerpt(w, r, passage)
}

// excerpt is a part of a content as it is answered.
type excerpt struct {
	Text    string       `json:"text" doc:"Bytes that are not valid UTF-8 are U+FFFD here"`
	Start   int          `json:"start" doc:"The first line, counted from 1, or the first character, counted from 0"`
	Count   int          `json:"count" doc:"How many lines or characters the text has"`
	More    bool         `json:"more" doc:"Whether the content goes on behind it"`
	Total   *int         `json:"total,omitempty" doc:"Lines or characters of the whole content; absent when its end was not reached"`
	Next    int          `json:"next,omitempty" doc:"The character, counted from 0, to read on from with chars, when the text ends within a line because that line is too long"`
	Version int          `json:"version" doc:"Which version of the document was read"`
	Digest  sheaf.Digest `json:"checksum_sha256" doc:"The SHA-256 of the whole content, the file_hash of a write"`
}

// sendExcerpt answers with a part of a content.
func (s *server) sendExcerpt(w http.ResponseWriter, r *http.Request, passage library.Passage) error {
	id, err := documentID(r)
	if err != nil {
		return err
	}
	content, err := s.openContent(r, id)
	if err != nil {
		return err
	}
	defer content.Close()
	return s.sendPassage(w, content, passage)
}

// sendPassage answers with a passage of a content.
func (s *server) sendPassage(w http.ResponseWriter, content *library.Content, passage library.Passage) error {
	part, err := content.Excerpt(passage)
	if err != nil {
		return err
	}
	answer := excerpt{
		Text: part.Text, Start: part.Start, Count: part.Count, More: part.More, Next: part.Next,
		Version: content.Document.Version, Digest: content.Document.Digest,
	}
	if part.Total >= 0 {
		answer.Total = &part.Total
	}
	w.Header()["Cache-Control"] = privateCache
	return s.writeJSON(w, http.StatusOK, answer)
}
