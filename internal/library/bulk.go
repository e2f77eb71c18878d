package library

import (
	"context"
	"fmt"
	"slices"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// BulkOptions say how a bulk change is made.
type BulkOptions struct {
	DryRun    bool         // answer with what would be changed, and change nothing
	Selection sheaf.Digest // of an earlier answer: fail if what is selected is not the same still; zero: whatever is selected
	Message   string       // why, for the history
}

// A TagChange says what happens to tags: some are added and some removed, or
// all are set.
type TagChange struct {
	Add, Remove []string
	Set         *[]string // instead of what there is
}

// TagDocuments changes the tags of the documents selected, of all or of none.
func (s *Session) TagDocuments(ctx context.Context, selection Selection, tags TagChange, o BulkOptions) (sheaf.BulkChange, error) {
	edit, tagsErr := s.library.retagging(tags)
	return s.changeMany(ctx, tagsErr, bulkChange{
		op: s.begin("documents.tag"), action: sheaf.BulkTag, selection: selection, options: o,
		lookUp: liveHead,
		edit:   edit,
		state: func(h *catalog.Head) sheaf.BulkState {
			return sheaf.BulkState{Tags: h.Tags}
		},
	})
}

// MoveDocuments moves the documents selected to another collection, all or none,
// as [Session.MoveDocument] does with one.
func (s *Session) MoveDocuments(ctx context.Context, selection Selection, collection string, o BulkOptions) (sheaf.BulkChange, error) {
	to, collectionErr := sheaf.ParseSlug("collection", collection)
	return s.changeMany(ctx, collectionErr, bulkChange{
		op: s.begin("documents.move"), action: sheaf.BulkMove, selection: selection, options: o,
		lookUp: liveHead,
		edit: func(writable writableCollections, before catalog.Head, after *catalog.Head) (sheaf.ChangeMode, error) {
			if before.Collection == to {
				return sheaf.ModeUnchanged, nil
			}
			target, err := writable(to)
			if err != nil {
				return "", err
			}
			source, err := writable(before.Collection)
			if err != nil {
				return "", err
			}
			return sheaf.ModeMoved, enter(after, source, target)
		},
		prepare: func(writable writableCollections) error { _, err := writable(to); return err },
		state: func(h *catalog.Head) sheaf.BulkState {
			return sheaf.BulkState{Collection: h.Collection}
		},
	})
}

// DeleteDocuments moves the documents selected to the trash, all or none. Those
// that are there already stay.
func (s *Session) DeleteDocuments(ctx context.Context, selection Selection, o BulkOptions) (sheaf.BulkChange, error) {
	return s.changeMany(ctx, nil, bulkChange{
		op: s.begin("documents.delete"), action: sheaf.BulkDelete, selection: selection, options: o,
		lookUp: anyHead, edit: trashing(true, sheaf.ModeDeleted), state: whetherDeleted,
	})
}

// RestoreDocuments brings the documents selected back from the trash as they
// were, all or none. A filter looks in the trash; of documents that are named,
// those that are not in there stay.
func (s *Session) RestoreDocuments(ctx context.Context, selection Selection, o BulkOptions) (sheaf.BulkChange, error) {
	return s.changeMany(ctx, nil, bulkChange{
		op: s.begin("documents.restore"), action: sheaf.BulkRestore, selection: selection, options: o,
		lookUp: anyHead, edit: trashing(false, sheaf.ModeRestored), state: whetherDeleted,
	})
}

func trashing(deleted bool, mode sheaf.ChangeMode) bulkEdit {
	return func(_ writableCollections, before catalog.Head, after *catalog.Head) (sheaf.ChangeMode, error) {
		if before.Deleted == deleted {
			return sheaf.ModeUnchanged, nil
		}
		after.Deleted = deleted
		return mode, nil
	}
}

func whetherDeleted(h *catalog.Head) sheaf.BulkState {
	deleted := h.Deleted
	return sheaf.BulkState{Deleted: &deleted}
}

// retagging returns the edit that a change of tags is.
func (l *Library) retagging(tags TagChange) (bulkEdit, error) {
	add, addErr := l.limits.CleanTags(tags.Add)
	remove, removeErr := l.limits.CleanTags(tags.Remove)
	var set []string
	var setErr, contradiction error
	if tags.Set != nil {
		set, setErr = l.limits.CleanTags(*tags.Set)
	}
	for _, tag := range add {
		if slices.Contains(remove, tag) {
			contradiction = sheaf.Invalid("remove", fmt.Sprintf("the tag %q is to be added and removed", sheaf.Clip(tag)))
		}
	}
	switch {
	case tags.Set != nil && len(tags.Add)+len(tags.Remove) > 0:
		contradiction = sheaf.Invalid("set", "set replaces all tags: leave out add and remove")
	case tags.Set == nil && len(add)+len(remove) == 0:
		contradiction = sheaf.Invalid("add", "say which tags to add, to remove or to set")
	}
	err := sheaf.InvalidFields(aboutField("add", addErr), aboutField("remove", removeErr), aboutField("set", setErr), contradiction)
	return func(_ writableCollections, before catalog.Head, after *catalog.Head) (sheaf.ChangeMode, error) {
		changed := set
		if tags.Set == nil {
			kept := slices.DeleteFunc(slices.Clone(before.Tags), func(tag string) bool { return slices.Contains(remove, tag) })
			changed = append(kept, add...)
		}
		var err error
		after.Tags, err = l.limits.CleanTags(changed)
		return changeMode(before, *after), err
	}, err
}

// writableCollections returns a collection, or why it cannot be written to.
type writableCollections func(sheaf.Slug) (*catalog.Collection, error)

// A bulkEdit makes of before what a document becomes. It returns unchanged when
// there is nothing to store.
type bulkEdit func(writable writableCollections, before catalog.Head, after *catalog.Head) (sheaf.ChangeMode, error)

// A bulkChange is a change of many documents, on its way into a transaction.
type bulkChange struct {
	op        operation
	action    sheaf.BulkAction
	selection Selection
	filter    catalog.DocumentFilter // of the selection
	options   BulkOptions

	lookUp  func(*catalog.View, sheaf.DocumentID) (catalog.Head, error) // finds a document that is named
	prepare func(writableCollections) error                             // fails if no document at all could be changed; may be nil
	edit    bulkEdit
	state   func(*catalog.Head) sheaf.BulkState // what the change is about
}

func (c *bulkChange) session() *Session { return c.op.session }

// changeMany makes a bulk change, or previews it. Invalid is what is wrong with
// what is to be done.
func (s *Session) changeMany(ctx context.Context, invalid error, c bulkChange) (done sheaf.BulkChange, err error) {
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return sheaf.BulkChange{}, err
	}
	var selectionErr error
	c.filter, selectionErr = s.library.checkSelection(c.selection)
	if err := sheaf.InvalidFields(selectionErr, invalid, s.library.limits.CheckMessage(c.options.Message)); err != nil {
		return sheaf.BulkChange{}, err
	}
	if c.options.DryRun {
		err = s.library.catalog.Snapshot(ctx, func(v *catalog.View) error {
			plan, err := c.plan(ctx, v, v.Usage, func(name sheaf.Slug) (*catalog.Collection, error) {
				return s.library.writableCollection(string(name))
			})
			done = plan.answer(&c)
			return err
		})
	} else {
		err = s.library.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) (err error) {
			done, err = c.apply(ctx, tx)
			return err
		})
	}
	switch {
	case err == errTooMany:
		return sheaf.BulkChange{}, c.countTooMany(ctx)
	case err != nil:
		return sheaf.BulkChange{}, err
	}
	if done.Changed > 0 && !done.DryRun {
		s.library.changed()
	}
	s.library.used()
	return done, nil
}

// A bulkPlan is what a bulk change does to each of the documents.
type bulkPlan struct {
	selection sheaf.Digest
	steps     []bulkStep
}

type bulkStep struct {
	before, after catalog.Head
	mode          sheaf.ChangeMode
}

// plan finds the documents and says what each becomes. It fails if one of them
// cannot be changed, with an error that names all of those, or if a collection
// may not hold what would come into it.
func (c *bulkChange) plan(ctx context.Context, v *catalog.View, usage usageOf, writable writableCollections) (plan bulkPlan, err error) {
	if c.prepare != nil {
		if err := c.prepare(writable); err != nil {
			return bulkPlan{}, err
		}
	}
	var refused refusals
	heads, err := c.find(ctx, v, &refused)
	if err != nil {
		return bulkPlan{}, err
	}
	plan.selection = selectionDigest(heads)
	if expected := c.options.Selection; !expected.IsZero() && expected != plan.selection {
		return bulkPlan{}, sheaf.Errorf(sheaf.ErrPreconditionFailed, "the documents selected have changed, or are others now").
			WithHint("look again at what would be changed, with dry_run")
	}
	selected := len(heads) + len(refused.fields)
	var growing growths
	taken := make(takenPaths)
	for _, before := range heads {
		step := bulkStep{before: before, after: before}
		step.mode, err = c.edit(writable, before, &step.after)
		if err == nil && step.mode != sheaf.ModeUnchanged {
			err = step.check(v, writable, &growing, taken)
		}
		if err != nil && !refused.add(before.ID, err) {
			return bulkPlan{}, err
		}
		plan.steps = append(plan.steps, step)
	}
	if err := refused.err(selected); err != nil {
		return bulkPlan{}, err
	}
	return plan, growing.admit(usage)
}

// check fails if the collections of a document do not let it change so, and adds
// to what the collection grows by that it is in afterwards, and to the paths that
// are taken.
func (s *bulkStep) check(v *catalog.View, writable writableCollections, growing *growths, taken takenPaths) error {
	if _, err := writable(s.before.Collection); err != nil {
		return err
	}
	into, err := writable(s.after.Collection)
	if err != nil {
		return err
	}
	if takesPath(s.before, s.after) {
		if err := checkPathFree(v, into, s.after, ""); err != nil {
			return err
		}
		if err := taken.take(s.after); err != nil {
			return err
		}
	}
	growth, content := growthOf(s.before, s.after)
	growing.add(into, growth)
	return checkContentLimit(into, content)
}

// takenPaths are the paths that the documents of one bulk change take, and the
// directories that these are in. [checkPathFree] knows nothing of them yet.
type takenPaths map[takenPath]bool // whether a document is there, not a directory

type takenPath struct {
	book int64
	key  string // of [bundle.PathKey]
}

// take fails unless a document can be at its path beside those before it.
func (t takenPaths) take(h catalog.Head) error {
	key := bundle.PathKey(h.Path)
	_, taken := t[takenPath{h.CollectionPK, key}]
	for i := range len(key) {
		if key[i] == '/' {
			taken = taken || t[takenPath{h.CollectionPK, key[:i]}]
			t[takenPath{h.CollectionPK, key[:i]}] = false
		}
	}
	if taken {
		return sheaf.Errorf(sheaf.ErrExists, "there cannot be anything at %s beside what another of the documents would take", sheaf.Clip(h.Path)).
			WithHint("leave one of them out")
	}
	t[takenPath{h.CollectionPK, key}] = true
	return nil
}

// apply makes the change within a transaction.
func (c *bulkChange) apply(ctx context.Context, tx *catalog.Tx) (sheaf.BulkChange, error) {
	plan, err := c.plan(ctx, &tx.View, tx.Usage, func(name sheaf.Slug) (*catalog.Collection, error) { return writableNow(tx, name) })
	if err != nil {
		return sheaf.BulkChange{}, err
	}
	var entries streamEntries
	for i := range plan.steps {
		step := &plan.steps[i]
		if step.mode == sheaf.ModeUnchanged {
			continue
		}
		if err := checkAllThere(tx, &step.before, &step.after); err != nil {
			return sheaf.BulkChange{}, err
		}
		if err := tx.UpdateDocument(step.before, &step.after); err != nil {
			return sheaf.BulkChange{}, err
		}
		entries.add(&step.before, &step.after, briefState)
	}
	made, operationID, err := entries.append(tx, c.op, withMessage(c.options.Message), withDetail(map[string]any{
		"omitted": []string{"description", "metadata"}, "selection": plan.selection,
	}))
	if err != nil {
		return sheaf.BulkChange{}, err
	}
	done := plan.answer(c)
	done.Collections, done.OperationID = append(done.Collections, made...), operationID
	return done, nil
}

// briefState is what the log says of one of many documents: all but what is long
// and not changed in bulk.
func briefState(h *catalog.Head) *sheaf.LogState {
	state := h.LogState()
	state.Description, state.Metadata = "", nil
	return state
}

// answer returns what the plan does, or has done.
func (p *bulkPlan) answer(c *bulkChange) sheaf.BulkChange {
	done := sheaf.BulkChange{
		Action: c.action, DryRun: c.options.DryRun, Matched: len(p.steps), Selection: p.selection,
		Documents: make([]sheaf.BulkDocument, 0, len(p.steps)), Collections: []sheaf.BulkRevision{},
	}
	for i := range p.steps {
		step := &p.steps[i]
		doc := sheaf.BulkDocument{
			ID: step.before.ID, Name: step.before.Name, Collection: step.before.Collection, Mode: step.mode,
			Before: c.state(&step.before), After: c.state(&step.after), PreviousRevision: step.before.Rev,
		}
		if step.mode == sheaf.ModeUnchanged {
			done.Unchanged++
		} else {
			done.Changed++
			if !done.DryRun {
				doc.Revision = step.after.Rev
			}
		}
		done.Documents = append(done.Documents, doc)
	}
	return done
}
