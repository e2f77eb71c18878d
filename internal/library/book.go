package library

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/markup"
)

// mostNear is how many names an error suggests for one that is not there.
const mostNear = 5

// NewBook is what [Session.CreateBook] makes a book of.
type NewBook struct {
	ID          string
	Title       string // the id if empty
	Description string
	sheaf.BookSettings
	Policy    sheaf.WritePolicy // upsert if empty
	Backend   string            // the default one if empty
	Limits    sheaf.CollectionLimits
	Retention sheaf.Retention
}

// CreateBook makes an empty book. It fails with [sheaf.ErrExists] when there is a
// collection of the name, whatever its kind.
func (s *Session) CreateBook(ctx context.Context, in NewBook) (sheaf.Book, error) {
	op := s.begin("book.create").in(in.ID)
	if err := s.allow(sheaf.ScopeCreate); err != nil {
		return sheaf.Book{}, err
	}
	id, idErr := parseBookID(in.ID)
	in.Title = cmp.Or(in.Title, string(id))
	in.Policy = cmp.Or(in.Policy, sheaf.PolicyUpsert)
	in.Layout = cmp.Or(in.Layout, sheaf.LayoutFree)
	var backendErr error
	in.Backend, backendErr = s.library.parseBackend(in.Backend)
	err := sheaf.InvalidFields(idErr, checkTitle(in.Title), s.library.limits.CheckDescription(in.Description),
		checkPolicy(in.Policy), checkBookSettings(in.BookSettings), backendErr, checkCollectionLimits(in.Limits), in.Retention.Check())
	if err != nil {
		return sheaf.Book{}, err
	}
	if err := s.createBook(ctx, op, id, in); err != nil {
		return sheaf.Book{}, err
	}
	return s.library.describeBook(context.WithoutCancel(ctx), string(id))
}

func (s *Session) createBook(ctx context.Context, op operation, id sheaf.Slug, in NewBook) error {
	collection := sheaf.Collection{
		Name: id, Kind: sheaf.KindBook, Title: in.Title, Description: in.Description,
		Backend: in.Backend, Status: sheaf.StatusActive, Policy: in.Policy,
		Limits: in.Limits, Retention: in.Retention,
	}
	err := s.library.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		if err := tx.CreateCollection(collection); err != nil {
			return err
		}
		if err := tx.SetBook(id, in.BookSettings); err != nil {
			return err
		}
		return appendBook(tx, op, collection, in.BookSettings)
	})
	if err == nil {
		s.library.registryChanged()
	}
	return err
}

// appendBook writes the log entry of a change to what is said of a book.
func appendBook(tx *catalog.Tx, op operation, c sheaf.Collection, settings sheaf.BookSettings) error {
	detail := collectionDetail(c)
	detail["book"] = settings
	_, err := tx.Append(string(c.Name), op.entry(withDetail(detail)))
	return err
}

// parseBookID checks the name of a book.
func parseBookID(id string) (sheaf.Slug, error) { return sheaf.ParseSlug("book_id", id) }

// checkBookSettings applies the rules about what a book has beyond a collection.
func checkBookSettings(b sheaf.BookSettings) error {
	var authorErr, versionErr, layoutErr error
	if len(b.Author) > maxTitle || strings.ContainsFunc(b.Author, isControl) {
		authorErr = sheaf.Invalid("author", fmt.Sprintf("an author is one line of at most %d bytes", maxTitle))
	}
	if len(b.Version) > maxTitle || strings.ContainsFunc(b.Version, isControl) {
		versionErr = sheaf.Invalid("version", fmt.Sprintf("a version is one line of at most %d bytes", maxTitle))
	}
	switch b.Layout {
	case sheaf.LayoutFree, sheaf.LayoutDocusaurus, sheaf.LayoutPatterns:
	default:
		layoutErr = sheaf.Invalid("layout", fmt.Sprintf("layout is %s, %s or %s", sheaf.LayoutFree, sheaf.LayoutDocusaurus, sheaf.LayoutPatterns))
	}
	return sheaf.InvalidFields(authorErr, versionErr, layoutErr, checkPatterns(b.Layout, b.Patterns))
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// BookChange changes a book. What is nil stays.
type BookChange struct {
	CollectionChange
	Author       *string
	Version      *string
	Layout       *sheaf.BookLayout
	Patterns     *[]string
	PublicAssets *bool
}

// ChangeBook changes what is said of a book and what may be done with it.
func (s *Session) ChangeBook(ctx context.Context, id string, in BookChange) (sheaf.Book, error) {
	op := s.begin("book.change").in(id)
	if err := s.allow(sheaf.ScopeCreate); err != nil {
		return sheaf.Book{}, err
	}
	if err := s.library.checkCollectionChange(in.CollectionChange); err != nil {
		return sheaf.Book{}, err
	}
	known, err := s.library.book(id)
	if err != nil {
		return sheaf.Book{}, err
	}
	err = s.library.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		book, found, err := tx.CollectionNow(known.Name)
		if err != nil {
			return err
		}
		if !found {
			return s.library.errNoBook(known.Name)
		}
		if book.Status == sheaf.StatusDeleting {
			return errDeleting(book.Name)
		}
		was, settings := book.Collection, book.Book
		in.CollectionChange.apply(&book.Collection)
		in.applySettings(&settings)
		if err := checkBookSettings(settings); err != nil {
			return err
		}
		if book.Collection == was && sameSettings(settings, book.Book) {
			return nil
		}
		if err := tx.UpdateCollection(&book); err != nil {
			return err
		}
		if err := tx.SetBook(book.Name, settings); err != nil {
			return err
		}
		return appendBook(tx, op, book.Collection, settings)
	})
	if err != nil {
		return sheaf.Book{}, err
	}
	s.library.registryChanged()
	return s.library.describeBook(context.WithoutCancel(ctx), id)
}

func (in BookChange) applySettings(to *sheaf.BookSettings) {
	if in.Author != nil {
		to.Author = *in.Author
	}
	if in.Version != nil {
		to.Version = *in.Version
	}
	if in.Layout != nil {
		to.Layout = *in.Layout
	}
	if in.Patterns != nil {
		to.Patterns = *in.Patterns
	}
	if in.PublicAssets != nil {
		to.PublicAssets = *in.PublicAssets
	}
}

func sameSettings(a, b sheaf.BookSettings) bool {
	patterns := slices.Equal(a.Patterns, b.Patterns)
	return patterns && a.Author == b.Author && a.Version == b.Version && a.Layout == b.Layout && a.PublicAssets == b.PublicAssets
}

// book returns the book of an id as a request gives it.
func (l *Library) book(id string) (*catalog.Collection, error) {
	name, err := parseBookID(id)
	if err != nil {
		return nil, err
	}
	book, ok := l.catalog.Collection(name)
	if !ok {
		return nil, l.errNoBook(name)
	}
	if book.Kind != sheaf.KindBook {
		return nil, errNotABook(name)
	}
	return book, nil
}

func errNotABook(name sheaf.Slug) error {
	return sheaf.Errorf(sheaf.ErrNotFound, "Book not found: %s", name).
		WithHint(fmt.Sprintf("%s is a collection of documents, which have ids and no paths", name))
}

func (l *Library) errNoBook(name sheaf.Slug) error {
	var names []string
	for _, book := range l.catalog.Collections(sheaf.KindBook) {
		names = append(names, string(book.Name))
	}
	slices.Sort(names)
	hint := "list the books, or create it"
	if near := markup.Nearest(string(name), names, mostNear); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "? " + hint
	}
	return sheaf.Errorf(sheaf.ErrNotFound, "Book not found: %s", name).WithHint(hint)
}

// bookToWrite returns the book that a write is for. One that is not there is
// made, if the store is set up so and the caller may; its title is its id.
func (s *Session) bookToWrite(ctx context.Context, id sheaf.Slug) (*catalog.Collection, error) {
	book, err := s.library.book(string(id))
	if err == nil {
		return book, checkWritable(book)
	}
	// Not found is old news where somebody else has made it meanwhile.
	if _, taken := s.library.catalog.Collection(id); !taken {
		if !s.library.autoCreateBooks || !s.principal.Scopes.Has(sheaf.ScopeCreate) {
			return nil, err
		}
		in := NewBook{Title: string(id), Policy: sheaf.PolicyUpsert, Backend: s.library.defaultBackend, BookSettings: sheaf.BookSettings{Layout: sheaf.LayoutFree}}
		// The call is about what it writes, so that its record stays as it is.
		op := operation{session: s, name: "book.create", started: time.Now()}
		err = s.createBook(ctx, op, id, in)
		if err != nil && sheaf.KindOf(err) != sheaf.ErrExists { // somebody else's first write
			return nil, err
		}
	}
	book, err = s.library.book(string(id))
	if err != nil {
		return nil, err
	}
	return book, checkWritable(book)
}

// Book describes a book, on request with its structure.
func (s *Session) Book(ctx context.Context, id string, structure bool) (sheaf.Book, error) {
	s.begin("book.read").in(id)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return sheaf.Book{}, err
	}
	known, err := s.library.book(id)
	if err != nil {
		return sheaf.Book{}, err
	}
	books, err := s.library.describeBooks(ctx, []*catalog.Collection{known}, structure)
	if err != nil {
		return sheaf.Book{}, err
	}
	return books[0], nil
}

// BookQuery selects a page of the registry.
type BookQuery struct {
	Structure bool
	Status    sheaf.CollectionStatus // only these; empty: all
	Limit     int
	Cursor    string // from the page before; empty: the first page
}

// A BookPage is a page of the registry.
type BookPage struct {
	Books []sheaf.Book // by id; never nil
	Total int          // on all pages
	Next  string       // the cursor of the next page; empty: there is none
}

// checkStatusFilter checks which books are asked for.
func checkStatusFilter(status sheaf.CollectionStatus) error {
	switch status {
	case "", sheaf.StatusActive, sheaf.StatusArchived, sheaf.StatusMigrating, sheaf.StatusDeleting:
		return nil
	}
	return sheaf.Invalid("status", fmt.Sprintf("status is %s, %s, %s or %s",
		sheaf.StatusActive, sheaf.StatusArchived, sheaf.StatusMigrating, sheaf.StatusDeleting))
}

// Books lists the registry of books.
func (s *Session) Books(ctx context.Context, q BookQuery) (BookPage, error) {
	s.begin("book.list")
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return BookPage{}, err
	}
	limit, limitErr := s.library.pageSize(q.Limit)
	conditions := strings.TrimSpace("books " + string(q.Status))
	after, cursorErr := decodePlace(q.Cursor, conditions, 1)
	if err := sheaf.InvalidFields(limitErr, checkStatusFilter(q.Status), cursorErr); err != nil {
		return BookPage{}, err
	}
	all := s.library.catalog.Collections(sheaf.KindBook)
	if q.Status != "" {
		all = slices.DeleteFunc(all, func(c *catalog.Collection) bool { return c.Status != q.Status })
	}
	slices.SortFunc(all, func(a, b *catalog.Collection) int { return strings.Compare(string(a.Name), string(b.Name)) })
	page := BookPage{Total: len(all)}
	begin, _ := slices.BinarySearchFunc(all, after[0], func(c *catalog.Collection, after string) int {
		if string(c.Name) <= after {
			return -1
		}
		return 1
	})
	all = all[begin:]
	if len(all) > limit {
		all = all[:limit]
		page.Next = encodePlace(conditions, string(all[limit-1].Name))
	}
	var err error
	page.Books, err = s.library.describeBooks(ctx, all, q.Structure)
	return page, err
}

func (l *Library) describeBook(ctx context.Context, id string) (sheaf.Book, error) {
	book, err := l.book(id)
	if err != nil {
		return sheaf.Book{}, err
	}
	books, err := l.describeBooks(ctx, []*catalog.Collection{book}, false)
	if err != nil {
		return sheaf.Book{}, err
	}
	return books[0], nil
}

// describeBooks says what there is to say of books, at one moment of them all.
func (l *Library) describeBooks(ctx context.Context, all []*catalog.Collection, structure bool) ([]sheaf.Book, error) {
	books := make([]sheaf.Book, 0, len(all))
	err := l.catalog.Snapshot(ctx, func(v *catalog.View) error {
		for _, c := range all {
			revision, err := v.LatestRev(string(c.Name))
			if err != nil {
				return err
			}
			counts, err := v.BookCounts(c)
			if err != nil {
				return err
			}
			book := bookOf(c)
			book.BookCounts, book.Revision = counts, revision
			if structure {
				if book.Structure, err = readStructure(v, c); err != nil {
					return err
				}
			}
			books = append(books, book)
		}
		return nil
	})
	if err == nil {
		l.used()
	}
	return books, err
}
