package mcp_test

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

// An agent gets a URL of a book, and whoever has it the book as it was then.
func TestBookArchive(t *testing.T) {
	s := sheaftest.Start(t)
	session := connect(t, s.URL+"/mcp")
	write := func(content string, more arguments) {
		args := arguments{"book_id": "guide", "path": "content/a.md", "content": content}
		for name, value := range more {
			args[name] = value
		}
		call[any](t, session, "write_content", args)
	}
	write("one", nil)
	write("mine", arguments{"user_id": "ada"})
	links := map[string]sheaf.ArchiveLink{
		"one":  call[sheaf.ArchiveLink](t, session, "get_book_archive", arguments{"book_id": "guide"}),
		"mine": call[sheaf.ArchiveLink](t, session, "get_book_archive", arguments{"params": map[string]any{"book_id": "guide", "user_id": "ada", "scope": "content", "format": "zip"}}),
	}
	write("two", nil)
	write("mine, later", arguments{"user_id": "ada"})
	for want, link := range links {
		if link.Files != 1 || link.Format != "zip" || link.Errors == nil || !strings.HasPrefix(link.DownloadURL, s.URL+"/books/guide/archive.zip?") {
			t.Errorf("the link is %+v", link)
		}
		answer, err := http.Get(link.DownloadURL)
		if err != nil {
			t.Fatal(err)
		}
		packed, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || int64(len(packed)) != link.Size {
			t.Fatalf("downloaded %d bytes (%v), want %d", len(packed), err, link.Size)
		}
		files, err := zip.NewReader(bytes.NewReader(packed), link.Size)
		if err != nil {
			t.Fatal(err)
		}
		lesson, err := files.Open("content/a.md")
		if err != nil {
			t.Fatal(err)
		}
		if content, err := io.ReadAll(lesson); err != nil || string(content) != want {
			t.Errorf("the archive has %q (%v), want %q", content, err, want)
		}
	}
	if told := refuse(t, session, "get_book_archive", arguments{"book_id": "guide", "format": "tar", "scope": "some"}); len(told.Fields) != 2 {
		t.Errorf("a format and a scope that there are not: %+v", told)
	}
	if told := refuse(t, session, "get_book_archive", arguments{"book_id": "giude"}); !strings.Contains(told.Hint, "guide") {
		t.Errorf("a book that is not there: %+v", told)
	}
}
