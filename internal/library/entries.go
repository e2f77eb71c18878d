package library

import (
	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// streamEntries gathers what one operation does to documents, by stream, so that
// each stream gets one entry however many documents there are.
type streamEntries struct {
	streams   []sheaf.Slug // in the order of their entries
	documents map[sheaf.Slug][]sheaf.LogDocument
}

// add notes that a document was changed. One that was moved is in the entries of
// both collections.
func (e *streamEntries) add(before, after *catalog.Head, state func(*catalog.Head) *sheaf.LogState) {
	changed := sheaf.LogDocument{ID: before.ID, Before: state(before), After: state(after)}
	if before.Collection != after.Collection {
		changed.Before.Collection, changed.After.Collection = before.Collection, after.Collection
		e.addTo(before.Collection, changed)
	}
	e.addTo(after.Collection, changed)
}

func (e *streamEntries) addTo(stream sheaf.Slug, changed sheaf.LogDocument) {
	if e.documents == nil {
		e.documents = make(map[sheaf.Slug][]sheaf.LogDocument)
	}
	if _, known := e.documents[stream]; !known {
		e.streams = append(e.streams, stream)
	}
	e.documents[stream] = append(e.documents[stream], changed)
}

// append writes the entries. OperationID is what they have in common, empty when
// there is one only.
func (e *streamEntries) append(tx *catalog.Tx, op operation, parts ...func(*sheaf.LogPayload)) (made []sheaf.BulkRevision, operationID string, err error) {
	if len(e.streams) > 1 {
		operationID = sheaf.NewOperationID()
	}
	for _, stream := range e.streams {
		payload := op.entry(parts...)
		payload.Documents, payload.OperationID = e.documents[stream], operationID
		entry, err := tx.Append(string(stream), payload)
		if err != nil {
			return nil, "", err
		}
		made = append(made, sheaf.BulkRevision{Collection: stream, Revision: entry.Rev, AuditEntryID: entry.ID})
	}
	return made, operationID, nil
}
