package mcp

import (
	"context"
	"fmt"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
	"github.com/sheaf-dev/sheaf/internal/markup"
)

// bookTools are the tools for books: documents at paths.
func bookTools(limits sheaf.Limits) []tool {
	return []tool{
		newTool(definition{
			name: "list_books", title: "List the books", toolset: ToolsetBooks, scope: sheaf.ScopeRead, readOnly: true, idempotent: true,
			description: "Lists the books there are, with their status and counts.",
		}, []field{
			boolean("include_structure", "With parts, chapters and lessons"),
			choice("status", "", string(sheaf.StatusActive), string(sheaf.StatusArchived), string(sheaf.StatusMigrating)),
			number("limit", "", 1, limits.Page),
			cursorField(),
		}, listBooks),
		newTool(definition{
			name: "create_book", title: "Create a book", toolset: ToolsetBooks, scope: sheaf.ScopeCreate,
			description: "Creates an empty book. Writing to a book that is not there creates it too.",
		}, []field{
			bookField(),
			text("title", "").between(0, 255),
			text("author", "").between(0, 255),
			text("version", "").between(0, 255),
			text("description", "").between(0, limits.Description),
			choice("layout", "docusaurus: content/01-Part/01-Chapter/01-lesson.md",
				string(sheaf.LayoutFree), string(sheaf.LayoutDocusaurus), string(sheaf.LayoutPatterns)),
			list("patterns", "Of the layout patterns: globs, one of which each path has to match", text("pattern", "")),
			boolean("public_assets", "Assets are for anyone who knows their URL"),
			choice("write_policy", "", string(sheaf.PolicyUpsert), string(sheaf.PolicyRequireHash)),
			object("limits", "", number("max_documents", "", 0, 0), number("max_bytes", "", 0, 0), number("max_content_bytes", "", 0, 0)),
			object("retention", "", number("trash_days", "", 0, 0), number("history_days", "", 0, 0), number("history_versions", "", 0, 0)),
			text("storage_backend", "").between(0, 255),
		}, createBook),
		newTool(definition{
			name: "read_content", title: "Read a file of a book", toolset: ToolsetBooks, scope: sheaf.ScopeRead, readOnly: true, idempotent: true,
			description: "Reads a text of a book, or the lines from offset on; of a directory (/ is the whole book) all texts that fit. file_hash_sha256 in the answer is the file_hash of a later write; metadata is the front matter.",
		}, []field{
			bookField(), readPathField(limits), userField(), atField(),
			number("offset", "First line, counted from 1", 1, 0),
			number("limit", fmt.Sprintf("How many lines; %d unless given", defaultLines), 1, 0),
			identifier("cursor", "Of a directory: from the answer before"),
		}, readBookContent),
		newTool(definition{
			name: "write_content", title: "Write a file of a book", toolset: ToolsetBooks, scope: sheaf.ScopeWrite, destructive: true, idempotent: true,
			description: "Creates or replaces a text of a book. Send file_hash when you replace what you have read; prefer edit_content for small changes.",
		}, []field{
			bookField(), pathField(limits),
			text("content", "The whole text").must().between(1, maxContent),
			fileHashField(), userField(), onConflictField(), messageField(limits),
		}, writeBookContent),
		newTool(definition{
			name: "edit_content", title: "Edit a file of a book", toolset: ToolsetBooks, scope: sheaf.ScopeWrite, destructive: true,
			description: "Changes a text of a book in place: exact strings, lines, or what stands under a Markdown heading; all edits or none.",
		}, []field{
			bookField(), pathField(limits), editsField().must(),
			fileHashField(), userField(), onConflictField(),
			boolean("dry_run", "Only say what would change"),
			messageField(limits),
		}, editBookContent),
		newTool(definition{
			name: "move_content", title: "Move within a book", toolset: ToolsetBooks, scope: sheaf.ScopeWrite, destructive: true,
			description: "Renames or moves a file of a book, or a whole directory, with its history. A lesson takes its summary along.",
		}, []field{
			bookField(), pathField(limits),
			identifier("new_path", "").must().between(1, limits.Path),
			fileHashField(), messageField(limits),
		}, moveBookContent),
		newTool(definition{
			name: "delete_content", title: "Delete a file of a book", toolset: ToolsetBooks, scope: sheaf.ScopeWrite, destructive: true, idempotent: true,
			description: "Moves a file of a book to the trash; with user_id only that user's copy. Deleting what is not there succeeds.",
		}, []field{
			bookField(), pathField(limits), fileHashField(), userField(),
		}, deleteBookContent),
		newTool(definition{
			name: "validate_book", title: "Check the layout of a book", toolset: ToolsetBooks, scope: sheaf.ScopeRead, readOnly: true, idempotent: true,
			description: "Lists the paths of a book that are not as its layout wants them, and why.",
		}, []field{
			bookField(),
			number("limit", "", 1, limits.Page),
			cursorField(),
		}, validateBook),
	}
}

func bookField() field {
	return identifier("book_id", "Such as field-notes").must().between(3, 50).obeying(func(id string) error {
		_, err := sheaf.ParseSlug("book_id", id)
		return err
	})
}

func pathField(limits sheaf.Limits) field {
	return identifier("path", "Relative to the book").must().between(1, limits.Path).obeying(limits.CheckPath)
}

// readPathField is a path that may also be of a directory, / being the whole book.
func readPathField(limits sheaf.Limits) field {
	return pathField(limits).obeying(func(path string) error {
		if path = strings.TrimSuffix(path, "/"); path == "" {
			return nil
		}
		return limits.CheckPath(path)
	})
}

func userField() field {
	return identifier("user_id", "Whose own copy is meant, laid over the book").between(1, 128)
}

func cursorField() field {
	return identifier("cursor", "From the answer before")
}

type listBooksInput struct {
	IncludeStructure bool                   `json:"include_structure"`
	Status           sheaf.CollectionStatus `json:"status"`
	Limit            int                    `json:"limit"`
	Cursor           string                 `json:"cursor"`
}

type listBooksAnswer struct {
	Books      []sheaf.Book `json:"books"`
	TotalCount int          `json:"total_count"`
	Cursor     string       `json:"cursor,omitempty"`
}

func listBooks(ctx context.Context, session *library.Session, in listBooksInput) (listBooksAnswer, error) {
	if in.Limit == 0 {
		in.Limit = library.DefaultPage
	}
	page, err := session.Books(ctx, library.BookQuery{Structure: in.IncludeStructure, Status: in.Status, Limit: in.Limit, Cursor: in.Cursor})
	return listBooksAnswer{page.Books, page.Total, page.Next}, err
}

type createBookInput struct {
	BookID      string `json:"book_id"`
	Title       string `json:"title"`
	Description string `json:"description"`
	sheaf.BookSettings
	Policy    sheaf.WritePolicy      `json:"write_policy"`
	Limits    sheaf.CollectionLimits `json:"limits"`
	Retention sheaf.Retention        `json:"retention"`
	Backend   string                 `json:"storage_backend"`
}

func createBook(ctx context.Context, session *library.Session, in createBookInput) (sheaf.Book, error) {
	return session.CreateBook(ctx, library.NewBook{
		ID: in.BookID, Title: in.Title, Description: in.Description, BookSettings: in.BookSettings,
		Policy: in.Policy, Limits: in.Limits, Retention: in.Retention,
		Backend: in.Backend,
	})
}

// A placeInput is where in a book a tool works.
type placeInput struct {
	BookID string `json:"book_id"`
	Path   string `json:"path"`
	UserID string `json:"user_id"`
}

func (in placeInput) place() library.Place {
	return library.Place{Book: in.BookID, Path: in.Path, Layer: library.UserLayer(in.UserID)}
}

type writeBookContentInput struct {
	placeInput
	Content    string        `json:"content"`
	FileHash   *sheaf.Digest `json:"file_hash"`
	OnConflict string        `json:"on_conflict"`
	Message    string        `json:"message"`
}

// fileChangeAnswer is the answer of what changes a file of a book.
type fileChangeAnswer struct {
	Mode             sheaf.ChangeMode `json:"mode"`
	Path             string           `json:"path"`
	FileSize         int64            `json:"file_size"`
	FileHash         sheaf.Digest     `json:"file_hash_sha256"`
	Version          int              `json:"version"`
	PreviousVersion  int              `json:"previous_version"`
	Layer            string           `json:"layer,omitempty"`
	DocumentID       sheaf.DocumentID `json:"document_id"`
	Revision         int64            `json:"revision"`
	PreviousRevision int64            `json:"previous_revision"`
	AuditEntryID     int64            `json:"audit_entry_id,omitempty"`
	DryRun           bool             `json:"dry_run,omitempty"`
	Diff             string           `json:"diff,omitempty"`
}

func fileChange(c sheaf.Change) fileChangeAnswer {
	return fileChangeAnswer{
		Mode: c.Mode, Path: c.Path, FileSize: c.Size, FileHash: c.Digest, Version: c.Version, PreviousVersion: c.PreviousVersion,
		Layer: c.Layer, DocumentID: c.ID, Revision: c.Revision, PreviousRevision: c.PreviousRevision, AuditEntryID: c.AuditEntryID,
	}
}

func writeBookContent(ctx context.Context, session *library.Session, in writeBookContentInput) (fileChangeAnswer, error) {
	content, err := session.Receive(ctx, strings.NewReader(in.Content))
	if err != nil {
		return fileChangeAnswer{}, err
	}
	defer content.Close()
	change, err := session.PutContent(ctx, library.FileWrite{
		Place: in.place(), Content: content, FileHash: in.FileHash, Merge: in.OnConflict == "merge", Message: in.Message,
	})
	return fileChange(change), err
}

type editBookContentInput struct {
	placeInput
	Edits      []sheaf.Edit  `json:"edits"`
	FileHash   *sheaf.Digest `json:"file_hash"`
	OnConflict string        `json:"on_conflict"`
	DryRun     bool          `json:"dry_run"`
	Message    string        `json:"message"`
}

func editBookContent(ctx context.Context, session *library.Session, in editBookContentInput) (fileChangeAnswer, error) {
	edited, err := session.EditAtPath(ctx, in.place(), library.ContentEdit{
		Edits: in.Edits, FileHash: in.FileHash, Merge: in.OnConflict == "merge", DryRun: in.DryRun, Message: in.Message,
	})
	if err != nil {
		return fileChangeAnswer{}, err
	}
	answer := fileChange(edited.Change)
	answer.DryRun = in.DryRun
	var diff strings.Builder
	if err := markup.WriteUnified(&diff, edited.Diff, "before", "after"); err != nil {
		return fileChangeAnswer{}, err
	}
	answer.Diff = diff.String()
	return answer, nil
}

type moveBookContentInput struct {
	placeInput
	NewPath  string        `json:"new_path"`
	FileHash *sheaf.Digest `json:"file_hash"`
	Message  string        `json:"message"`
}

func moveBookContent(ctx context.Context, session *library.Session, in moveBookContentInput) (library.Moved, error) {
	return session.MovePath(ctx, library.PathMove{
		Book: in.BookID, From: in.Path, To: in.NewPath, FileHash: in.FileHash, Message: in.Message,
	})
}

type deleteBookContentInput struct {
	placeInput
	FileHash *sheaf.Digest `json:"file_hash"`
}

type deleteBookContentAnswer struct {
	Existed      bool   `json:"existed"`
	Path         string `json:"path"`
	Version      int    `json:"version,omitempty"`
	Revision     int64  `json:"revision,omitempty"`
	AuditEntryID int64  `json:"audit_entry_id,omitempty"`
}

func deleteBookContent(ctx context.Context, session *library.Session, in deleteBookContentInput) (deleteBookContentAnswer, error) {
	deleted, err := session.DeleteAtPath(ctx, in.place(), in.FileHash, "")
	return deleteBookContentAnswer{
		Existed: deleted.Existed, Path: in.Path, Version: deleted.Version, Revision: deleted.Revision, AuditEntryID: deleted.AuditEntryID,
	}, err
}

type validateBookInput struct {
	BookID string `json:"book_id"`
	Limit  int    `json:"limit"`
	Cursor string `json:"cursor"`
}

type validateBookAnswer struct {
	Layout          sheaf.BookLayout        `json:"layout"`
	Valid           bool                    `json:"valid"`
	FilesChecked    int                     `json:"files_checked"`
	TotalViolations int                     `json:"total_violations"`
	Violations      []sheaf.LayoutViolation `json:"violations"`
	Cursor          string                  `json:"cursor,omitempty"`
}

func validateBook(ctx context.Context, session *library.Session, in validateBookInput) (validateBookAnswer, error) {
	if in.Limit == 0 {
		in.Limit = library.DefaultPage
	}
	v, err := session.ValidateBook(ctx, library.ValidationQuery{Book: in.BookID, Limit: in.Limit, Cursor: in.Cursor})
	return validateBookAnswer{v.Layout, v.Valid, v.Files, v.Total, v.Violations, v.Next}, err
}
