package blob

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"math"

	"github.com/sheaf-dev/sheaf"
)

// A checksum computes digest, CRC-32 and size of what is written to it.
type checksum struct {
	sha  hash.Hash
	crc  uint32
	size int64
	most int64 // bytes that may be written: a damaged DEFLATE stream may have no end
	sum  sheaf.Digest

	// print takes the place of sha where the content is recognised by it.
	print *fingerprint
}

// checksum returns a clean checksum of at most the given number of bytes.
func (p *pools) checksum(most int64) *checksum {
	c, ok := p.checksums.Get().(*checksum)
	if !ok {
		c = &checksum{sha: sha256.New()}
	}
	c.sha.Reset()
	c.crc, c.size, c.most, c.print = 0, 0, most, nil
	return c
}

func (p *pools) releaseChecksum(c *checksum) { p.checksums.Put(c) }

// Write fails with errTooLong when there is more than c.most.
func (c *checksum) Write(p []byte) (int, error) {
	c.size += int64(len(p))
	if c.size > c.most {
		return 0, errTooLong
	}
	if c.print != nil {
		c.print.hash.Write(p)
	}
	if !c.print.isKnown() {
		c.sha.Write(p)
	}
	c.crc = crc32.Update(c.crc, crc32.IEEETable, p)
	return len(p), nil
}

func (c *checksum) digest() sheaf.Digest {
	c.sha.Sum(c.sum[:0])
	return c.sum
}

// noLimit is more bytes than any content has.
const noLimit = math.MaxInt64

// matches returns nil when what was written is the content that ref names,
// else what is wrong with it.
func (c *checksum) matches(ref Ref) error {
	if c.size != ref.Size {
		return fmt.Errorf("the content has %d bytes, not %d", c.size, ref.Size)
	}
	if c.print.isKnown() {
		if !c.print.matches() {
			return errChanged
		}
	} else if got := c.digest(); got != ref.Digest {
		return fmt.Errorf("the content has the digest %s", got)
	}
	if c.crc != ref.CRC32 {
		return fmt.Errorf("the content has the CRC-32 %08x, not %08x", c.crc, ref.CRC32)
	}
	return nil
}

// What may be wrong with stored bytes, beside what the DEFLATE decoder finds.
var (
	errTooLong  = errors.New("the content goes on after its size")
	errTooShort = errors.New("the content ends before its size")
	errTrailing = errors.New("bytes follow the end of the DEFLATE stream")
	errChanged  = errors.New("the content is not the one that was there before")
	errMissing  = errors.New("the object is missing")
)
