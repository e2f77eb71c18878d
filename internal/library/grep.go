package library

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/grep"
	"github.com/sheaf-dev/sheaf/internal/markup"
)

const (
	// DefaultMatches is how many lines a grep answers with when nobody says.
	DefaultMatches = 100

	// maxGrepAnswer is how many bytes of lines a grep answers with at most.
	maxGrepAnswer = 1 << 20

	// maxBarren is how many contents a grep remembers that nothing was found in,
	// so that it need not look at them again at another path.
	maxBarren = 1 << 14

	// maxGrepLine is how many bytes of a line are shown.
	maxGrepLine = 500

	// looksBinary is how many bytes of a content are looked at to tell whether it
	// is text.
	looksBinary = 8<<10 + 1
)

// searchedTexts are buffers for the contents that are searched.
var searchedTexts = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// A GrepQuery says what is looked for in the texts of books.
type GrepQuery struct {
	BooksSearched
	Pattern      string // a regular expression in the syntax of RE2, matched against one line at a time
	IgnoreCase   bool
	PathGlob     string // of the files searched, as in a GlobQuery; empty: all
	MaxResults   int    // lines; 0: DefaultMatches, above Limits.Matches it is Limits.Matches
	ContextLines int    // shown before and behind each

	// Progress, unless nil, is told now and then how many files were looked at.
	Progress func(files int)
}

// Grep finds the lines of the texts of a book, or of all books, that match a
// regular expression. It reads files in the order of their books and paths until
// it has enough lines, has read all, or its time is over, and then answers with
// the first lines of all that match. It skips what is no text, or too large.
func (s *Session) Grep(ctx context.Context, q GrepQuery) (sheaf.GrepResult, error) {
	s.begin("book.grep").in(q.Book)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return sheaf.GrepResult{}, err
	}
	g, books, err := s.library.newGrep(q)
	if err != nil {
		return sheaf.GrepResult{}, err
	}
	g.timeOver, err = inTime(ctx, s.library.searchTime, func(ctx context.Context) error {
		files := s.library.filesOfBooks(ctx, books, q.BooksSearched, g.paths)
		return scanInOrder(ctx, s.library.scans.ahead, files, g.begin, g.take)
	})
	if err != nil {
		return sheaf.GrepResult{}, err
	}
	s.library.used()
	g.result.Truncated = g.full || g.timeOver
	g.result.Hint = g.hint()
	return g.result, nil
}

// A grepping is a grep that is going on.
type grepping struct {
	library *Library
	query   GrepQuery
	pattern *grep.Pattern
	paths   pathPattern
	wanted  grep.Wanted
	barren  *lru.Cache[sheaf.Digest, skipping] // contents that nothing was found in

	// Of the goroutine that takes what was found.
	result   sheaf.GrepResult
	bytes    int
	skipped  map[skipping]int
	full     bool // there are more lines than are wanted
	timeOver bool
}

// newGrep checks a query and returns what answers it, and the books to search.
func (l *Library) newGrep(q GrepQuery) (*grepping, []*catalog.Collection, error) {
	g := &grepping{
		library: l, query: q, skipped: make(map[skipping]int), result: sheaf.GrepResult{Matches: []sheaf.GrepMatch{}},
	}
	var patternErr, pathErr, resultsErr, contextErr error
	switch {
	case q.Pattern == "":
		patternErr = sheaf.Invalid("pattern", "there is no pattern").WithHint("to find files by their paths, use glob_search (`sheaf glob`, GET /glob)")
	case len(q.Pattern) > l.limits.Pattern:
		patternErr = sheaf.Invalid("pattern", fmt.Sprintf("the pattern has %d bytes, the limit is %d", len(q.Pattern), l.limits.Pattern))
	default:
		g.pattern, patternErr = grep.Compile(q.Pattern, q.IgnoreCase)
	}
	if q.PathGlob == "" {
		q.PathGlob = "**"
	}
	g.paths, pathErr = parseGlob("path_glob", q.PathGlob)
	if q.MaxResults == 0 {
		q.MaxResults = DefaultMatches
	}
	if q.MaxResults < 0 {
		resultsErr = sheaf.Invalid("max_results", "max_results is at least 1")
	}
	if q.ContextLines < 0 || q.ContextLines > l.limits.ContextLines {
		contextErr = sheaf.Invalid("context_lines", fmt.Sprintf("context_lines is 0 to %d", l.limits.ContextLines))
	}
	books, err := l.booksSearched(q.BooksSearched, patternErr, pathErr, resultsErr, contextErr)
	if err != nil {
		return nil, nil, err
	}
	g.wanted = grep.Wanted{
		Lines: min(q.MaxResults, l.limits.Matches), Context: q.ContextLines, LineBytes: maxGrepLine, Bytes: maxGrepAnswer,
	}
	g.barren, err = lru.New[sheaf.Digest, skipping](maxBarren)
	return g, books, err
}

// A skipping says why a file was not searched.
type skipping string

const (
	searched   skipping = "" // it was
	notText    skipping = "binary"
	tooLarge   skipping = "too large"
	unreadable skipping = "damaged or purged"
)

// A grepped file is one that was looked at.
type grepped struct {
	foundFile
	found   grep.Found
	skipped skipping
}

// begin returns what searches a file, once there is room for that.
func (g *grepping) begin(ctx context.Context, f foundFile) (look func() (grepped, error), err error) {
	looked := grepped{foundFile: f}
	if why, known := g.foresee(f); known {
		looked.skipped = why
		return func() (grepped, error) { return looked, nil }, nil
	}
	var ref blob.Ref
	err = g.library.catalog.Read(ctx, func(v *catalog.View) (err error) {
		ref, _, err = v.BookRef(f.book, f.Digest)
		return err
	})
	if err != nil {
		return nil, err
	}
	leave, err := g.library.enterScan(ctx, ref)
	if err != nil {
		return nil, err
	}
	return func() (grepped, error) {
		defer leave()
		return g.look(ctx, looked, ref)
	}, nil
}

// foresee returns why a file need not be read, if it is known.
func (g *grepping) foresee(f foundFile) (why skipping, known bool) {
	switch {
	case f.Purged:
		return unreadable, true
	case isMedia(f.MIME):
		return notText, true
	case f.Size > g.library.limits.Searched:
		return tooLarge, true
	}
	return g.barren.Get(f.Digest)
}

// look searches a file.
func (g *grepping) look(ctx context.Context, f grepped, ref blob.Ref) (grepped, error) {
	err := g.search(ctx, &f, ref)
	switch sheaf.KindOf(err) {
	case "":
	case sheaf.ErrNotFound, sheaf.ErrGone, sheaf.ErrDamaged: // others can be read
		f.skipped = unreadable
		return f, nil
	default:
		return f, err
	}
	if f.found.Total == 0 {
		g.barren.Add(f.Digest, f.skipped)
	}
	return f, nil
}

// isMedia reports whether contents of a MIME type are never text.
func isMedia(mime string) bool {
	kind, _, _ := strings.Cut(mime, "/")
	switch kind {
	case "image", "audio", "video", "font":
		return !isText(mime)
	}
	return mime == "application/zip" || mime == "application/gzip" || mime == "application/pdf"
}

// search reads the content of a file and searches it.
func (g *grepping) search(ctx context.Context, f *grepped, ref blob.Ref) error {
	head := catalog.Head{Document: sheaf.Document{ID: f.Document, Version: f.Version, Digest: f.Digest, Size: f.Size}}
	content, err := g.library.open(ctx, head, ref)
	if err != nil {
		return err
	}
	defer content.Close()
	reader, err := content.Reader()
	if err != nil {
		return err
	}
	buffer := searchedTexts.Get().(*bytes.Buffer)
	defer searchedTexts.Put(buffer)
	buffer.Reset()
	buffer.Grow(int(f.Size) + bytes.MinRead)
	if _, err := io.Copy(buffer, reader); err != nil {
		return err
	}
	if text := buffer.Bytes(); markup.IsBinary(string(text[:min(len(text), looksBinary)])) {
		f.skipped = notText
		return nil
	}
	f.found, err = g.pattern.Search(ctx, buffer.Bytes(), g.wanted)
	return err
}

// take adds what was found in the next file. It wants no more once the answer is
// full.
func (g *grepping) take(f grepped) (more bool) {
	if f.skipped != searched {
		g.skipped[f.skipped]++
		g.result.FilesSkipped++
	} else {
		g.result.FilesSearched++
		g.result.TotalMatches += f.found.Total
	}
	if g.query.Progress != nil {
		g.query.Progress(g.result.FilesSearched + g.result.FilesSkipped)
	}
	taken := 0
	for _, line := range f.found.Lines {
		if len(g.result.Matches) == g.wanted.Lines || g.bytes >= g.wanted.Bytes {
			break
		}
		taken++
		g.bytes += line.Size()
		g.result.Matches = append(g.result.Matches, sheaf.GrepMatch{
			Book: f.book.Name, Path: f.Path, Line: line.Number, Content: line.Text, Before: line.Before, After: line.After,
		})
	}
	g.full = taken < f.found.Total
	return !g.full
}

// hint says how to go on with the answer, or what to try instead.
func (g *grepping) hint() string {
	var hints []string
	add := func(format string, args ...any) { hints = append(hints, fmt.Sprintf(format, args...)) }
	switch everything := g.pattern.MatchesEverything(); {
	case everything:
		add("the pattern matches every line, even an empty one: ask for at least one character that has to be there, such as x+ in place of x*; glob_search (`sheaf glob`, GET /glob) finds files by their paths")
	case g.full && g.bytes >= g.wanted.Bytes:
		add("the answer is full and there are more matches: ask for fewer context_lines, or narrow the pattern or path_glob")
	case g.full:
		add("there are more matches, and total_matches counts those of the files searched so far: narrow the pattern or path_glob, or raise max_results (at most %d)", g.library.limits.Matches)
	case g.timeOver && g.query.AllBooks:
		add("there was no time to search all files: name a book, or narrow path_glob")
	case g.timeOver:
		add("there was no time to search all files: narrow path_glob, or look for a longer text")
	case g.result.FilesSearched+g.result.FilesSkipped == 0 && g.query.PathGlob != "":
		add("no path matches path_glob: with a slash it is for the whole path in its book, without for a name at any depth")
	}
	if n := g.skipped[tooLarge]; n > 0 {
		add("not searched, because larger than %d bytes: %d", g.library.limits.Searched, n)
	}
	if n := g.skipped[unreadable]; n > 0 {
		add("not searched, because damaged or purged: %d", n)
	}
	return strings.Join(hints, "; ")
}
