package mcp_test

import (
	"strings"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/sheaftest"
)

// An agent sums up a chapter, sees that it changed, and says it anew.
func TestSummaryTools(t *testing.T) {
	session := connect(t, sheaftest.Start(t).URL+"/mcp")
	at := func(path string, more arguments) arguments {
		all := arguments{"book_id": "ai-native", "path": path}
		for name, value := range more {
			all[name] = value
		}
		return all
	}
	const lesson, chapter = "content/01-a/01-one.md", "content/01-a"
	call[bookFile](t, session, "write_content", at(lesson, arguments{"content": "# One\n"}))
	type summary struct {
		Mode, Path, Content string
		SummaryPath         string `json:"summary_path"`
		Hash                string `json:"file_hash_sha256"`
		Stale, Missing      bool
		Metadata            map[string]any
		Changes             *sheaf.SummaryChanges
	}
	type list struct {
		Summaries []summary
		Total     int `json:"total_count"`
	}
	if missing := call[list](t, session, "list_summaries", arguments{"book_id": "ai-native", "only": "missing"}); missing.Total != 2 ||
		missing.Summaries[0].Path != chapter || missing.Summaries[1].Path != lesson {
		t.Errorf("what has no summary: %+v", missing)
	}
	if told := refuse(t, session, "update_summary", at(chapter, arguments{"content": "x"})); told.Code != sheaf.ErrNotFound || !strings.Contains(told.Hint, "add_summary") {
		t.Errorf("update_summary of none: %+v", told)
	}
	if told := refuse(t, session, "get_summary", at(chapter, nil)); told.Code != sheaf.ErrNotFound || !strings.Contains(told.Hint, "add_summary") {
		t.Errorf("get_summary of none: %+v", told)
	}
	// By the names of the seed.
	added := call[summary](t, session, "add_summary", arguments{"params": arguments{
		"book_id": "ai-native", "chapter_path": chapter + "/", "summary_content": "---\nby: ada\n---\nOne.\n"}})
	if added.Mode != "created" || added.Path != chapter || added.SummaryPath != chapter+"/.summary.md" {
		t.Errorf("add_summary: %+v", added)
	}
	if told := refuse(t, session, "add_summary", at(chapter, arguments{"content": "x"})); told.Code != sheaf.ErrExists || !strings.Contains(told.Hint, "update_summary") {
		t.Errorf("add_summary twice: %+v", told)
	}
	got := call[summary](t, session, "get_summary", at(chapter, nil))
	if got.Stale || got.Changes != nil || got.Hash != added.Hash || got.Metadata["by"] != "ada" || got.SummaryPath != added.SummaryPath {
		t.Errorf("get_summary: %+v", got)
	}
	call[bookFile](t, session, "write_content", at(lesson, arguments{"content": "# Two\n"}))
	got = call[summary](t, session, "get_summary", at(chapter, nil))
	if !got.Stale || got.Changes == nil || len(got.Changes.Changed) != 1 || got.Changes.Added == nil {
		t.Errorf("get_summary of what has changed: %+v", got)
	}
	if told := refuse(t, session, "update_summary", at(chapter, arguments{"content": "x", "file_hash": strings.Repeat("0", 64)})); told.Code != sheaf.ErrConflict {
		t.Errorf("update_summary over another: %+v", told)
	}
	call[summary](t, session, "update_summary", at(chapter, arguments{"content": "Two.\n", "file_hash": got.Hash}))
	if stale := call[list](t, session, "list_summaries", at("/", arguments{"only": "stale"})); stale.Total != 0 || stale.Summaries == nil {
		t.Errorf("stale summaries after the update: %+v", stale)
	}
}

func TestPlanBuildTool(t *testing.T) {
	session := connect(t, sheaftest.Start(t).URL+"/mcp")
	for _, path := range []string{"a.md", "b.md"} {
		call[bookFile](t, session, "write_content", arguments{"book_id": "ai-native", "path": path, "content": path})
	}
	type plan struct {
		Hash           string `json:"manifest_hash"`
		Unchanged      bool
		Added, Removed []bookFile
		Cursor, Note   string
		Counts         sheaf.BuildCounts
		SinceKnown     bool `json:"since_known"`
	}
	first := call[plan](t, session, "plan_build", arguments{"book_id": "ai-native", "limit": 1})
	if first.Unchanged || len(first.Added) != 1 || first.Counts.Added != 2 || first.Cursor == "" || first.Removed == nil || first.Note != "" {
		t.Errorf("a first plan: %+v", first)
	}
	rest := call[plan](t, session, "plan_build", arguments{"book_id": "ai-native", "limit": 1, "cursor": first.Cursor})
	if len(rest.Added) != 1 || rest.Added[0].Path != "b.md" || rest.Cursor != "" {
		t.Errorf("the rest of it: %+v", rest)
	}
	if again := call[plan](t, session, "plan_build", arguments{"book_id": "ai-native", "manifest_hash": first.Hash}); !again.Unchanged || again.Added == nil {
		t.Errorf("nothing has changed: %+v", again)
	}
	other := call[plan](t, session, "plan_build", arguments{"book_id": "ai-native", "manifest_hash": strings.Repeat("0", 63) + "1"})
	if other.Unchanged || other.SinceKnown || len(other.Added) != 2 || !strings.Contains(other.Note, "not known") {
		t.Errorf("an unknown hash: %+v", other)
	}
}
