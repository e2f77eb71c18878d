package bundle_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf/internal/bundle"
)

// Read ahead, any range is the same bytes, in bounded memory, and nothing of what
// was begun goes on afterwards.
func TestReadAhead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := contents{}
		var entries []bundle.Entry
		for i, size := range rapid.SliceOfN(rapid.IntRange(0, 70_000), 0, 12).Draw(t, "sizes") {
			content := bytes.Repeat([]byte{byte(i), byte(size), '\n'}, size/3)
			path := fmt.Sprintf("%02d as no content has it", i)
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				entries = append(entries, c.add(path, content, bundle.Identity))
			case 1:
				entries = append(entries, c.add(path, content, bundle.Deflate))
			case 2:
				entries = append(entries, bundle.Literal(path, content))
			}
		}
		a := newArchive(t, entries...)
		whole := write(t, a, c.open)
		var fetching, most atomic.Int64
		ahead := bundle.ReadAhead{
			Entries: rapid.IntRange(1, 4).Draw(t, "at once"),
			Memory:  50_000,
			Fetch: func(ctx context.Context, e bundle.Entry) ([]byte, error) {
				most.Store(max(most.Load(), fetching.Add(1)))
				defer fetching.Add(-1)
				if e.StoredSize > 50_000 {
					return nil, fmt.Errorf("%q of %d bytes is fetched ahead", e.Path, e.StoredSize)
				}
				stored, err := c.open(ctx, e, 0)
				if err != nil {
					return nil, err
				}
				return io.ReadAll(stored)
			},
		}
		for range 10 {
			offset := rapid.Int64Range(0, a.Size()).Draw(t, "offset")
			length := rapid.Int64Range(0, a.Size()-offset).Draw(t, "length")
			var part bytes.Buffer
			if err := a.WriteRangeAhead(context.Background(), &part, offset, length, c.open, ahead); err != nil {
				t.Fatalf("the range [%d, %d): %v", offset, offset+length, err)
			}
			if !bytes.Equal(part.Bytes(), whole[offset:offset+length]) {
				t.Fatalf("the range [%d, %d) is not that part of the whole", offset, offset+length)
			}
			if n := fetching.Load(); n != 0 {
				t.Fatalf("%d entries are being fetched afterwards", n)
			}
		}
		if n := most.Load(); n > int64(ahead.Entries) {
			t.Fatalf("%d entries were fetched at once, want %d at most", n, ahead.Entries)
		}
	})
}

// Waiting for one entry goes on while others are waited for: that is what it is for.
func TestReadAheadOverlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := contents{}
		var entries []bundle.Entry
		for i := range 40 {
			entries = append(entries, c.add(fmt.Sprint("file ", i), bytes.Repeat([]byte{byte(i)}, 1000), bundle.Identity))
		}
		a := newArchive(t, entries...)
		began := time.Now()
		err := a.WriteRangeAhead(t.Context(), io.Discard, 0, a.Size(), c.open, bundle.ReadAhead{
			Entries: 8, Memory: 1 << 20,
			Fetch: func(ctx context.Context, e bundle.Entry) ([]byte, error) {
				time.Sleep(time.Second)
				stored, err := c.open(ctx, e, 0)
				if err != nil {
					return nil, err
				}
				return io.ReadAll(stored)
			},
		})
		if took := time.Since(began); err != nil || took > 6*time.Second {
			t.Errorf("40 entries of a second each, 8 at once: %v, %v, want about 5 seconds", took, err)
		}
	})
}

// What goes wrong ahead is the error of the range, and what the writer says ends
// what is being fetched.
func TestReadAheadErrors(t *testing.T) {
	c := contents{}
	a := newArchive(t, c.add("one", []byte("one"), bundle.Identity), c.add("two", []byte("two"), bundle.Identity))
	broken := errors.New("the network is down")
	ahead := bundle.ReadAhead{
		Entries: 2, Memory: 100,
		Fetch: func(ctx context.Context, e bundle.Entry) ([]byte, error) {
			if e.Path == "two" {
				return nil, broken
			}
			return []byte("one"), nil
		},
	}
	if err := a.WriteRangeAhead(t.Context(), io.Discard, 0, a.Size(), c.open, ahead); !errors.Is(err, broken) {
		t.Errorf("a range of what cannot be fetched: %v, want %v", err, broken)
	}
	full := errors.New("the connection is closed")
	ahead.Fetch = func(ctx context.Context, e bundle.Entry) ([]byte, error) {
		if e.Path == "one" {
			return []byte("one"), nil
		}
		<-ctx.Done() // or it would never end
		return nil, ctx.Err()
	}
	ahead.Entries = 1
	big := newArchive(t, c.add("a", make([]byte, 200_000), bundle.Identity), c.add("two", []byte("two"), bundle.Identity))
	if err := big.WriteRangeAhead(t.Context(), failingWriter{err: full}, 0, big.Size(), c.open, ahead); !errors.Is(err, full) {
		t.Errorf("a range whose writer fails: %v, want %v", err, full)
	}
}
