package sheaf

import "time"

// How calls end, as the audit has it.
const (
	CallSucceeded = "success"
	CallFailed    = "error"
	CallConflict  = "conflict" // a write that was refused because of what others had done
	CallDenied    = "denied"   // the caller may not do this
)

// CallStatuses are all ways in which calls end.
var CallStatuses = []string{CallSucceeded, CallFailed, CallConflict, CallDenied}

// CallStatus returns how a call ends that fails with an error of a kind.
func CallStatus(kind ErrorKind) string {
	switch kind {
	case ErrConflict, ErrPreconditionFailed, ErrHashRequired, ErrExists:
		return CallConflict
	case ErrForbidden, ErrUnauthorized:
		return CallDenied
	}
	return CallFailed
}

// An AuditEntry is a log entry, or the record of a call that left none: a read, a
// refusal, a conflict. Of an entry about several documents it describes the first.
type AuditEntry struct {
	ID              int64      `json:"id"`                       // of the whole store; later entries have larger ones
	Stream          string     `json:"stream,omitempty"`         // of a log entry
	Rev             int64      `json:"rev,omitempty"`            // of a log entry, in its stream
	Timestamp       time.Time  `json:"timestamp"`                // never decreases from an entry to a later one
	AgentID         string     `json:"agent_id"`                 // the principal
	Label           string     `json:"label,omitempty"`          // what the caller called itself
	Operation       string     `json:"operation"`                // such as content.write
	Transport       string     `json:"transport,omitempty"`      // by which a call came that is not in the log
	BookID          string     `json:"book_id,omitempty"`        // the collection
	Path            string     `json:"path,omitempty"`           // in a book
	Layer           string     `json:"layer,omitempty"`          // whose own copy it is, such as user:ada
	Document        DocumentID `json:"document,omitempty"`       // its id
	DocumentCount   int        `json:"document_count,omitempty"` // when there are several
	FileHashBefore  string     `json:"file_hash_before,omitempty"`
	FileHashAfter   string     `json:"file_hash_after,omitempty"`
	Version         int        `json:"version,omitempty"` // after the operation, or the last
	Status          string     `json:"status"`
	ExecutionTimeMS float64    `json:"execution_time_ms"`
	ErrorCode       ErrorKind  `json:"error_code,omitempty"`
	ErrorMessage    string     `json:"error_message,omitempty"`
	Message         string     `json:"message,omitempty"` // why the change was made
	Prev            string     `json:"prev,omitempty"`    // the hash of the entry before it in its stream
	Hash            string     `json:"hash,omitempty"`    // chains a log entry to all before it
}

// An AuditVerification is what a comparison of the log with its chain, and of the
// exported files with the log, has found.
type AuditVerification struct {
	Streams  int            `json:"streams"`
	Entries  int64          `json:"entries"`  // of the log
	Files    int            `json:"files"`    // exported
	Lines    int64          `json:"lines"`    // of the files
	Problems []AuditProblem `json:"problems"` // the first of each stream and of each file; never nil
}

// An AuditProblem is the first entry of a stream or of a file that is not what
// was written.
type AuditProblem struct {
	Stream  string `json:"stream,omitempty"`
	Rev     int64  `json:"rev,omitempty"`
	ID      int64  `json:"id,omitempty"`
	File    string `json:"file,omitempty"`
	Line    int64  `json:"line,omitempty"`
	Message string `json:"message"`
}
