package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sheaf-dev/sheaf"
)

// MaxRegistry is how many bytes a registry has at most that is read.
const MaxRegistry = 16 << 20

// A BookEntry is what is said of a book in registry.yaml, and in its book.yaml.
// What is counted of a book is in neither: it would be out of date at once.
type BookEntry struct {
	ID           string   `yaml:"book_id"`
	Title        string   `yaml:"title,omitempty"`
	Description  string   `yaml:"description,omitempty"`
	Author       string   `yaml:"author,omitempty"`
	Version      string   `yaml:"version,omitempty"`
	Layout       string   `yaml:"layout,omitempty"`
	Patterns     []string `yaml:"patterns,omitempty"`
	PublicAssets bool     `yaml:"public_assets,omitempty"`
	WritePolicy  string   `yaml:"write_policy,omitempty"`
	Status       string   `yaml:"status,omitempty"`

	// Nil says nothing of them, as entries do that were written before there were
	// any: a book has none then, or keeps what it has.
	Limits    *LimitsEntry    `yaml:"limits,omitempty"`
	Retention *RetentionEntry `yaml:"retention,omitempty"`

	Backend   string    `yaml:"storage_backend,omitempty"` // of the store that wrote it; reading it decides nothing
	CreatedAt time.Time `yaml:"created_at,omitempty"`      // likewise
}

// A LimitsEntry is [sheaf.CollectionLimits] as it is written.
type LimitsEntry struct {
	Documents int64 `yaml:"max_documents,omitempty"`
	Bytes     int64 `yaml:"max_bytes,omitempty"`
	Content   int64 `yaml:"max_content_bytes,omitempty"`
}

// A RetentionEntry is [sheaf.Retention] as it is written.
type RetentionEntry struct {
	TrashDays       int `yaml:"trash_days,omitempty"`
	HistoryDays     int `yaml:"history_days,omitempty"`
	HistoryVersions int `yaml:"history_versions,omitempty"`
}

// EntryOf returns the entry of a book.
func EntryOf(b sheaf.Book) BookEntry {
	entry := BookEntry{
		ID: string(b.ID), Title: b.Title, Description: b.Description, Author: b.Author, Version: b.Version,
		Layout: string(b.Layout), Patterns: b.Patterns, PublicAssets: b.PublicAssets, WritePolicy: string(b.Policy),
		Status: string(b.Status), Backend: b.Backend, CreatedAt: b.CreatedAt,
	}
	if b.Limits != (sheaf.CollectionLimits{}) {
		limits := LimitsEntry(b.Limits)
		entry.Limits = &limits
	}
	if b.Retention != (sheaf.Retention{}) {
		retention := RetentionEntry(b.Retention)
		entry.Retention = &retention
	}
	return entry
}

type registryFile struct {
	Books []BookEntry `yaml:"books"`
}

// RegistryYAML returns the registry of books, in their order.
func RegistryYAML(books []sheaf.Book) ([]byte, error) {
	file := registryFile{Books: make([]BookEntry, len(books))}
	for i, b := range books {
		file.Books[i] = EntryOf(b)
	}
	return encodeYAML(file)
}

// BookYAML returns what book.yaml says of a book.
func BookYAML(b sheaf.Book) ([]byte, error) { return encodeYAML(EntryOf(b)) }

func encodeYAML(v any) ([]byte, error) {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	err := errors.Join(encoder.Encode(v), encoder.Close())
	return text.Bytes(), err
}

// ReadRegistry reads a registry.yaml, or a book.yaml, which has one book. Keys it
// does not know are errors, and so is a book that is there twice; whether values
// are valid is for whoever uses them.
func ReadRegistry(from io.Reader) ([]BookEntry, error) {
	text, err := io.ReadAll(io.LimitReader(from, MaxRegistry+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > MaxRegistry:
		return nil, sheaf.Errorf(sheaf.ErrTooLarge, "the registry has more than %d bytes", MaxRegistry)
	}
	var shape struct {
		Books yaml.Node `yaml:"books"`
	}
	if err := yaml.Unmarshal(text, &shape); err != nil {
		return nil, registryError(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var entries []BookEntry
	if shape.Books.IsZero() {
		var entry BookEntry
		err = decoder.Decode(&entry)
		entries = []BookEntry{entry}
	} else {
		var file registryFile
		err = decoder.Decode(&file)
		entries = file.Books
	}
	if err != nil && err != io.EOF {
		return nil, registryError(err)
	}
	seen := make(map[string]bool)
	for i, entry := range entries {
		switch {
		case entry.ID == "":
			return nil, sheaf.Invalid("book_id", fmt.Sprintf("book %d of the registry has no book_id", i+1))
		case seen[entry.ID]:
			return nil, sheaf.Invalid("book_id", fmt.Sprintf("the registry has the book %s twice", sheaf.Clip(entry.ID)))
		}
		seen[entry.ID] = true
	}
	return entries, nil
}

func registryError(err error) error {
	return sheaf.Errorf(sheaf.ErrInvalid, "the registry cannot be read: %w", err).
		WithHint("it is YAML with a list books, each with a book_id; registry.yaml in a data directory shows the form")
}
