package booktree

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
)

const (
	// Descriptor is the name of what is said of a book, beside its files.
	Descriptor = "book.yaml"
	// Registry is the name of what is said of all books of a tree.
	Registry = "registry.yaml"
	// BooksDir is the directory of a tree that has a directory for each book.
	BooksDir = "books"
)

// A Book is a book that was found in a tree.
type Book struct {
	ID    sheaf.Slug
	Entry *bundle.BookEntry // what is said of it; nil: nothing
	Files []File            // by path; refused ones too
}

// Books returns the books of a tree, by id, and the files that belong to none.
//
// With an id everything is that book. Without, a tree is one book if it says of
// itself, in book.yaml, which one; that file is no part of it. Otherwise it is
// laid out as books/<id>/…, with or without a registry.yaml beside books and a
// book.yaml in each.
//
// Of paths of a book that some system takes for the same, all are refused.
func (t *Tree) Books(ctx context.Context, id string) (books []Book, others []File, err error) {
	if id != "" {
		slug, err := sheaf.ParseSlug("book_id", id)
		if err != nil {
			return nil, nil, err
		}
		book, err := newBook(ctx, slug, t.Files)
		return []Book{book}, nil, err
	}
	entry, _, err := describedBy(ctx, t.Files)
	if err != nil {
		return nil, nil, err
	}
	if entry != nil {
		slug, err := sheaf.ParseSlug("book_id", entry.ID)
		if err != nil {
			return nil, nil, err
		}
		book, err := newBook(ctx, slug, t.Files)
		return []Book{book}, nil, err
	}
	below := &Tree{}
	var registry *File
	for _, f := range t.Files {
		if rest, ok := within(BooksDir, f.Path); ok {
			f.Path = rest
			below.Files = append(below.Files, f)
			continue
		}
		if f.Path == Registry && f.Refused == "" {
			registry = &f
			continue
		}
		others = append(others, f)
	}
	if len(below.Files) == 0 && registry == nil {
		return nil, nil, sheaf.Invalid("book_id", "nothing says which book this is").
			WithHint("name it with --book, or lay the books out as books/<id>/")
	}
	entries, err := readEntries(ctx, registry)
	if err != nil {
		return nil, nil, err
	}
	books, more, err := below.byDirectory(ctx, entries)
	return books, append(others, more...), err
}

// BooksByDirectory returns the books of a tree that has a directory for each at
// its top, and the files that belong to none.
func (t *Tree) BooksByDirectory(ctx context.Context) (books []Book, others []File, err error) {
	return t.byDirectory(ctx, nil)
}

// byDirectory returns the books of a tree of one directory each, and those that
// have only an entry.
func (t *Tree) byDirectory(ctx context.Context, entries []bundle.BookEntry) (books []Book, others []File, err error) {
	files := make(map[string][]File)
	for _, f := range t.Files {
		directory, rest, ok := first(f.Path)
		if !ok {
			others = append(others, f)
			continue
		}
		f.Path = rest
		files[directory] = append(files[directory], f)
	}
	said := make(map[string]*bundle.BookEntry)
	for i := range entries {
		said[entries[i].ID] = &entries[i]
		if _, ok := files[entries[i].ID]; !ok {
			files[entries[i].ID] = nil
		}
	}
	var errs []error
	for directory, its := range files {
		slug, err := sheaf.ParseSlug("book_id", directory)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		book, err := newBook(ctx, slug, its)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", slug, err))
			continue
		}
		if book.Entry == nil {
			book.Entry = said[directory]
		}
		books = append(books, book)
	}
	slices.SortFunc(books, func(a, b Book) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return books, others, errors.Join(errs...)
}

func newBook(ctx context.Context, id sheaf.Slug, files []File) (Book, error) {
	book := Book{ID: id}
	var descriptor string
	var err error
	if book.Entry, descriptor, err = describedBy(ctx, files); err != nil {
		return book, err
	}
	if book.Entry != nil && book.Entry.ID != string(id) {
		return book, sheaf.Invalid("book_id", fmt.Sprintf("its %s is that of the book %s", Descriptor, sheaf.Clip(book.Entry.ID))).
			WithHint("name the book as its book.yaml does, or leave that out")
	}
	limits := sheaf.DefaultLimits()
	for _, f := range files {
		if book.Entry != nil && f.Path == descriptor {
			continue
		}
		f.check(limits)
		book.Files = append(book.Files, f)
	}
	slices.SortFunc(book.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	refuseCollisions(book.Files)
	return book, nil
}

// descriptorAt returns where the n-th place is for what is said of a book. The
// first that the book has nothing at itself is taken, as archives do it.
func descriptorAt(n int) string {
	switch n {
	case 0:
		return Descriptor
	case 1:
		return ".sheaf/" + Descriptor
	}
	return ".sheaf/" + strconv.Itoa(n) + "/" + Descriptor
}

// FreeDescriptor returns where what is said of a book can be beside its files.
func FreeDescriptor(files []sheaf.ManifestFile) string {
	for n := 0; ; n++ {
		place := descriptorAt(n)
		key := bundle.PathKey(place)
		taken := slices.ContainsFunc(files, func(f sheaf.ManifestFile) bool {
			other := bundle.PathKey(f.Path)
			return other == key || strings.HasPrefix(other, key+"/") || strings.HasPrefix(key, other+"/")
		})
		if !taken {
			return place
		}
	}
}

// describedBy reads what is said of a book beside its files, and where; nil when
// that is nothing. A book may have files of these names itself: the last place
// that describes a book is the one.
func describedBy(ctx context.Context, files []File) (entry *bundle.BookEntry, place string, err error) {
	byPath := make(map[string]*File)
	for i := range files {
		if base(files[i].Path) == Descriptor && files[i].Refused == "" {
			byPath[files[i].Path] = &files[i]
		}
	}
	for n := len(byPath) + 1; n >= 0; n-- {
		f, ok := byPath[descriptorAt(n)]
		if !ok {
			continue
		}
		entries, err := readEntries(ctx, f)
		switch {
		case err == nil && len(entries) == 1:
			return &entries[0], f.Path, nil
		case err != nil && sheaf.KindOf(err) != sheaf.ErrInvalid && sheaf.KindOf(err) != sheaf.ErrTooLarge:
			return nil, "", err
		}
	}
	return nil, "", nil
}

func readEntries(ctx context.Context, f *File) ([]bundle.BookEntry, error) {
	if f == nil {
		return nil, nil
	}
	body, err := f.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return bundle.ReadRegistry(body)
}

// refuseCollisions refuses the files, in the order of their paths, that cannot be
// beside each other in a book.
func refuseCollisions(files []File) {
	byKey := make(map[string]int, len(files))
	collide := func(i, j int) {
		files[i].Refused = sameAs(files[i], files[j])
		if files[j].Refused == "" {
			files[j].Refused = sameAs(files[j], files[i])
		}
	}
	for i := range files {
		if files[i].Refused != "" {
			continue
		}
		key := bundle.PathKey(files[i].Path)
		if j, taken := byKey[key]; taken {
			collide(i, j)
			continue
		}
		byKey[key] = i
	}
	for i := range files {
		if files[i].Refused != "" {
			continue
		}
		key := bundle.PathKey(files[i].Path)
		for at := strings.LastIndexByte(key, '/'); at > 0; at = strings.LastIndexByte(key[:at], '/') {
			if j, taken := byKey[key[:at]]; taken {
				files[i].Refused = sheaf.Clip(files[j].Path) + " is a file, not a directory"
			}
		}
	}
}

// sameAs says why a file cannot be beside another one.
func sameAs(f, other File) string {
	if f.Path == other.Path { // as a ZIP file may have it
		return "it is there more than once"
	}
	return "some systems take it for the same as " + sheaf.Clip(other.Path)
}
