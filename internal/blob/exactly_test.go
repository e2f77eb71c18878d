package blob_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/sheaf-dev/sheaf/internal/blob"
)

// A body of another size is never given out in full.
func TestExactly(t *testing.T) {
	broken := errors.New("broken")
	for _, size := range []int64{0, 1, 5, 9, 10, 11, 20} {
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"as it is":      func(r io.Reader) io.Reader { return r },
			"byte by byte":  iotest.OneByteReader,
			"end with data": iotest.DataErrReader,
		} {
			body := wrap(strings.NewReader("0123456789"))
			got, err := io.ReadAll(blob.Exactly(body, size))
			if size == 10 {
				if err != nil || string(got) != "0123456789" {
					t.Errorf("a body of the right size, %s: %q, %v", name, got, err)
				}
			} else if err == nil || int64(len(got)) >= max(size, 1) {
				t.Errorf("a body of 10 bytes instead of %d, %s: %q, %v, want an error before its end", size, name, got, err)
			}
		}
	}
	_, err := io.ReadAll(blob.Exactly(io.MultiReader(bytes.NewReader(make([]byte, 5)), iotest.ErrReader(broken)), 10))
	if !errors.Is(err, broken) {
		t.Errorf("a body that fails: %v, want its error", err)
	}
}
