// Package blobtest holds the contract of [blob.Backend] as tests. Every driver
// runs them:
//
//	func TestContract(t *testing.T) {
//		blobtest.Run(t, func(t *testing.T) blob.Backend { … })
//	}
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// Run tests the backends that open returns: each time a new one, without
// objects. Optional abilities are tested where the backend has them.
func Run(t *testing.T, open func(t *testing.T) blob.Backend) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, blob.Backend)
	}{
		{"PutOpen", testPutOpen},
		{"Ranges", testRanges},
		{"PutAgain", testPutAgain},
		{"PutOtherSize", testPutOtherSize},
		{"PutConcurrently", testPutConcurrently},
		{"FailedPut", testFailedPut},
		{"Missing", testMissing},
		{"List", testList},
		{"Delete", testDelete},
		{"Cancelled", testCancelled},
		{"OpenFile", testOpenFile},
		{"Adopt", testAdopt},
		{"PutBatch", testPutBatch},
		{"Quarantine", testQuarantine},
		{"Names", testNames},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
	for _, test := range presignTests {
		t.Run(test.name, func(t *testing.T) {
			b := open(t)
			p, ok := b.(blob.Presigner)
			if !ok {
				t.Skip("the backend does not presign")
			}
			test.run(t, b, p)
		})
	}
	for _, test := range tempTests {
		t.Run(test.name, func(t *testing.T) {
			b := open(t)
			m, ok := b.(blob.Materializer)
			if !ok {
				t.Skip("nothing temporary can lie in the backend")
			}
			test.run(t, b, m)
		})
	}
}

func testPutOpen(t *testing.T, b blob.Backend) {
	for _, size := range []int{0, 1, 4096, 65_535, 65_536, 65_537, 3 << 20} {
		content := Random(size)
		key := KeyOf(content)
		put(t, b, content)
		if got := read(t, b, key, 0, -1); !bytes.Equal(got, content) {
			t.Errorf("Open of %d bytes returns %d others", size, len(got))
		}
		info, err := b.Stat(t.Context(), key)
		if err != nil || info.Key != key || info.Size != int64(size) || info.Modified.IsZero() {
			t.Errorf("Stat of %d bytes: %+v, %v", size, info, err)
		}
	}
}

func testRanges(t *testing.T, b blob.Backend) {
	content := Random(100_000)
	put(t, b, content)
	for _, r := range []struct{ offset, length, end int64 }{
		{0, 0, 0},
		{0, 1, 1},
		{0, 100_000, 100_000},
		{0, 100_001, 100_000},
		{99_999, -1, 100_000},
		{99_999, 1, 100_000},
		{99_999, 500, 100_000},
		{70_000, 10_000, 80_000},
		{70_000, -1, 100_000},
		{100_000, -1, 100_000},
		{100_000, 10, 100_000},
	} {
		if got := read(t, b, KeyOf(content), r.offset, r.length); !bytes.Equal(got, content[r.offset:r.end]) {
			t.Errorf("Open at %d of length %d: %d bytes, want those up to %d", r.offset, r.length, len(got), r.end)
		}
	}
}

func testPutAgain(t *testing.T, b blob.Backend) {
	content := Random(5000)
	put(t, b, content)
	put(t, b, content)
	wantObjects(t, b, content)
}

// An object of another size under the key of a content is not that content.
func testPutOtherSize(t *testing.T, b blob.Backend) {
	content := Random(5000)
	key := KeyOf(content)
	if err := b.Put(t.Context(), key, bytes.NewReader(content[:100]), 100); err != nil {
		t.Fatalf("Put of a shorter form: %v", err)
	}
	put(t, b, content)
	if got := read(t, b, key, 0, -1); !bytes.Equal(got, content) {
		t.Errorf("Open after a Put over an object of another size: %d bytes, want the 5000 put last", len(got))
	}
	wantObjects(t, b, content)
}

func testPutConcurrently(t *testing.T, b blob.Backend) {
	contents := [][]byte{Random(10), Random(70_000), Random(1 << 20)}
	var group sync.WaitGroup
	for range 8 {
		for _, content := range contents {
			group.Go(func() {
				if err := b.Put(t.Context(), KeyOf(content), bytes.NewReader(content), int64(len(content))); err != nil {
					t.Errorf("Put of a key that others put: %v", err)
					return
				}
				if got := read(t, b, KeyOf(content), 0, -1); !bytes.Equal(got, content) {
					t.Errorf("Open right after Put: %d bytes, want the %d put", len(got), len(content))
				}
			})
		}
	}
	group.Wait()
	wantObjects(t, b, contents...)
}

func testFailedPut(t *testing.T, b blob.Backend) {
	content := Random(200_000)
	broken := errors.New("the line is cut")
	for _, test := range []struct {
		name string
		body io.Reader
		size int64
		want error // what the error wraps
	}{
		{"short body", bytes.NewReader(content[:199_999]), 200_000, nil},
		{"no body", strings.NewReader(""), 200_000, nil},
		{"long body", bytes.NewReader(content), 199_999, nil},
		{"body of nothing", bytes.NewReader(content), 0, nil},
		{"failing body", io.MultiReader(bytes.NewReader(content[:150_000]), iotest.ErrReader(broken)), 200_000, broken},
	} {
		err := b.Put(t.Context(), KeyOf(content), test.body, test.size)
		if err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("Put with a %s: %v, want an error", test.name, err)
		}
		wantMissing(t, b, KeyOf(content))
		wantObjects(t, b)
	}
	put(t, b, content)
	wantObjects(t, b, content)
}

func testMissing(t *testing.T, b blob.Backend) {
	wantMissing(t, b, KeyOf(Random(10)))
	wantObjects(t, b)
}

func testList(t *testing.T, b blob.Backend) {
	var contents [][]byte
	for size := range 300 {
		contents = append(contents, Random(size))
		put(t, b, contents[size])
	}
	wantObjects(t, b, contents...)

	enough, calls := errors.New("enough"), 0
	err := b.List(t.Context(), func(blob.Info) error {
		if calls++; calls == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || calls != 3 {
		t.Errorf("List with a yield that ends it: %v after %d calls, want yield's error after 3", err, calls)
	}
}

func testDelete(t *testing.T, b blob.Backend) {
	content, other := Random(5000), Random(6000)
	put(t, b, content)
	put(t, b, other)
	for range 2 { // the second time, it is not there
		if err := b.Delete(t.Context(), KeyOf(content)); err != nil {
			t.Fatalf("Delete: %v", err)
		}
		wantMissing(t, b, KeyOf(content))
	}
	wantObjects(t, b, other)
	put(t, b, content)
	wantObjects(t, b, content, other)
}

func testCancelled(t *testing.T, b blob.Backend) {
	there, content := Random(5000), Random(6000)
	put(t, b, there)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantCancelled := func(call string, err error) {
		t.Helper()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a cancelled context: %v, want its error", call, err)
		}
	}
	wantCancelled("Put", b.Put(ctx, KeyOf(content), bytes.NewReader(content), int64(len(content))))
	_, err := b.Stat(ctx, KeyOf(there))
	wantCancelled("Stat", err)
	wantCancelled("List", b.List(ctx, func(blob.Info) error { return nil }))
	wantCancelled("Delete", b.Delete(ctx, KeyOf(there)))
	if r, err := b.Open(ctx, KeyOf(there), 0, -1); err != nil {
		wantCancelled("Open", err)
	} else {
		_, err = io.Copy(io.Discard, r)
		r.Close()
		wantCancelled("Open and Read", err)
	}
	wantObjects(t, b, there)

	ctx, cancel = context.WithCancel(t.Context())
	cancelling := readFunc(func([]byte) (int, error) { cancel(); return 0, io.EOF })
	late := io.MultiReader(bytes.NewReader(content[:1000]), cancelling, bytes.NewReader(content[1000:]))
	wantCancelled("Put during which it is", b.Put(ctx, KeyOf(content), late, int64(len(content))))
	wantObjects(t, b, there)
}

func testOpenFile(t *testing.T, b blob.Backend) {
	opener, ok := b.(blob.FileOpener)
	if !ok {
		t.Skip("the backend has no files")
	}
	content := Random(70_000)
	put(t, b, content)
	f, err := opener.OpenFile(t.Context(), KeyOf(content))
	if err != nil {
		t.Fatalf("OpenFile: %v", err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, content) {
		t.Errorf("reading the file: %d bytes, %v", len(got), err)
	}
	if _, err := opener.OpenFile(t.Context(), KeyOf(Random(1))); sheaf.KindOf(err) != sheaf.ErrNotFound {
		t.Errorf("OpenFile of a missing object: %v, want not_found", err)
	}
}

func testAdopt(t *testing.T, b blob.Backend) {
	adopter, ok := b.(blob.FileAdopter)
	if !ok {
		t.Skip("the backend adopts no files")
	}
	adopt := func(content []byte) {
		t.Helper()
		f, err := blob.SpoolFile(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		switch err := adopter.Adopt(t.Context(), KeyOf(content), f); {
		case sheaf.KindOf(err) == sheaf.ErrUnsupported:
			t.Skip(err)
		case err != nil:
			t.Fatalf("Adopt: %v", err)
		}
	}
	content, empty := Random(200_000), []byte{}
	adopt(content)
	adopt(content)
	adopt(empty)
	if got := read(t, b, KeyOf(content), 0, -1); !bytes.Equal(got, content) {
		t.Errorf("Open of an adopted file: %d bytes, want its %d", len(got), len(content))
	}
	wantObjects(t, b, content, empty)
}

func testPutBatch(t *testing.T, b blob.Backend) {
	putter, ok := b.(blob.BatchPutter)
	if !ok {
		t.Skip("the backend has no batches")
	}
	there := Random(50)
	put(t, b, there)
	for _, n := range []int{0, 1, 3, 700} {
		contents := [][]byte{there}
		var objects []blob.Small
		for size := range n {
			content := Random(size * 7)
			contents = append(contents, content)
			objects = append(objects, blob.Small{Key: KeyOf(content), Bytes: content})
		}
		if n > 1 { // twice in one batch, and there before
			objects = append(objects, objects[0], blob.Small{Key: KeyOf(there), Bytes: there})
		}
		if err := putter.PutBatch(t.Context(), objects); err != nil {
			t.Fatalf("PutBatch of %d: %v", n, err)
		}
		wantObjects(t, b, contents...)
		for _, o := range objects {
			if got := read(t, b, o.Key, 0, -1); !bytes.Equal(got, o.Bytes) {
				t.Errorf("Open after PutBatch: %d bytes, want %d", len(got), len(o.Bytes))
			}
		}
		for _, o := range objects {
			if o.Key != KeyOf(there) {
				if err := b.Delete(t.Context(), o.Key); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	content := Random(10)
	if err := putter.PutBatch(ctx, []blob.Small{{Key: KeyOf(content), Bytes: content}}); !errors.Is(err, context.Canceled) {
		t.Errorf("PutBatch with a cancelled context: %v, want its error", err)
	}
	wantObjects(t, b, there)
}

func testQuarantine(t *testing.T, b blob.Backend) {
	quarantiner, ok := b.(blob.Quarantiner)
	if !ok {
		t.Skip("the backend has no quarantine")
	}
	content := Random(5000)
	for range 2 {
		put(t, b, content)
		for range 2 { // the second time, it is not there
			if err := quarantiner.Quarantine(t.Context(), KeyOf(content)); err != nil {
				t.Fatalf("Quarantine: %v", err)
			}
			wantMissing(t, b, KeyOf(content))
			wantObjects(t, b)
		}
	}
	testUnquarantine(t, b, content)
}

// testUnquarantine tests a backend that has put a content aside.
func testUnquarantine(t *testing.T, b blob.Backend, content []byte) {
	u, ok := b.(blob.Unquarantiner)
	if !ok {
		return
	}
	for range 2 { // the second time, there is an object
		switch err := u.Unquarantine(t.Context(), KeyOf(content)); {
		case sheaf.KindOf(err) == sheaf.ErrUnsupported:
			return
		case err != nil && sheaf.KindOf(err) != sheaf.ErrNotFound:
			t.Fatalf("Unquarantine: %v", err)
		}
		if got := read(t, b, KeyOf(content), 0, -1); !bytes.Equal(got, content) {
			t.Errorf("Open of what was put aside and back: %d bytes, want %d", len(got), len(content))
		}
		wantObjects(t, b, content)
	}
	if err := u.Unquarantine(t.Context(), KeyOf(Random(1))); sheaf.KindOf(err) != sheaf.ErrNotFound {
		t.Errorf("Unquarantine of what was never put aside: %v, want not_found", err)
	}
}

// KeyOf returns the key of a content that is stored as it is.
func KeyOf(content []byte) blob.Key { return blob.Key(sheaf.DigestOf(content).String()) }

// Random returns size random bytes, the same for the same size.
func Random(size int) []byte {
	content := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(size), byte(size >> 8), byte(size >> 16), byte(size >> 24)}).Read(content)
	return content
}

func put(t *testing.T, b blob.Backend, content []byte) {
	t.Helper()
	if err := b.Put(t.Context(), KeyOf(content), bytes.NewReader(content), int64(len(content))); err != nil {
		t.Fatalf("Put of %d bytes: %v", len(content), err)
	}
}

func read(t *testing.T, b blob.Backend, key blob.Key, offset, length int64) []byte {
	t.Helper()
	r, err := b.Open(t.Context(), key, offset, length)
	if err != nil {
		t.Errorf("Open at %d of length %d: %v", offset, length, err)
		return nil
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("reading from %d, length %d: %v", offset, length, err)
	}
	return content
}

func wantMissing(t *testing.T, b blob.Backend, key blob.Key) {
	t.Helper()
	if _, err := b.Stat(t.Context(), key); sheaf.KindOf(err) != sheaf.ErrNotFound {
		t.Errorf("Stat of a missing object: %v, want not_found", err)
	}
	r, err := b.Open(t.Context(), key, 0, -1)
	if err == nil {
		r.Close()
	}
	if sheaf.KindOf(err) != sheaf.ErrNotFound {
		t.Errorf("Open of a missing object: %v, want not_found", err)
	}
}

// wantObjects checks that these contents are listed, and nothing else.
func wantObjects(t *testing.T, b blob.Backend, contents ...[]byte) {
	t.Helper()
	want := map[blob.Key]int64{}
	for _, content := range contents {
		want[KeyOf(content)] = int64(len(content))
	}
	got := map[blob.Key]int64{}
	err := b.List(t.Context(), func(info blob.Info) error {
		if _, twice := got[info.Key]; twice {
			return fmt.Errorf("%s is listed twice", info.Key)
		}
		got[info.Key] = info.Size
		return nil
	})
	if err != nil {
		t.Errorf("List: %v", err)
	}
	for key, size := range want {
		if listed, ok := got[key]; !ok || listed != size {
			t.Errorf("List: %s with %d bytes (%v), want it with %d", key, listed, ok, size)
		}
		delete(got, key)
	}
	for key := range got {
		t.Errorf("List: %s, which should not be there", key)
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
