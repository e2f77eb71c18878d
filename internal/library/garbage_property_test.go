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
	"github.com/sheaf-dev/sheaf/internal/bundle"
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
	id         sheaf.DocumentID
	collection string
	path       string // in a book
	retention  sheaf.Retention
	contents   []string // of its versions
	expired    map[int]bool
	states     []keptState
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

// A garbageWorld is a store on two backends whose garbage is collected, and whose
// collections move, while it is used; whose process ends at any moment; and what
// has to be in it.
type garbageWorld struct {
	*store
	r         *rapid.T
	documents map[sheaf.DocumentID]*keptDocument
	purged    []sheaf.DocumentID
	contents  []string
	places    []string // the collections that documents are made in
	moving    []string // those that move

	clock        atomic.Int64 // Unix milliseconds
	transactions atomic.Int64 // until crash; negative: none comes
	deletes      atomic.Int64 // likewise
	puts         atomic.Int64 // until one fails, likewise
	crash        context.CancelFunc

	// Backends let others do something before they answer: see interrupted.
	pauses              atomic.Int64 // until they do, likewise
	paused, resume      chan struct{}
	isPaused, isWriting bool

	remotes []*flakyBackend // empty: the backends are the disk, which always answers
}

func newGarbageWorld(t *testing.T, r *rapid.T) *garbageWorld {
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		r.Fatal(err)
	}
	w := &garbageWorld{
		store: &store{t: t, setup: setup{dir: dir, limits: sheaf.DefaultLimits(), audit: library.AuditOptions{Sampling: 1}}},
		r:     r, documents: make(map[sheaf.DocumentID]*keptDocument), contents: garbageContents,
		places: []string{here, there, loose, brief, book}, moving: []string{loose, brief, book},
		paused: make(chan struct{}), resume: make(chan struct{}),
	}
	w.clock.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
	w.pauses.Store(-1)
	return w
}

// A crashingBackend is on the disk.
type crashingBackend struct {
	*fsblob.Backend
	world *garbageWorld
}

func (b crashingBackend) Delete(ctx context.Context, key blob.Key) error {
	return b.world.deleting(func() error { return b.Backend.Delete(ctx, key) })
}

func (b crashingBackend) Put(ctx context.Context, key blob.Key, body io.Reader, size int64) error {
	return b.world.putting(func() error { return b.Backend.Put(ctx, key, body, size) })
}

func (b crashingBackend) Adopt(ctx context.Context, key blob.Key, f *os.File) error {
	return b.world.putting(func() error { return b.Backend.Adopt(ctx, key, f) })
}

func (b crashingBackend) PutBatch(ctx context.Context, objects []blob.Small) error {
	return b.world.putting(func() error { return b.Backend.PutBatch(ctx, objects) })
}

func (b crashingBackend) Open(ctx context.Context, key blob.Key, offset, length int64) (io.ReadCloser, error) {
	b.world.pause()
	return b.Backend.Open(ctx, key, offset, length)
}

// deleting deletes an object, and may end the process before it or after it.
func (w *garbageWorld) deleting(do func() error) error {
	if w == nil {
		return do()
	}
	left := w.deletes.Add(-1)
	if left == 0 {
		w.crash()
		return context.Canceled
	}
	err := do()
	if left == 1 {
		w.crash()
		return context.Canceled
	}
	return err
}

// putting puts objects, and may fail before it or after it.
func (w *garbageWorld) putting(do func() error) error {
	if w == nil {
		return do()
	}
	w.pause()
	left := w.puts.Add(-1)
	if left == 0 {
		return errDown
	}
	err := do()
	w.pause()
	if err == nil && left == 1 {
		return errDown
	}
	return err
}

// pause waits if it is time for it.
func (w *garbageWorld) pause() {
	if w != nil && w.pauses.Add(-1) == 0 {
		w.paused <- struct{}{}
		<-w.resume
	}
}

// Whatever is done, and wherever a collection of garbage or a move is cut off: what
// can be reached is there, and in the end nothing else is on any backend.
func TestGarbageProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newGarbageWorld(t, r)
		w.openOnDisk()
		w.live(w.everything())
	})
}

var garbageContents = []string{"", "small", prose("a few", 900), string(blobtest.Random(70_000)), string(blobtest.Random(80_000)), prose("a", 200_000)}

// The collections of a world: two that stay where they are, and others.
const (
	here  = "default"
	there = "there"
	loose = "loose" // its documents go to those two, and come from there
	brief = "brief" // it does not keep everything
	book  = "book"
)

var briefRetention = sheaf.Retention{TrashDays: 1, HistoryDays: 2, HistoryVersions: 1}

func (w *garbageWorld) openOnDisk() {
	backends := make([]blob.Backend, 2)
	for i, name := range []string{"blobs", "other"} {
		files, err := fsblob.New(filepath.Join(w.setup.dir, name))
		if err != nil {
			w.r.Fatal(err)
		}
		backends[i] = crashingBackend{files, w}
	}
	w.open(backends[0], backends[1])
}

// open opens the world's store on two backends, each of them encrypted or not.
func (w *garbageWorld) open(first, second blob.Backend) {
	set := w.setup
	set.backend, set.others = first, map[string]blob.Backend{other: second}
	set.garbage.Grace = 12 * time.Hour
	set.moves = library.MoveOptions{Grace: 24 * time.Hour, Parallel: 1} // or the same seed might be another history
	w.drawForms(w.r, &set)
	set.clock = func() time.Time {
		if w.transactions.Add(-1) == 0 {
			w.crash()
		}
		return time.UnixMilli(w.clock.Load())
	}
	w.store = openSetup(w.t, set)
	for _, in := range []library.NewCollection{{Name: there, Backend: other}, {Name: loose}, {Name: brief, Retention: briefRetention}} {
		_, err := w.CreateCollection(w.t.Context(), in)
		w.must(err)
	}
	_, err := w.CreateBook(w.t.Context(), library.NewBook{ID: book})
	w.must(err)
}

// drawForms draws in which form what is new is stored: which backends are encrypted,
// which of two master keys is the current one, and whether contents are deflated.
func (w *garbageWorld) drawForms(r *rapid.T, set *setup) {
	set.sealed = []string{}
	for _, backend := range []string{fs, other} {
		if rapid.Bool().Draw(r, "encrypt "+backend) {
			set.sealed = append(set.sealed, backend)
		}
	}
	set.masterKeys = rapid.SampledFrom([]string{masterKey + "," + newMasterKey, newMasterKey + "," + masterKey}).Draw(r, "keys")
	set.undeflated = rapid.Bool().Draw(r, "undeflated")
}

// everything returns all that is done in a history.
func (w *garbageWorld) everything() map[string]func(*rapid.T) {
	actions := map[string]func(*rapid.T){
		"create":    w.create,
		"write":     w.write,
		"slowly":    w.slowWrite,
		"delete":    w.delete,
		"restore":   w.restore,
		"purge":     w.purge,
		"drain":     func(*rapid.T) { w.drainSome() },
		"tick":      w.tick,
		"collect":   w.collect,
		"abandon":   w.abandon,
		"reopen":    w.reopenAnyway,
		"rotate":    w.rotate,
		"move":      w.begin,
		"step":      w.step,
		"steps":     w.step, // more often than others
		"roll back": w.rollBack,
		"finish":    w.finish,
		"transfer":  w.transfer,
	}
	if w.remotes != nil {
		actions["outage"], actions["fault"] = w.outage, w.fault
	}
	return actions
}

// live lives a history of a world. In the end all is quiet, drained and collected.
func (w *garbageWorld) live(actions map[string]func(*rapid.T)) {
	w.r.Repeat(actions)
	w.heal()
	for range 2 { // until moved collections are kept; until they are not any more
		w.clock.Add((100 * 24 * time.Hour).Milliseconds())
		w.advance()
	}
	w.drain()
	w.collectWhole(false)
	w.collectWhole(true)
	w.drain()
	w.wantNothingElse()
	w.must(w.catalog.Close())
}

func (w *garbageWorld) reopenAnyway(r *rapid.T) {
	w.store = w.reopen(func(set *setup) { w.drawForms(r, set) })
}

func (w *garbageWorld) rotate(*rapid.T) {
	_, err := w.RotateKeys(w.t.Context())
	w.must(err)
}

func (w *garbageWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.r.Fatal(err)
	}
}

// draw draws one of the documents that a condition holds of, nil if there is none.
func (w *garbageWorld) draw(r *rapid.T, condition func(*keptDocument) bool) *keptDocument {
	var ids []sheaf.DocumentID
	for _, id := range slices.Sorted(maps.Keys(w.documents)) {
		if condition(w.documents[id]) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	slices.SortFunc(ids, func(a, b sheaf.DocumentID) int { // ids are random, their order must not be
		return w.documents[a].states[0].at.Compare(w.documents[b].states[0].at)
	})
	return w.documents[ids[rapid.IntRange(0, len(ids)-1).Draw(r, "document")]]
}

func isLive(d *keptDocument) bool { return !d.now().deleted }

func (w *garbageWorld) create(r *rapid.T) {
	d := &keptDocument{collection: rapid.SampledFrom(w.places).Draw(r, "collection"), expired: make(map[int]bool)}
	switch d.collection {
	case book:
		d.path = fmt.Sprintf("%d/%d.txt", len(w.documents)%3, w.clock.Load())
	case brief:
		d.retention = briefRetention
	}
	content := w.content(r)
	upload := w.upload(content)
	defer upload.Close()
	doc, err := w.CreateDocument(w.t.Context(), library.NewDocument{Content: upload, Filename: "note.txt", Collection: d.collection, Path: d.path})
	if w.isAway(err, content) {
		return
	}
	d.id, d.contents, d.states = doc.ID, []string{content}, []keptState{{doc.UpdatedAt, 1, false}}
	w.documents[doc.ID] = d
	w.clock.Add(1)
}

// content draws a content. While a move waits it is a small one: who brings one
// that the move is just copying would wait for that.
func (w *garbageWorld) content(r *rapid.T) string {
	contents := w.contents
	if w.isPaused {
		contents = contents[:3]
	}
	return rapid.SampledFrom(contents).Draw(r, "content")
}

// upload receives a content. Whoever calls it closes it: until then it is kept.
func (w *garbageWorld) upload(content string) *library.Upload {
	upload, err := w.Receive(w.t.Context(), strings.NewReader(content))
	w.must(err)
	return upload
}

func (w *garbageWorld) write(r *rapid.T) {
	d := w.draw(r, isLive)
	if d == nil {
		return
	}
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
	if d == nil {
		return
	}
	change, err := w.DeleteDocument(w.t.Context(), d.id)
	w.must(err)
	d.add(change, true)
}

// restore takes a document to a version, which may be gone.
func (w *garbageWorld) restore(r *rapid.T) {
	d := w.draw(r, func(*keptDocument) bool { return true })
	if d == nil {
		return
	}
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
	if d == nil {
		return
	}
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
	ref, err := spooled.RefOn(rapid.SampledFrom([]string{fs, other}).Draw(r, "backend"))
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
	if crash == "no" || w.isPaused {
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
	defer w.answering()()
	var files []bundle.File
	for _, d := range w.documents {
		for i, want := range d.contents {
			if d.expired[i+1] {
				if !d.now().deleted {
					_, err := w.OpenDocument(w.t.Context(), d.id, i+1)
					wantKind(w.t, "opening an expired version", err, sheaf.ErrGone)
				}
				continue
			}
			if got, err := w.stored(d.id, sheaf.DigestOf([]byte(want))); err != nil || got != want {
				w.r.Fatalf("version %d of %s: %d bytes, %v, want the %d that were written", i+1, d.id, len(got), err, len(want))
			}
		}
		if !d.now().deleted {
			current := d.contents[d.now().version-1]
			w.wantRead(d.id, current)
			if d.collection == book {
				files = append(files, bundle.File{Path: d.path, Digest: sheaf.DigestOf([]byte(current))})
			}
		}
	}
	if got, want := w.manifestHash(book), bundle.ManifestHash(files); got != want {
		w.r.Fatalf("the manifest hash is %s, want %s", got, want)
	}
	for _, id := range w.purged {
		_, err := w.OpenDocument(w.t.Context(), id, 0)
		wantKind(w.t, "opening a purged document", err, sheaf.ErrGone)
	}
	if w.t.Failed() {
		w.r.FailNow()
	}
}

// stored returns a content of a document that the catalog says can be read.
func (w *garbageWorld) stored(id sheaf.DocumentID, digest sheaf.Digest) (string, error) {
	var copies []catalog.Blob
	err := w.catalog.Read(w.t.Context(), func(v *catalog.View) (err error) {
		copies, err = v.Copies(id, digest)
		return err
	})
	if err != nil || len(copies) == 0 || copies[0].State != catalog.BlobLive {
		return "", fmt.Errorf("the blobs are %+v, %w", copies, err)
	}
	content, err := w.blobs.Open(w.t.Context(), copies[0].Ref)
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

// wantNothingElse compares the catalog's blobs and the objects on the backends with
// what can be reached.
func (w *garbageWorld) wantNothingElse() {
	w.t.Helper()
	w.wantWhole()
	w.wantPlan(sheaf.GarbagePlan{})
	reachable := map[string]map[sheaf.Digest]bool{fs: {}, other: {}}
	for _, d := range w.documents {
		collection, err := w.Collection(w.t.Context(), d.collection)
		w.must(err)
		for i, content := range d.contents {
			if !d.expired[i+1] {
				reachable[collection.Backend][sheaf.DigestOf([]byte(content))] = true
			}
		}
	}
	w.wantOnlyBlobs()
	blobs := 0
	w.must(w.catalog.Read(w.t.Context(), func(v *catalog.View) error {
		return v.Blobs(0, -1, func(b catalog.Blob) error {
			blobs++
			if !reachable[b.Backend][b.Digest] {
				w.r.Fatalf("the blob %s on %s cannot be reached", b.Digest, b.Backend)
			}
			return nil
		})
	}))
	if n := len(reachable[fs]) + len(reachable[other]); blobs != n {
		w.r.Fatalf("%d blobs, %d can be reached", blobs, n)
	}
	if w.t.Failed() {
		w.r.FailNow()
	}
}
