package library

import (
	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// streamEntries gathers what one operation does, by stream, so that each stream
// gets one entry however many documents there are.
type streamEntries struct {
	streams []sheaf.Slug // in the order of their entries
	parts   map[sheaf.Slug][]func(*sheaf.LogPayload)
}

// add notes that a document was changed. One that was moved is in the entries of
// both collections.
func (e *streamEntries) add(before, after *catalog.Head, state func(*catalog.Head) *sheaf.LogState) {
	was, is := state(before), state(after)
	if before.Collection != after.Collection {
		was.Collection, is.Collection = before.Collection, after.Collection
		e.addTo(before.Collection, withDocument(before.ID, was, is))
	}
	e.addTo(after.Collection, withDocument(before.ID, was, is))
}

// addTo adds a part to the entry of a stream.
func (e *streamEntries) addTo(stream sheaf.Slug, part func(*sheaf.LogPayload)) {
	if e.parts == nil {
		e.parts = make(map[sheaf.Slug][]func(*sheaf.LogPayload))
	}
	if _, known := e.parts[stream]; !known {
		e.streams = append(e.streams, stream)
	}
	e.parts[stream] = append(e.parts[stream], part)
}

// append writes the entries, each with the parts for all of them too. OperationID
// is what they have in common, empty when there is one only.
func (e *streamEntries) append(tx *catalog.Tx, op operation, parts ...func(*sheaf.LogPayload)) (made []sheaf.BulkRevision, operationID string, err error) {
	if len(e.streams) > 1 {
		operationID = sheaf.NewOperationID()
	}
	for _, stream := range e.streams {
		payload := op.entry(append(parts, withOperationID(operationID))...)
		for _, part := range e.parts[stream] {
			part(payload)
		}
		entry, err := tx.Append(string(stream), payload)
		if err != nil {
			return nil, "", err
		}
		made = append(made, sheaf.BulkRevision{Collection: stream, Revision: entry.Rev, AuditEntryID: entry.ID})
	}
	return made, operationID, nil
}
