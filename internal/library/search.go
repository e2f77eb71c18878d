package library

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

const (
	maxSearchText  = 1000 // characters
	maxSearchWords = 32

	// searchPage is how many documents are listed at a time.
	searchPage = 200

	// maxExcerptLine is how many bytes of the line that was found are shown.
	maxExcerptLine = 300
)

// A SearchQuery says what is searched for.
type SearchQuery struct {
	Text       string        // words; all of them have to be there, in any case
	Collection string        // empty: every collection of kind documents
	Limit      int           // hits; at least 1, above Limits.Page it is Limits.Page
	Time       time.Duration // after which it ends with what was found; 0: SearchOptions.Deadline

	// Progress, unless nil, is told now and then how many documents have been
	// looked at.
	Progress func(scanned int)
}

// A SearchHit is a document in which the words are.
type SearchHit struct {
	Document sheaf.Document
	Line     int    // of the content, from 1, that has most of them; 0 if none has one
	Excerpt  string // that line, shortened

	score int
}

// SearchResults are the best hits first, of those as good the newest first.
type SearchResults struct {
	Hits      []SearchHit // never nil
	Found     int         // documents in which the words are, also beyond Limit
	Scanned   int         // documents that were looked at
	Truncated bool        // there may be more: time ran out
}

// Search finds documents by words in their names, tags, descriptions and
// contents. It reads every document until it has seen all or its time is over;
// what is no text counts by its name, tags and description.
func (s *Session) Search(ctx context.Context, q SearchQuery) (SearchResults, error) {
	s.begin("document.search").in(q.Collection)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return SearchResults{}, err
	}
	search, err := s.library.newSearch(q)
	if err != nil {
		return SearchResults{}, err
	}
	search.results.Truncated, err = inTime(ctx, search.time, search.run)
	if err != nil {
		return SearchResults{}, err
	}
	s.library.used()
	search.keepBest()
	return search.results, nil
}

// A search is one that is going on.
type search struct {
	library  *Library
	words    []string // in lower case, each once
	filter   catalog.DocumentFilter
	limit    int
	time     time.Duration
	progress func(int)
	results  SearchResults
}

func (l *Library) newSearch(q SearchQuery) (*search, error) {
	filter, limit, _, err := l.checkQuery(DocumentQuery{Collection: q.Collection, Limit: q.Limit})
	words := strings.Fields(strings.ToLower(q.Text))
	slices.Sort(words)
	words = slices.Compact(words)
	var textErr error
	switch n := utf8.RuneCountInString(q.Text); {
	case len(words) == 0:
		textErr = sheaf.Invalid("query", "there is no word to search for")
	case n > maxSearchText:
		textErr = sheaf.Invalid("query", fmt.Sprintf("the query has %d characters, the limit is %d", n, maxSearchText))
	case len(words) > maxSearchWords:
		textErr = sheaf.Invalid("query", fmt.Sprintf("the query has %d words, the limit is %d", len(words), maxSearchWords))
	}
	if err := sheaf.InvalidFields(textErr, err); err != nil {
		return nil, err
	}
	s := &search{
		library: l, words: words, filter: filter, limit: limit, time: q.Time, progress: q.Progress,
		results: SearchResults{Hits: []SearchHit{}},
	}
	if s.time <= 0 {
		s.time = l.searchTime
	}
	if s.progress == nil {
		s.progress = func(int) {}
	}
	return s, nil
}

func (s *search) run(ctx context.Context) error {
	return scanInOrder(ctx, s.library.scans.ahead, s.documents(ctx), s.begin, func(look looked) bool {
		s.results.Scanned++
		s.progress(s.results.Scanned)
		if look.found {
			s.results.Found++
			s.results.Hits = append(s.results.Hits, look.hit)
			if len(s.results.Hits) > 2*s.limit+searchPage {
				s.keepBest()
			}
		}
		return true
	})
}

// documents yields what is to be looked at, the newest first. An error is the
// last thing it yields.
func (s *search) documents(ctx context.Context) iter.Seq2[sheaf.Document, error] {
	return func(yield func(sheaf.Document, error) bool) {
		for from := (*catalog.Position)(nil); ; {
			var heads []catalog.Head
			err := s.library.catalog.Snapshot(ctx, func(v *catalog.View) (err error) {
				heads, from, err = v.ListDocuments(ctx, s.filter, from, searchPage)
				return err
			})
			if err != nil {
				yield(sheaf.Document{}, err)
				return
			}
			for _, head := range heads {
				if !yield(head.Document, nil) {
					return
				}
			}
			if from == nil {
				return
			}
		}
	}
}

// What a word counts for, by where it is.
const (
	nameScore        = 8
	tagScore         = 4
	descriptionScore = 2
	contentScore     = 1
)

// A looked document is one that was looked at.
type looked struct {
	hit   SearchHit
	found bool // whether all words are in it
}

// begin returns what looks at a document, once there is room for that.
func (s *search) begin(ctx context.Context, document sheaf.Document) (look func() (looked, error), err error) {
	head, ref, err := s.library.findContent(ctx, document.ID, 0)
	switch sheaf.KindOf(err) {
	case "":
	case sheaf.ErrNotFound, sheaf.ErrGone: // it is deleted by now
		head.Version = 0
	default:
		return nil, err
	}
	leave, err := s.library.enterScan(ctx, ref)
	if err != nil {
		return nil, err
	}
	return func() (looked, error) {
		defer leave()
		return s.look(ctx, document, head, ref)
	}, nil
}

// look looks at a document, whose head may have no content.
func (s *search) look(ctx context.Context, document sheaf.Document, head catalog.Head, ref blob.Ref) (looked, error) {
	hit := SearchHit{Document: document}
	missing := make(map[string]bool, len(s.words)) // outside the content
	name, description := strings.ToLower(document.Name), strings.ToLower(document.Description)
	tags := strings.ToLower(strings.Join(document.Tags, "\n"))
	for _, word := range s.words {
		score := 0
		for text, counts := range map[string]int{name: nameScore, tags: tagScore, description: descriptionScore} {
			if strings.Contains(text, word) {
				score = max(score, counts)
			}
		}
		hit.score += score
		if score == 0 {
			missing[word] = true
		}
	}
	inContent, err := s.lookInside(ctx, &hit, head, ref)
	switch sheaf.KindOf(err) {
	case "":
	case sheaf.ErrNotFound, sheaf.ErrGone, sheaf.ErrDamaged: // others can be read
	default:
		return looked{}, err
	}
	for word := range missing {
		if !inContent[word] {
			return looked{}, nil
		}
	}
	hit.score += contentScore * len(inContent)
	return looked{hit, true}, nil
}

// keepBest drops what would not be answered.
func (s *search) keepBest() {
	slices.SortStableFunc(s.results.Hits, func(a, b SearchHit) int { return b.score - a.score })
	if hits := s.results.Hits; len(hits) > s.limit {
		clear(hits[s.limit:])
		s.results.Hits = hits[:s.limit]
	}
}

// lookInside returns which words are in the content of a hit, and notes the line
// that has most of them.
func (s *search) lookInside(ctx context.Context, hit *SearchHit, head catalog.Head, ref blob.Ref) (found map[string]bool, err error) {
	if head.Version == 0 {
		return nil, nil
	}
	content, err := s.library.open(ctx, head, ref)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	reader, err := content.Reader()
	if err != nil {
		return nil, err
	}
	found = make(map[string]bool)
	lines := bufio.NewReaderSize(reader, 64<<10)
	best, inLine := 0, make(map[string]bool)
	var before []byte // the end of a line's first part, in which a word may begin
	for line := 1; ctx.Err() == nil; {
		part, err := lines.ReadSlice('\n')
		if bytes.IndexByte(part, 0) >= 0 {
			return nil, nil // no text
		}
		text := strings.ToLower(string(before) + string(part))
		for _, word := range s.words {
			if strings.Contains(text, word) {
				found[word], inLine[word] = true, true
			}
		}
		if len(inLine) > best {
			best, hit.Line, hit.Excerpt = len(inLine), line, excerptLine(part)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			before = append(before[:0], part[len(part)-min(len(part), 4*maxSearchText):]...)
			continue
		case errors.Is(err, io.EOF):
			return found, nil
		case err != nil:
			return nil, err
		}
		before = before[:0]
		clear(inLine)
		line++
	}
	return nil, ctx.Err()
}

// excerptLine returns what is shown of a line.
func excerptLine(line []byte) string {
	line = bytes.TrimSpace(line)
	shown := strings.ToValidUTF8(string(line[:min(len(line), maxExcerptLine)]), "\ufffd")
	if len(line) > maxExcerptLine {
		shown = strings.TrimSuffix(shown, "\ufffd") + "…"
	}
	return shown
}
