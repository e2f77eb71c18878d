package rest

import (
	"io"
	"net/http"
	"os"
	"sync"
)

// pieceSize is in how large pieces contents are sent that are no files, and how
// much of one is read before its answer begins. The 32 KiB of net/http cost four
// times the system calls.
const pieceSize = 128 << 10

var pieces = sync.Pool{New: func() any { return new([pieceSize]byte) }}

// A lateWriter writes the header with the first byte of the body, not before, so
// that what cannot be read is answered by a problem and not by a connection that
// breaks off.
type lateWriter struct {
	http.ResponseWriter
	status int
	begun  bool
}

// WriteHeader implements [http.ResponseWriter].
func (w *lateWriter) WriteHeader(status int) { w.status = status }

// begin writes the header, if that was not done.
func (w *lateWriter) begin() {
	if !w.begun {
		w.begun = true
		w.ResponseWriter.WriteHeader(w.status)
	}
}

// Write implements [io.Writer].
func (w *lateWriter) Write(p []byte) (int, error) {
	w.begin()
	return w.ResponseWriter.Write(p)
}

// ReadFrom implements [io.ReaderFrom]. A file, which can be read, goes out by
// sendfile; of anything else the first piece is read before the header is written.
func (w *lateWriter) ReadFrom(r io.Reader) (int64, error) {
	if isFile(r) {
		w.begin()
		return io.Copy(w.ResponseWriter, r)
	}
	piece := pieces.Get().(*[pieceSize]byte)
	defer pieces.Put(piece)
	n, err := io.ReadFull(r, piece[:])
	atEnd := err == io.EOF || err == io.ErrUnexpectedEOF
	if err != nil && !atEnd {
		return 0, err
	}
	sent, err := w.Write(piece[:n])
	if err != nil || atEnd {
		return int64(sent), err
	}
	rest, err := io.CopyBuffer(struct{ io.Writer }{w}, r, piece[:])
	return int64(sent) + rest, err
}

// isFile reports whether all that comes of a reader is of a file.
func isFile(r io.Reader) bool {
	if limited, ok := r.(*io.LimitedReader); ok {
		r = limited.R
	}
	_, ok := r.(*os.File)
	return ok
}

// Unwrap serves [http.ResponseController].
func (w *lateWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
