package mcp_test

import (
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

type bookFile struct {
	Mode, Path, Content, Hint, Diff, Layer string
	Hash                                   string `json:"file_hash_sha256"`
	Backend                                string `json:"storage_backend"`
	Version                                int
	PreviousVersion                        int `json:"previous_version"`
	AuditEntry                             int `json:"audit_entry_id"`
	Metadata                               map[string]any
	MetadataError                          string `json:"metadata_error"`
	Existed, Truncated                     bool
	Next                                   string
}

// An agent writes a lesson into a book that is not there, reads, edits, moves
// and deletes it.
func TestBookTools(t *testing.T) {
	session := connect(t, sheaftest.Start(t).URL+"/mcp")
	const path = "content/01-Start/01-First/01-hello.md"
	lesson := func(more arguments) arguments {
		all := arguments{"book_id": "ai-native", "path": path}
		for name, value := range more {
			all[name] = value
		}
		return all
	}
	const text = "---\ntitle: Hello\n---\n# Hello\n\none\n"

	written := call[bookFile](t, session, "write_content", lesson(arguments{"content": text}))
	if written.Mode != "created" || written.Version != 1 || written.Path != path || written.AuditEntry == 0 {
		t.Errorf("write_content: %+v", written)
	}
	read := call[bookFile](t, session, "read_content", lesson(nil))
	if read.Content != text || read.Hash != written.Hash || read.Metadata["title"] != "Hello" || read.Backend != "fs" {
		t.Errorf("read_content: %+v", read)
	}
	part := call[bookFile](t, session, "read_content", lesson(arguments{"offset": 4, "limit": 1}))
	if part.Content != "# Hello\n" || !part.Truncated || part.Next != "call again with offset 5" {
		t.Errorf("read_content of a line: %+v", part)
	}
	edited := call[bookFile](t, session, "edit_content", lesson(arguments{
		"expected_hash": read.Hash, "edits": []arguments{{"old_string": "one", "new_string": "1"}}}))
	if edited.Mode != "updated" || edited.Version != 2 || edited.PreviousVersion != 1 || !strings.Contains(edited.Diff, "-one\n+1\n") {
		t.Errorf("edit_content: %+v", edited)
	}
	over := lesson(arguments{"content": text + "two\n", "file_hash": read.Hash})
	if told := refuse(t, session, "write_content", over); told.Code != sheaf.ErrConflict || told.Conflict == nil {
		t.Errorf("a write over an edit: %+v", told)
	}
	told := refuse(t, session, "read_content", arguments{"book_id": "ai-native", "path": "content/01-Start/01-First/01-helo.md"})
	if told.Code != sheaf.ErrNotFound || !strings.Contains(told.Hint, path) {
		t.Errorf("a path with a slip: %+v", told)
	}
	told = refuse(t, session, "read_content", arguments{"book_id": "ai-nativ", "path": path})
	if told.Code != sheaf.ErrNotFound || !strings.Contains(told.Hint, "ai-native") {
		t.Errorf("a book with a slip: %+v", told)
	}

	bad := arguments{"book_id": "ai-native", "path": "content/bad.md", "content": "---\ntitle: a: b\n---\ntext\n"}
	call[bookFile](t, session, "write_content", bad)
	delete(bad, "content")
	if read := call[bookFile](t, session, "read_content", bad); !strings.HasPrefix(read.MetadataError, "line 2: ") || read.Content != "---\ntitle: a: b\n---\ntext\n" {
		t.Errorf("read_content of bad front matter: %+v", read)
	}
	call[bookFile](t, session, "delete_content", bad)

	const to = "content/01-Start/02-Second/01-hello.md"
	moved := call[struct{ Files []any }](t, session, "move_content", lesson(arguments{"new_path": to}))
	if len(moved.Files) != 1 {
		t.Errorf("move_content: %+v", moved)
	}
	if read := call[bookFile](t, session, "read_content", arguments{"book_id": "ai-native", "path": to}); read.Version != 2 {
		t.Errorf("read_content behind the move: %+v", read)
	}
	books := call[struct {
		Books []sheaf.Book
		Total int `json:"total_count"`
	}](t, session, "list_books", arguments{"include_structure": true})
	if books.Total != 1 || len(books.Books) != 1 || books.Books[0].Lessons != 1 || len(books.Books[0].Structure.Parts) != 1 {
		t.Errorf("list_books: %+v", books)
	}
	for _, existed := range []bool{true, false} {
		deleted := call[bookFile](t, session, "delete_content", arguments{"book_id": "ai-native", "path": to})
		if deleted.Existed != existed {
			t.Errorf("delete_content: %+v, want existed %t", deleted, existed)
		}
	}
}

// A directory is read at once, as far as it fits, and then further.
func TestReadingADirectory(t *testing.T) {
	session := connect(t, sheaftest.Start(t).URL+"/mcp")
	at := func(path string, more arguments) arguments {
		all := arguments{"book_id": "ai-native", "path": path}
		for name, value := range more {
			all[name] = value
		}
		return all
	}
	long := strings.Repeat("a line of forty characters, more or less\n", 2000)
	for _, path := range []string{"a/1.md", "a/2.md", "b/1.md"} {
		call[bookFile](t, session, "write_content", at(path, arguments{"content": path + "\n" + long}))
	}
	call[bookFile](t, session, "write_content", at("a/3.png", arguments{"content": "no text"}))
	type reading struct {
		Path, Cursor, Next string
		Truncated          bool
		Files              []struct{ Path, Content, Omitted string }
	}
	for path, want := range map[string]string{"a": "a/1.md a/2.md a/3.png!not_text", "a/": "a/1.md a/2.md a/3.png!not_text", "/": "a/1.md a/2.md a/3.png!not_text b/1.md"} {
		var got []string
		in := at(path, nil)
		for calls := 1; ; calls++ {
			read := call[reading](t, session, "read_content", in)
			for _, f := range read.Files {
				name := f.Path
				if f.Omitted != "" {
					name += "!" + f.Omitted
				} else if f.Content != f.Path+"\n"+long {
					t.Errorf("%s has another content", f.Path)
				}
				got = append(got, name)
			}
			if read.Truncated != (read.Cursor != "") || read.Truncated != (read.Next != "") {
				t.Errorf("how to go on: %t, %q, %q", read.Truncated, read.Cursor, read.Next)
			}
			if in["cursor"] = read.Cursor; read.Cursor == "" {
				if calls < 2 {
					t.Errorf("all of %s came at once", path)
				}
				break
			}
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s: %s, want %s", path, text, want)
		}
	}
	if told := refuse(t, session, "read_content", at("c", nil)); told.Code != sheaf.ErrNotFound || told.Hint == "" {
		t.Errorf("a directory that is not there: %+v", told)
	}
}

// All that can be said of a book can be said when it is created.
func TestCreateBookTool(t *testing.T) {
	session := connect(t, sheaftest.Start(t).URL+"/mcp")
	book := call[sheaf.Book](t, session, "create_book", arguments{
		"book_id": "ai-native", "author": "Ada", "layout": "patterns", "patterns": []string{"**/*.md"}, "public_assets": true,
		"write_policy": "require_hash", "limits": arguments{"max_documents": 5}, "retention": arguments{"trash_days": 7},
	})
	if book.Author != "Ada" || len(book.Patterns) != 1 || !book.PublicAssets || book.Policy != sheaf.PolicyRequireHash ||
		book.Limits.Documents != 5 || book.Retention.TrashDays != 7 {
		t.Errorf("create_book: %+v", book)
	}
	for status, want := range map[string]int{"active": 1, "archived": 0, "migrating": 0} {
		listed := call[struct {
			Books []sheaf.Book
			Total int `json:"total_count"`
		}](t, session, "list_books", arguments{"status": status})
		if len(listed.Books) != want || listed.Total != want || listed.Books == nil {
			t.Errorf("books that are %s: %+v", status, listed)
		}
	}
}

// What a user writes is theirs alone.
func TestBookToolsWithUser(t *testing.T) {
	session := connect(t, sheaftest.Start(t).URL+"/mcp")
	at := func(user, content string) arguments {
		in := arguments{"book_id": "ai-native", "path": "content/a.md"}
		if user != "" {
			in["user_id"] = user
		}
		if content != "" {
			in["content"] = content
		}
		return in
	}
	call[bookFile](t, session, "write_content", at("", "for all\n"))
	if own := call[bookFile](t, session, "write_content", at("ada", "for ada\n")); own.Layer != "user:ada" || own.Mode != "updated" {
		t.Errorf("write_content of a user: %+v", own)
	}
	for user, want := range map[string]string{"": "for all\n", "ada": "for ada\n", "bob": "for all\n"} {
		if read := call[bookFile](t, session, "read_content", at(user, "")); read.Content != want {
			t.Errorf("%q reads %q, want %q", user, read.Content, want)
		}
	}
	call[bookFile](t, session, "delete_content", at("ada", ""))
	if read := call[bookFile](t, session, "read_content", at("ada", "")); read.Content != "for all\n" {
		t.Errorf("ada reads %q after deleting her copy", read.Content)
	}
	if told := refuse(t, session, "read_content", at("../ada", "")); told.Code != sheaf.ErrInvalid {
		t.Errorf("a wrong user_id: %+v", told)
	}
}
