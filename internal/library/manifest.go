package library

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// Manifest says which files a book has, or had at a moment: everything that is at
// a path for everyone, so lessons, summaries, assets and whatever else.
func (s *Session) Manifest(ctx context.Context, book string, at Moment) (sheaf.Manifest, error) {
	s.begin("book.manifest").in(book)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return sheaf.Manifest{}, err
	}
	l := s.library
	known, err := l.book(book)
	if err != nil {
		return sheaf.Manifest{}, err
	}
	var made sheaf.Manifest
	remembered := false
	err = l.snapshotOfBook(ctx, func(v *catalog.View) error {
		revision, err := momentOf(v, known, at)
		if err != nil {
			return err
		}
		if made, err = l.manifest(v, known, revision, at.IsNow()); err != nil {
			return err
		}
		_, remembered, err = v.ManifestAt(known, revision)
		return err
	})
	if err != nil {
		return sheaf.Manifest{}, err
	}
	if !remembered {
		l.rememberManifest(ctx, known, made.ManifestSummary)
	}
	l.used()
	return made, nil
}

// momentOf returns the revision of a book that a moment means.
func momentOf(v *catalog.View, book *catalog.Collection, at Moment) (int64, error) {
	if at.IsNow() {
		return v.LatestRev(string(book.Name))
	}
	return at.revision(v, string(book.Name))
}

// manifest makes the manifest of a book at a revision, which is the latest one if
// it isLatest.
func (l *Library) manifest(v *catalog.View, book *catalog.Collection, revision int64, isLatest bool) (made sheaf.Manifest, err error) {
	made.Book, made.Revision, made.Files = book.Name, revision, []sheaf.ManifestFile{}
	most := l.limits.ArchiveDocuments
	filter := catalog.FileFilter{Limit: most + 1, EvenPurged: true}
	var files []sheaf.BookFile
	if !isLatest {
		filter.Rev = revision
	}
	if revision > 0 { // or it was before anything was there
		if files, err = v.Files(book, filter); err != nil {
			return made, err
		}
	}
	if len(files) > most {
		return made, sheaf.Errorf(sheaf.ErrTooLarge, "the book has more than %d files, which is the limit of a manifest", most).
			WithHint("the limit is the setting limits.archive_documents")
	}
	lines := make([]bundle.File, len(files))
	for i, f := range files {
		lines[i] = bundle.File{Path: f.Path, Digest: f.Digest}
		made.Files = append(made.Files, sheaf.ManifestFile{Path: f.Path, Digest: f.Digest, Size: f.Size})
		made.Size += f.Size
	}
	made.Count, made.Hash = len(files), bundle.ManifestHash(lines)
	return made, nil
}

// rememberManifest remembers which revision a manifest is of, before somebody is
// told its hash. It only says in the log if it cannot: whoever comes back with a
// hash that is not known builds everything, which is slow and right.
func (l *Library) rememberManifest(ctx context.Context, book *catalog.Collection, m sheaf.ManifestSummary) {
	err := l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		return tx.RememberManifest(book, catalog.BookManifest{Rev: m.Revision, Hash: m.Hash, Files: m.Count, Size: m.Size})
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		l.log.WarnContext(ctx, "a manifest is not remembered, so that a build since then will be of everything", "book", book.Name, "error", err)
	}
}

// BuildQuery asks what has changed in a book.
type BuildQuery struct {
	Book   string
	Since  *sheaf.Digest // the hash of the manifest that was built last; nil: nothing was
	At     Moment        // what to build: the book as it was then
	Limit  int           // files of a page; 0: all on one
	Cursor string        // from the page before, which says what is built too; empty: the first page
}

// A BuildPage is a page of a plan.
type BuildPage struct {
	sheaf.BuildPlan
	Next string // the cursor of the next page; empty: there is none
}

// PlanBuild says which files of a book were added, changed and removed since its
// manifest had a hash. A hash that this store has not told, or that is older than
// the thousands it remembers of each book, is not known: then every file counts
// as added.
func (s *Session) PlanBuild(ctx context.Context, q BuildQuery) (BuildPage, error) {
	s.begin("book.plan").in(q.Book)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return BuildPage{}, err
	}
	l := s.library
	var limitErr error
	if q.Limit != 0 {
		q.Limit, limitErr = l.pageSize(q.Limit)
	}
	conditions := fmt.Sprintf("plan of %q since %v", q.Book, q.Since)
	after, cursorErr := decodePlace(q.Cursor, conditions, 2)
	if q.Cursor != "" && cursorErr == nil {
		revision, err := strconv.ParseInt(after[0], 10, 64)
		if q.At = (Moment{Revision: revision}); err != nil || revision < 1 {
			cursorErr = sheaf.Invalid("cursor", "the cursor is not one that this server gave out")
		}
	}
	if err := sheaf.InvalidFields(limitErr, cursorErr); err != nil {
		return BuildPage{}, err
	}
	book, err := l.book(q.Book)
	if err != nil {
		return BuildPage{}, err
	}
	var page BuildPage
	var then []sheaf.ManifestFile
	var now sheaf.Manifest
	remembered := false
	err = l.snapshotOfBook(ctx, func(v *catalog.View) error {
		revision, err := momentOf(v, book, q.At)
		if err != nil {
			return err
		}
		var known, since catalog.BookManifest
		if known, remembered, err = v.ManifestAt(book, revision); err != nil {
			return err
		}
		if remembered && q.Since != nil && *q.Since == known.Hash { // what is asked again and again
			now.ManifestSummary = sheaf.ManifestSummary{Book: book.Name, Revision: revision, Hash: known.Hash, Count: known.Files, Size: known.Size}
			return nil
		}
		if now, err = l.manifest(v, book, revision, q.At.IsNow()); err != nil || q.Since == nil || *q.Since == now.Hash {
			return err
		}
		if since, page.SinceKnown, err = v.ManifestWith(book, *q.Since); err != nil || !page.SinceKnown {
			return err
		}
		old, err := l.manifest(v, book, since.Rev, false)
		then = old.Files
		return err
	})
	if err != nil {
		return BuildPage{}, err
	}
	if !remembered {
		l.rememberManifest(ctx, book, now.ManifestSummary)
	}
	l.used()
	page.ManifestSummary, page.Since = now.ManifestSummary, q.Since
	page.Added, page.Changed, page.Removed = []sheaf.ManifestFile{}, []sheaf.ManifestFile{}, []sheaf.ManifestFile{}
	if page.Unchanged = q.Since != nil && *q.Since == now.Hash; page.Unchanged {
		page.SinceKnown = true
		return page, nil
	}
	page.compare(then, now.Files, after[1], q.Limit, func(last string) {
		page.Next = encodePlace(conditions, strconv.FormatInt(now.Revision, 10), last)
	})
	return page, nil
}

// compare counts all differences between two lists of files by path, and adds
// those behind a path to the page until it is full. It calls more with the last
// path on the page if there are others.
func (p *BuildPage) compare(then, now []sheaf.ManifestFile, after string, limit int, more func(last string)) {
	shown, last, full := 0, "", false
	differs := func(file sheaf.ManifestFile, count *int, list *[]sheaf.ManifestFile) {
		*count++
		switch {
		case file.Path <= after && after != "" || full:
		case limit > 0 && shown == limit:
			full = true
			more(last)
		default:
			*list = append(*list, file)
			shown, last = shown+1, file.Path
		}
	}
	for len(then)+len(now) > 0 {
		order := -1
		switch {
		case len(now) == 0:
		case len(then) == 0:
			order = 1
		default:
			order = strings.Compare(then[0].Path, now[0].Path)
		}
		switch {
		case order < 0:
			differs(then[0], &p.Counts.Removed, &p.Removed)
			then = then[1:]
		case order > 0:
			differs(now[0], &p.Counts.Added, &p.Added)
			now = now[1:]
		default:
			if then[0].Digest != now[0].Digest {
				differs(now[0], &p.Counts.Changed, &p.Changed)
			}
			then, now = then[1:], now[1:]
		}
	}
}
