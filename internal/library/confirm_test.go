package library_test

import (
	"os"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// A content that the store says it has already is not stored again. So it had
// better be there: what nobody has noticed yet must not be found out after the
// good bytes, which are at hand, have been thrown away.
func TestPushOfAKnownContentHealsIt(t *testing.T) {
	t.Parallel()
	for damage, spoil := range map[string]func(*store, sheaf.Digest){
		"missing": func(s *store, digest sheaf.Digest) {
			if err := os.Remove(s.file(digest)); err != nil {
				s.t.Fatal(err)
			}
		},
		"truncated": func(s *store, digest sheaf.Digest) {
			if err := os.Truncate(s.file(digest), 10); err != nil {
				s.t.Fatal(err)
			}
		},
		"changed": (*store).flip,
	} {
		for name, content := range damageable {
			t.Run(damage+" "+name, func(t *testing.T) {
				t.Parallel()
				s := open(t)
				one := s.create(content, named("one"))
				s.drain()
				spoil(s, one.Digest)
				two := s.create(content, named("two"))
				s.wantRead(one.ID, content)
				s.wantRead(two.ID, content)
				s.drain()
				s.wantRead(one.ID, content)
				s.wantWhole()
			})
		}
	}
}

// One content that cannot be read must not keep the scrubber from the others.
func TestScrubberPassesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	s := open(t, func(set *setup) { set.scrubRate = 1 << 40 })
	first, second := s.create("first of two"), s.create("second of two")
	s.drain()
	if err := os.Remove(s.file(first.Digest)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.file(first.Digest), 0o700); err != nil { // reading it fails
		t.Fatal(err)
	}
	s.flip(second.Digest)
	s.runBackground()
	eventually(t, "the second content is found damaged", func() bool {
		b, _ := s.blob(second.Digest)
		return b.State == catalog.BlobDamaged
	})
}
