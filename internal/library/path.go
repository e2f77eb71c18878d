package library

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/markup"
)

// A Place is a path in a book, looked at through a layer.
type Place struct {
	Book  string
	Path  string
	Layer string // of [UserLayer]; empty: what everyone sees
}

// check returns the id of the place's book and everything that is wrong with the
// place; more are errors about the rest of a request.
func (l *Library) check(p Place, more ...error) (sheaf.Slug, error) {
	id, idErr := parseBookID(p.Book)
	errs := append([]error{idErr, l.limits.CheckPath(p.Path), checkLayer(p.Layer)}, more...)
	return id, sheaf.InvalidFields(errs...)
}

// errNoFile says that there is nothing at a path. What callers see of it says
// what there is instead.
var errNoFile = sheaf.Errorf(sheaf.ErrNotFound, "there is nothing at the path")

// at returns the head at a path of a book now.
func at(v *catalog.View, book *catalog.Collection, p Place) (catalog.Head, error) {
	head, found, err := v.HeadAtPath(book, p.Layer, p.Path)
	if err == nil && !found {
		err = errNoFile
	}
	return head, err
}

// atMoment returns the head at a path of a book as it was, or is now.
func atMoment(v *catalog.View, book *catalog.Collection, p Place, moment Moment) (catalog.Head, error) {
	if moment.IsNow() {
		return at(v, book, p)
	}
	revision, err := moment.revision(v, string(book.Name))
	if err != nil {
		return catalog.Head{}, err
	}
	head, found, err := v.HeadAtPathThen(book, p.Layer, p.Path, revision)
	if err == nil && !found {
		err = errNoFile
	}
	withoutContent(&head)
	return head, err
}

// explain says what there is in place of what was not found at a path.
func (l *Library) explain(ctx context.Context, book *catalog.Collection, p Place, err error) error {
	if !errors.Is(err, errNoFile) {
		return err
	}
	hint := "list the files of " + string(book.Name) + " to see what there is"
	readErr := l.catalog.Snapshot(ctx, func(v *catalog.View) error {
		const seen = 100 // of which some may be summaries
		below, err := v.FileDigests(book, catalog.FileFilter{Layer: p.Layer, Dir: p.Path, Limit: seen})
		if err != nil {
			return err
		}
		if len(below) > 0 {
			hint = "it is a directory"
			if paths := suggested(below, p); len(paths) > 0 {
				hint += ", with " + strings.Join(paths[:min(mostNear, len(paths))], ", ")
			}
			return nil
		}
		near, err := nearPaths(v, book, p)
		if len(near) > 0 {
			hint = "did you mean " + strings.Join(near, " or ") + "?"
		}
		return err
	})
	if readErr != nil {
		return readErr
	}
	return sheaf.Errorf(sheaf.ErrNotFound, "Content not found: %s in %s", p.Path, book.Name).WithHint(hint)
}

// suggested returns the paths of files that may be meant in place of one that is
// not there. Whoever does not ask for a summary does not want one: beside every
// lesson there may be one with nearly its name.
func suggested(files []catalog.FileDigest, p Place) (paths []string) {
	for _, f := range files {
		if isSummary(p.Path) || !isSummary(f.Path) {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

// nearPaths returns paths that come near to one that is not there: of its own
// directory, or the nearest above it that has anything.
func nearPaths(v *catalog.View, book *catalog.Collection, p Place) ([]string, error) {
	const mostCompared = 1000 // paths, so that a book of any size costs the same
	for dir := path.Dir(p.Path); ; dir = path.Dir(dir) {
		if dir == "." {
			dir = ""
		}
		files, err := v.FileDigests(book, catalog.FileFilter{Layer: p.Layer, Dir: dir, Limit: mostCompared})
		if err != nil {
			return nil, err
		}
		near := markup.Nearest(p.Path, suggested(files, p), mostNear)
		if len(near) > 0 || dir == "" {
			return near, nil
		}
	}
}

// OpenAtPath opens what is at a path of a book, or was at a moment.
func (s *Session) OpenAtPath(ctx context.Context, p Place, moment Moment) (*Content, error) {
	return s.openAtPath(ctx, s.begin("content.read").atPath(p.Book, p.Path), p, moment)
}

func (s *Session) openAtPath(ctx context.Context, op operation, p Place, moment Moment) (*Content, error) {
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return nil, err
	}
	l := s.library
	if _, err := l.check(p); err != nil {
		return nil, err
	}
	book, err := l.book(p.Book)
	if err != nil {
		return nil, err
	}
	head, ref, err := l.contentAt(ctx, book, p, moment)
	if err != nil {
		return nil, l.explain(ctx, book, p, err)
	}
	op.on(head.ID)
	return l.open(ctx, head, ref)
}

// contentAt returns the head at a path and what is needed to read its content.
func (l *Library) contentAt(ctx context.Context, book *catalog.Collection, p Place, moment Moment) (head catalog.Head, ref blob.Ref, err error) {
	if p.Layer == "" && moment.IsNow() { // what is read again and again
		head, ref, found, err := l.catalog.HeadContentAtPath(ctx, book, p.Path)
		if err == nil && !found {
			err = errNoFile
		}
		return head, ref, err
	}
	err = l.catalog.Snapshot(ctx, func(v *catalog.View) (err error) {
		if head, err = atMoment(v, book, p, moment); err != nil {
			return err
		}
		if head.Expired {
			_, err = readableVersion(v, head, head.Version)
			return err
		}
		ref, _, err = v.BookRef(book, head.Digest)
		return err
	})
	return head, ref, err
}

// A FileText is a passage of what is at a path of a book.
type FileText struct {
	Document sheaf.Document
	Backend  string // where it is stored
	Excerpt  markup.Excerpt
	// FrontMatter is what the text says of itself at its top.
	FrontMatter markup.FrontMatter
}

// ReadAtPath reads a passage of what is at a path of a book, or was at a moment,
// with the front matter of the whole.
func (s *Session) ReadAtPath(ctx context.Context, p Place, moment Moment, passage Passage) (FileText, error) {
	content, err := s.OpenAtPath(ctx, p, moment)
	if err != nil {
		return FileText{}, err
	}
	defer content.Close()
	return content.passage(passage)
}

// passage reads a passage of a content, with the front matter of the whole.
func (c *Content) passage(passage Passage) (FileText, error) {
	text := FileText{Document: c.Document, Backend: c.Backend}
	if c.Document.Size <= maxExcerpt { // once is enough for both
		whole, err := c.text()
		if err != nil {
			return FileText{}, err
		}
		text.FrontMatter = frontMatter(c.Document, whole)
		text.Excerpt, err = passage.read(strings.NewReader(whole))
		return text, err
	}
	var err error
	if text.FrontMatter, err = c.FrontMatter(); err != nil {
		return FileText{}, err
	}
	text.Excerpt, err = c.Excerpt(passage)
	return text, err
}

// text returns all of the content, which the caller knows to be small.
func (c *Content) text() (string, error) {
	reader, err := c.Reader()
	if err != nil {
		return "", err
	}
	var text strings.Builder
	text.Grow(int(c.Document.Size))
	_, err = io.Copy(&text, reader)
	return text.String(), err
}

// A FileWrite is a content for a path of a book.
type FileWrite struct {
	Place
	Content *Upload // still the caller's to close

	// FileHash is the digest of what the author had read at the path; nil: the
	// author does not care, which a book may refuse, or there was nothing.
	FileHash *sheaf.Digest
	// First says that there has to be nothing at the path still.
	First bool
	// Existing says that there has to be a content at the path already.
	Existing bool
	// Merge commits a clean three-way merge at once when somebody else wrote
	// meanwhile.
	Merge   bool
	Message string
}

// PutContent writes what is at a path of a book. What is not there is made, and
// so is a book that is not there, if the store is set up so and the caller may.
//
// With FileHash the path has to have that content, or the error is
// [sheaf.ErrNotFound] or, with a [sheaf.WriteConflict], [sheaf.ErrConflict]; what
// counts as the content is what the caller sees through the layer. Without, a
// new version is made whatever there is, unless the book requires a hash. With
// First anything that is there is [sheaf.ErrPreconditionFailed]. The same bytes as
// there are store nothing.
//
// Through a layer the write makes or changes the layer's copy. The base stays.
func (s *Session) PutContent(ctx context.Context, in FileWrite) (sheaf.Change, error) {
	op := s.begin("content.write").atPath(in.Book, in.Path)
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return sheaf.Change{}, err
	}
	id, err := s.library.check(in.Place, s.library.limits.CheckMessage(in.Message))
	if err != nil {
		return sheaf.Change{}, err
	}
	if in.Content == nil {
		return sheaf.Change{}, sheaf.Invalid("content", "content is missing")
	}
	var book *catalog.Collection
	if in.FileHash == nil {
		book, err = s.bookToWrite(ctx, id)
	} else if book, err = s.library.book(in.Book); err == nil {
		err = checkWritable(book)
	}
	if err != nil {
		return sheaf.Change{}, err
	}
	change, _, err := s.writeMerging(ctx, contentChange{op: op, target: fileOrNew(book, in.Place), content: in.Content, first: in.First, existing: in.Existing, message: in.Message}, in.FileHash, in.Merge)
	return change, s.library.explain(ctx, book, in.Place, err)
}

// newFile returns the head of a document that is yet to be made at a path.
func newFile(book *catalog.Collection, p Place) catalog.Head {
	name := path.Base(p.Path)
	return catalog.Head{CollectionPK: book.PK, Document: sheaf.Document{
		Collection: book.Name, Path: p.Path, Layer: p.Layer, Name: name, Filename: name, MIME: mimeType(name),
		Tags: []string{}, Metadata: []byte("{}"),
	}}
}

// fileOrNew is the document at a path, or one that is yet to be made there.
func fileOrNew(book *catalog.Collection, p Place) target {
	return target{layer: p.Layer, book: book, path: p.Path, find: func(v *catalog.View) (catalog.Head, error) {
		head, err := at(v, book, p)
		if errors.Is(err, errNoFile) {
			return newFile(book, p), nil
		}
		return head, err
	}}
}

// file is the document at a path, which has to be there.
func file(book *catalog.Collection, p Place) target {
	return target{layer: p.Layer, book: book, path: p.Path, find: func(v *catalog.View) (catalog.Head, error) { return at(v, book, p) }}
}

// EditAtPath edits what is at a path of a book, as [Session.EditContent] does.
// Through a layer the edit is of what the caller sees, and made in its copy.
func (s *Session) EditAtPath(ctx context.Context, p Place, in ContentEdit) (Edited, error) {
	op := s.begin("content.edit").atPath(p.Book, p.Path)
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return Edited{}, err
	}
	if _, err := s.library.check(p, s.library.limits.CheckMessage(in.Message)); err != nil {
		return Edited{}, err
	}
	book, err := s.library.book(p.Book)
	if err != nil {
		return Edited{}, err
	}
	edited, err := s.edit(ctx, op, file(book, p), in)
	return edited, s.library.explain(ctx, book, p, err)
}

// A FileDeletion is the answer to a deletion by path.
type FileDeletion struct {
	sheaf.Change      // of what was deleted; nothing when nothing was
	Existed      bool // whether there was anything
}

// DeleteAtPath moves what is at a path of a book to the trash. That nothing is
// there is no error. With fileHash it has to have that content, or the error is
// [sheaf.ErrConflict]. Through a layer it removes the layer's copy only.
func (s *Session) DeleteAtPath(ctx context.Context, p Place, fileHash *sheaf.Digest, message string) (FileDeletion, error) {
	return s.deleteAtPath(ctx, s.begin("document.delete").atPath(p.Book, p.Path), p, fileHash, message)
}

func (s *Session) deleteAtPath(ctx context.Context, op operation, p Place, fileHash *sheaf.Digest, message string) (FileDeletion, error) {
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return FileDeletion{}, err
	}
	if _, err := s.library.check(p, s.library.limits.CheckMessage(message)); err != nil {
		return FileDeletion{}, err
	}
	book, err := s.library.book(p.Book)
	if err != nil {
		return FileDeletion{}, err
	}
	change, err := s.commit(ctx, headChange{
		op:      op,
		layer:   p.Layer,
		message: message,
		find: func(v *catalog.View) (catalog.Head, error) {
			head, err := at(v, book, p)
			if err == nil && head.Layer != p.Layer {
				err = errNoFile // only the base has it
			}
			return head, err
		},
		edit: func(_ *catalog.Collection, before catalog.Head, after *catalog.Head) (sheaf.ChangeMode, error) {
			if fileHash != nil && *fileHash != before.Digest {
				return "", &refusedWriteError{before}
			}
			after.Deleted = true
			return sheaf.ModeDeleted, nil
		},
	})
	if errors.Is(err, errNoFile) {
		return FileDeletion{}, nil
	}
	return FileDeletion{change, err == nil}, s.library.explainConflict(ctx, err)
}

// explainConflict says of a refused write what there is, for changes that have
// nothing to merge.
func (l *Library) explainConflict(ctx context.Context, err error) error {
	var refused *refusedWriteError
	if !errors.As(err, &refused) {
		return err
	}
	conflict, err := l.currentContent(ctx, refused.head)
	if err != nil {
		return err
	}
	return errConflict(conflict)
}

// takesPath reports whether a change makes a document take a path that it has not.
func takesPath(before, after catalog.Head) bool {
	return after.Path != "" && !after.Deleted && (before.PK == 0 || before.Deleted || before.Path != after.Path)
}

// checkPathFree fails with [sheaf.ErrExists] unless a document can be at its path
// beside what else is in its book. What is below the path except is about to go.
func checkPathFree(v *catalog.View, book *catalog.Collection, h catalog.Head, except string) error {
	blocker, found, err := v.PathBlocker(book, h.Layer, h.Path, except)
	if err != nil || !found {
		return err
	}
	why := "the path is taken"
	switch {
	case blocker == h.Path:
	case strings.HasPrefix(blocker, h.Path+"/"):
		why = "it is a directory, with " + blocker
	case strings.HasPrefix(h.Path, blocker+"/"):
		why = blocker + " is a file, not a directory"
	default:
		why = "some systems take it for the same as " + blocker
	}
	return sheaf.Errorf(sheaf.ErrExists, "there cannot be anything at %s: %s", sheaf.Clip(h.Path), why).
		WithHint(fmt.Sprintf("choose another path, or move or delete %s first", blocker))
}
