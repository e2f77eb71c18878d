package library

import (
	"context"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// SummaryFilter says which summaries a listing is about.
type SummaryFilter string

const (
	AllSummaries     SummaryFilter = ""        // those that there are
	StaleSummaries   SummaryFilter = "stale"   // those of what has changed since
	MissingSummaries SummaryFilter = "missing" // of lessons, and of directories that have lessons in them, without summary
)

// SummaryQuery selects a page of the summaries of a book.
type SummaryQuery struct {
	Book   string
	Path   string // of a directory whose summaries are wanted and those below, or of a lesson; "/" or empty: all
	Only   SummaryFilter
	Limit  int
	Cursor string // from the page before; empty: the first page
}

// A SummaryPage is a page of summaries.
type SummaryPage struct {
	Summaries []sheaf.Summary // in the order of where they are, or would be; never nil
	Total     int             // on all pages
	Next      string          // the cursor of the next page; empty: there is none
}

// Summaries lists the summaries of a book, or what has none.
func (s *Session) Summaries(ctx context.Context, q SummaryQuery) (SummaryPage, error) {
	s.begin("summary.list").atPath(q.Book, q.Path)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return SummaryPage{}, err
	}
	l := s.library
	limit, limitErr := l.pageSize(q.Limit)
	var onlyErr error
	switch q.Only {
	case AllSummaries, StaleSummaries, MissingSummaries:
	default:
		onlyErr = sheaf.Invalid("only", fmt.Sprintf("only is %s or %s", StaleSummaries, MissingSummaries))
	}
	conditions := fmt.Sprintf("summaries of %q %q %q", q.Book, q.Path, q.Only)
	after, cursorErr := decodePlace(q.Cursor, conditions, 1)
	p, book, err := s.summaryPlace(q.Book, q.Path, limitErr, onlyErr, cursorErr)
	if err != nil {
		return SummaryPage{}, err
	}
	page := SummaryPage{Summaries: []sheaf.Summary{}}
	err = l.snapshotOfBook(ctx, func(v *catalog.View) error {
		index, err := indexSummaries(v, book, p.Path)
		if err != nil {
			return err
		}
		files := index.summaries
		if q.Only == MissingSummaries {
			files = index.missing()
		}
		for _, file := range files {
			shown := file.Path > after[0] && len(page.Summaries) < limit
			var summary sheaf.Summary
			// To see whether one is stale takes time, which those that are not
			// shown are not worth unless that is what is asked for.
			if shown || q.Only == StaleSummaries {
				if summary, err = index.describe(v, file); err != nil {
					return err
				}
			}
			if q.Only == StaleSummaries && !summary.Stale {
				continue
			}
			page.Total++
			if shown {
				page.Summaries = append(page.Summaries, summary)
			} else if file.Path > after[0] {
				page.Next = encodePlace(conditions, page.Summaries[limit-1].SummaryPath)
			}
		}
		return nil
	})
	if err != nil {
		subject, _ := summarised(p.Path)
		return SummaryPage{}, l.explain(ctx, book, Place{Book: q.Book, Path: subject}, err)
	}
	l.used()
	return page, nil
}

// A summaryIndex is what there is to list of summaries.
type summaryIndex struct {
	lessons   []sheaf.BookFile // in the order of their paths
	summaries []sheaf.BookFile // likewise
	lesson    bool             // it is of one lesson, not of a directory
}

// indexSummaries finds the lessons and summaries of what the summary at a path
// sums up.
func indexSummaries(v *catalog.View, book *catalog.Collection, summary string) (index summaryIndex, err error) {
	subject, isDir := summarised(summary)
	if !isDir {
		index.lesson = true
		if index.lessons, err = lessonsOf(v, book, "", summary, 0); err != nil {
			return index, err
		}
		head, found, err := v.HeadAtPath(book, "", summary)
		if found && head.Version > 0 {
			index.summaries = append(index.summaries, fileOf(head))
		}
		if err == nil && len(index.lessons)+len(index.summaries) == 0 {
			err = errNoFile
		}
		return index, err
	}
	files, err := v.Files(book, catalog.FileFilter{Dir: subject, Limit: math.MaxInt32})
	if err == nil && len(files) == 0 && subject != "" {
		err = errNoFile
	}
	for _, f := range files {
		switch {
		case isSummary(f.Path):
			index.summaries = append(index.summaries, f)
		case isLesson(f.Path):
			index.lessons = append(index.lessons, f)
		}
	}
	return index, err
}

// lessonsOf returns the lessons of the index that the summary at a path is of.
func (x summaryIndex) lessonsOf(summary string) (lessons []sheaf.BookFile) {
	position := func(path string) (int, bool) {
		return slices.BinarySearchFunc(x.lessons, path, func(f sheaf.BookFile, path string) int { return strings.Compare(f.Path, path) })
	}
	subject, isDir := summarised(summary)
	if isDir {
		if subject == "" {
			return x.lessons
		}
		begin, _ := position(subject + "/")
		end, _ := position(subject + "0") // what follows the slash
		return x.lessons[begin:end]
	}
	for _, extension := range lessonExtensions {
		if i, found := position(subject + extension); found {
			lessons = append(lessons, x.lessons[i])
		}
	}
	return lessons
}

// missing returns where the summaries would be of lessons, and of directories
// that have lessons in them, that have none.
func (x summaryIndex) missing() (files []sheaf.BookFile) {
	known := make(map[string]bool, len(x.summaries))
	for _, f := range x.summaries {
		known[f.Path] = true
	}
	want := func(place string) {
		if !known[place] {
			known[place] = true
			files = append(files, sheaf.BookFile{Path: place})
		}
	}
	for _, f := range x.lessons {
		want(summaryPath(f.Path))
		if !x.lesson {
			want(path.Join(path.Dir(f.Path), summarySuffix))
		}
	}
	slices.SortFunc(files, func(a, b sheaf.BookFile) int { return strings.Compare(a.Path, b.Path) })
	return files
}

// describe says what there is to say of the summary in a file, or of one that is
// missing there.
func (x summaryIndex) describe(v *catalog.View, f sheaf.BookFile) (sheaf.Summary, error) {
	lessons := x.lessonsOf(f.Path)
	if f.Version == 0 {
		return sheaf.Summary{Path: subjectName(f.Path, lessons), SummaryPath: f.Path, Missing: true}, nil
	}
	return describeSummary(v, f, lessons)
}

// fileOf returns a head as a listing of files has it.
func fileOf(h catalog.Head) sheaf.BookFile {
	return sheaf.BookFile{
		Path: h.Path, Document: h.ID, Size: h.Size, MIME: h.MIME, Digest: h.Digest,
		Version: h.Version, UpdatedAt: h.UpdatedAt, Layer: h.Layer, Purged: h.Expired,
	}
}
