package blob

import "github.com/sheaf-dev/sheaf"

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
	StoredSize int64
	Inline     []byte // the stored bytes, as long as the catalog holds them; nil once they are in the backend
}

// Key returns the object's name in the backend.
func (r Ref) Key() Key { return Key(r.Digest.String()) }

// IsInline reports whether the stored bytes are in r itself. Those of nothing
// always are: a database may give back an empty value as nil.
func (r Ref) IsInline() bool { return r.Inline != nil || r.StoredSize == 0 }
