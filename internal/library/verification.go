package library

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"path/filepath"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/auditfile"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// VerifyAudit recomputes the chain of every stream from its first entry, and
// compares the exported files with the log and with their seals. Of each stream
// and of each file it reports the first entry that is wrong.
func (s *Session) VerifyAudit(ctx context.Context) (sheaf.AuditVerification, error) {
	s.begin("audit.verify")
	if err := s.allow(sheaf.ScopeAdmin); err != nil {
		return sheaf.AuditVerification{}, err
	}
	found := sheaf.AuditVerification{Problems: []sheaf.AuditProblem{}}
	broken := make(map[string]bool)
	var err error
	found.Streams, found.Entries, err = s.library.catalog.VerifyChains(ctx, func(e sheaf.LogEntry, message string) {
		if !broken[e.Stream] {
			broken[e.Stream] = true
			found.Problems = append(found.Problems, sheaf.AuditProblem{Stream: e.Stream, Rev: e.Rev, ID: e.ID, Message: message})
		}
	})
	if err != nil || s.library.exports == nil {
		return found, err
	}
	names, err := auditfile.List(s.library.exports.dir)
	if err != nil {
		return found, err
	}
	last := int64(-1)
	for i, name := range names {
		v := fileVerifier{library: s.library, newest: i == len(names)-1, sum: sha256.New(), last: last}
		err := v.verify(ctx, filepath.Join(s.library.exports.dir, name))
		var wrong *wrongLine
		switch {
		case errors.As(err, &wrong):
			found.Problems = append(found.Problems, sheaf.AuditProblem{File: name, Line: wrong.line, ID: wrong.id, Message: wrong.message})
			v.last = -1 // nobody knows where the next one has to begin
		case err != nil:
			return found, fmt.Errorf("verify the audit file %s: %w", name, err)
		}
		found.Files++
		found.Lines += v.count
		last = v.last
	}
	return found, nil
}

// A wrongLine is the first line of a file that is not what was written.
type wrongLine struct {
	line, id int64
	message  string
}

// Error implements [error].
func (w *wrongLine) Error() string { return fmt.Sprintf("line %d: %s", w.line, w.message) }

// A fileVerifier compares one exported file with the log.
type fileVerifier struct {
	library *Library
	newest  bool  // the export may be writing to it
	last    int64 // the id of the last entry that was compared; -1: the file may begin with any

	sum   hash.Hash // of the lines before the current one
	count int64     // entries so far
	seal  *auditfile.Seal
	batch []fileLine
}

type fileLine struct {
	id, line int64
	text     []byte
}

// verifyBatch is how many lines are compared at once.
const verifyBatch = 500

func (v *fileVerifier) verify(ctx context.Context, path string) error {
	line := int64(0)
	err := auditfile.Read(path, func(text []byte) error {
		line++
		if v.seal != nil {
			return &wrongLine{line, 0, "it stands after the seal"}
		}
		if v.seal = auditfile.ParseSeal(text); v.seal != nil {
			return nil
		}
		var entry struct {
			ID int64 `json:"id"`
		}
		if err := json.Unmarshal(text, &entry); err != nil || entry.ID < 1 {
			return &wrongLine{line, 0, "it is no entry"}
		}
		v.count++
		v.sum.Write(text)
		if v.batch = append(v.batch, fileLine{entry.ID, line, bytes.Clone(text)}); len(v.batch) < verifyBatch {
			return nil
		}
		return v.compare(ctx)
	})
	if errors.Is(err, io.ErrUnexpectedEOF) && v.newest {
		err = nil // it is being written
	} else if errors.Is(err, io.ErrUnexpectedEOF) {
		err = &wrongLine{line + 1, 0, "it is cut off"}
	}
	if err == nil {
		err = v.compare(ctx)
	}
	if err != nil {
		return err
	}
	switch {
	case v.seal == nil && v.newest:
		return nil
	case v.seal == nil:
		return &wrongLine{line, v.last, "the file ends without a seal"}
	case v.seal.Entries != v.count:
		return &wrongLine{line, v.last, fmt.Sprintf("the seal says %d entries, there are %d", v.seal.Entries, v.count)}
	case v.seal.SHA256 != hex.EncodeToString(v.sum.Sum(nil)):
		return &wrongLine{line, v.last, "the seal is not that of the lines before"}
	}
	return nil
}

// compare compares the lines of the batch with what the log has.
func (v *fileVerifier) compare(ctx context.Context) error {
	if len(v.batch) == 0 {
		return nil
	}
	if v.last < 0 {
		v.last = v.batch[0].id - 1
	}
	var rows []catalog.AuditRow
	err := v.library.catalog.Snapshot(ctx, func(view *catalog.View) (err error) {
		rows, err = view.AuditAfter(v.last, len(v.batch)+1)
		return err
	})
	if err != nil {
		return err
	}
	for _, line := range v.batch {
		wrong := func(message string) error { return &wrongLine{line.line, line.id, message} }
		switch {
		case line.id <= v.last:
			return wrong("it is not in order")
		case len(rows) > 0 && rows[0].ID < line.id:
			return wrong(fmt.Sprintf("entry %d is missing before it", rows[0].ID))
		case len(rows) > 0 && rows[0].ID == line.id:
			entry, err := auditEntry(rows[0], nil)
			if err != nil {
				return wrong("the log has something that is no entry")
			}
			same, err := says(line.text, entry)
			if err != nil {
				return err
			}
			if !same {
				return wrong("it is not what the log has")
			}
			rows = rows[1:]
		case bytes.Contains(line.text, []byte(`"hash":`)): // access records are forgotten after a time
			return wrong("it is not in the log")
		}
		v.last = line.id
	}
	v.batch = v.batch[:0]
	return nil
}

// says reports whether all that a line says is true of an entry. A later Sheaf may
// have more to say.
func says(line []byte, entry sheaf.AuditEntry) (bool, error) {
	text, err := json.Marshal(entry)
	if err != nil {
		return false, err
	}
	var said, is map[string]json.RawMessage
	if err := json.Unmarshal(text, &is); err != nil {
		return false, err
	}
	if json.Unmarshal(line, &said) != nil {
		return false, nil
	}
	if !bytes.Equal(said["hash"], is["hash"]) {
		return false, nil
	}
	for name, value := range said {
		if !bytes.Equal(value, is[name]) {
			return false, nil
		}
	}
	return true, nil
}
