package bundle_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/sheaf-dev/sheaf/internal/bundle"
)

// What is packed: 500 contents, 200 MB in all, from 16 KB to 800 KB, stored in
// files.
const (
	benchFiles = 500
	benchSize  = 200 << 20
)

// benchContents stores them and returns their entries.
func benchContents(b *testing.B) ([]bundle.Entry, bundle.Opener) {
	b.Helper()
	dir, c := b.TempDir(), contents{}
	random := rand.New(rand.NewPCG(1, 2))
	var entries []bundle.Entry
	for i := range benchFiles {
		content := make([]byte, benchSize/benchFiles*(i%50+1)*2/51)
		for j := range content {
			content[j] = "etaoin shrdlu cmfwyp"[random.IntN(20)]
		}
		entries = append(entries, c.add(fmt.Sprintf("%02d/%03d.md", i/20, i), content, bundle.Identity))
	}
	stored := make(map[string]string, len(c))
	for path, content := range c {
		name := filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(name, content, 0o600); err != nil {
			b.Fatal(err)
		}
		stored[path] = name
	}
	return entries, func(_ context.Context, e bundle.Entry, offset int64) (io.ReadCloser, error) {
		f, err := os.Open(stored[e.Path])
		if err == nil && offset > 0 {
			_, err = f.Seek(offset, io.SeekStart)
		}
		return f, err
	}
}

// BenchmarkDownload has the archive of 500 files leave through net/http, over
// loopback, to a client that drops it.
func BenchmarkDownload(b *testing.B) {
	entries, open := benchContents(b)
	a := newArchive(b, entries...)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/zip")
		w.Header().Set("Content-Length", strconv.FormatInt(a.Size(), 10))
		if err := a.WriteRange(r.Context(), w, 0, a.Size(), open); err != nil {
			panic(err)
		}
	}))
	defer server.Close()
	buffer := make([]byte, 256<<10)
	b.SetBytes(a.Size())
	b.ReportAllocs()
	for b.Loop() {
		connection, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.WriteString(connection, "GET / HTTP/1.0\r\n\r\n"); err != nil {
			b.Fatal(err)
		}
		if n := drain(connection, buffer); n < a.Size() {
			b.Fatalf("%d of %d bytes arrived", n, a.Size())
		}
		connection.Close()
	}
}

// drain reads to the end, and says how many bytes that were.
func drain(r io.Reader, buffer []byte) (total int64) {
	for {
		n, err := r.Read(buffer)
		total += int64(n)
		if err != nil {
			return total
		}
	}
}

// BenchmarkSmallEntries writes an archive of 10,000 files of 2 KB.
func BenchmarkSmallEntries(b *testing.B) {
	c, content := contents{}, make([]byte, 2<<10)
	var entries []bundle.Entry
	for i := range 10_000 {
		entries = append(entries, c.add(fmt.Sprintf("%05d.md", i), content, bundle.Identity))
	}
	a := newArchive(b, entries...)
	b.SetBytes(a.Size())
	b.ReportAllocs()
	for b.Loop() {
		if err := a.WriteRange(b.Context(), io.Discard, 0, a.Size(), c.open); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNewArchive is what has to be done before the first byte.
func BenchmarkNewArchive(b *testing.B) {
	for _, n := range []int{500, 70_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			entries := make([]bundle.Entry, n)
			for i := range entries {
				entries[i] = bundle.Literal(fmt.Sprintf("content/%02d/%06d.md", i%50, i), []byte{1})
			}
			b.ReportAllocs()
			for b.Loop() {
				newArchive(b, entries...)
			}
		})
	}
}

// BenchmarkUniqueNames is of 10,000 names, every tenth of which is twice there.
func BenchmarkUniqueNames(b *testing.B) {
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprintf("Notes of day %d.md", i-i%10/9)
	}
	b.ReportAllocs()
	for b.Loop() {
		bundle.UniqueNames(names)
	}
}
