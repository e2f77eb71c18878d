package sheaf

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"time"
)

// A LogEntry is one row that is three things: the next revision of its stream,
// the audit record of one operation, and the event that indexes and feeds tail.
type LogEntry struct {
	ID        int64     // global, in commit order
	Stream    string    // a collection's name, or [SystemStream]
	Rev       int64     // from 1, without gaps in the stream
	At        time.Time // never decreases
	Principal string
	Label     string
	Operation string          // noun.verb, such as "document.create"
	Status    string          // "success"
	Payload   json.RawMessage // a LogPayload; exactly these bytes are hashed
	Prev      Digest          // the hash of entry Rev-1, zero for the first
	Hash      Digest
}

// LogPayload is what an entry says of its operation. The columns beside it
// repeat some of it for queries; the payload is what the hash covers.
type LogPayload struct {
	At         int64  `json:"at"` // Unix milliseconds
	Principal  string `json:"principal"`
	Label      string `json:"label,omitempty"`
	Operation  string `json:"operation"`
	Status     string `json:"status"`
	DurationUS int64  `json:"duration_us"` // from the call's arrival to its turn in the commit
	Message    string `json:"message,omitempty"`
	// OperationID is what the entries of one operation over several streams or
	// transactions have in common; empty when there is one entry only.
	OperationID string        `json:"operation_id,omitempty"`
	Documents   []LogDocument `json:"documents,omitempty"`
	Detail      any           `json:"detail,omitempty"` // what else an operation has to say
}

// LogDocument is one document touched by an operation: absent before a
// creation, absent after a purge.
type LogDocument struct {
	ID     DocumentID `json:"id"`
	Layer  string     `json:"layer,omitempty"` // in which it was touched; empty: the base
	Before *LogState  `json:"before,omitempty"`
	After  *LogState  `json:"after,omitempty"`
}

// LogState is a document before or after an operation.
type LogState struct {
	Collection  Slug            `json:"collection,omitempty"` // when it was moved; else it is the stream
	Version     int             `json:"version"`
	Digest      Digest          `json:"digest"`
	Path        string          `json:"path,omitempty"`
	Name        string          `json:"name"`
	Filename    string          `json:"filename"`
	Description string          `json:"description,omitempty"`
	Tags        []string        `json:"tags,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
	Deleted     bool            `json:"deleted,omitempty"`
}

// logHashVersion is the format of the chain's hashes.
const logHashVersion = 1

// ChainHash returns the hash of an entry: SHA-256 over the format version, the
// stream, the revision, the previous hash and the payload, each preceded by its
// length as a big-endian uint64, integers as big-endian uint64s.
func ChainHash(stream string, rev int64, prev Digest, payload []byte) Digest {
	buf := make([]byte, 0, 5*8+2*8+len(stream)+len(prev)+len(payload))
	number := func(n uint64) {
		buf = binary.BigEndian.AppendUint64(buf, 8)
		buf = binary.BigEndian.AppendUint64(buf, n)
	}
	text := func(b []byte) {
		buf = binary.BigEndian.AppendUint64(buf, uint64(len(b)))
		buf = append(buf, b...)
	}
	number(logHashVersion)
	text([]byte(stream))
	number(uint64(rev))
	text(prev[:])
	text(payload)
	return sha256.Sum256(buf)
}
