package library_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/fsblob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/jobs"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// fs is the name of the backend that stores of tests have.
const fs = "fs"

// A setup is what a test may change of its store.
type setup struct {
	dir       string
	limits    sheaf.Limits
	clock     func() time.Time
	scrubRate int64
	keepBooks bool // books are made by CreateBook only
	audit     library.AuditOptions
	garbage   library.GarbageOptions
	search    library.SearchOptions

	uploadLifetime time.Duration
	cdnURL         string

	batchMemory    int64
	archiveMemory  int64
	undrainedBlobs int64

	// backend takes the place of the files of the directory.
	backend blob.Backend
	others  map[string]blob.Backend // beside that, by their names
	moves   library.MoveOptions

	masterKeys string   // with which the backend is encrypted; empty: it is not
	plain      bool     // it is not, although there are master keys
	sealed     []string // the backends that are encrypted; nil: that one, unless it is plain

	undeflated bool // new contents are stored as they are
}

// A store is a library over a real catalog and real blobs, and what lies below
// it. Its background work runs only when the test asks for it.
type store struct {
	*library.Library
	*library.Session // of someone who may do everything

	t       testing.TB
	setup   setup
	catalog *catalog.Catalog
	blobs   *blob.Store
}

func open(t testing.TB, changes ...func(*setup)) *store {
	t.Helper()
	s := setup{dir: t.TempDir(), limits: sheaf.DefaultLimits(), audit: library.AuditOptions{Sampling: 1}}
	for _, change := range changes {
		change(&s)
	}
	return openSetup(t, s)
}

func openSetup(t testing.TB, set setup) *store {
	t.Helper()
	s := &store{t: t, setup: set}
	backend := set.backend
	if backend == nil {
		files, err := fsblob.New(filepath.Join(set.dir, "blobs"))
		if err != nil {
			t.Fatal(err)
		}
		backend = files
	}
	backends, kinds := map[string]blob.Backend{fs: backend}, map[string]string{fs: "fs"}
	for name, other := range set.others {
		backends[name], kinds[name] = other, "other"
	}
	var err error
	var keys *blob.Keyring
	var sealed []string
	if set.masterKeys != "" {
		if keys, err = blob.ParseKeyring(set.masterKeys); err != nil {
			t.Fatal(err)
		}
		if sealed = set.sealed; sealed == nil && !set.plain {
			sealed = []string{fs}
		}
	}
	deflateLimit := int64(blob.DefaultDeflateLimit)
	if set.undeflated {
		deflateLimit = -1
	}
	s.blobs, err = blob.NewStore(blob.Options{
		SpoolDir:     filepath.Join(set.dir, "spool"),
		DeflateLimit: deflateLimit,
		Backends:     backends,
		Keys:         keys,
		Sealed:       sealed,
		OnDamage:     func(ref blob.Ref, err error) { s.ReportDamage(ref, err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.catalog, err = catalog.Open(t.Context(), catalog.Options{Path: filepath.Join(set.dir, "documents.db"), Clock: set.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.catalog.Close() })
	s.Library, err = library.Open(t.Context(), library.Options{
		Catalog:         s.catalog,
		Blobs:           s.blobs,
		Backends:        kinds,
		DefaultBackend:  fs,
		AutoCreateBooks: !set.keepBooks,
		ViewsDir:        set.dir,
		Limits:          set.limits,
		ScrubRate:       set.scrubRate,
		BatchMemory:     set.batchMemory,
		ArchiveMemory:   set.archiveMemory,
		UndrainedBlobs:  set.undrainedBlobs,
		Garbage:         set.garbage,
		Moves:           set.moves,
		Search:          set.search,
		Address:         func(context.Context) (string, error) { return "http://sheaf.test", nil },
		Assets:          library.AssetOptions{CDNURL: set.cdnURL, Lifetime: set.uploadLifetime, StagingDir: filepath.Join(set.dir, "uploads")},
		Audit:           set.audit,
		Clock:           set.clock,
		Log:             slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Session = s.As(sheaf.Local("tester"))
	return s
}

// reopen closes the store and opens it again, as another process would.
func (s *store) reopen(changes ...func(*setup)) *store {
	s.t.Helper()
	if err := s.catalog.Close(); err != nil {
		s.t.Fatalf("closing the catalog: %v", err)
	}
	for _, change := range changes {
		change(&s.setup)
	}
	return openSetup(s.t, s.setup)
}

// runBackground does the background work until the test ends.
func (s *store) runBackground() {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { jobs.Run(ctx, slog.New(slog.DiscardHandler), s.Background()...) })
	s.t.Cleanup(func() { cancel(); running.Wait() })
}

// runJob does one piece of a job of the background.
func (s *store) runJob(name string) {
	s.t.Helper()
	work := s.Background()
	i := slices.IndexFunc(work, func(job jobs.Job) bool { return job.Name == name })
	if i < 0 {
		s.t.Fatalf("there is no job %q", name)
	}
	if _, err := work[i].Run(s.t.Context()); err != nil {
		s.t.Fatalf("the job %q: %v", name, err)
	}
}

// receive brings a content into the store. It is closed at the end of the test.
func (s *store) receive(content string) *library.Upload {
	s.t.Helper()
	upload, err := s.Receive(s.t.Context(), strings.NewReader(content))
	if err != nil {
		s.t.Fatalf("receiving %d bytes: %v", len(content), err)
	}
	s.t.Cleanup(func() { upload.Close() })
	return upload
}

// try makes a document of a content.
func (s *store) try(content string, changes ...func(*library.NewDocument)) (sheaf.Document, error) {
	s.t.Helper()
	in := library.NewDocument{Content: s.receive(content), Filename: "note.txt"}
	for _, change := range changes {
		change(&in)
	}
	return s.CreateDocument(s.t.Context(), in)
}

// create makes a document of a content, which has to succeed.
func (s *store) create(content string, changes ...func(*library.NewDocument)) sheaf.Document {
	s.t.Helper()
	doc, err := s.try(content, changes...)
	if err != nil {
		s.t.Fatalf("creating a document of %d bytes: %v", len(content), err)
	}
	return doc
}

func named(name string) func(*library.NewDocument) {
	return func(in *library.NewDocument) { in.Name = name }
}

func withKey(key string) func(*library.NewDocument) {
	return func(in *library.NewDocument) { in.IdempotencyKey = key }
}

// read returns the current content of a document.
func (s *store) read(id sheaf.DocumentID) (string, error) {
	content, err := s.OpenDocument(s.t.Context(), id, 0)
	if err != nil {
		return "", err
	}
	defer content.Close()
	reader, err := content.Reader()
	if err != nil {
		return "", err
	}
	read, err := io.ReadAll(reader)
	return string(read), err
}

func (s *store) wantRead(id sheaf.DocumentID, want string) {
	s.t.Helper()
	switch got, err := s.read(id); {
	case err != nil:
		s.t.Errorf("reading %s: %v, want its %d bytes", id, err, len(want))
	case got != want:
		s.t.Errorf("reading %s: %d bytes that are not the %d that were written", id, len(got), len(want))
	}
}

func (s *store) wantDamaged(id sheaf.DocumentID) {
	s.t.Helper()
	if got, err := s.read(id); sheaf.KindOf(err) != sheaf.ErrDamaged {
		s.t.Errorf("reading %s: %d bytes, %v, want damaged", id, len(got), err)
	}
}

// drain moves everything that is inline to its backend.
func (s *store) drain() {
	s.t.Helper()
	for more := true; more; {
		var err error
		if more, err = s.Drain(s.t.Context()); err != nil {
			s.t.Fatalf("draining: %v", err)
		}
	}
	if n := s.Health(s.t.Context()).UndrainedBlobs; n != 0 {
		s.t.Fatalf("%d contents are inline after draining, want none", n)
	}
}

// list returns all documents that a query finds.
func (s *store) list(q library.DocumentQuery) []sheaf.Document {
	s.t.Helper()
	if q.Limit == 0 {
		q.Limit = library.DefaultPage
	}
	var all []sheaf.Document
	for {
		page, err := s.Documents(s.t.Context(), q)
		if err != nil {
			s.t.Fatalf("listing: %v", err)
		}
		all = append(all, page.Documents...)
		if q.Cursor = page.Next; q.Cursor == "" {
			return all
		}
	}
}

// log returns the entries of a stream.
func (s *store) log(stream string) []sheaf.LogEntry {
	s.t.Helper()
	var entries []sheaf.LogEntry
	err := s.catalog.Read(s.t.Context(), func(v *catalog.View) error {
		return v.Log(0, func(e sheaf.LogEntry) error {
			if e.Stream == stream {
				e.Payload = bytes.Clone(e.Payload)
				entries = append(entries, e)
			}
			return nil
		})
	})
	if err != nil {
		s.t.Fatalf("reading the log: %v", err)
	}
	return entries
}

// blob returns what the catalog knows of a content.
func (s *store) blob(digest sheaf.Digest) (b catalog.Blob, found bool) {
	s.t.Helper()
	err := s.catalog.Read(s.t.Context(), func(v *catalog.View) (err error) {
		b, found, err = v.Blob(fs, digest)
		return err
	})
	if err != nil {
		s.t.Fatalf("looking up the blob %s: %v", digest, err)
	}
	return b, found
}

func (s *store) blobCount() (n int) {
	s.t.Helper()
	err := s.catalog.Read(s.t.Context(), func(v *catalog.View) error {
		return v.Blobs(0, -1, func(catalog.Blob) error { n++; return nil })
	})
	if err != nil {
		s.t.Fatalf("counting blobs: %v", err)
	}
	return n
}

// file returns the path of a content's file.
func (s *store) file(digest sheaf.Digest) string {
	s.t.Helper()
	name := digest.String()
	if b, found := s.blob(digest); found {
		name = string(b.Key())
	}
	return filepath.Join(s.setup.dir, "blobs", name[:2], name)
}

// flip changes a bit in the middle of a content's file.
func (s *store) flip(digest sheaf.Digest) {
	s.t.Helper()
	stored, err := os.ReadFile(s.file(digest))
	if err != nil {
		s.t.Fatal(err)
	}
	stored[len(stored)/2] ^= 0x10
	if err := os.WriteFile(s.file(digest), stored, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// check checks the store and returns the problems in the form
// "area: message [documents]".
func (s *store) check(full bool) []string {
	s.t.Helper()
	report, err := s.Check(s.t.Context(), full)
	if err != nil {
		s.t.Fatalf("checking the store: %v", err)
	}
	problems := []string{}
	for _, p := range report.Problems {
		documents, _ := json.Marshal(p.Documents)
		problems = append(problems, p.Area+": "+p.Message+" "+string(documents))
	}
	return problems
}

func (s *store) wantWhole() {
	s.t.Helper()
	if _, err := s.WriteRegistry(s.t.Context()); err != nil { // as the background does
		s.t.Fatalf("writing the views: %v", err)
	}
	if problems := s.check(true); len(problems) > 0 {
		s.t.Errorf("the store has problems:\n%s", strings.Join(problems, "\n"))
	}
}

func (s *store) wantPlan(want sheaf.GarbagePlan) {
	s.t.Helper()
	if plan, err := s.PlanGarbage(s.t.Context()); err != nil || plan != want {
		s.t.Errorf("the garbage plan: %+v, %v, want %+v", plan, err, want)
	}
}

func (s *store) wantNothingSpooled() {
	s.t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.setup.dir, "spool"))
	if err != nil || len(entries) > 0 {
		s.t.Errorf("the spool has %v, %v, want nothing", entries, err)
	}
}

func wantKind(t testing.TB, what string, err error, want sheaf.ErrorKind) {
	t.Helper()
	if got := sheaf.KindOf(err); got != want {
		t.Errorf("%s: %v, want the kind %s", what, err, want)
	}
}

// eventually waits until the background has done something.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not after 20 seconds: %s", what)
		}
	}
}

// prose is text of so many bytes, which is stored deflated and differs by seed.
func prose(seed string, size int) string {
	line := "what " + seed + " wrote is read again exactly so\n"
	return strings.Repeat(line, size/len(line)+1)[:size]
}
