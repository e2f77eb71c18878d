package library

import (
	"context"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/markup"
)

// A ContentEdit changes a text document at some places.
type ContentEdit struct {
	Edits    []sheaf.Edit
	FileHash *sheaf.Digest // of the content the edits were made for; nil: whatever it is now
	Merge    bool          // merge with what somebody else wrote meanwhile, if that is clean
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
	op := s.begin("content.edit")
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return Edited{}, err
	}
	if err := s.library.limits.CheckMessage(in.Message); err != nil {
		return Edited{}, err
	}
	const attempts = 10 // somebody may write between reading and committing
	for attempt := 1; ; attempt++ {
		edited, err := s.editOnce(ctx, op, id, in)
		conflicted := sheaf.KindOf(err) == sheaf.ErrConflict
		if !conflicted || in.FileHash != nil || attempt == attempts {
			return edited, err
		}
	}
}

func (s *Session) editOnce(ctx context.Context, op operation, id sheaf.DocumentID, in ContentEdit) (Edited, error) {
	head, number, err := s.library.editable(ctx, id, in.FileHash)
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
	change, made, err := s.writeMerging(ctx, contentChange{op: op, id: id, content: content, message: in.Message}, &read, in.Merge)
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
func (l *Library) editable(ctx context.Context, id sheaf.DocumentID, read *sheaf.Digest) (head catalog.Head, number int, err error) {
	err = l.catalog.Read(ctx, func(v *catalog.View) (err error) {
		if head, err = liveHead(v, id); err != nil {
			return err
		}
		if number = head.Version; number == 0 {
			return errNoContent
		}
		if read == nil || *read == head.Digest {
			return nil
		}
		var found bool
		if number, found, err = v.LatestVersionWith(head.PK, *read); err == nil && !found {
			err = sheaf.Errorf(sheaf.ErrConflict, "no version of the document has the hash %s", read).
				WithHint("read the document again; its content has the hash " + head.Digest.String())
		}
		return err
	})
	return head, number, err
}
