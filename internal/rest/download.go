package rest

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// downloadRate is the slowest a reader may be, in bytes a second, after its grace.
const downloadRate = 64 << 10

// download streams the content of a document: GET and HEAD /documents/{id}.
func (s *server) download(w http.ResponseWriter, r *http.Request) error {
	id, err := documentID(r)
	if err != nil {
		return err
	}
	content, err := s.openContent(r, id)
	if err != nil {
		return err
	}
	defer content.Close()
	return s.sendContent(w, r, content)
}

// sendContent streams a content, or the ranges of it that are asked for.
func (s *server) sendContent(w http.ResponseWriter, r *http.Request, content *library.Content) error {
	packed, err := s.gzipForm(r, content)
	if err != nil {
		return err
	}
	describe(w.Header(), content.Document)
	return s.sendForm(w, r, content, packed)
}

// sendForm streams the gzip form of a content, or the plain bytes if there is
// none. What else is said of it stands in the header already.
func (s *server) sendForm(w http.ResponseWriter, r *http.Request, content *library.Content, packed *library.Gzip) error {
	doc := content.Document
	plainTag, gzipTag := contentTag(doc.Digest), `"`+doc.Digest.String()+gzipTagSuffix+`"`
	etag := plainTag
	if packed != nil {
		etag = gzipTag
	}
	w.Header()["Etag"] = []string{etag}
	switch checkPreconditions(r.Header, etag, []string{plainTag, gzipTag}, doc.UpdatedAt) {
	case failed:
		return sheaf.Errorf(sheaf.ErrPreconditionFailed, "the document is not in the state that the request asks for").
			WithHint("its content has the SHA-256 " + doc.Digest.String() + "; read it again")
	case notModified:
		w.WriteHeader(http.StatusNotModified)
		return nil
	}

	s.limitSending(w, doc.Size)
	if packed != nil {
		return s.sendGzip(w, r, packed)
	}
	return s.sendPlain(w, r, content)
}

// gzipTagSuffix distinguishes the ETag of a content's gzip form.
const gzipTagSuffix = "-gzip"

// contentTag returns the ETag of a content.
func contentTag(digest sheaf.Digest) string { return `"` + digest.String() + `"` }

// openContent opens the content that the query asks for: the current one, that
// of a version, or that of a moment.
func (s *server) openContent(r *http.Request, id sheaf.DocumentID) (*library.Content, error) {
	session := s.session(r)
	if r.URL.RawQuery == "" {
		return session.OpenDocument(r.Context(), id, 0)
	}
	query := r.URL.Query()
	version, versionErr := parseNumber(query, "version", 1, 0)
	at, atErr := parseMoment(query)
	if err := sheaf.InvalidFields(versionErr, atErr); err != nil {
		return nil, err
	}
	switch {
	case at.IsNow():
		return session.OpenDocument(r.Context(), id, version)
	case version != 0:
		return nil, sheaf.Invalid("at", "ask for a version or for a moment, not for both")
	}
	return session.OpenDocumentAt(r.Context(), id, at)
}

// limitSending limits the time in which an answer of so many bytes has to be
// sent. A connection whose reader has stalled would otherwise stay for good, and
// with it what is sent. Within the process there is no connection.
func (s *server) limitSending(w http.ResponseWriter, size int64) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.sendingTime(size)))
}

// sendingTime returns how long an answer of so many bytes may take to send.
func (s *server) sendingTime(size int64) time.Duration {
	return s.grace + time.Duration(size/s.rate)*time.Second
}

// documentID returns the id in the path. One that cannot be an id is an id of
// nothing: the seed's server makes no difference either.
func documentID(r *http.Request) (sheaf.DocumentID, error) {
	id, err := sheaf.ParseDocumentID(r.PathValue("document_id"))
	if err != nil {
		return "", &sheaf.Error{Kind: sheaf.ErrNotFound, Message: "Document not found", Hint: err.Error()}
	}
	return id, nil
}

// gzipForm returns the gzip form of a content when it is stored in one and
// suits the sender, else nil. Ranges are of the plain bytes only: the gzip form
// of a content is no promise for good.
func (s *server) gzipForm(r *http.Request, content *library.Content) (*library.Gzip, error) {
	accepted := acceptEncoding(r.Header["Accept-Encoding"])
	if accepted.identity > 0 {
		if accepted.gzip < accepted.identity || servedRanges(r.Header) != "" || readsSizeFromContentLength(r.Header) {
			return nil, nil
		}
	}
	if accepted.gzip > 0 {
		packed, err := content.Gzip()
		if packed != nil || err != nil {
			return packed, err
		}
	}
	if accepted.identity == 0 {
		return nil, sheaf.Errorf(sheaf.ErrNotAcceptable, "the document has no form that Accept-Encoding allows").
			WithHint("allow identity: the plain bytes are always there")
	}
	return nil, nil
}

// The values below are shared by all downloads; nobody appends to them.
var (
	varyForm      = []string{"Accept-Encoding, User-Agent"} // see readsSizeFromContentLength
	privateCache  = []string{"private, no-cache"}
	sandboxPolicy = []string{"sandbox; default-src 'none'"}
)

// describe sets the headers that are the same for every form of a content.
// Assigning to the map saves the canonicalisation of names that are canonical.
func describe(header http.Header, doc sheaf.Document) {
	setName(header, "X-Document-Name", doc.Name)
	setName(header, "X-Document-Filename", doc.Filename)
	header["X-Document-Id"] = []string{string(doc.ID)}
	header["Content-Type"] = []string{doc.MIME}
	header["Content-Disposition"] = []string{attachment(doc.Filename)}
	header["Content-Security-Policy"] = sandboxPolicy
	header["Cache-Control"] = privateCache
	header["Vary"] = varyForm
	header["Last-Modified"] = []string{doc.UpdatedAt.UTC().Format(http.TimeFormat)}
}

func reprDigest(d sheaf.Digest) []string { return []string{"sha-256=:" + d.Base64() + ":"} }

// sendPlain sends the plain bytes, or the ranges asked for.
func (s *server) sendPlain(w http.ResponseWriter, r *http.Request, content *library.Content) error {
	reader, err := content.Reader()
	if err != nil {
		return err
	}
	doc := content.Document
	w.Header()["Repr-Digest"] = reprDigest(doc.Digest)

	// http.ServeContent tells nobody that its source failed, and what it has
	// sent by then must not pass for the whole. A file is verified already, and
	// has to stay an *os.File to go out by sendfile.
	var source *failingSeeker
	if _, isFile := reader.(*os.File); !isFile {
		source = &failingSeeker{failingReader{from: reader}, reader}
		reader = source
		w = copyingWriter{w}
	}
	var ranged *rangeWriter
	ranges := servedRanges(r.Header)
	if ranges != "" {
		ranged = &rangeWriter{ResponseWriter: w}
		w = ranged
	}
	http.ServeContent(w, withoutPreconditions(withRanges(r, ranges)), "", doc.UpdatedAt, reader)
	switch {
	case source != nil && source.err != nil:
		s.abort(r, source.err)
	case ranged != nil && ranged.unsatisfiable:
		return errOutside(r.Header, doc.Size)
	}
	return nil
}

// abort ends the connection of an answer that has begun and cannot be finished.
func (s *server) abort(r *http.Request, err error) {
	s.log.LogAttrs(r.Context(), slog.LevelError, "a download was aborted",
		slog.String("path", r.URL.Path), slog.String("error", err.Error()))
	panic(http.ErrAbortHandler)
}

// sendGzip sends the gzip form as it is stored.
func (s *server) sendGzip(w http.ResponseWriter, r *http.Request, packed *library.Gzip) error {
	header := w.Header()
	header["Content-Encoding"] = []string{"gzip"}
	header["Content-Length"] = []string{strconv.FormatInt(packed.Size, 10)}
	header["Repr-Digest"] = reprDigest(packed.Digest)
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	if _, err := packed.WriteTo(w); err != nil {
		s.abort(r, err)
	}
	return nil
}

// withoutPreconditions returns r without the conditional headers that
// checkPreconditions has seen to: http.ServeContent knows one ETag only and
// would refuse an If-Match that names the other form.
func withoutPreconditions(r *http.Request) *http.Request {
	if r.Header["If-Match"] == nil && r.Header["If-Unmodified-Since"] == nil {
		return r
	}
	return withoutHeaders(r, "If-Match", "If-Unmodified-Since")
}

func withoutHeaders(r *http.Request, names ...string) *http.Request {
	without := *r
	without.Header = r.Header.Clone()
	for _, name := range names {
		without.Header.Del(name)
	}
	return &without
}

// A rangeWriter holds back the plain-text answer that http.ServeContent gives
// to a range it cannot serve, so that a problem can take its place.
type rangeWriter struct {
	http.ResponseWriter
	unsatisfiable bool
}

// WriteHeader implements [http.ResponseWriter].
func (w *rangeWriter) WriteHeader(status int) {
	if status == http.StatusRequestedRangeNotSatisfiable {
		w.unsatisfiable = true
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *rangeWriter) Write(p []byte) (int, error) {
	if w.unsatisfiable {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// ReadFrom implements [io.ReaderFrom], without which no range goes out by sendfile.
func (w *rangeWriter) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(w.ResponseWriter, r)
}

// Unwrap serves [http.ResponseController].
func (w *rangeWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// A failingSeeker is a failingReader that can seek.
type failingSeeker struct {
	failingReader
	io.Seeker
}
