package library

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

const (
	maxPatterns = 100 // of a book's layout

	// maxViolations is how many violations a validation finds before it stops.
	maxViolations = 100_000
)

// checkPatterns checks the patterns of a layout.
func checkPatterns(layout sheaf.BookLayout, patterns []string) error {
	if layout != sheaf.LayoutPatterns {
		if len(patterns) > 0 {
			return sheaf.Invalid("patterns", fmt.Sprintf("patterns are of the layout %s only", sheaf.LayoutPatterns))
		}
		return nil
	}
	if len(patterns) == 0 || len(patterns) > maxPatterns {
		return sheaf.Invalid("patterns", fmt.Sprintf("the layout %s has 1 to %d patterns", sheaf.LayoutPatterns, maxPatterns))
	}
	for _, pattern := range patterns {
		if _, err := parsePathPattern("patterns", pattern); err != nil {
			return err
		}
	}
	return nil
}

// ValidationQuery selects a page of what is wrong with a book.
type ValidationQuery struct {
	Book   string
	Limit  int
	Cursor string // from the page before; empty: the first page
}

// A Validation says which paths of a book are not as its layout wants them.
type Validation struct {
	Layout     sheaf.BookLayout
	Valid      bool
	Files      int                     // that were looked at
	Total      int                     // violations, on all pages
	Violations []sheaf.LayoutViolation // by path and rule; never nil
	Next       string                  // the cursor of the next page; empty: there is none
}

// ValidateBook compares the paths of a book with its layout. A layout is a
// promise to readers and tools that is checked when asked for: no write is
// refused for it, because a book on its way from one layout to another could not
// be written otherwise.
func (s *Session) ValidateBook(ctx context.Context, q ValidationQuery) (Validation, error) {
	s.begin("book.validate").in(q.Book)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return Validation{}, err
	}
	limit, limitErr := s.library.pageSize(q.Limit)
	conditions := fmt.Sprintf("validation of %q", q.Book)
	after, cursorErr := decodePlace(q.Cursor, conditions, 2)
	if err := sheaf.InvalidFields(limitErr, cursorErr); err != nil {
		return Validation{}, err
	}
	book, err := s.library.book(q.Book)
	if err != nil {
		return Validation{}, err
	}
	checker, err := newLayoutChecker(book.Book)
	if err != nil {
		return Validation{}, err
	}
	for f, err := range s.library.filesOfBook(ctx, book, catalog.FileFilter{}, Moment{}) {
		if err != nil {
			return Validation{}, err
		}
		checker.file(f.Path)
	}
	s.library.used()
	found := checker.violations
	byPlace := func(a, b sheaf.LayoutViolation) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Rule, b.Rule))
	}
	slices.SortStableFunc(found, byPlace)
	v := Validation{Layout: cmp.Or(book.Book.Layout, sheaf.LayoutFree), Valid: len(found) == 0, Files: checker.files, Total: len(found)}
	from := 0
	if q.Cursor != "" {
		last := sheaf.LayoutViolation{Path: after[0], Rule: after[1]}
		from = len(found)
		if i := slices.IndexFunc(found, func(f sheaf.LayoutViolation) bool { return byPlace(f, last) > 0 }); i >= 0 {
			from = i
		}
	}
	found = found[from:]
	if len(found) > limit {
		found = found[:limit]
		v.Next = encodePlace(conditions, found[limit-1].Path, found[limit-1].Rule)
	}
	v.Violations = append([]sheaf.LayoutViolation{}, found...)
	return v, nil
}

// A layoutChecker compares the paths of a book, in their order, with its layout.
type layoutChecker struct {
	settings   sheaf.BookSettings
	patterns   []pathPattern
	files      int
	names      map[string]string // directories by their keys
	numbers    map[string]string // numbered names, by their directory and number
	violations []sheaf.LayoutViolation
}

func newLayoutChecker(settings sheaf.BookSettings) (*layoutChecker, error) {
	c := &layoutChecker{settings: settings, names: make(map[string]string), numbers: make(map[string]string)}
	for _, text := range settings.Patterns {
		pattern, err := parsePathPattern("patterns", text)
		if err != nil {
			return nil, err
		}
		c.patterns = append(c.patterns, pattern)
	}
	return c, nil
}

func (c *layoutChecker) violate(p, rule, format string, args ...any) {
	if len(c.violations) < maxViolations {
		c.violations = append(c.violations, sheaf.LayoutViolation{Path: p, Rule: rule, Message: fmt.Sprintf(format, args...)})
	}
}

func (c *layoutChecker) file(p string) {
	c.files++
	c.checkPortable(p)
	switch c.settings.Layout {
	case sheaf.LayoutDocusaurus:
		c.checkDocusaurus(p)
	case sheaf.LayoutPatterns:
		if !slices.ContainsFunc(c.patterns, func(pattern pathPattern) bool { return pattern.matches(p) }) {
			c.violate(p, "pattern", "it matches none of the patterns %s", strings.Join(c.settings.Patterns, ", "))
		}
	}
}

// checkPortable checks what matters on some systems, whatever the layout.
func (c *layoutChecker) checkPortable(p string) {
	if strings.ContainsAny(p, `<>:"|?*`) {
		c.violate(p, "portable", `it has one of the characters < > : " | ? *, which Windows does not allow`)
	}
	for segment := range strings.SplitSeq(p, "/") {
		if strings.HasSuffix(segment, ".") {
			c.violate(p, "portable", "%q ends with a dot, which Windows drops", segment)
			break
		}
	}
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		key := bundle.PathKey(dir)
		if other, known := c.names[key]; !known {
			c.names[key] = dir
		} else if other != dir {
			c.violate(p, "directory_case", "some systems take its directory %s for the same as %s", dir, other)
			break
		}
	}
}

var numberedName = regexp.MustCompile(`^([0-9]{2,})-[^/]+$`)

// unnumbered are files of a directory of content that are not lessons.
var unnumbered = []string{".summary.md", "index.md", "index.mdx", "README.md", "_category_.json", "_category_.yml"}

func (c *layoutChecker) checkDocusaurus(p string) {
	segments := strings.Split(p, "/")
	top, last := segments[0], segments[len(segments)-1]
	switch {
	case len(segments) == 1, top == "static": // configuration, and what Docusaurus serves as it is
		return
	case top == "assets":
		if len(segments) < 3 || !isAssetType(sheaf.AssetType(segments[1])) {
			c.violate(p, "asset_type", "assets are in assets/TYPE, of the types %s", joinAssetTypes())
		}
		return
	case top != contentDir:
		c.violate(p, "place", "at the top there are the directories %s, assets and static only", contentDir)
		return
	}
	for i, name := range segments[1 : len(segments)-1] {
		if !numberedName.MatchString(name) {
			c.violate(p, "directory_name", "the directory %q is not called like 01-Name", name)
			continue
		}
		c.checkNumber(p, strings.Join(segments[:i+1], "/"), name)
	}
	switch {
	case slices.Contains(unnumbered, last):
	case !strings.HasSuffix(last, ".md") && !strings.HasSuffix(last, ".mdx"):
		c.violate(p, "content_type", "only Markdown is below %s; other files are assets", contentDir)
	case !numberedName.MatchString(last):
		c.violate(p, "lesson_name", "a lesson is called like 01-name.md, its summary like 01-name.summary.md")
	case len(segments) != 4:
		c.violate(p, "lesson_depth", "a lesson is at %s/01-Part/01-Chapter/01-name.md", contentDir)
	case !isSummary(last):
		c.checkNumber(p, path.Dir(p), last)
	}
}

// checkNumber checks that a name of a directory does not share its number with
// another.
func (c *layoutChecker) checkNumber(p, dir, name string) {
	place := dir + "/" + numberedName.FindStringSubmatch(name)[1]
	if other, known := c.numbers[place]; !known {
		c.numbers[place] = name
	} else if other != name {
		c.violate(p, "number_twice", "%s has the number of %s", name, other)
	}
}
