package catalog

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math/bits"
	"sort"
	"strconv"
	"strings"
	"unicode"
)

// The listing index answers "which documents have this tag, and this piece in
// their name" by bit sets over the documents' pks, cut into chunks so that a
// change rewrites little and a search for the newest reads little. A term's set
// may name documents that do not have it any more until the index is brought up
// to date, so whoever reads it checks what it finds.

const (
	chunkBits = 14
	chunkSize = 1 << chunkBits
)

func chunkOf(pk int64) int64 { return pk >> chunkBits }

// A bitset holds the bits of one chunk.
type bitset [chunkSize / 64]uint64

func (s *bitset) set(bit int)   { s[bit/64] |= 1 << (bit % 64) }
func (s *bitset) clear(bit int) { s[bit/64] &^= 1 << (bit % 64) }

func (s *bitset) intersect(other *bitset) {
	for i := range s {
		s[i] &= other[i]
	}
}

func (s *bitset) union(other *bitset) {
	for i := range s {
		s[i] |= other[i]
	}
}

func (s *bitset) count() (n int) {
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

// descending yields the bits that are set, the highest first.
func (s *bitset) descending() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := len(s) - 1; i >= 0; i-- {
			for word := s[i]; word != 0; {
				bit := 63 - bits.LeadingZeros64(word)
				if !yield(i*64 + bit) {
					return
				}
				word &^= 1 << bit
			}
		}
	}
}

// encode returns the stored form: two bytes for each bit that is set when there
// are few, else the whole set. The length tells them apart.
func (s *bitset) encode() []byte {
	n := s.count()
	if 2*n >= chunkSize/8 {
		whole := make([]byte, 0, chunkSize/8)
		for _, word := range s {
			whole = binary.LittleEndian.AppendUint64(whole, word)
		}
		return whole
	}
	sparse := make([]byte, 0, 2*n)
	for i, word := range s {
		for ; word != 0; word &= word - 1 {
			sparse = binary.LittleEndian.AppendUint16(sparse, uint16(i*64+bits.TrailingZeros64(word)))
		}
	}
	return sparse
}

// decode adds the bits of a stored form.
func (s *bitset) decode(stored []byte) error {
	if len(stored) == chunkSize/8 {
		for i := range s {
			s[i] |= binary.LittleEndian.Uint64(stored[8*i:])
		}
		return nil
	}
	if len(stored)%2 != 0 || len(stored) > chunkSize/8 {
		return fmt.Errorf("a posting list has %d bytes", len(stored))
	}
	for ; len(stored) > 0; stored = stored[2:] {
		bit := binary.LittleEndian.Uint16(stored)
		if bit >= chunkSize {
			return fmt.Errorf("a posting list has the bit %d", bit)
		}
		s.set(int(bit))
	}
	return nil
}

// storedHas reports whether a stored form has a bit.
func storedHas(stored []byte, bit int) bool {
	if len(stored) == chunkSize/8 {
		return stored[bit/8]&(1<<(bit%8)) != 0
	}
	n := len(stored) / 2
	i := sort.Search(n, func(i int) bool { return int(binary.LittleEndian.Uint16(stored[2*i:])) >= bit })
	return i < n && int(binary.LittleEndian.Uint16(stored[2*i:])) == bit
}

// Terms are prefixed with what they are of.

func tagTerm(tag string) string { return "t" + tag }

func collectionTerm(pk int64) string { return "c" + strconv.FormatInt(pk, 10) }

// maxGram is the longest piece of a name that has a term of its own; pieces of
// one and two characters have one too, so that short searches are as fast.
const maxGram = 3

// nameTerms adds the terms of a folded name: every piece of up to maxGram characters.
func nameTerms(folded string, add func(term string)) {
	runes := []rune(folded)
	for length := 1; length <= maxGram; length++ {
		for i := 0; i+length <= len(runes); i++ {
			add("n" + string(runes[i:i+length]))
		}
	}
}

// searchTerms returns the terms that every name with the folded piece has.
func searchTerms(folded string) []string {
	runes := []rune(folded)
	length := min(len(runes), maxGram)
	var terms []string
	for i := 0; i+length <= len(runes) && length > 0; i++ {
		terms = append(terms, "n"+string(runes[i:i+length]))
	}
	return terms
}

// foldName returns the form of a name in which letters that differ in case only
// are the same, character for character.
func foldName(name string) string {
	return strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII {
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			return r
		}
		// The smallest of the characters that fold together stands for all,
		// unless that is an uppercase ASCII letter (as for K, the Kelvin sign).
		smallest := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			smallest = min(smallest, next)
		}
		if 'A' <= smallest && smallest <= 'Z' {
			smallest += 'a' - 'A'
		}
		return smallest
	}, name)
}

// documentTerms calls add with every term of a document.
func documentTerms(name string, tags []string, collection int64, add func(term string)) {
	add(collectionTerm(collection))
	for _, tag := range tags {
		add(tagTerm(tag))
	}
	nameTerms(foldName(name), add)
}
