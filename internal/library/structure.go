package library

import (
	"path"
	"strings"
	"sync"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// bookCounts remember what was counted of a book at its latest revision.
type bookCounts struct {
	mu    sync.Mutex
	known map[int64]countedBook // by the book's pk
}

type countedBook struct {
	revision int64
	counts   sheaf.BookCounts
}

func newBookCounts() *bookCounts { return &bookCounts{known: make(map[int64]countedBook)} }

// at returns the counts of a book at its latest revision, which the view sees.
func (b *bookCounts) at(v *catalog.View, book *catalog.Collection, revision int64) (sheaf.BookCounts, error) {
	b.mu.Lock()
	known, ok := b.known[book.PK]
	b.mu.Unlock()
	if ok && known.revision == revision {
		return known.counts, nil
	}
	counts, err := v.CountBook(book)
	if err == nil {
		b.mu.Lock()
		b.known[book.PK] = countedBook{revision, counts}
		b.mu.Unlock()
	}
	return counts, err
}

// mostStructure is how many lessons the structure of a book shows.
const mostStructure = 5000

// contentDir is where the lessons of a book are that has other things too.
const contentDir = "content"

// readStructure reads what the paths of a book say of its parts and chapters.
func readStructure(v *catalog.View, book *catalog.Collection) (*sheaf.BookStructure, error) {
	dir := contentDir
	files, err := v.Files(book, catalog.FileFilter{Dir: dir, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		dir = ""
	}
	structure := &sheaf.BookStructure{Parts: []sheaf.BookPart{}}
	lessons := 0
	list := func(filter *catalog.FileFilter) ([]catalog.FileDigest, error) { return v.FileDigests(book, *filter) }
	for files, err := range filePages(catalog.FileFilter{Dir: dir, Limit: 1000}, pathOfDigest, list) {
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if !isLesson(f.Path) {
				continue
			}
			if lessons++; lessons > mostStructure {
				structure.Truncated = true
				return structure, nil
			}
			addLesson(structure, dir, f.Path)
		}
	}
	return structure, nil
}

// isLesson reports whether what is at a path counts as a lesson.
func isLesson(p string) bool {
	extension := strings.ToLower(path.Ext(p))
	return (extension == ".md" || extension == ".mdx") && !isSummary(p) && !isAsset(p)
}

// isSummary reports whether what is at a path sums up what is beside it.
func isSummary(p string) bool { return strings.HasSuffix(strings.ToLower(p), summarySuffix) }

// isAsset reports whether what is at a path counts as an asset.
func isAsset(p string) bool {
	return strings.HasPrefix(p, "assets/") || strings.HasPrefix(p, "static/")
}

// addLesson adds a lesson, whose path is behind those that are there.
func addLesson(s *sheaf.BookStructure, dir, lesson string) {
	below := strings.TrimPrefix(strings.TrimPrefix(lesson, dir), "/")
	segments := strings.Split(path.Dir(below), "/")
	part, chapter := "", ""
	switch {
	case segments[0] == ".":
	case len(segments) == 1:
		chapter = path.Join(dir, segments[0])
	default:
		part = path.Join(dir, segments[0])
		chapter = path.Join(part, segments[1])
	}
	// Lessons of a directory need not follow each other: files sort between its
	// subdirectories.
	p := findOrAdd(&s.Parts, func(p sheaf.BookPart) bool { return p.Path == part },
		sheaf.BookPart{Path: part, Title: titleOf(part), Chapters: []sheaf.BookChapter{}})
	c := findOrAdd(&p.Chapters, func(c sheaf.BookChapter) bool { return c.Path == chapter },
		sheaf.BookChapter{Path: chapter, Title: titleOf(chapter), Lessons: []string{}})
	c.Lessons = append(c.Lessons, lesson)
}

// findOrAdd returns the element that is wanted, the last of those added first.
func findOrAdd[E any](in *[]E, wanted func(E) bool, fresh E) *E {
	for i := len(*in) - 1; i >= 0; i-- {
		if wanted((*in)[i]) {
			return &(*in)[i]
		}
	}
	*in = append(*in, fresh)
	return &(*in)[len(*in)-1]
}

// titleOf returns what a directory is called, without the number it is sorted by.
func titleOf(dir string) string {
	if dir == "" {
		return ""
	}
	name := path.Base(dir)
	if title := strings.TrimLeft(name, "0123456789"); title != name {
		name = strings.TrimLeft(title, "-_. ")
	}
	return strings.NewReplacer("-", " ", "_", " ").Replace(name)
}
