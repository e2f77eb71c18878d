package library_test

import (
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// All archives together once had no bound: sixty-four slow downloads of 20,000
// documents took 1.4 GB until they ended.
func TestArchivesShareTheirMemory(t *testing.T) {
	s := open(t, func(set *setup) { set.archiveMemory = 100_000 })
	for range 20 {
		s.create("content")
	}
	var open []*library.Archive
	defer func() {
		for _, a := range open {
			a.Close()
		}
	}()
	var err error
	for len(open) < 50 {
		var a *library.Archive
		if a, err = s.Archive(t.Context(), library.ArchiveSelection{}); err != nil {
			break
		}
		open = append(open, a)
	}
	wantKind(t, "one archive too many", err, sheaf.ErrRateLimited)
	if len(open) < 2 {
		t.Fatalf("%d archives of 20 documents were in use at once", len(open))
	}
	// What is given back can be had again, once however often it is closed; an
	// archive that could not be made has taken nothing.
	for range 100 {
		last := open[len(open)-1]
		last.Close()
		last.Close()
		if open[len(open)-1], err = s.Archive(t.Context(), library.ArchiveSelection{}); err != nil {
			t.Fatalf("an archive after another was closed: %v", err)
		}
		_, err = s.Archive(t.Context(), library.ArchiveSelection{})
		wantKind(t, "one archive too many again", err, sheaf.ErrRateLimited)
	}
}

// An archive that is larger than all the memory there is can be had when nobody
// else has one.
func TestArchiveLargerThanItsMemory(t *testing.T) {
	s := open(t, func(set *setup) { set.archiveMemory = 4_000 })
	for range 20 {
		s.create("content")
	}
	for range 2 {
		a, err := s.Archive(t.Context(), library.ArchiveSelection{})
		if err != nil {
			t.Fatalf("the only archive: %v", err)
		}
		_, err = s.Archive(t.Context(), library.ArchiveSelection{})
		wantKind(t, "another beside it", err, sheaf.ErrRateLimited)
		a.Close()
	}
}
