package blob

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/sheaf-dev/sheaf"
)

// A Gzip is the gzip form of a deflated blob: a header, the stored bytes and a
// trailer. It belongs to the Content that gave it.
type Gzip struct {
	Size   int64        // bytes
	Digest sheaf.Digest // SHA-256

	content *Content
}

// gzipHeader says nothing of name, time or system (RFC 1952), so that the form
// is the same always.
var gzipHeader = [10]byte{0x1f, 0x8b, 8, 9: 0xff}

func gzipTrailer(ref Ref) (trailer [8]byte) {
	binary.LittleEndian.PutUint32(trailer[:4], ref.CRC32)
	binary.LittleEndian.PutUint32(trailer[4:], uint32(ref.Size))
	return trailer
}

func gzipSize(ref Ref) int64 {
	return int64(len(gzipHeader)) + ref.StoredSize + int64(len(gzipTrailer(ref)))
}

// WriteTo implements [io.WriterTo]. The stored bytes of a file reach the
// [io.ReaderFrom] of w as an [io.LimitedReader] of an [os.File], so that they
// can be sent by the kernel.
func (g *Gzip) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(gzipHeader[:])
	written := int64(n)
	if err != nil {
		return written, err
	}
	copied, err := g.writeStored(w)
	written += copied
	if err != nil {
		return written, err
	}
	trailer := gzipTrailer(g.content.ref)
	n, err = w.Write(trailer[:])
	return written + int64(n), err
}

func (g *Gzip) writeStored(w io.Writer) (int64, error) {
	c := g.content
	var stored io.Reader
	switch {
	case c.ref.IsInline():
		stored = bytes.NewReader(c.ref.Inline)
	case c.file != nil:
		if _, err := c.file.Seek(0, io.SeekStart); err != nil {
			return 0, err
		}
		stored = c.file
	default:
		object, err := c.openAt(0)
		if err != nil {
			return 0, err
		}
		defer object.Close()
		stored = object
	}
	n, err := io.CopyN(w, stored, c.ref.StoredSize)
	if c.ref.Seal != nil {
		err = c.store.judgeSeal(c.ref, err)
	}
	if err == io.EOF {
		err = fmt.Errorf("blob %s was cut off while it was sent: %w", c.ref.Digest, io.ErrUnexpectedEOF)
	}
	return n, err
}
