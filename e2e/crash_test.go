package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// Variables of the crash test.
const (
	roundsVariable = "SHEAF_CRASH_ROUNDS" // how often a working server is killed
	seedVariable   = "SHEAF_CRASH_SEED"   // of all that is left to chance; a failure names it
)

const (
	crashWriters   = 8
	longestLoad    = 1500 * time.Millisecond
	fullCheckEvery = 5   // rounds
	progressEvery  = 20  // rounds
	olderSample    = 150 // documents of earlier rounds that every round looks at
	mostFailures   = 20  // more tell nothing new
)

// TestCrashSafety kills a server with SIGKILL at random moments while documents
// are pushed and deleted, restarts it on the same data, and holds it to what it
// has said: whatever it acknowledged is there, whatever it did not is there as a
// whole or not at all, and what is left over is only what the garbage collection
// counts. The store grows over all rounds; nothing of earlier ones may be lost.
//
// A killed process takes nothing with it that the kernel has: this tests the
// order of things, not whether they were synced.
func TestCrashSafety(t *testing.T) {
	t.Parallel()
	c := newCrashTest(t)
	c.crashFirstStart()
	for c.round = 1; c.round <= c.rounds; c.round++ {
		c.crashUnderLoad()
		c.restart()
		c.settle()
		c.check()
		if t.Failed() {
			return // later rounds would only tell it again
		}
	}
	c.checkEverything()
	c.server.stop(t)
}

type crashTest struct {
	*testing.T
	dir    string // the data directory
	seed   uint64
	random *rand.Rand
	rounds int

	round   int
	moment  string // what the latest kill interrupted
	server  *serverProcess
	starts  time.Duration // how long a start takes
	writers []*writer
	lost    int // pushes that were in flight and left no document

	mu       sync.Mutex
	failures int // guarded by mu
}

func newCrashTest(t *testing.T) *crashTest {
	c := &crashTest{
		T:      t,
		seed:   number(t, seedVariable, uint64(time.Now().UnixNano())),
		rounds: int(number(t, roundsVariable, 10)),
		starts: 100 * time.Millisecond,
	}
	c.random = rand.New(rand.NewPCG(c.seed, 0))
	contents := &contentPool{}
	for n := range crashWriters {
		c.writers = append(c.writers, &writer{number: n + 1, contents: contents})
	}
	dir, err := os.MkdirTemp("", "sheaf-crash-")
	if err != nil {
		t.Fatal(err)
	}
	c.dir = filepath.Join(dir, "store")
	t.Logf("%d rounds with %s=%d", c.rounds, seedVariable, c.seed)
	t.Cleanup(func() {
		if !t.Failed() {
			os.RemoveAll(dir)
			return
		}
		t.Logf("the data directory is kept: %s", c.dir)
		if c.server != nil {
			c.server.kill()
			t.Logf("the server said:\n%s", &c.server.stderr)
		}
	})
	return c
}

// number returns the number that a variable has.
func number(t *testing.T, variable string, otherwise uint64) uint64 {
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s is a number, not %q", variable, text)
	}
	return n
}

// failf reports what is wrong after the latest kill.
func (c *crashTest) failf(format string, args ...any) {
	c.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures++
	if c.failures <= mostFailures {
		c.Errorf("round %d, the server was killed %s: %s", c.round, c.moment, fmt.Sprintf(format, args...))
	}
}

// chance returns a random time up to most.
func (c *crashTest) chance(most time.Duration) time.Duration {
	return time.Duration(c.random.Int64N(int64(most) + 1))
}

// crashFirstStart kills servers while they make the store.
func (c *crashTest) crashFirstStart() {
	for range 3 {
		c.crashStart()
	}
	c.server = startServer(c.T, c.dir)
}

// crashStart kills a server that is starting, or has just started and is busy
// with what the one before has left.
func (c *crashTest) crashStart() {
	s := launchServer(c.T, c.dir)
	delay := c.chance(c.starts)
	if c.random.IntN(3) == 0 {
		delay = c.chance(500 * time.Millisecond)
	}
	time.Sleep(delay)
	s.kill()
	c.moment += fmt.Sprintf(", then %v into a start", delay.Round(time.Millisecond))
}

// crashUnderLoad kills the server while all writers work: most times at any
// moment, else when it is moving small contents to their backend.
func (c *crashTest) crashUnderLoad() {
	var working sync.WaitGroup
	outcomes := make([]error, len(c.writers))
	for i, w := range c.writers {
		random := rand.New(rand.NewPCG(c.seed, uint64(c.round)<<8|uint64(w.number)))
		working.Go(func() { outcomes[i] = w.work(c.Context(), c.server, c.round, random) })
	}
	began, doing := time.Now(), "pushes and deletes"
	if c.round%3 == 0 {
		if c.awaitDrain() {
			doing = "the drain"
		}
		time.Sleep(c.chance(10 * time.Millisecond))
	} else {
		time.Sleep(c.chance(longestLoad))
	}
	c.server.kill()
	c.moment = fmt.Sprintf("during %s, %v into the load", doing, time.Since(began).Round(time.Millisecond))
	working.Wait()
	for _, err := range outcomes {
		if err != nil {
			c.failf("before that: %v", err)
		}
	}
}

// awaitDrain returns when the server writes small contents to the backend, or
// false if it does not for long.
func (c *crashTest) awaitDrain() bool {
	for deadline := time.Now().Add(longestLoad); time.Now().Before(deadline); time.Sleep(200 * time.Microsecond) {
		if len(c.files("blobs", "tmp")) > 0 {
			return true
		}
	}
	return false
}

// restart starts the server again, some times after starts that are killed too.
func (c *crashTest) restart() {
	leftovers := append(c.files("spool"), c.files("blobs", "tmp")...)
	if c.random.IntN(3) == 0 {
		for range 1 + c.random.IntN(3) {
			c.crashStart()
		}
	}
	begin := time.Now()
	c.server = startServer(c.T, c.dir)
	c.starts = time.Since(begin)
	for _, path := range leftovers {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			c.failf("the file %s, half written then, is still there after a start: %v", path, err)
		}
	}
}

// files returns the files in a directory of the store.
func (c *crashTest) files(elements ...string) []string {
	dir := filepath.Join(append([]string{c.dir}, elements...)...)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.Fatal(err)
	}
	var paths []string
	for _, entry := range entries {
		paths = append(paths, filepath.Join(dir, entry.Name()))
	}
	return paths
}

// settle finds out what became of the requests that were in flight.
func (c *crashTest) settle() {
	for _, w := range c.writers {
		for _, d := range w.touched {
			switch d.presence {
			case pushing:
				c.settlePush(d)
			case deleting:
				c.settleDelete(d)
			default:
				continue
			}
			if d.presence == live {
				w.alive = append(w.alive, d)
			}
		}
	}
}

func (c *crashTest) settlePush(d *document) {
	found := c.named(d)
	switch {
	case len(found) > 1:
		c.failf("it is there %d times: %s", len(found), d)
		return
	case len(found) == 1:
		d.tell("round %d: found after the restart as %s", c.round, found[0].ID)
		d.id, d.presence = found[0].ID, live
	default:
		d.tell("round %d: not found after the restart", c.round)
		d.presence = absent
	}
	if d.key == "" {
		if d.presence == absent {
			c.lost++
		}
		return
	}
	again, err := c.server.client.Push(c.Context(), d.input())
	if err != nil {
		c.failf("pushing it again with its idempotency key: %v: %s", err, d)
		return
	}
	if wrong := d.differs(again); wrong != "" {
		c.failf("the answer to pushing it again with its idempotency key: %s: %s", wrong, d)
	}
	d.tell("round %d: pushed again with its idempotency key, which made or found %s", c.round, again.ID)
	d.id, d.presence = again.ID, live
	if found := c.named(d); len(found) != 1 {
		c.failf("after pushing it again with its idempotency key it is there %d times: %s", len(found), d)
	}
}

// named returns the documents that have the name and tags of one.
func (c *crashTest) named(d *document) []sheaf.Document {
	var found []sheaf.Document
	for _, got := range c.list(client.Filter{Name: d.name, Tags: d.tags}) {
		if got.Name == d.name {
			found = append(found, got)
		}
	}
	return found
}

func (c *crashTest) list(filter client.Filter) []sheaf.Document {
	filter.PageSize = 1000
	var found []sheaf.Document
	for got, err := range c.server.client.Query(c.Context(), filter) {
		if err != nil {
			c.failf("listing %+v: %v", filter, err)
			break
		}
		found = append(found, got)
	}
	return found
}

func (c *crashTest) settleDelete(d *document) {
	found, err := d.get(c.Context(), c.server.client)
	if err != nil {
		c.failf("%v: %s", err, d)
	}
	d.presence = deleted
	if found {
		d.presence = live
	}
	d.tell("round %d: after the restart it is %s", c.round, map[bool]string{true: "still there", false: "deleted"}[found])
}

// check looks at what the round has touched, at some of what there was before,
// and at the store as a whole.
func (c *crashTest) check() {
	var all, look []*document
	for _, w := range c.writers {
		all = append(all, w.documents...)
		look = append(look, w.touched...)
		c.checkListing(w, c.round)
		c.checkListing(w, 1+c.random.IntN(c.round))
	}
	for range olderSample {
		look = append(look, all[c.random.IntN(len(all))])
	}
	c.checkDocuments(look) // some of them before they reach the backend
	c.awaitDrained()
	c.checkDocuments(look[len(look)-olderSample:])
	c.checkStore(c.round%fullCheckEvery == 0)
	c.checkLeftovers()
	if c.round%progressEvery == 0 {
		c.Logf("round %d: %d documents", c.round, len(all))
	}
}

// checkEverything looks at every document there has ever been.
func (c *crashTest) checkEverything() {
	var all []*document
	for _, w := range c.writers {
		all = append(all, w.documents...)
	}
	c.checkDocuments(all)
	c.compare("everything", all, c.list(client.Filter{Tags: []string{"crash"}}))
	c.checkStore(true)
	c.Logf("%d documents over %d rounds; %d pushes were in flight when a server was killed and left nothing", len(all), c.rounds, c.lost)
}

// checkDocuments fetches documents, many at once.
func (c *crashTest) checkDocuments(documents []*document) {
	next := make(chan *document)
	var checking sync.WaitGroup
	for range crashWriters {
		checking.Go(func() {
			for d := range next {
				c.checkDocument(d)
			}
		})
	}
	for _, d := range documents {
		if d.id != "" {
			next <- d
		}
	}
	close(next)
	checking.Wait()
}

func (c *crashTest) checkDocument(d *document) {
	found, err := d.get(c.Context(), c.server.client)
	switch {
	case err != nil:
		c.failf("%v: %s", err, d)
	case d.presence == live && !found:
		c.failf("it is gone: %s", d)
	case d.presence == deleted && found:
		c.failf("it is back: %s", d)
	}
}

// checkListing compares the listing of a writer's documents of a round with what
// there has to be.
func (c *crashTest) checkListing(w *writer, round int) {
	var documents []*document
	for _, d := range w.documents {
		if slices.Contains(d.tags, roundTag(round)) {
			documents = append(documents, d)
		}
	}
	tags := []string{roundTag(round), w.tag()}
	c.compare(fmt.Sprintf("the tags %s", tags), documents, c.list(client.Filter{Tags: tags}))
}

// compare compares a listing with the documents that it may have, of which it
// has to have the live ones, each once.
func (c *crashTest) compare(what string, documents []*document, listed []sheaf.Document) {
	byID := make(map[sheaf.DocumentID]sheaf.Document)
	for _, got := range listed {
		if _, twice := byID[got.ID]; twice {
			c.failf("the listing of %s has %s, %q, twice", what, got.ID, got.Name)
		}
		byID[got.ID] = got
	}
	for _, d := range documents {
		if d.presence != live {
			continue
		}
		got, ok := byID[d.id]
		delete(byID, d.id)
		if !ok {
			c.failf("the listing of %s lacks it: %s", what, d)
		} else if wrong := d.differs(got); wrong != "" {
			c.failf("the listing of %s: %s: %s", what, wrong, d)
		}
	}
	for id, got := range byID {
		c.failf("the listing of %s has %s, %q, which should not be there%s", what, id, got.Name, storyOf(documents, got.Name))
	}
}

// storyOf tells of the document of a name, if there is one.
func storyOf(documents []*document, name string) string {
	for _, d := range documents {
		if d.name == name {
			return ": " + d.String()
		}
	}
	return ""
}

// awaitDrained waits until all small contents are in their backend.
func (c *crashTest) awaitDrained() {
	const patience = 30 * time.Second
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		health, err := c.server.client.Health(c.Context())
		switch {
		case err != nil:
			c.failf("asking how the server is: %v", err)
			return
		case health.UndrainedBlobs == 0:
			return
		case time.Now().After(deadline):
			c.failf("%d small contents are not in their backend after %v", health.UndrainedBlobs, patience)
			return
		}
	}
}

// checkStore has the store check itself, and compares its figures with what the
// writers know.
func (c *crashTest) checkStore(full bool) {
	report, err := c.server.client.Check(c.Context(), full)
	if err != nil {
		c.failf("fsck: %v", err)
		return
	}
	for _, problem := range report.Problems {
		c.failf("fsck: %s: %s", problem.Area, problem.Message)
	}
	var documents, deletes int64
	for _, w := range c.writers {
		for _, d := range w.documents {
			if d.presence != absent {
				documents++
			}
			if d.presence == deleted {
				deletes++
			}
		}
	}
	if report.Documents != documents || report.Versions != documents {
		c.failf("fsck counts %d documents and %d versions, want %d of each, the deleted included", report.Documents, report.Versions, documents)
	}
	if want := 1 + documents + deletes; report.LogEntries != want {
		c.failf("fsck counts %d log entries, want %d: the collection, %d creations, %d deletions", report.LogEntries, want, documents, deletes)
	}
}

// checkLeftovers compares the files of the store, which is at rest, with what
// they may be: contents of documents, or waste that the garbage collection
// counts.
func (c *crashTest) checkLeftovers() {
	for _, path := range append(c.files("spool"), c.files("blobs", "tmp")...) {
		c.failf("there is a half written file %s in a store at rest", path)
	}
	for _, path := range c.files("blobs", "quarantine") {
		c.failf("a content was put aside as damaged: %s", path)
	}
	plan, err := c.server.client.PlanGarbage(c.Context())
	if err != nil {
		c.failf("planning the garbage collection: %v", err)
		return
	}
	referenced, abandoned := make(map[sheaf.Digest]*document), make(map[sheaf.Digest]*document)
	for _, w := range c.writers {
		for _, d := range w.documents {
			if d.presence == absent {
				abandoned[d.content.digest] = d
			} else if d.content.size > 0 { // the empty content needs no object
				referenced[d.content.digest] = d
			}
		}
	}
	waste := int64(0)
	for _, digest := range c.objects() {
		if _, ok := referenced[digest]; ok {
			delete(referenced, digest)
			continue
		}
		waste++
		if abandoned[digest] == nil {
			c.failf("the object %s is of no content that was ever pushed", digest)
		}
	}
	for digest, d := range referenced {
		c.failf("there is no object %s: %s", digest, d)
	}
	if counted := plan.OrphanObjects + plan.PendingBlobs; waste < plan.OrphanObjects || waste > counted || counted > int64(len(abandoned)) || plan.UnreferencedBlobs != 0 {
		c.failf("%d objects belong to no document, and %d pushes left no document; gc counts %+v", waste, c.lost, plan)
	}
}

// isMark reports whether a file says whose a backend is, and is of no content.
func isMark(path string) bool { return filepath.Base(path) == string(blob.MarkKey) }

// objects returns the digests of all objects in the backend.
func (c *crashTest) objects() (digests []sheaf.Digest) {
	for _, partition := range c.files("blobs") {
		switch name := filepath.Base(partition); name {
		case "tmp", "quarantine":
			continue
		default:
			for _, path := range c.files("blobs", name) {
				if isMark(path) {
					continue
				}
				digest, err := sheaf.ParseDigest(filepath.Base(path))
				if err != nil || filepath.Base(path)[:2] != name {
					c.failf("there is a file %s among the objects", path)
					continue
				}
				digests = append(digests, digest)
			}
		}
	}
	return digests
}
