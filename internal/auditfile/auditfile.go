// Package auditfile keeps the audit as files of a day each, YYYY-MM-DD.jsonl, one
// entry a line, in the order of the entries' ids.
//
// The files are their own watermark: what is to be written next is what comes
// after the last whole line. So a crash in the middle of a write neither loses an
// entry nor writes one twice; what it has torn, Open cuts off. A file whose day is
// over is sealed: its last line says how many entries it has and the SHA-256 of
// all that stands before, and nobody may write to it any more.
package auditfile

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf/internal/durable"
)

const extension = ".jsonl"

// A Seal is what the last line of a finished file says.
type Seal struct {
	Entries int64  `json:"entries"`
	LastID  int64  `json:"last_id"` // of this file or, if it is empty, of those before; 0 for none
	SHA256  string `json:"sha256"`  // of all bytes before the line
}

// A line is what this package reads of one.
type line struct {
	ID   int64 `json:"id"`
	Seal *Seal `json:"sealed"`
}

// A Writer appends to the newest file of a directory. It is used by one
// goroutine. After an error it is closed and the directory opened again.
type Writer struct {
	dir  string
	day  string // of the newest file, "" when there is none
	last int64

	file    *os.File      // of the day; nil when that is sealed or there is none
	out     *bufio.Writer // to file and sum
	sum     hash.Hash
	entries int64
}

// Open opens a directory, making it if there is none, and cuts what a crash has
// torn off the end of the newest file.
func Open(dir string) (*Writer, error) {
	if err := durable.MakeDirs(dir); err != nil {
		return nil, fmt.Errorf("open the audit files: %w", err)
	}
	names, err := List(dir)
	if err != nil {
		return nil, err
	}
	w := &Writer{dir: dir}
	for _, name := range slices.Backward(names) {
		if err := w.resume(name); err != nil {
			w.Close()
			return nil, err
		}
		if w.last > 0 {
			break
		}
	}
	return w, nil
}

// List returns the names of the files in a directory, the oldest first; none if
// there is no such directory.
func List(dir string) ([]string, error) {
	found, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the audit files: %w", err)
	}
	var names []string
	for _, file := range found {
		day, ok := strings.CutSuffix(file.Name(), extension)
		if _, err := time.Parse(time.DateOnly, day); ok && err == nil {
			names = append(names, file.Name())
		}
	}
	return names, nil
}

// resume takes up a file: the newest one for writing, an older one for its last id.
func (w *Writer) resume(name string) error {
	path := filepath.Join(w.dir, name)
	found, err := scan(path)
	if err != nil {
		return fmt.Errorf("read the audit file %s: %w", name, err)
	}
	newest := w.day == ""
	if newest {
		w.day = strings.TrimSuffix(name, extension)
	}
	w.last = found.last
	if !newest || found.sealed {
		return nil
	}
	w.sum, w.entries = found.sum, found.entries
	if err := os.Truncate(path, found.whole); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	w.begin(file)
	return file.Sync()
}

// A content is what a file has up to its seal or its last whole line.
type content struct {
	last    int64 // id
	entries int64
	sum     hash.Hash // of the entries
	whole   int64     // their bytes
	sealed  bool
}

func scan(path string) (c content, err error) {
	c.sum = sha256.New()
	err = Read(path, func(text []byte) error {
		var l line
		if json.Unmarshal(text, &l) != nil || l.Seal == nil && l.ID <= c.last {
			return errTorn
		}
		if l.Seal != nil {
			c.sealed, c.last = true, l.Seal.LastID
			return nil
		}
		c.last = l.ID
		c.entries++
		c.whole += int64(len(text))
		c.sum.Write(text)
		return nil
	})
	if errors.Is(err, errTorn) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return c, err
}

// errTorn is of a line that was never written as it is.
var errTorn = errors.New("a line is torn")

// Read calls each for every line of a file, with its newline, until it returns an
// error, which Read returns. A last line without a newline is
// [io.ErrUnexpectedEOF]. A line is valid during the call only.
func Read(path string, each func(line []byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 64<<10)
	var long []byte
	for {
		text, err := in.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			long = append(long, text...)
			continue
		}
		if len(long) > 0 {
			long = append(long, text...)
			text = long
		}
		switch {
		case err == io.EOF && len(text) == 0:
			return nil
		case err == io.EOF:
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		}
		if err := each(text); err != nil {
			return err
		}
		long = long[:0]
	}
}

// ParseSeal returns the seal that a line is, nil when it is an entry.
func ParseSeal(text []byte) *Seal {
	var l line
	if !bytes.HasPrefix(text, []byte(`{"sealed":`)) || json.Unmarshal(text, &l) != nil {
		return nil
	}
	return l.Seal
}

// Last returns the id of the last entry that was written, 0 for none.
func (w *Writer) Last() int64 { return w.last }

// Day returns the day of the newest file, as YYYY-MM-DD, "" when there is none.
func (w *Writer) Day() string { return w.day }

// Sealed reports whether the newest file takes no more entries.
func (w *Writer) Sealed() bool { return w.file == nil }

// Append writes an entry, a line of JSON without its newline, to the file of its
// day. A file of an earlier day is sealed before; an entry of a day that is over
// goes to the newest file. It is durable after [Writer.Sync].
func (w *Writer) Append(day string, id int64, entry []byte) error {
	if err := w.open(day); err != nil {
		return err
	}
	w.out.Write(entry) // a bufio.Writer keeps its error
	if err := w.out.WriteByte('\n'); err != nil {
		return fmt.Errorf("write the audit file of %s: %w", w.day, err)
	}
	w.last = id
	w.entries++
	return nil
}

// Sync makes what was appended durable.
func (w *Writer) Sync() error {
	if w.file == nil {
		return nil
	}
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("write the audit file of %s: %w", w.day, err)
	}
	return w.file.Sync()
}

// Begin makes the file of a day, after it has sealed that of the day before.
func (w *Writer) Begin(day string) error { return w.open(day) }

// open makes the file of a day the newest, unless there is one that is as new.
func (w *Writer) open(day string) error {
	if w.file != nil && day <= w.day {
		return nil
	}
	if w.file == nil && w.day != "" && day <= w.day {
		sealed, err := time.Parse(time.DateOnly, w.day)
		if err != nil {
			return err
		}
		day = sealed.AddDate(0, 0, 1).Format(time.DateOnly)
	}
	if err := w.seal(); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(w.dir, day+extension), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("make an audit file: %w", err)
	}
	w.day, w.sum, w.entries = day, sha256.New(), 0
	w.begin(file)
	return durable.SyncDir(w.dir)
}

// begin writes to a file from now on.
func (w *Writer) begin(file *os.File) {
	w.file = file
	w.out = bufio.NewWriterSize(io.MultiWriter(file, w.sum), 64<<10)
}

// seal ends the file that is open, if there is one.
func (w *Writer) seal() error {
	if w.file == nil {
		return nil
	}
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("write the audit file of %s: %w", w.day, err)
	}
	text, err := json.Marshal(sealLine{Seal{Entries: w.entries, LastID: w.last, SHA256: hex.EncodeToString(w.sum.Sum(nil))}})
	if err != nil {
		return err
	}
	if _, err := w.file.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("seal the audit file of %s: %w", w.day, err)
	}
	// First the line, then the mode: a file without a seal has to stay writable.
	err = w.file.Sync()
	if err == nil && runtime.GOOS != "windows" { // which cannot change an open file's mode
		err = w.file.Chmod(0o400)
	}
	err = errors.Join(err, w.file.Close())
	w.file = nil
	return err
}

// A sealLine is the last line of a sealed file.
type sealLine struct {
	Seal Seal `json:"sealed"`
}

// Close gives up what was not synced and closes the file.
func (w *Writer) Close() error {
	if w.file == nil {
		return nil
	}
	err := w.file.Close()
	w.file = nil
	return err
}
