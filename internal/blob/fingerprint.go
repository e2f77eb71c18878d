package blob

import (
	"hash/maphash"
)

// A fingerprint recognises a content that was verified before by this process, at
// a tenth of what its SHA-256 costs. It is a hash of 64 bits under a secret of the
// process, so that bytes which are not the content have it by chance only; the
// CRC-32 is compared beside it. What is to be proven to others is hashed anew:
// [Store.Verify] never relies on it.
type fingerprint struct {
	hash  maphash.Hash
	known bool
	want  uint64 // that of the content, if it is known
}

// isKnown reports whether a content can be recognised. Nil cannot.
func (f *fingerprint) isKnown() bool { return f != nil && f.known }

// matches reports whether what was hashed is the content.
func (f *fingerprint) matches() bool { return f.hash.Sum64() == f.want }

// printedAs is where the fingerprint of a content is remembered. It does not
// depend on the backend.
func printedAs(ref Ref) fileName { return fileName{digest: ref.Digest} }

// checksumOf returns the checksum of a content that is to be read, which takes the
// fingerprint of it, or is content with that.
func (s *Store) checksumOf(ref Ref) *checksum {
	sum := s.pools.checksum(ref.Size)
	sum.print = &fingerprint{}
	sum.print.hash.SetSeed(s.seed)
	var known verification
	if known, sum.print.known = s.verified.recall(printedAs(ref), fileState{}); sum.print.known {
		sum.print.want = known.print
	}
	return sum
}

// recognise remembers the fingerprint of a content whose checksum was compared.
func (s *Store) recognise(ref Ref, sum *checksum) {
	if !sum.print.known {
		s.verified.note(printedAs(ref), verification{print: sum.print.hash.Sum64()})
	}
}
