package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/sheaf-dev/sheaf"
)

// longLineEnds is how many bytes are kept of the start and of the end of a line
// that is too long.
const longLineEnds = 4 << 10

// A longLineError is a line that is too long to be a message.
type longLineError struct {
	most       int
	start, end []byte
}

// read notes what comes next in the line.
func (e *longLineError) read(piece []byte) {
	piece = bytes.TrimRight(piece, "\r\n")
	e.end = append(e.end, piece[max(0, len(piece)-longLineEnds):]...)
	e.end = e.end[max(0, len(e.end)-longLineEnds):]
}

func (e *longLineError) Error() string {
	return fmt.Sprintf("a message has more than %d bytes", e.most)
}

// refusal is what the sender of the line is told.
func (e *longLineError) refusal() error {
	return sheaf.Errorf(sheaf.ErrTooLarge, "%s", e.Error()).
		WithHint("upload larger contents over REST or with `sheaf push` and `sheaf book upload`")
}

// lastID matches the id of a message whose last field it is: behind it, the
// message ends.
var lastID = regexp.MustCompile(`"id"\s*:\s*("(?:[^"\\]|\\.)*"|-?[0-9]+)\s*\}\s*$`)

// id returns the JSON of the id that the message has if it is before all that is
// large or behind it, as clients write it; else nil.
func (e *longLineError) id() json.RawMessage {
	if found := lastID.FindSubmatch(e.end); found != nil && json.Valid(found[1]) {
		return found[1]
	}
	fields := json.NewDecoder(bytes.NewReader(e.start))
	if token, err := fields.Token(); err != nil || token != json.Delim('{') {
		return nil
	}
	for fields.More() {
		name, err := fields.Token()
		if err != nil {
			return nil
		}
		var value json.RawMessage
		if fields.Decode(&value) != nil {
			return nil
		}
		if name == "id" {
			return value
		}
	}
	return nil
}
