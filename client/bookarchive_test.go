package client_test

import (
	"bytes"
	"io"
	"sync/atomic"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

func TestBookArchive(t *testing.T) {
	for name, c := range ways(t) {
		t.Run(name, func(t *testing.T) {
			book := "guide-" + name
			for path, content := range map[string]string{"content/a.md": "one", "assets/b.bin": "\x00\x01"} {
				if _, err := c.PutFile(t.Context(), client.Place{Book: book, Path: path}, client.FileInput{Body: bytes.NewReader([]byte(content))}); err != nil {
					t.Fatal(err)
				}
			}
			in := client.BookArchiveInput{Scope: sheaf.ArchiveContent}
			a, err := c.BookArchive(t.Context(), book, in)
			if err != nil {
				t.Fatal(err)
			}
			whole, err := io.ReadAll(a.Body)
			a.Body.Close()
			if err != nil || int64(len(whole)) != a.Size || a.Documents != 1 || a.Revision != 3 || a.Manifest.IsZero() || a.From != 0 || a.Filename != book+"-content.zip" {
				t.Errorf("%d bytes, %v of %+v", len(whole), err, a)
			}
			link, err := c.LinkBookArchive(t.Context(), book, in)
			if err != nil || link.Size != a.Size || link.Manifest != a.Manifest || link.Files != 1 {
				t.Errorf("the link is %+v, %v", link, err)
			}
			rest, err := c.ResumeBookArchive(t.Context(), book, in, 100, a.ETag)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(rest.Body)
			rest.Body.Close()
			if err != nil || rest.From != 100 || rest.Size != a.Size || rest.ETag != a.ETag || !bytes.Equal(got, whole[100:]) {
				t.Errorf("the rest: %d bytes, %v of %+v", len(got), err, rest)
			}
			// Where it is another archive by now all of that comes.
			another, err := c.ResumeBookArchive(t.Context(), book, client.BookArchiveInput{}, 100, a.ETag)
			if err != nil {
				t.Fatal(err)
			}
			defer another.Body.Close()
			if another.From != 0 || another.ETag == a.ETag || another.Documents != 2 {
				t.Errorf("the rest of another: %+v", another)
			}
			_, err = c.BookArchive(t.Context(), "giude", in)
			wantKind(t, "a book that is not there", err, sheaf.ErrNotFound)
		})
	}
}

// A download that is resumed goes on by itself when its connection breaks, too.
func TestResumedArchiveResumes(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 10_000)
	var requests atomic.Int32
	c := dial(t, breaking(content, 30_000, &requests))
	etag := `"` + sheaf.DigestOf(content).String() + `"`
	a, err := c.ResumeBookArchive(t.Context(), "guide", client.BookArchiveInput{}, 25_000, etag)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if got, err := io.ReadAll(a.Body); err != nil || a.From != 25_000 || a.Size != 100_000 || !bytes.Equal(got, content[25_000:]) || requests.Load() != 3 {
		t.Errorf("%d bytes from %d of %d in %d requests, %v", len(got), a.From, a.Size, requests.Load(), err)
	}
}
