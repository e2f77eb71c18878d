package library_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/auditfile"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// An exportedStore is a store whose audit is exported, with a clock of its own.
type exportedStore struct {
	*store
	now time.Time
	dir string // of the files
}

func openExported(t *testing.T) *exportedStore {
	e := &exportedStore{now: time.Date(2026, 1, 30, 23, 0, 0, 0, time.UTC), dir: filepath.Join(t.TempDir(), ".audit")}
	clock := func() time.Time { return e.now }
	e.store = open(t, func(s *setup) {
		s.clock = clock
		s.audit = library.AuditOptions{Sampling: 1, Dir: e.dir}
	})
	return e
}

// export does what the background job does.
func (e *exportedStore) export() {
	e.t.Helper()
	for _, job := range e.Background() {
		for more := job.Name == "audit files"; more; {
			var err error
			if more, err = job.Run(e.t.Context()); err != nil {
				e.t.Fatal(err)
			}
		}
	}
}

// files returns how many entries each file has, and which are sealed.
func (e *exportedStore) files() (files []string) {
	e.t.Helper()
	names, err := auditfile.List(e.dir)
	if err != nil {
		e.t.Fatal(err)
	}
	for _, name := range names {
		entries, sealed := 0, ""
		err := auditfile.Read(filepath.Join(e.dir, name), func(line []byte) error {
			if auditfile.ParseSeal(line) != nil {
				sealed = " sealed"
				return nil
			}
			entries++
			return nil
		})
		if err != nil {
			e.t.Fatal(err)
		}
		files = append(files, fmt.Sprintf("%s %d%s", strings.TrimSuffix(name, ".jsonl"), entries, sealed))
	}
	return files
}

func (e *exportedStore) wantFiles(when string, want ...string) {
	e.t.Helper()
	if got := e.files(); !slices.Equal(got, want) {
		e.t.Errorf("%s: %q, want %q", when, got, want)
	}
	if found := e.verify(); len(found.Problems) > 0 {
		e.t.Errorf("%s: %+v", when, found.Problems)
	}
}

func (s *store) verify() sheaf.AuditVerification {
	s.t.Helper()
	found, err := s.VerifyAudit(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

// Entries go into the file of their day, which is sealed a minute after midnight,
// whether or not something happens or the server runs then.
func TestExportByDays(t *testing.T) {
	e := openExported(t)
	e.wantFiles("before the first run")
	e.create("one")
	e.export()
	e.wantFiles("in the evening", "2026-01-30 2")
	e.create("two")
	e.now = time.Date(2026, 1, 31, 0, 0, 59, 0, time.UTC)
	e.export()
	e.wantFiles("a minute after midnight", "2026-01-30 3")
	e.now = e.now.Add(time.Second)
	e.export()
	e.export()
	e.wantFiles("then", "2026-01-30 3 sealed", "2026-01-31 0")
	e.create("three")
	e.export()
	e.now = e.now.Add(-2 * time.Minute) // somebody sets the clock back
	e.create("four")
	e.export()
	e.wantFiles("after midnight once more", "2026-01-30 3 sealed", "2026-01-31 2")

	// The server is away for midnight, with something that was not exported.
	e.now = time.Date(2026, 1, 31, 23, 59, 0, 0, time.UTC)
	e.create("five")
	e.store = e.reopen()
	e.now = time.Date(2026, 2, 3, 8, 0, 0, 0, time.UTC)
	e.create("six")
	e.export()
	e.wantFiles("three days later", "2026-01-30 3 sealed", "2026-01-31 3 sealed", "2026-02-03 1")

	// Lost files are written again.
	if err := os.RemoveAll(e.dir); err != nil {
		t.Fatal(err)
	}
	e.store = e.reopen()
	e.export()
	e.wantFiles("from nothing", "2026-01-30 3 sealed", "2026-01-31 3 sealed", "2026-02-03 1")
}

// A process that is killed at any moment leaves files from which the next goes on:
// no entry is missing and none is there twice.
func TestExportOutlivesCrashes(t *testing.T) {
	e := openExported(t)
	random := rand.New(rand.NewPCG(5, 6))
	for i := range 60 {
		e.now = e.now.Add(time.Duration(random.IntN(8*60)) * time.Minute)
		e.create(fmt.Sprint(i))
		e.record(sheaf.Local("me"), func(s *library.Session) error {
			_, err := s.Documents(t.Context(), library.DocumentQuery{Limit: 1})
			return err
		})
		e.audited(library.AuditQuery{Limit: 1}) // which exports
		names, err := auditfile.List(e.dir)
		if err != nil {
			t.Fatal(err)
		}
		newest := filepath.Join(e.dir, names[len(names)-1])
		info, err := os.Stat(newest)
		if err != nil {
			t.Fatal(err)
		}
		// What was not durable yet is lost in part.
		if lost := random.Int64N(min(info.Size(), 900) + 1); info.Mode().Perm()&0o200 != 0 {
			if err := os.Truncate(newest, info.Size()-lost); err != nil {
				t.Fatal(err)
			}
		}
	}
	e.export()
	if found := e.verify(); len(found.Problems) > 0 || found.Lines != 121 || found.Entries != 61 || found.Files < 5 {
		t.Errorf("after 60 crashes: %+v, want 121 lines of which 61 are in the log", found)
	}
}

// A verification names the first entry that somebody has changed.
func TestVerifyAuditNamesTheFirstWrongEntry(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files that are open cannot be replaced")
	}
	for name, c := range map[string]struct {
		change string // of the log, as SQL
		file   func(lines []string) []string
		want   sheaf.AuditProblem
	}{
		"a payload":            {change: `update log set payload = replace(payload, 'note', 'n0te') where rev in (3, 4)`, want: sheaf.AuditProblem{Stream: "default", Rev: 3, ID: 3, Message: "its hash is not that of its content"}},
		"who did it":           {change: `update log set principal = 'somebody' where rev = 4`, want: sheaf.AuditProblem{Stream: "default", Rev: 4, ID: 4, Message: "its columns are not what its payload says"}},
		"an entry that is out": {change: `delete from log where rev = 3`, want: sheaf.AuditProblem{Stream: "default", Rev: 4, ID: 4, Message: "it follows revision 2"}},
		"the end":              {change: `delete from log where rev > 4`, want: sheaf.AuditProblem{File: "2026-01-30.jsonl", Line: 5, ID: 5, Message: "it is not in the log"}},
		"a line": {file: func(lines []string) []string {
			lines[2] = strings.Replace(lines[2], "tester", "nobody", 1)
			return lines
		}, want: sheaf.AuditProblem{File: "2026-01-30.jsonl", Line: 3, ID: 3, Message: "it is not what the log has"}},
		"a line that is out": {file: func(lines []string) []string { return slices.Delete(lines, 1, 2) },
			want: sheaf.AuditProblem{File: "2026-01-30.jsonl", Line: 2, ID: 3, Message: "entry 2 is missing before it"}},
		"lines that changed places": {file: func(lines []string) []string {
			lines[2], lines[3] = lines[3], lines[2]
			return lines
		}, want: sheaf.AuditProblem{File: "2026-01-30.jsonl", Line: 3, ID: 4, Message: "entry 3 is missing before it"}},
		"a seal": {file: func(lines []string) []string {
			lines[5] = strings.Replace(lines[5], `"entries":5`, `"entries":6`, 1)
			return lines
		}, want: sheaf.AuditProblem{File: "2026-01-30.jsonl", Line: 6, ID: 5, Message: "the seal says 6 entries, there are 5"}},
		"a seal that is out": {file: func(lines []string) []string { return lines[:5] },
			want: sheaf.AuditProblem{File: "2026-01-30.jsonl", Line: 5, ID: 5, Message: "the file ends without a seal"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := openExported(t)
			for i := range 4 {
				e.create(fmt.Sprint(i))
			}
			e.export()
			e.now = e.now.AddDate(0, 0, 1)
			e.export()
			if c.change != "" {
				db, err := sql.Open("sqlite", filepath.Join(e.setup.dir, "documents.db"))
				if err != nil {
					t.Fatal(err)
				}
				defer db.Close()
				if _, err := db.ExecContext(t.Context(), c.change); err != nil {
					t.Fatal(err)
				}
			}
			if c.file != nil {
				path := filepath.Join(e.dir, "2026-01-30.jsonl")
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				lines := c.file(strings.SplitAfter(string(text), "\n"))
				if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			found := e.verify()
			if len(found.Problems) == 0 || found.Problems[0] != c.want {
				t.Errorf("found %+v, want first %+v", found.Problems, c.want)
			}
		})
	}
}
