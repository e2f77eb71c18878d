package rest

import (
	"net/http"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// place returns where in a book a request is about.
func place(r *http.Request) library.Place {
	p := library.Place{Book: r.PathValue("book"), Path: r.PathValue("path")}
	if r.URL.RawQuery != "" {
		p.Layer = library.UserLayer(r.URL.Query().Get("user_id"))
	}
	return p
}

// downloadFile streams what is at a path of a book, or answers with a passage of
// it: GET and HEAD /books/{book}/content/{path}.
func (s *server) downloadFile(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	at, atErr := parseMoment(query)
	passage, isPassage, passageErr := parsePassage(query)
	if err := sheaf.InvalidFields(atErr, passageErr); err != nil {
		return err
	}
	content, err := s.session(r).OpenAtPath(r.Context(), place(r), at)
	if err != nil {
		return err
	}
	defer content.Close()
	if isPassage {
		return s.sendPassage(w, content, passage)
	}
	return s.sendContent(w, r, content)
}

// writeFile writes what is at a path of a book: PUT /books/{book}/content/{path}.
func (s *server) writeFile(w http.ResponseWriter, r *http.Request) error {
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
	change, err := s.session(r).PutContent(r.Context(), library.FileWrite{
		Place: place(r), Content: upload, FileHash: condition.fileHash, First: condition.first, Existing: condition.existing, Merge: condition.merge, Message: query.Get("message"),
	})
	if err != nil {
		return condition.refused(err)
	}
	change.URL = documentURL(s.base(r), change.ID)
	w.Header()["Etag"] = []string{contentTag(change.Digest)}
	return s.writeJSON(w, http.StatusOK, change)
}

// editFile edits what is at a path of a book: PATCH /books/{book}/content/{path}.
func (s *server) editFile(w http.ResponseWriter, r *http.Request) error {
	edit, condition, leave, err := s.readEdit(w, r)
	if err != nil {
		return err
	}
	defer leave()
	edited, err := s.session(r).EditAtPath(r.Context(), place(r), edit)
	if err != nil {
		return condition.refused(err)
	}
	answer, err := s.describeEdit(r, edited)
	if err != nil {
		return err
	}
	w.Header()["Etag"] = []string{contentTag(edited.Digest)}
	return s.writeJSON(w, http.StatusOK, answer)
}

type fileDeletion struct {
	Existed      bool             `json:"existed" doc:"Whether there was anything"`
	Path         string           `json:"path"`
	Document     sheaf.DocumentID `json:"document_id,omitempty" doc:"What was deleted, to restore it"`
	Version      int              `json:"version,omitempty" doc:"The number of its content"`
	Revision     int64            `json:"revision,omitempty" doc:"Of the book, that the deletion made"`
	AuditEntryID int64            `json:"audit_entry_id,omitempty" doc:"Of the deletion in the log"`
}

// deleteFile deletes what is at a path of a book: DELETE /books/{book}/content/{path}.
func (s *server) deleteFile(w http.ResponseWriter, r *http.Request) error {
	return s.deleteConditionally(w, r, func(fileHash *sheaf.Digest, message string) (library.FileDeletion, error) {
		return s.session(r).DeleteAtPath(r.Context(), place(r), fileHash, message)
	})
}

// deleteConditionally deletes what the path of a request names, if it has the
// content that the request says.
func (s *server) deleteConditionally(w http.ResponseWriter, r *http.Request, remove func(fileHash *sheaf.Digest, message string) (library.FileDeletion, error)) error {
	query := r.URL.Query()
	condition, err := parseCondition(r.Header, query.Get("file_hash"), "")
	if condition.first && err == nil {
		err = sheaf.Invalid("If-None-Match", "a deletion is of what is there: leave out If-None-Match")
	}
	if err != nil {
		return err
	}
	deleted, err := remove(condition.fileHash, query.Get("message"))
	if err != nil {
		return condition.refused(err)
	}
	return s.writeJSON(w, http.StatusOK, fileDeletion{
		Existed: deleted.Existed, Path: r.PathValue("path"), Document: deleted.ID, Version: deleted.Version,
		Revision: deleted.Revision, AuditEntryID: deleted.AuditEntryID,
	})
}
