package library_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// A queuedContext tells when a change that is made with it waits for the writer.
type queuedContext struct {
	context.Context
	asked  atomic.Int32
	queued chan struct{}
}

func newQueuedContext(t *testing.T) *queuedContext {
	return &queuedContext{Context: t.Context(), queued: make(chan struct{})}
}

// Done is asked for by the catalog before a change enters the queue, and again once
// it is there.
func (c *queuedContext) Done() <-chan struct{} {
	callers := make([]uintptr, 8)
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers)])
	for more := true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		if strings.HasSuffix(frame.Function, "catalog.(*writer).submit") && c.asked.Add(1) == 2 {
			close(c.queued)
		}
	}
	return c.Context.Done()
}

// holdWriter keeps all changes waiting until release is called.
func (s *store) holdWriter() (release func()) {
	held, released := make(chan struct{}), make(chan struct{})
	var ended sync.WaitGroup
	once := sync.OnceFunc(func() { close(held) })
	ended.Go(func() {
		err := s.catalog.Mutate(context.Background(), 0, func(*catalog.Tx) error {
			once()
			<-released
			return nil
		})
		if err != nil {
			s.t.Errorf("holding the writer: %v", err)
		}
	})
	<-held
	return func() { close(released); ended.Wait() }
}

// To find 10,000 lessons takes time, for which nobody else could write if it were
// done in the transaction. So it is done before, and a summary is not of what its
// author cannot have seen.
func TestSourcesAreFoundBeforeTheTransaction(t *testing.T) {
	s := open(t)
	s.mustPut("content/a.md", "a")
	s.mustPut("content/b.md", "b")
	release := s.holdWriter()
	var writing sync.WaitGroup
	inTurn := func(write func(context.Context) error) {
		ctx := newQueuedContext(t)
		writing.Go(func() {
			if err := write(ctx); err != nil {
				t.Error(err)
			}
		})
		<-ctx.queued
	}
	lesson, summary := s.receive("a, changed"), s.receive("of a and b")
	inTurn(func(ctx context.Context) error {
		_, err := s.PutContent(ctx, library.FileWrite{Place: library.Place{Book: "book", Path: "content/a.md"}, Content: lesson})
		return err
	})
	inTurn(func(ctx context.Context) error {
		_, err := s.AddSummary(ctx, library.SummaryWrite{Book: "book", Path: "content", Content: summary})
		return err
	})
	release()
	writing.Wait()
	s.wantStale("a lesson has changed just before the summary", "content", true, "changed content/a.md")
}

// A summary that is written by its id, or comes together with lessons, is of what
// there is too, while others write other things.
func TestSourcesOfSummariesThatAreWrittenOtherwise(t *testing.T) {
	s := open(t)
	s.mustPut("content/a.md", "a")
	change, err := s.addSummary("content", "of a")
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				if _, err := s.put("notes/x.txt", fmt.Sprint("not a lesson ", i)); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for i := range 10 {
		lesson := fmt.Sprintf("content/more/%d.md", i)
		s.mustPut("content/a.md", fmt.Sprint("a", i))
		s.wantStale("a lesson has changed", "content", true, "changed content/a.md")
		if _, err := s.WriteContent(t.Context(), change.ID, library.ContentWrite{Content: s.receive(fmt.Sprint("by id ", i))}); err != nil {
			t.Fatal(err)
		}
		s.wantStale("written by id", "content", false)
		batch := library.NewDocuments{Collection: "book", Atomic: true}
		for _, p := range []string{lesson, fmt.Sprintf("content/more/%d.summary.md", i), fmt.Sprintf("other/%d/.summary.md", i), fmt.Sprintf("other/%d/x.md", i)} {
			batch.Files = append(batch.Files, library.NewFile{NewDocument: library.NewDocument{Content: s.receive(p), Filename: "x.md", Path: p}})
		}
		if _, err := s.CreateDocuments(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		s.wantStale("lesson and summary came together", lesson, false)
		s.wantStale("directory and summary came together", fmt.Sprintf("other/%d", i), false)
		s.wantStale("lessons came", "content", true, "added "+lesson)
		if _, err := s.updateSummary("content", fmt.Sprint("of all ", i)); err != nil {
			t.Fatal(err)
		}
		s.wantStale("written again", "content", false)
	}
	close(stop)
	others.Wait()
	s.wantWhole()
}
