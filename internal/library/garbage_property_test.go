package library_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/fsblob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// A keptState is what a document was from a time on.
type keptState struct {
	at      time.Time
	version int
	deleted bool
}

// A keptDocument is what has to be there of a document.
type keptDocument struct {
	id        sheaf.DocumentID
	retention sheaf.Retention
	contents  []string // of its versions
	expired   map[int]bool
	states    []keptState
}

func (d *keptDocument) now() keptState { return d.states[len(d.states)-1] }

func (d *keptDocument) add(change sheaf.Change, deleted bool) {
	d.states = append(d.states, keptState{change.UpdatedAt, change.Version, deleted})
}

// purgeable reports whether the retention does not keep a document at a time.
func (d *keptDocument) purgeable(now time.Time) bool {
	limit := now.AddDate(0, 0, -d.retention.TrashDays)
	return d.retention.TrashDays > 0 && d.now().deleted && !d.now().at.After(limit)
}

// expirable returns the versions that the retention does not keep at a time.
func (d *keptDocument) expirable(now time.Time) map[int]bool {
	expirable := make(map[int]bool)
	if d.retention.HistoryDays == 0 {
		return expirable
	}
	limit := now.AddDate(0, 0, -d.retention.HistoryDays)
	for n := 1; n <= len(d.contents)-d.retention.HistoryVersions; n++ {
		expirable[n] = true
	}
	for i, state := range d.states {
		if i == len(d.states)-1 || d.states[i+1].at.After(limit) {
			delete(expirable, state.version)
		}
	}
	return expirable
}

// A garbageWorld is a store whose garbage is collected while it is used, whose
// process ends at any moment, and what has to be in it.
type garbageWorld struct {
	*store
	r         *rapid.T
	documents map[sheaf.DocumentID]*keptDocument
	purged    []sheaf.DocumentID
	contents  []string

	clock        atomic.Int64 // Unix milliseconds
	transactions atomic.Int64 // until crash; negative: none comes
	deletes      atomic.Int64 // likewise
	crash        context.CancelFunc

	remote *flakyBackend // nil: the backend is the disk, which always answers
}

// crashingBackend ends a process before or after an object is deleted.
type crashingBackend struct {
	*fsblob.Backend
	world *garbageWorld
}

func (b crashingBackend) Delete(ctx context.Context, key blob.Key) error {
	left := b.world.deletes.Add(-1)
	if left == 0 { // before it
		b.world.crash()
		return context.Canceled
	}
	err := b.Backend.Delete(ctx, key)
	if left == 1 { // after it
		b.world.crash()
		return context.Canceled
	}
	return err
}

// Whatever is done, and wherever a collection of garbage is cut off: what can be
// reached is there, and in the end nothing else is.
func TestGarbageProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			r.Fatal(err)
		}
		files, err := fsblob.New(filepath.Join(dir, "blobs"))
		if err != nil {
			r.Fatal(err)
		}
		w := &garbageWorld{r: r}
		w.live(t, dir, crashingBackend{files, w})
	})
}

var garbageContents = []string{"", "small", "another", string(blobtest.Random(70_000)), string(blobtest.Random(80_000)), prose("a", 200_000)}

// live lives a history of a world, in a new store on a backend.
func (w *garbageWorld) live(t *testing.T, dir string, backend blob.Backend) {
	r := w.r
	w.documents, w.contents = make(map[sheaf.DocumentID]*keptDocument), garbageContents
	w.clock.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
	w.store = open(t, func(set *setup) {
		set.dir, set.backend = dir, backend
		set.garbage.Grace = 12 * time.Hour
		set.masterKeys, set.plain = masterKey, rapid.Bool().Draw(r, "plain")
		set.clock = func() time.Time {
			if w.transactions.Add(-1) == 0 {
				w.crash()
			}
			return time.UnixMilli(w.clock.Load())
		}
	})
	_, err := w.CreateCollection(t.Context(), library.NewCollection{Name: "brief", Retention: sheaf.Retention{TrashDays: 1, HistoryDays: 2, HistoryVersions: 1}})
	w.must(err)
	actions := map[string]func(*rapid.T){
		"create":  w.create,
		"write":   w.write,
		"delete":  w.delete,
		"restore": w.restore,
		"purge":   w.purge,
		"drain":   func(*rapid.T) { w.drainSome() },
		"tick":    w.tick,
		"collect": w.collect,
		"abandon": w.abandon,
		"reopen": func(r *rapid.T) {
			w.store = w.reopen(func(set *setup) { set.plain = rapid.Bool().Draw(r, "plain") })
		},
	}
	if w.remote != nil {
		actions["outage"], actions["fault"] = w.remote.outage, w.remote.fault
	}
	r.Repeat(actions)
	w.remote.heal()
	w.clock.Add((100 * 24 * time.Hour).Milliseconds())
	w.drain()
	w.collectWhole(false)
	w.collectWhole(true)
	w.drain()
	w.wantNothingElse()
	w.must(w.catalog.Close())
}

func (w *garbageWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.r.Fatal(err)
	}
}

// draw draws one of the documents that a condition holds of, or skips the step.
func (w *garbageWorld) draw(r *rapid.T, condition func(*keptDocument) bool) *keptDocument {
	var ids []sheaf.DocumentID
	for _, id := range slices.Sorted(maps.Keys(w.documents)) {
		if condition(w.documents[id]) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		r.Skip("there is none")
	}
	slices.SortFunc(ids, func(a, b sheaf.DocumentID) int { // ids are random, their order must not be
		return w.documents[a].states[0].at.Compare(w.documents[b].states[0].at)
	})
	return w.documents[ids[rapid.IntRange(0, len(ids)-1).Draw(r, "document")]]
}

func isLive(d *keptDocument) bool { return !d.now().deleted }

func (w *garbageWorld) create(r *rapid.T) {
	collection := rapid.SampledFrom([]string{"default", "brief"}).Draw(r, "collection")
	content := w.content(r)
	upload := w.upload(content)
	defer upload.Close()
	doc, err := w.CreateDocument(w.t.Context(), library.NewDocument{Content: upload, Filename: "note.txt", Collection: collection})
	if w.isAway(err, content) {
		return
	}
	d := &keptDocument{id: doc.ID, contents: []string{content}, expired: make(map[int]bool), states: []keptState{{doc.UpdatedAt, 1, false}}}
	if collection == "brief" {
		d.retention = sheaf.Retention{TrashDays: 1, HistoryDays: 2, HistoryVersions: 1}
	}
	w.documents[doc.ID] = d
	w.clock.Add(1)
}

func (w *garbageWorld) content(r *rapid.T) string {
	return w.contents[rapid.IntRange(0, len(w.contents)-1).Draw(r, "content")]
}

// upload receives a content. Whoever calls it closes it: until then it is kept.
func (w *garbageWorld) upload(content string) *library.Upload {
	upload, err := w.Receive(w.t.Context(), strings.NewReader(content))
	w.must(err)
	return upload
}

func (w *garbageWorld) write(r *rapid.T) {
	d := w.draw(r, isLive)
	content := w.content(r)
	upload := w.upload(content)
	defer upload.Close()
	change, err := w.WriteContent(w.t.Context(), d.id, library.ContentWrite{Content: upload})
	if w.isAway(err, content) {
		return
	}
	if change.Mode == sheaf.ModeUnchanged {
		return
	}
	d.contents = append(d.contents, content)
	d.add(change, false)
}

func (w *garbageWorld) delete(r *rapid.T) {
	d := w.draw(r, isLive)
	change, err := w.DeleteDocument(w.t.Context(), d.id)
	w.must(err)
	d.add(change, true)
}

// restore takes a document to a version, which may be gone.
func (w *garbageWorld) restore(r *rapid.T) {
	d := w.draw(r, func(*keptDocument) bool { return true })
	version := rapid.IntRange(1, len(d.contents)).Draw(r, "version")
	change, err := w.store.restore(d.id, library.Restoration{Version: version})
	if d.expired[version] {
		wantKind(w.t, fmt.Sprintf("restoring the expired version %d", version), err, sheaf.ErrGone)
		return
	}
	w.must(err)
	if change.Mode != sheaf.ModeUnchanged {
		d.add(change, false)
	}
}

func (w *garbageWorld) purge(r *rapid.T) {
	d := w.draw(r, func(d *keptDocument) bool { return d.now().deleted })
	_, err := w.PurgeDocument(w.t.Context(), d.id)
	w.must(err)
	w.gone(d)
}

func (w *garbageWorld) gone(d *keptDocument) {
	delete(w.documents, d.id)
	w.purged = append(w.purged, d.id)
}

// tick moves the clock, and sometimes back.
func (w *garbageWorld) tick(r *rapid.T) {
	hours := rapid.SampledFrom([]int64{1, 13, 25, 49, -30}).Draw(r, "hours")
	w.clock.Add(hours * time.Hour.Milliseconds())
}

// abandon leaves what a large upload leaves when its commit does not come, some
// times with its object.
func (w *garbageWorld) abandon(r *rapid.T) {
	spooled, err := w.blobs.Receive(w.t.Context(), strings.NewReader(w.contents[3]), -1)
	w.must(err)
	defer spooled.Close()
	ref, err := spooled.RefOn(fs)
	w.must(err)
	live := false
	err = w.catalog.Mutate(w.t.Context(), 0, func(tx *catalog.Tx) (err error) {
		ref, live, err = tx.ReserveBlob(ref)
		return err
	})
	if errors.Is(err, catalog.ErrDeleting) {
		return
	}
	w.must(err)
	if !live && rapid.Bool().Draw(r, "placed") {
		w.isAway(w.blobs.Place(w.t.Context(), ref, spooled), w.contents[3])
	}
}

// collect collects garbage, and some times the process ends meanwhile.
func (w *garbageWorld) collect(r *rapid.T) {
	now := rapid.Bool().Draw(r, "now")
	crash := rapid.SampledFrom([]string{"no", "no", "between transactions", "at a delete"}).Draw(r, "crash")
	if crash == "no" {
		w.collectWhole(now)
		return
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	w.crash = cancel
	moment := rapid.Int64Range(1, 12).Draw(r, "moment")
	if crash == "at a delete" {
		w.deletes.Store(moment)
	} else {
		w.transactions.Store(moment)
	}
	_, _ = w.CollectGarbage(ctx, now)
	w.transactions.Store(-1)
	w.deletes.Store(-1)
	cancel()
	w.store = w.reopen()
	w.retained(false)
	w.wantReachable()
}

func (w *garbageWorld) collectWhole(now bool) {
	w.t.Helper()
	_, err := w.CollectGarbage(w.t.Context(), now)
	w.isAway(err, w.contents[3])
	w.retained(true)
	w.wantReachable()
}

// retained notes what retention has removed, which has to be what it may; after a
// whole collection it has to be all.
func (w *garbageWorld) retained(whole bool) {
	w.t.Helper()
	var now time.Time
	w.must(w.catalog.Mutate(w.t.Context(), 0, func(tx *catalog.Tx) error { now = tx.Now(); return nil }))
	for _, d := range slices.Collect(maps.Values(w.documents)) {
		versions, err := w.Versions(w.t.Context(), d.id, 0, 1000)
		if gone := sheaf.KindOf(err) == sheaf.ErrGone; gone || whole && d.purgeable(now) {
			if !gone || !d.purgeable(now) {
				w.r.Fatalf("%s purged: %t (%v), want %t", d.id, gone, err, !gone)
			}
			w.gone(d)
			continue
		}
		w.must(err)
		expirable := d.expirable(now)
		for _, v := range versions {
			if v.Purged && !expirable[v.Number] && !d.expired[v.Number] || !v.Purged && (d.expired[v.Number] || whole && expirable[v.Number]) {
				w.r.Fatalf("version %d of %s is purged: %t, want %t; states %v, now %v", v.Number, d.id, v.Purged, !v.Purged, d.states, now)
			}
			if v.Purged {
				d.expired[v.Number] = true
			}
		}
	}
}

// wantReachable reads everything that can be reached.
func (w *garbageWorld) wantReachable() {
	w.t.Helper()
	defer w.remote.answering()()
	for _, d := range w.documents {
		for i, want := range d.contents {
			if d.expired[i+1] {
				if !d.now().deleted {
					_, err := w.OpenDocument(w.t.Context(), d.id, i+1)
					wantKind(w.t, "opening an expired version", err, sheaf.ErrGone)
				}
				continue
			}
			if got, err := w.stored(sheaf.DigestOf([]byte(want))); err != nil || got != want {
				w.r.Fatalf("version %d of %s: %d bytes, %v, want the %d that were written", i+1, d.id, len(got), err, len(want))
			}
		}
		if !d.now().deleted {
			w.wantRead(d.id, d.contents[d.now().version-1])
		}
	}
	for _, id := range w.purged {
		_, err := w.OpenDocument(w.t.Context(), id, 0)
		wantKind(w.t, "opening a purged document", err, sheaf.ErrGone)
	}
	if w.t.Failed() {
		w.r.FailNow()
	}
}

// stored returns a content that the catalog says can be read.
func (w *garbageWorld) stored(digest sheaf.Digest) (string, error) {
	b, found := w.blob(digest)
	if !found || b.State != catalog.BlobLive {
		return "", fmt.Errorf("its blob is there: %t, in the state %d", found, b.State)
	}
	content, err := w.blobs.Open(w.t.Context(), b.Ref)
	if err != nil {
		return "", err
	}
	defer content.Close()
	reader, err := content.Reader()
	if err != nil {
		return "", err
	}
	read, err := io.ReadAll(reader)
	return string(read), err
}

// wantNothingElse compares the catalog's blobs and the backend's files with what
// can be reached.
func (w *garbageWorld) wantNothingElse() {
	w.t.Helper()
	w.wantWhole()
	w.wantPlan(sheaf.GarbagePlan{})
	reachable, objects := make(map[sheaf.Digest]bool), make(map[blob.Key]bool)
	for _, d := range w.documents {
		for i, content := range d.contents {
			if !d.expired[i+1] {
				reachable[sheaf.DigestOf([]byte(content))] = true
			}
		}
	}
	for digest := range reachable {
		b, _ := w.blob(digest)
		objects[b.Key()] = true
	}
	if n := w.blobCount(); n != len(reachable) {
		w.r.Fatalf("%d blobs, %d can be reached", n, len(reachable))
	}
	err := w.blobs.List(w.t.Context(), fs, func(info blob.Info) error {
		if !objects[info.Key] {
			w.r.Fatalf("the object %s of %d bytes is there and nothing reaches it", info.Key, info.Size)
		}
		return nil
	})
	w.must(err)
	if w.t.Failed() {
		w.r.FailNow()
	}
}
