package blob_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/sheaf-dev/sheaf/internal/blob"
)

// readStored reads the stored bytes of a blob from an offset on.
func readStored(t *testing.T, s *testStore, ref blob.Ref, offset int64) ([]byte, error) {
	t.Helper()
	stored, err := s.OpenStored(t.Context(), ref, offset)
	if err != nil {
		return nil, err
	}
	defer stored.Close()
	return io.ReadAll(stored)
}

func TestOpenStored(t *testing.T) {
	for _, form := range forms {
		for _, place := range []string{"inline", onDisk, inMemory} {
			s := smallStore(t)
			what := fmt.Sprintf("%s, %s", form.name, place)
			ref := s.receive(t, form.content)
			ref.Backend = onDisk
			if place != "inline" {
				ref = s.placed(t, place, form.content)
			} else if ref.Inline == nil {
				continue
			}
			whole, err := readStored(t, s, ref, 0)
			if err != nil || int64(len(whole)) != ref.StoredSize {
				t.Fatalf("%s: %d bytes, %v, want the %d that are stored", what, len(whole), err, ref.StoredSize)
			}
			if ref.Encoding == blob.Identity && !bytes.Equal(whole, form.content) {
				t.Errorf("%s: the plain bytes differ", what)
			}
			for _, offset := range []int64{1, ref.StoredSize / 2, ref.StoredSize} {
				if got, err := readStored(t, s, ref, offset); err != nil || !bytes.Equal(got, whole[offset:]) {
					t.Errorf("%s from %d: %d bytes, %v, want the last %d", what, offset, len(got), err, ref.StoredSize-offset)
				}
			}
			stored, err := s.OpenStored(t.Context(), ref, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, isFile := stored.(*os.File); isFile != (place == onDisk) {
				t.Errorf("%s: the stored bytes are a %T", what, stored)
			}
			stored.Close()
			for _, offset := range []int64{-1, ref.StoredSize + 1} {
				if _, err := readStored(t, s, ref, offset); err == nil {
					t.Errorf("%s from %d: no error", what, offset)
				}
			}
		}
	}
}

// Damaged stored bytes are never given out as a whole, and a part from the
// middle is not given out at all.
func TestOpenStoredOfDamage(t *testing.T) {
	for _, form := range forms {
		for _, damage := range damages {
			for _, place := range []string{"inline", onDisk, inMemory} {
				for _, offset := range []int64{0, 100} {
					s := smallStore(t)
					what := fmt.Sprintf("%s, %s, %s, from %d", form.name, place, damage.name, offset)
					ref, broke := damagedBlob(t, s, place, form.content, damage.apply)
					if !broke {
						continue
					}
					got, err := readStored(t, s, ref, offset)
					wantDamaged(t, s, ref, what, err)
					if int64(len(got)) >= ref.StoredSize || offset > 0 && len(got) > 0 {
						t.Errorf("%s: %d bytes were given out", what, len(got))
					}
				}
			}
		}
	}
}

func TestOpenStoredOfWhatIsMissing(t *testing.T) {
	for _, form := range forms {
		for _, place := range []string{onDisk, inMemory} {
			s := smallStore(t)
			ref := s.placed(t, place, form.content)
			if err := s.Delete(t.Context(), place, ref.Key()); err != nil {
				t.Fatal(err)
			}
			_, err := readStored(t, s, ref, 0)
			wantDamaged(t, s, ref, form.name+", "+place+", missing", err)
		}
	}
}
