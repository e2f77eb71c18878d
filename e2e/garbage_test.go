package e2e

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
)

// A server that collects garbage without a pause, and without grace, is killed at
// random moments while many push and purge the same few contents. Whatever it has
// acknowledged and was not thrown away can be read, and in the end nothing else
// is left.
func TestGarbageCollectionCutOff(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "store")
	flags := []string{"--gc-grace", "1ms", "--gc-interval", "5ms"}
	contents := make([]string, 6)
	for i := range contents {
		contents[i] = strings.Repeat(fmt.Sprintf("content %d\n", i), 1<<(4*i%17))
		if i%2 == 1 {
			contents[i] = string(blobtest.Random(100_000))
		}
	}
	var mu sync.Mutex
	kept := map[sheaf.DocumentID]sheaf.Document{} // guarded by mu
	const rounds, writers = 4, 4
	for range rounds {
		s := startServer(t, dir, flags...)
		var working sync.WaitGroup
		for range writers {
			working.Go(func() {
				for {
					content := contents[rand.IntN(len(contents))]
					doc, err := s.client.Push(t.Context(), client.PushInput{Filename: "a.txt", Body: strings.NewReader(content)})
					if err != nil {
						wantKilled(t, s, err)
						return
					}
					wantKept := rand.IntN(20) == 0
					if wantKept {
						mu.Lock()
						kept[doc.ID] = doc
						mu.Unlock()
						continue
					}
					_, err = s.client.Delete(t.Context(), doc.ID)
					if err == nil {
						_, err = s.client.Purge(t.Context(), doc.ID)
					}
					if err != nil {
						wantKilled(t, s, err)
						return
					}
				}
			})
		}
		time.Sleep(200*time.Millisecond + rand.N(time.Second))
		s.kill()
		working.Wait()

		s = startServer(t, dir, flags...)
		for _, doc := range kept {
			wantPull(t, s.client, doc)
		}
		wantSound(t, s.client)
		s.kill()
	}

	s := startServer(t, dir, flags...)
	for doc, err := range s.client.Query(t.Context(), client.Filter{PageSize: 1000}) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.client.Delete(t.Context(), doc.ID); err != nil {
			t.Fatal(err)
		}
	}
	for doc, err := range s.client.Trash(t.Context(), "default", 1000) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.client.Purge(t.Context(), doc.ID); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(startPatience); ; time.Sleep(20 * time.Millisecond) {
		if _, err := s.client.CollectGarbage(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "blobs", "??", "*"))
		if err != nil {
			t.Fatal(err)
		}
		files = slices.DeleteFunc(files, isMark)
		plan, err := s.client.PlanGarbage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 0 && plan == (sheaf.GarbagePlan{}) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d objects are left, and the plan is %+v", len(files), plan)
		}
	}
	wantSound(t, s.client)
	s.stop(t)
}

// wantKilled fails unless an error is because the server was killed.
func wantKilled(t *testing.T, s *serverProcess, err error) {
	t.Helper()
	if !s.killed.Load() {
		t.Errorf("while the server was running: %v", err)
	}
}

func wantSound(t *testing.T, c *client.Client) {
	t.Helper()
	report, err := c.Check(t.Context(), true)
	if err != nil {
		t.Fatalf("fsck: %v", err)
	}
	for _, problem := range report.Problems {
		t.Errorf("fsck: %s: %s", problem.Area, problem.Message)
	}
}
