package bundle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/sheaf-dev/sheaf"
)

// An Archive is a ZIP file that is computed when it is read. It never changes,
// and all methods may be called concurrently. It takes memory for its entries,
// and none for their contents or for the central directory.
type Archive struct {
	entries []Entry

	// starts are the offsets of the pieces that the archive is made of: each
	// entry's local header with its data, then each entry's header in the
	// central directory, then the end records. The last element is the size.
	starts []int64

	etag string
}

// An Opener opens the stored bytes of an entry from offset on, as they are:
// those of a deflated entry are not inflated. The archive closes the reader.
//
// An [*os.File] should be returned itself, not wrapped, so that the kernel can
// send it. The bytes have to be those that the entry's CRC-32 is of, or the
// reader has to fail: the archive does not look at them.
type Opener func(ctx context.Context, e Entry, offset int64) (io.ReadCloser, error)

// NewArchive lays out an archive of the entries, which it takes over and sorts
// by path. The same entries make the same bytes always. It refuses a path that
// is there twice or is not safe to extract; [UniqueNames] makes paths of names.
func NewArchive(entries []Entry) (*Archive, error) {
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	a := &Archive{entries: entries, starts: make([]int64, 0, 2*len(entries)+2)}

	var header []byte
	var offset int64
	for i := range entries {
		e := &entries[i]
		if err := e.check(); err != nil {
			return nil, err
		}
		if i > 0 && e.Path == entries[i-1].Path {
			return nil, sheaf.Errorf(sheaf.ErrExists, "the archive would have two entries %q", e.Path)
		}
		a.starts = append(a.starts, offset)
		header = e.appendLocalHeader(header[:0])
		offset += int64(len(header))
		if e.StoredSize > math.MaxInt64/2-offset {
			return nil, sheaf.Errorf(sheaf.ErrTooLarge, "the archive would have more than %d bytes", int64(math.MaxInt64/2))
		}
		offset += e.StoredSize
	}

	// The ETag is of all that the archive is made of: the central directory says
	// everything but the contents, and digests say those.
	hash := sha256.New()
	directory := offset
	for i := range entries {
		e := &entries[i]
		header = e.appendCentralHeader(header[:0], a.starts[i])
		hash.Write(header)
		hash.Write(e.Digest[:])
		a.starts = append(a.starts, offset)
		offset += int64(len(header))
	}
	header = appendEnd(header[:0], len(entries), directory, offset)
	hash.Write(header)
	a.starts = append(a.starts, offset, offset+int64(len(header)))
	a.etag = `"` + hex.EncodeToString(hash.Sum(nil)) + `"`
	return a, nil
}

// Size returns the length of the archive in bytes.
func (a *Archive) Size() int64 { return a.starts[len(a.starts)-1] }

// ETag returns a strong validator, quoted as HTTP has it: archives with the
// same one have the same bytes.
func (a *Archive) ETag() string { return a.etag }

// Len returns how many entries there are.
func (a *Archive) Len() int { return len(a.entries) }

// WriteRange writes length bytes of the archive from offset on, and opens only
// the entries that they touch. Small pieces reach w together; of a larger entry
// w gets to copy an [io.LimitedReader] of what open returned, if it is an
// [io.ReaderFrom].
//
// An error of open, of what it returned or of w is returned as it is. Then part
// of the range may be written, and cannot be taken back. ErrRange is for a range
// that is not within the archive.
func (a *Archive) WriteRange(ctx context.Context, w io.Writer, offset, length int64, open Opener) error {
	if offset < 0 || length < 0 || offset > a.Size() || length > a.Size()-offset {
		return sheaf.Errorf(sheaf.ErrRange, "%d bytes from %d are not within an archive of %d", length, offset, a.Size())
	}
	piece, isStart := slices.BinarySearch(a.starts, offset)
	if !isStart {
		piece--
	}
	out := &window{
		w:      w,
		buffer: make([]byte, 0, min(length, windowBuffer)),
		skip:   offset - a.starts[piece],
		left:   length,
	}
	var header []byte
	for n := len(a.entries); out.left > 0; piece++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		var data *Entry // that follows the header
		switch {
		case piece < n:
			data = &a.entries[piece]
			header = data.appendLocalHeader(header[:0])
		case piece < 2*n:
			header = a.entries[piece-n].appendCentralHeader(header[:0], a.starts[piece-n])
		default:
			header = appendEnd(header[:0], n, a.starts[n], a.starts[2*n])
		}
		if err := out.write(header); err != nil {
			return err
		}
		if data != nil {
			if err := out.writeData(ctx, data, open); err != nil {
				return err
			}
		}
	}
	return out.flush()
}
