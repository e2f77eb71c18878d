package blob

import (
	"bytes"
	"io"

	"github.com/sheaf-dev/sheaf"
)

// An Encoding says how a blob's bytes are stored. It is chosen once, when the
// content arrives first, and never changes.
type Encoding string

const (
	Identity Encoding = "identity" // as they are
	Deflate  Encoding = "deflate"  // raw DEFLATE, RFC 1951
)

// A Ref is all that is needed to read a blob: what the catalog knows of it.
type Ref struct {
	Backend    string       // the name from the configuration
	Digest     sheaf.Digest // of the plain content
	Size       int64        // of the plain content
	CRC32      uint32       // of the plain content, IEEE, as ZIP and gzip want it
	Encoding   Encoding
	StoredSize int64  // before they are sealed
	Inline     []byte // the stored bytes, as long as the catalog holds them; nil once they are in the backend
	Seal       *Seal  // of the stored bytes, inline or not; nil when they are not sealed. It is never changed
}

// Key returns the object's name in the backend.
func (r Ref) Key() Key {
	if r.Seal != nil {
		return r.Seal.Object
	}
	return Key(r.Digest.String())
}

// ObjectSize returns the size of the object in the backend: that of the stored
// bytes, or of these sealed.
func (r Ref) ObjectSize() int64 {
	if r.Seal != nil {
		return sealedSize(r.StoredSize)
	}
	return r.StoredSize
}

// IsInline reports whether the stored bytes are in r itself. Those of nothing
// always are: a database may give back an empty value as nil.
func (r Ref) IsInline() bool { return r.Inline != nil || r.StoredSize == 0 }

// inlineAt opens the inline bytes from an offset on. They can be read twice.
func (r Ref) inlineAt(offset int64) (io.ReadCloser, error) {
	return inlineReader{bytes.NewReader(r.Inline[min(offset, int64(len(r.Inline))):])}, nil
}

type inlineReader struct{ *bytes.Reader }

func (inlineReader) Close() error { return nil }
