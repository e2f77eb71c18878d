package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// A logEntry is an entry of the log as it is answered.
type logEntry struct {
	ID          int64               `json:"id" doc:"In the whole store, in the order of the commits"`
	Stream      string              `json:"stream" doc:"The collection"`
	Revision    int64               `json:"revision" doc:"Of the collection"`
	Timestamp   time.Time           `json:"timestamp"`
	Principal   string              `json:"principal" doc:"Who did it"`
	Label       string              `json:"label,omitempty" doc:"What they called themselves"`
	Operation   string              `json:"operation" doc:"Such as content.write"`
	Status      string              `json:"status"`
	Message     string              `json:"message,omitempty" doc:"Why it was done"`
	DurationUS  int64               `json:"duration_us" doc:"Microseconds from the arrival of the call to its turn in the commit"`
	OperationID string              `json:"operation_id,omitempty" doc:"What the entries of one operation over several collections have in common"`
	Documents   []sheaf.LogDocument `json:"documents" doc:"Every document touched, before and after; in the log of a document only that one"`
	Detail      json.RawMessage     `json:"detail,omitempty" doc:"What else the operation has to say"`
	Prev        sheaf.Digest        `json:"prev" doc:"The hash of the entry before it in the stream"`
	Hash        sheaf.Digest        `json:"hash" doc:"Chains the entry to all before it"`
}

// logEntryOf makes an entry readable.
func logEntryOf(e sheaf.LogEntry) (logEntry, error) {
	var payload struct {
		sheaf.LogPayload
		Detail json.RawMessage `json:"detail"`
	}
	if err := json.Unmarshal(e.Payload, &payload); err != nil {
		return logEntry{}, fmt.Errorf("read entry %d of the log: %w", e.ID, err)
	}
	documents := payload.Documents
	if documents == nil {
		documents = []sheaf.LogDocument{}
	}
	return logEntry{
		ID: e.ID, Stream: e.Stream, Revision: e.Rev, Timestamp: e.At, Principal: e.Principal, Label: e.Label,
		Operation: e.Operation, Status: e.Status, Message: payload.Message, DurationUS: payload.DurationUS,
		OperationID: payload.OperationID, Documents: documents, Detail: payload.Detail, Prev: e.Prev, Hash: e.Hash,
	}, nil
}

type logInput struct{ call }

type logOutput struct {
	Link string `header:"Link" doc:"The next page, with rel=\"next\"; absent on the last"`
	Body []logEntry
}

// documentLog lists what was done with a document: GET /documents/{id}/log.
func (s *server) documentLog(ctx context.Context, in *logInput) (*logOutput, error) {
	id, err := documentID(in.request)
	if err != nil {
		return nil, err
	}
	out, err := s.answerLog(in.call, func(e logEntry) int64 { return e.ID }, func(before int64, limit int) ([]sheaf.LogEntry, error) {
		return s.session(in.request).DocumentLog(ctx, id, before, limit)
	})
	if err != nil {
		return nil, err
	}
	for i := range out.Body { // an entry may be about a thousand others too
		entry := &out.Body[i]
		entry.Documents = slices.DeleteFunc(entry.Documents, func(d sheaf.LogDocument) bool { return d.ID != id })
	}
	return out, nil
}

// collectionLog lists what was done in a collection: GET /collections/{name}/log.
func (s *server) collectionLog(ctx context.Context, in *logInput) (*logOutput, error) {
	return s.answerLog(in.call, func(e logEntry) int64 { return e.Revision }, func(before int64, limit int) ([]sheaf.LogEntry, error) {
		return s.session(in.request).CollectionLog(ctx, in.request.PathValue("name"), before, limit)
	})
}

// answerLog answers with the page of a log that the query asks for. Place says
// where in the log an entry is: the next page has those before it.
func (s *server) answerLog(c call, place func(logEntry) int64, read func(before int64, limit int) ([]sheaf.LogEntry, error)) (*logOutput, error) {
	query := c.request.URL.Query()
	before, limit, err := parseLogPage(query)
	if err != nil {
		return nil, err
	}
	entries, err := read(before, limit)
	if err != nil {
		return nil, err
	}
	out := &logOutput{Body: make([]logEntry, 0, len(entries))}
	for _, e := range entries {
		entry, err := logEntryOf(e)
		if err != nil {
			return nil, err
		}
		out.Body = append(out.Body, entry)
	}
	if s.isFull(len(entries), limit) {
		if last := place(out.Body[len(entries)-1]); last > 1 {
			out.Link = s.nextPage(c.request, query, "before", strconv.FormatInt(last, 10))
		}
	}
	return out, nil
}

func parseLogPage(query url.Values) (before int64, limit int, err error) {
	number, beforeErr := parseNumber(query, "before", 1, 0)
	limit, limitErr := parseNumber(query, "limit", 1, library.DefaultPage)
	return int64(number), limit, sheaf.InvalidFields(beforeErr, limitErr)
}
