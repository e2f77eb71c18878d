package sheaf

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
)

// A Digest is the SHA-256 of a content. It names the content: equal digests are
// equal bytes. Its text form is 64 lowercase hexadecimal digits.
type Digest [sha256.Size]byte

// DigestOf returns the digest of b.
func DigestOf(b []byte) Digest { return sha256.Sum256(b) }

// ParseDigest reads the text form of a digest. It accepts uppercase digits and
// the prefix "sha256:", because people paste both.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	text := s
	if len(text) > 7 && text[:7] == "sha256:" {
		text = text[7:]
	}
	if len(text) != hex.EncodedLen(len(d)) {
		return d, Invalid("digest", fmt.Sprintf("a SHA-256 digest has 64 hexadecimal digits, %q has not", Clip(s)))
	}
	if _, err := hex.Decode(d[:], []byte(text)); err != nil {
		return Digest{}, Invalid("digest", fmt.Sprintf("a SHA-256 digest has 64 hexadecimal digits, %q has not", Clip(s)))
	}
	return d, nil
}

// String returns the digest as 64 lowercase hexadecimal digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Base64 returns the digest in standard base64, the form of RFC 9530 fields.
func (d Digest) Base64() string { return base64.StdEncoding.EncodeToString(d[:]) }

// IsZero reports whether d is the zero value, which names no content.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText implements [encoding.TextMarshaler].
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Digest) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDigest(string(text))
	return err
}
