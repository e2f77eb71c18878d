package library

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/markup"
)

// A Moment is a revision of a collection, or a time; the zero Moment is now. Of
// a document that was moved, a revision is of the collection that it is in now:
// what it was elsewhere can be had by a time.
type Moment struct {
	Revision int64
	Time     time.Time
}

// ParseMoment reads a moment as people write it: a revision, such as 42, or a
// time, such as 2025-01-31T12:00:00Z.
func ParseMoment(text string) (Moment, error) {
	text = strings.TrimSpace(text)
	if text != "" && strings.Trim(text, "0123456789") == "" {
		revision, err := strconv.ParseInt(text, 10, 64)
		if errors.Is(err, strconv.ErrRange) {
			revision, err = math.MaxInt64, nil
		}
		if err != nil || revision == 0 {
			return Moment{}, sheaf.Invalid("at", "revisions are numbers from 1")
		}
		return Moment{Revision: revision}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || at.IsZero() {
		return Moment{}, sheaf.Invalid("at", fmt.Sprintf("at has to be a revision like 42 or a time like 2025-01-31T12:00:00Z, %q is neither", sheaf.Clip(text)))
	}
	return Moment{Time: at}, nil
}

// IsNow reports whether the moment is the present.
func (m Moment) IsNow() bool { return m.Revision == 0 && m.Time.IsZero() }

// revision returns the revision of a stream at a moment that is not now. What is
// said of it never changes; so there is none for a revision that is yet to come.
func (m Moment) revision(v *catalog.View, stream string) (int64, error) {
	if m.Revision == 0 {
		return v.RevAt(stream, m.Time)
	}
	latest, err := v.LatestRev(stream)
	if err == nil && (m.Revision < 0 || m.Revision > latest) {
		err = sheaf.Invalid("at", fmt.Sprintf("%s has the revisions 1 to %d, not %d", stream, latest, m.Revision))
	}
	return m.Revision, err
}

// DocumentAt returns a document as it was at a moment: with the name, the tags
// and the content it had then, in the collection that it was in. One that was in
// the trash then is not found.
func (s *Session) DocumentAt(ctx context.Context, id sheaf.DocumentID, at Moment) (sheaf.Document, int64, error) {
	s.begin("document.read").on(id)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return sheaf.Document{}, 0, err
	}
	var head catalog.Head
	err := s.library.catalog.Snapshot(ctx, func(v *catalog.View) (err error) {
		head, err = headAt(v, id, at)
		return err
	})
	if err == nil {
		s.library.used()
	}
	return head.Document, head.Rev, err
}

// headAt returns the head of a document as it was at a moment, or is now. What is
// purged is gone whenever it was there.
func headAt(v *catalog.View, id sheaf.DocumentID, at Moment) (catalog.Head, error) {
	if at.IsNow() {
		return liveHead(v, id)
	}
	head, err := stateAt(v, id, at)
	if err == nil && head.Deleted {
		err = errNotThen
	}
	return head, err
}

// errNotThen says that a document is there, and was not at a moment.
var errNotThen = sheaf.Errorf(sheaf.ErrNotFound, "%s", errNoDocument.Message).
	WithHint("it was not there, or in the trash, at that time")

// stateAt returns what a document was at a moment that is not now, in the trash
// or not.
func stateAt(v *catalog.View, id sheaf.DocumentID, at Moment) (catalog.Head, error) {
	now, err := anyHead(v, id)
	if err != nil {
		return catalog.Head{}, err
	}
	head, found, err := pastHead(v, now, at)
	switch {
	case err != nil:
	case !found && at.Revision != 0 && now.Stay > 0:
		err = errElsewhere(now)
	case !found:
		err = errNotThen
	}
	withoutContent(&head)
	return head, err
}

// pastHead returns what a document was at a moment that is not now. A time finds
// it in whichever collection it was then; a revision is of the one it is in.
func pastHead(v *catalog.View, now catalog.Head, at Moment) (head catalog.Head, found bool, err error) {
	if at.Revision == 0 {
		return v.HeadAtTime(now, at.Time)
	}
	rev, err := at.revision(v, string(now.Collection))
	if err != nil {
		return catalog.Head{}, false, err
	}
	return v.HeadAtRev(now, rev)
}

// errElsewhere says that a document was not in its collection at a revision,
// though it may have been in another one.
func errElsewhere(now catalog.Head) error {
	return sheaf.Errorf(sheaf.ErrNotFound, "%s", errNoDocument.Message).
		WithHint(fmt.Sprintf("it was not in %s at that revision; it has been moved, so ask for a time", now.Collection))
}

// withoutContent gives a past head without a content the MIME type that it had:
// history has those of contents only.
func withoutContent(head *catalog.Head) {
	if head.Version == 0 {
		head.MIME = mimeType(head.Filename)
	}
}

// Versions lists the contents a document has had, purged ones too, the newest first: those with
// numbers below before, or all when before is 0, and at most limit. It also
// answers for documents in the trash.
func (s *Session) Versions(ctx context.Context, id sheaf.DocumentID, before, limit int) ([]sheaf.Version, error) {
	s.begin("version.list").on(id)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return nil, err
	}
	limit, err := s.library.pageSize(limit)
	if err != nil {
		return nil, err
	}
	var versions []sheaf.Version
	err = s.library.catalog.Snapshot(ctx, func(v *catalog.View) error {
		head, err := anyHead(v, id)
		if err != nil {
			return err
		}
		versions, err = v.Versions(head.PK, before, limit)
		return err
	})
	if err == nil {
		s.library.used()
	}
	return versions, err
}

// Version returns one of the contents a document has had. It also answers for
// documents in the trash.
func (s *Session) Version(ctx context.Context, id sheaf.DocumentID, number int) (version sheaf.Version, err error) {
	s.begin("version.read").on(id)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return sheaf.Version{}, err
	}
	err = s.library.catalog.Snapshot(ctx, func(v *catalog.View) error {
		head, err := anyHead(v, id)
		if err != nil {
			return err
		}
		version, err = findVersion(v, head, number)
		return err
	})
	return version, err
}

// Compare says in which lines two versions of a document differ; 0 stands for
// the current version, and for the one before it on the left. Context is how
// many lines around a change are shown.
func (s *Session) Compare(ctx context.Context, id sheaf.DocumentID, from, to, context int) (sheaf.VersionComparison, error) {
	s.begin("version.compare").on(id)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return sheaf.VersionComparison{}, err
	}
	if from < 0 || to < 0 || context < 0 {
		return sheaf.VersionComparison{}, sheaf.Invalid("from", "versions are numbers from 1, lines of context from 0")
	}
	var head catalog.Head
	err := s.library.catalog.Read(ctx, func(v *catalog.View) (err error) {
		head, err = anyHead(v, id)
		return err
	})
	if err != nil {
		return sheaf.VersionComparison{}, err
	}
	if head.Version == 0 {
		return sheaf.VersionComparison{}, errNoContent
	}
	if to == 0 {
		to = head.Version
	}
	if from == 0 {
		from = max(1, to-1)
	}
	// First the one that was named, so that an error names it too.
	changed, err := s.library.textOf(ctx, head, to)
	if err != nil {
		return sheaf.VersionComparison{}, err
	}
	old, err := s.library.textOf(ctx, head, from)
	if err != nil {
		return sheaf.VersionComparison{}, err
	}
	return sheaf.VersionComparison{
		From: from, To: to,
		OldLabel:   fmt.Sprintf("%s (version %d)", head.Name, from),
		NewLabel:   fmt.Sprintf("%s (version %d)", head.Name, to),
		Comparison: markup.Compare(old, changed, context),
	}, nil
}

// DocumentLog lists what was done with a document and its relations, in whichever
// collection, the newest first: entries with ids below before, or all when before is 0, and at
// most limit.
func (s *Session) DocumentLog(ctx context.Context, id sheaf.DocumentID, before int64, limit int) ([]sheaf.LogEntry, error) {
	s.begin("document.log").on(id)
	return s.readLog(ctx, limit, func(v *catalog.View, limit int) ([]sheaf.LogEntry, error) {
		head, found, err := v.Head(id)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, errNoDocument
		}
		return v.DocumentLog(head.PK, before, limit)
	})
}

// CollectionLog lists what was done in a collection, the newest first: entries
// with revisions below before, or all when before is 0, and at most limit. A
// document that moves is in the logs of both collections.
func (s *Session) CollectionLog(ctx context.Context, name string, before int64, limit int) ([]sheaf.LogEntry, error) {
	s.begin("collection.log").in(name)
	return s.readLog(ctx, limit, func(v *catalog.View, limit int) ([]sheaf.LogEntry, error) {
		collection, err := s.library.collectionOrDefault(name)
		if err != nil {
			return nil, err
		}
		return v.StreamLog(string(collection.Name), before, limit)
	})
}

func (s *Session) readLog(ctx context.Context, limit int, read func(*catalog.View, int) ([]sheaf.LogEntry, error)) (entries []sheaf.LogEntry, err error) {
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return nil, err
	}
	if limit, err = s.library.pageSize(limit); err != nil {
		return nil, err
	}
	err = s.library.catalog.Snapshot(ctx, func(v *catalog.View) (err error) {
		entries, err = read(v, limit)
		return err
	})
	if err == nil {
		s.library.used()
	}
	return entries, err
}

// pageSize checks how many rows are asked for.
func (l *Library) pageSize(limit int) (int, error) {
	if limit < 1 {
		return 0, sheaf.Invalid("limit", fmt.Sprintf("limit is %d, it has to be at least 1 (more than %d gives %d)", limit, l.limits.Page, l.limits.Page))
	}
	return min(limit, l.limits.Page), nil
}
