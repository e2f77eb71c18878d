package library

import (
	"context"
	"fmt"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// Check compares the catalog with itself, its log with the log's chain, every
// blob with what its backend holds, and the views of the registry with the
// catalog. Quick, it looks at what backends list; full, it reads every byte. It
// repairs nothing; what it reads and finds damaged is put aside as whenever a
// reader finds it. A backend that is away is reported as that.
func (s *Session) Check(ctx context.Context, full bool) (sheaf.CheckReport, error) {
	s.begin("store.check")
	if err := s.allow(sheaf.ScopeAdmin); err != nil {
		return sheaf.CheckReport{}, err
	}
	c := newCheck(s.library, full)
	err := c.run(ctx)
	return c.report, err
}

// Repair checks as [Session.Check] does, and makes whole what can be: contents of
// which there is another copy, views and counts that are not what they should be,
// staging areas in which something was left behind. Contents without a good copy are put
// aside, so that they are stored again when somebody brings them.
func (s *Session) Repair(ctx context.Context, full bool) (sheaf.CheckReport, error) {
	op := s.begin("store.repair")
	if err := s.allow(sheaf.ScopeAdmin); err != nil {
		return sheaf.CheckReport{}, err
	}
	c := newCheck(s.library, full)
	c.repair = &repair{library: s.library, op: op}
	c.report.Repair = true
	err := c.run(ctx)
	return c.report, err
}

// maxProblems is how many problems a report describes; the rest it counts. A
// table that is lost makes one for every document.
const maxProblems = 1000

// A check is one check of a store.
type check struct {
	library *Library
	repair  *repair // nil: nothing is changed
	report  sheaf.CheckReport

	backends          map[string]*backendCheck
	omitted, repaired int // problems that are not described
}

func newCheck(l *Library, full bool) *check {
	return &check{
		library: l, backends: make(map[string]*backendCheck, len(l.backends)),
		report: sheaf.CheckReport{Full: full, Backends: []sheaf.BackendCheck{}, Problems: []sheaf.Problem{}},
	}
}

// run checks everything. The blobs come first: what is repaired of them is none of
// the catalog's problems any more.
func (c *check) run(ctx context.Context) error {
	for _, name := range c.library.backendNames() {
		b := &backendCheck{check: c, BackendCheck: sheaf.BackendCheck{Name: name}}
		c.backends[name] = b
		if err := b.list(ctx); err != nil {
			return err
		}
	}
	if err := c.blobs(ctx); err != nil {
		return err
	}
	if err := c.lostContents(ctx); err != nil {
		return err
	}
	for _, name := range c.library.backendNames() {
		b := c.backends[name]
		if err := b.leftovers(ctx); err != nil {
			return err
		}
		b.finish()
		c.report.Backends = append(c.report.Backends, b.BackendCheck)
	}
	counts, err := c.library.catalog.Check(ctx, c.report.Full, func(area, message string, documents ...sheaf.DocumentID) {
		c.add(sheaf.Problem{Area: area, Message: message, Documents: documents})
	})
	if err != nil {
		return err
	}
	c.report.Documents, c.report.Versions, c.report.LogEntries = counts.Documents, counts.Versions, counts.LogEntries
	if err := c.bookCounts(ctx); err != nil {
		return err
	}
	if err := c.views(ctx); err != nil {
		return err
	}
	c.finish()
	return nil
}

func (c *check) add(p sheaf.Problem) {
	if len(c.report.Problems) < maxProblems {
		c.report.Problems = append(c.report.Problems, p)
		return
	}
	c.omitted++
	if p.Repaired {
		c.repaired++
	}
}

func (c *check) finish() {
	if c.omitted > 0 {
		c.report.Problems = append(c.report.Problems, sheaf.Problem{
			Area: "catalog", Message: fmt.Sprintf("%d more problems, %d of them repaired", c.omitted, c.repaired), Repaired: c.omitted == c.repaired,
		})
	}
}

// addBlob adds a problem of a content on a backend, with what it hits.
func (c *check) addBlob(ctx context.Context, name blobName, message string, done mending) error {
	problem := sheaf.Problem{
		Area: "blobs", Message: fmt.Sprintf("the content %s on %s: %s", name.digest, name.backend, message),
		Backend: name.backend, Digest: &name.digest, Repair: done.what, Repaired: done.repaired,
	}
	err := c.library.catalog.Read(ctx, func(v *catalog.View) (err error) {
		if problem.Documents, err = v.Affected(name.backend, name.digest); err != nil {
			return err
		}
		problem.Versions, err = v.AffectedVersions(name.backend, name.digest, sheaf.MostAffected)
		return err
	})
	c.add(problem)
	return err
}
