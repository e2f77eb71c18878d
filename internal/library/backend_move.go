package library

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// maxMoveGrace bounds for how long a backend that was left keeps its copy.
const maxMoveGrace = 366 * 24 * time.Hour

// A NewMove says where a collection moves to.
type NewMove struct {
	Backend string
	Grace   *time.Duration // for which the old backend keeps its copy; nil: as the store is set up
}

// PlanMove counts what [Session.MoveCollection] would copy, and says what that
// would refuse. It changes nothing.
func (s *Session) PlanMove(ctx context.Context, collection string, in NewMove) (sheaf.MovePlan, error) {
	s.begin("collection.plan_move").in(collection)
	if err := s.allow(sheaf.ScopeAdmin); err != nil {
		return sheaf.MovePlan{}, err
	}
	c, grace, err := s.library.checkMove(ctx, collection, in)
	if err != nil {
		return sheaf.MovePlan{}, err
	}
	if c.Moving != "" && c.Second != in.Backend {
		return sheaf.MovePlan{}, errMoving(c)
	}
	return s.library.planMove(ctx, c, in.Backend, grace)
}

func (l *Library) planMove(ctx context.Context, c *catalog.Collection, target string, grace time.Duration) (plan sheaf.MovePlan, err error) {
	err = l.catalog.Snapshot(ctx, func(v *catalog.View) (err error) {
		plan, err = v.PlanMove(c, target)
		return err
	})
	plan.GraceSeconds = int64(grace.Seconds())
	return plan, err
}

// MoveCollection begins to move a collection, or a book, to another backend: all
// contents that its documents have, had, or have in layers or the trash. It
// returns at once. Everybody goes on reading and writing meanwhile, and the
// collection's status is migrating until all is where it should be; one that is
// archived stays archived.
//
// A move that is under way to the same backend is returned as it is.
func (s *Session) MoveCollection(ctx context.Context, collection string, in NewMove) (sheaf.BackendMove, error) {
	op := s.begin("collection.move").in(collection)
	if err := s.allow(sheaf.ScopeAdmin); err != nil {
		return sheaf.BackendMove{}, err
	}
	l := s.library
	c, grace, err := l.checkMove(ctx, collection, in)
	if err != nil {
		return sheaf.BackendMove{}, err
	}
	plan, err := l.planMove(ctx, c, in.Backend, grace)
	if err != nil {
		return sheaf.BackendMove{}, err
	}
	already := false
	err = l.changeMove(ctx, c.Name, func(tx *catalog.Tx, c *catalog.Collection, m catalog.BackendMove) error {
		already = c.Moving != "" && m.To == in.Backend && c.Moving != sheaf.MoveReturning
		switch {
		case already:
			return nil
		case c.Moving != "":
			return errMoving(c)
		case c.Backend == in.Backend:
			return errSameBackend(c)
		case c.Status == sheaf.StatusDeleting:
			return errDeleting(c.Name)
		}
		id := sheaf.NewOperationID()
		if err := tx.BeginMove(c, id, in.Backend, grace, plan); err != nil {
			return err
		}
		_, err := tx.Append(string(c.Name), op.entry(withOperationID(id), withDetail(plan)))
		return err
	})
	if err != nil {
		return sheaf.BackendMove{}, err
	}
	move, err := l.moveOf(context.WithoutCancel(ctx), c.Name)
	move.AlreadyMoving = already
	return move.BackendMove, err
}

// checkMove checks where a collection is to move to, and that something answers
// there.
func (l *Library) checkMove(ctx context.Context, collection string, in NewMove) (*catalog.Collection, time.Duration, error) {
	grace := l.moves.options.Grace
	var backendErr, graceErr error
	if in.Backend == "" {
		backendErr = sheaf.Invalid("storage_backend", "the backend to move to is missing")
	} else {
		_, backendErr = l.parseBackend(in.Backend)
	}
	if in.Grace != nil {
		if grace = *in.Grace; grace < 0 || grace > maxMoveGrace {
			graceErr = sheaf.Invalid("grace_seconds", fmt.Sprintf("the old copy can be kept from no time to %d days", int(maxMoveGrace.Hours()/24)))
		}
	}
	if err := sheaf.InvalidFields(backendErr, graceErr); err != nil {
		return nil, 0, err
	}
	c, err := l.collection(collection)
	if err != nil {
		return nil, 0, err
	}
	if c.Moving == "" && c.Backend == in.Backend {
		return nil, 0, errSameBackend(c)
	}
	if err := l.blobs.Locked(in.Backend); err != nil && l.blobs.Seals(in.Backend) {
		return nil, 0, err // nothing could be copied there
	}
	_, err = l.blobs.Stat(ctx, in.Backend, nowhere)
	if err != nil && sheaf.KindOf(err) != sheaf.ErrNotFound {
		return nil, 0, sheaf.Errorf(sheaf.ErrBackendUnavailable, "the backend %s does not answer as it should: %w", in.Backend, err).
			WithHint("`sheaf admin backend test " + in.Backend + "` says what is wrong")
	}
	if err := l.blobs.Claim(ctx, in.Backend); err != nil {
		return nil, 0, err
	}
	return c, grace, nil
}

func errSameBackend(c *catalog.Collection) error {
	return sheaf.Invalid("storage_backend", fmt.Sprintf("%s is stored on %s already", c.Name, c.Backend))
}

func errMoving(c *catalog.Collection) error {
	return sheaf.Errorf(sheaf.ErrExists, "%s is moving between %s and %s already", c.Name, c.Backend, c.Second).
		WithHint("wait until that is over, end the time for which the old copy is kept, or roll it back first")
}

// errNoMove says that a collection does not move, for who wants to do something
// about that.
func errNoMove(name sheaf.Slug) error {
	return sheaf.Errorf(sheaf.ErrNotFound, "%s is not moving to another backend", name).
		WithHint("a move that is over cannot be changed any more; move it again, to where it was")
}

// CollectionMove says how far the move of a collection is, or what became of the
// latest one.
func (s *Session) CollectionMove(ctx context.Context, collection string) (sheaf.BackendMove, error) {
	s.begin("collection.read_move").in(collection)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return sheaf.BackendMove{}, err
	}
	c, err := s.library.collection(collection)
	if err != nil {
		return sheaf.BackendMove{}, err
	}
	move, err := s.library.moveOf(ctx, c.Name)
	return move.BackendMove, err
}

func (l *Library) moveOf(ctx context.Context, name sheaf.Slug) (move catalog.BackendMove, err error) {
	c, err := l.collection(string(name))
	if err != nil {
		return move, err
	}
	var found bool
	err = l.catalog.Read(ctx, func(v *catalog.View) (err error) {
		move, found, err = v.Move(c)
		return err
	})
	if err == nil && !found {
		err = sheaf.Errorf(sheaf.ErrNotFound, "%s has never moved to another backend", name).
			WithHint("it is stored on " + c.Backend)
	}
	return move, err
}

// RollBackMove makes the backend that a collection is moving from, or has moved
// from and that keeps its copy still, its backend again. From the moment it
// returns new contents go there. What only the other one has is read from that
// until it is copied back. A move that is being rolled back stays so.
func (s *Session) RollBackMove(ctx context.Context, collection string) (sheaf.BackendMove, error) {
	op := s.begin("collection.roll_back_move").in(collection)
	return s.manageMove(ctx, collection, func(tx *catalog.Tx, c *catalog.Collection, m catalog.BackendMove) error {
		if c.Moving == sheaf.MoveReturning {
			return nil
		}
		if err := tx.ReturnMove(c, m.From, m.To); err != nil {
			return err
		}
		return appendMove(tx, op, c.Name, m, sheaf.MoveReturning)
	})
}

// FinishMove ends the time for which the backend that a collection has moved from
// keeps its copy: it cannot be rolled back any more. The move has to be as far as
// that.
func (s *Session) FinishMove(ctx context.Context, collection string) (sheaf.BackendMove, error) {
	op := s.begin("collection.finish_move").in(collection)
	return s.manageMove(ctx, collection, func(tx *catalog.Tx, c *catalog.Collection, m catalog.BackendMove) error {
		if c.Moving != sheaf.MoveKept {
			return sheaf.Errorf(sheaf.ErrPreconditionFailed, "the move of %s is %s: the old copy is needed still", c.Name, c.Moving).
				WithHint("wait until all is on the new backend")
		}
		if err := tx.EndMoveGrace(c); err != nil {
			return err
		}
		return appendMove(tx, op, c.Name, m, c.Moving)
	})
}

// manageMove changes the move that a collection is in.
func (s *Session) manageMove(ctx context.Context, collection string, change moveChange) (sheaf.BackendMove, error) {
	if err := s.allow(sheaf.ScopeAdmin); err != nil {
		return sheaf.BackendMove{}, err
	}
	c, err := s.library.collection(collection)
	if err != nil {
		return sheaf.BackendMove{}, err
	}
	err = s.library.changeMove(ctx, c.Name, func(tx *catalog.Tx, c *catalog.Collection, m catalog.BackendMove) error {
		if c.Moving == "" {
			return errNoMove(c.Name)
		}
		return change(tx, c, m)
	})
	if err != nil {
		return sheaf.BackendMove{}, err
	}
	move, err := s.library.moveOf(context.WithoutCancel(ctx), c.Name)
	return move.BackendMove, err
}

// A moveChange changes the move of a collection, both as they are in the transaction.
type moveChange func(tx *catalog.Tx, c *catalog.Collection, m catalog.BackendMove) error

func (l *Library) changeMove(ctx context.Context, name sheaf.Slug, change moveChange) error {
	err := l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		c, found, err := tx.CollectionNow(name)
		if err != nil {
			return err
		}
		if !found {
			return errNoCollection(name)
		}
		m, _, err := tx.Move(&c)
		if err != nil {
			return err
		}
		return change(tx, &c, m)
	})
	if err == nil {
		wake(l.moves.wake)
		l.registryChanged()
	}
	return err
}

// appendMove writes the log entry of a move that gets into a phase.
func appendMove(tx *catalog.Tx, op operation, name sheaf.Slug, m catalog.BackendMove, phase sheaf.MovePhase) error {
	_, err := tx.Append(string(name), op.entry(withOperationID(m.ID), withDetail(map[string]any{
		"from": m.From, "to": m.To, "phase": phase, "contents_copied": m.Copied, "bytes_copied": m.CopiedBytes, "contents_verified": m.Verified,
	})))
	return err
}

// neededBackends are the backends without which the contents of a collection
// cannot be read.
func neededBackends(c *catalog.Collection) []string {
	if c.Moving == sheaf.MoveSettling || c.Moving == sheaf.MoveReturning {
		return []string{c.Backend, c.Second}
	}
	return []string{c.Backend}
}

// A homeError says that a collection has moved to another backend while a content
// for it was placed: nothing of it was stored.
type homeError struct{ backend string }

func (e *homeError) Error() string { return "the collection has moved to the backend " + e.backend }

// checkHome fails with a homeError unless a content that a transaction is to name
// is where those of its collection go.
func checkHome(c *catalog.Collection, content bool, ref blob.Ref) error {
	if content && ref.Backend != c.Backend {
		return &homeError{c.Backend}
	}
	return nil
}

// hasMoved reports whether an error says that a collection has moved, and where to.
func hasMoved(err error) (moved bool, to string) {
	var home *homeError
	if errors.As(err, &home) {
		return true, home.backend
	}
	return false, ""
}

// checkAllThere fails unless a document that comes from another collection brings
// all its contents to the backend of both: while that one moves, they may be on
// the other one still.
func checkAllThere(tx *catalog.Tx, before, after *catalog.Head) error {
	source, _, err := tx.CurrentCollection(before.Collection)
	if err != nil || source.Second == "" || before.CollectionPK == after.CollectionPK {
		return err
	}
	has, err := tx.HasContents(before.PK, source.Backend)
	if err == nil && !has {
		err = sheaf.Errorf(sheaf.ErrUnavailable, "contents of %s are just moving to the backend %s", before.ID, source.Backend).
			WithHint("try again in a moment; the move of " + string(source.Name) + " says how far it is")
	}
	return err
}
