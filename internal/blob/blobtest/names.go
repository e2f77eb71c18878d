package blobtest

import (
	"bytes"
	"io"
	"maps"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// testNames tests [blob.Named].
func testNames(t *testing.T, b blob.Backend) {
	named, ok := b.(blob.Named)
	if !ok {
		t.Skip("the backend has no objects by names")
	}
	for _, taken := range []string{"", "/", "blobs", "blobs/books", "staging/", "quarantine/", ".temp/", "a//b", "a/../b", "a b"} {
		if _, err := named.Names(taken); sheaf.KindOf(err) != sheaf.ErrInvalid {
			t.Errorf("Names below %q: %v, want invalid", taken, err)
		}
	}
	names, err := named.Names("shared/books/")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Put(t.Context(), KeyOf([]byte("a blob")), bytes.NewReader([]byte("a blob")), 6); err != nil {
		t.Fatal(err)
	}
	if found := listNames(t, names); len(found) > 0 {
		t.Errorf("before anything is put: %v", found)
	}
	want := map[string][]byte{
		"guide/content/01-a/lesson.md": []byte("# A lesson\n"), "guide/empty": {}, "guide/book.yaml": Random(400_000),
		"manual/a b & c+d=e@f;g,h!(i)'j'?.svg": []byte("<svg/>"), "guide/content/01-a.md": []byte("beside the directory"),
	}
	for name, content := range want {
		// Of bodies that can be read once and of others; the second in the place of the first.
		for _, body := range []io.Reader{io.MultiReader(bytes.NewReader(content[:len(content)/2])), bytes.NewReader(content)} {
			size := int64(len(content))
			if _, again := body.(io.Seeker); !again {
				size /= 2
			}
			if err := names.PutName(t.Context(), name, body, size); err != nil {
				t.Fatalf("PutName %q: %v", name, err)
			}
		}
	}
	sizes := make(map[string]int64)
	for name, content := range want {
		sizes[name] = int64(len(content))
		body, err := names.OpenName(t.Context(), name)
		if err != nil {
			t.Fatalf("OpenName %q: %v", name, err)
		}
		got, err := io.ReadAll(body)
		if err := body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%q has %d bytes, %v, want the %d that were put", name, len(got), err, len(content))
		}
	}
	if found := listNames(t, names); !maps.Equal(found, sizes) {
		t.Errorf("listed are %v, want %v", found, sizes)
	}
	if _, err := names.OpenName(t.Context(), "guide/nothing"); sheaf.KindOf(err) != sheaf.ErrNotFound {
		t.Errorf("OpenName of nothing: %v, want not_found", err)
	}
	if err := names.PutName(t.Context(), "cut off", io.MultiReader(bytes.NewReader([]byte("part"))), 10); err == nil {
		t.Error("PutName of a body that is too short: no error")
	}
	if found := listNames(t, names); !maps.Equal(found, sizes) {
		t.Errorf("after a body that was cut off there are %v, want %v", found, sizes)
	}
	err = b.List(t.Context(), func(info blob.Info) error {
		if info.Key != KeyOf([]byte("a blob")) {
			t.Errorf("List has %s, which is no blob", info.Key)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func listNames(t *testing.T, names blob.Names) map[string]int64 {
	t.Helper()
	found := make(map[string]int64)
	err := names.ListNames(t.Context(), func(object blob.NamedObject) error {
		found[object.Name] = object.Size
		return nil
	})
	if err != nil {
		t.Fatalf("ListNames: %v", err)
	}
	return found
}
