package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

const (
	auditEntries = 1_000_000
	auditLessons = 10_000 // that are changed, about 30 times each
	auditDays    = 30
)

// audits measures GET /audit over a million entries: a third of them changes,
// which are in the log, the rest reads and refusals, by a hundred agents in a
// month.
func (b *bench) audits(ctx context.Context) error {
	dir := filepath.Join(b.dir, "audit")
	started := time.Now()
	if err := makeAudit(ctx, dir); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "made %d entries in %v\n", auditEntries, time.Since(started).Round(time.Second))
	server, err := startSheaf(b.binary, dir)
	if err != nil {
		return err
	}
	defer server.stop()
	started = time.Now()
	if err := waitForExport(ctx, dir); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "exported in %v\n", time.Since(started).Round(time.Second))

	fmt.Println("\n| page of 1,000,000 entries of the audit | found | p50 ms | p99 ms | wanted |")
	fmt.Println("|---|---|---|---|---|")
	day := auditStart.AddDate(0, 0, auditDays/2).Format(time.DateOnly)
	for _, q := range []struct{ name, query string }{
		{"newest", ""},
		{"a day", "date_range=" + day},
		{"an agent", "agent_id=agent:42"},
		{"a rare agent", "agent_id=agent:rare"},
		{"a label", "agent_id=label-7"},
		{"an operation", "operation_type=content.read"},
		{"a rare operation", "operation_type=store.check"},
		{"a lesson", "path=" + lessonPath(4711)},
		{"a chapter", "path=content/part-47/"},
		{"all lessons", "path=content/"},
		{"errors", "status=error"},
		{"denials", "status=denied"},
		{"successes", "status=success"},
		{"a book", "book_id=the-book"},
		{"conflicts of an agent on a day", "status=conflict&agent_id=agent:42&date_range=" + day},
		{"changes by an agent who only reads", "operation_type=content.write&agent_id=agent:99"},
		{"a lesson on a day", "path=" + lessonPath(4711) + "&date_range=" + day},
		{"nothing", "agent_id=nobody"},
	} {
		if err := measureAudit(ctx, server.url, q.name, q.query); err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
	}
	return nil
}

func measureAudit(ctx context.Context, base, name, query string) error {
	times := make([]float64, 0, 200)
	var found int
	for range cap(times) {
		started := time.Now()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/audit?"+query, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s, %v", response.Status, body, err)
		}
		times = append(times, float64(time.Since(started).Microseconds())/1000)
		var entries []json.RawMessage
		if err := json.Unmarshal(body, &entries); err != nil {
			return err
		}
		found = len(entries)
	}
	slices.Sort(times)
	fmt.Printf("| %s | %d | %.2f | %.2f | 20 |\n", name, found, times[len(times)/2], times[len(times)*99/100])
	return nil
}

// auditStart is when the entries begin: within the time for which they are kept.
var auditStart = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -auditDays+1)

func lessonPath(i int) string {
	return fmt.Sprintf("content/part-%02d/lesson-%05d.md", i%100, i)
}

// makeAudit fills a store the way the library does, only many entries to a
// transaction.
func makeAudit(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	clock := auditStart
	c, err := catalog.Open(ctx, catalog.Options{Path: filepath.Join(dir, "documents.db"), Clock: func() time.Time { return clock }})
	if err != nil {
		return err
	}
	defer c.Close()
	book := sheaf.Collection{Name: "the-book", Kind: sheaf.KindBook, Backend: "fs", Status: sheaf.StatusActive, Policy: sheaf.PolicyUpsert}
	err = c.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		if err := tx.CreateCollection(book); err != nil {
			return err
		}
		_, err := tx.Append(string(book.Name), &sheaf.LogPayload{Principal: "local", Operation: "collection.create", Status: "success"})
		return err
	})
	if err != nil {
		return err
	}
	collection, _ := c.Collection(book.Name)
	random := mathrand.New(mathrand.NewPCG(7, 7))
	heads := make([]catalog.Head, 0, auditLessons)
	const batch = 500
	for made := 0; made < auditEntries; made += batch {
		clock = clock.Add((auditDays - 1) * 24 * time.Hour / (auditEntries / batch))
		err := c.Mutate(ctx, 0, func(tx *catalog.Tx) error {
			for range batch {
				if err := makeAudited(tx, collection, &heads, clock, random); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func makeAudited(tx *catalog.Tx, book *catalog.Collection, heads *[]catalog.Head, at time.Time, random *mathrand.Rand) error {
	agent := fmt.Sprintf("agent:%d", random.IntN(99))
	payload := &sheaf.LogPayload{Principal: agent, Label: fmt.Sprintf("label-%d", random.IntN(20)), Operation: "content.write", Status: "success", DurationUS: 800}
	switch {
	case len(*heads) < auditLessons:
		head := catalog.Head{CollectionPK: book.PK, Document: sheaf.Document{Collection: book.Name, Name: "lesson", Filename: "lesson.md",
			Path: lessonPath(len(*heads)), Tags: []string{}, Metadata: json.RawMessage("{}")}}
		if err := tx.CreateDocument(&head); err != nil {
			return err
		}
		*heads = append(*heads, head)
		payload.Operation, payload.Documents = "document.create", []sheaf.LogDocument{{ID: head.ID, After: head.LogState()}}
	case random.IntN(3) == 0:
		head := &(*heads)[random.IntN(len(*heads))]
		after := *head
		after.Description = fmt.Sprint(random.Uint64())
		if err := tx.UpdateDocument(*head, &after); err != nil {
			return err
		}
		payload.Documents = []sheaf.LogDocument{{ID: head.ID, Before: head.LogState(), After: after.LogState()}}
		*head = after
	default:
		access := catalog.Access{At: at, Principal: agent, Label: payload.Label, Operation: "content.read", Transport: "rest",
			Document: (*heads)[random.IntN(len(*heads))].ID, Status: sheaf.CallSucceeded, Duration: time.Millisecond}
		switch n := random.IntN(100_000); {
		case n < 10:
			access.Principal = "agent:rare"
		case n < 20:
			access.Operation = "store.check"
		case n < 30:
			access.Status, access.Code, access.Message = sheaf.CallDenied, sheaf.ErrForbidden, "not allowed"
		case n < 2000:
			access.Status, access.Code, access.Message = sheaf.CallFailed, sheaf.ErrNotFound, "Document not found"
		case n < 4000:
			access.Operation, access.Status, access.Code = "content.write", sheaf.CallConflict, sheaf.ErrConflict
		case n < 5000:
			access.Principal = "agent:99"
		}
		return tx.AddAccess(access)
	}
	_, err := tx.Append(string(book.Name), payload)
	return err
}

// waitForExport waits until the server has written the files of all days: they
// are no part of what is measured.
func waitForExport(ctx context.Context, dir string) error {
	for last := int64(-1); ; {
		names, err := filepath.Glob(filepath.Join(dir, ".audit", "*.jsonl"))
		if err != nil {
			return err
		}
		size := int64(0)
		for _, name := range names {
			if info, err := os.Stat(name); err == nil {
				size += info.Size()
			}
		}
		if size > 0 && size == last {
			return nil
		}
		last = size
		select {
		case <-time.After(3 * time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
