package sheaf

// A CheckReport is what a check of a whole store has found.
type CheckReport struct {
	Full       bool      `json:"full"` // whether every stored byte was read
	Documents  int64     `json:"documents"`
	Versions   int64     `json:"versions"`
	LogEntries int64     `json:"log_entries"`
	Blobs      int64     `json:"blobs"`
	BytesRead  int64     `json:"bytes_read"` // stored bytes
	Problems   []Problem `json:"problems"`   // never nil
}

// A Problem is one thing that a check found wrong.
type Problem struct {
	Area      string       `json:"area"` // "catalog", "log" or "blobs"
	Message   string       `json:"message"`
	Documents []DocumentID `json:"documents,omitempty"` // those it hits
}
