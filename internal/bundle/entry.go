package bundle

import (
	"fmt"
	"hash/crc32"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sheaf-dev/sheaf"
)

// An Encoding says how the bytes of an entry are stored. The names are those
// that package blob uses.
type Encoding string

const (
	Identity Encoding = "identity" // as they are
	Deflate  Encoding = "deflate"  // raw DEFLATE, RFC 1951
)

// An Entry is a file of an archive: what has to be known to place it.
type Entry struct {
	File
	CRC32      uint32 // of the plain content, IEEE
	Encoding   Encoding
	StoredSize int64 // bytes

	content []byte // of Literal, else nil
}

// Literal returns an entry whose content is at hand, such as a manifest. It is
// never asked of an [Opener]. The archive keeps content, which must not change.
func Literal(path string, content []byte) Entry {
	size := int64(len(content))
	return Entry{
		File:       File{Path: path, Size: size, Digest: sheaf.DigestOf(content)},
		CRC32:      crc32.ChecksumIEEE(content),
		Encoding:   Identity,
		StoredSize: size,
		content:    content,
	}
}

// maxPath is the longest path of an entry in bytes: its headers should not be
// longer than 65,535 (APPNOTE 4.4.10), whatever else is in them.
const maxPath = 65_535 - 1024

// check refuses an entry that an archive cannot hold, or that would be unsafe
// to extract.
func (e *Entry) check() error {
	if err := checkPath(e.Path); err != nil {
		return err
	}
	invalid := func(format string, args ...any) error {
		return sheaf.Errorf(sheaf.ErrInvalid, "the entry %q %s", e.Path, fmt.Sprintf(format, args...))
	}
	switch {
	case e.Size < 0 || e.StoredSize < 0:
		return invalid("has a negative size")
	case e.Digest.IsZero():
		return invalid("has no digest")
	case e.Encoding != Identity && e.Encoding != Deflate:
		return invalid("has the encoding %q, which an archive cannot say", e.Encoding)
	case e.Encoding == Identity && e.StoredSize != e.Size:
		return invalid("is stored as it is, in %d bytes instead of %d", e.StoredSize, e.Size)
	}
	return nil
}

// checkPath refuses the path of an entry that programs would extract elsewhere
// than below the directory they were told, or not at all. What only some
// systems cannot have in a name is let through: a book's paths are its own.
func checkPath(p string) error {
	invalid := func(why string) error {
		return sheaf.Invalid("path", fmt.Sprintf("an archive cannot have the path %q: it %s", shortened(p), why))
	}
	switch {
	case p == "":
		return invalid("is empty")
	case len(p) > maxPath:
		return invalid(fmt.Sprintf("has %d bytes, the limit is %d", len(p), maxPath))
	case !utf8.ValidString(p):
		return invalid("is not valid UTF-8")
	case strings.ContainsRune(p, '\\'):
		return invalid("has a backslash, which some programs take for a separator")
	case p[0] == '/':
		return invalid("starts with a slash")
	case len(p) > 1 && p[1] == ':' && isLetter(p[0]):
		return invalid("starts with the letter of a drive")
	case path.Clean(p) != p || p == "." || p == ".." || strings.HasPrefix(p, "../"):
		return invalid("has empty segments, . or ..")
	case strings.ContainsFunc(p, breaksLine):
		return invalid("has control characters")
	}
	return nil
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// breaksLine reports whether r does something to a line instead of being in it.
func breaksLine(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}

// shortened returns so much of a path as an error needs.
func shortened(p string) string {
	const enough = 200
	if len(p) <= enough {
		return p
	}
	return strings.ToValidUTF8(p[:enough], "") + "…"
}
