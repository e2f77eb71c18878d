package e2e

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
	"github.com/sheaf-dev/sheaf/internal/lineartest"
)

// TestLinearizability writes, reads, deletes and restores a few documents from
// several connections while the server is killed now and then. All that clients
// are told, before and after, has to fit into one order, in which what was in
// flight when the server died happened before that, or not at all.
func TestLinearizability(t *testing.T) {
	t.Parallel()
	const clients, kills = 5, 3
	seed := number(t, seedVariable, uint64(time.Now().UnixNano()))
	t.Logf("%s=%d", seedVariable, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := filepath.Join(t.TempDir(), "store")
	server := startServer(t, dir)
	var docs []sheaf.Document
	for _, name := range []string{"first", "second"} {
		doc, err := server.client.Push(t.Context(), client.PushInput{Filename: name + ".txt", Body: strings.NewReader(name)})
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, doc)
	}

	recorder := lineartest.NewRecorder(docs...)
	for round := range kills {
		var working sync.WaitGroup
		for n := range clients {
			c := linearClient{number: n, docs: docs, random: rand.New(rand.NewPCG(seed, uint64(1+round*clients+n)))}
			working.Go(func() {
				if err := c.work(t.Context(), server, recorder); err != nil {
					t.Errorf("round %d, client %d: %v", round, n, err)
				}
			})
		}
		time.Sleep(time.Duration(100+random.IntN(400)) * time.Millisecond)
		server.kill()
		working.Wait()
		recorder.Settle()
		server = startServer(t, dir)
	}
	for _, doc := range docs {
		read := lineartest.Call{Document: doc.ID, Op: lineartest.Read}
		if err := recorder.Do(0, read, func() (int, sheaf.Digest, error) { return call(t.Context(), server.client, read, "", true) }); err != nil {
			t.Errorf("reading in the end: %v", err)
		}
	}
	t.Logf("%d calls", recorder.Calls())
	recorder.Check(t)
	if report, err := server.client.Check(t.Context(), true); err != nil || len(report.Problems) > 0 {
		t.Errorf("checking the store: %+v, %v", report.Problems, err)
	}
	server.stop(t)
}

// A linearClient calls a server on documents that others call it on too.
type linearClient struct {
	number int
	docs   []sheaf.Document
	random *rand.Rand
}

// work goes on until the server is killed.
func (c linearClient) work(ctx context.Context, server *serverProcess, recorder *lineartest.Recorder) error {
	known := make(map[sheaf.DocumentID]sheaf.Digest) // what it was told last
	for !server.killed.Load() {
		doc := c.docs[c.random.IntN(len(c.docs))]
		next := lineartest.Call{Document: doc.ID, Op: lineartest.Read}
		content := fmt.Sprintf("content %d\n", c.random.IntN(30))
		if c.random.IntN(4) == 0 {
			content = strings.Repeat(content, 20_000) // too large to ride inside the commit
		}
		switch roll := c.random.IntN(100); {
		case roll < 35:
		case roll < 65:
			next.Op, next.Expected = lineartest.Write, known[doc.ID]
		case roll < 85:
			next.Op = lineartest.Write
		case roll < 91:
			next.Op = lineartest.Delete
		default:
			next.Op = lineartest.Restore
		}
		next.Written = sheaf.DigestOf([]byte(content))
		err := recorder.Do(c.number, next, func() (int, sheaf.Digest, error) {
			version, digest, err := call(ctx, server.client, next, content, c.random.IntN(2) == 0)
			if err == nil && !digest.IsZero() {
				known[doc.ID] = digest
			}
			return version, digest, err
		})
		if err != nil && !server.killed.Load() {
			return fmt.Errorf("%s: %w", next, err)
		}
	}
	return nil
}

// call does what a recorded call says and returns what the server tells of it. A
// read is of the content or of what is said of it.
func call(ctx context.Context, c *client.Client, next lineartest.Call, content string, readContent bool) (int, sheaf.Digest, error) {
	switch next.Op {
	case lineartest.Write:
		in := client.ContentInput{Body: strings.NewReader(content)}
		if !next.Expected.IsZero() {
			in.FileHash = &next.Expected
		}
		change, err := c.PutContent(ctx, next.Document, in)
		return change.Version, change.Digest, err
	case lineartest.Delete:
		_, err := c.Delete(ctx, next.Document)
		return 0, sheaf.Digest{}, err
	case lineartest.Restore:
		change, err := c.Restore(ctx, next.Document, client.RestoreInput{})
		return change.Version, change.Digest, err
	}
	if !readContent {
		state, err := c.Metadata(ctx, next.Document, client.Moment{})
		return state.Version, state.Digest, err
	}
	download, err := c.Pull(ctx, next.Document)
	if err != nil {
		return 0, sheaf.Digest{}, err
	}
	defer download.Body.Close()
	hash := sha256.New()
	_, err = io.Copy(hash, download.Body)
	return 0, sheaf.Digest(hash.Sum(nil)), err
}
