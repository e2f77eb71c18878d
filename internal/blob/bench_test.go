package blob_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
)

// benchContents are what the benchmarks of receiving and reading use.
var benchContents = []struct {
	name    string
	content []byte
}{
	{"10KB/random", blobtest.Random(10_000)},
	{"10KB/text", text(10_000)},
	{"1MB/random", blobtest.Random(1_000_000)},
	{"1MB/text", text(1_000_000)},
}

func BenchmarkReceive(b *testing.B) {
	for _, bench := range benchContents {
		b.Run(bench.name, func(b *testing.B) {
			s := newStore(b, blob.Options{})
			b.SetBytes(int64(len(bench.content)))
			b.ReportAllocs()
			body := bytes.NewReader(nil)
			for b.Loop() {
				body.Reset(bench.content)
				sp, err := s.Receive(b.Context(), body, 1<<30)
				if err != nil {
					b.Fatal(err)
				}
				sp.Close()
			}
		})
	}
}

// BenchmarkPlace receives contents and makes each durable on disk.
func BenchmarkPlace(b *testing.B) {
	for _, bench := range []struct {
		name string
		size int
	}{{"10KB", 10_000}, {"1MB", 1_000_000}} {
		b.Run(bench.name, func(b *testing.B) {
			s := newStore(b, blob.Options{})
			content := blobtest.Random(bench.size)
			b.SetBytes(int64(bench.size))
			b.ReportAllocs()
			for b.Loop() {
				next(content)
				sp, err := s.Receive(b.Context(), bytes.NewReader(content), 1<<30)
				if err != nil {
					b.Fatal(err)
				}
				s.place(b, onDisk, sp)
				sp.Close()
			}
		})
	}
}

// next turns a content into one that was not stored yet.
func next(content []byte) {
	for i := range content {
		if content[i]++; content[i] != 0 {
			return
		}
	}
}

// BenchmarkPlaceBatch makes 256 contents of 10 KB durable on disk at once.
func BenchmarkPlaceBatch(b *testing.B) {
	s := newStore(b, blob.Options{})
	content := blobtest.Random(10_000)
	refs := make([]blob.Ref, 256)
	b.SetBytes(int64(len(refs) * len(content)))
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for i := range refs {
			next(content)
			refs[i] = s.receive(b, content)
		}
		b.StartTimer()
		if err := s.PlaceBatch(b.Context(), onDisk, refs); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen opens a blob and reads it to its end.
func BenchmarkOpen(b *testing.B) {
	for _, bench := range benchContents {
		s := newStore(b, blob.Options{})
		inline := s.receive(b, bench.content)
		file := s.placed(b, onDisk, bench.content)
		run := func(name string, ref blob.Ref, read func(*blob.Content) error) {
			b.Run(bench.name+"/"+name, func(b *testing.B) {
				b.SetBytes(ref.Size)
				b.ReportAllocs()
				for b.Loop() {
					c, err := s.Open(b.Context(), ref)
					if err != nil {
						b.Fatal(err)
					}
					if err := read(c); err != nil {
						b.Fatal(err)
					}
					c.Close()
				}
			})
		}
		readPlain := func(c *blob.Content) error {
			r, err := c.Reader()
			if err != nil {
				return err
			}
			_, err = io.CopyBuffer(io.Discard, onlyReader{r}, nil)
			return err
		}
		if inline.Inline != nil {
			run("inline", inline, readPlain)
		}
		run("file", file, readPlain)
		if file.Encoding == blob.Deflate {
			run("gzip", file, func(c *blob.Content) error {
				gz, err := c.Gzip()
				if err != nil {
					return err
				}
				_, err = gz.WriteTo(io.Discard)
				return err
			})
		}
	}
}

// onlyReader hides every other method.
type onlyReader struct{ io.Reader }
