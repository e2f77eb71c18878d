package rest

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// downloadCollection sends the documents of a collection as a ZIP file: GET and
// HEAD /collections/{name}/archive.zip.
func (s *server) downloadCollection(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	values := r.URL.Query()
	values.Set("collection", name)
	query, err := parseArchiveQuery(values)
	if err != nil {
		return err
	}
	archive, err := s.session(r).Archive(r.Context(), library.ArchiveSelection{Query: query})
	if err != nil {
		return err
	}
	defer archive.Close()
	return s.sendArchive(w, r, archive, name+".zip")
}

// downloadDocuments sends documents as a ZIP file, those that are named or those
// that pass the filters: GET and HEAD /documents/batch/download.
func (s *server) downloadDocuments(w http.ResponseWriter, r *http.Request) error {
	values := r.URL.Query()
	query, queryErr := parseArchiveQuery(values)
	ids, idsErr := parseDocumentIDs("id", values["id"])
	if err := sheaf.InvalidFields(idsErr, queryErr); err != nil {
		return err
	}
	archive, err := s.session(r).Archive(r.Context(), library.ArchiveSelection{IDs: ids, Query: query})
	if err != nil {
		return err
	}
	defer archive.Close()
	return s.sendArchive(w, r, archive, documentsArchive)
}

const documentsArchive = "documents.zip"

// A batchDownload is the body that names the documents of an archive.
type batchDownload struct {
	IDs []string `json:"document_ids" doc:"The documents; each is in the archive once"`
	At  string   `json:"at,omitempty" doc:"As they were at a moment: a time or, when all are in one collection, a revision"`
}

// downloadBatch sends the documents that the body names as a ZIP file: POST
// /documents/batch/download. Its answer is no representation of anything that
// could be asked for again, so that it has neither ranges nor conditions.
func (s *server) downloadBatch(w http.ResponseWriter, r *http.Request) error {
	var in batchDownload
	const longest = 64 // bytes of an id in JSON, generously
	if err := s.readJSON(w, r, s.mostJSON()+longest*int64(s.limits.ArchiveIDs), &in); err != nil {
		return err
	}
	ids, idsErr := parseDocumentIDs("document_ids", in.IDs)
	var at library.Moment
	var atErr error
	if in.At != "" {
		at, atErr = parseMoment(url.Values{"at": {in.At}})
	}
	if err := sheaf.InvalidFields(idsErr, atErr); err != nil {
		return err
	}
	if ids == nil {
		ids = []sheaf.DocumentID{} // which the library refuses; nil would be all there are
	}
	archive, err := s.session(r).Archive(r.Context(), library.ArchiveSelection{IDs: ids, Query: library.DocumentQuery{At: at}})
	if err != nil {
		return err
	}
	defer archive.Close()
	describeArchive(w.Header(), archive, documentsArchive)
	return s.writeArchive(w, r, archive, byteRange{0, archive.Size()}, http.StatusOK)
}

// parseArchiveQuery reads the filters of an archive: those of a listing, which is
// not cut into pages here.
func parseArchiveQuery(values url.Values) (library.DocumentQuery, error) {
	values.Del("limit")
	values.Del("cursor")
	return parseDocumentQuery(values)
}

// parseDocumentIDs reads ids; the error has all that are none. It returns nil for
// none at all.
func parseDocumentIDs(field string, texts []string) ([]sheaf.DocumentID, error) {
	ids, wrong := parseIDList(texts, func(int) string { return field })
	return ids, sheaf.InvalidFields(wrong...)
}

// parseIDList reads ids, nil for none at all, and says which are none, up to
// [mostWrong]. Field names one of them.
func parseIDList(texts []string, field func(i int) string) (ids []sheaf.DocumentID, wrong []error) {
	for i, text := range texts {
		id, err := sheaf.ParseDocumentID(text)
		if err != nil {
			wrong = append(wrong, sheaf.Invalid(field(i), err.Error()))
		}
		if len(wrong) == mostWrong {
			break
		}
		ids = append(ids, id)
	}
	return ids, wrong
}

// sendArchive answers a GET or HEAD with an archive, or with the range of it that
// is asked for, if the conditions hold.
func (s *server) sendArchive(w http.ResponseWriter, r *http.Request, archive *library.Archive, filename string) error {
	header := w.Header()
	describeArchive(header, archive, filename)
	header["Accept-Ranges"] = []string{"bytes"}
	etag := archive.ETag()
	switch checkPreconditions(r.Header, etag, []string{etag}, archive.Modified) {
	case failed:
		return sheaf.Errorf(sheaf.ErrPreconditionFailed, "the archive is not the one that the request asks for").
			WithHint("it has the ETag " + etag + " now; download it again from its start")
	case notModified:
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	part, isPart, err := byteRange{0, archive.Size()}, false, error(nil)
	// For HEAD no ranges are defined (RFC 9110, section 14.2).
	if r.Method == http.MethodGet && rangeIsOf(r.Header, etag) {
		part, isPart, err = onlyRange(r.Header, archive.Size())
	}
	if err != nil {
		header["Content-Range"] = []string{"bytes */" + strconv.FormatInt(archive.Size(), 10)}
		return err
	}
	if !isPart {
		return s.writeArchive(w, r, archive, part, http.StatusOK)
	}
	header["Content-Range"] = []string{part.contentRange(archive.Size())}
	return s.writeArchive(w, r, archive, part, http.StatusPartialContent)
}

// describeArchive sets the headers that every answer with an archive has.
func describeArchive(header http.Header, archive *library.Archive, filename string) {
	header["Content-Type"] = []string{"application/zip"}
	header["Content-Disposition"] = []string{attachment(filename)}
	header["Content-Security-Policy"] = sandboxPolicy
	header["Cache-Control"] = privateCache
	header["Etag"] = []string{archive.ETag()}
	header["X-Archive-Documents"] = []string{strconv.Itoa(archive.Documents)}
	header["X-Archive-Errors"] = []string{strconv.Itoa(len(archive.Errors))}
	if archive.Revision != 0 { // of a book
		header["X-Revision"] = []string{strconv.FormatInt(archive.Revision, 10)}
		header["X-Manifest-Hash"] = []string{archive.Manifest.String()}
	}
	if !archive.Modified.IsZero() {
		header["Last-Modified"] = []string{archive.Modified.UTC().Format(http.TimeFormat)}
	}
}

// writeArchive sends a part of an archive. What fails before its first byte is
// returned, so that a problem can take its place.
func (s *server) writeArchive(w http.ResponseWriter, r *http.Request, archive *library.Archive, part byteRange, status int) error {
	s.limitSending(w, part.length)
	w.Header()["Content-Length"] = []string{strconv.FormatInt(part.length, 10)}
	if r.Method == http.MethodHead {
		w.WriteHeader(status)
		return nil
	}
	sending := &lateWriter{ResponseWriter: w, status: status}
	err := archive.WriteRange(r.Context(), sending, part.offset, part.length)
	switch {
	case err == nil:
		return nil
	case !sending.begun:
		w.Header().Del("Content-Range")
		return err
	case r.Context().Err() != nil && errors.Is(err, r.Context().Err()):
		panic(http.ErrAbortHandler) // nobody is there to be told
	}
	s.abort(r, err)
	return nil
}
