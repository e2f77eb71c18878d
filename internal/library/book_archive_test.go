package library_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// bookArchive lays out an archive of the book, which has to succeed.
func (s *store) bookArchive(changes ...func(*library.BookArchiveQuery)) *library.Archive {
	s.t.Helper()
	q := library.BookArchiveQuery{Book: "book"}
	for _, change := range changes {
		change(&q)
	}
	a, err := s.BookArchive(s.t.Context(), q)
	if err != nil {
		s.t.Fatalf("the archive of a book: %v", err)
	}
	s.t.Cleanup(a.Close)
	return a
}

func scoped(scope sheaf.ArchiveScope) func(*library.BookArchiveQuery) {
	return func(q *library.BookArchiveQuery) { q.Scope = scope }
}

func through(user string) func(*library.BookArchiveQuery) {
	return func(q *library.BookArchiveQuery) { q.Layer = library.UserLayer(user) }
}

func atRevision(revision int64) func(*library.BookArchiveQuery) {
	return func(q *library.BookArchiveQuery) { q.At = library.Moment{Revision: revision} }
}

// wantBookArchive checks which files an archive of the book has, beside book.yaml.
func (s *store) wantBookArchive(what string, a *library.Archive, want map[string]string) {
	s.t.Helper()
	got := unpack(s.t, s.packed(a))
	if !strings.HasPrefix(got["book.yaml"], "book_id: book\n") {
		s.t.Errorf("%s: book.yaml is %q", what, got["book.yaml"])
	}
	delete(got, "book.yaml")
	if !maps.Equal(got, want) {
		s.t.Errorf("%s has %.500q, want %.500q", what, got, want)
	}
	var files []bundle.File
	for path, content := range want {
		files = append(files, bundle.File{Path: path, Digest: sheaf.DigestOf([]byte(content))})
	}
	if a.Documents != len(want) || a.Manifest != bundle.ManifestHash(files) {
		s.t.Errorf("%s: %d documents and the manifest %s, want %d and %s", what, a.Documents, a.Manifest, len(want), bundle.ManifestHash(files))
	}
}

func TestBookArchive(t *testing.T) {
	s := open(t)
	if _, err := s.CreateBook(t.Context(), library.NewBook{ID: "book"}); err != nil {
		t.Fatal(err)
	}
	s.wantBookArchive("an empty book", s.bookArchive(), map[string]string{})

	lesson, picture := prose("lesson", 300_000), strings.Repeat("\x00\xff\x13", 50_000)
	s.mustPut("content/01-Grüße/01-hallo.md", lesson)
	s.mustPut("content/01-Grüße/.summary.md", "kurz")
	s.mustPut("assets/images/a.png", picture)
	s.mustPut("static/b.css", "")
	content := map[string]string{"content/01-Grüße/01-hallo.md": lesson, "content/01-Grüße/.summary.md": "kurz"}
	assets := map[string]string{"assets/images/a.png": picture, "static/b.css": ""}
	all := maps.Clone(content)
	maps.Copy(all, assets)
	first := s.bookArchive()
	s.wantBookArchive("a book", first, all)
	s.drain()
	s.wantBookArchive("a book, drained", first, all)
	s.wantBookArchive("its content", s.bookArchive(scoped(sheaf.ArchiveContent)), content)
	s.wantBookArchive("its assets", s.bookArchive(scoped(sheaf.ArchiveAssets)), assets)

	// What was is there again, byte for byte, whatever happened since.
	revision := first.Revision
	mine := s.mustPut("content/01-Grüße/01-hallo.md", "meins", by("ada"))
	s.mustPut("content/own.md", "eigenes", by("ada"))
	if _, err := s.MovePath(t.Context(), library.PathMove{Book: "book", From: "assets", To: "content/assets"}); err != nil {
		t.Fatal(err)
	}
	title := "Another title"
	if _, err := s.ChangeCollection(t.Context(), "book", library.CollectionChange{Title: &title}); err != nil {
		t.Fatal(err)
	}
	past := s.bookArchive(atRevision(revision))
	if past.ETag() != first.ETag() || !bytes.Equal(s.packed(past), s.packed(first)) || !past.Modified.Equal(first.Modified) {
		t.Error("the archive of a past revision is not the one of that time")
	}
	overlaid := maps.Clone(all)
	overlaid["content/01-Grüße/01-hallo.md"] = "meins"
	s.wantBookArchive("what a user saw", s.bookArchive(through("ada"), atRevision(mine.Revision)), overlaid)
	overlaid["content/own.md"], overlaid["content/assets/images/a.png"] = "eigenes", picture
	delete(overlaid, "assets/images/a.png")
	s.wantBookArchive("what a user sees", s.bookArchive(through("ada")), overlaid)
	s.wantBookArchive("what another sees", s.bookArchive(through("bob")), map[string]string{
		"content/01-Grüße/01-hallo.md": lesson, "content/01-Grüße/.summary.md": "kurz", "content/assets/images/a.png": picture, "static/b.css": "",
	})

	for what, test := range map[string]struct {
		query library.BookArchiveQuery
		kind  sheaf.ErrorKind
	}{
		"no such book":         {library.BookArchiveQuery{Book: "boook"}, sheaf.ErrNotFound},
		"a collection":         {library.BookArchiveQuery{Book: "default"}, sheaf.ErrNotFound},
		"no such scope":        {library.BookArchiveQuery{Book: "book", Scope: "some"}, sheaf.ErrInvalid},
		"no such user":         {library.BookArchiveQuery{Book: "book", Layer: "user:a b"}, sheaf.ErrInvalid},
		"a revision to come":   {library.BookArchiveQuery{Book: "book", At: library.Moment{Revision: 99}}, sheaf.ErrInvalid},
		"before there was any": {library.BookArchiveQuery{Book: "book", At: library.Moment{Time: time.Unix(0, 0)}}, sheaf.ErrNotFound},
	} {
		_, err := s.BookArchive(t.Context(), test.query)
		wantKind(t, what, err, test.kind)
	}
	s.setup.limits.ArchiveDocuments = 3
	small := s.reopen()
	_, err := small.BookArchive(t.Context(), library.BookArchiveQuery{Book: "book"})
	wantKind(t, "a book of more files than an archive may have", err, sheaf.ErrTooLarge)
}

// The book.yaml of an archive says what was said of the book at its revision.
func TestBookArchiveDescribesTheBook(t *testing.T) {
	s := open(t)
	settings := sheaf.BookSettings{Author: "Ada", Version: "1", Layout: sheaf.LayoutPatterns, Patterns: []string{"**/*.md"}}
	if _, err := s.CreateBook(t.Context(), library.NewBook{ID: "book", Title: "One", BookSettings: settings}); err != nil {
		t.Fatal(err)
	}
	title, version := "Two", "2"
	var want []bundle.BookEntry // by revision, from 1
	remember := func() {
		book, err := s.Book(t.Context(), "book", false)
		if err != nil {
			t.Fatal(err)
		}
		if int(book.Revision) != len(want)+1 {
			t.Fatalf("the book is at revision %d, want %d", book.Revision, len(want)+1)
		}
		want = append(want, bundle.EntryOf(book))
	}
	remember()
	s.mustPut("a.md", "x")
	remember()
	if _, err := s.ChangeCollection(t.Context(), "book", library.CollectionChange{Title: &title}); err != nil {
		t.Fatal(err)
	}
	remember()
	policy := sheaf.PolicyRequireHash
	change := library.BookChange{CollectionChange: library.CollectionChange{Policy: &policy}, Version: &version}
	if _, err := s.ChangeBook(t.Context(), "book", change); err != nil {
		t.Fatal(err)
	}
	remember()
	archived := sheaf.StatusArchived
	if _, err := s.ChangeCollection(t.Context(), "book", library.CollectionChange{Status: &archived}); err != nil {
		t.Fatal(err)
	}
	remember()
	for i, entry := range want {
		files := unpack(t, s.packed(s.bookArchive(atRevision(int64(i)+1))))
		got, err := bundle.ReadRegistry(strings.NewReader(files["book.yaml"]))
		if err != nil || len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(entry) {
			t.Errorf("at revision %d book.yaml says %+v (%v), want %+v", i+1, got, err, entry)
		}
	}
}

// A book that has a book.yaml keeps it, where it is.
func TestBookArchiveMakesWay(t *testing.T) {
	for _, test := range []struct {
		paths []string
		want  string // where the archive's own is
	}{
		{[]string{"content/book.yaml", "book.yml", "book"}, "book.yaml"},
		{[]string{"book.yaml"}, ".sheaf/book.yaml"},
		{[]string{"BOOK.Yaml"}, ".sheaf/book.yaml"},
		{[]string{"book.yaml/a.md"}, ".sheaf/book.yaml"},
		{[]string{"book.yaml", ".sheaf/Book.yaml"}, ".sheaf/2/book.yaml"},
	} {
		s := open(t)
		want := []string{test.want}
		for _, path := range test.paths {
			s.mustPut(path, "the book's own")
			want = append(want, path)
		}
		files := unpack(t, s.packed(s.bookArchive()))
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, want) || !strings.HasPrefix(files[test.want], "book_id: book\n") {
			t.Errorf("beside %q: the archive has %q, want %q; its own is %q", test.paths, got, want, files[test.want])
		}
	}
}

// An archive of any revision has what reading finds there then, whoever's layer
// it is seen through, also while others write.
func TestBookArchiveAgreesWithReading(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := open(t)
		defer s.catalog.Close()
		paths := []string{"a.md", "dir/b.md", "dir/c.md", "assets/images/d.png", "other/e.md"}
		users := []string{"", "", "ada", "bob"}
		steps := rapid.IntRange(1, 12).Draw(r, "steps")
		s.mustPut(paths[0], "first")
		write := func(step int) {
			path, user := rapid.SampledFrom(paths).Draw(r, "path"), rapid.SampledFrom(users).Draw(r, "user")
			place := library.Place{Book: "book", Path: path, Layer: library.UserLayer(user)}
			switch rapid.IntRange(0, 9).Draw(r, "do") {
			case 0, 1:
				_, err := s.DeleteAtPath(t.Context(), place, nil, "")
				if err != nil {
					r.Fatal(err)
				}
			case 2:
				// Refused where there is nothing to move, or something in its way.
				_, _ = s.MovePath(t.Context(), library.PathMove{Book: "book", From: path, To: rapid.SampledFrom(paths).Draw(r, "to")})
			default:
				_, err := s.put(path, fmt.Sprintf("%s %d", strings.Repeat(user, 100), step), by(user))
				if err != nil && sheaf.KindOf(err) != sheaf.ErrExists {
					r.Fatal(err)
				}
			}
		}
		for step := range steps {
			write(step)
		}
		latest := s.bookArchive().Revision
		var writing sync.WaitGroup
		if rapid.Bool().Draw(r, "while others write") {
			writing.Go(func() {
				for i := range 10 {
					s.mustPut(paths[i%len(paths)], fmt.Sprintf("later %d", i), by(users[i%len(users)]))
				}
			})
		}
		for revision := int64(2); revision <= latest; revision++ {
			for _, user := range []string{"", "ada", "bob"} {
				want := map[string]string{}
				for _, path := range paths {
					place := library.Place{Book: "book", Path: path, Layer: library.UserLayer(user)}
					read, err := s.ReadAtPath(t.Context(), place, library.Moment{Revision: revision}, library.Lines(1, 0))
					switch {
					case err == nil:
						want[path] = read.Excerpt.Text
					case sheaf.KindOf(err) != sheaf.ErrNotFound:
						r.Fatal(err)
					}
				}
				got := unpack(t, s.packed(s.bookArchive(through(user), atRevision(revision))))
				delete(got, "book.yaml")
				if !maps.Equal(got, want) {
					r.Errorf("at revision %d through %q the archive has %q, reading finds %q", revision, user, got, want)
				}
			}
		}
		writing.Wait()
	})
}

// link asks for a URL of an archive of the book and returns its parameters.
func (s *store) link(changes ...func(*library.BookArchiveQuery)) (sheaf.ArchiveLink, url.Values) {
	s.t.Helper()
	q := library.BookArchiveQuery{Book: "book"}
	for _, change := range changes {
		change(&q)
	}
	link, err := s.LinkBookArchive(s.t.Context(), q)
	if err != nil {
		s.t.Fatalf("a link to an archive: %v", err)
	}
	parsed, err := url.Parse(link.DownloadURL)
	if err != nil || !strings.HasPrefix(link.DownloadURL, "http://sheaf.test/books/book/archive.zip?") {
		s.t.Fatalf("the link is %s, %v", link.DownloadURL, err)
	}
	return link, parsed.Query()
}

// Whoever has a link has what it was made for, whatever is written since, and
// nothing else.
func TestBookArchiveLinks(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 500, time.UTC)
	s := open(t, func(set *setup) { set.clock = func() time.Time { return now } })
	s.mustPut("a.md", "one")
	s.mustPut("b.md", "two")
	s.mustPut("a.md", "mine", by("ada"))
	want := s.packed(s.bookArchive(through("ada")))
	link, signed := s.link(through("ada"))
	if link.Size != int64(len(want)) || link.Files != 2 || link.Format != "zip" || link.Revision != 4 || link.Errors == nil || len(link.Errors) > 0 ||
		!link.ExpiresAt.Equal(time.Date(2026, 3, 1, 13, 0, 0, 0, time.UTC)) || link.Manifest != s.bookArchive(through("ada")).Manifest {
		t.Errorf("the link is %+v", link)
	}
	s.mustPut("a.md", "mine, later", by("ada"))
	s.deleteAt("", "b.md")

	anybody := sheaf.Principal{ID: "nobody"}
	a, err := s.As(anybody).OpenBookArchive(t.Context(), "book", signed)
	if err != nil {
		t.Fatalf("opening a link: %v", err)
	}
	defer a.Close()
	if !bytes.Equal(s.packed(a), want) {
		t.Error("the link leads to another archive than it was made for")
	}
	s.record(anybody, func(session *library.Session) error {
		a, err := session.OpenBookArchive(t.Context(), "book", signed)
		if err == nil {
			a.Close()
		}
		return err
	})
	if entries := s.audited(library.AuditQuery{Operations: []string{"archive.read"}, Agents: []string{"local"}}); len(entries) != 1 || entries[0].BookID != "book" {
		t.Errorf("the download is recorded as %+v, want it to be done for who asked for the link", entries)
	}
	if _, err := s.CreateBook(t.Context(), library.NewBook{ID: "another"}); err != nil {
		t.Fatal(err)
	}
	altered := map[string]func(url.Values){
		"revision": func(v url.Values) { v.Set("at", "3") },
		"user":     func(v url.Values) { v.Set("user_id", "bob") },
		"scope":    func(v url.Values) { v.Set("scope", "content") },
		"nobody":   func(v url.Values) { v.Del("user_id") },
		"end":      func(v url.Values) { v.Set("expires", strconv.FormatInt(now.AddDate(1, 0, 0).Unix(), 10)) },
		"book":     func(v url.Values) { v.Set("book", "book") },
		"asker":    func(v url.Values) { v.Set("by", "root") },
	}
	for what, alter := range altered {
		changed := url.Values{}
		maps.Copy(changed, signed)
		alter(changed)
		_, err := s.As(anybody).OpenBookArchive(t.Context(), "book", changed)
		wantKind(t, "a link with another "+what, err, sheaf.ErrForbidden)
	}
	_, err = s.As(anybody).OpenBookArchive(t.Context(), "another", signed)
	wantKind(t, "a link for another book", err, sheaf.ErrForbidden)

	must(t, "purging", sheaf.ModePurged)(s.PurgeDocument(t.Context(), s.trashed("b.md")))
	_, err = s.As(anybody).OpenBookArchive(t.Context(), "book", signed)
	wantKind(t, "a link to what was purged since", err, sheaf.ErrGone)
	now = now.Add(time.Hour)
	_, err = s.As(anybody).OpenBookArchive(t.Context(), "book", signed)
	wantKind(t, "a link that has expired", err, sheaf.ErrForbidden)
}

// trashed returns the document of the book that was deleted at a path.
func (s *store) trashed(path string) sheaf.DocumentID {
	s.t.Helper()
	page, err := s.Trash(s.t.Context(), "book", "", 100)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, doc := range page {
		if doc.Path == path {
			return doc.ID
		}
	}
	s.t.Fatalf("%s is not in the trash: %+v", path, page)
	return ""
}

// Damage that comes to light while an archive is read ends it; the next is without
// it and says so, until the content is stored anew.
func TestBookArchiveOfDamage(t *testing.T) {
	s := open(t)
	content := prose("damaged", 300_000)
	s.mustPut("whole.md", "whole")
	bad := s.mustPut("dir/bad.md", content)
	s.drain()
	before := s.bookArchive()
	s.flip(bad.Digest)
	var got bytes.Buffer
	err := before.WriteRange(t.Context(), &got, 0, before.Size())
	wantKind(t, "reading an archive with damage", err, sheaf.ErrDamaged)
	if int64(got.Len()) >= before.Size() {
		t.Error("the archive was completed with damage in it")
	}
	for _, dealt := range []string{"suspected", "put aside"} {
		if dealt == "put aside" {
			s.runBackground()
			eventually(t, "the blob is marked as damaged", func() bool { b, _ := s.blob(bad.Digest); return b.State == catalog.BlobDamaged })
		}
		a := s.bookArchive()
		files := unpack(t, s.packed(a))
		if len(a.Errors) != 1 || a.Errors[0].Name != "dir/bad.md" || !a.Modified.IsZero() || a.Documents != 1 || a.Manifest != before.Manifest {
			t.Errorf("%s: %d documents, errors %+v, modified %v", dealt, a.Documents, a.Errors, a.Modified)
		}
		if !strings.Contains(files["ERRORS.txt"], "dir/bad.md: ") || files["whole.md"] != "whole" || len(files) != 3 {
			t.Errorf("%s: the archive has %.300q", dealt, files)
		}
		if link, _ := s.link(); len(link.Errors) != 1 {
			t.Errorf("%s: the link says nothing of it: %+v", dealt, link)
		}
	}
	s.create(content) // elsewhere, which heals it everywhere
	s.wantBookArchive("a book that was healed", s.bookArchive(), map[string]string{"whole.md": "whole", "dir/bad.md": content})
}

// What retention has taken is named in the archives of the past that had it.
func TestBookArchiveOfExpiredVersions(t *testing.T) {
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := open(t, func(set *setup) { set.clock = func() time.Time { return clock } })
	s.mustPut("kept.md", "kept")
	first := s.mustPut("a.md", "old")
	s.mustPut("a.md", "new")
	before := s.bookArchive(atRevision(first.Revision))
	retention := sheaf.Retention{HistoryDays: 5}
	if _, err := s.ChangeCollection(t.Context(), "book", library.CollectionChange{Retention: &retention}); err != nil {
		t.Fatal(err)
	}
	clock = clock.AddDate(0, 0, 30)
	if got := s.collect(true); got.ExpiredVersions != 1 {
		t.Fatalf("collected %+v", got)
	}
	after := s.bookArchive(atRevision(first.Revision))
	files := unpack(t, s.packed(after))
	if files["kept.md"] != "kept" || !strings.Contains(files["ERRORS.txt"], "a.md") || len(files) != 3 || after.Manifest != before.Manifest || after.ETag() == before.ETag() {
		t.Errorf("the archive has %q, errors %+v", files, after.Errors)
	}
}

// A layout is made once, however many pieces of it are asked for, and memory that
// is kept for it is there for others.
func TestBookLayoutsAreKept(t *testing.T) {
	s := open(t, func(set *setup) { set.archiveMemory = 100_000 })
	for i := range 20 {
		s.mustPut(fmt.Sprintf("%02d.md", i), "content")
	}
	for range 200 { // more than there would be memory for, were each laid out anew
		a, err := s.BookArchive(t.Context(), library.BookArchiveQuery{Book: "book"})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
	}
	for revision := int64(2); revision <= 21; revision++ { // kept, and given up for the next
		a, err := s.BookArchive(t.Context(), library.BookArchiveQuery{Book: "book", At: library.Moment{Revision: revision}})
		if err != nil {
			t.Fatalf("the archive of revision %d: %v", revision, err)
		}
		a.Close()
	}
	for i := range 20 {
		s.create(fmt.Sprint(i), fileNamed(fmt.Sprintf("%d.txt", i)))
	}
	s.archive(library.ArchiveSelection{})
}

// Many download at once, of different revisions, while contents are purged and
// there is memory for a few layouts only.
func TestBookLayoutsAreShared(t *testing.T) {
	s := open(t, func(set *setup) { set.archiveMemory = 40_000 })
	for i := range 20 {
		s.mustPut(fmt.Sprintf("%02d.md", i), "content")
	}
	gone := s.mustPut("gone.md", "to be purged")
	latest := gone.Revision
	var downloading sync.WaitGroup
	for i := range 8 {
		downloading.Go(func() {
			for j := range 40 {
				ctx, cancel := context.WithCancel(t.Context())
				if j%7 == 0 {
					cancel() // whoever waits for what this one was making makes it
				}
				revision := latest - int64((i+j)%3)
				a, err := s.BookArchive(ctx, library.BookArchiveQuery{Book: "book", At: library.Moment{Revision: revision}})
				if err == nil {
					if want := int(revision) - 1; a.Documents != want && a.Documents != want-1 {
						t.Errorf("at revision %d there are %d files, want %d", revision, a.Documents, want)
					}
					err = a.WriteRange(ctx, io.Discard, 0, a.Size())
					a.Close()
				}
				if err != nil && ctx.Err() == nil && sheaf.KindOf(err) != sheaf.ErrRateLimited {
					t.Errorf("downloading: %v", err)
				}
				cancel()
			}
		})
	}
	s.deleteAt("", "gone.md")
	must(t, "purging", sheaf.ModePurged)(s.PurgeDocument(t.Context(), gone.ID))
	downloading.Wait()
	if a := s.bookArchive(atRevision(latest)); a.Documents != 20 {
		t.Errorf("the archive has %d files after one of 21 was purged", a.Documents)
	}
	// All memory is there again.
	for range 20 {
		s.archive(library.ArchiveSelection{}).Close()
	}
}

// putMany writes files of the book, from a number on, at once.
func (s *store) putMany(from, count int) {
	s.t.Helper()
	batch, err := s.BeginBatch()
	if err != nil {
		s.t.Fatal(err)
	}
	defer batch.Close()
	in := library.NewDocuments{Collection: "book", Atomic: true}
	for i := from; i < from+count; i++ {
		upload, refused, err := batch.Receive(s.t.Context(), strings.NewReader(fmt.Sprintf("lesson %d\n", i)))
		if err != nil {
			s.t.Fatal(err)
		}
		path := fmt.Sprintf("content/%02d-Part/%03d-Chapter/%05d-lesson.md", i/10_000, i/100, i)
		in.Files = append(in.Files, library.NewFile{NewDocument: library.NewDocument{Filename: "lesson.md", Path: path, Content: upload}, Refused: refused})
	}
	if _, err := s.CreateDocuments(s.t.Context(), in); err != nil {
		s.t.Fatal(err)
	}
}

// A layout of tens of thousands of files is quick to make, and at hand for the
// pieces of a download that follow.
func BenchmarkBookLayout(b *testing.B) {
	s := open(b)
	const files = 50_000
	s.mustPut("first.md", "x")
	for i := 0; i < files; i += 1000 {
		s.putMany(i, 1000)
	}
	latest := s.bookArchive().Revision
	b.Run("now", func(b *testing.B) {
		for b.Loop() {
			s.mustPut("first.md", fmt.Sprint(time.Now().UnixNano()))
			s.bookArchive().Close()
		}
	})
	b.Run("then", func(b *testing.B) {
		for i := 0; b.Loop(); i++ { // a layer of its own for each, which nobody has asked for yet
			s.bookArchive(atRevision(latest), through(fmt.Sprint(i))).Close()
		}
	})
	b.Run("again", func(b *testing.B) {
		for b.Loop() {
			s.bookArchive().Close()
		}
	})
}
