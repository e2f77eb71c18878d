package library_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// The same holds of histories that are about the moves of one book, and of what goes
// from one collection that may move to another.
func TestMoveProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newGarbageWorld(t, r)
		if rapid.Bool().Draw(r, "a book") {
			w.places, w.moving = []string{book, book, there}, []string{book}
		} else {
			w.places, w.moving = []string{here, there, loose, loose}, []string{loose}
		}
		w.openOnDisk()
		w.live(map[string]func(*rapid.T){
			"create":    w.create,
			"write":     w.write,
			"restore":   w.restore,
			"delete":    w.delete,
			"purge":     w.purge,
			"drain":     func(*rapid.T) { w.drainSome() },
			"tick":      w.tick,
			"move":      w.begin,
			"step":      w.step,
			"steps":     w.step,
			"more":      w.step,
			"roll back": w.rollBack,
			"finish":    w.finish,
			"transfer":  w.transfer,
			"collect":   w.collect,
		})
	})
}

func (w *garbageWorld) begin(r *rapid.T) {
	collection := rapid.SampledFrom(w.moving).Draw(r, "collection")
	in := library.NewMove{Backend: rapid.SampledFrom([]string{fs, other}).Draw(r, "to")}
	plan, planned := w.PlanMove(w.t.Context(), collection, in)
	move, err := w.MoveCollection(w.t.Context(), collection, in)
	if kind := sheaf.KindOf(err); kind == sheaf.ErrInvalid || kind == sheaf.ErrExists || w.isAway(err, w.contents[3]) {
		return
	}
	if planned == nil && !move.AlreadyMoving && move.Contents != plan.Contents-plan.PresentContent {
		w.r.Fatalf("the move %+v is not as planned: %+v", move, plan)
	}
}

func (w *garbageWorld) rollBack(r *rapid.T) {
	_, err := w.RollBackMove(w.t.Context(), rapid.SampledFrom(w.moving).Draw(r, "collection"))
	if sheaf.KindOf(err) != sheaf.ErrNotFound {
		w.must(err)
	}
}

func (w *garbageWorld) finish(r *rapid.T) {
	_, err := w.FinishMove(w.t.Context(), rapid.SampledFrom(w.moving).Draw(r, "collection"))
	if kind := sheaf.KindOf(err); kind != sheaf.ErrNotFound && kind != sheaf.ErrPreconditionFailed {
		w.must(err)
	}
}

// transfer moves a document to another collection, which has to be on the same
// backend and stays there, or may move.
func (w *garbageWorld) transfer(r *rapid.T) {
	canGo := map[string]bool{here: true, there: true, loose: true}
	d := w.draw(r, func(d *keptDocument) bool { return isLive(d) && canGo[d.collection] })
	if d == nil {
		return
	}
	to := rapid.SampledFrom([]string{here, there, loose}).Draw(r, "to")
	_, err := w.MoveDocument(w.t.Context(), d.id, to, "")
	if kind := sheaf.KindOf(err); kind == sheaf.ErrInvalid || kind == sheaf.ErrUnsupported || kind == sheaf.ErrUnavailable {
		return // they are on different backends, or it has not all of its contents there yet
	}
	w.must(err)
	d.collection = to
}

// step takes steps of moves. Some times a put fails meanwhile, the process ends, or
// something else is done while a content is between the two backends.
func (w *garbageWorld) step(r *rapid.T) {
	steps := rapid.IntRange(1, 8).Draw(r, "steps")
	fault := rapid.SampledFrom([]string{"none", "a put", "the process", "somebody else", "somebody else"}).Draw(r, "fault")
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	w.crash = cancel
	switch fault {
	case "a put":
		w.puts.Store(rapid.Int64Range(1, 6).Draw(r, "put"))
	case "the process":
		w.transactions.Store(rapid.Int64Range(1, 12).Draw(r, "transaction"))
	case "somebody else":
		w.pauses.Store(rapid.Int64Range(1, 8).Draw(r, "pause"))
	}
	done := make(chan error)
	for range steps {
		go func() {
			_, err := w.AdvanceMoves(ctx)
			done <- err
		}()
		var err error
		for stepping := true; stepping; {
			select {
			case err = <-done:
				stepping = false
			case <-w.paused:
				w.somebodyElse(r)
				w.resume <- struct{}{}
			}
		}
		if fault == "none" {
			w.isAway(err, w.contents[3])
		}
	}
	w.transactions.Store(-1)
	w.puts.Store(-1)
	w.pauses.Store(-1)
	if fault == "the process" {
		w.store = w.reopen()
	}
	w.wantReachable()
}

// somebodyElse does something while a move waits.
func (w *garbageWorld) somebodyElse(r *rapid.T) {
	w.isPaused = true
	defer func() { w.isPaused = false }()
	doings := map[string]func(*rapid.T){
		"create": w.create, "write": w.write, "write again": w.write, "delete": w.delete, "purge": w.purge,
		"drain": func(*rapid.T) { w.drainSome() }, "collect": w.collect, "collect again": w.collect,
		"roll back": w.rollBack, "finish": w.finish, "transfer": w.transfer,
	}
	for range rapid.IntRange(1, 4).Draw(r, "meanwhile") {
		doings[rapid.SampledFrom([]string{"create", "write", "write again", "delete", "purge", "drain", "collect", "collect again", "roll back", "finish", "transfer"}).Draw(r, "doing")](r)
	}
}
