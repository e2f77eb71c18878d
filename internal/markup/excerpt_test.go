package markup_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/markup"
)

func TestReadLines(t *testing.T) {
	const text = "1\r\n2\n3ä\n4"
	for _, test := range []struct {
		name                 string
		text                 string
		start, end, maxBytes int
		want                 markup.Excerpt
	}{
		{"all", text, 1, 0, 100, markup.Excerpt{Text: text, Start: 1, Count: 4, Total: 4}},
		{"the first", text, 1, 1, 100, markup.Excerpt{Text: "1\r\n", Start: 1, Count: 1, More: true, Total: -1}},
		{"in the middle", text, 2, 3, 100, markup.Excerpt{Text: "2\n3ä\n", Start: 2, Count: 2, More: true, Total: -1}},
		{"the last", text, 4, 4, 100, markup.Excerpt{Text: "4", Start: 4, Count: 1, Total: 4}},
		{"the last, with its ending", "1\n2\n", 2, 2, 100, markup.Excerpt{Text: "2\n", Start: 2, Count: 1, Total: 2}},
		{"over the end", text, 3, 9, 100, markup.Excerpt{Text: "3ä\n4", Start: 3, Count: 2, Total: 4}},
		{"beyond the end", text, 5, 9, 100, markup.Excerpt{Start: 5, Total: 4}},
		{"of nothing", "", 1, 0, 100, markup.Excerpt{Start: 1, Total: 0}},
		{"as many lines as there is room for", text, 1, 0, 6, markup.Excerpt{Text: "1\r\n2\n", Start: 1, Count: 2, More: true, Total: -1}},
		{"exactly the room there is", text, 1, 2, 5, markup.Excerpt{Text: "1\r\n2\n", Start: 1, Count: 2, More: true, Total: -1}},
		{"a line that is too long", "a\nbäcdef\n", 2, 0, 4, markup.Excerpt{Text: "bäc", Start: 2, Count: 1, More: true, Total: -1, Next: 5}},
		{"cut between characters", "ab日cdef\n", 1, 0, 4, markup.Excerpt{Text: "ab", Start: 1, Count: 1, More: true, Total: -1, Next: 2}},
		{"bytes that are not UTF-8", "\xff\n\xfe\n", 2, 2, 100, markup.Excerpt{Text: "\xfe\n", Start: 2, Count: 1, Total: 2}},
	} {
		got, err := markup.ReadLines(iotest.OneByteReader(strings.NewReader(test.text)), test.start, test.end, test.maxBytes)
		if err != nil || got != test.want {
			t.Errorf("%s: %+v, %v; want %+v", test.name, got, err, test.want)
		}
	}
}

func TestReadCharacters(t *testing.T) {
	const text = "aä日\xff\r\n😀"
	for _, test := range []struct {
		name                   string
		start, count, maxBytes int
		want                   markup.Excerpt
	}{
		{"all", 0, 0, 100, markup.Excerpt{Text: text, Count: 7, Total: 7}},
		{"some", 1, 3, 100, markup.Excerpt{Text: "ä日\xff", Start: 1, Count: 3, More: true, Total: -1}},
		{"to the end", 6, 1, 100, markup.Excerpt{Text: "😀", Start: 6, Count: 1, Total: 7}},
		{"over the end", 6, 9, 100, markup.Excerpt{Text: "😀", Start: 6, Count: 1, Total: 7}},
		{"beyond the end", 7, 1, 100, markup.Excerpt{Start: 7, Total: 7}},
		{"as many as there is room for", 0, 0, 5, markup.Excerpt{Text: "aä", Count: 2, More: true, Total: -1}},
	} {
		for name, r := range map[string]io.Reader{
			"at once":      strings.NewReader(text),
			"by bytes":     iotest.OneByteReader(strings.NewReader(text)),
			"with its EOF": iotest.DataErrReader(strings.NewReader(text)),
		} {
			got, err := markup.ReadCharacters(r, test.start, test.count, test.maxBytes)
			if err != nil || got != test.want {
				t.Errorf("%s, read %s: %+v, %v; want %+v", test.name, name, got, err, test.want)
			}
		}
	}
}

func TestReadErrors(t *testing.T) {
	broken := errors.New("the disk is gone")
	reader := func() io.Reader { return io.MultiReader(strings.NewReader("1\n2"), iotest.ErrReader(broken)) }
	if _, err := markup.ReadLines(reader(), 2, 2, 100); !errors.Is(err, broken) {
		t.Errorf("ReadLines from a broken reader: %v", err)
	}
	if _, err := markup.ReadCharacters(reader(), 3, 1, 100); !errors.Is(err, broken) {
		t.Errorf("ReadCharacters from a broken reader: %v", err)
	}
	for _, r := range [][2]int{{0, 1}, {2, 1}, {1, -1}} {
		if _, err := markup.ReadLines(reader(), r[0], r[1], 100); sheaf.KindOf(err) != sheaf.ErrInvalid {
			t.Errorf("ReadLines from %d to %d: %v", r[0], r[1], err)
		}
	}
	for _, r := range [][2]int{{-1, 1}, {1, -1}} {
		if _, err := markup.ReadCharacters(reader(), r[0], r[1], 100); sheaf.KindOf(err) != sheaf.ErrInvalid {
			t.Errorf("ReadCharacters %d from %d: %v", r[1], r[0], err)
		}
	}
}

// An excerpt of a text without end is returned all the same.
func TestReadLinesStops(t *testing.T) {
	excerpt, err := markup.ReadLines(endless{}, 1, 0, 1000)
	if err != nil || excerpt.Text != strings.Repeat("x", 1000) || excerpt.Next != 1000 {
		t.Errorf("1000 bytes of a line without end: %d bytes, to go on at %d, %v", len(excerpt.Text), excerpt.Next, err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// Reading on from where an excerpt ended gives the whole text, whatever room
// there is: by lines, and by characters where a line is too long.
func TestReadingOn(t *testing.T) {
	check := func(t rapid.TB, text string, maxBytes int) {
		var read strings.Builder
		for line := 1; ; {
			excerpt, err := markup.ReadLines(strings.NewReader(text), line, 0, maxBytes)
			if err != nil || len(excerpt.Text) > max(maxBytes, utf8.UTFMax) {
				t.Fatalf("from line %d: %d bytes, %v", line, len(excerpt.Text), err)
			}
			read.WriteString(excerpt.Text)
			if !excerpt.More {
				break
			}
			line += excerpt.Count
			if excerpt.Next == 0 {
				continue
			}
			for next := excerpt.Next; ; {
				part, err := markup.ReadCharacters(strings.NewReader(text), next, 0, maxBytes)
				if err != nil || part.Count == 0 || part.Count != utf8.RuneCountInString(part.Text) {
					t.Fatalf("from character %d: %+v, %v", next, part, err)
				}
				if feed := strings.IndexByte(part.Text, '\n'); feed >= 0 || !part.More {
					read.WriteString(part.Text[:feed+1])
					if feed < 0 {
						read.WriteString(part.Text)
					}
					break
				}
				read.WriteString(part.Text)
				next += part.Count
			}
		}
		if read.String() != text {
			t.Fatalf("read on, %d bytes at a time, %q is %q", maxBytes, text, read.String())
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := drawText(10).Draw(t, "text") + rapid.StringN(0, 20, -1).Draw(t, "more")
		check(t, text, rapid.IntRange(0, 20).Draw(t, "bytes"))
	})
	check(t, strings.Repeat("a line of text\n", 20_000)+strings.Repeat("日", 60_000), 100_000)
}

func FuzzReadCharacters(f *testing.F) {
	f.Add("aä日\xff\r\n😀", 1, 3)
	f.Add("\xe6\x97", 0, 0)
	f.Fuzz(func(t *testing.T, text string, start, count int) {
		excerpt, err := markup.ReadCharacters(iotest.HalfReader(strings.NewReader(text)), start, count, maxSize)
		if start < 0 || count < 0 {
			if sheaf.KindOf(err) != sheaf.ErrInvalid {
				t.Fatalf("characters %d from %d: %v", count, start, err)
			}
			return
		}
		// Ranging over a string finds the same characters.
		var want strings.Builder
		i := 0
		for at := 0; at < len(text); i++ {
			_, size := utf8.DecodeRuneInString(text[at:])
			if i >= start && (count == 0 || i-start < count) {
				want.WriteString(text[at : at+size])
			}
			at += size
		}
		if err != nil || excerpt.Text != want.String() || excerpt.More != (count > 0 && i-start > count) {
			t.Fatalf("%d characters from %d of %q: %+v, %v; want %q", count, start, text, excerpt, err, want.String())
		}
	})
}

func BenchmarkReadLines(b *testing.B) {
	text := log(5<<20, func(int) bool { return false })
	lines := strings.Count(text, "\n")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if excerpt, err := markup.ReadLines(strings.NewReader(text), lines-10, 0, 1<<20); err != nil || excerpt.Count != 11 {
			b.Fatalf("%+v, %v", excerpt, err)
		}
	}
}
