package library

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// FileQuery selects files of a book.
type FileQuery struct {
	Place         // Path is a directory whose files are wanted, or a file; empty: the whole book
	At     Moment // as it was then
	Limit  int
	Cursor string // from the page before, with the same conditions; empty: the first page
}

// A FilePage is a page of files.
type FilePage struct {
	Files    []sheaf.BookFile // in the order of their paths; never nil
	Revision int64            // of the book, that the page shows
	Next     string           // the cursor of the next page; empty: there is none
}

// BookFiles lists files of a book, or what they were at a moment.
func (s *Session) BookFiles(ctx context.Context, q FileQuery) (FilePage, error) {
	s.begin("book.files").atPath(q.Book, q.Path)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return FilePage{}, err
	}
	limit, limitErr := s.library.pageSize(q.Limit)
	l := s.library
	book, after, err := l.checkFileQuery(q, limitErr)
	if err != nil {
		return FilePage{}, err
	}
	page := FilePage{}
	err = l.catalog.Snapshot(ctx, func(v *catalog.View) (err error) {
		page.Files, page.Revision, err = filesOf(v, book, q, after, limit)
		return err
	})
	if err != nil {
		return FilePage{}, l.explain(ctx, book, q.Place, err)
	}
	l.used()
	if len(page.Files) == limit {
		page.Next = encodePlace(q.conditions(), page.Files[limit-1].Path)
	}
	return page, nil
}

// conditions returns a text that two queries share if they list the same.
func (q FileQuery) conditions() string {
	return fmt.Sprintf("files of %q %q %q %d %d", q.Book, q.Path, q.Layer, q.At.Revision, q.At.Time.UnixMilli())
}

// checkFileQuery returns the book of a query and the path that a page follows.
func (l *Library) checkFileQuery(q FileQuery, more ...error) (book *catalog.Collection, after string, err error) {
	_, idErr := parseBookID(q.Book)
	var pathErr error
	if q.Path != "" {
		pathErr = l.limits.CheckPath(q.Path)
	}
	from, cursorErr := decodePlace(q.Cursor, q.conditions(), 1)
	errs := append([]error{idErr, pathErr, checkLayer(q.Layer), cursorErr}, more...)
	if err := sheaf.InvalidFields(errs...); err != nil {
		return nil, "", err
	}
	book, err = l.book(q.Book)
	return book, from[0], err
}

// filesOf lists the files of a directory, or the one file that is at the path.
func filesOf(v *catalog.View, book *catalog.Collection, q FileQuery, after string, limit int) (files []sheaf.BookFile, revision int64, err error) {
	filter := catalog.FileFilter{Layer: q.Layer, Dir: q.Path, After: after, Limit: limit}
	if q.At.IsNow() {
		revision, err = v.LatestRev(string(book.Name))
	} else if revision, err = q.At.revision(v, string(book.Name)); revision == 0 {
		return []sheaf.BookFile{}, 0, err // before anything was there
	} else {
		filter.Rev = revision
	}
	if err != nil {
		return nil, 0, err
	}
	files, err = v.Files(book, filter)
	if err != nil || len(files) > 0 || q.Path == "" || after != "" {
		return files, revision, err
	}
	head, err := atMoment(v, book, q.Place, q.At)
	if err != nil {
		return nil, 0, err
	}
	return []sheaf.BookFile{fileOf(head)}, revision, nil
}

// filePages yields the files that list has for a filter, in pages of at most its
// limit: few first, because many need no more. What list changes in the filter is
// so for the pages that follow. An error is the last thing it yields.
func filePages[F any](filter catalog.FileFilter, path func(*F) string, list func(*catalog.FileFilter) ([]F, error)) iter.Seq2[[]F, error] {
	const first = 100
	return func(yield func([]F, error) bool) {
		filter, most := filter, filter.Limit
		for filter.Limit = min(first, most); ; filter.Limit = most {
			files, err := list(&filter)
			if !yield(files, err) || err != nil || len(files) < filter.Limit {
				return
			}
			filter.After = path(&files[len(files)-1])
		}
	}
}

func pathOfDigest(f *catalog.FileDigest) string { return f.Path }

const (
	// DefaultBudget is how many bytes of content a reading of many files gives
	// that says nothing else, and MaxBudget how many at most.
	DefaultBudget = 256 << 10
	MaxBudget     = 4 << 20
)

// A BookReading is the contents of files, as many as fit into a budget.
type BookReading struct {
	Texts    []sheaf.BookText // in the order of their paths; never nil
	Revision int64            // of the book
	Bytes    int64            // of all the contents together
	Next     string           // the cursor to go on with; empty: that was all
}

// ReadBook reads the contents of files, such as a chapter, a part or a whole
// book, until the next would be more than the budget of bytes; 0 is
// DefaultBudget. Files that are not text, and those that are larger than the
// budget alone, are named without their content.
func (s *Session) ReadBook(ctx context.Context, q FileQuery, budget int64) (BookReading, error) {
	s.begin("book.contents").atPath(q.Book, q.Path)
	return s.readBook(ctx, q, budget)
}

func (s *Session) readBook(ctx context.Context, q FileQuery, budget int64) (BookReading, error) {
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return BookReading{}, err
	}
	if budget == 0 {
		budget = DefaultBudget
	}
	var budgetErr error
	if budget < 1 || budget > MaxBudget {
		budgetErr = sheaf.Invalid("budget", fmt.Sprintf("budget is 1 to %d bytes", MaxBudget))
	}
	l := s.library
	limit, limitErr := l.pageSize(q.Limit)
	book, after, err := l.checkFileQuery(q, limitErr, budgetErr)
	if err != nil {
		return BookReading{}, err
	}
	reading := BookReading{Texts: []sheaf.BookText{}}
	var files []sheaf.BookFile
	var refs []blob.Ref
	err = l.catalog.Snapshot(ctx, func(v *catalog.View) (err error) {
		if files, reading.Revision, err = filesOf(v, book, q, after, limit); err != nil {
			return err
		}
		var wanted int64
		for i, f := range files {
			if isText(f.MIME) && f.Size <= budget && !f.Purged {
				wanted += f.Size
			}
			if wanted > budget {
				files = files[:i]
				reading.Next = encodePlace(q.conditions(), files[i-1].Path)
				break
			}
			ref, _, err := v.BookRef(book, f.Digest)
			if err != nil {
				return err
			}
			refs = append(refs, ref)
		}
		return nil
	})
	if err != nil {
		return BookReading{}, l.explain(ctx, book, q.Place, err)
	}
	for i, f := range files {
		text, err := l.readText(ctx, f, refs[i], budget)
		if err != nil {
			return BookReading{}, err
		}
		reading.Texts = append(reading.Texts, text)
		reading.Bytes += int64(len(text.Content))
	}
	if reading.Next == "" && len(files) == limit {
		reading.Next = encodePlace(q.conditions(), files[limit-1].Path)
	}
	l.used()
	return reading, nil
}

// ReadContent reads what is at a path, for those who do not know what that is: a
// passage of a file, as [Session.ReadAtPath] does, or else the contents of a
// directory, as [Session.ReadBook] does. File is nil for a directory.
func (s *Session) ReadContent(ctx context.Context, q FileQuery, passage Passage, budget int64) (file *FileText, below BookReading, err error) {
	op := s.begin("content.read").atPath(q.Book, q.Path)
	if q.Path != "" && q.Cursor == "" {
		content, err := s.openAtPath(ctx, op, q.Place, q.At)
		if err == nil {
			defer content.Close()
			read, err := content.passage(passage)
			return &read, BookReading{}, err
		}
		if sheaf.KindOf(err) != sheaf.ErrNotFound {
			return nil, BookReading{}, err
		}
	}
	below, err = s.readBook(ctx, q, budget)
	return nil, below, err
}

// readText reads one file of a reading.
func (l *Library) readText(ctx context.Context, f sheaf.BookFile, ref blob.Ref, budget int64) (sheaf.BookText, error) {
	text := sheaf.BookText{Path: f.Path, Digest: f.Digest, Version: f.Version, Size: f.Size}
	switch {
	case f.Purged:
		text.Omitted = "purged"
		return text, nil
	case !isText(f.MIME):
		text.Omitted = "not_text"
		return text, nil
	case f.Size > budget:
		text.Omitted = "too_large"
		return text, nil
	}
	content, err := l.open(ctx, catalog.Head{Document: sheaf.Document{ID: f.Document, Version: f.Version, Digest: f.Digest, Size: f.Size}}, ref)
	if err != nil {
		return text, err
	}
	defer content.Close()
	if text.Content, err = content.text(); err != nil {
		return text, err
	}
	if !utf8.ValidString(text.Content) {
		text.Content, text.Omitted = "", "not_text"
	}
	return text, nil
}

// isText reports whether contents of a MIME type are worth reading as text.
func isText(mime string) bool {
	switch mime {
	case "application/json", "application/yaml", "application/xml", "application/toml", "application/javascript":
		return true
	}
	return strings.HasPrefix(mime, "text/") || strings.HasSuffix(mime, "+json") || strings.HasSuffix(mime, "+xml")
}
