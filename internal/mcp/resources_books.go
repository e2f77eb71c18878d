package mcp

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

const (
	bookURI = "sheaf://books/"

	// mostListed is how many resources of a kind are listed: a list is for somebody
	// who picks from it, everything else is found by completion.
	mostListed = 200

	// mostCompared is how many files of a directory are looked at to complete what
	// somebody types.
	mostCompared = 10_000
)

// bookResources are files of books, by their paths.
func bookResources() []resource {
	return []resource{{
		template: bookURI + "{book}/{+path}",
		name:     "lesson", title: "File of a book",
		description: "A lesson, or another file of a book, by its path. Completion finds paths by their beginning, and by a piece of the name.",
		toolset:     ToolsetBooks, scope: sheaf.ScopeRead,
		read: readBookResource, complete: completeBook, list: listBookResources,
	}}
}

// bookFileURI returns the URI of a file of a book.
func bookFileURI(book sheaf.Slug, path string) string {
	return bookURI + (&url.URL{Path: string(book) + "/" + path}).EscapedPath()
}

func readBookResource(ctx context.Context, session *library.Session, uri string) (resourceContent, error) {
	book, file, _ := strings.Cut(strings.TrimPrefix(uri, bookURI), "/")
	file, err := url.PathUnescape(file)
	if err != nil {
		return resourceContent{}, sheaf.Invalid("path", "the path is not escaped as a URI wants it")
	}
	content, err := session.OpenAtPath(ctx, library.Place{Book: book, Path: file}, library.Moment{})
	if err != nil {
		return resourceContent{}, err
	}
	defer content.Close()
	return readResource(content, fmt.Sprintf("read it in parts with read_content, or download it: GET /books/%s/content/%s",
		book, (&url.URL{Path: file}).EscapedPath()))
}

// completeBook finds books by a piece of their ids or titles, or files of the
// book that was chosen.
func completeBook(ctx context.Context, session *library.Session, variable, value string, others map[string]string) (values []string, more bool, err error) {
	value = strings.TrimSpace(value)
	if variable == "path" {
		return completePath(ctx, session, others["book"], value)
	}
	for query := (library.BookQuery{Limit: mostListed}); len(values) <= maxCompletions; {
		page, err := session.Books(ctx, query)
		if err != nil {
			return nil, false, err
		}
		for _, book := range page.Books {
			if contains(string(book.ID), value) || contains(book.Title, value) {
				values = append(values, string(book.ID))
			}
		}
		if query.Cursor = page.Next; page.Next == "" {
			break
		}
	}
	return values, false, nil
}

// completePath finds files of a book: by the directory as far as it was typed,
// and by a piece of the rest. Without a book there is nothing to find.
func completePath(ctx context.Context, session *library.Session, book, value string) (paths []string, more bool, err error) {
	if book == "" {
		return nil, false, nil
	}
	dir, piece := "", value
	if slash := strings.LastIndexByte(value, '/'); slash > 0 {
		dir, piece = value[:slash], value[slash+1:]
	}
	query := library.FileQuery{Place: library.Place{Book: book, Path: dir}, Limit: 1000}
	for compared := 0; compared < mostCompared; compared += query.Limit {
		page, err := session.BookFiles(ctx, query)
		switch sheaf.KindOf(err) {
		case "":
		case sheaf.ErrNotFound, sheaf.ErrInvalid: // of what is being typed still
			return nil, false, nil
		default:
			return nil, false, err
		}
		for _, f := range page.Files {
			if contains(strings.TrimPrefix(f.Path, dir), piece) {
				paths = append(paths, f.Path)
			}
		}
		if query.Cursor = page.Next; page.Next == "" || len(paths) > maxCompletions {
			return paths, page.Next != "", nil
		}
	}
	return paths, true, nil
}

func contains(text, piece string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(piece))
}

// listBookResources lists the lessons of books, in their order.
func listBookResources(ctx context.Context, session *library.Session) (listed []*sdk.Resource, err error) {
	const atOnce = 10 // books, of which the first may have all that is listed
	for query := (library.BookQuery{Structure: true, Limit: atOnce}); ; {
		page, err := session.Books(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, book := range page.Books {
			listed = append(listed, lessonResources(book)...)
		}
		if query.Cursor = page.Next; page.Next == "" || len(listed) >= mostListed {
			return listed[:min(len(listed), mostListed)], nil
		}
	}
}

func lessonResources(book sheaf.Book) (lessons []*sdk.Resource) {
	for _, part := range book.Structure.Parts {
		for _, chapter := range part.Chapters {
			for _, lesson := range chapter.Lessons {
				lessons = append(lessons, &sdk.Resource{
					URI: bookFileURI(book.ID, lesson), Name: path.Base(lesson), Title: book.Title + ": " + lesson, MIMEType: "text/markdown",
				})
			}
		}
	}
	return lessons
}
