package cli

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestLineWriter(t *testing.T) {
	const text = "one\r\ntwo\n\n\xff four\nfive"
	for _, test := range []struct {
		first, last int
		want        string
	}{
		{1, 0, text},
		{1, 1, "one\r\n"},
		{2, 3, "two\n\n"},
		{4, 0, "\xff four\nfive"},
		{5, 9, "five"},
		{6, 0, ""},
	} {
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			var b strings.Builder
			_, err := io.Copy(&lineWriter{w: &b, first: test.first, last: test.last, line: 1}, r)
			if b.String() != test.want || err != nil && err != errBehindLines {
				t.Errorf("lines %d to %d are %q, %v, want %q", test.first, test.last, b.String(), err, test.want)
			}
		}
	}
}
