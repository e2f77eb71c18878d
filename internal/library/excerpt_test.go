package library_test

import (
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
	"github.com/sheaf-dev/sheaf/internal/markup"
)

func (s *store) excerpt(id sheaf.DocumentID, passage library.Passage) (markup.Excerpt, error) {
	content, err := s.OpenDocument(s.t.Context(), id, 0)
	if err != nil {
		return markup.Excerpt{}, err
	}
	defer content.Close()
	return content.Excerpt(passage)
}

func TestExcerpt(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, content := range map[string]string{
		"inline":   "first\nsecond\nthird\n",
		"deflated": "first\nsecond\nthird\n" + prose("a", 3_000_000),
	} {
		doc := s.create(content, named(name))
		s.drain()
		if lines, err := s.excerpt(doc.ID, library.Lines(2, 2)); err != nil || lines.Text != "second\n" || !lines.More {
			t.Errorf("line 2, %s: %+v, %v", name, lines, err)
		}
		if characters, err := s.excerpt(doc.ID, library.Characters(2, 3)); err != nil || characters.Text != "rst" || !characters.More {
			t.Errorf("3 characters, %s: %+v, %v", name, characters, err)
		}
		if whole, err := s.excerpt(doc.ID, library.Lines(1, 0)); err != nil || len(whole.Text) > 1<<20 || !strings.HasPrefix(content, whole.Text) {
			t.Errorf("all lines, %s: %d bytes, %v", name, len(whole.Text), err)
		}
	}
}

// A part of a content is only shown when the whole of it is as it was written.
func TestExcerptOfDamagedContent(t *testing.T) {
	t.Parallel()
	for name, content := range damageable {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			doc := s.create(content, named(name))
			s.drain()
			s.flip(doc.Digest)
			_, err := s.excerpt(doc.ID, library.Characters(0, 10))
			wantKind(t, "Excerpt of a damaged content", err, sheaf.ErrDamaged)
		})
	}
}
