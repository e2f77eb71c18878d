package rest

import (
	"io"
	"net/http"
	"sync"
)

// copyBuffer is in how large pieces contents are sent that are no files. The 32
// KiB of net/http cost several times the system calls.
const copyBuffer = 256 << 10

var copyBuffers = sync.Pool{New: func() any { return new([copyBuffer]byte) }}

// A copyingWriter copies what it is to read from in large pieces.
type copyingWriter struct{ http.ResponseWriter }

// ReadFrom implements [io.ReaderFrom].
func (w copyingWriter) ReadFrom(r io.Reader) (int64, error) {
	buffer := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(buffer)
	return io.CopyBuffer(justWriter{w.ResponseWriter}, r, buffer[:])
}

// Unwrap serves [http.ResponseController].
func (w copyingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// A justWriter has no other method.
type justWriter struct{ io.Writer }
