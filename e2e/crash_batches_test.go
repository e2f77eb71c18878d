package e2e

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
)

// A crashBatch is documents that are made, marked, moved and deleted together.
type crashBatch struct {
	tag      string
	contents []string

	// What the server has acknowledged, and what it was asked for last.
	made, marked, deleted bool
	asked                 string
}

// TestCrashBetweenMany kills a server, which collects garbage without grace, while
// many documents at once are made, tagged, moved and deleted: what it has
// acknowledged is there, and what it has not was done to all of them or to none.
func TestCrashBetweenMany(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "store")
	flags := []string{"--gc-grace", "1ms", "--gc-interval", "5ms"}
	rounds := number(t, roundsVariable, 2)
	shared := []string{"small and the same for all", string(blobtest.Random(100_000))}
	for round := range rounds {
		s := startServer(t, dir, flags...)
		if round == 0 {
			if _, err := s.client.CreateCollection(t.Context(), client.CollectionInput{Name: "elsewhere"}); err != nil {
				t.Fatal(err)
			}
		}
		const writers = 4
		var working sync.WaitGroup
		batches := make([][]*crashBatch, writers)
		for w := range writers {
			working.Go(func() {
				for n := 0; ; n++ {
					b := &crashBatch{tag: fmt.Sprintf("batch-%d-%d-%d", round, w, n)}
					for i := range 1 + rand.IntN(40) {
						content := shared[rand.IntN(len(shared))]
						if i%3 == 0 {
							content = fmt.Sprintf("%s %d", b.tag, i) + strings.Repeat(".", rand.IntN(1000))
						}
						b.contents = append(b.contents, content)
					}
					batches[w] = append(batches[w], b)
					if err := b.live(t, s.client); err != nil {
						wantKilled(t, s, fmt.Errorf("%s: %w", b.asked, err))
						return
					}
				}
			})
		}
		time.Sleep(100*time.Millisecond + rand.N(900*time.Millisecond))
		s.kill()
		working.Wait()

		s = startServer(t, dir, flags...)
		for w := range batches {
			for _, b := range batches[w] {
				b.check(t, s.client)
			}
		}
		wantSound(t, s.client)
		s.stop(t)
		if t.Failed() {
			t.Fatalf("that was round %d", round)
		}
	}
}

// live makes the documents and does one thing after the other to all of them.
func (b *crashBatch) live(t *testing.T, c *client.Client) error {
	in := client.BatchInput{Atomic: true}
	for i, content := range b.contents {
		in.Files = append(in.Files, client.PushInput{Filename: fmt.Sprintf("%d.txt", i), Tags: []string{b.tag}, Body: strings.NewReader(content)})
	}
	b.asked = "made"
	if _, err := c.PushBatch(t.Context(), in); err != nil {
		return err
	}
	b.made = true
	all := client.BulkInput{Filter: &client.BulkFilter{Tags: []string{b.tag}}}
	b.asked = "marked"
	if _, err := c.TagDocuments(t.Context(), all, client.TagInput{Add: []string{"marked"}}); err != nil {
		return err
	}
	b.marked = true
	b.asked = "moved"
	if _, err := c.MoveDocuments(t.Context(), all, "elsewhere"); err != nil || rand.IntN(2) == 0 {
		return err
	}
	b.asked = "deleted"
	if _, err := c.DeleteDocuments(t.Context(), all); err != nil {
		return err
	}
	b.deleted = true
	return nil
}

// check compares what is there with what was acknowledged.
func (b *crashBatch) check(t *testing.T, c *client.Client) {
	t.Helper()
	contents := make(map[string]string)
	marked, elsewhere := 0, 0
	for doc, err := range c.Query(t.Context(), client.Filter{Tags: []string{b.tag}, PageSize: 1000}) {
		if err != nil {
			t.Fatal(err)
		}
		wantPull(t, c, doc)
		contents[doc.Filename] = doc.Digest.String()
		if len(doc.Tags) == 2 {
			marked++
		}
		if doc.Collection == "elsewhere" {
			elsewhere++
		}
	}
	there, all := len(contents), len(b.contents)
	for what, n := range map[string]int{"there": there, "marked": marked, "elsewhere": elsewhere} {
		if n != 0 && n != all {
			t.Errorf("%d of %d documents of %s are %s, want all or none; they were to be %s", n, all, b.tag, what, b.asked)
		}
	}
	mayBeGone := !b.made || b.asked == "deleted"
	if there == 0 && !mayBeGone || there > 0 && (b.deleted || b.marked && marked == 0) {
		t.Errorf("of %d documents of %s %d are there and %d marked: %+v", all, b.tag, there, marked, *b)
	}
	for i, content := range b.contents {
		if got := contents[fmt.Sprintf("%d.txt", i)]; there > 0 && got != sheaf.DigestOf([]byte(content)).String() {
			t.Errorf("the content of file %d of %s is %s", i, b.tag, got)
		}
	}
}
