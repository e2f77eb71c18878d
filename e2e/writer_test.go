package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

// A content is remembered as how it is made, so that a test may have gigabytes
// of them.
type content struct {
	seed   uint64
	size   int
	text   bool // compressible
	digest sheaf.Digest
}

const (
	smallContent = 64 << 10 // up to here a content rides inside the commit, however random
	leastLarge   = 100 << 10
	mostLarge    = 2 << 20
)

// newContent returns a content, large with the given probability in percent.
// Half of them are text, and some are empty.
func newContent(random *rand.Rand, large int) content {
	c := content{seed: random.Uint64(), text: random.IntN(2) == 0}
	switch {
	case random.IntN(100) < large:
		c.size = leastLarge + random.IntN(mostLarge-leastLarge+1)/(1+random.IntN(4))
	case random.IntN(30) > 0:
		c.size = random.IntN(random.IntN(smallContent) + 1)
	}
	c.digest = sheaf.DigestOf(c.bytes())
	return c
}

var words = strings.Fields("the a sheaf of documents is kept for agents who write and people that read what was written before it is lost")

// bytes makes the content, the same each time.
func (c content) bytes() []byte {
	var seed [32]byte
	for i := range 8 {
		seed[i] = byte(c.seed >> (8 * i))
	}
	random := rand.NewChaCha8(seed)
	if !c.text {
		made := make([]byte, c.size)
		random.Read(made)
		return made
	}
	made := make([]byte, 0, c.size+16)
	for len(made) < c.size {
		n := random.Uint64()
		for range 4 {
			made = append(append(made, words[n%uint64(len(words))]...), " \n"[n>>8%2])
			n >>= 16
		}
	}
	return made[:c.size]
}

// String says what the content is.
func (c content) String() string {
	kind := "random bytes"
	if c.text {
		kind = "bytes of text"
	}
	return fmt.Sprintf("%d %s, SHA-256 %.12s…", c.size, kind, c.digest)
}

// A presence is what is known of a document.
type presence int

const (
	absent   presence = iota // its push was never acknowledged, and it is not there
	pushing                  // its push was in flight when the server was killed
	live                     // acknowledged, or found
	deleting                 // its delete was in flight when the server was killed
	deleted                  // acknowledged, or found to be
)

// A document is one that a writer has sent, and what became of it.
type document struct {
	name     string // unique
	tags     []string
	content  content
	key      string // the idempotency key of its push; empty: none
	id       sheaf.DocumentID
	presence presence
	story    []string // for whoever has to find out what went wrong
}

func (d *document) tell(format string, args ...any) {
	d.story = append(d.story, fmt.Sprintf(format, args...))
}

// String tells all that is known of the document.
func (d *document) String() string {
	id := string(d.id)
	if id == "" {
		id = "no id known"
	}
	key := "without an idempotency key"
	if d.key != "" {
		key = "idempotency key " + d.key
	}
	return fmt.Sprintf("document %s (%s; %s; %s)\n\t%s", d.name, id, d.content, key, strings.Join(d.story, "\n\t"))
}

func (d *document) input() client.PushInput {
	return client.PushInput{
		Filename:       d.name + ".txt",
		Name:           d.name,
		Tags:           d.tags,
		Description:    d.description(),
		Body:           bytes.NewReader(d.content.bytes()),
		IdempotencyKey: d.key,
	}
}

func (d *document) description() string { return "the document " + d.name }

// differs says what of the document a server has got wrong; empty: nothing.
func (d *document) differs(got sheaf.Document) string {
	switch {
	case d.id != "" && got.ID != d.id:
		return fmt.Sprintf("it has the id %s", got.ID)
	case got.Name != d.name || got.Filename != d.name+".txt" || got.Description != d.description() || !slices.Equal(got.Tags, d.tags):
		return fmt.Sprintf("it is called %q, its file %q, it is described as %q and has the tags %q", got.Name, got.Filename, got.Description, got.Tags)
	case got.Digest != d.content.digest || got.Size != int64(d.content.size):
		return fmt.Sprintf("it is said to have %d bytes with SHA-256 %s", got.Size, got.Digest)
	}
	return ""
}

// get fetches the document. It reports whether the document is there; the error
// is about one that is there and not as it should be, or about the server.
func (d *document) get(ctx context.Context, c *client.Client) (found bool, err error) {
	download, err := c.Pull(ctx, d.id)
	if sheaf.KindOf(err) == sheaf.ErrNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer download.Body.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, download.Body)
	if err != nil {
		return true, fmt.Errorf("its content broke off after %d bytes: %w", size, err)
	}
	if got := sheaf.Digest(hash.Sum(nil)); got != d.content.digest {
		return true, fmt.Errorf("its content has %d bytes with SHA-256 %s", size, got)
	}
	return true, nil
}

// A writer pushes, reads and deletes documents, one thing at a time, and notes
// what it is told. Others do not touch its documents.
type writer struct {
	number    int
	contents  *contentPool // of all writers
	documents []*document  // all it has ever sent
	alive     []*document  // of these, the live ones
	touched   []*document  // pushed or deleted in this round

	large int           // percent of the contents it makes in this round
	pause time.Duration // after each thing it does in this round, at most
}

// tag is on all the writer's documents.
func (w *writer) tag() string { return fmt.Sprintf("writer-%d", w.number) }

// roundTag is on all documents of a round.
func roundTag(round int) string { return fmt.Sprintf("round-%d", round) }

// A contentPool holds contents that were sent, so that they can be sent again.
type contentPool struct {
	mu   sync.Mutex
	sent []content // guarded by mu
}

// next returns a content, every seventh one that was sent before or is just
// being sent.
func (p *contentPool) next(random *rand.Rand, large int) content {
	p.mu.Lock()
	if len(p.sent) > 0 && random.IntN(7) == 0 {
		again := p.sent[random.IntN(len(p.sent))]
		if random.IntN(2) == 0 {
			again = p.sent[len(p.sent)-1]
		}
		p.mu.Unlock()
		return again
	}
	p.mu.Unlock()
	fresh := newContent(random, large)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, fresh)
	return fresh
}

// work goes on until the server is killed. Whatever fails then has an unknown
// outcome; whatever fails before is returned.
func (w *writer) work(ctx context.Context, s *serverProcess, round int, random *rand.Rand) error {
	// Different in every round: some send mostly large contents, half never rest.
	w.touched = nil
	w.large = 5
	if random.IntN(4) == 0 {
		w.large = 60
	}
	w.pause = time.Duration(max(random.IntN(30)-15, 0)) * time.Millisecond
	for n := 0; !s.killed.Load(); n++ {
		var err error
		switch roll := random.IntN(100); {
		case roll < 15 && len(w.alive) > 0:
			err = w.delete(ctx, s, round, random)
		case roll < 25 && len(w.alive) > 0:
			err = w.read(ctx, s, random)
		case roll < 30 && len(w.alive) > 0:
			err = w.pushAgain(ctx, s, random)
		default:
			err = w.push(ctx, s, round, n, random)
		}
		if err != nil && !s.killed.Load() {
			return err
		}
		if w.pause > 0 {
			time.Sleep(time.Duration(random.Int64N(int64(w.pause))))
		}
	}
	return nil
}

func (w *writer) push(ctx context.Context, s *serverProcess, round, n int, random *rand.Rand) error {
	d := &document{
		name:     fmt.Sprintf("round-%d-writer-%d-%d", round, w.number, n),
		tags:     []string{"crash", roundTag(round), w.tag()},
		content:  w.contents.next(random, w.large),
		presence: pushing,
	}
	if random.IntN(2) == 0 {
		d.key = "key-of-" + d.name
	}
	w.documents, w.touched = append(w.documents, d), append(w.touched, d)
	got, err := s.client.Push(ctx, d.input())
	if err != nil {
		d.tell("round %d: its push was in flight when the server was killed: %v", round, err)
		return fmt.Errorf("push %s: %w", d, err)
	}
	d.id, d.presence = got.ID, live
	d.tell("round %d: its push was acknowledged", round)
	w.alive = append(w.alive, d)
	if wrong := d.differs(got); wrong != "" {
		return fmt.Errorf("the answer to its push: %s: %s", wrong, d)
	}
	return nil
}

// pushAgain repeats an acknowledged push, as a client does that has not seen the
// answer.
func (w *writer) pushAgain(ctx context.Context, s *serverProcess, random *rand.Rand) error {
	d := w.alive[random.IntN(len(w.alive))]
	if d.key == "" {
		return nil
	}
	got, err := s.client.Push(ctx, d.input())
	if err != nil {
		return fmt.Errorf("push again with the same idempotency key: %w: %s", err, d)
	}
	if wrong := d.differs(got); wrong != "" {
		return fmt.Errorf("the answer to a second push with the same idempotency key: %s: %s", wrong, d)
	}
	return nil
}

func (w *writer) read(ctx context.Context, s *serverProcess, random *rand.Rand) error {
	d := w.alive[random.IntN(len(w.alive))]
	found, err := d.get(ctx, s.client)
	if err == nil && !found {
		err = errors.New("it is not found")
	}
	if err != nil {
		return fmt.Errorf("get: %w: %s", err, d)
	}
	return nil
}

func (w *writer) delete(ctx context.Context, s *serverProcess, round int, random *rand.Rand) error {
	i := random.IntN(len(w.alive))
	d := w.alive[i]
	w.alive, w.touched = slices.Delete(w.alive, i, i+1), append(w.touched, d)
	if _, err := s.client.Delete(ctx, d.id); err != nil {
		d.presence = deleting
		d.tell("round %d: its delete was in flight when the server was killed: %v", round, err)
		return fmt.Errorf("delete %s: %w", d, err)
	}
	d.presence = deleted
	d.tell("round %d: its delete was acknowledged", round)
	return nil
}
