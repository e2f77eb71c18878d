package library

import (
	"context"
	"fmt"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/markup"
)

// A ContentEdit changes a text document at some places.
type ContentEdit struct {
	Edits    []sheaf.Edit
	FileHash *sheaf.Digest // of the content the edits were made for; nil: whatever it is now
	Merge    bool          // merge with what somebody else wrote since the content of FileHash, if that is clean
	DryRun   bool          // say what would change, and store nothing
	Message  string
}

// Edited is the answer to an edit: the change, and in which lines it makes the
// content another one than the current one was.
type Edited struct {
	sheaf.Change
	Diff sheaf.Comparison
}

// EditContent applies edits to a document's text, all of them or none. With
// FileHash they are applied to the content with that hash and then written as
// [Session.WriteContent] does; without, to the current one. A dry run fails as
// the edit itself would, and its answer has mode unchanged.
func (s *Session) EditContent(ctx context.Context, id sheaf.DocumentID, in ContentEdit) (Edited, error) {
	op := s.begin("content.edit").on(id)
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return Edited{}, err
	}
	if err := s.library.limits.CheckMessage(in.Message); err != nil {
		return Edited{}, err
	}
	return s.edit(ctx, op, byID(id), in)
}

// edit applies edits that were checked to a document.
func (s *Session) edit(ctx context.Context, op operation, of target, in ContentEdit) (Edited, error) {
	if in.FileHash != nil {
		return s.editOnce(ctx, op, of, in)
	}
	// Whatever is there is edited: what somebody writes between reading and
	// committing is read and edited then, not merged.
	in.Merge = false
	const attempts = 100
	for attempt := 1; ; attempt++ {
		edited, err := s.editOnce(ctx, op, of, in)
		if sheaf.KindOf(err) != sheaf.ErrConflict || attempt == attempts {
			return edited, err
		}
		if attempt == 1 {
			head, err := of.read(ctx, s.library)
			if err != nil {
				return Edited{}, err
			}
			done, err := s.library.merges.take(ctx, head.ID)
			if err != nil {
				return Edited{}, err
			}
			defer done()
		}
	}
}

func (s *Session) editOnce(ctx context.Context, op operation, of target, in ContentEdit) (Edited, error) {
	head, number, err := s.library.editable(ctx, of, in.FileHash)
	if err != nil {
		return Edited{}, err
	}
	before, err := s.library.textOf(ctx, head, number)
	if err != nil {
		return Edited{}, err
	}
	after, err := markup.Apply(before, in.Edits, min(maxText, s.library.limits.Content))
	if err != nil {
		return Edited{}, err
	}
	content, err := s.Receive(ctx, strings.NewReader(after))
	if err != nil {
		return Edited{}, err
	}
	defer content.Close()
	read := sheaf.DigestOf([]byte(before))
	if in.DryRun {
		return s.previewEdit(ctx, head, read, merged{before, after}, content, in.Merge)
	}
	change, made, err := s.writeMerging(ctx, contentChange{op: op, target: of, content: content, message: in.Message}, &read, in.Merge)
	if err != nil {
		return Edited{}, err
	}
	switch change.Mode {
	case sheaf.ModeMerged:
		before, after = made.current, made.text
	case sheaf.ModeUnchanged:
		before = after
	}
	return Edited{Change: change, Diff: markup.Compare(before, after, markup.DefaultContext)}, nil
}

// previewEdit says what an edit of the content read would do now, or fails as it
// would.
func (s *Session) previewEdit(ctx context.Context, head catalog.Head, read sheaf.Digest, made merged, content *Upload, merge bool) (Edited, error) {
	if _, err := s.library.writableCollection(string(head.Collection)); err != nil {
		return Edited{}, err
	}
	if read != head.Digest {
		conflict, current, err := s.describeConflict(ctx, head, read, content)
		if err != nil {
			return Edited{}, err
		}
		if !merge || !mergeable(conflict) {
			return Edited{}, errConflict(conflict)
		}
		made = merged{current, conflict.Merge.Text}
	}
	return Edited{Change: unchanged(head), Diff: markup.Compare(made.current, made.text, markup.DefaultContext)}, nil
}

// editable returns a document and which of its versions edits are for.
func (l *Library) editable(ctx context.Context, of target, read *sheaf.Digest) (head catalog.Head, number int, err error) {
	err = l.catalog.Snapshot(ctx, func(v *catalog.View) (err error) {
		if head, err = of.find(v); err != nil {
			return err
		}
		if number = head.Version; number == 0 {
			return errNoContent
		}
		if read == nil || *read == head.Digest {
			return nil
		}
		number, _, err = v.LatestVersionWith(head.PK, *read)
		return err
	})
	if err != nil || number > 0 {
		return head, number, err
	}
	conflict, err := l.currentContent(ctx, head)
	if err != nil {
		return head, 0, err
	}
	return head, 0, conflictError(sheaf.ErrConflict, fmt.Sprintf("no version of the document has the hash %s", read), conflict)
}
