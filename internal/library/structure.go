package library

import (
	"path"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

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

// What files of a book are is said in one place, for the catalog, which counts
// them, and here.
func isLesson(p string) bool  { return bundle.IsLesson(p) }
func isSummary(p string) bool { return bundle.IsSummary(p) }
func isAsset(p string) bool   { return bundle.IsAsset(p) }

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
