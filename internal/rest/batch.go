package rest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/semaphore"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// mostDescriptions bounds, in bytes, what a batch says of its documents one by one.
const mostDescriptions = 8 << 20

// What is said of documents one by one is held in memory, decoded, until the batch
// is committed: at worst this many bytes for each byte of it, when it is a list of
// empty tags. All batches together have batchTexts bytes for that: any number of
// ordinary ones, but few of those that describe as much as they may.
const (
	decodedText = 16
	batchTexts  = 256 << 20
)

// A textHold is the share that one batch has of the memory for descriptions.
type textHold struct {
	memory *semaphore.Weighted
	held   int64
}

// add takes memory for so many more bytes of text. A batch that would need more
// than there is may have all of it.
func (h *textHold) add(bytes int) error {
	more := min(decodedText*int64(bytes), batchTexts-h.held)
	if !h.memory.TryAcquire(more) {
		return sheaf.Errorf(sheaf.ErrRateLimited, "the server is receiving long descriptions of many batches already").
			WithHint("send it again in a moment, or describe fewer files in one batch")
	}
	h.held += more
	return nil
}

// release gives all of it back.
func (h *textHold) release() { h.memory.Release(h.held) }

// batchFields are the fields beside its files that a batch may have: those of an
// upload, for all files, and what there is to say of each.
func batchFields(limits sheaf.Limits) []formField {
	fields := []formField{
		{name: "documents", description: "A JSON list with an object for each file, in their order, whose name, tags, description, metadata and path win over the fields of those names",
			limit: mostDescriptions, limitText: fmt.Sprintf("%d bytes", mostDescriptions)},
		{name: "atomic", description: "true: all files are stored or none; false, which is the default: each on its own", limit: 5, limitText: "5 bytes"},
	}
	for _, field := range uploadFields(limits) {
		if field.name != "name" && field.name != "path" { // which one file has at most
			field.description += "; of all files"
			fields = append(fields, field)
		}
	}
	return fields
}

// A batchDocument is what is said of one file of a batch.
type batchDocument struct {
	Name        string          `json:"name,omitempty"`
	Tags        *[]string       `json:"tags,omitempty"`
	Description *string         `json:"description,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
	Path        string          `json:"path,omitempty"`
}

// A batchAnswer says what became of the files of a batch.
type batchAnswer struct {
	Created int           `json:"created" doc:"How many documents were made"`
	Failed  int           `json:"failed" doc:"How many files could not be stored"`
	Atomic  bool          `json:"atomic" doc:"Whether it was all or nothing"`
	Results []batchResult `json:"results" doc:"One for each file, in their order"`
}

// A batchResult is what became of one file of a batch.
type batchResult struct {
	Index    int             `json:"index" doc:"Of the file, counted from 0"`
	Filename string          `json:"filename" doc:"As it was sent"`
	Status   string          `json:"status" enum:"created,failed"`
	Document *sheaf.Document `json:"document,omitempty" doc:"What was made of the file"`
	Error    *problemDetails `json:"error,omitempty" doc:"Why nothing was"`
}

// createDocuments stores many files: POST /documents/batch.
func (s *server) createDocuments(w http.ResponseWriter, r *http.Request) error {
	boundary, err := parseBoundary(r.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	fields := batchFields(s.limits)
	most := s.limits.BatchBytes + envelope + int64(s.limits.BatchFiles)*betweenParts
	for _, field := range fields {
		most += 2 * field.limit
	}
	if err := tooLong(w, r, most, fmt.Sprintf("the contents of a batch is %d (limits.batch_bytes)", s.limits.BatchBytes)); err != nil {
		return err
	}
	session := s.session(r)
	batch, err := session.BeginBatch()
	if err != nil {
		return err
	}
	defer batch.Close()
	texts := textHold{memory: s.batchTexts}
	defer texts.release()
	findField(fields, "documents").hold = texts.add
	var f form
	err = s.receive(w, r, func(body io.Reader) (err error) {
		// The library says what too many files are; one more is enough for that.
		f, err = readForm(body, boundary, fields, s.limits.BatchFiles+1, func(content io.Reader) (*library.Upload, error, error) {
			return batch.Receive(r.Context(), content)
		})
		return err
	})
	if err != nil {
		return err
	}
	in, err := newDocuments(f)
	if err != nil {
		return err
	}
	in.IdempotencyKey = r.Header.Get("Idempotency-Key")
	created, err := session.CreateDocuments(r.Context(), in)
	if err != nil {
		return err
	}
	return s.writeJSON(w, http.StatusOK, s.batchAnswer(w, r, f, in.Atomic, created))
}

// newDocuments returns what a form says of its files.
func newDocuments(f form) (library.NewDocuments, error) {
	in := library.NewDocuments{
		Files:      make([]library.NewFile, len(f.files)),
		Collection: f.values["collection"],
		Message:    f.values["message"],
	}
	var atomicErr error
	switch atomic := f.values["atomic"]; atomic {
	case "", "false":
	case "true":
		in.Atomic = true
	default:
		atomicErr = sheaf.Invalid("atomic", fmt.Sprintf("atomic has to be true or false, %q is neither", sheaf.Clip(atomic)))
	}
	documents, err := parseDocuments(f.values["documents"], len(f.files))
	if err := sheaf.InvalidFields(atomicErr, err); err != nil {
		return in, err
	}
	// All files share what is said of all: a copy for each would be many times
	// what was sent.
	tags, metadata := sheaf.SplitTags(f.values["tags"]), json.RawMessage(f.values["metadata"])
	for i, file := range f.files {
		document := documents[i]
		made := library.NewDocument{
			Content:     file.upload,
			Filename:    file.filename,
			Name:        document.Name,
			Tags:        tags,
			Description: f.values["description"],
			Metadata:    metadata,
			Path:        document.Path,
		}
		if document.Tags != nil {
			made.Tags = *document.Tags
		}
		if document.Description != nil {
			made.Description = *document.Description
		}
		if document.Metadata != nil {
			made.Metadata = document.Metadata
		}
		in.Files[i] = library.NewFile{NewDocument: made, Refused: file.refused}
	}
	return in, nil
}

// parseDocuments reads the field documents of a batch of so many files.
func parseDocuments(text string, files int) ([]batchDocument, error) {
	if text == "" {
		return make([]batchDocument, files), nil
	}
	const field = "documents"
	switch {
	case !utf8.ValidString(text), hasLoneSurrogate([]byte(text)):
		return nil, sheaf.Invalid(field, "documents is not valid UTF-8, or has half of a surrogate pair")
	case !json.Valid([]byte(text)):
		return nil, sheaf.Invalid(field, "documents is not JSON")
	}
	// Counted before they are read: a list far too long, which costs its sender a
	// few bytes each, would take up a hundred times that.
	if described, isList := countElements(text, files+1); isList && described != files {
		count := fmt.Sprint(described)
		if described > files {
			count = fmt.Sprintf("more than %d", files)
		}
		return nil, sheaf.Invalid(field, fmt.Sprintf("documents describes %s files, and the batch has %d", count, files)).
			WithHint("give one object for each file, {} where there is nothing to say")
	}
	var documents []batchDocument
	err := sheaf.InvalidFields(decodeObjects(field, json.RawMessage(text), reflect.ValueOf(&documents).Elem())...)
	return documents, err
}

// countElements returns how many elements a valid JSON text has if it is a list,
// but counts at most so many.
func countElements(text string, most int) (count int, isList bool) {
	decoder := json.NewDecoder(strings.NewReader(text))
	if token, _ := decoder.Token(); token != json.Delim('[') {
		return 0, false
	}
	for ; count < most && decoder.More(); count++ {
		var element json.RawMessage
		_ = decoder.Decode(&element) // the text is valid
	}
	return count, true
}

// batchAnswer returns the answer to a batch.
func (s *server) batchAnswer(w http.ResponseWriter, r *http.Request, f form, atomic bool, created []library.CreatedDocument) batchAnswer {
	answer := batchAnswer{Atomic: atomic, Results: make([]batchResult, len(created))}
	base := s.base(r)
	for i := range created {
		result := batchResult{Index: i, Filename: f.files[i].filename, Status: "created"}
		if err := created[i].Err; err != nil {
			problem := s.problem(r.Context(), requestID(w), err)
			result.Status, result.Error = "failed", &problem
			answer.Failed++
		} else {
			created[i].Document.URL = documentURL(base, created[i].Document.ID)
			result.Document = &created[i].Document
			answer.Created++
		}
		answer.Results[i] = result
	}
	return answer
}
