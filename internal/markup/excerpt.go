package markup

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/sheaf-dev/sheaf"
)

// An Excerpt is a part of a text.
type Excerpt struct {
	Text  string `json:"text"`  // byte for byte as it is in the text
	Start int    `json:"start"` // the first line, counted from 1, or the first character, counted from 0
	Count int    `json:"count"` // of lines, the last of which may be cut, or of characters
	More  bool   `json:"more"`  // whether the text goes on behind it
	Total int    `json:"total"` // lines, or characters, of the whole text; -1 if its end was not reached

	// Next is where to read on when the excerpt ends within a line, because that
	// line alone has more bytes than an excerpt may have: a character, counted
	// from 0. It is 0 otherwise.
	Next int `json:"next_character,omitempty"`
}

// excerptBuffer is how many bytes are read at once.
const excerptBuffer = 64 << 10

// ReadLines reads the lines start to end of a text, counted from 1; an end of 0
// is the text's. The excerpt has at most maxBytes bytes, which are taken for four
// if less: as many whole lines as that allows, or, if the first line has more,
// its beginning. It is empty when the text has fewer lines than start.
//
// It reads from r no farther than it has to and holds the excerpt and a small
// buffer, however long the text and its lines are. Errors of r are returned as
// they are, and arguments out of range as invalid start_line or end_line.
func ReadLines(r io.Reader, start, end, maxBytes int) (Excerpt, error) {
	switch {
	case start < 1:
		return Excerpt{}, sheaf.Invalid("start_line", fmt.Sprintf("start_line is %d; lines are counted from 1", start))
	case end != 0 && end < start:
		return Excerpt{}, sheaf.Invalid("end_line", fmt.Sprintf("end_line is %d, before start_line, which is %d", end, start))
	}
	maxBytes = max(maxBytes, utf8.UTFMax)
	var (
		pieces     = newPieceReader(r)
		text       []byte
		lineBegin  int  // where in text the line being read begins
		line       = 1  // the line being read
		begun      bool // whether it has any byte
		characters int  // of the text, up to where it was read
		excerpt    = Excerpt{Start: start, Total: -1}
	)
	for {
		piece, err := pieces.next()
		if errors.Is(err, io.EOF) {
			excerpt.Total = line - 1
			if begun {
				excerpt.Total++
			}
			break
		}
		if err != nil {
			return Excerpt{}, err
		}
		for len(piece) > 0 {
			if end != 0 && line > end {
				excerpt.More = true
				return excerpt.with(text), nil
			}
			rest := piece
			feed := bytes.IndexByte(piece, '\n')
			if feed >= 0 {
				rest = piece[:feed+1]
			}
			if line >= start {
				if len(text)+len(rest) > maxBytes {
					excerpt.More = true
					if lineBegin > 0 {
						return excerpt.with(text[:lineBegin]), nil
					}
					fits := wholeCharacters(rest[:maxBytes-len(text)])
					excerpt.Next = characters + utf8.RuneCount(fits)
					return excerpt.with(append(text, fits...)), nil
				}
				text = append(text, rest...)
			}
			characters += utf8.RuneCount(rest)
			piece = piece[len(rest):]
			if begun = feed < 0; !begun {
				line++
				lineBegin = len(text)
			}
		}
	}
	return excerpt.with(text), nil
}

// with returns the excerpt of lines with its text.
func (e Excerpt) with(text []byte) Excerpt {
	e.Text = string(text)
	e.Count = countLines(e.Text)
	return e
}

// ReadCharacters reads count characters of a text from character start, counted
// from 0; a count of 0 reads to the end. A byte that is not valid UTF-8 counts
// as a character and is returned as it is. The excerpt has at most maxBytes
// bytes, which are taken for four if less, and always whole characters. It is
// empty when the text has no more characters than start.
//
// It reads and holds no more than [ReadLines] does. Errors of r are returned as
// they are, and arguments out of range as invalid start or count.
func ReadCharacters(r io.Reader, start, count, maxBytes int) (Excerpt, error) {
	switch {
	case start < 0:
		return Excerpt{}, sheaf.Invalid("start", fmt.Sprintf("start is %d; characters are counted from 0", start))
	case count < 0:
		return Excerpt{}, sheaf.Invalid("count", fmt.Sprintf("count is %d; 0 reads to the end", count))
	}
	maxBytes = max(maxBytes, utf8.UTFMax)
	var (
		pieces  = newPieceReader(r)
		text    []byte
		seen    int // characters of the text so far
		excerpt = Excerpt{Start: start, Total: -1}
	)
	for {
		piece, err := pieces.next()
		if errors.Is(err, io.EOF) {
			excerpt.Total = seen
			break
		}
		if err != nil {
			return Excerpt{}, err
		}
		characters := utf8.RuneCount(piece)
		if seen+characters <= start {
			seen += characters
			continue
		}
		piece = piece[charactersLen(piece, start-seen):]
		wanted := len(piece)
		if count > 0 {
			wanted = charactersLen(piece, count-excerpt.Count)
		}
		if room := maxBytes - len(text); wanted > room {
			wanted = len(wholeCharacters(piece[:room]))
		}
		excerpt.Count += utf8.RuneCount(piece[:wanted])
		text = append(text, piece[:wanted]...)
		if wanted < len(piece) {
			excerpt.More = true
			break
		}
		seen += characters
	}
	excerpt.Text = string(text)
	return excerpt, nil
}

// charactersLen returns how many bytes the first n characters of b have, all of
// b if it has fewer; none if n is not positive.
func charactersLen(b []byte, n int) int {
	length := 0
	for ; n > 0 && length < len(b); n-- {
		_, size := utf8.DecodeRune(b[length:])
		length += size
	}
	return length
}

// wholeCharacters returns b without the beginning of a character at its end that
// more bytes could complete.
func wholeCharacters(b []byte) []byte {
	for back := 1; back < utf8.UTFMax && back <= len(b); back++ {
		if last := b[len(b)-back:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				return b[:len(b)-back]
			}
			break
		}
	}
	return b
}

// A pieceReader reads a text in pieces of whole characters.
type pieceReader struct{ buffer *bufio.Reader }

func newPieceReader(r io.Reader) pieceReader {
	return pieceReader{bufio.NewReaderSize(r, excerptBuffer)}
}

// next returns the next piece, which is not empty and valid until the following
// call; io.EOF at the end.
func (p pieceReader) next() ([]byte, error) {
	for wanted := 1; ; {
		buffered, err := p.buffer.Peek(wanted)
		if len(buffered) == 0 {
			return nil, err
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		atEnd := err != nil
		buffered, _ = p.buffer.Peek(p.buffer.Buffered()) // which is there: no error
		piece := buffered
		if !atEnd {
			piece = wholeCharacters(buffered)
		}
		if len(piece) > 0 {
			p.buffer.Discard(len(piece))
			return piece, nil
		}
		wanted = len(buffered) + 1
	}
}
