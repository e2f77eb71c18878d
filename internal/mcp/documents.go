package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
	"github.com/sheaf-dev/sheaf/internal/markup"
)

const (
	// maxContent is how many characters a text in a call may have. Larger
	// contents go over REST, which streams.
	maxContent = 500_000

	// defaultLines is how many lines of a text an agent gets unless it asks for
	// more or less: about what fits well into a context.
	defaultLines = 2000
)

// documentTools are the tools for documents that stand by themselves.
func documentTools(limits sheaf.Limits) []tool {
	return []tool{
		newTool(definition{
			name: "push_document", title: "Store a document", toolset: ToolsetDocuments, scope: sheaf.ScopeWrite,
			description: "Stores a text as a new document and returns its document_id. To change a document that is there, use edit_document.",
		}, []field{
			text("content", "The text, exactly as it is to be stored").must().between(1, maxContent),
			text("filename", "With an extension, which gives the type, such as notes.md").must().between(1, limits.Name),
			text("name", "What people call it; the filename unless given").between(1, limits.Name),
			list("tags", "Words to find it by", identifier("tag", "").between(1, limits.Tag)).between(0, limits.Tags),
			text("description", "What it is about").between(0, limits.Description),
			collectionField(),
			anyObject("metadata", "Facts of your own"),
			messageField(limits),
		}, pushDocument),
		newTool(definition{
			name: "query_documents", title: "Find documents", toolset: ToolsetDocuments, scope: sheaf.ScopeRead, readOnly: true, idempotent: true,
			description: "Lists documents by name and tags, the newest first. Without arguments it lists all; cursor in the answer gets the next page.",
		}, []field{
			text("name", "Part of the name, in any case").between(0, limits.Name),
			list("tags", "All of these", identifier("tag", "").between(1, limits.Tag)).between(0, limits.Tags),
			collectionField(),
			number("limit", "Documents of a page; 50 unless given", 1, limits.Page),
			identifier("cursor", "From the page before, with the same other arguments"),
			atField(),
		}, queryDocuments),
		newTool(definition{
			name: "read_document", title: "Read a document", toolset: ToolsetDocuments, scope: sheaf.ScopeRead, readOnly: true, idempotent: true,
			description: "Reads the text of a document, or the lines from offset on. file_hash_sha256 in the answer is the file_hash of a later edit.",
		}, []field{
			documentField(),
			number("offset", "The first line, counted from 1", 1, 0),
			number("limit", fmt.Sprintf("How many lines; %d unless given", defaultLines), 1, 0),
			number("version", "An earlier version, by its number", 1, 0),
			atField(),
		}, readDocument),
		newTool(definition{
			name: "edit_document", title: "Edit a document", toolset: ToolsetDocuments, scope: sheaf.ScopeWrite, destructive: true,
			description: "Changes the text of a document in place: exact strings, lines, or what stands under a Markdown heading; all edits or none. Give content instead of edits to replace the whole text.",
		}, []field{
			documentField(),
			editsField(),
			text("content", "The whole new text, instead of edits").between(1, maxContent),
			fileHashField(),
			onConflictField(),
			boolean("dry_run", "Say what edits would change, and store nothing"),
			messageField(limits),
		}, editDocument),
		newTool(definition{
			name: "delete_document", title: "Delete a document", toolset: ToolsetDocuments, scope: sheaf.ScopeWrite, destructive: true, idempotent: true,
			description: "Moves a document to the trash, from which it can be restored. Deleting what is not there succeeds.",
		}, []field{documentField()}, deleteDocument),
	}
}

func editsField() field {
	return list("edits", "Each sees the text as the ones before it left it", object("edit", "",
		text("old_string", "Exact text to replace; has to occur once unless replace_all"),
		boolean("replace_all", "Replace every occurrence"),
		number("start_line", "First line to replace", 1, 0),
		number("end_line", "Last line to replace; start_line unless given", 1, 0),
		number("insert_line", "Line behind which new_string is inserted; 0 is the top", 0, 0),
		text("append", "Lines to add at the end"),
		text("prepend", "Lines to add at the top"),
		identifier("section", "Markdown heading whose text is replaced"),
		text("new_string", "What to put there; empty deletes"),
	)).between(1, 1000)
}

func documentField() field {
	return identifier("document_id", "Such as doc_0123456789ab").must().between(1, 64)
}

func collectionField() field {
	return identifier("collection", "Its collection; default unless given").between(3, 50)
}

func messageField(limits sheaf.Limits) field {
	return text("message", "Why, for the history").between(0, limits.Message)
}

func atField() field {
	return identifier("at", "As it was then: a revision such as 42, or a time such as 2026-01-31T12:00:00Z").obeying(func(at string) error {
		_, err := library.ParseMoment(at)
		return err
	})
}

func fileHashField() field {
	return identifier("file_hash", "SHA-256 of the text you read; protects what others wrote since").or("expected_hash").like(digestPattern)
}

func onConflictField() field {
	return choice("on_conflict", "When others wrote since: fail (the default), or merge if that is clean", "fail", "merge")
}

type pushDocumentInput struct {
	Content     string          `json:"content"`
	Filename    string          `json:"filename"`
	Name        string          `json:"name"`
	Tags        []string        `json:"tags"`
	Description string          `json:"description"`
	Collection  string          `json:"collection"`
	Metadata    json.RawMessage `json:"metadata"`
	Message     string          `json:"message"`
}

type pushDocumentAnswer struct {
	sheaf.Document
	Mode sheaf.ChangeMode `json:"mode"`
}

func pushDocument(ctx context.Context, session *library.Session, in pushDocumentInput) (pushDocumentAnswer, error) {
	content, err := session.Receive(ctx, strings.NewReader(in.Content))
	if err != nil {
		return pushDocumentAnswer{}, err
	}
	defer content.Close()
	document, err := session.CreateDocument(ctx, library.NewDocument{
		Content: content, Filename: in.Filename, Name: in.Name, Tags: in.Tags, Description: in.Description,
		Collection: in.Collection, Metadata: in.Metadata, Message: in.Message,
	})
	return pushDocumentAnswer{document, sheaf.ModeCreated}, err
}

type queryDocumentsInput struct {
	Name       string   `json:"name"`
	Tags       []string `json:"tags"`
	Collection string   `json:"collection"`
	Limit      int      `json:"limit"`
	Cursor     string   `json:"cursor"`
	At         string   `json:"at"`
}

type queryDocumentsAnswer struct {
	Documents []sheaf.Document `json:"documents"`
	Cursor    string           `json:"cursor,omitempty"`
}

func queryDocuments(ctx context.Context, session *library.Session, in queryDocumentsInput) (queryDocumentsAnswer, error) {
	at, err := moment(in.At)
	if err != nil {
		return queryDocumentsAnswer{}, err
	}
	if in.Limit == 0 {
		in.Limit = library.DefaultPage
	}
	page, err := session.Documents(ctx, library.DocumentQuery{
		Name: in.Name, Tags: in.Tags, Collection: in.Collection, Limit: in.Limit, Cursor: in.Cursor, At: at,
	})
	return queryDocumentsAnswer{page.Documents, page.Next}, err
}

type readDocumentInput struct {
	DocumentID string `json:"document_id"`
	Offset     int    `json:"offset"`
	Limit      int    `json:"limit"`
	Version    int    `json:"version"`
	At         string `json:"at"`
}

type readDocumentAnswer struct {
	DocumentID   sheaf.DocumentID `json:"document_id"`
	Name         string           `json:"name"`
	Content      string           `json:"content"`
	FileSize     int64            `json:"file_size"`
	FileHash     sheaf.Digest     `json:"file_hash_sha256"`
	Version      int              `json:"version"`
	MIME         string           `json:"mime_type"`
	Tags         []string         `json:"tags"`
	Metadata     json.RawMessage  `json:"metadata"`
	LastModified time.Time        `json:"last_modified"`
	passageAnswer
}

func readDocument(ctx context.Context, session *library.Session, in readDocumentInput) (answer readDocumentAnswer, err error) {
	id, err := documentID(in.DocumentID)
	if err != nil {
		return answer, err
	}
	at, err := moment(in.At)
	if err != nil {
		return answer, err
	}
	var content *library.Content
	if at.IsNow() {
		content, err = session.OpenDocument(ctx, id, in.Version)
	} else {
		content, err = session.OpenDocumentAt(ctx, id, at)
	}
	if err != nil {
		return answer, err
	}
	defer content.Close()
	d := content.Document
	answer = readDocumentAnswer{
		DocumentID: d.ID, Name: d.Name, FileSize: d.Size, FileHash: d.Digest, Version: d.Version, MIME: d.MIME,
		Tags: d.Tags, Metadata: d.Metadata, LastModified: d.UpdatedAt,
	}
	answer.Content, answer.passageAnswer, err = readPassage(content, in.Offset, in.Limit)
	return answer, err
}

// passageAnswer says which part of a text an answer has.
type passageAnswer struct {
	FirstLine  int    `json:"first_line"`
	LineCount  int    `json:"line_count"`
	TotalLines int    `json:"total_lines,omitempty"` // absent when the end was not reached
	Truncated  bool   `json:"truncated"`
	Next       string `json:"next,omitempty"` // how to go on
}

// readPassage reads lines of a text; offset and limit are 0 when not given.
func readPassage(content *library.Content, offset, limit int) (string, passageAnswer, error) {
	excerpt, err := content.Excerpt(lines(offset, limit))
	if err != nil {
		return "", passageAnswer{}, err
	}
	return passage(excerpt, content.Document, "/documents/"+string(content.Document.ID))
}

// lines are the lines that an agent asks for; offset and limit are 0 when not given.
func lines(offset, limit int) library.Passage {
	offset = max(offset, 1)
	if limit == 0 {
		limit = defaultLines
	}
	return library.Lines(offset, offset+limit-1)
}

// passage answers with an excerpt of a content that can be downloaded from url.
func passage(excerpt markup.Excerpt, of sheaf.Document, url string) (string, passageAnswer, error) {
	if !utf8.ValidString(excerpt.Text) {
		return "", passageAnswer{}, sheaf.Errorf(sheaf.ErrUnsupported, "the content (%s) is not text", of.MIME).
			WithHint("download it: GET " + url)
	}
	answer := passageAnswer{FirstLine: excerpt.Start, LineCount: excerpt.Count, TotalLines: max(excerpt.Total, 0), Truncated: excerpt.More}
	if excerpt.More {
		answer.Next = fmt.Sprintf("call again with offset %d", excerpt.Start+excerpt.Count)
	}
	return excerpt.Text, answer, nil
}

type editDocumentInput struct {
	DocumentID string        `json:"document_id"`
	Edits      []sheaf.Edit  `json:"edits"`
	Content    *string       `json:"content"`
	FileHash   *sheaf.Digest `json:"file_hash"`
	OnConflict string        `json:"on_conflict"`
	DryRun     bool          `json:"dry_run"`
	Message    string        `json:"message"`
}

type editDocumentAnswer struct {
	DocumentID       sheaf.DocumentID `json:"document_id"`
	Mode             sheaf.ChangeMode `json:"mode"`
	FileSize         int64            `json:"file_size"`
	FileHash         sheaf.Digest     `json:"file_hash_sha256"`
	Version          int              `json:"version"`
	PreviousVersion  int              `json:"previous_version"`
	Revision         int64            `json:"revision"`
	PreviousRevision int64            `json:"previous_revision"`
	AuditEntryID     int64            `json:"audit_entry_id,omitempty"`
	DryRun           bool             `json:"dry_run,omitempty"`
	Diff             string           `json:"diff,omitempty"`
}

func editDocument(ctx context.Context, session *library.Session, in editDocumentInput) (editDocumentAnswer, error) {
	id, err := documentID(in.DocumentID)
	if err != nil {
		return editDocumentAnswer{}, err
	}
	merge := in.OnConflict == "merge"
	switch {
	case (in.Content == nil) == (in.Edits == nil):
		return editDocumentAnswer{}, sheaf.Invalid("edits", "give either edits or content")
	case in.Content != nil && in.DryRun:
		return editDocumentAnswer{}, sheaf.Invalid("dry_run", "dry_run is for edits")
	case in.Content != nil:
		content, err := session.Receive(ctx, strings.NewReader(*in.Content))
		if err != nil {
			return editDocumentAnswer{}, err
		}
		defer content.Close()
		change, err := session.WriteContent(ctx, id, library.ContentWrite{
			Content: content, FileHash: in.FileHash, Merge: merge, Message: in.Message,
		})
		return editAnswer(change), err
	}
	edited, err := session.EditContent(ctx, id, library.ContentEdit{
		Edits: in.Edits, FileHash: in.FileHash, Merge: merge, DryRun: in.DryRun, Message: in.Message,
	})
	if err != nil {
		return editDocumentAnswer{}, err
	}
	answer := editAnswer(edited.Change)
	answer.DryRun = in.DryRun
	var diff strings.Builder
	if err := markup.WriteUnified(&diff, edited.Diff, "before", "after"); err != nil {
		return editDocumentAnswer{}, err
	}
	answer.Diff = diff.String()
	return answer, nil
}

func editAnswer(change sheaf.Change) editDocumentAnswer {
	return editDocumentAnswer{
		DocumentID: change.ID, Mode: change.Mode, FileSize: change.Size, FileHash: change.Digest,
		Version: change.Version, PreviousVersion: change.PreviousVersion,
		Revision: change.Revision, PreviousRevision: change.PreviousRevision, AuditEntryID: change.AuditEntryID,
	}
}

type deleteDocumentInput struct {
	DocumentID string `json:"document_id"`
}

type deleteDocumentAnswer struct {
	Existed      bool             `json:"existed"`
	DocumentID   sheaf.DocumentID `json:"document_id"`
	Revision     int64            `json:"revision,omitempty"`
	AuditEntryID int64            `json:"audit_entry_id,omitempty"`
}

func deleteDocument(ctx context.Context, session *library.Session, in deleteDocumentInput) (deleteDocumentAnswer, error) {
	id, err := documentID(in.DocumentID)
	if err != nil {
		return deleteDocumentAnswer{}, err
	}
	change, err := session.DeleteDocument(ctx, id)
	switch sheaf.KindOf(err) {
	case sheaf.ErrNotFound, sheaf.ErrGone:
		return deleteDocumentAnswer{DocumentID: id}, nil
	}
	return deleteDocumentAnswer{Existed: true, DocumentID: id, Revision: change.Revision, AuditEntryID: change.AuditEntryID}, err
}

// moment reads a moment; nothing is now.
func moment(at string) (library.Moment, error) {
	if at == "" {
		return library.Moment{}, nil
	}
	return library.ParseMoment(at)
}

// digestPattern is what a SHA-256 looks like.
var digestPattern = regexp.MustCompile("^[0-9a-fA-F]{64}$")

// dayPattern is what a day looks like.
var dayPattern = regexp.MustCompile("^[0-9]{4}-[0-9]{2}-[0-9]{2}$")

// documentID reads an id as an agent gives it.
func documentID(text string) (sheaf.DocumentID, error) {
	id, err := sheaf.ParseDocumentID(text)
	if err != nil {
		return "", sheaf.Invalid("document_id", err.Error()).WithHint("query_documents lists the ids that there are")
	}
	return id, nil
}
