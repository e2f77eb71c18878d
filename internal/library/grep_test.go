package library_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/memblob"
	"github.com/sheaf-dev/sheaf/internal/library"
)

func intoBook(book string) func(*library.FileWrite) {
	return func(in *library.FileWrite) { in.Book = book }
}

func inBook(book string) library.BooksSearched { return library.BooksSearched{Book: book} }

// grepped returns what a grep finds as grep prints it.
func grepped(found sheaf.GrepResult) (lines []string) {
	for _, m := range found.Matches {
		lines = append(lines, fmt.Sprintf("%s/%s:%d:%s", m.Book, m.Path, m.Line, m.Content))
	}
	return lines
}

// A seenBook is what is seen of books through a layer: contents by "book/path".
type seenBook map[string]string

// grep and glob say what has to be found, in the simplest way.
func (b seenBook) grep(expression, pathGlob, in string) (lines []string) {
	pattern := regexp.MustCompile(expression)
	for _, place := range b.glob(pathGlob, in) {
		for i, line := range strings.Split(strings.TrimSuffix(b[place], "\n"), "\n") {
			if b[place] != "" && pattern.MatchString(line) {
				lines = append(lines, fmt.Sprintf("%s:%d:%s", place, i+1, line))
			}
		}
	}
	return lines
}

func (b seenBook) glob(pattern, in string) (places []string) {
	for place := range b {
		book, file, _ := strings.Cut(place, "/")
		if !strings.Contains(pattern, "/") {
			file = path.Base(file)
		}
		if (in == "" || book == in) && doublestar.MatchUnvalidated(pattern, file) {
			places = append(places, place)
		}
	}
	slices.SortFunc(places, func(a, b string) int {
		return slices.Compare(strings.SplitN(a, "/", 2), strings.SplitN(b, "/", 2))
	})
	return places
}

// Whatever happens to the files of books, a search finds what looking at each of
// them would find: now and at any time, through layers or not, in one book or
// all, however few lines and files are asked for at once.
func TestSearchesAgreeWithModel(t *testing.T) {
	t.Parallel()
	paths := []string{"a.md", "b.txt", "dir/a.md", "dir/deep/c.md", "dir-2/b.md", "dirty.md"}
	contents := []string{"", "one\n", "one\ntwo", "two\nthree\none two\n", "Two\n\nfour\n"}
	rapid.Check(t, func(r *rapid.T) {
		clock := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		s := open(t, func(set *setup) { set.clock = func() time.Time { return clock } })
		layers := []string{"", "user:ada"}
		seen := map[string]seenBook{"": {}, "user:ada": {}} // what each layer itself has
		type moment struct {
			at   time.Time
			seen map[string]seenBook
		}
		var past []moment
		for range rapid.IntRange(1, 15).Draw(r, "changes") {
			book := rapid.SampledFrom([]string{"book", "other"}).Draw(r, "book")
			file := rapid.SampledFrom(paths).Draw(r, "path")
			place := library.Place{Book: book, Path: file, Layer: rapid.SampledFrom(layers).Draw(r, "layer")}
			own, key := seen[place.Layer], book+"/"+file
			if _, there := own[key]; there && rapid.Bool().Draw(r, "delete") {
				if _, err := s.DeleteAtPath(t.Context(), place, nil, ""); err != nil {
					r.Fatal(err)
				}
				delete(own, key)
			} else {
				content := rapid.SampledFrom(contents).Draw(r, "content")
				if _, err := s.put(file, content, func(in *library.FileWrite) { in.Place = place }); err != nil {
					r.Fatal(err)
				}
				// What is the same as the base has is no copy.
				if base, there := seen[""][key]; place.Layer == "" || !there || base != content || own[key] != "" {
					own[key] = content
				}
			}
			past = append(past, moment{clock, map[string]seenBook{"": maps.Clone(seen[""]), "user:ada": maps.Clone(seen["user:ada"])}})
			clock = clock.Add(time.Minute)
			if rapid.IntRange(0, 4).Draw(r, "drain") == 0 {
				s.drain()
			}
		}
		for range 8 {
			in := library.BooksSearched{Layer: rapid.SampledFrom(layers).Draw(r, "through")}
			then := past[len(past)-1]
			if rapid.Bool().Draw(r, "past") {
				then = rapid.SampledFrom(past).Draw(r, "then")
				in.At.Time = then.at.Add(time.Second)
			}
			view := maps.Clone(then.seen[""])
			maps.Copy(view, then.seen[in.Layer])
			if in.AllBooks = rapid.Bool().Draw(r, "all"); !in.AllBooks {
				in.Book = string(rapid.SampledFrom(s.bookIDs()).Draw(r, "in"))
			}
			pattern := rapid.SampledFrom([]string{"one", "o", "^two$", "[Tt]wo", "three|four", "^$", "zzz"}).Draw(r, "pattern")
			glob := rapid.SampledFrom([]string{"**", "*.md", "dir/**", "dir*/*.md", "dir/**/c.md", "dir/a.md", "{a,b}.*", "*/*"}).Draw(r, "glob")
			most := rapid.IntRange(1, 6).Draw(r, "most")

			want := view.grep(pattern, glob, in.Book)
			found, err := s.Grep(t.Context(), library.GrepQuery{BooksSearched: in, Pattern: pattern, PathGlob: glob, MaxResults: most})
			if err != nil {
				r.Fatal(err)
			}
			if got := grepped(found); !slices.Equal(got, want[:min(most, len(want))]) || found.Truncated != (len(want) > most) {
				r.Fatalf("%d lines with %q in %q of %+v: %q, truncated %t, want the first of %q", most, pattern, glob, in, got, found.Truncated, want)
			}
			if !found.Truncated && (found.TotalMatches != len(want) || found.FilesSearched != len(view.glob(glob, in.Book))) {
				r.Fatalf("%q in %q of %+v: %d lines in %d files", pattern, glob, in, found.TotalMatches, found.FilesSearched)
			}

			want = view.glob(glob, in.Book)
			var got []string
			q := library.GlobQuery{BooksSearched: in, Pattern: glob, Limit: most}
			for {
				page, err := s.Glob(t.Context(), q)
				if err != nil || page.Total != len(want) || page.Truncated != (page.Cursor != "") || page.Files == nil {
					r.Fatalf("%q in %+v: %+v, %v, want %d", glob, in, page, err, len(want))
				}
				for _, f := range page.Files {
					got = append(got, string(f.Book)+"/"+f.Path)
				}
				if q.Cursor = page.Cursor; q.Cursor == "" {
					break
				}
			}
			if !slices.Equal(got, want) {
				r.Fatalf("%q in %+v: %q, want %q", glob, in, got, want)
			}
		}
	})
}

func (s *store) bookIDs() (ids []sheaf.Slug) {
	s.t.Helper()
	page, err := s.Books(s.t.Context(), library.BookQuery{Limit: 10})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, book := range page.Books {
		ids = append(ids, book.ID)
	}
	return ids
}

// The Markdown of the Go distribution, searched with grep(1) and by us.
func TestGrepAgreesWithGrep(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("grep"); err != nil {
		t.Fatalf("this test compares with grep: %v", err)
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	s, root := open(t), t.TempDir()
	copyTexts(t, filepath.Join(strings.TrimSpace(string(goroot)), "src"), root, func(name string) bool {
		return strings.HasSuffix(name, ".md") || strings.HasPrefix(name, "README")
	})
	files := 0
	err = filepath.WalkDir(root, func(file string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		s.mustPut(filepath.ToSlash(relative), string(text), intoBook("golang"))
		files++
		return nil
	})
	if err != nil || files < 20 {
		t.Fatalf("%d texts in the Go distribution, %v", files, err)
	}
	s.drain()
	for _, expression := range []string{"the", "func", "^#+ ", "(Go|go) 1\\.[0-9]+", "https?://[a-z.]+", "[A-Z]{6,}", "compiler$", "package|import", "^$", "no such text"} {
		for _, ignoreCase := range []bool{false, true} {
			flags := []string{"-rnIE"}
			if ignoreCase {
				flags[0] += "i"
			}
			cmd := exec.Command("grep", append(flags, "-e", expression, ".")...)
			cmd.Dir, cmd.Env = root, append(os.Environ(), "LC_ALL=C.UTF-8")
			out, _ := cmd.Output() // it fails when nothing is found
			var want []string
			for line := range strings.Lines(string(out)) {
				file, rest, _ := strings.Cut(strings.TrimPrefix(line, "./"), ":")
				number, _, _ := strings.Cut(rest, ":")
				want = append(want, file+":"+number)
			}
			found, err := s.Grep(t.Context(), library.GrepQuery{
				BooksSearched: inBook("golang"), Pattern: expression, IgnoreCase: ignoreCase, MaxResults: s.setup.limits.Matches,
			})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range found.Matches {
				got = append(got, fmt.Sprintf("%s:%d", m.Path, m.Line))
			}
			if found.Truncated {
				if len(want) <= len(got) {
					t.Errorf("%q: truncated at %d of %d lines", expression, len(got), len(want))
				}
				continue
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) || found.FilesSearched != files {
				t.Errorf("%q finds %d lines in %d files, grep %d in %d", expression, len(got), found.FilesSearched, len(want), files)
			}
		}
	}
}

// copyTexts copies the files of a tree whose names are wanted.
func copyTexts(t *testing.T, from, to string, wanted func(name string) bool) {
	t.Helper()
	err := filepath.WalkDir(from, func(file string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !wanted(entry.Name()) {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, file)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What cannot be searched is counted, and said.
func TestGrepSkips(t *testing.T) {
	s := open(t, func(set *setup) { set.limits.Searched = 100 })
	s.mustPut("a.bin", "match\x00")
	s.mustPut("b.png", "match")
	s.mustPut("c.txt", strings.Repeat("match\n", 20))
	s.mustPut("d.unknown", "match \xff\r\n")
	s.mustPut("e.txt", "match damaged")
	s.mustPut("f.txt", "match \xff\r\n") // as at another path
	s.drain()
	s.flip(sheaf.DigestOf([]byte("match damaged")))
	found, err := s.Grep(t.Context(), library.GrepQuery{BooksSearched: inBook("book"), Pattern: "match"})
	want := []string{"book/d.unknown:1:match \ufffd", "book/f.txt:1:match \ufffd"}
	if err != nil || !slices.Equal(grepped(found), want) || found.FilesSearched != 2 || found.FilesSkipped != 4 || found.Truncated ||
		found.Hint != "not searched, because larger than 100 bytes: 1; not searched, because damaged or purged: 1" {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestGrepHints(t *testing.T) {
	s := open(t)
	s.mustPut("a.md", strings.Repeat("line\n", 200))
	s.mustPut("long.md", strings.Repeat(strings.Repeat("x", 10_000)+"\n", 300))
	for _, test := range []struct {
		q         library.GrepQuery
		lines     int
		truncated bool
		hint      string
	}{
		{library.GrepQuery{Pattern: "line"}, library.DefaultMatches, true, "raise max_results"},
		{library.GrepQuery{Pattern: "line", MaxResults: 200}, 200, false, ""},
		{library.GrepQuery{Pattern: "z*", PathGlob: "a.md"}, library.DefaultMatches, true, "matches every line"},
		{library.GrepQuery{Pattern: "x", MaxResults: 1 << 30, ContextLines: 20}, 56, true, "fewer context_lines"},
		{library.GrepQuery{Pattern: "line", PathGlob: "b.md"}, 0, false, "no path matches path_glob"},
		{library.GrepQuery{Pattern: "nowhere"}, 0, false, ""},
	} {
		test.q.Book = "book"
		found, err := s.Grep(t.Context(), test.q)
		if err != nil || len(found.Matches) != test.lines || found.Truncated != test.truncated || !strings.Contains(found.Hint, test.hint) || (test.hint == "") != (found.Hint == "") || found.Matches == nil {
			t.Errorf("%q in %q: %d lines, truncated %t, hint %q, %v", test.q.Pattern, test.q.PathGlob, len(found.Matches), found.Truncated, found.Hint, err)
		}
	}
}

// All that is wrong with a search is said at once, and what to do.
func TestWrongSearches(t *testing.T) {
	s := open(t)
	change := s.mustPut("a.md", "x")
	at := library.Moment{Revision: change.Revision}
	for _, test := range []struct {
		q      library.GrepQuery
		fields []string
	}{
		{library.GrepQuery{Pattern: "x"}, []string{"book_id"}},
		{library.GrepQuery{Pattern: "x", BooksSearched: library.BooksSearched{Book: "book", AllBooks: true}}, []string{"all_books"}},
		{library.GrepQuery{Pattern: "x", BooksSearched: library.BooksSearched{AllBooks: true, At: at}}, []string{"at"}},
		{library.GrepQuery{Pattern: "x", BooksSearched: library.BooksSearched{Book: "book", At: library.Moment{Revision: 1000}}}, []string{"at"}},
		{library.GrepQuery{Pattern: "(", PathGlob: "[", MaxResults: -1, ContextLines: 21, BooksSearched: library.BooksSearched{Book: "B", Layer: "x"}},
			[]string{"book_id", "user_id", "pattern", "path_glob", "max_results", "context_lines"}},
		{library.GrepQuery{Pattern: strings.Repeat("x", 1001), BooksSearched: inBook("book")}, []string{"pattern"}},
		{library.GrepQuery{BooksSearched: inBook("book")}, []string{"pattern"}},
		{library.GrepQuery{Pattern: "x", PathGlob: strings.Repeat("{a,b}", 7), BooksSearched: inBook("book")}, []string{"path_glob"}},
	} {
		_, err := s.Grep(t.Context(), test.q)
		var wrong *sheaf.Error
		if !errors.As(err, &wrong) || wrong.Kind != sheaf.ErrInvalid {
			t.Errorf("%+v: %v, want invalid", test.q, err)
			continue
		}
		var fields []string
		for _, f := range wrong.Fields {
			fields = append(fields, f.Field)
		}
		if !slices.Equal(fields, test.fields) {
			t.Errorf("%+v: wrong are %q, want %q", test.q, fields, test.fields)
		}
	}
	var missing *sheaf.Error
	if _, err := s.Glob(t.Context(), library.GlobQuery{BooksSearched: inBook("boook"), Pattern: "*", Limit: 1}); !errors.As(err, &missing) ||
		missing.Kind != sheaf.ErrNotFound || !strings.Contains(missing.Hint, "did you mean book") {
		t.Errorf("in a book that is not there: %v", err)
	}
}

// A slowBackend takes its time to open what it has, until its reader goes away.
type slowBackend struct {
	blob.Backend
	opened chan struct{} // told once
	once   *sync.Once
}

func (b slowBackend) Open(ctx context.Context, _ blob.Key, _, _ int64) (io.ReadCloser, error) {
	b.once.Do(func() { close(b.opened) })
	<-ctx.Done()
	return nil, ctx.Err()
}

// A search whose time is over answers with what it has; one that nobody waits for
// any more ends.
func TestSearchesEnd(t *testing.T) {
	backend := slowBackend{memblob.New(), make(chan struct{}), new(sync.Once)}
	s := open(t, func(set *setup) { set.backend, set.search.Deadline = backend, 3*time.Second })
	s.mustPut("b.md", "match in the backend")
	s.drain()
	s.mustPut("a.md", "match at once") // still in the catalog
	q := library.GrepQuery{BooksSearched: inBook("book"), Pattern: "match"}
	found, err := s.Grep(t.Context(), q)
	if err != nil || !found.Truncated || !slices.Equal(grepped(found), []string{"book/a.md:1:match at once"}) || !strings.Contains(found.Hint, "no time") {
		t.Errorf("found %+v, %v, want what there was time for", found, err)
	}

	s = s.reopen(func(set *setup) {
		backend.opened, backend.once = make(chan struct{}), new(sync.Once)
		set.backend, set.search.Deadline = backend, time.Hour
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { <-backend.opened; cancel() }()
	if found, err := s.Grep(ctx, q); !errors.Is(err, context.Canceled) {
		t.Errorf("a search that nobody waits for: %+v, %v", found, err)
	}
}

// What a search shows is of one revision of a book, whatever is written, moved
// and deleted while it looks.
func TestSearchesWhileOthersWrite(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.runBackground()
	const files = 1500 // more than are listed at once
	for i := range files {
		s.mustPut(fmt.Sprintf("from/%04d.md", i), "match\n")
	}
	stop := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for round := 0; ; round++ {
			select {
			case <-stop:
				return
			default:
			}
			for _, way := range [][2]string{{"from/0007.md", "to/0007.md"}, {"to/0007.md", "from/0007.md"}} {
				if _, err := s.MovePath(context.Background(), library.PathMove{Book: "book", From: way[0], To: way[1]}); err != nil {
					t.Error(err)
				}
			}
			s.mustPut("from/1400.md", fmt.Sprintf("match in round %d\n", round))
		}
	})
	var searching sync.WaitGroup
	for range 3 {
		searching.Go(func() {
			for range 3 {
				found, err := s.Grep(t.Context(), library.GrepQuery{BooksSearched: inBook("book"), Pattern: "^match", MaxResults: 10})
				if err != nil || len(found.Matches) != 10 {
					t.Errorf("while others write: %+v, %v", found, err)
				}
				found, err = s.Grep(t.Context(), library.GrepQuery{BooksSearched: inBook("book"), Pattern: "nothing"})
				if err != nil || found.FilesSearched != files {
					t.Errorf("while others write, %d files were searched, want each once: %d; %v", found.FilesSearched, files, err)
				}
				page, err := s.Glob(t.Context(), library.GlobQuery{BooksSearched: inBook("book"), Pattern: "0*.md", Limit: 1})
				if err != nil || page.Total != 1000 {
					t.Errorf("while others write: %d paths, want 1000; %v", page.Total, err)
				}
			}
		})
	}
	searching.Wait()
	close(stop)
	writing.Wait()
}
