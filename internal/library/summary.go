package library

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

const (
	summarySuffix = bundle.SummarySuffix

	// wholeBook is what a summary of a whole book says that it sums up.
	wholeBook = "/"
)

// lessonExtensions end the paths of lessons.
var lessonExtensions = []string{".md", ".mdx", ".MD", ".MDX"}

// summaryPath returns where the summary of a lesson or directory is, or of the
// whole book, which is "/" or "". That of a summary is that summary. A slash at
// the end means nothing.
func summaryPath(subject string) string {
	subject = strings.TrimSuffix(subject, "/")
	extension := path.Ext(subject)
	switch {
	case isSummary(subject):
		return subject
	case slices.Contains(lessonExtensions, extension):
		return strings.TrimSuffix(subject, extension) + summarySuffix
	}
	return path.Join(subject, summarySuffix)
}

// summarised returns what the summary at a path sums up: a directory, or what
// the paths of the lesson begin with that it may have.
func summarised(summary string) (subject string, isDir bool) {
	subject = summary[:len(summary)-len(summarySuffix)]
	if subject == "" || strings.HasSuffix(subject, "/") {
		return strings.TrimSuffix(subject, "/"), true
	}
	return subject, false
}

// subjectName says what the summary at a path sums up, given the lessons.
func subjectName(summary string, lessons []sheaf.BookFile) string {
	subject, isDir := summarised(summary)
	switch {
	case isDir:
		return cmp.Or(subject, wholeBook)
	case len(lessons) > 0:
		return lessons[0].Path
	}
	return subject + lessonExtensions[0]
}

// lessonsOf returns what the summary at a path is to be made from, as it is seen
// through a layer at a revision of the book, or now if that is 0: the lesson
// beside it, or all lessons below its directory.
func lessonsOf(v *catalog.View, book *catalog.Collection, layer, summary string, rev int64) ([]sheaf.BookFile, error) {
	subject, isDir := summarised(summary)
	if !isDir {
		return lessonsBeside(v, book, layer, subject, rev)
	}
	files, err := v.Files(book, catalog.FileFilter{Layer: layer, Dir: subject, Rev: rev, Limit: math.MaxInt32, EvenPurged: true})
	return slices.DeleteFunc(files, func(f sheaf.BookFile) bool { return !isLesson(f.Path) }), err
}

// lessonsBeside returns the lessons whose paths are a text and an extension.
func lessonsBeside(v *catalog.View, book *catalog.Collection, layer, subject string, rev int64) (lessons []sheaf.BookFile, err error) {
	for _, extension := range lessonExtensions {
		var head catalog.Head
		var found bool
		if rev == 0 {
			head, found, err = v.HeadAtPath(book, layer, subject+extension)
		} else {
			head, found, err = v.HeadAtPathThen(book, layer, subject+extension, rev)
		}
		if err != nil {
			return nil, err
		}
		if found && head.Version > 0 && isLesson(head.Path) {
			lessons = append(lessons, sheaf.BookFile{Path: head.Path, Document: head.ID, Digest: head.Digest})
		}
	}
	return lessons, nil
}

// hasLessons reports whether there is anything that the summary at a path could
// be made from.
func hasLessons(v *catalog.View, book *catalog.Collection, layer, summary string) (bool, error) {
	subject, isDir := summarised(summary)
	if !isDir {
		lessons, err := lessonsBeside(v, book, layer, subject, 0)
		return len(lessons) > 0, err
	}
	list := func(filter *catalog.FileFilter) ([]catalog.FileDigest, error) { return v.FileDigests(book, *filter) }
	for files, err := range filePages(catalog.FileFilter{Layer: layer, Dir: subject, Limit: 1000}, pathOfDigest, list) {
		if err != nil || slices.ContainsFunc(files, func(f catalog.FileDigest) bool { return isLesson(f.Path) }) {
			return err == nil, err
		}
	}
	return false, nil
}

// digestOfLessons names the contents of lessons, wherever these are: lessons that
// only got other paths are what they were.
func digestOfLessons(lessons []sheaf.BookFile) sheaf.Digest {
	digests := make([]sheaf.Digest, len(lessons))
	for i, f := range lessons {
		digests[i] = f.Digest
	}
	return digestOfDigests(digests)
}

// A SummaryWrite is a summary for a lesson or a directory.
type SummaryWrite struct {
	Book    string
	Path    string  // of a lesson, a directory, or a summary; "/" or empty: the whole book
	Content *Upload // still the caller's to close

	// The others are as those of a [FileWrite].
	FileHash *sheaf.Digest
	First    bool
	Existing bool
	Merge    bool
	Message  string
}

// summaryPlace checks where a summary is, or is to be; more are errors about the rest of
// a request.
func (s *Session) summaryPlace(book, subject string, more ...error) (Place, *catalog.Collection, error) {
	p := Place{Book: book, Path: summaryPath(subject)}
	if _, err := s.library.check(p, more...); err != nil {
		return p, nil, err
	}
	known, err := s.library.book(book)
	return p, known, err
}

// AddSummary writes the summary of what has none yet. If there is one, it fails
// with [sheaf.ErrExists].
func (s *Session) AddSummary(ctx context.Context, in SummaryWrite) (sheaf.Change, error) {
	op := s.begin("summary.add").atPath(in.Book, in.Path)
	in.First = true
	change, err := s.writeSummary(ctx, op, in, newFile)
	if sheaf.KindOf(err) == sheaf.ErrPreconditionFailed {
		err = sheaf.Errorf(sheaf.ErrExists, "there is a summary already: %s", sheaf.Clip(summaryPath(in.Path))).
			WithHint("change it with update_summary, and the file_hash that get_summary answers with")
	}
	return change, err
}

// UpdateSummary writes the summary of what has one already, or fails with
// [sheaf.ErrNotFound]. The same text again makes it one of what there is now.
func (s *Session) UpdateSummary(ctx context.Context, in SummaryWrite) (sheaf.Change, error) {
	op := s.begin("summary.update").atPath(in.Book, in.Path)
	return s.writeSummary(ctx, op, in, nil)
}

// PutSummary writes a summary, whether there is one or not.
func (s *Session) PutSummary(ctx context.Context, in SummaryWrite) (sheaf.Change, error) {
	op := s.begin("summary.write").atPath(in.Book, in.Path)
	return s.writeSummary(ctx, op, in, newFile)
}

// writeSummary writes a summary of what is there; fresh makes one where there is
// none, nil: that is not found.
func (s *Session) writeSummary(ctx context.Context, op operation, in SummaryWrite, fresh func(*catalog.Collection, Place) catalog.Head) (sheaf.Change, error) {
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return sheaf.Change{}, err
	}
	l := s.library
	p, book, err := s.summaryPlace(in.Book, in.Path, l.limits.CheckMessage(in.Message))
	if err != nil {
		return sheaf.Change{}, err
	}
	if in.Content == nil {
		return sheaf.Change{}, sheaf.Invalid("content", "content is missing")
	}
	if err := checkWritable(book); err != nil {
		return sheaf.Change{}, err
	}
	if err := l.checkSummarisable(ctx, book, p); err != nil {
		return sheaf.Change{}, err
	}
	to := target{book: book, path: p.Path, find: func(v *catalog.View) (catalog.Head, error) {
		head, err := at(v, book, p)
		if errors.Is(err, errNoFile) && fresh != nil {
			return fresh(book, p), nil
		}
		return head, err
	}}
	change, _, err := s.writeMerging(ctx, contentChange{
		op: op, target: to, content: in.Content, first: in.First, existing: in.Existing, message: in.Message,
	}, in.FileHash, in.Merge)
	return change, explainSummary(p, err)
}

// explainSummary says of a summary that is not there how to make one.
func explainSummary(p Place, err error) error {
	if !errors.Is(err, errNoFile) {
		return err
	}
	return sheaf.Errorf(sheaf.ErrNotFound, "there is no summary at %s in %s", p.Path, p.Book).
		WithHint("make it with add_summary, without file_hash")
}

// checkSummarisable fails unless there is a lesson that a summary would be of.
func (l *Library) checkSummarisable(ctx context.Context, book *catalog.Collection, p Place) error {
	there := false
	err := l.snapshotOfBook(ctx, func(v *catalog.View) (err error) {
		there, err = hasLessons(v, book, p.Layer, p.Path)
		return err
	})
	if err != nil || there {
		return err
	}
	name := subjectName(p.Path, nil)
	nothing := sheaf.Errorf(sheaf.ErrNotFound, "there is nothing to sum up at %s in %s: summaries are of Markdown lessons, and of directories with some", name, book.Name)
	if name == wholeBook {
		return nothing.WithHint("write a lesson first")
	}
	err = l.explain(ctx, book, Place{Book: p.Book, Path: name}, errNoFile)
	var told *sheaf.Error
	if !errors.As(err, &told) || told.Kind != sheaf.ErrNotFound {
		return err
	}
	return nothing.WithHint(told.Hint)
}

// ReadSummary reads a passage of the summary of a lesson or a directory.
func (s *Session) ReadSummary(ctx context.Context, bookID, subject string, passage Passage) (sheaf.SummaryText, error) {
	op := s.begin("summary.read").atPath(bookID, subject)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return sheaf.SummaryText{}, err
	}
	l := s.library
	p, book, err := s.summaryPlace(bookID, subject)
	if err != nil {
		return sheaf.SummaryText{}, err
	}
	head, ref, err := l.contentAt(ctx, book, p, Moment{})
	if errors.Is(err, errNoFile) {
		err = cmp.Or(l.checkSummarisable(ctx, book, p), explainSummary(p, err))
	}
	if err != nil {
		return sheaf.SummaryText{}, err
	}
	op.on(head.ID)
	content, err := l.open(ctx, head, ref)
	if err != nil {
		return sheaf.SummaryText{}, err
	}
	defer content.Close()
	text, err := summaryText(content, passage)
	if err != nil {
		return sheaf.SummaryText{}, err
	}
	err = l.snapshotOfBook(ctx, func(v *catalog.View) error {
		file := fileOf(head)
		lessons, err := lessonsOf(v, book, p.Layer, p.Path, 0)
		if err != nil {
			return err
		}
		if text.Summary, err = describeSummary(v, file, lessons); err != nil || !text.Stale {
			return err
		}
		text.Changes, err = changesSince(v, book, file, lessons)
		return err
	})
	return text, err
}

// summaryText reads a passage of a summary.
func summaryText(content *Content, passage Passage) (sheaf.SummaryText, error) {
	read, err := content.passage(passage)
	if err != nil {
		return sheaf.SummaryText{}, err
	}
	d := content.Document
	if !utf8.ValidString(read.Excerpt.Text) {
		return sheaf.SummaryText{}, sheaf.Errorf(sheaf.ErrUnsupported, "what is at %s is not text", d.Path).
			WithHint("download it, or write the summary anew")
	}
	text := sheaf.SummaryText{
		Document: d.ID, Backend: content.Backend, Content: read.Excerpt.Text, Truncated: read.Excerpt.More, Metadata: read.FrontMatter.Metadata,
	}
	if read.FrontMatter.Error != "" {
		text.MetadataError = fmt.Sprintf("line %d: %s", read.FrontMatter.Line, read.FrontMatter.Error)
	}
	return text, nil
}

// DeleteSummary moves the summary of a lesson or a directory to the trash, as
// [Session.DeleteAtPath] does.
func (s *Session) DeleteSummary(ctx context.Context, book, subject string, fileHash *sheaf.Digest, message string) (FileDeletion, error) {
	op := s.begin("summary.delete").atPath(book, subject)
	return s.deleteAtPath(ctx, op, Place{Book: book, Path: summaryPath(subject)}, fileHash, message)
}

// describeSummary says what there is to say of the summary in a file, given the
// lessons that it would be made from now.
func describeSummary(v *catalog.View, f sheaf.BookFile, lessons []sheaf.BookFile) (sheaf.Summary, error) {
	sources, known, err := v.SummarySources(f.Document, f.Version)
	return sheaf.Summary{
		Path: subjectName(f.Path, lessons), SummaryPath: f.Path, Size: f.Size, UpdatedAt: f.UpdatedAt, Digest: &f.Digest,
		Version: f.Version, Stale: !known || sources.Digest != digestOfLessons(lessons),
	}, err
}

// changesSince compares lessons with those that a summary was made from. It
// returns nil if these are not known.
func changesSince(v *catalog.View, book *catalog.Collection, f sheaf.BookFile, lessons []sheaf.BookFile) (*sheaf.SummaryChanges, error) {
	sources, known, err := v.SummarySources(f.Document, f.Version)
	if err != nil || !known || sources.CollectionPK != book.PK {
		return nil, err
	}
	then, err := lessonsOf(v, book, sources.Layer, sources.Path, sources.Rev)
	if err != nil {
		return nil, err
	}
	wasIn, _ := summarised(sources.Path)
	isIn, _ := summarised(f.Path)
	return compareLessons(then, lessons, wasIn, isIn), nil
}

// compareLessons says how lessons differ from what they were. What moved along
// with their summary is where it was as seen from there, and a lesson that only
// got another path does not differ.
func compareLessons(then, now []sheaf.BookFile, wasIn, isIn string) *sheaf.SummaryChanges {
	place := func(lesson sheaf.BookFile, in string) string {
		return strings.TrimPrefix(strings.TrimPrefix(lesson.Path, in), "/")
	}
	kept := make(map[sheaf.Digest]int, len(then))
	old := make(map[string]sheaf.BookFile, len(then))
	for _, lesson := range then {
		kept[lesson.Digest]++
		old[place(lesson, wasIn)] = lesson
	}
	var others []sheaf.BookFile // with contents that there were not
	for _, lesson := range now {
		if kept[lesson.Digest] > 0 {
			kept[lesson.Digest]--
		} else {
			others = append(others, lesson)
		}
	}
	changes := &sheaf.SummaryChanges{Changed: []string{}, Added: []string{}, Removed: []string{}}
	for _, lesson := range others {
		was, there := old[place(lesson, isIn)]
		if there && kept[was.Digest] > 0 {
			kept[was.Digest]--
			changes.Changed = append(changes.Changed, lesson.Path)
		} else {
			changes.Added = append(changes.Added, lesson.Path)
		}
	}
	for _, lesson := range then {
		if kept[lesson.Digest] > 0 {
			kept[lesson.Digest]--
			changes.Removed = append(changes.Removed, lesson.Path)
		}
	}
	return changes
}
