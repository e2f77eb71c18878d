package library_test

import (
	"fmt"
	"testing"

	"github.com/sheaf-dev/sheaf/internal/library"
)

// manyLessons makes a book of so many lessons.
func (s *store) manyLessons(n int) {
	s.t.Helper()
	for made := 0; made < n; {
		var batch library.NewDocuments
		batch.Collection, batch.Atomic = "book", true
		for ; made < n && len(batch.Files) < 100; made++ {
			p := fmt.Sprintf("content/%02d/%04d.md", made%20, made)
			batch.Files = append(batch.Files, library.NewFile{NewDocument: library.NewDocument{
				Content: s.receive(fmt.Sprint("lesson ", made)), Filename: "x.md", Path: p,
			}})
		}
		if _, err := s.CreateDocuments(s.t.Context(), batch); err != nil {
			s.t.Fatal(err)
		}
	}
}

// BenchmarkSummaryOfManyLessons writes summaries of a book of 10,000 lessons.
func BenchmarkSummaryOfManyLessons(b *testing.B) {
	s := open(b)
	s.mustPut("content/intro.md", "intro")
	s.manyLessons(10_000)
	for i := 0; b.Loop(); i++ {
		_, err := s.PutSummary(b.Context(), library.SummaryWrite{Book: "book", Path: "/", Content: s.receive(fmt.Sprint("summary ", i))})
		if err != nil {
			b.Fatal(err)
		}
	}
}
