package library_test

import (
	"context"
	"maps"
	"slices"
	"strings"
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
			"slowly":    w.slowWrite,
			"restore":   w.restore,
			"delete":    w.delete,
			"purge":     w.purge,
			"drain":     func(*rapid.T) { w.drainSome() },
			"tick":      w.tick,
			"reopen":    w.reopenAnyway,
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
	for range steps {
		err := w.interrupted(r, func() error {
			_, err := w.AdvanceMoves(ctx)
			return err
		})
		if fault == "none" {
			w.isAway(err, w.contents[3])
		} else if err != nil && strings.Contains(err.Error(), "was not reserved") {
			w.r.Fatalf("what a move was copying was taken away from it: %v", err)
		}
	}
	w.transactions.Store(-1)
	w.puts.Store(-1)
	if fault == "the process" {
		w.store = w.reopen()
	}
	w.wantReachable()
}

// interrupted does something of which a backend lets others do something else in
// between, if a pause is due.
func (w *garbageWorld) interrupted(r *rapid.T, do func() error) error {
	done := make(chan error)
	go func() { done <- do() }()
	for {
		select {
		case err := <-done:
			w.pauses.Store(-1)
			return err
		case <-w.paused:
			w.isPaused = true
			w.somebodyElse(r)
			w.isPaused = false
			w.resume <- struct{}{}
		}
	}
}

// somebodyElse does something while a move, or a writer, waits.
func (w *garbageWorld) somebodyElse(r *rapid.T) {
	doings := map[string]func(*rapid.T){
		"create": w.create, "write": w.write, "write again": w.write, "delete": w.delete, "purge": w.purge,
		"drain": func(*rapid.T) { w.drainSome() }, "collect": w.collect, "collect again": w.collect,
		"move": w.begin, "roll back": w.rollBack, "finish": w.finish, "transfer": w.transfer,
	}
	if w.isWriting {
		for _, step := range []string{"step", "steps", "more", "even more"} {
			doings[step] = w.stepsOfOthers
		}
	}
	names := slices.Sorted(maps.Keys(doings))
	for range rapid.IntRange(1, 6).Draw(r, "meanwhile") {
		doings[rapid.SampledFrom(names).Draw(r, "doing")](r)
	}
}

// slowWrite writes a large content, and something is done before it is placed, or
// before it is named in a commit.
func (w *garbageWorld) slowWrite(r *rapid.T) {
	d := w.draw(r, isLive)
	if d == nil {
		return
	}
	content := rapid.SampledFrom(w.contents[3:5]).Draw(r, "content")
	upload := w.upload(content)
	defer upload.Close()
	w.pauses.Store(rapid.Int64Range(1, 2).Draw(r, "pause"))
	w.isWriting = true
	var change sheaf.Change
	err := w.interrupted(r, func() (err error) {
		change, err = w.WriteContent(w.t.Context(), d.id, library.ContentWrite{Content: upload})
		return err
	})
	w.isWriting = false
	switch kind := sheaf.KindOf(err); {
	case (kind == sheaf.ErrNotFound || kind == sheaf.ErrGone) && (d.now().deleted || w.documents[d.id] == nil):
	case kind == sheaf.ErrUnavailable: // what was placed was taken from it; it says so
	case w.isAway(err, content) || change.Mode == sheaf.ModeUnchanged:
	default:
		d.contents = append(d.contents, content)
		d.add(change, false)
	}
	w.wantReachable()
}

// stepsOfOthers takes steps of moves while a writer waits, for whom they may have to
// wait, too.
func (w *garbageWorld) stepsOfOthers(r *rapid.T) {
	for range rapid.IntRange(1, 6).Draw(r, "steps") {
		_, err := w.AdvanceMoves(w.t.Context())
		w.isAway(err, w.contents[3])
	}
	w.wantReachable()
}
