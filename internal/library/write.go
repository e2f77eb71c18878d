package library

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/markup"
)

// maxText is the largest content, in bytes, that is compared, merged or edited:
// that takes all of it in memory, several times.
const maxText = 8 << 20

// A ContentWrite is a new content of a document.
type ContentWrite struct {
	Content  *Upload // still the caller's to close
	Filename string  // empty: it keeps its filename and MIME type

	// FileHash is the digest of what the author had read; nil: the author does
	// not care, which a collection may refuse.
	FileHash *sheaf.Digest
	// First says that the document has to be without content still.
	First bool
	// Existing says that the document has to have a content already.
	Existing bool
	// Merge commits a clean three-way merge at once when somebody else wrote
	// meanwhile.
	Merge   bool
	Message string
}

// WriteContent gives a document a new content, its next version.
//
// If FileHash is not the current content's, nothing is stored and the error is
// [sheaf.ErrConflict] with a [sheaf.WriteConflict]; without FileHash, where the
// collection requires it, [sheaf.ErrHashRequired]. The same bytes as now are
// mode unchanged and store nothing. With First, any content that is there is
// [sheaf.ErrPreconditionFailed], and with Existing, that there is none. A document without content has nothing that
// FileHash could be of, so that the error is [sheaf.ErrNotFound].
func (s *Session) WriteContent(ctx context.Context, id sheaf.DocumentID, in ContentWrite) (sheaf.Change, error) {
	op := s.begin("content.write").on(id)
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return sheaf.Change{}, err
	}
	filename := ""
	var filenameErr error
	if in.Filename != "" {
		filename, filenameErr = s.library.limits.CleanFilename(in.Filename)
		filenameErr = aboutField("filename", filenameErr)
	}
	if err := sheaf.InvalidFields(filenameErr, s.library.limits.CheckMessage(in.Message)); err != nil {
		return sheaf.Change{}, err
	}
	change, _, err := s.writeMerging(ctx, contentChange{op: op, target: byID(id), content: in.Content, filename: filename, first: in.First, existing: in.Existing, message: in.Message}, in.FileHash, in.Merge)
	return change, err
}

// A target is the document that an operation is for.
type target struct {
	layer string // that the operation is made in
	find  func(*catalog.View) (catalog.Head, error)

	// Where it is, of a target that is named by its path; nil and empty of others.
	book *catalog.Collection
	path string
}

// place returns where it is, if that is known before a transaction.
func (t target) place() []sourcesPlace {
	if t.book == nil {
		return nil
	}
	return []sourcesPlace{{t.book.Name, t.layer, t.path}}
}

// byID is the document with an id, which has to be there.
func byID(id sheaf.DocumentID) target {
	return target{find: func(v *catalog.View) (catalog.Head, error) { return liveHead(v, id) }}
}

// read returns the head of the document as it is before a transaction.
func (t target) read(ctx context.Context, l *Library) (head catalog.Head, err error) {
	err = l.catalog.Snapshot(ctx, func(v *catalog.View) (err error) {
		head, err = t.find(v)
		return err
	})
	return head, err
}

// writeMerging writes a content. When somebody else wrote since the author read,
// it describes the conflict, or merges and tries again with what it has merged.
// What it returns of a merge is nil unless the mode of the change is merged.
func (s *Session) writeMerging(ctx context.Context, c contentChange, read *sheaf.Digest, merge bool) (change sheaf.Change, made *merged, err error) {
	written := c.content
	c.expected, c.mode = read, sheaf.ModeUpdated
	const attempts = 100 // somebody who need not merge may write while a merge is made
	waited := false
	for attempt := 1; ; attempt++ {
		change, err := s.writeOnce(ctx, c)
		var refused *refusedWriteError
		switch {
		case err == nil:
			return change, made, nil
		case !errors.As(err, &refused):
			return sheaf.Change{}, nil, err
		case read == nil:
			return sheaf.Change{}, nil, s.library.errHashRequired(ctx, refused.head)
		}
		if merge && !waited {
			done, err := s.library.merges.take(ctx, refused.head.ID)
			if err != nil {
				return sheaf.Change{}, nil, err
			}
			defer done()
			waited = true
			continue // with what the others have made of the document
		}
		// Always what the author wrote, not what was merged last time: so the
		// author is told of a conflict with all that happened since.
		conflict, current, err := s.describeConflict(ctx, refused.head, *read, written)
		if err != nil {
			return sheaf.Change{}, nil, err
		}
		if !merge || !mergeable(conflict) || attempt == attempts {
			return sheaf.Change{}, nil, errConflict(conflict)
		}
		content, err := s.Receive(ctx, strings.NewReader(conflict.Merge.Text))
		if err != nil {
			return sheaf.Change{}, nil, err
		}
		defer content.Close()
		c.content, c.expected, c.mode = content, &conflict.CurrentHash, sheaf.ModeMerged
		made = &merged{current: current, text: conflict.Merge.Text}
	}
}

// merged is what a merge was made of the current text.
type merged struct{ current, text string }

func mergeable(conflict *sheaf.WriteConflict) bool {
	return conflict.Merge != nil && conflict.Merge.Clean
}

func (l *Library) errHashRequired(ctx context.Context, head catalog.Head) error {
	conflict, err := l.currentContent(ctx, head)
	if err != nil {
		return err
	}
	return conflictError(sheaf.ErrHashRequired, "this collection wants to know which content a write replaces", conflict)
}

func errConflict(conflict *sheaf.WriteConflict) error {
	return conflictError(sheaf.ErrConflict, "the document has another content than the one that was read", conflict)
}

// A refusedWriteError says that a document has another content than a write
// expects, or that the write has to expect one.
type refusedWriteError struct{ head catalog.Head }

func (*refusedWriteError) Error() string {
	return "the document has another content than the write expects"
}

// A contentChange is one attempt to write a content.
type contentChange struct {
	op operation
	target
	content  *Upload
	filename string        // empty: it stays
	expected *sheaf.Digest // of the content it replaces; nil: any
	first    bool          // it replaces none
	existing bool          // there has to be a content
	mode     sheaf.ChangeMode
	message  string
	also     func(*catalog.Tx, sheaf.Change) error // in the same transaction; nil: nothing
}

// writeOnce commits a content if the head is what is expected, else fails with
// a refusedWriteError.
func (s *Session) writeOnce(ctx context.Context, c contentChange) (sheaf.Change, error) {
	backend, err := s.library.backendFor(ctx, c)
	if err != nil {
		return sheaf.Change{}, err
	}
	return s.commit(ctx, headChange{
		op:      c.op,
		message: c.message,
		content: c.content,
		backend: backend,
		layer:   c.layer,
		find:    c.find,
		places:  c.place(),
		also:    c.also,
		edit: func(collection *catalog.Collection, before catalog.Head, after *catalog.Head) (sheaf.ChangeMode, error) {
			if err := c.mayReplace(before, collection); err != nil {
				return "", err
			}
			if c.filename != "" {
				after.Filename, after.MIME = c.filename, mimeType(c.filename)
			}
			if before.Version > 0 && before.Digest == c.content.Digest() && after.Filename == before.Filename {
				return sheaf.ModeUnchanged, nil
			}
			if before.PK == 0 {
				return sheaf.ModeCreated, nil
			}
			return c.mode, nil
		},
	})
}

// backendFor returns the backend that a content goes to, which is that of its
// document. For one that is to be placed there before the transaction it asks all
// that the transaction will ask, so that most of what is refused leaves nothing
// behind. A small one is not worth another look at the catalog.
func (l *Library) backendFor(ctx context.Context, c contentChange) (string, error) {
	if only, ok := l.onlyBackend(); ok && c.content.spooled.Ref().IsInline() {
		return only, nil
	}
	head, err := c.read(ctx, l)
	if err != nil {
		return "", err
	}
	collection, err := l.writableCollection(string(head.Collection))
	if err != nil {
		return "", err
	}
	if err := c.mayReplace(head, collection); err != nil {
		return "", err
	}
	return collection.Backend, l.admitPlacing(ctx, collection, c.target, c.content)
}

// onlyBackend returns the backend of everything, if there is but one.
func (l *Library) onlyBackend() (name string, ok bool) {
	for name = range l.backends {
	}
	return name, len(l.backends) == 1
}

// mayReplace fails unless the content may be written over that of a head.
func (c contentChange) mayReplace(head catalog.Head, collection *catalog.Collection) error {
	switch {
	case head.PK == 0 && c.expected != nil:
		return errNoFile
	case head.Version == 0 && c.expected != nil:
		return sheaf.Errorf(sheaf.ErrNotFound, "%s", errNoContent.Message).WithHint("its first content is written without file_hash")
	case head.Version == 0 && c.existing:
		return sheaf.Errorf(sheaf.ErrPreconditionFailed, "%s", errNoContent.Message).WithHint("its first content is written without If-Match")
	case head.Version == 0:
		return nil
	case c.first:
		return sheaf.Errorf(sheaf.ErrPreconditionFailed, "the document has a content already").
			WithHint(fmt.Sprintf("to replace it, send file_hash %s", head.Digest))
	case c.expected != nil && *c.expected != head.Digest,
		c.expected == nil && collection.Policy == sheaf.PolicyRequireHash:
		return &refusedWriteError{head}
	}
	return nil
}

func conflictError(kind sheaf.ErrorKind, message string, conflict *sheaf.WriteConflict) *sheaf.Error {
	e := sheaf.Errorf(kind, "%s", message)
	e.Conflict = conflict
	e.Hint = "read the document again, or send file_hash " + conflict.CurrentHash.String()
	if mergeable(conflict) {
		e.Hint = "send it again with on_conflict=merge, or the merged text with file_hash " + conflict.CurrentHash.String()
	}
	return e
}

// currentContent says what the head is and who wrote it.
func (l *Library) currentContent(ctx context.Context, head catalog.Head) (*sheaf.WriteConflict, error) {
	conflict := &sheaf.WriteConflict{CurrentHash: head.Digest, CurrentVersion: head.Version}
	err := l.catalog.Read(ctx, func(v *catalog.View) error {
		version, found, err := v.Version(head.PK, head.Version)
		if found {
			conflict.CurrentAuthor, conflict.CurrentLabel, conflict.CurrentAt = version.Author, version.Label, version.At
		}
		return err
	})
	return conflict, err
}

// describeConflict merges what an author wrote into what the document has become
// since the author read the content with the digest given. It returns the current
// text too, if there is a merge.
func (s *Session) describeConflict(ctx context.Context, head catalog.Head, read sheaf.Digest, written *Upload) (conflict *sheaf.WriteConflict, current string, err error) {
	l := s.library
	if conflict, err = l.currentContent(ctx, head); err != nil {
		return nil, "", err
	}
	err = l.catalog.Read(ctx, func(v *catalog.View) (err error) {
		conflict.BaseVersion, _, err = v.LatestVersionWith(head.PK, read)
		return err
	})
	if err != nil || conflict.BaseVersion == 0 || written.Size() > maxText {
		return conflict, "", err
	}
	var base string
	if base, err = l.textOf(ctx, head, conflict.BaseVersion); err == nil {
		current, err = l.textOf(ctx, head, head.Version)
	}
	if kind := sheaf.KindOf(err); kind == sheaf.ErrTooLarge || kind == sheaf.ErrDamaged || kind == sheaf.ErrGone {
		return conflict, "", nil // all that cannot be had is the merge
	}
	if err != nil {
		return nil, "", err
	}
	yours, err := textOfUpload(written)
	if err != nil {
		return nil, "", err
	}
	merge := markup.Merge(base, current, yours, markup.MergeLabels{Base: "base", Head: "current", Yours: "yours"})
	conflict.Merge = &merge
	return conflict, current, nil
}

// textOf returns a version of a document, which has to be at most maxText long.
func (l *Library) textOf(ctx context.Context, head catalog.Head, number int) (string, error) {
	ref, err := l.pastContent(ctx, &head, number)
	if err != nil {
		return "", err
	}
	if ref.Size > maxText {
		return "", sheaf.Errorf(sheaf.ErrTooLarge, "the content has %d bytes; up to %d are compared, merged and edited", ref.Size, maxText)
	}
	content, err := l.open(ctx, head, ref)
	if err != nil {
		return "", err
	}
	defer content.Close()
	reader, err := content.Reader()
	if err != nil {
		return "", err
	}
	var text strings.Builder
	text.Grow(int(ref.Size))
	_, err = io.Copy(&text, reader)
	return text.String(), err
}

// textOfUpload returns a content that has not been committed.
func textOfUpload(u *Upload) (string, error) {
	content, err := u.spooled.Open()
	if err != nil {
		return "", err
	}
	defer content.Close()
	var text strings.Builder
	text.Grow(int(u.Size()))
	_, err = io.Copy(&text, content)
	return text.String(), err
}
