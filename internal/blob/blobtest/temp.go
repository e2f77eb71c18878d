package blobtest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// tempTests are the contract of [blob.Materializer], over real HTTP.
var tempTests = []struct {
	name string
	run  func(*testing.T, blob.Backend, blob.Materializer)
}{
	{"Temp", testTemp},
	{"TempApart", testTempApart},
	{"TempBrokenOff", testTempBrokenOff},
}

func putTemp(t *testing.T, m blob.Materializer, name string, content []byte) {
	t.Helper()
	// Of a body that can only be read once, as an archive that is computed.
	body := io.MultiReader(bytes.NewReader(content))
	if err := m.PutTemp(t.Context(), name, body, int64(len(content)), "application/zip"); err != nil {
		t.Fatalf("PutTemp of %d bytes: %v", len(content), err)
	}
}

func wantNoTemp(t *testing.T, m blob.Materializer, name string) {
	t.Helper()
	if there, err := m.StatTemp(t.Context(), name); sheaf.KindOf(err) != sheaf.ErrNotFound {
		t.Errorf("StatTemp of %s: %+v, %v, want not_found", name, there, err)
	}
}

func testTemp(t *testing.T, _ blob.Backend, m blob.Materializer) {
	const name = "an-archive-1"
	wantNoTemp(t, m, name)
	if err := m.DeleteTemp(t.Context(), name); err != nil {
		t.Errorf("DeleteTemp of nothing: %v", err)
	}
	for _, content := range [][]byte{Random(3_000_000), Random(70_000)} { // the second in the place of the first
		putTemp(t, m, name, content)
		staged, err := m.StatTemp(t.Context(), name)
		if err != nil || staged.Name != name || staged.Size != int64(len(content)) || time.Since(staged.Modified).Abs() > time.Minute {
			t.Errorf("StatTemp: %+v, %v, want %d bytes", staged, err, len(content))
		}
		before := time.Now()
		grant, err := m.PresignTemp(t.Context(), name, blob.Download{Filename: "book.zip", MIME: "application/zip", Lifetime: time.Hour})
		if err != nil {
			t.Fatalf("PresignTemp: %v", err)
		}
		wantExpires(t, grant, before, time.Hour)
		answer, body := Use(t, grant, nil)
		if answer.StatusCode != http.StatusOK || !bytes.Equal(body, content) || !strings.Contains(answer.Header.Get("Content-Disposition"), "book.zip") ||
			answer.Header.Get("Content-Type") != "application/zip" {
			t.Errorf("GET of the grant: status %d, %d bytes, %v", answer.StatusCode, len(body), answer.Header)
		}
	}
	if err := m.DeleteTemp(t.Context(), name); err != nil {
		t.Errorf("DeleteTemp: %v", err)
	}
	wantNoTemp(t, m, name)
}

// testTempApart: what is temporary is neither an object nor staged.
func testTempApart(t *testing.T, b blob.Backend, m blob.Materializer) {
	content := Random(1000)
	name := string(KeyOf(content)) // the name of an object, too
	putTemp(t, m, name, content)
	putTemp(t, m, "another", content)
	wantObjects(t, b)
	if _, err := b.Stat(t.Context(), blob.Key(name)); sheaf.KindOf(err) != sheaf.ErrNotFound {
		t.Errorf("Stat of a temporary object: %v, want not_found", err)
	}
	if p, ok := b.(blob.Presigner); ok {
		err := p.ListStaged(t.Context(), func(s blob.Staged) error {
			t.Errorf("ListStaged lists %+v", s)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	var names []string
	err := m.ListTemp(t.Context(), func(s blob.Staged) error { names = append(names, s.Name); return nil })
	slices.Sort(names)
	if want := []string{"another", name}; err != nil || len(names) != 2 || !slices.Contains(names, want[0]) || !slices.Contains(names, want[1]) {
		t.Errorf("ListTemp: %v, %v, want %v", names, err, want)
	}
}

// testTempBrokenOff: what is not complete is seen to be, and the reader's error is
// the caller's.
func testTempBrokenOff(t *testing.T, _ blob.Backend, m blob.Materializer) {
	broken := errors.New("the archive cannot be made")
	body := io.MultiReader(bytes.NewReader(Random(200_000)), iotest.ErrReader(broken))
	if err := m.PutTemp(t.Context(), "broken", body, 1_000_000, ""); !errors.Is(err, broken) {
		t.Errorf("PutTemp of a body that breaks off: %v, want its error", err)
	}
	if err := m.PutTemp(t.Context(), "broken", bytes.NewReader(Random(200_000)), 1_000_000, ""); err == nil {
		t.Error("PutTemp of a body that is too short succeeds")
	}
	if there, err := m.StatTemp(t.Context(), "broken"); sheaf.KindOf(err) != sheaf.ErrNotFound && (err != nil || there.Size >= 1_000_000) {
		t.Errorf("StatTemp of what broke off: %+v, %v, want not_found, or to see that it is not complete", there, err)
	}
}
