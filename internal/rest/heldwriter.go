package rest

import (
	"io"
	"net/http"
)

// A heldWriter holds the header of an answer back until the first byte of its
// body is there, so that a source which fails before that can be answered with
// a problem. Its user calls release when all went well: a body may be empty.
type heldWriter struct {
	http.ResponseWriter
	status int // 0 until it is known
	begun  bool
}

// WriteHeader implements [http.ResponseWriter].
func (w *heldWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write implements [http.ResponseWriter].
func (w *heldWriter) Write(p []byte) (int, error) {
	w.release()
	return w.ResponseWriter.Write(p)
}

// firstChunk is what is read of a source before the answer begins: a small
// content in full, with the verdict on its digest.
const firstChunk = 32 << 10

// ReadFrom implements [io.ReaderFrom].
func (w *heldWriter) ReadFrom(r io.Reader) (int64, error) {
	if w.begun {
		return io.Copy(w.ResponseWriter, r)
	}
	size := int64(firstChunk)
	if limited, ok := r.(*io.LimitedReader); ok {
		size = min(size, limited.N)
	}
	first := make([]byte, size)
	n, err := io.ReadFull(r, first)
	if n > 0 && (err == nil || err == io.ErrUnexpectedEOF) {
		n, err := w.Write(first[:n])
		if err != nil {
			return int64(n), err
		}
		rest, err := io.Copy(w.ResponseWriter, r)
		return int64(n) + rest, err
	}
	if err == io.EOF {
		err = nil
	}
	return 0, err // what was read before it failed is not sent: nobody can use it
}

// release sends the header if that has not been done.
func (w *heldWriter) release() {
	if !w.begun && w.status != 0 {
		w.ResponseWriter.WriteHeader(w.status)
	}
	w.begun = true
}

// Unwrap serves [http.ResponseController].
func (w *heldWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
