package library

import (
	"io"
	"os"

	"github.com/sheaf-dev/sheaf/internal/markup"
)

const (
	// maxExcerpt is how many bytes an excerpt has at most.
	maxExcerpt = 1 << 20

	// maxChecked is the largest content, in bytes, that is read to its end when
	// only a part is wanted. What is stored deflated is at most as large.
	maxChecked = 16 << 20
)

// A Passage says which part of a text is wanted: [Lines] or [Characters].
type Passage struct {
	read func(io.Reader) (markup.Excerpt, error)
}

// Lines is the passage of the lines first to last, counted from 1; a last of 0
// is the text's.
func Lines(first, last int) Passage {
	return Passage{func(r io.Reader) (markup.Excerpt, error) { return markup.ReadLines(r, first, last, maxExcerpt) }}
}

// Characters is the passage of count characters from start, counted from 0; a
// count of 0 reaches to the end.
func Characters(start, count int) Passage {
	return Passage{func(r io.Reader) (markup.Excerpt, error) {
		return markup.ReadCharacters(r, start, count, maxExcerpt)
	}}
}

// Excerpt reads a passage of the content, at most 1 MiB of it. It holds no more
// than that in memory, however long the content is. Reader and Gzip are not
// usable beside it.
func (c *Content) Excerpt(passage Passage) (markup.Excerpt, error) {
	reader, err := c.Reader()
	if err != nil {
		return markup.Excerpt{}, err
	}
	excerpt, err := passage.read(reader)
	if err != nil {
		return markup.Excerpt{}, err
	}
	// A file has been verified by now. Anything else shows at its end whether it
	// is what was written.
	if _, verified := reader.(*os.File); !verified && c.Document.Size <= maxChecked {
		if _, err := io.Copy(io.Discard, reader); err != nil {
			return markup.Excerpt{}, err
		}
	}
	return excerpt, nil
}
