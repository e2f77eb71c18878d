package library

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// maxMoved is how many files one move may take along: they are moved in one
// transaction, for which everybody else waits.
const maxMoved = 10_000

// A PathMove gives a file of a book another path, or all files of a directory.
type PathMove struct {
	Book     string
	From, To string
	FileHash *sheaf.Digest // that the file has to have; nil: any
	Message  string
}

// Moved is the answer to a move.
type Moved struct {
	Path         string        `json:"path"`     // where it was
	NewPath      string        `json:"new_path"` // where it is
	Files        []MovedFile   `json:"files"`    // in the order of their paths; never nil
	Overlays     int           `json:"overlays"` // copies of users that moved along
	Revision     int64         `json:"revision"`
	AuditEntryID int64         `json:"audit_entry_id"`
	FileHash     *sheaf.Digest `json:"file_hash_sha256,omitempty"` // of the one file
	SummaryLeft  string        `json:"summary_left,omitempty"`     // the path of the lesson's summary if that could not move along
}

// MovedFile is one file that moved.
type MovedFile struct {
	Document sheaf.DocumentID `json:"document_id"`
	Path     string           `json:"path"`
	NewPath  string           `json:"new_path"`
}

// MovePath moves a file, or a directory with all that is in it, in one
// transaction with one log entry. What moves stays the documents that they are,
// with their histories, and the copies that users have of them move along,
// unless those have something else at the new path. A lesson takes its summary
// along, unless something is where that would be, or it is the summary of another
// lesson beside it, too.
//
// It fails with [sheaf.ErrExists] when anything is at the new path already; a
// directory is not merged into another.
func (s *Session) MovePath(ctx context.Context, in PathMove) (Moved, error) {
	op := s.begin("content.move").atPath(in.Book, in.From)
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return Moved{}, err
	}
	limits := s.library.limits
	var toErr error
	if err := limits.CheckPath(in.To); err != nil {
		toErr = aboutField("new_path", err)
	}
	if _, err := s.library.check(Place{Book: in.Book, Path: in.From}, toErr, limits.CheckMessage(in.Message)); err != nil {
		return Moved{}, err
	}
	switch {
	case in.From == in.To:
		return Moved{}, sheaf.Invalid("new_path", "new_path is the path that it has")
	case strings.HasPrefix(in.To, in.From+"/"):
		return Moved{}, sheaf.Invalid("new_path", "a directory cannot be moved into itself")
	case strings.HasPrefix(in.From, in.To+"/"):
		return Moved{}, sheaf.Errorf(sheaf.ErrExists, "%s is the directory that it is in", sheaf.Clip(in.To)).
			WithHint("move it elsewhere first")
	}
	book, err := s.library.book(in.Book)
	if err != nil {
		return Moved{}, err
	}
	var moved Moved
	err = s.library.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) (err error) {
		moved, err = s.move(tx, op, book.Name, in)
		return err
	})
	if err != nil {
		return Moved{}, s.library.explain(ctx, book, Place{Book: in.Book, Path: in.From}, s.library.explainConflict(ctx, err))
	}
	s.library.changed()
	return moved, nil
}

func (s *Session) move(tx *catalog.Tx, op operation, name sheaf.Slug, in PathMove) (Moved, error) {
	book, err := writableNow(tx, name)
	if err != nil {
		return Moved{}, err
	}
	heads, err := movedHeads(&tx.View, book, in)
	if err != nil {
		return Moved{}, err
	}
	moved := Moved{Path: in.From, NewPath: in.To, Files: make([]MovedFile, 0, len(heads))}
	entry := op.entry(withMessage(in.Message), withDetail(map[string]any{"path": in.From, "new_path": in.To}))
	note := func(before, after catalog.Head) {
		entry.Documents = append(entry.Documents, sheaf.LogDocument{
			ID: before.ID, Layer: after.Layer, Before: before.LogState(), After: after.LogState(),
		})
	}
	if err := checkPathFree(&tx.View, book, catalog.Head{Document: sheaf.Document{Path: in.To}}, in.From); err != nil {
		return Moved{}, err
	}
	moveOne := func(before catalog.Head, in PathMove) error {
		after, err := s.library.movedTo(before, in)
		if err != nil {
			return err
		}
		copies, err := tx.LayersOver(book, before.PK, before.Path)
		if err != nil {
			return err
		}
		if err := tx.UpdateDocument(before, &after); err != nil {
			return err
		}
		note(before, after)
		moved.Files = append(moved.Files, MovedFile{before.ID, before.Path, after.Path})
		for _, own := range copies {
			if _, taken, err := tx.LayerHead(book, own.Layer, after.Path); taken || err != nil {
				if err != nil {
					return err
				}
				continue // it stays where it is, as something of the user's own
			}
			ownAfter, err := s.library.movedTo(own, in)
			if err != nil {
				return err
			}
			if err := tx.UpdateLayer(own, &ownAfter); err != nil {
				return err
			}
			note(own, ownAfter)
			moved.Overlays++
		}
		return nil
	}
	for _, before := range heads {
		if err := moveOne(before, in); err != nil {
			return Moved{}, err
		}
	}
	if len(heads) == 1 && heads[0].Path == in.From {
		moved.FileHash = orNil(heads[0].Digest)
		summary, along, err := summaryToMove(&tx.View, book, in)
		switch {
		case err != nil:
			return Moved{}, err
		case summary.PK != 0 && along.To != "":
			err = moveOne(summary, along)
		case summary.PK != 0:
			moved.SummaryLeft = summary.Path
		}
		if err != nil {
			return Moved{}, err
		}
	}
	appended, err := tx.Append(string(book.Name), entry)
	moved.Revision, moved.AuditEntryID = appended.Rev, appended.ID
	return moved, err
}

// summaryToMove returns the summary of a lesson that has been moved, if it has one
// of its own, and its move, which goes nowhere if something is there already.
func summaryToMove(v *catalog.View, book *catalog.Collection, lesson PathMove) (summary catalog.Head, along PathMove, err error) {
	along = PathMove{Book: lesson.Book, From: summaryPath(lesson.From), To: summaryPath(lesson.To)}
	if !isLesson(lesson.From) || !isLesson(lesson.To) || along.From == along.To {
		return catalog.Head{}, along, nil
	}
	summary, found, err := v.HeadAtPath(book, "", along.From)
	if err != nil || !found {
		return catalog.Head{}, along, err
	}
	subject, isDir := summarised(along.From)
	others, err := lessonsBeside(v, book, "", subject, 0)
	if err != nil || isDir || len(others) > 0 {
		return catalog.Head{}, along, err
	}
	err = checkPathFree(v, book, catalog.Head{Document: sheaf.Document{Path: along.To}}, along.From)
	if sheaf.KindOf(err) == sheaf.ErrExists {
		along.To, err = "", nil
	}
	return summary, along, err
}

// movedHeads returns what a move takes along: a file, or what is in a directory.
func movedHeads(v *catalog.View, book *catalog.Collection, in PathMove) ([]catalog.Head, error) {
	head, found, err := v.HeadAtPath(book, "", in.From)
	switch {
	case err != nil:
		return nil, err
	case found && in.FileHash != nil && *in.FileHash != head.Digest:
		return nil, &refusedWriteError{head}
	case found:
		return []catalog.Head{head}, nil
	case in.FileHash != nil:
		return nil, errNoFile
	}
	heads, err := v.HeadsBelow(book, in.From, maxMoved+1)
	switch {
	case err != nil:
		return nil, err
	case len(heads) == 0:
		return nil, errNoFile
	case len(heads) > maxMoved:
		return nil, sheaf.Errorf(sheaf.ErrTooLarge, "%s has more than %d files, which is what one move takes along", sheaf.Clip(in.From), maxMoved).
			WithHint("move its directories one after the other")
	}
	return heads, nil
}

// movedTo returns what a document becomes by a move.
func (l *Library) movedTo(h catalog.Head, in PathMove) (catalog.Head, error) {
	to := in.To + strings.TrimPrefix(h.Path, in.From)
	if err := l.limits.CheckPath(to); err != nil {
		return h, sheaf.Invalid("new_path", fmt.Sprintf("%s would become %s: %s", sheaf.Clip(h.Path), sheaf.Clip(to), err))
	}
	filename := path.Base(to)
	if h.Name == h.Filename {
		h.Name = filename
	}
	h.Path, h.Filename = to, filename
	return h, nil
}
